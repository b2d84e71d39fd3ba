//! The automaton that walks a tail. Takes a regex's NFA and lists of states to start in, gives a deterministic automaton that
//! is built where texts lead it, by all threads together; must never give a state that lacks one of the NFA's.
//!
//! It is much cheaper to build than a general one: look-around is taken as passed, which only lets more through, so that a
//! state is a plain set of the NFA's states. A transition that was taken before is one load; only a new one takes the lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use regex_automata::nfa::thompson::{NFA, State, Transition};
use regex_automata::util::alphabet::ByteClasses;
use regex_automata::util::primitives::StateID;

use super::first::{Steps, epsilons};

/// A transition that was not taken yet.
const UNKNOWN: u16 = 0;

/// No match can come any more.
const DEAD: u16 = 1;

/// Bit of a state in which a match ends.
const MATCH: u16 = 1 << 15;

/// States in a block of the table.
const BLOCK: usize = 64;

/// The automaton.
pub struct Automaton {
    nfa: NFA,
    steps: Steps,
    classes: ByteClasses,
    stride: usize,
    /// One for each list of states to start in.
    starts: Vec<u16>,
    /// Transitions, a block of states at a time.
    table: Vec<OnceLock<Box<[AtomicU16]>>>,
    sets: Mutex<Sets>,
}

/// What the states stand for.
#[derive(Default)]
struct Sets {
    /// The NFA's states that read a byte or are a match, sorted. The first two stand for no state.
    list: Vec<Box<[u32]>>,
    numbers: HashMap<Box<[u32]>, u16, foldhash::fast::RandomState>,
    /// For each of the NFA's states what it leads to without reading a byte, once that was asked for.
    closures: Vec<Option<Box<[u32]>>>,
    /// The set that is being made, one bit for each of the NFA's states.
    bits: Vec<u64>,
    most: usize,
}

/// Where a walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At(u16);

impl At {
    /// Whether nothing can come any more.
    pub const fn is_dead(self) -> bool {
        self.0 == DEAD
    }

    /// Whether a match may end here.
    pub const fn is_match(self) -> bool {
        self.0 & MATCH != 0
    }
}

impl Automaton {
    /// An automaton of at most so many states.
    pub fn new(nfa: NFA, steps: Steps, starts: &[Vec<StateID>], most: usize) -> Self {
        let classes = *nfa.byte_classes();
        let most = most.min(usize::from(MATCH));
        let len = nfa.states().len();
        let (closures, bits) = (vec![None; len], vec![0; len.div_ceil(64)]);
        let sets = Sets { list: vec![Box::default(); 2], closures, bits, most, ..Sets::default() };
        let table = (0..most.div_ceil(BLOCK)).map(|_| OnceLock::new()).collect();
        let mut this = Self {
            stride: classes.alphabet_len(),
            classes,
            nfa,
            steps,
            starts: Vec::new(),
            table,
            sets: Mutex::new(sets),
        };
        this.starts = {
            let mut sets = this.sets.lock().unwrap_or_else(PoisonError::into_inner);
            starts.iter().map(|states| sets.state(&this.nfa, states).unwrap_or(UNKNOWN)).collect()
        };
        this
    }

    /// Where a walk from a list of states begins; `None` if there was no room for it.
    pub fn start(&self, number: usize) -> Option<At> {
        self.starts.get(number).copied().filter(|&start| start != UNKNOWN).map(At)
    }

    /// The next place; `None` if there is no room for it.
    #[inline]
    pub fn next(&self, at: At, byte: u8) -> Option<At> {
        let state = usize::from(at.0 & !MATCH);
        let class = usize::from(self.classes.get(byte));
        let known = match self.table[state / BLOCK].get() {
            Some(block) => block[state % BLOCK * self.stride + class].load(Ordering::Acquire),
            None => UNKNOWN,
        };
        if known == UNKNOWN { self.make(state, class, byte) } else { Some(At(known)) }
    }

    #[cold]
    fn make(&self, state: usize, class: usize, byte: u8) -> Option<At> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let reads = |t: &&Transition| t.start <= byte && byte <= t.end;
        let mut read: Vec<StateID> = Vec::new();
        for &id in &sets.list[state] {
            read.extend(self.steps.of(StateID::must(id as usize)).iter().filter(reads).map(|t| t.next));
        }
        read.dedup();
        let next = sets.state(&self.nfa, &read)?;
        let block = self.table[state / BLOCK]
            .get_or_init(|| (0..BLOCK * self.stride).map(|_| AtomicU16::new(UNKNOWN)).collect());
        block[state % BLOCK * self.stride + class].store(next, Ordering::Release);
        Some(At(next))
    }
}

impl Sets {
    /// The number of the state that stands for these and all that they lead to without reading a byte.
    fn state(&mut self, nfa: &NFA, ids: &[StateID]) -> Option<u16> {
        for &id in ids {
            for &id in self.closures[id].get_or_insert_with(|| closure(nfa, id)).iter() {
                self.bits[id as usize / 64] |= 1 << (id % 64);
            }
        }
        let mut set: Vec<u32> = Vec::new();
        for (at, word) in self.bits.iter_mut().enumerate() {
            let mut word = std::mem::take(word);
            while word != 0 {
                set.push(64 * at as u32 + word.trailing_zeros());
                word &= word - 1;
            }
        }
        if set.is_empty() {
            return Some(DEAD);
        }
        if let Some(&known) = self.numbers.get(set.as_slice()) {
            return Some(known);
        }
        if self.list.len() >= self.most {
            return None;
        }
        let is_match = set.iter().any(|&id| matches!(nfa.state(StateID::must(id as usize)), State::Match { .. }));
        let number = self.list.len() as u16 | if is_match { MATCH } else { 0 };
        let set = set.into_boxed_slice();
        self.list.push(set.clone());
        self.numbers.insert(set, number);
        Some(number)
    }
}

/// The states that read a byte or are a match and can be reached from one without reading a byte.
fn closure(nfa: &NFA, id: StateID) -> Box<[u32]> {
    let (mut todo, mut seen, mut found) = (vec![id], BTreeSet::new(), Vec::new());
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        match nfa.state(id) {
            State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) | State::Match { .. } => {
                found.push(id.as_u32());
            }
            state => epsilons(state, |next| todo.push(next)),
        }
    }
    found.into_boxed_slice()
}

/// Its tables are of no interest to people.
impl std::fmt::Debug for Automaton {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Automaton({} starts)", self.starts.len())
    }
}
