//! One blob from bytes to matches: class, prefilter, matcher, filters, then the same for every decoded layer. Of a blob made
//! from another one by edits only what the edits touch is looked at; the matches are the same.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::examine::{Examined, Layer};
use super::finish::finish;
use super::keywords::{Keywords, Owner, with_helpers};
use super::matcher::{Caches, Lazy};
use super::placeholder::GlobalAllow;
use super::prefilter::Prefilter;
use super::remember::{Changes, Far, Found, NEAR, Reach, Remembered};
use super::tail::Tails;
use super::text::{Class, Transcoded};
use super::{Match, decode};
use crate::coverage::SkipReason;
use crate::edit::Edit;
use crate::rule::{RuleIndex, RuleSet};
use crate::span::Span;

/// How deep encodings in encodings are undone.
const DECODE_DEPTH: usize = 3;

/// Most matches that one blob may have: more is a list of keys or a hostile file, and the report says so.
const MATCH_LIMIT: usize = 20_000;

/// Finds the matches of a rule set in blobs. Shared by all threads.
#[derive(Debug)]
pub struct Detector<'r> {
    pub(super) rules: &'r RuleSet,
    prefilter: Prefilter,
    /// What each keyword stands for.
    pub(super) owners: Vec<Owner>,
    pub(super) compiled: Vec<Lazy>,
    pub(super) tails: Tails,
    /// For each rule the facts it needs.
    pub(super) requires: Vec<Vec<usize>>,
    facts: usize,
    pub(super) allow: OnceLock<GlobalAllow>,
    honour_inline: bool,
}

/// What one thread keeps between blobs.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) caches: Caches,
    /// What was found in the blob at hand.
    pub(super) found: Vec<Found>,
    pub(super) far: Vec<Far>,
    /// Keywords of the layer at hand that were searched around, with their rules.
    pub(super) examined: HashMap<(usize, Span), Examined>,
    /// Facts of the layer at hand.
    pub(super) facts: Vec<bool>,
    overflow: bool,
}

/// What was found in one blob.
#[derive(Debug)]
pub struct Detected {
    /// What kind of bytes it is.
    pub class: Class,
    /// The matches, by span.
    pub matches: Vec<Match>,
    /// What in it could not be looked at.
    pub skipped: Option<SkipReason>,
}

impl<'r> Detector<'r> {
    /// A detector for the selected rules and the helper rules that they name. `honour_inline = false` turns
    /// `sekisho:allow` off.
    #[must_use]
    pub fn new(rules: &'r RuleSet, selected: &[RuleIndex], honour_inline: bool) -> Self {
        let mut keywords = Keywords::default();
        let mut requires = vec![Vec::new(); rules.rules.len()];
        for number in with_helpers(rules, selected) {
            let rule = &rules.rules[number];
            for (which, keyword) in rule.keywords.iter().enumerate() {
                keywords.owner(keyword).rules.push((number, which));
            }
            requires[number] = rule.requires.iter().map(|literal| keywords.fact(literal)).collect();
        }
        Self {
            rules,
            prefilter: Prefilter::new(&keywords.list),
            owners: keywords.owners,
            compiled: rules.rules.iter().map(|_| Lazy::default()).collect(),
            tails: Tails::new(&rules.rules),
            requires,
            facts: keywords.facts,
            allow: OnceLock::new(),
            honour_inline,
        }
    }

    /// The rules that it looks for.
    #[must_use]
    pub const fn rules(&self) -> &'r RuleSet {
        self.rules
    }

    /// Finds the matches in one blob. The caller keeps `scratch` for the thread's next blob.
    pub fn detect(&self, bytes: &[u8], scratch: &mut Scratch) -> Detected {
        self.detect_version(bytes, None, false, scratch).0
    }

    /// As [`Detector::detect`], for a blob that was made by edits from one of which something is remembered, or for one that
    /// others may be made from: then `remember` asks for what helps with those.
    pub fn detect_version(
        &self,
        bytes: &[u8],
        base: Option<(&Remembered, &[Edit])>,
        remember: bool,
        scratch: &mut Scratch,
    ) -> (Detected, Option<Remembered>) {
        let class = Class::of(bytes);
        match class {
            Class::Opaque => (Detected { class, matches: Vec::new(), skipped: Some(SkipReason::Binary) }, None),
            Class::Utf16Le | Class::Utf16Be => {
                let transcoded = Transcoded::new(bytes, class == Class::Utf16Be);
                let mut detected = self.detect_text(&transcoded.text, class, None, false, scratch).0;
                for found in &mut detected.matches {
                    found.span = transcoded.source_span(bytes, found.span);
                }
                (detected, None)
            }
            Class::Text | Class::Binary => self.detect_text(bytes, class, base, remember, scratch),
        }
    }

    fn detect_text(
        &self,
        text: &[u8],
        class: Class,
        base: Option<(&Remembered, &[Edit])>,
        remember: bool,
        scratch: &mut Scratch,
    ) -> (Detected, Option<Remembered>) {
        let changes = match base {
            Some((memory, edits)) => Changes::new(memory, edits, class, text.len()),
            None => Changes::everything(text.len()),
        };
        self.scan(text, class, &changes, scratch);
        if scratch.overflow && base.is_some() {
            // What counts is the order of a search from start to end.
            return self.detect_text(text, class, None, remember, scratch);
        }
        // By span, and in the end by all that may differ: the order must not depend on how a text was looked at.
        scratch.found.sort_by(|a, b| {
            let key = |found: &Found| (found.span, found.raw.rule, found.raw.decoded_from.len());
            let rest = |found: &Found| (found.keyword, found.reach);
            (key(a), &a.raw.decoded_from, rest(a)).cmp(&(key(b), &b.raw.decoded_from, rest(b)))
        });
        let memory = (remember && !scratch.overflow)
            .then(|| Remembered::new(class, text.len(), &mut scratch.far, &scratch.found))
            .flatten();
        let skipped = scratch.overflow.then_some(SkipReason::MatchLimit);
        if scratch.found.is_empty() {
            return (Detected { class, matches: Vec::new(), skipped }, memory);
        }
        let counts = |found: &&Found| found.needs.iter().all(|&fact| scratch.facts[fact]);
        // The same secret seen plainly and through a decoding is one match: the plain one stands first and stays.
        let mut found: Vec<&Found> = scratch.found.iter().filter(counts).collect();
        found.dedup_by(|a, b| (a.span, a.raw.rule) == (b.span, b.raw.rule));
        let matches = finish(self.rules, self.honour_inline, text, &found);
        (Detected { class, matches, skipped }, memory)
    }

    /// Fills `scratch` with what is found in a text: anew where something changed, from memory elsewhere.
    fn scan(&self, text: &[u8], class: Class, changes: &Changes<'_>, scratch: &mut Scratch) {
        scratch.found.clear();
        scratch.far.clear();
        scratch.overflow = false;
        let layer = Layer { text, decoded: None, on: None };
        self.enter_layer(scratch);
        let again = self.parts_to_search(&changes.gaps, text.len());
        for &part in &again {
            self.search_part(&layer, class, part, scratch);
        }
        changes.keywords(&again, |far, holds| {
            if !holds {
                return self.keyword(&layer, class, far.number, far.keyword, scratch);
            }
            if let Some(fact) = self.owners[far.number].fact {
                scratch.facts[fact] = true;
            }
            scratch.far.push(far);
        });
        changes.matches(|found| scratch.found.push(found));
        scratch.overflow |= scratch.found.len() >= MATCH_LIMIT;
        if class == Class::Binary {
            return;
        }
        let facts = std::mem::take(&mut scratch.facts);
        let mut near = decode::Near::new(text);
        for &gap in &changes.gaps {
            near.each(gap, &mut |decoded, on| {
                let before = scratch.found.len();
                let inner =
                    Layer { text: &decoded.text, decoded: Some((&decoded, &layer)), on: Some(Reach::around(on)) };
                self.scan_decoded(&inner, 1, class, scratch);
                // What a decoded text itself shows need not stand outside of it.
                for found in &mut scratch.found[before..] {
                    found.needs.retain(|&fact| !scratch.facts[fact]);
                }
            });
        }
        scratch.facts = facts;
    }

    /// The parts in which keywords begin that a change may have made, or made something of.
    fn parts_to_search(&self, gaps: &[Span], len: usize) -> Vec<Span> {
        let longest = self.prefilter.longest();
        let mut parts: Vec<Span> = Vec::with_capacity(gaps.len());
        for gap in gaps {
            let start = gap.start.saturating_sub(longest + NEAR + 2);
            // A keyword at the end of an empty text's change begins nowhere.
            let end = gap.end.min(len);
            match parts.last_mut() {
                Some(last) if start <= last.end + longest => last.end = end,
                _ => parts.push(Span::new(start, end)),
            }
        }
        parts
    }

    /// Looks at the keywords that begin in a part of a text.
    fn search_part(&self, layer: &Layer<'_>, class: Class, part: Span, scratch: &mut Scratch) {
        let wide = Span::new(part.start, layer.text.len().min(part.end + self.prefilter.longest()));
        self.prefilter.each(layer.text, wide, |number, start, end| {
            if part.start <= start && start < part.end {
                self.keyword(layer, class, number, Span::new(start, end), scratch);
            }
            scratch.overflow |= scratch.found.len() >= MATCH_LIMIT;
            !scratch.overflow
        });
    }

    /// Searches decoded text and, in turn, what is encoded in it.
    fn scan_decoded(&self, layer: &Layer<'_>, depth: usize, class: Class, scratch: &mut Scratch) {
        if scratch.overflow {
            return;
        }
        if depth == 1 {
            self.enter_layer(scratch);
        }
        scratch.examined.clear();
        self.search_part(layer, class, Span::new(0, layer.text.len()), scratch);
        if depth < DECODE_DEPTH {
            decode::each(layer.text, |decoded| {
                let inner = Layer { text: &decoded.text, decoded: Some((&decoded, layer)), on: layer.on };
                self.scan_decoded(&inner, depth + 1, class, scratch);
            });
        }
    }

    fn enter_layer(&self, scratch: &mut Scratch) {
        scratch.examined.clear();
        scratch.facts.clear();
        scratch.facts.resize(self.facts, false);
    }
}
