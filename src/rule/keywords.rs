//! Keywords and windows of regexes. Takes the HIR of a regex, gives literals of which *every* match contains at least one,
//! and how far from it a match may reach; must never give a set that a match can avoid.
//!
//! Many sets are required by one regex: in `(?:api|app)_key=[a-f0-9]{32}` every match contains `api_key=` or `app_key=`,
//! and also `key=`. The set that is rarest in source text is taken, since every hit costs a regex search.

mod rarity;
#[cfg(test)]
mod tests;

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::types::Window;

/// Shorter literals hit too often to be worth looking for.
pub const MIN_LEN: usize = 3;

/// Longer literals are cut: what follows adds nothing to their rarity.
const MAX_LEN: usize = 32;

/// Literals of one rule.
pub const MAX_KEYWORDS: usize = 64;

/// Classes with more bytes (case folded) are not spelt out.
const MAX_CLASS: usize = 16;

/// What each literal costs however rare it is, as hits per byte: it fills the prefilter's tables.
const EACH: f64 = 0.5e-6;

/// What [`derive`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// ASCII lower case, sorted.
    pub keywords: Vec<String>,
    /// How far a match may reach from any of them.
    pub window: Window,
}

/// A literal that stands in a match, and the most bytes the match can have on either side of it.
#[derive(Clone, Debug)]
struct Literal {
    bytes: Vec<u8>,
    before: usize,
    after: usize,
}

/// Literals of which every match of a node contains at least one.
type Set = Vec<Literal>;

/// What is known of a node of the HIR.
struct Node {
    /// All strings it can match, if they are few.
    exact: Option<Vec<Vec<u8>>>,
    /// Literals of which every match starts with one; often the empty one.
    prefix: Set,
    /// Sets that it requires.
    sets: Vec<Set>,
    /// Bytes of its longest match.
    max: usize,
}

/// The cheapest set of keywords that the regex requires; `None` if it requires no literal of [`MIN_LEN`] bytes.
///
/// Literals that are not UTF-8 are not considered.
#[must_use]
pub fn derive(hir: &Hir) -> Option<Derived> {
    let node = analyse(hir);
    let best = cheapest(node.into_sets())?;
    let window = Window {
        before: best.iter().map(|literal| literal.before).max()? as u32,
        after: best.iter().map(|literal| literal.after).max()? as u32,
    };
    let mut keywords: Vec<String> =
        best.into_iter().map(|literal| String::from_utf8(literal.bytes).ok()).collect::<Option<_>>()?;
    keywords.sort();
    Some(Derived { keywords, window })
}

/// The least window in which every match has one of these keywords (ASCII lower case); `None` if the regex does not show
/// that every match contains one, and nothing less than its longest match will do.
#[must_use]
pub fn window_of(hir: &Hir, keywords: &[String]) -> Option<Window> {
    let around = |literal: &Literal| {
        let placed =
            keywords.iter().filter_map(|keyword| Some((keyword.len(), find(&literal.bytes, keyword.as_bytes())?)));
        let windows = placed.map(|(len, at)| (literal.before + at, literal.after + literal.bytes.len() - at - len));
        windows.min_by_key(|(before, after)| before + after)
    };
    let window = |set: Set| {
        let sides: Vec<(usize, usize)> = set.iter().map(around).collect::<Option<_>>()?;
        Some((sides.iter().map(|(before, _)| *before).max()?, sides.iter().map(|(_, after)| *after).max()?))
    };
    let windows = analyse(hir).into_sets().into_iter().filter_map(window);
    let (before, after) = windows.min_by_key(|(before, after)| before + after)?;
    Some(Window { before: u32::try_from(before).ok()?, after: u32::try_from(after).ok()? })
}

impl Node {
    fn exact(strings: Vec<Vec<u8>>, max: usize) -> Self {
        Self { prefix: literals(&strings, 0, 0), exact: Some(strings), sets: Vec::new(), max }
    }

    /// A node that can match too many strings to list, or that need not match anything.
    fn open(sets: Vec<Set>, max: usize) -> Self {
        Self { exact: None, prefix: vec![Literal { bytes: Vec::new(), before: 0, after: max }], sets, max }
    }

    /// Every set that the node requires.
    fn into_sets(self) -> Vec<Set> {
        let mut sets = self.sets;
        sets.push(self.prefix);
        sets
    }
}

fn analyse(hir: &Hir) -> Node {
    let max = hir.properties().maximum_len().unwrap_or(u32::MAX as usize);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Node::exact(vec![Vec::new()], max),
        HirKind::Literal(literal) => Node::exact(vec![literal.0.to_ascii_lowercase()], max),
        HirKind::Class(class) => {
            spell_out(class).map_or_else(|| Node::open(Vec::new(), max), |all| Node::exact(all, max))
        }
        HirKind::Capture(capture) => analyse(&capture.sub),
        HirKind::Repetition(repetition) => repeat(repetition, max),
        HirKind::Alternation(branches) => alternate(branches, max),
        HirKind::Concat(parts) => concatenate(parts, max),
    }
}

/// The bytes of a small class, case folded.
fn spell_out(class: &Class) -> Option<Vec<Vec<u8>>> {
    let Class::Bytes(class) = class else { return None };
    let mut bytes: Vec<u8> = Vec::new();
    for range in class.ranges() {
        if range.end() - range.start() >= 2 * MAX_CLASS as u8 {
            return None;
        }
        bytes.extend((range.start()..=range.end()).map(|b| b.to_ascii_lowercase()));
    }
    bytes.sort_unstable();
    bytes.dedup();
    (bytes.len() <= MAX_CLASS).then(|| bytes.into_iter().map(|b| vec![b]).collect())
}

fn repeat(repetition: &Repetition, max: usize) -> Node {
    let sub = analyse(&repetition.sub);
    let (least, most) = (repetition.min as usize, repetition.max.map_or(u32::MAX as usize, |most| most as usize));
    match (least, sub.exact) {
        (0, Some(mut strings)) if most == 1 => {
            strings.push(Vec::new());
            Node::exact(strings, max)
        }
        (0, _) => Node::open(Vec::new(), max),
        (_, Some(strings)) => {
            // As many copies of the first rounds as stay few.
            let (mut power, mut rounds) = (vec![Vec::new()], 0);
            while rounds < least.min(MAX_LEN)
                && let Some(longer) = product(&power, &strings)
            {
                (power, rounds) = (longer, rounds + 1);
            }
            if rounds == least && least == most {
                return Node::exact(power, max);
            }
            let after = most.saturating_sub(rounds).saturating_mul(sub.max);
            Node { exact: None, prefix: literals(&power, 0, after), sets: Vec::new(), max }
        }
        // The first round has each of the sets.
        (_, None) => {
            let after = (most - 1).saturating_mul(sub.max);
            let sets = sub.sets.into_iter().map(|set| shift(set, 0, after)).collect();
            Node { exact: None, prefix: shift(sub.prefix, 0, after), sets, max }
        }
    }
}

fn alternate(branches: &[Hir], max: usize) -> Node {
    let nodes: Vec<Node> = branches.iter().map(analyse).collect();
    if nodes.iter().all(|node| node.exact.is_some()) {
        let mut strings: Vec<Vec<u8>> = nodes.iter().flat_map(|node| node.exact.clone().unwrap_or_default()).collect();
        strings.sort();
        strings.dedup();
        if strings.len() <= MAX_KEYWORDS {
            return Node::exact(strings, max);
        }
    }
    let mut node = Node::open(Vec::new(), max);
    if nodes.iter().map(|node| node.prefix.len()).sum::<usize>() <= MAX_KEYWORDS {
        node.prefix = nodes.iter().flat_map(|node| node.prefix.clone()).collect();
    }
    // Each branch gives its best; one without any makes the whole have none.
    let best: Option<Vec<Set>> = nodes.into_iter().map(|node| cheapest(node.into_sets())).collect();
    node.sets.extend(best.map(|sets| sets.into_iter().flatten().collect()));
    node
}

fn concatenate(parts: &[Hir], max: usize) -> Node {
    let nodes: Vec<Node> = parts.iter().map(analyse).collect();
    // before[i]: the most bytes of the parts before i; after[i]: of the parts from i on.
    let mut before = vec![0_usize; nodes.len() + 1];
    let mut after = vec![0_usize; nodes.len() + 1];
    for (i, node) in nodes.iter().enumerate() {
        before[i + 1] = before[i].saturating_add(node.max);
    }
    for (i, node) in nodes.iter().enumerate().rev() {
        after[i] = after[i + 1].saturating_add(node.max);
    }
    let mut sets = Vec::new();
    let mut prefix = None;
    // The strings that a run of neighbouring parts can match, and the first part of the run.
    let (mut run, mut first) = (vec![Vec::new()], 0);
    let mut run_parts: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut whole = true;
    for (i, node) in nodes.into_iter().enumerate() {
        let Node { exact, prefix: start, sets: inner, .. } = node;
        sets.extend(inner.into_iter().map(|set| shift(set, before[i], after[i + 1])));
        // What the part starts with, after the run so far: often one literal that `regex-syntax` has taken apart.
        let joined = join(&run, &start);
        if let Some(joined) = &joined {
            sets.push(shift(joined.clone(), before[first], after[i + 1]));
        }
        sets.push(shift(start, before[i], after[i + 1]));
        let longer = exact.as_ref().and_then(|strings| product(&run, strings));
        if longer.is_none() && first == 0 && prefix.is_none() {
            prefix = Some(joined.map_or_else(|| literals(&run, 0, after[i]), |set| shift(set, 0, after[i + 1])));
        }
        match (longer, exact) {
            (Some(longer), Some(strings)) => {
                run = longer;
                run_parts.push(strings);
            }
            (_, Some(strings)) => {
                // The run goes on without its first parts, as long as it is one that can.
                run_parts.push(strings);
                (run, first) = latest_run(&mut run_parts, i + 1);
                sets.push(literals(&run, before[first], after[i + 1]));
                whole = false;
            }
            (_, None) => {
                (run, first, whole) = (vec![Vec::new()], i + 1, false);
                run_parts.clear();
            }
        }
    }
    if whole {
        // A run over all parts is all that can match.
        return Node { sets, ..Node::exact(run, max) };
    }
    Node { exact: None, prefix: prefix.unwrap_or_else(|| Node::open(Vec::new(), max).prefix), sets, max }
}

/// The longest run that ends with the last of the parts, which end before `end`, and is not too many strings: the strings and
/// the number of its first part. Parts before it are taken out.
fn latest_run(parts: &mut Vec<Vec<Vec<u8>>>, end: usize) -> (Vec<Vec<u8>>, usize) {
    let mut run = vec![Vec::new()];
    let mut begin = parts.len();
    while let Some(longer) = begin.checked_sub(1).and_then(|part| product(&parts[part], &run)) {
        run = longer;
        begin -= 1;
    }
    parts.drain(..begin);
    (run, end - parts.len())
}

/// Every string of a run followed by every literal that the next part starts with, unless these are many.
fn join(run: &[Vec<u8>], start: &Set) -> Option<Set> {
    if run.len() * start.len() > MAX_KEYWORDS {
        return None;
    }
    let pair =
        |head: &Vec<u8>, tail: &Literal| Literal { bytes: [head.as_slice(), &tail.bytes].concat(), ..tail.clone() };
    Some(run.iter().flat_map(|head| start.iter().map(move |tail| cut(pair(head, tail)))).collect())
}

/// Every string of `left` followed by every string of `right`, unless these are many or long.
fn product(left: &[Vec<u8>], right: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    if left.len() * right.len() > MAX_KEYWORDS {
        return None;
    }
    let mut strings: Vec<Vec<u8>> =
        left.iter().flat_map(|l| right.iter().map(move |r| [l.as_slice(), r].concat())).collect();
    strings.sort();
    strings.dedup();
    strings.iter().all(|string| string.len() <= MAX_LEN).then_some(strings)
}

fn literals(strings: &[Vec<u8>], before: usize, after: usize) -> Set {
    strings.iter().map(|bytes| Literal { bytes: bytes.clone(), before, after }).map(cut).collect()
}

/// Cuts a long literal; what is cut off counts as after it.
fn cut(mut literal: Literal) -> Literal {
    if literal.bytes.len() > MAX_LEN {
        literal.after = literal.after.saturating_add(literal.bytes.len() - MAX_LEN);
        literal.bytes.truncate(MAX_LEN);
    }
    literal
}

fn shift(set: Set, before: usize, after: usize) -> Set {
    set.into_iter()
        .map(|literal| Literal {
            before: literal.before.saturating_add(before),
            after: literal.after.saturating_add(after),
            ..literal
        })
        .collect()
}

/// The usable set with the least cost; of equal ones the one with fewer and longer literals and less before them.
fn cheapest(sets: Vec<Set>) -> Option<Set> {
    let reach = |set: &Set| set.iter().map(|literal| literal.before).max();
    let shortest = |set: &Set| set.iter().map(|literal| literal.bytes.len()).min();
    sets.into_iter()
        .filter_map(|set| {
            let set = without_covered(set);
            cost(&set).map(|cost| (cost, set))
        })
        .min_by(|(a, x), (b, y)| {
            let fewer = a.total_cmp(b).then_with(|| x.len().cmp(&y.len()));
            fewer.then_with(|| shortest(y).cmp(&shortest(x))).then_with(|| reach(x).cmp(&reach(y)))
        })
        .map(|(_, set)| set)
}

/// Drops literals that contain another of the set: where they stand, the other stands too.
fn without_covered(mut set: Set) -> Set {
    set.sort_by(|a, b| a.bytes.len().cmp(&b.bytes.len()).then_with(|| a.bytes.cmp(&b.bytes)));
    let mut kept: Set = Vec::new();
    for literal in set {
        let found = kept.iter_mut().find_map(|short| {
            let at = find(&literal.bytes, &short.bytes).filter(|_| short.bytes.len() >= MIN_LEN)?;
            Some((short, at))
        });
        let Some((short, at)) = found else {
            kept.push(literal);
            continue;
        };
        short.before = short.before.max(literal.before + at);
        short.after = short.after.max(literal.after + literal.bytes.len() - at - short.bytes.len());
    }
    kept
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len().max(1)).position(|window| window == needle)
}

/// How often a set is expected to hit, per byte of source text; `None` if it cannot be used.
fn cost(set: &Set) -> Option<f64> {
    let usable = |literal: &Literal| literal.bytes.len() >= MIN_LEN && std::str::from_utf8(&literal.bytes).is_ok();
    if set.is_empty() || set.len() > MAX_KEYWORDS || !set.iter().all(usable) {
        return None;
    }
    Some(set.iter().map(|literal| rarity::frequency(&literal.bytes) + EACH).sum())
}
