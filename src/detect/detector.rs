//! One blob from bytes to matches: class, prefilter, matcher, filters, then the same for every decoded layer.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::OnceLock;

use super::context::{CONTEXT, CONTEXT_LINES, WIDE_CONTEXT, around, context_of, reach};
use super::filter::cleared_by_context;
use super::keywords::{Keywords, Owner, with_helpers};
use super::locate::{Lines, line_end, line_start};
use super::matcher::{self, Caches, Compiled, Lazy};
use super::placeholder::GlobalAllow;
use super::prefilter::Prefilter;
use super::snippet::Mask;
use super::text::{Class, Transcoded};
use super::{Context, Encoding, Evidence, Match, allow, decode, parts, placeholder};
use crate::coverage::SkipReason;
use crate::rule::checksum::{self, Verdict};
use crate::rule::shape::passes_filters;
use crate::rule::{Confidence, Rule, RuleIndex, RuleSet};
use crate::secret::Secret;
use crate::span::Span;

/// How deep encodings in encodings are undone.
const DECODE_DEPTH: usize = 3;

/// Most matches that one blob may have: more is a list of keys or a hostile file, and the report says so.
const MATCH_LIMIT: usize = 20_000;

/// Keywords that are collected before they are looked at. Most blobs have fewer; a hostile one must not fill the memory.
const HITS: usize = 1 << 18;

/// Finds the matches of a rule set in blobs. Shared by all threads.
#[derive(Debug)]
pub struct Detector<'r> {
    rules: &'r RuleSet,
    prefilter: Prefilter,
    /// What each keyword stands for.
    owners: Vec<Owner>,
    compiled: Vec<Lazy>,
    /// For each rule the facts it needs.
    requires: Vec<Vec<usize>>,
    facts: usize,
    allow: OnceLock<GlobalAllow>,
    honour_inline: bool,
}

/// What one thread keeps between blobs.
#[derive(Debug, Default)]
pub struct Scratch {
    caches: Caches,
    /// Keywords seen and not yet looked at, with their rules.
    hits: Vec<(usize, Span)>,
    raw: Vec<Raw>,
    seen: HashSet<(usize, Span)>,
    facts: Vec<bool>,
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

/// A match before it has a place: spans are of the outermost text.
#[derive(Debug)]
struct Raw {
    rule: usize,
    span: Span,
    secret: Secret,
    groups: Vec<(Box<str>, Secret)>,
    decoded_from: Vec<Encoding>,
    checksum: bool,
    context: Context,
    placeholder: Option<Box<str>>,
}

/// A decoded text and the texts it stands in.
struct Layer<'l> {
    text: &'l [u8],
    decoded: Option<(&'l decode::Decoded, &'l Layer<'l>)>,
}

impl Layer<'_> {
    fn outermost(&self, span: Span) -> Span {
        self.decoded.map_or(span, |(decoded, outer)| outer.outermost(decoded.outer_span(span)))
    }

    fn encodings(&self) -> Vec<Encoding> {
        let Some((decoded, outer)) = self.decoded else { return Vec::new() };
        let mut chain = outer.encodings();
        chain.push(decoded.encoding);
        chain
    }
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
            for keyword in &rule.keywords {
                keywords.owner(keyword).rules.push(number);
            }
            requires[number] = rule.requires.iter().map(|literal| keywords.fact(literal)).collect();
        }
        Self {
            rules,
            prefilter: Prefilter::new(&keywords.list),
            owners: keywords.owners,
            compiled: rules.rules.iter().map(|_| Lazy::default()).collect(),
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
        let class = Class::of(bytes);
        match class {
            Class::Opaque => Detected { class, matches: Vec::new(), skipped: Some(SkipReason::Binary) },
            Class::Utf16Le | Class::Utf16Be => {
                let transcoded = Transcoded::new(bytes, class == Class::Utf16Be);
                let mut detected = self.detect_text(&transcoded.text, class, scratch);
                for found in &mut detected.matches {
                    found.span = transcoded.source_span(bytes, found.span);
                }
                detected
            }
            Class::Text | Class::Binary => self.detect_text(bytes, class, scratch),
        }
    }

    fn detect_text(&self, text: &[u8], class: Class, scratch: &mut Scratch) -> Detected {
        scratch.raw.clear();
        scratch.overflow = false;
        scratch.facts.clear();
        scratch.facts.resize(self.facts, false);
        self.scan_layer(&Layer { text, decoded: None }, 0, class, scratch);
        let mut raw = std::mem::take(&mut scratch.raw);
        let skipped = scratch.overflow.then_some(SkipReason::MatchLimit);
        if raw.is_empty() {
            scratch.raw = raw;
            return Detected { class, matches: Vec::new(), skipped };
        }
        raw.retain(|found| self.requires[found.rule].iter().all(|&fact| scratch.facts[fact]));
        // The same secret seen plainly and through a decoding is one match: the plain one stands first and stays.
        raw.sort_by_key(|found| (found.span, found.rule, found.decoded_from.len()));
        raw.dedup_by(|a, b| (a.span, a.rule) == (b.span, b.rule));
        Detected { class, matches: self.finish(text, raw), skipped }
    }

    /// Searches one text and, in turn, what is encoded in it.
    fn scan_layer(&self, layer: &Layer<'_>, depth: usize, class: Class, scratch: &mut Scratch) {
        scratch.seen.clear();
        scratch.hits.clear();
        self.prefilter.each(layer.text, |keyword, start, end| {
            let owner = &self.owners[keyword];
            if let Some(fact) = owner.fact {
                scratch.facts[fact] = true;
            }
            scratch.hits.extend(owner.rules.iter().map(|&number| (number, Span::new(start, end))));
            if scratch.hits.len() >= HITS {
                self.examine_hits(layer, class, scratch);
            }
            !scratch.overflow
        });
        self.examine_hits(layer, class, scratch);
        if depth < DECODE_DEPTH && class != Class::Binary {
            decode::each(layer.text, |decoded| {
                if !scratch.overflow {
                    let inner = Layer { text: &decoded.text, decoded: Some((&decoded, layer)) };
                    self.scan_layer(&inner, depth + 1, class, scratch);
                }
            });
        }
    }

    /// Looks around the keywords that were seen, rule by rule.
    ///
    /// The windows of neighbouring keywords overlap, and most hold nothing. So the stretch that they cover together is
    /// searched first: where no match begins at or before a keyword, none of its window contains it, and that is most of
    /// them. What is left is looked at as the local definition says. A test compares the two ways.
    fn examine_hits(&self, layer: &Layer<'_>, class: Class, scratch: &mut Scratch) {
        let mut hits = std::mem::take(&mut scratch.hits);
        hits.sort_unstable();
        hits.dedup();
        for hits in hits.chunk_by(|(a, _), (b, _)| a == b) {
            let number = hits[0].0;
            let rule = &self.rules.rules[number];
            if class == Class::Binary && rule.confidence < Confidence::High {
                continue;
            }
            let Some(compiled) = self.compiled[number].get(rule) else { continue };
            let window = |keyword: Span| matcher::window(rule.window, layer.text, keyword);
            let mut stretch = 0;
            // No match of the stretch begins in this span.
            let mut empty = Span::new(0, 0);
            for (at, &(_, keyword)) in hits.iter().enumerate() {
                let around = window(keyword);
                if empty.start <= around.start && keyword.start < empty.end {
                    continue;
                }
                if stretch < around.end {
                    stretch = joined_end(around, hits[at + 1..].iter().map(|&(_, next)| window(next)));
                }
                let first =
                    matcher::first(compiled, number, layer.text, Span::new(around.start, stretch), &mut scratch.caches);
                empty = Span::new(around.start, first.unwrap_or(stretch));
                if first.is_some_and(|first| first <= keyword.start) {
                    self.examine(number, rule, compiled, keyword, layer, scratch);
                }
                scratch.overflow |= scratch.raw.len() >= MATCH_LIMIT;
                if scratch.overflow {
                    break;
                }
            }
        }
        hits.clear();
        scratch.hits = hits;
    }

    /// One keyword of one rule: is there a match around it, and does it pass the local filters?
    fn examine(
        &self,
        number: usize,
        rule: &Rule,
        compiled: &Compiled,
        keyword: Span,
        layer: &Layer<'_>,
        scratch: &mut Scratch,
    ) {
        let text = layer.text;
        let Some(hit) = matcher::search(compiled, number, rule.window, text, keyword, &mut scratch.caches) else {
            return;
        };
        if layer.decoded.is_some_and(|(decoded, _)| !decoded.changed(hit.region)) {
            return;
        }
        if !scratch.seen.insert((number, hit.target)) {
            return;
        }
        let secret = &text[hit.target.range()];
        if !passes_filters(rule, secret) {
            return;
        }
        let checksum = match checksum_verdict(rule, compiled, text, hit.target, &scratch.caches) {
            Some(Verdict::Fail) => return,
            Some(Verdict::Pass) => true,
            None => false,
        };
        let context = context_of(text, hit.target);
        let wide = reach(rule)
            .filter(|&lines| lines > CONTEXT_LINES)
            .map(|lines| around(text, hit.target, lines, WIDE_CONTEXT));
        if cleared_by_context(rule, compiled, wide.as_ref().unwrap_or(&context)) {
            return;
        }
        let groups = matcher::groups(compiled, &scratch.caches)
            .map(|(name, span)| (name.into(), Secret::new(&text[span.range()])))
            .collect();
        let placeholder = self.placeholder(rule, compiled, secret);
        scratch.raw.push(Raw {
            rule: number,
            span: layer.outermost(hit.target),
            secret: Secret::new(secret),
            groups,
            decoded_from: layer.encodings(),
            checksum,
            context,
            placeholder,
        });
    }

    fn placeholder(&self, rule: &Rule, compiled: &Compiled, secret: &[u8]) -> Option<Box<str>> {
        if compiled.allow.as_ref().is_some_and(|allow| allow.is_match(secret)) {
            return Some("a placeholder of this rule".into());
        }
        let allow = self.allow.get_or_init(|| GlobalAllow::new(self.rules));
        allow.reason(&rule.id, secret).or_else(|| placeholder::reason(secret)).map(Into::into)
    }

    /// Gives matches their places: lines, parts, inline allows, masked lines.
    fn finish(&self, text: &[u8], raw: Vec<Raw>) -> Vec<Match> {
        let mut lines = Lines::new(text);
        let shown = |found: &Raw| {
            if found.decoded_from.is_empty() { found.secret.clone() } else { Secret::new(&text[found.span.range()]) }
        };
        let credentials = raw.iter().filter(|found| self.rules.rules[found.rule].credential().is_some());
        let mask = Mask::new(credentials.map(|found| (found.span, shown(found))).collect());
        let mut matches: Vec<Match> = Vec::with_capacity(raw.len());
        for found in raw {
            let location = lines.locate(found.span);
            let (start, end) = (line_start(text, found.span.start), line_end(text, found.span.end.saturating_sub(1)));
            let above = if start == 0 { &[][..] } else { &text[line_start(text, start - 1)..start - 1] };
            let allowed = if self.honour_inline {
                allow::covering(clip_start(above), clip(text, start, end, found.span))
            } else {
                None
            };
            let rule = RuleIndex(u32::try_from(found.rule).expect("a rule set holds fewer than 2^32 rules"));
            matches.push(Match {
                rule,
                span: found.span,
                location,
                secret: found.secret,
                groups: found.groups,
                decoded_from: found.decoded_from,
                evidence: Evidence { checksum: found.checksum, structure: None, parts: Vec::new() },
                context: found.context,
                snippet: mask.line(text, found.span).into(),
                placeholder: found.placeholder,
                allowed,
            });
        }
        parts::join(self.rules, &mut matches);
        matches
    }
}

/// The end of the stretch that a window covers together with the following ones, as long as each touches what is before it.
fn joined_end(first: Span, following: impl Iterator<Item = Span>) -> usize {
    let mut end = first.end;
    for next in following {
        if next.start > end {
            break;
        }
        end = end.max(next.end);
    }
    end
}

fn checksum_verdict(rule: &Rule, compiled: &Compiled, text: &[u8], target: Span, caches: &Caches) -> Option<Verdict> {
    let check = rule.credential()?.checksum.as_ref()?;
    let group = |name: &str| {
        if name == rule.target_group() {
            return Some(&text[target.range()]);
        }
        matcher::groups(compiled, caches).find(|(group, _)| *group == name).map(|(_, span)| &text[span.range()])
    };
    // A rule may check a group that only one of its alternatives has.
    let of = group(&check.of)?;
    let equals = match &check.equals {
        Some(name) => Some(group(name)?),
        None => None,
    };
    Some(checksum::verify(check.algorithm, of, equals))
}

/// The lines of a match, as far as the context reaches: an allow comment kilobytes away on a minified line is not near.
fn clip(text: &[u8], start: usize, end: usize, span: Span) -> &[u8] {
    &text[start.max(span.start.saturating_sub(CONTEXT))..end.min(span.end + CONTEXT).max(span.end)]
}

fn clip_start(line: &[u8]) -> &[u8] {
    &line[..line.len().min(CONTEXT)]
}
