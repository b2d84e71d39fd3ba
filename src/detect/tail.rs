//! A cheap answer before the search. Takes a rule's regex and a place of one of its keywords, tells whether a match can have
//! that keyword as its first one; must never deny a match that there is.
//!
//! Nearly every keyword stands in nothing, and mostly the bytes behind it show that: `password` is followed by a space. The
//! regex itself cannot see it so early, since it begins before the keyword: with a run of name characters whose length it
//! counts, for every place where the run could have begun. Here the search begins at the keyword instead. [`first`] tells
//! in which states the regex can be there, whatever came before; the automaton starts in all of them at once and reads the
//! keyword and what follows until no state is left. That is the tail of the regex, exact but for its beginning.
//!
//! *First one* is what makes it sharp: a password may itself contain `pass`, so that a keyword could as well be the middle
//! of a value, behind which anything may come. But then another keyword of the rule stands earlier in the same match. So a
//! match begins no later than a keyword that [`Tail::look`] lets pass, and every keyword in the match ends within the
//! [reach](Outlook::Alive) of that one. Who looks at the keywords in the reach of those that pass misses nothing.
//!
//! Nothing before the keyword is looked at, which makes a verdict a function of the bytes from its start up to where it
//! looked.

mod bytes;
mod first;
mod share;
#[cfg(test)]
mod tests;

use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::nfa::thompson::{self, NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

use crate::rule::Window;
use crate::span::Span;
use bytes::ByteSet;

/// What one thread keeps to look with one tail.
pub use regex_automata::hybrid::dfa::Cache;
pub use share::Tails;

/// Upper limit of one automaton's cache, the same as of the search. With 1 MiB, half of the files of Apache Kafka made three
/// rules empty theirs once; most of the hundred rules that met a keyword there stayed below a fourth of it.
const CACHE: usize = 2 << 20;

/// How often a cache may be emptied before the automaton is no longer used on this thread: a text that fills it so often is
/// made for that, or the tail tells nothing.
const CLEARS: usize = 16;

/// How far behind the keyword it looks. What is not decided by then is left to the search.
const STEPS: usize = 256;

/// What the bytes from a keyword on tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// No match has this keyword as its first one. That depends on the bytes from the keyword's start to `looked` alone;
    /// past the end of the text if that end was seen.
    Gone {
        /// One past the last byte that was looked at.
        looked: usize,
    },
    /// There may be a match. Every keyword in it ends at or before `reach`.
    Alive {
        /// The furthest end of such a match, or of a keyword in it.
        reach: usize,
    },
}

/// The tail of one rule.
#[derive(Debug)]
pub struct Tail {
    /// `None` if it cannot be built: all keywords pass.
    automaton: Option<DFA>,
    keywords: Vec<String>,
    /// With what bytes keywords begin.
    begin: ByteSet,
    /// For each keyword the bytes that can follow it.
    next: Vec<ByteSet>,
    window: Window,
}

impl Tail {
    /// The tail of a regex with these keywords (ASCII lower case).
    pub fn new(pattern: &str, keywords: &[String], window: Window) -> Self {
        Self::with_limits(pattern, keywords, window, CACHE, CLEARS)
    }

    fn with_limits(pattern: &str, keywords: &[String], window: Window, cache: usize, clears: usize) -> Self {
        let mut begin = ByteSet::default();
        for byte in keywords.iter().filter_map(|keyword| keyword.bytes().next()) {
            begin.insert(byte.to_ascii_lowercase());
            begin.insert(byte.to_ascii_uppercase());
        }
        let built = compile(pattern).and_then(|nfa| {
            let first = first::states(&nfa, keywords);
            let next = keywords.iter().map(|keyword| first::next_bytes(&nfa, &first, keyword)).collect();
            let config = dfa::Config::new()
                // Every thread lives on until it dies of the text: the end of the longest match is wanted.
                .match_kind(MatchKind::All)
                .cache_capacity(cache)
                .skip_cache_capacity_check(true)
                .minimum_cache_clear_count(Some(clears));
            let automaton = dfa::Builder::new().configure(config).build_from_nfa(starting_in(&nfa, &first)?).ok()?;
            Some((automaton, next))
        });
        let (automaton, next) = built.map_or((None, vec![ByteSet::ALL; keywords.len()]), |(a, next)| (Some(a), next));
        Self { automaton, keywords: keywords.to_vec(), begin, next, window }
    }

    /// Looks at a text from a keyword on; `number` says which of the rule's it is. The caller keeps `cache` for the tail's
    /// next keyword.
    pub fn look(&self, number: usize, text: &[u8], keyword: Span, cache: &mut Option<Cache>) -> Outlook {
        // One byte is enough for a part of them, and costs no walk through the automaton's tables.
        if text.get(keyword.end).is_some_and(|&byte| !self.next[number].contains(byte)) {
            return Outlook::Gone { looked: keyword.end + 1 };
        }
        let Some(automaton) = &self.automaton else { return self.unsure(text, keyword) };
        let cache = cache.get_or_insert_with(|| automaton.create_cache());
        self.walk(automaton, text, keyword, cache).unwrap_or_else(|| self.unsure(text, keyword))
    }

    /// Every place of the rule's keywords in a part of a text, in order. For parts of a few hundred bytes.
    pub fn keywords_in(&self, text: &[u8], part: Span) -> Vec<Span> {
        let bytes = &text[part.range()];
        let mut found: Vec<Span> = Vec::new();
        for (start, _) in bytes.iter().enumerate().filter(|&(_, &byte)| self.begin.contains(byte)) {
            let stands = |keyword: &&String| {
                let text = bytes[start..].get(..keyword.len());
                text.is_some_and(|text| text.eq_ignore_ascii_case(keyword.as_bytes()))
            };
            let at = part.start + start;
            found.extend(self.keywords.iter().filter(stands).map(|keyword| Span::new(at, at + keyword.len())));
        }
        found.sort_unstable();
        found
    }

    /// `None` if it ends undecided: the automaton gave up, or lives on where it may look no further.
    fn walk(&self, automaton: &DFA, text: &[u8], keyword: Span, cache: &mut Cache) -> Option<Outlook> {
        let stop = text.len().min(keyword.end + (self.window.after as usize).min(STEPS));
        let mut reach = None;
        let outlook = |reach: Option<usize>, looked| {
            Some(reach.map_or(Outlook::Gone { looked }, |reach| Outlook::Alive { reach }))
        };
        // The states at the start lie behind all look-around, so that what precedes the keyword is of no interest.
        let mut state = automaton.start_state(cache, &start::Config::new().anchored(Anchored::Yes)).ok()?;
        // The byte at `stop` may lie outside the window: it is context, which decides about a match that ends there.
        let last = text.len().min(stop + 1);
        for (at, &byte) in (keyword.start..last).zip(&text[keyword.start..last]) {
            state = automaton.next_state(cache, state, byte).ok()?;
            if state.is_tagged() {
                if state.is_match() {
                    // Matches are told one byte late.
                    if at >= keyword.end {
                        reach = Some(at);
                    }
                } else if state.is_dead() {
                    return outlook(reach, at + 1);
                } else if state.is_quit() {
                    return None;
                }
            }
        }
        if stop < text.len() {
            return None;
        }
        if automaton.next_eoi_state(cache, state).ok()?.is_match() {
            reach = Some(stop);
        }
        outlook(reach, stop + 1)
    }

    /// A match of which nothing is known ends anywhere; but the window of a keyword in it begins before this one.
    fn unsure(&self, text: &[u8], keyword: Span) -> Outlook {
        let longest = self.keywords.iter().map(String::len).max().unwrap_or(0);
        Outlook::Alive { reach: text.len().min(keyword.start + self.window.before as usize + longest).max(keyword.end) }
    }
}

/// The automaton of a regex as rules mean it (see [`super::matcher::compile`]), without groups.
fn compile(pattern: &str) -> Option<NFA> {
    NFA::compiler()
        .configure(thompson::Config::new().utf8(false).nfa_size_limit(None).which_captures(WhichCaptures::None))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build(pattern)
        .ok()
}

/// The same automaton with another start: in all of these states at once.
fn starting_in(nfa: &NFA, states: &[StateID]) -> Option<NFA> {
    let mut builder = thompson::Builder::new();
    builder.set_utf8(false);
    builder.set_look_matcher(nfa.look_matcher().clone());
    builder.start_pattern().ok()?;
    // Each state gets the number it had.
    for state in nfa.states() {
        match state {
            State::ByteRange { trans } => builder.add_range(*trans),
            State::Sparse(_) | State::Dense(_) => builder.add_sparse(first::transitions(state)),
            State::Look { look, next } => builder.add_look(*next, *look),
            State::Union { alternates } => builder.add_union(alternates.to_vec()),
            State::BinaryUnion { alt1, alt2 } => builder.add_union(vec![*alt1, *alt2]),
            State::Capture { next, .. } => builder.add_union(vec![*next]),
            State::Fail => builder.add_fail(),
            State::Match { .. } => builder.add_match(),
        }
        .ok()?;
    }
    let start = builder.add_union(states.to_vec()).ok()?;
    builder.finish_pattern(start).ok()?;
    builder.build(start, start).ok()
}
