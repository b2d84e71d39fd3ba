//! The trees of a walk reduced to what leads to wanted blobs. Takes root trees and blobs, gives a small graph in which two
//! trees that differ only in other things are the same node; must never recurse or keep entries that lead nowhere.
//!
//! That sameness is what makes attribution cheap: most commits touch nothing wanted, so their root is their parent's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use super::bits::Bits;
use super::census::{Census, Entry};
use super::parse::EntryKind;
use super::reader::Reader;
use super::store::Number;
use super::trees::{Trees, entries};

/// Trees handed to one task.
const CHUNK: usize = 256;

/// What is known of a tree that was not looked at, and of one that is being looked at.
const UNKNOWN: u32 = u32::MAX;
const OPEN: u32 = u32::MAX - 1;

/// One way on from a node: a folder with its node, or a wanted blob with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Item {
    /// Index into [`Skeleton::names`].
    pub name: u32,
    pub is_tree: bool,
    pub target: u32,
}

/// The reduced trees.
#[derive(Default)]
pub(super) struct Skeleton {
    /// Items of each node, sorted. Node 0 has none.
    pub nodes: Vec<Box<[Item]>>,
    /// File and folder names.
    pub names: Vec<Box<[u8]>>,
    roots: HashMap<Number, u32>,
}

impl Skeleton {
    /// One that leads nowhere.
    pub fn empty() -> Self {
        Self { nodes: vec![Box::default()], ..Self::default() }
    }

    /// The node of a root tree; 0 if it leads to nothing.
    pub fn root(&self, tree: Option<Number>) -> u32 {
        tree.and_then(|tree| self.roots.get(&tree)).copied().unwrap_or(0)
    }

    /// The items of a node with this name: one, unless the tree is damaged.
    pub fn named(&self, node: u32, name: u32) -> &[Item] {
        let items = &self.nodes[node as usize];
        let start = items.partition_point(|item| item.name < name);
        let len = items[start..].partition_point(|item| item.name == name);
        &items[start..start + len]
    }

    /// Reduces the trees below `roots`.
    pub fn build<'a>(trees: &'a Trees<'a>, roots: &[Number], wanted: &BTreeSet<Number>) -> Self {
        let len = trees.store.len();
        let search = Search { trees, wanted: Bits::new(len), done: Bits::new(len), holds: Bits::new(len) };
        for &blob in wanted {
            search.wanted.insert(blob);
        }
        roots.par_chunks(CHUNK).for_each(|chunk| {
            trees.readers.with(|reader| chunk.iter().for_each(|&root| search.below(root, reader)));
        });
        let (raw, names) = search.collect();
        let mut skeleton = Self { names, ..Self::empty() };
        skeleton.unite(&raw, roots);
        skeleton
    }

    /// Reduces trees that are all in memory.
    pub fn from_census(census: &Census, roots: &[Number], wanted: &Bits) -> Self {
        let holding = census.holding(wanted);
        let mut skeleton = Self { names: census.names.clone(), ..Self::empty() };
        let mut nodes: HashMap<Box<[Item]>, u32> = HashMap::from([(Box::default(), 0)]);
        let mut node_of: Vec<u32> = vec![UNKNOWN; census.len()];
        // The newest first: git makes the older trees from the newer ones.
        for &root in roots.iter().rev() {
            let Some(row) = census.row(root) else { continue };
            let mut stack = vec![row];
            while let Some(&row) = stack.last() {
                let depth = stack.len();
                if node_of[row as usize] == UNKNOWN {
                    // Only a forged object names a tree that is still open; that item leads nowhere.
                    node_of[row as usize] = OPEN;
                    let below = census.folders(row).iter().filter_map(|folder| census.row(folder.child));
                    stack.extend(below.filter(|&below| node_of[below as usize] == UNKNOWN));
                }
                if stack.len() > depth {
                    continue;
                }
                stack.pop();
                if node_of[row as usize] != OPEN {
                    continue;
                }
                // What a folder leads to, once that is known.
                let target = |entry: &Entry| census.row(entry.child).map(|below| node_of[below as usize]);
                let item = |entry: &Entry| {
                    let target = if entry.is_folder() { target(entry)? } else { entry.child };
                    let leads = !entry.is_folder() || (target != 0 && target < OPEN);
                    leads.then_some(Item { name: entry.name(), is_tree: entry.is_folder(), target })
                };
                let own = || holding.get(&row).map_or(&[][..], Vec::as_slice);
                // Most trees changed nothing in their base that leads somewhere.
                let same = census.base(row).map(|base| (base, node_of[base as usize])).filter(|&(base, node)| {
                    let (came, went) = census.changes(row);
                    let unknown = |entry: &&Entry| entry.is_folder() && target(entry).is_none_or(|node| node >= OPEN);
                    let folders = |entries: &[Entry]| {
                        let mut items: Vec<Item> = entries.iter().filter(|e| e.is_folder()).filter_map(item).collect();
                        items.sort_unstable();
                        items
                    };
                    node < OPEN
                        && !went.iter().any(|entry| unknown(&entry))
                        && holding.get(&base).map_or(&[][..], Vec::as_slice) == own()
                        && folders(came) == folders(went)
                });
                node_of[row as usize] = if let Some((_, node)) = same {
                    node
                } else {
                    let mut items: Vec<Item> = census.folders(row).iter().chain(own()).filter_map(item).collect();
                    skeleton.node(&mut nodes, &mut items)
                };
            }
            skeleton.roots.insert(root, node_of[row as usize]);
        }
        skeleton
    }

    /// The number of the node with these items.
    fn node(&mut self, nodes: &mut HashMap<Box<[Item]>, u32>, items: &mut Vec<Item>) -> u32 {
        items.sort_unstable();
        items.dedup();
        if let Some(&node) = nodes.get(items.as_slice()) {
            return node;
        }
        let (next, items) = (self.nodes.len() as u32, std::mem::take(items).into_boxed_slice());
        self.nodes.push(items.clone());
        nodes.insert(items, next);
        next
    }

    /// Numbers the reduced trees so that equal ones get the same number, children first.
    fn unite(&mut self, raw: &HashMap<Number, Vec<Item>>, roots: &[Number]) {
        let mut nodes: HashMap<Box<[Item]>, u32> = HashMap::from([(Box::default(), 0)]);
        let mut known: HashMap<Number, u32> = HashMap::new();
        let mut open: BTreeSet<Number> = BTreeSet::new();
        for &root in roots.iter().filter(|root| raw.contains_key(root)) {
            let mut stack = vec![root];
            while let Some(&tree) = stack.last() {
                if known.contains_key(&tree) {
                    stack.pop();
                    continue;
                }
                let items = raw.get(&tree).map_or(&[][..], Vec::as_slice);
                if open.insert(tree) {
                    let below = items.iter().filter(|item| item.is_tree).map(|item| item.target);
                    stack.extend(below.filter(|below| !known.contains_key(below) && !open.contains(below)));
                    continue;
                }
                // Only a forged object names a tree that is still open; that item leads nowhere.
                let resolve = |item: &Item| {
                    let target = if item.is_tree { known.get(&item.target).copied().unwrap_or(0) } else { item.target };
                    Item { target, ..*item }
                };
                let mut items: Vec<Item> = items.iter().map(resolve).collect();
                known.insert(tree, self.node(&mut nodes, &mut items));
                stack.pop();
            }
            self.roots.insert(root, known[&root]);
        }
    }
}

/// The search for trees that lead to something wanted.
struct Search<'a> {
    trees: &'a Trees<'a>,
    wanted: Bits,
    done: Bits,
    holds: Bits,
}

struct Frame {
    tree: Number,
    below: Vec<Number>,
    holds: bool,
}

/// Name, whether it is a folder, and the object.
type RawItem = (Box<[u8]>, bool, Number);

type Raw = (HashMap<Number, Vec<Item>>, Vec<Box<[u8]>>);

impl Search<'_> {
    /// Depth first, with a stack of its own: a hostile tree is nested as deep as its author likes.
    fn below(&self, root: Number, reader: &mut Reader<'_>) {
        if self.done.contains(root) {
            return;
        }
        let mut open = BTreeSet::from([root]);
        let mut stack = vec![self.frame(root, reader)];
        while let Some(frame) = stack.last_mut() {
            if let Some(child) = frame.below.pop() {
                if self.done.contains(child) {
                    frame.holds |= self.holds.contains(child);
                } else if open.insert(child) {
                    stack.push(self.frame(child, reader));
                }
                continue;
            }
            let Some(Frame { tree, holds, .. }) = stack.pop() else { break };
            // In this order: who sees `done` must see `holds`.
            if holds {
                self.holds.insert(tree);
            }
            self.done.insert(tree);
            open.remove(&tree);
            if let Some(above) = stack.last_mut() {
                above.holds |= holds;
            }
        }
    }

    fn frame(&self, tree: Number, reader: &mut Reader<'_>) -> Frame {
        let mut frame = Frame { tree, below: Vec::new(), holds: false };
        entries(self.trees.store, tree, reader, self.trees.troubles, |_, child, kind| {
            if self.wanted.contains(child) {
                frame.holds = true;
            } else if kind == EntryKind::Tree {
                frame.below.push(child);
            }
        });
        frame
    }

    /// Reads the trees that lead somewhere once more, for the names.
    fn collect(&self) -> Raw {
        let mut holders = self.holds.to_vec();
        self.trees.store.sort_by_place(&mut holders);
        let read: Vec<Vec<(Number, Vec<RawItem>)>> = holders
            .par_chunks(CHUNK)
            .map(|chunk| {
                let read =
                    |reader: &mut Reader<'_>| chunk.iter().map(|&tree| (tree, self.items(tree, reader))).collect();
                self.trees.readers.with(read)
            })
            .collect();
        let mut raw = HashMap::new();
        let mut numbers: BTreeMap<Box<[u8]>, u32> = BTreeMap::new();
        let mut names: Vec<Box<[u8]>> = Vec::new();
        for (tree, items) in read.into_iter().flatten() {
            let mut kept = Vec::with_capacity(items.len());
            for (name, is_tree, target) in items {
                let number = *numbers.entry(name).or_insert_with_key(|name| {
                    names.push(name.clone());
                    names.len() as u32 - 1
                });
                kept.push(Item { name: number, is_tree, target });
            }
            raw.insert(tree, kept);
        }
        (raw, names)
    }

    fn items(&self, tree: Number, reader: &mut Reader<'_>) -> Vec<RawItem> {
        let mut items = Vec::new();
        entries(self.trees.store, tree, reader, self.trees.troubles, |name, child, kind| {
            let is_blob = self.wanted.contains(child);
            if is_blob || (kind == EntryKind::Tree && self.holds.contains(child)) {
                items.push((name.into(), !is_blob, child));
            }
        });
        items
    }
}
