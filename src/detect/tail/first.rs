//! Where in its regex a search can be when the first keyword of a match begins. Takes a regex's automaton and the keywords,
//! gives states; must never leave one out that a match passes through there.

use std::collections::HashMap;

use regex_automata::nfa::thompson::{NFA, State, Transition};
use regex_automata::util::primitives::StateID;

use super::bytes::ByteSet;

/// Nodes of the tree of keywords: as many as a mask has bits. A keyword for which there is no room is not told from other
/// text, which only adds states; but many of them. With 128 nodes the rules with the most keywords (64) started in the middle
/// of their values too, and their automata filled their caches again and again.
pub const NODES: usize = 64 * WORDS;

/// Words of a mask.
const WORDS: usize = 12;

/// Mark of a step that completes a keyword.
const COMPLETE: u16 = u16::MAX;

/// A set of nodes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Mask([u64; WORDS]);

impl Mask {
    fn of(node: usize) -> Self {
        let mut mask = Self::default();
        mask.0[node / 64] |= 1 << (node % 64);
        mask
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    fn without(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, less)| *word &= !less);
        self
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn nodes(&self) -> impl Iterator<Item = usize> {
        let bits = |(at, word): (usize, u64)| {
            let rest = |word: &u64| Some(word & (word - 1)).filter(|&rest| rest != 0);
            let words = std::iter::successors(Some(word).filter(|&word| word != 0), rest);
            words.map(move |word| 64 * at + word.trailing_zeros() as usize)
        };
        self.0.into_iter().enumerate().flat_map(bits)
    }
}

/// What each state of an automaton reads.
pub struct Steps {
    /// Where the transitions of each state begin in `list`; one more for the end.
    starts: Vec<u32>,
    list: Vec<Transition>,
}

impl Steps {
    /// Of all states.
    pub fn new(nfa: &NFA) -> Self {
        let mut steps = Self { starts: vec![0], list: Vec::new() };
        for state in nfa.states() {
            steps.list.extend(transitions(state));
            steps.starts.push(steps.list.len() as u32);
        }
        steps
    }

    /// Of one state.
    #[inline]
    pub fn of(&self, id: StateID) -> &[Transition] {
        &self.list[self.starts[id.as_usize()] as usize..self.starts[id.as_usize() + 1] as usize]
    }
}

/// The states that read a byte, as far as the automaton can be in one of them before a keyword that is the first of its
/// match, look-around taken as passed.
///
/// That is what a search through the automaton reaches without completing a keyword on the way. It keeps with each state
/// the beginnings of keywords that the text so far may end in, as a mask over the nodes of a tree of keywords.
pub fn states(nfa: &NFA, steps: &Steps, keywords: &[String]) -> Vec<StateID> {
    let tree = Tree::new(keywords);
    let mut images = HashMap::new();
    let mut reached = vec![Mask::default(); nfa.states().len()];
    let mut fresh = reached.clone();
    let mut queue = vec![nfa.start_anchored()];
    reached[nfa.start_anchored()] = Mask::of(0);
    fresh[nfa.start_anchored()] = Mask::of(0);
    while let Some(id) = queue.pop() {
        let mask = std::mem::take(&mut fresh[id]);
        let mut go = |next: StateID, mask: &Mask| {
            let new = mask.without(&reached[next]);
            if !new.is_empty() {
                if fresh[next].is_empty() {
                    queue.push(next);
                }
                reached[next].add(&new);
                fresh[next].add(&new);
            }
        };
        for transition in steps.of(id) {
            let image = images.entry((transition.start, transition.end)).or_insert_with(|| tree.image(*transition));
            let mut all = Mask::default();
            mask.nodes().for_each(|node| all.add(&image[node]));
            go(transition.next, &all);
        }
        epsilons(nfa.state(id), |next| go(next, &mask));
    }
    let begins = |byte: u8| keywords.iter().any(|keyword| keyword.as_bytes()[0].eq_ignore_ascii_case(&byte));
    let begins: [bool; 256] = std::array::from_fn(|byte| begins(byte as u8));
    let any = |t: &Transition| begins[usize::from(t.start)..=usize::from(t.end)].contains(&true);
    let all = (0..reached.len()).filter(|&id| !reached[id].is_empty()).map(StateID::must);
    all.filter(|&id| steps.of(id).iter().any(any)).collect()
}

/// For each keyword the states behind it, in upper or lower case, read from these states on; look-around taken as passed.
pub fn behind(nfa: &NFA, steps: &Steps, states: &[StateID], keywords: &[String]) -> Vec<Vec<StateID>> {
    // Many keywords begin alike.
    let mut known: HashMap<&[u8], Vec<StateID>> = HashMap::new();
    let mut seen = vec![false; nfa.states().len()];
    keywords
        .iter()
        .map(|keyword| {
            let keyword = keyword.as_bytes();
            let mut current = states.to_vec();
            for (at, byte) in keyword.iter().enumerate() {
                if let Some(next) = known.get(&keyword[..=at]) {
                    current.clone_from(next);
                    continue;
                }
                let cases = [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
                let reads = |t: &&Transition| cases.iter().any(|byte| t.start <= *byte && *byte <= t.end);
                let next = current.iter().flat_map(|&id| steps.of(id)).filter(reads).map(|t| t.next).collect();
                current = closure(nfa, next, &mut seen);
                known.insert(&keyword[..=at], current.clone());
            }
            current
        })
        .collect()
}

/// The bytes that these states read; all, if a match may end here.
pub fn next_bytes(nfa: &NFA, steps: &Steps, states: &[StateID]) -> ByteSet {
    let mut bytes = ByteSet::default();
    for &id in states {
        if matches!(nfa.state(id), State::Match { .. }) {
            return ByteSet::ALL;
        }
        steps.of(id).iter().for_each(|t| (t.start..=t.end).for_each(|byte| bytes.insert(byte)));
    }
    bytes
}

/// What can be reached without reading a byte. `seen` is all `false` before and after.
fn closure(nfa: &NFA, mut queue: Vec<StateID>, seen: &mut [bool]) -> Vec<StateID> {
    let mut all = Vec::new();
    while let Some(id) = queue.pop() {
        if !std::mem::replace(&mut seen[id], true) {
            all.push(id);
            epsilons(nfa.state(id), |next| queue.push(next));
        }
    }
    for &id in &all {
        seen[id] = false;
    }
    // Only these do something.
    all.retain(|&id| {
        !matches!(
            nfa.state(id),
            State::Union { .. } | State::BinaryUnion { .. } | State::Look { .. } | State::Capture { .. } | State::Fail
        )
    });
    all
}

pub fn epsilons(state: &State, mut go: impl FnMut(StateID)) {
    match state {
        State::Look { next, .. } | State::Capture { next, .. } => go(*next),
        State::Union { alternates } => alternates.iter().for_each(|&next| go(next)),
        State::BinaryUnion { alt1, alt2 } => [*alt1, *alt2].into_iter().for_each(go),
        State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) | State::Fail | State::Match { .. } => {}
    }
}

/// What reads a byte.
pub fn transitions(state: &State) -> Vec<Transition> {
    match state {
        State::ByteRange { trans } => vec![*trans],
        State::Sparse(sparse) => sparse.transitions.to_vec(),
        State::Dense(dense) => {
            let one = |byte| Some(Transition { start: byte, end: byte, next: dense.matches_byte(byte)? });
            (0..=u8::MAX).filter_map(one).collect()
        }
        _ => Vec::new(),
    }
}

/// The beginnings of keywords and how one leads to the next: the automaton of Aho and Corasick.
struct Tree {
    /// For each node and byte the node of the longest beginning that the text then ends in, or [`COMPLETE`].
    steps: Vec<[u16; 256]>,
}

impl Tree {
    fn new(keywords: &[String]) -> Self {
        let mut keywords: Vec<&[u8]> = keywords.iter().map(String::as_bytes).collect();
        keywords.sort_by_key(|keyword| keyword.len());
        // The nodes, each as the text that leads to it. The first is the empty one.
        let mut nodes: Vec<&[u8]> = vec![b""];
        let mut known = Vec::new();
        for keyword in keywords {
            let beginnings = (1..keyword.len()).map(|len| &keyword[..len]);
            let new: Vec<&[u8]> = beginnings.filter(|beginning| !nodes.contains(beginning)).collect();
            if nodes.len() + new.len() <= NODES {
                nodes.extend(new);
                known.push(keyword);
            }
        }
        let numbers: HashMap<&[u8], u16> = nodes.iter().copied().zip(0..).collect();
        let mut in_keywords = [false; 256];
        known.iter().flat_map(|keyword| *keyword).for_each(|&byte| in_keywords[usize::from(byte)] = true);
        let step = |node: &[u8], byte: u8| {
            let text = [node, &[byte]].concat();
            if known.iter().any(|keyword| text.ends_with(keyword)) {
                return COMPLETE;
            }
            (0..text.len()).find_map(|cut| numbers.get(&text[cut..])).copied().unwrap_or(0)
        };
        let steps_of = |node: &&[u8]| {
            let mut steps = [0; 256];
            for byte in (0..=u8::MAX).filter(|&byte| in_keywords[usize::from(byte)]) {
                steps[usize::from(byte)] = step(node, byte);
                steps[usize::from(byte.to_ascii_uppercase())] = steps[usize::from(byte)];
            }
            steps
        };
        Self { steps: nodes.iter().map(steps_of).collect() }
    }

    /// For each node the nodes to which the bytes of a transition lead.
    fn image(&self, transition: Transition) -> Vec<Mask> {
        let bytes = usize::from(transition.start)..=usize::from(transition.end);
        let image = |steps: &[u16; 256]| {
            let mut mask = Mask::default();
            for &node in steps[bytes.clone()].iter().filter(|&&node| node != COMPLETE) {
                mask.add(&Mask::of(usize::from(node)));
            }
            mask
        };
        self.steps.iter().map(image).collect()
    }
}
