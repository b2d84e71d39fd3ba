//! From a keyword to matches. Takes a keyword in a text, gives the matches that it leads to and the bytes that this depends
//! on; must never look at other bytes.

use std::sync::Arc;

use super::context::{CONTEXT, CONTEXT_LINES, WIDE_CONTEXT, around, context_of, reach};
use super::detector::{Detector, Scratch};
use super::filter::cleared_by_context;
use super::matcher::{self, Caches, Compiled};
use super::placeholder::{self, GlobalAllow};
use super::raw::Raw;
use super::remember::{Far, Found, Reach};
use super::tail::{Outlook, Tail};
use super::text::Class;
use super::{Encoding, decode};
use crate::rule::checksum::{self, Verdict};
use crate::rule::shape::passes_filters;
use crate::rule::{Confidence, Rule};
use crate::secret::Secret;
use crate::span::Span;

/// A text, and if it was decoded the texts it stands in.
pub struct Layer<'l> {
    /// The bytes.
    pub text: &'l [u8],
    /// How it was decoded, and from what.
    pub decoded: Option<(&'l decode::Decoded, &'l Layer<'l>)>,
    /// The bytes of the outermost text that decoded text depends on.
    pub on: Option<Reach>,
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

/// What one keyword of one rule led to.
#[derive(Clone, Debug)]
pub struct Examined {
    reach: Reach,
    raw: Option<(Span, Arc<Raw>)>,
}

impl Detector<'_> {
    /// Looks at a keyword for all of its rules.
    pub fn keyword(&self, layer: &Layer<'_>, class: Class, number: usize, keyword: Span, scratch: &mut Scratch) {
        let owner = &self.owners[number];
        let mut reach = Reach::exactly(keyword);
        let mut remember = owner.fact.is_some();
        if let Some(fact) = owner.fact {
            scratch.facts[fact] = true;
        }
        let found_before = scratch.found.len();
        let mut last = None;
        for &(rule, which) in &owner.rules {
            if class == Class::Binary && self.rules.rules[rule].confidence < Confidence::High {
                continue;
            }
            let Some((at, tail)) = self.tails.number(rule).zip(self.tails.get(&self.rules.rules, rule)) else {
                continue;
            };
            // Rules that share a tail are neighbours, mostly.
            let outlook = match last {
                Some((same, outlook)) if same == at => outlook,
                _ => tail.look(which, layer.text, keyword),
            };
            last = Some((at, outlook));
            match outlook {
                Outlook::Gone { looked } => reach = reach.join(Reach::exactly(Span::new(keyword.start, looked))),
                Outlook::Bare => {
                    let window = matcher::window(self.rules.rules[rule].window, layer.text, keyword);
                    reach = reach.join(Reach::around(window));
                }
                Outlook::Alive { reach: end } => {
                    remember = true;
                    let window = matcher::window(self.rules.rules[rule].window, layer.text, keyword);
                    reach = reach.join(Reach::around(window));
                    let searched = self.search(layer, rule, tail, Span::new(keyword.start, end), scratch);
                    reach = reach.join(searched.unwrap_or(reach));
                }
            }
        }
        if layer.on.is_none() {
            for found in &mut scratch.found[found_before..] {
                found.reach = reach;
            }
            if remember || reach.is_far(keyword) {
                scratch.far.push(Far { number, keyword, reach });
            }
        }
    }

    /// Searches around all keywords of a rule in a part of the text.
    fn search(&self, layer: &Layer<'_>, rule: usize, tail: &Tail, part: Span, scratch: &mut Scratch) -> Option<Reach> {
        let mut reach: Option<Reach> = None;
        for keyword in tail.keywords_in(layer.text, part) {
            let known = scratch.examined.get(&(rule, keyword)).cloned();
            let examined = known.unwrap_or_else(|| {
                let examined = self.examine(layer, rule, keyword, scratch);
                scratch.examined.insert((rule, keyword), examined.clone());
                examined
            });
            reach = Some(reach.map_or(examined.reach, |reach| reach.join(examined.reach)));
            if let Some((span, raw)) = examined.raw {
                let reach = layer.on.unwrap_or(examined.reach);
                scratch.found.push(Found { span, keyword, reach, needs: self.requires[rule].clone(), raw });
            }
        }
        reach
    }

    /// One keyword of one rule: is there a match around it, and does it pass the local filters?
    fn examine(&self, layer: &Layer<'_>, number: usize, keyword: Span, scratch: &mut Scratch) -> Examined {
        let (text, rule) = (layer.text, &self.rules.rules[number]);
        let mut examined = Examined { reach: Reach::around(matcher::window(rule.window, text, keyword)), raw: None };
        let Some(compiled) = self.compiled[number].get(rule) else { return examined };
        let Some(hit) = matcher::search(compiled, number, rule.window, text, keyword, &mut scratch.caches) else {
            return examined;
        };
        if layer.decoded.is_some_and(|(decoded, _)| !decoded.changed(hit.region)) {
            return examined;
        }
        let lines = reach(rule).filter(|&lines| lines > CONTEXT_LINES);
        examined.reach = examined.reach.join(context_reach(text, hit.target, lines.is_some()));
        let secret = &text[hit.target.range()];
        if !passes_filters(rule, secret) {
            return examined;
        }
        let checksum = match checksum_verdict(rule, compiled, text, hit.target, &scratch.caches) {
            Some(Verdict::Fail) => return examined,
            Some(Verdict::Pass) => true,
            None => false,
        };
        let context = context_of(text, hit.target);
        let wide = lines.map(|lines| around(text, hit.target, lines, WIDE_CONTEXT));
        if cleared_by_context(rule, compiled, wide.as_ref().unwrap_or(&context)) {
            return examined;
        }
        let groups = matcher::groups(compiled, &scratch.caches)
            .map(|(name, span)| (name.into(), Secret::new(&text[span.range()])))
            .collect();
        let raw = Raw {
            rule: number,
            secret: Secret::new(secret),
            groups,
            decoded_from: layer.encodings(),
            checksum,
            context,
            placeholder: self.placeholder(rule, compiled, secret),
        };
        examined.raw = Some((layer.outermost(hit.target), Arc::new(raw)));
        examined
    }

    fn placeholder(&self, rule: &Rule, compiled: &Compiled, secret: &[u8]) -> Option<Box<str>> {
        if compiled.allow.as_ref().is_some_and(|allow| allow.is_match(secret)) {
            return Some("a placeholder of this rule".into());
        }
        let allow = self.allow.get_or_init(|| GlobalAllow::new(self.rules));
        allow.reason(&rule.id, secret).or_else(|| placeholder::reason(secret)).map(Into::into)
    }
}

/// The bytes that the context of a match depends on.
fn context_reach(text: &[u8], target: Span, wide: bool) -> Reach {
    let bytes = if wide { WIDE_CONTEXT } else { CONTEXT };
    Reach::around(Span::new(target.start.saturating_sub(bytes), text.len().min(target.end + bytes)))
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
