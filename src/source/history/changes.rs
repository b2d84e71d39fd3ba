//! What the commits of a range bring. Takes commits and their parents' trees, gives each path whose version differs from
//! that of every parent; must never report a file as new because it was moved or merged.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use gix::objs::Kind;
use rayon::prelude::*;

use super::bits::Bits;
use super::graph::Graph;
use super::parse::{self, EntryKind};
use super::reader::{Reader, Readers};
use super::store::{Number, Store};
use super::trees::cannot_read;
use super::trouble::{Named, Troubles};
use crate::blob::{ObjectId, RepoPath};
use crate::coverage::SkipReason;
use crate::source::{Change, Sink};

/// Commits handed to one task.
const CHUNK: usize = 32;

/// Most tree entries looked at for one commit: ten times what the largest repositories hold.
const MAX_ENTRIES: usize = 4_000_000;

/// Longest path that is followed, in bytes.
const MAX_PATH_BYTES: usize = 16 << 10;

/// What changes are computed from.
pub(super) struct Changes<'a> {
    pub graph: &'a Graph,
    pub store: &'a Store,
    pub readers: &'a Readers<'a>,
    pub troubles: &'a Troubles,
    /// Filled with the trees that were read.
    pub trees: &'a Bits,
}

#[derive(Clone, PartialEq, Eq)]
struct Item {
    name: Vec<u8>,
    id: ObjectId,
    is_tree: bool,
}

/// A version that no parent has at its path, with what each parent has there instead.
struct New {
    path: Vec<u8>,
    id: ObjectId,
    bases: Vec<Option<ObjectId>>,
}

/// Files of one parent that the commit no longer has.
#[derive(Default)]
struct Gone {
    ids: BTreeSet<ObjectId>,
    /// File name to versions.
    names: BTreeMap<Vec<u8>, Vec<ObjectId>>,
}

impl Changes<'_> {
    /// All changes, sorted.
    pub fn all(&self, sink: &dyn Sink) -> Vec<Change> {
        let ranks: Vec<u32> = self.graph.in_scope().collect();
        let mut changes: Vec<Change> = ranks
            .par_chunks(CHUNK)
            .flat_map_iter(|chunk| {
                self.readers.with(|reader| {
                    let wanted = chunk.iter().take_while(|_| !sink.cancelled());
                    wanted.flat_map(|&rank| self.of(rank, reader)).collect::<Vec<_>>()
                })
            })
            .collect();
        changes.par_sort();
        changes
    }

    fn of(&self, rank: u32, reader: &mut Reader<'_>) -> Vec<Change> {
        let tree = |rank: u32| self.graph.nodes[rank as usize].tree().map(|number| self.store.id(number));
        let Some(own) = tree(rank) else { return Vec::new() };
        let parents: Vec<Option<ObjectId>> = self.graph.parents(rank).iter().map(|&parent| tree(parent)).collect();
        let mut left = MAX_ENTRIES;
        let new = self.new_versions(own, &parents, &mut left, reader);
        // What went away matters only where something seems to have been added.
        let added = new.iter().any(|new| new.bases.iter().any(Option::is_none));
        let gone: Vec<Gone> = parents
            .iter()
            .map(|parent| match parent {
                Some(parent) if added => self.gone(*parent, own, &mut left, reader),
                _ => Gone::default(),
            })
            .collect();
        let commit = self.graph.commit(rank, self.store);
        if left == 0 {
            let what = format!("commit {}: trees with more paths than can be listed", commit.id);
            self.troubles.add(SkipReason::CorruptObject, what);
        }
        let moved = |new: &New| gone.iter().any(|gone| gone.ids.contains(&new.id));
        let mut changes = Vec::new();
        for new in new.into_iter().filter(|new| !moved(new)) {
            let path = RepoPath::new(new.path);
            let bases = new.bases.iter().zip(&gone).filter_map(|(base, gone)| {
                // A file that was moved and edited keeps its name more often than not.
                base.or_else(|| match gone.names.get(path.file_name()).map(Vec::as_slice) {
                    Some(&[only]) => Some(only),
                    _ => None,
                })
            });
            let bases: BTreeSet<ObjectId> = bases.collect();
            let bases = bases.into_iter().collect();
            changes.push(Change { path, object: new.id, commit: Some(commit), bases });
        }
        changes
    }

    /// Walks a tree beside those of all parents, and past what any of them has.
    fn new_versions(
        &self,
        own: ObjectId,
        parents: &[Option<ObjectId>],
        left: &mut usize,
        reader: &mut Reader<'_>,
    ) -> Vec<New> {
        let mut found = Vec::new();
        if parents.contains(&Some(own)) {
            return found;
        }
        let mut todo = vec![(Vec::new(), own, parents.to_vec())];
        while let Some((path, own, parents)) = todo.pop() {
            let items = self.items(own, reader);
            let theirs: Vec<Vec<Item>> =
                parents.iter().map(|tree| tree.map_or_else(Vec::new, |tree| self.items(tree, reader))).collect();
            for item in items {
                let same_name = || theirs.iter().map(|items| named(items, &item.name));
                if same_name().any(|others| others.contains(&item)) {
                    continue;
                }
                if *left == 0 {
                    return found;
                }
                *left -= 1;
                let base = |others: &[Item]| others.iter().find(|other| other.is_tree == item.is_tree).map(|o| o.id);
                let bases: Vec<_> = same_name().map(base).collect();
                let Some(path) = self.join(&path, &item.name) else { continue };
                if item.is_tree {
                    todo.push((path, item.id, bases));
                } else if self.store.find(&item.id).is_some() {
                    found.push(New { path, id: item.id, bases });
                } else {
                    self.troubles.absent(item.id, Named::Blob, (Named::Tree, own));
                }
            }
        }
        found
    }

    /// The files of a parent at whose paths the commit has none.
    fn gone(&self, parent: ObjectId, own: ObjectId, left: &mut usize, reader: &mut Reader<'_>) -> Gone {
        let mut gone = Gone::default();
        if parent == own {
            return gone;
        }
        let mut todo = vec![(parent, Some(own), 0)];
        while let Some((parent, own, depth)) = todo.pop() {
            let items = self.items(parent, reader);
            let ours = own.map_or_else(Vec::new, |tree| self.items(tree, reader));
            for item in items {
                let same_name = named(&ours, &item.name);
                if same_name.contains(&item) {
                    continue;
                }
                if *left == 0 || depth > MAX_PATH_BYTES {
                    return gone;
                }
                *left -= 1;
                let same_kind = same_name.iter().find(|other| other.is_tree == item.is_tree);
                if item.is_tree {
                    todo.push((item.id, same_kind.map(|other| other.id), depth + 1));
                } else if same_kind.is_none() {
                    gone.ids.insert(item.id);
                    gone.names.entry(item.name).or_default().push(item.id);
                }
            }
        }
        gone
    }

    fn join(&self, folder: &[u8], name: &[u8]) -> Option<Vec<u8>> {
        let mut path = folder.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        if path.len() > MAX_PATH_BYTES {
            let what = format!("a path of more than {MAX_PATH_BYTES} bytes");
            self.troubles.add(SkipReason::CorruptObject, what);
            return None;
        }
        Some(path)
    }

    /// Files and folders of a tree, sorted by name.
    fn items(&self, id: ObjectId, reader: &mut Reader<'_>) -> Vec<Item> {
        let Some(number) = self.store.find(&id) else {
            if !id.is_empty_tree() {
                self.troubles.absent(id, Named::Tree, (Named::Tree, id));
            }
            return Vec::new();
        };
        self.trees.insert(number);
        let mut items = self.parsed(number, reader);
        items.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
        items
    }

    fn parsed(&self, number: Number, reader: &mut Reader<'_>) -> Vec<Item> {
        let id = self.store.id(number);
        match reader.read(number) {
            Ok((Kind::Tree, bytes)) => {
                let mut entries = parse::tree(bytes, self.store.hash.len_in_bytes());
                let files = entries.by_ref().filter(|entry| entry.kind != EntryKind::Link);
                let item = |entry: parse::Entry<'_>| Item {
                    name: entry.name.to_vec(),
                    id: entry.id.to_owned(),
                    is_tree: entry.kind == EntryKind::Tree,
                };
                let items = files.map(item).collect();
                if entries.damaged() {
                    self.troubles.add(SkipReason::CorruptObject, format!("tree {id}: its entries are damaged"));
                }
                items
            }
            Ok((other, _)) => {
                self.troubles.add(SkipReason::CorruptObject, format!("object {id}: a {other} where a tree should be"));
                Vec::new()
            }
            Err(error) => {
                cannot_read(self.store, number, Named::Tree, error, self.troubles);
                Vec::new()
            }
        }
    }
}

/// The items of a name: one, unless the tree is damaged.
fn named<'a>(items: &'a [Item], name: &[u8]) -> &'a [Item] {
    let start = items.partition_point(|item| item.name.as_slice().cmp(name) == Ordering::Less);
    let len = items[start..].partition_point(|item| item.name == name);
    &items[start..start + len]
}
