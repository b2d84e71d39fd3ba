//! Whether a commit has any of some blobs. Takes pairs of path and blob, looks them up in the skeleton; each root tree once.

use std::collections::{BTreeSet, HashMap};

use super::attribution::{Attribution, Pair};
use super::skeleton::Item;
use super::store::Number;

/// Whether commits have any of some (path, blob) pairs.
pub struct Presence<'a> {
    attribution: &'a Attribution<'a>,
    /// Names of each path.
    paths: BTreeSet<Vec<u32>>,
    /// The blobs that count at any of them.
    blobs: BTreeSet<Number>,
    known: HashMap<u32, bool>,
}

impl<'a> Presence<'a> {
    /// Asks for the blobs of these pairs, each at any of their paths.
    pub fn new(attribution: &'a Attribution<'a>, pairs: &[&Pair]) -> Self {
        let paths = pairs.iter().map(|pair| attribution.paths.names(pair.path).0).collect();
        let blobs = pairs.iter().map(|pair| pair.blob).collect();
        Self { attribution, paths, blobs, known: HashMap::new() }
    }

    /// Whether the commit of a rank has one of them.
    pub fn at(&mut self, rank: u32) -> bool {
        let root = self.attribution.skeleton.root(self.attribution.graph.nodes[rank as usize].tree());
        if let Some(&known) = self.known.get(&root) {
            return known;
        }
        let found = self.paths.iter().any(|names| self.stands(root, names));
        self.known.insert(root, found);
        found
    }

    fn stands(&self, root: u32, names: &[u32]) -> bool {
        let mut nodes = vec![root];
        for (depth, &name) in names.iter().enumerate() {
            let items = nodes.iter().flat_map(|&node| self.attribution.skeleton.named(node, name));
            if depth + 1 == names.len() {
                return items.into_iter().any(|item: &Item| !item.is_tree && self.blobs.contains(&item.target));
            }
            nodes = items.filter(|item| item.is_tree).map(|item| item.target).collect();
        }
        false
    }
}
