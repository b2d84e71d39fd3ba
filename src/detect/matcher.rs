//! From a keyword to a match. Takes a text and a keyword in it, gives the match of one rule as the local definition in
//! [`super`] has it; must never look outside the rule's window but for one byte of context.

use std::sync::OnceLock;

use regex_automata::meta::{Cache, Config, Regex};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

use crate::rule::{Detector, Rule, Window};
use crate::span::Span;

/// Upper limit of one lazy DFA's cache. With 256 KiB the large generic rules built their states again and again, which took
const HYBRID_CACHE: usize = 2 << 20;

/// The regexes of one rule, compiled on first use.
#[derive(Debug)]
pub struct Compiled {
    regex: Regex,
    /// Number of the group that is reported.
    target: usize,
    /// The other named groups.
    names: Vec<(usize, Box<str>)>,
    /// Clear the match when they hit near it.
    pub unless: Vec<Regex>,
    /// Must hit near the match.
    pub near: Vec<Regex>,
    /// Clear the match, each within lines of its own.
    pub not_near: Vec<Regex>,
    /// Placeholders of this rule.
    pub allow: Option<Regex>,
}

impl Compiled {
    fn new(rule: &Rule) -> Option<Self> {
        let Detector::Regex(pattern) = &rule.detector else { return None };
        let regex = compile(std::slice::from_ref(pattern));
        let named = || {
            let names = regex.group_info().pattern_names(regex_automata::PatternID::ZERO);
            names.enumerate().filter_map(|(index, name)| name.map(|name| (index, name)))
        };
        let target = named().find(|(_, name)| *name == rule.target_group())?.0;
        let names = named().filter(|&(index, _)| index != target).map(|(index, name)| (index, name.into())).collect();
        let one = |pattern: &String| compile(std::slice::from_ref(pattern));
        let allow = &rule.value.allow;
        Some(Self {
            target,
            names,
            unless: rule.unless.iter().map(one).collect(),
            near: rule.near.iter().map(|near| one(&near.regex)).collect(),
            not_near: rule.not_near.iter().map(|near| one(&near.regex)).collect(),
            allow: (!allow.is_empty()).then(|| compile(allow)),
            regex,
        })
    }
}

/// Compiles patterns as rules mean them: bytes, Unicode off. The rule compiler has compiled each of them under a limit of its
/// own, so there is none here, and none can fail.
pub fn compile<P: AsRef<str>>(patterns: &[P]) -> Regex {
    let config = Config::new()
        .match_kind(MatchKind::LeftmostFirst)
        .utf8_empty(false)
        .nfa_size_limit(None)
        .hybrid_cache_capacity(HYBRID_CACHE);
    let syntax = syntax::Config::new().unicode(false).utf8(false);
    Regex::builder()
        .configure(config)
        .syntax(syntax)
        .build_many(patterns)
        .expect("the rule compiler should have refused what is no regex")
}

/// A rule with its regexes, compiled when the first candidate asks.
#[derive(Debug, Default)]
pub struct Lazy(OnceLock<Option<Compiled>>);

impl Lazy {
    /// The compiled rule; `None` if it has no regex.
    pub fn get(&self, rule: &Rule) -> Option<&Compiled> {
        self.0.get_or_init(|| Compiled::new(rule)).as_ref()
    }
}

/// What one thread needs to search: one cache for each rule it has met.
#[derive(Debug, Default)]
pub struct Caches {
    caches: Vec<Option<Cache>>,
    slots: Vec<Option<NonMaxUsize>>,
}

impl Caches {
    /// The cache of a rule.
    fn of(&mut self, compiled: &Compiled, number: usize) -> &mut Cache {
        if self.caches.len() <= number {
            self.caches.resize_with(number + 1, || None);
        }
        self.caches[number].get_or_insert_with(|| compiled.regex.create_cache())
    }
}

/// What a rule matched in a text.
#[derive(Debug)]
pub struct Hit {
    /// The whole match.
    pub region: Span,
    /// The reported group.
    pub target: Span,
}

/// The part of the text that a match around the keyword may fill.
pub fn window(window: Window, text: &[u8], keyword: Span) -> Span {
    let low = keyword.start.saturating_sub(window.before as usize);
    Span::new(low, text.len().min(keyword.end + window.after as usize))
}

/// The leftmost match of the rule within its window around the keyword that contains the keyword.
pub fn search(
    compiled: &Compiled,
    number: usize,
    window: Window,
    text: &[u8],
    keyword: Span,
    caches: &mut Caches,
) -> Option<Hit> {
    let Span { start: low, end: high } = self::window(window, text, keyword);
    let slots = compiled.regex.group_info().slot_len();
    if caches.slots.len() < slots {
        caches.slots.resize(slots, None);
    }
    caches.of(compiled, number);
    let Caches { caches, slots: all_slots } = caches;
    let cache = caches[number].as_mut()?;
    let slots = &mut all_slots[..slots];
    let mut at = low;
    while at <= keyword.start {
        let input = Input::new(text).range(at..high);
        compiled.regex.search_slots_with(cache, &input, slots)?;
        let region = group(slots, 0)?;
        if region.start > keyword.start {
            return None;
        }
        if region.end >= keyword.end {
            // A target group that took no part: the rule has nothing to report here.
            let target = group(slots, compiled.target).filter(|target| !target.is_empty())?;
            return Some(Hit { region, target });
        }
        at = region.end.max(at + 1);
    }
    None
}

/// The other named groups of the last match that [`search`] found.
pub fn groups<'c>(compiled: &'c Compiled, caches: &'c Caches) -> impl Iterator<Item = (&'c str, Span)> {
    compiled.names.iter().filter_map(|(index, name)| Some((&**name, group(&caches.slots, *index)?)))
}

fn group(slots: &[Option<NonMaxUsize>], index: usize) -> Option<Span> {
    Some(Span::new(slots.get(2 * index).copied()??.get(), slots.get(2 * index + 1).copied()??.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(pattern: &str) -> Compiled {
        Compiled {
            regex: compile(&[pattern]),
            target: 1,
            names: Vec::new(),
            unless: Vec::new(),
            near: Vec::new(),
            not_near: Vec::new(),
            allow: None,
        }
    }

    fn at(pattern: &str, text: &str, keyword: (usize, usize), window: (u32, u32)) -> Option<(usize, usize)> {
        let window = Window { before: window.0, after: window.1 };
        let keyword = Span::new(keyword.0, keyword.1);
        search(&compiled(pattern), 0, window, text.as_bytes(), keyword, &mut Caches::default())
            .map(|hit| (hit.target.start, hit.target.end))
    }

    #[test]
    fn an_earlier_match_in_the_window_does_not_hide_the_keywords_own() {
        assert_eq!(at("key=([a-z]+)", "key=ab key=cd", (7, 10), (7, 10)), Some((11, 13)));
    }

    #[test]
    fn nothing_outside_the_window_counts_but_one_byte_of_context() {
        assert_eq!(at(r"\bkey=([a-z]{1,9})", "key=abcdef", (0, 3), (0, 4)), Some((4, 7)));
        assert_eq!(at(r"\bkey=([a-z]{1,9})\b", "key=abcdef", (0, 3), (0, 4)), None);
        assert_eq!(at(r"\bkey=([a-z]{1,9})", "xkey=abcdef", (1, 4), (0, 9)), None);
    }
}
