//! Where in its regex a search can be when the first keyword of a match begins. Takes a regex's automaton and the keywords,
//! gives states; must never leave one out that a match passes through there.

use std::collections::HashMap;

use regex_automata::nfa::thompson::{NFA, State, Transition};
use regex_automata::util::primitives::StateID;

use super::bytes::ByteSet;

/// Nodes of the tree of keywords: as many as a mask has bits. A keyword for which there is no room is not told from other
/// text, which only adds states.
const NODES: usize = u128::BITS as usize;

/// Mark of a step that completes a keyword.
const COMPLETE: u8 = u8::MAX;

/// The states that read a byte, as far as the automaton can be in one of them before a keyword that is the first of its
/// match, look-around taken as passed.
///
/// That is what a search through the automaton reaches without completing a keyword on the way. It keeps with each state
/// the beginnings of keywords that the text so far may end in, as a mask over the nodes of a tree of keywords.
pub fn states(nfa: &NFA, keywords: &[String]) -> Vec<StateID> {
    let tree = Tree::new(keywords);
    let mut images = HashMap::new();
    let mut reached = vec![0_u128; nfa.states().len()];
    let mut fresh = vec![0_u128; nfa.states().len()];
    let mut queue = vec![nfa.start_anchored()];
    reached[nfa.start_anchored()] = 1;
    fresh[nfa.start_anchored()] = 1;
    while let Some(id) = queue.pop() {
        let mask = std::mem::take(&mut fresh[id]);
        let mut go = |next: StateID, mask: u128| {
            let new = mask & !reached[next];
            if new != 0 {
                if fresh[next] == 0 {
                    queue.push(next);
                }
                reached[next] |= new;
                fresh[next] |= new;
            }
        };
        let step = |transition: &Transition| {
            let image = images.entry((transition.start, transition.end)).or_insert_with(|| tree.image(*transition));
            let nodes = (0..tree.len()).filter(|&node| mask >> node & 1 == 1);
            go(transition.next, nodes.fold(0, |all, node| all | image[node]));
        };
        match nfa.state(id) {
            state @ (State::ByteRange { .. } | State::Sparse(_) | State::Dense(_)) => {
                transitions(state).iter().for_each(step);
            }
            state => epsilons(state, |next| go(next, mask)),
        }
    }
    let begins = |byte: u8| keywords.iter().any(|keyword| keyword.as_bytes()[0].eq_ignore_ascii_case(&byte));
    let all = (0..reached.len()).filter(|&id| reached[id] != 0).map(StateID::must);
    all.filter(|&id| transitions(nfa.state(id)).iter().any(|t| (t.start..=t.end).any(begins))).collect()
}

/// The bytes that can follow a keyword, read from these states on, in upper or lower case.
pub fn next_bytes(nfa: &NFA, states: &[StateID], keyword: &str) -> ByteSet {
    let mut current = states.to_vec();
    for byte in keyword.bytes() {
        let reads = |t: &Transition| {
            let mut cases = [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()].into_iter();
            cases.any(|byte| t.start <= byte && byte <= t.end)
        };
        let next = current.iter().flat_map(|&id| transitions(nfa.state(id))).filter(reads).map(|t| t.next);
        current = closure(nfa, next.collect());
    }
    let mut bytes = ByteSet::default();
    for id in current {
        match nfa.state(id) {
            State::Match { .. } => return ByteSet::ALL,
            state => transitions(state).iter().for_each(|t| (t.start..=t.end).for_each(|byte| bytes.insert(byte))),
        }
    }
    bytes
}

/// What can be reached without reading a byte.
fn closure(nfa: &NFA, mut queue: Vec<StateID>) -> Vec<StateID> {
    let mut seen = vec![false; nfa.states().len()];
    let mut all = Vec::new();
    while let Some(id) = queue.pop() {
        if !std::mem::replace(&mut seen[id], true) {
            all.push(id);
            epsilons(nfa.state(id), |next| queue.push(next));
        }
    }
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
    steps: Vec<[u8; 256]>,
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
        let step = |node: &[u8], byte: u8| {
            let byte = byte.to_ascii_lowercase();
            if !known.iter().any(|keyword| keyword.contains(&byte)) {
                return 0;
            }
            let text = [node, &[byte]].concat();
            if known.iter().any(|keyword| text.ends_with(keyword)) {
                return COMPLETE;
            }
            let longest = (0..=text.len()).find_map(|cut| nodes.iter().position(|node| *node == &text[cut..]));
            longest.unwrap_or(0) as u8
        };
        let steps = nodes.iter().map(|node| std::array::from_fn(|byte| step(node, byte as u8))).collect();
        Self { steps }
    }

    fn len(&self) -> usize {
        self.steps.len()
    }

    /// For each node the nodes to which the bytes of a transition lead.
    fn image(&self, transition: Transition) -> Vec<u128> {
        let bytes = usize::from(transition.start)..=usize::from(transition.end);
        let image = |steps: &[u8; 256]| {
            steps[bytes.clone()].iter().filter(|&&node| node != COMPLETE).fold(0, |mask, &node| mask | 1 << node)
        };
        self.steps.iter().map(image).collect()
    }
}
