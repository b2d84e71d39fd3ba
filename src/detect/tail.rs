//! A cheap answer before the search. Takes a rule's regex and a place of one of its keywords, tells whether a match can have
//! that keyword as its first one; must never deny a match that there is.
//!
//! Nearly every keyword stands in nothing, and mostly the bytes behind it show that: `password` is followed by a space. The
//! regex itself cannot see it so early, since it begins before the keyword: with a run of name characters whose length it
//! counts, for every place where the run could have begun. Here the search begins behind the keyword instead. [`first`] tells
//! in which states the regex can be there, whatever came before; the automaton starts in all of them at once and reads what
//! follows until no state is left. That is the tail of the regex, but for its beginning and for counts that do not matter
//! ([`relax`]).
//!
//! *First one* is what makes it sharp: a password may itself contain `pass`, so that a keyword could as well be the middle
//! of a value, behind which anything may come. But then another keyword of the rule stands earlier in the same match. So a
//! match begins no later than a keyword that [`Tail::look`] lets pass, and every keyword in the match ends within the
//! [reach](Outlook::Alive) of that one. Who looks at the keywords in the reach of those that pass misses nothing.
//!
//! Nothing before the keyword is looked at, which makes a verdict a function of the keyword and the bytes behind it up to
//! where it looked.

mod automaton;
mod bytes;
mod first;
mod relax;
mod run;
mod share;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_syntax::hir::Hir;

use crate::rule::Window;
use crate::span::Span;
use automaton::Automaton;
use bytes::ByteSet;
use first::Steps;
use run::Run;

pub use share::Tails;

/// Most states of one automaton. The largest built-in rules need a tenth of it for the history of a large repository; a text
/// that leads to so many is made for that.
const STATES: usize = 1 << 13;

/// How far behind the keyword it looks. What is not decided by then is left to the search.
const STEPS: usize = 256;

/// How far the automaton looks before it is asked whether the window holds what every match must have. Most are decided by
/// then; of the others many wait for a token that may stand a hundred bytes off, in as many states.
const EARLY: usize = 16;

/// What the bytes from a keyword on tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// No match has this keyword as its first one. That depends on the keyword and the bytes from its end to `looked` alone;
    /// past the end of the text if that end was seen.
    Gone {
        /// One past the last byte that was looked at.
        looked: usize,
    },
    /// No match has this keyword, whichever way round it is. That depends on the bytes of its window.
    Bare,
    /// There may be a match. Every keyword in it ends at or before `reach`.
    Alive {
        /// The furthest end of such a match, or of a keyword in it.
        reach: usize,
    },
}

/// How many keywords are asked for their run alone before the automaton is built: it takes as long as thousands of them, and
/// most rules of most scans see fewer.
const RUNS_FIRST: u32 = 1000;

/// The tail of one rule.
#[derive(Debug)]
pub struct Tail {
    hir: Option<Hir>,
    built: OnceLock<Built>,
    keywords: Vec<String>,
    /// With what bytes keywords begin.
    begin: ByteSet,
    window: Window,
    /// What every match has somewhere.
    run: Option<Run>,
    /// Keywords that were asked before the automaton was built.
    asked: AtomicU32,
    states: usize,
}

/// What takes long to build.
#[derive(Debug)]
struct Built {
    /// `None` if it cannot be built: all keywords pass.
    automaton: Option<Automaton>,
    /// For each keyword the bytes that can follow it.
    next: Vec<ByteSet>,
}

impl Tail {
    /// The tail of a regex with these keywords (ASCII lower case).
    pub fn new(pattern: &str, keywords: &[String], window: Window) -> Self {
        Self::with_limit(pattern, keywords, window, STATES)
    }

    fn with_limit(pattern: &str, keywords: &[String], window: Window, states: usize) -> Self {
        let mut begin = ByteSet::default();
        for byte in keywords.iter().filter_map(|keyword| keyword.bytes().next()) {
            begin.insert(byte.to_ascii_lowercase());
            begin.insert(byte.to_ascii_uppercase());
        }
        let hir = parse(pattern);
        let run = hir.as_ref().and_then(Run::of);
        let (built, asked) = (OnceLock::new(), AtomicU32::new(0));
        Self { hir, built, keywords: keywords.to_vec(), begin, window, run, asked, states }
    }

    fn built(&self) -> &Built {
        self.built.get_or_init(|| {
            let built =
                self.hir.as_ref().and_then(|hir| compile(&relax::relaxed(hir, self.run.is_some()))).map(|nfa| {
                    let steps = Steps::new(&nfa);
                    let first = first::states(&nfa, &steps, &self.keywords);
                    let behind = first::behind(&nfa, &steps, &first, &self.keywords);
                    let next = behind.iter().map(|states| first::next_bytes(&nfa, &steps, states)).collect();
                    (Automaton::new(nfa, steps, &behind, self.states), next)
                });
            let (automaton, next) =
                built.map_or((None, vec![ByteSet::ALL; self.keywords.len()]), |(a, next)| (Some(a), next));
            Built { automaton, next }
        })
    }

    /// Looks at a text from a keyword on; `number` says which of the rule's it is.
    pub fn look(&self, number: usize, text: &[u8], keyword: Span) -> Outlook {
        if self.built.get().is_none()
            && self.run.is_some()
            && self.asked.fetch_add(1, Ordering::Relaxed) < RUNS_FIRST
            && !self.has_run(text, keyword)
        {
            return Outlook::Bare;
        }
        let built = self.built();
        // One byte is enough for a part of them, and costs no walk through the automaton's tables.
        if text.get(keyword.end).is_some_and(|&byte| !built.next[number].contains(byte)) {
            return Outlook::Gone { looked: keyword.end + 1 };
        }
        let walked = built.automaton.as_ref().and_then(|automaton| self.walk(automaton, number, text, keyword));
        match walked {
            Some(outlook @ (Outlook::Gone { .. } | Outlook::Bare)) => outlook,
            // The counts that the automaton lacks are asked for here.
            _ if !self.has_run(text, keyword) => Outlook::Bare,
            Some(alive) => alive,
            None => self.unsure(text, keyword),
        }
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

    /// `None` if it ends undecided: the automaton is full, or lives on where it may look no further.
    fn walk(&self, automaton: &Automaton, number: usize, text: &[u8], keyword: Span) -> Option<Outlook> {
        let stop = text.len().min(keyword.end + (self.window.after as usize).min(STEPS));
        // The states at the start lie behind all look-around, so that what precedes them is of no interest.
        let mut at = automaton.start(number)?;
        let mut reach = at.is_match().then_some(keyword.end);
        let ask = self.run.as_ref().map_or(usize::MAX, |_| keyword.end + EARLY);
        for (offset, &byte) in (keyword.end..stop).zip(&text[keyword.end..stop]) {
            if offset == ask && !self.has_run(text, keyword) {
                return Some(Outlook::Bare);
            }
            at = automaton.next(at, byte)?;
            if at.is_dead() {
                return Some(reach.map_or(Outlook::Gone { looked: offset + 1 }, |reach| Outlook::Alive { reach }));
            }
            if at.is_match() {
                reach = Some(offset + 1);
            }
        }
        match reach {
            _ if stop < text.len() => None,
            Some(reach) => Some(Outlook::Alive { reach }),
            None => Some(Outlook::Gone { looked: stop + 1 }),
        }
    }

    /// Whether the window of a keyword has what every match must have.
    fn has_run(&self, text: &[u8], keyword: Span) -> bool {
        let window = super::matcher::window(self.window, text, keyword);
        self.run.as_ref().is_none_or(|run| run.is_in(text, window))
    }

    /// A match of which nothing is known ends anywhere; but the window of a keyword in it begins before this one.
    fn unsure(&self, text: &[u8], keyword: Span) -> Outlook {
        let longest = self.keywords.iter().map(String::len).max().unwrap_or(0);
        Outlook::Alive { reach: text.len().min(keyword.start + self.window.before as usize + longest).max(keyword.end) }
    }
}

/// A regex as rules mean it (see [`super::matcher::compile`]).
fn parse(pattern: &str) -> Option<Hir> {
    regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok()
}

/// Its automaton, without groups.
fn compile(hir: &Hir) -> Option<NFA> {
    let config = thompson::Config::new().utf8(false).nfa_size_limit(None).which_captures(WhichCaptures::None);
    NFA::compiler().configure(config).build_from_hir(hir).ok()
}
