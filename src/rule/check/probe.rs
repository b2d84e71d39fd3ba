//! A plain engine for trying rules out: the local definition of detection (see [`crate::detect`]) in its most obvious form,
//! and the filters one by one. Takes a text and a rule, gives what would be reported; must never be used to scan: it is
//! written to be read, not to be fast.

use std::sync::OnceLock;

use regex_automata::Input;
use regex_automata::meta::Regex;

use super::super::checksum::{self, Verdict};
use super::super::glob::PathGlobs;
use super::super::language;
use super::super::pattern;
use super::super::set::{RuleIndex, RuleSet};
use super::super::shape::{entropy, has_charset};
use super::super::syntax::Stage;
use super::super::types::{Detector, Kind, Rule};
use crate::span::Span;

/// Something that scans a text as if it stood at a path. The whole scanner is one too.
pub trait Probe {
    /// What would be reported: rules and spans, sorted.
    fn scan(&self, set: &RuleSet, text: &[u8], path: Option<&str>) -> Vec<(RuleIndex, Span)>;
}

/// A match before any filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The whole match.
    pub whole: Span,
    /// What is reported.
    pub target: Span,
    /// All named groups.
    groups: Vec<(String, Span)>,
}

/// The plain engine. Compiles regexes on first use.
pub struct LocalProbe<'s> {
    set: &'s RuleSet,
    compiled: Vec<OnceLock<Option<Compiled>>>,
}

struct Compiled {
    regex: Regex,
    allow: Vec<Regex>,
    unless: Vec<Regex>,
    near: Vec<(Regex, u16)>,
    not_near: Vec<(Regex, u16)>,
}

impl Compiled {
    fn new(set: &RuleSet, rule: &Rule) -> Option<Self> {
        let Detector::Regex(regex) = &rule.detector else { return None };
        let compile = |regex: &String| pattern::compile(regex).ok();
        let mut allow = rule.value.allow.clone();
        if rule.kind == Kind::Credential {
            allow.extend(set.allow_for(rule).flat_map(|entry| entry.regexes.iter().cloned()));
        }
        let near = |list: &[super::super::types::Near]| {
            list.iter().filter_map(|near| Some((compile(&near.regex)?, near.lines))).collect()
        };
        Some(Self {
            regex: compile(regex)?,
            allow: allow.iter().filter_map(compile).collect(),
            unless: rule.unless.iter().filter_map(compile).collect(),
            near: near(&rule.near),
            not_near: near(&rule.not_near),
        })
    }
}

impl<'s> LocalProbe<'s> {
    /// An engine for the rules of a set.
    #[must_use]
    pub fn new(set: &'s RuleSet) -> Self {
        Self { set, compiled: set.rules.iter().map(|_| OnceLock::new()).collect() }
    }

    fn compiled(&self, index: RuleIndex) -> Option<&Compiled> {
        self.compiled[index.0 as usize].get_or_init(|| Compiled::new(self.set, self.set.get(index))).as_ref()
    }

    /// The regex of a rule; `None` for rules whose detector is code.
    #[must_use]
    pub fn regex(&self, index: RuleIndex) -> Option<&Regex> {
        self.compiled(index).map(|compiled| &compiled.regex)
    }

    /// What the regex alone reports.
    #[must_use]
    pub fn bare(&self, index: RuleIndex, text: &[u8]) -> Vec<Span> {
        let Some(regex) = self.regex(index) else { return Vec::new() };
        let target = self.set.get(index).target_group();
        let spans = regex.captures_iter(text).filter_map(|captures| captures.get_group_by_name(target));
        spans.map(|span| Span::new(span.start, span.end)).collect()
    }

    /// Matches by the local definition, each target span once, sorted.
    #[must_use]
    pub fn local(&self, index: RuleIndex, text: &[u8]) -> Vec<Hit> {
        let Some(regex) = self.regex(index) else { return Vec::new() };
        let rule = self.set.get(index);
        let lower = text.to_ascii_lowercase();
        let mut hits: Vec<Hit> = Vec::new();
        for keyword in &rule.keywords {
            for at in 0..(lower.len() + 1).saturating_sub(keyword.len()) {
                if !lower[at..].starts_with(keyword.as_bytes()) {
                    continue;
                }
                let keyword = Span::new(at, at + keyword.len());
                let start = at.saturating_sub(rule.window.before as usize);
                let end = (keyword.end + rule.window.after as usize).min(text.len());
                hits.extend(leftmost_around(regex, rule, text, Span::new(start, end), keyword));
            }
        }
        hits.sort_by_key(|hit| (hit.target, hit.whole));
        hits.dedup_by_key(|hit| hit.target);
        hits
    }

    /// Every stage that rejects the match, in the order of [`Stage`].
    #[must_use]
    pub fn rejections(&self, index: RuleIndex, hit: &Hit, text: &[u8], path: Option<&str>) -> Vec<Stage> {
        let rule = self.set.get(index);
        let Some(compiled) = self.compiled(index) else { return Vec::new() };
        let secret = &text[hit.target.range()];
        let mut stages = Vec::new();
        let mut reject = |stage: Stage, holds: bool| {
            if holds && !stages.contains(&stage) {
                stages.push(stage);
            }
        };
        reject(Stage::Path, path.is_some_and(|path| !is_for_path(rule, path.as_bytes())));
        if let Some(checksum) = rule.credential().and_then(|credential| credential.checksum.as_ref()) {
            let group =
                |name: &str| hit.groups.iter().find(|(group, _)| group == name).map(|(_, span)| &text[span.range()]);
            // A group that took no part in the match has nothing to check.
            let failed = group(&checksum.of).is_some_and(|of| {
                let equals = checksum.equals.as_deref().and_then(group);
                checksum::verify(checksum.algorithm, of, equals) == Verdict::Fail
            });
            reject(Stage::Checksum, failed);
        }
        reject(Stage::Entropy, rule.value.entropy.is_some_and(|floor| entropy(secret) < floor));
        reject(Stage::Charset, !has_charset(rule.value.charset, secret));
        let listed = || {
            let mut entries = self.set.allow_for(rule);
            entries.any(|entry| entry.values.iter().any(|value| value.as_bytes().eq_ignore_ascii_case(secret)))
        };
        let placeholder = compiled.allow.iter().any(|regex| regex.is_match(secret));
        reject(Stage::Allow, placeholder || (rule.kind == Kind::Credential && listed()));
        let allowed_path =
            |path: &str| self.set.allow_for(rule).any(|e| PathGlobs::new(&e.paths).is_match(path.as_bytes()));
        reject(Stage::Path, path.is_some_and(allowed_path));
        let lower = text.to_ascii_lowercase();
        let occurs = |literal: &String| {
            let literal = literal.to_ascii_lowercase();
            lower.windows(literal.len().max(1)).any(|window| window == literal.as_bytes())
        };
        reject(Stage::Requires, !rule.requires.iter().all(occurs));
        let around = |lines: u16| lines_around(text, hit.whole, lines);
        reject(Stage::Unless, compiled.unless.iter().any(|regex| regex.is_match(around(rule.unless_lines))));
        let all_near = compiled.near.iter().all(|(regex, lines)| regex.is_match(around(*lines)));
        let bad_near = compiled.not_near.iter().any(|(regex, lines)| regex.is_match(around(*lines)));
        reject(Stage::Near, !all_near || bad_near);
        reject(Stage::Parts, !self.has_parts(rule, hit, text));
        stages
    }

    /// Whether every part that is needed stands near by. Filters of the part's own rule hold, its own parts do not matter.
    fn has_parts(&self, rule: &Rule, hit: &Hit, text: &[u8]) -> bool {
        let parts = rule.credential().map_or(&[][..], |credential| &credential.parts);
        parts.iter().filter(|part| !part.optional).all(|part| {
            let Some(index) = self.set.find(&part.rule) else { return false };
            let around = lines_around(text, hit.whole, part.within_lines);
            self.local(index, around)
                .iter()
                .any(|found| self.rejections(index, found, around, None).iter().all(|stage| *stage == Stage::Parts))
        })
    }
}

impl Probe for LocalProbe<'_> {
    fn scan(&self, set: &RuleSet, text: &[u8], path: Option<&str>) -> Vec<(RuleIndex, Span)> {
        let indices = (0..set.rules.len()).map(|index| RuleIndex(index as u32));
        let mut found = Vec::new();
        for index in indices {
            for hit in self.local(index, text) {
                if self.rejections(index, &hit, text, path).is_empty() {
                    found.push((index, hit.target));
                }
            }
        }
        found
    }
}

/// The leftmost match in the window that contains the keyword.
fn leftmost_around(regex: &Regex, rule: &Rule, text: &[u8], window: Span, keyword: Span) -> Option<Hit> {
    let mut from = window.start;
    let mut captures = regex.create_captures();
    while from <= keyword.start {
        regex.captures(Input::new(text).span(from..window.end), &mut captures);
        let whole = captures.get_match()?;
        if whole.start() <= keyword.start && keyword.end <= whole.end() {
            let target = captures.get_group_by_name(rule.target_group())?;
            let names = regex.group_info().pattern_names(regex_automata::PatternID::ZERO).flatten();
            let group = |name: &str| {
                captures.get_group_by_name(name).map(|span| (name.to_owned(), Span::new(span.start, span.end)))
            };
            return Some(Hit {
                whole: Span::new(whole.start(), whole.end()),
                target: Span::new(target.start, target.end),
                groups: names.filter_map(group).collect(),
            });
        }
        from = whole.start() + 1;
    }
    None
}

/// Whether a rule is for the file at a path.
fn is_for_path(rule: &Rule, path: &[u8]) -> bool {
    let spoken =
        rule.languages.is_empty() || rule.languages.iter().any(|language| language::is_path_of(path, language));
    let included = rule.include.is_empty() || PathGlobs::new(&rule.include).is_match(path);
    spoken && included && !PathGlobs::new(&rule.exclude).is_match(path)
}

/// The lines of a span and so many before and after it.
fn lines_around(text: &[u8], span: Span, lines: u16) -> &[u8] {
    let mut start = span.start;
    for _ in 0..=lines {
        start = text[..start].iter().rposition(|&b| b == b'\n').unwrap_or(0);
    }
    let mut end = span.end;
    for _ in 0..=lines {
        end = text[(end + 1).min(text.len())..].iter().position(|&b| b == b'\n').map_or(text.len(), |i| end + 1 + i);
    }
    &text[start..end]
}
