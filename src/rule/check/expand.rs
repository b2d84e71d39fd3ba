//! Examples with `{{mint}}` in them, made into texts. Takes an example, gives its text and the spans that must be found.
//!
//! - `{{mint}}`, `{{mint:2}}`: a sample of the rule, another one;
//! - `{{mint:bad-check}}`: one whose check value is wrong;
//! - `{{mint:aws.access-key-id}}`: one of another rule, not expected.
//!
//! Anything else in braces stays as it is, so that templates of other tools can stand in examples.

use std::collections::BTreeMap;

use super::super::compile::{CompiledFile, Example};
use super::super::mint::Minter;
use super::super::set::{RuleIndex, RuleSet};
use super::probe::LocalProbe;
use crate::span::Span;

/// The minters of all rules that have a sample description.
pub struct Mints<'a> {
    set: &'a RuleSet,
    by_rule: BTreeMap<RuleIndex, Minter<'a>>,
}

/// An example as it is scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The text.
    pub text: Vec<u8>,
    /// What must be found, sorted.
    pub expected: Vec<Span>,
}

impl<'a> Mints<'a> {
    /// The minters of the files' rules.
    #[must_use]
    pub fn new(set: &'a RuleSet, probe: &'a LocalProbe<'a>, files: &'a [CompiledFile]) -> Self {
        let mut mints = Self { set, by_rule: BTreeMap::new() };
        // Examples can hold samples of other rules, so these are made first.
        let (alone, with_others): (Vec<_>, Vec<_>) = files
            .iter()
            .flat_map(|file| &file.rules)
            .partition(|compiled| !compiled.find.iter().any(|example| names_other(&example.text)));
        for compiled in alone.into_iter().chain(with_others) {
            let Some(index) = set.find(&compiled.rule.id) else { continue };
            if let (Some(template), Some(regex)) = (&compiled.mint, probe.regex(index)) {
                let examples = compiled.find.iter().map(|example| mints.expand_others(&example.text));
                let minter = Minter::new(set.get(index), regex, template, examples);
                mints.by_rule.insert(index, minter);
            }
        }
        mints
    }

    /// The text with samples of other rules in place, as far as they can be made.
    fn expand_others(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (index, minter) in &self.by_rule {
            let name = format!("{{{{mint:{}}}}}", self.set.get(*index).id);
            if text.contains(&name) {
                text = text.replace(&name, &String::from_utf8_lossy(&minter.mint(1).bytes));
            }
        }
        text
    }

    /// The minter of a rule, if it has a sample description.
    #[must_use]
    pub fn minter(&self, index: RuleIndex) -> Option<&Minter<'a>> {
        self.by_rule.get(&index)
    }

    /// The text of an example of the rule at `index`.
    ///
    /// # Errors
    /// A rule that cannot be minted, and an `expect` that is not in the text, as a sentence.
    pub fn expand(&self, index: RuleIndex, example: &Example) -> Result<Expanded, String> {
        let (text, mut expected) = self.expand_text(index, &example.text)?;
        if let Some(expect) = &example.expect {
            let (expect, _) = self.expand_text(index, expect)?;
            let at = text.windows(expect.len().max(1)).position(|window| window == expect);
            let start = at.ok_or_else(|| format!("`{}` is not in the text", String::from_utf8_lossy(&expect)))?;
            expected = vec![Span::new(start, start + expect.len())];
        }
        expected.sort_unstable();
        expected.dedup();
        Ok(Expanded { text, expected })
    }

    fn expand_text(&self, index: RuleIndex, source: &str) -> Result<(Vec<u8>, Vec<Span>), String> {
        let (mut text, mut expected) = (Vec::new(), Vec::new());
        let mut rest = source;
        while let Some(start) = rest.find("{{mint") {
            let (before, tail) = rest.split_at(start);
            let Some(end) = tail.find("}}") else { break };
            text.extend_from_slice(before.as_bytes());
            let what = tail["{{mint".len()..end].strip_prefix(':').unwrap_or_default();
            let seed = if what.is_empty() { Ok(1) } else { what.parse() };
            if let Ok(seed) = seed {
                let sample = self.minter_of(index)?.mint(seed);
                expected.push(Span::new(text.len() + sample.target.start, text.len() + sample.target.end));
                text.extend(sample.bytes);
            } else if what == "bad-check" {
                text.extend(self.minter_of(index)?.mint_bad_check(1));
            } else {
                let other = self.set.find(what).ok_or_else(|| format!("no rule has the id `{what}`"))?;
                text.extend(self.minter_of(other)?.mint(1).bytes);
            }
            rest = &tail[end + 2..];
        }
        text.extend_from_slice(rest.as_bytes());
        Ok((text, expected))
    }

    fn minter_of(&self, index: RuleIndex) -> Result<&Minter<'a>, String> {
        self.minter(index)
            .ok_or_else(|| format!("`{}` has no `mint` in the files that are checked", self.set.get(index).id))
    }
}

/// Whether a text holds a sample of a named rule.
fn names_other(text: &str) -> bool {
    text.split("{{mint:").skip(1).any(|rest| rest.split("}}").next().is_some_and(|name| name.contains('.')))
}
