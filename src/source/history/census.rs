//! All trees at once. Takes a store whose forests are planted, gives every tree as what it changed in the one it was made
//! from; must never keep what can be told from the base, or take a damaged tree for a whole one.
//!
//! A tree in a pack mostly differs from its delta base in one entry. So only entries that are new are looked up in the
//! indexes, and what a tree holds is kept as what came and what went. That is small enough to keep all trees of a history in
//! memory, and answers both questions that are asked of them without reading any tree again: what is reached, and where
//! some blobs stand.

mod count;

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use gix::objs::Kind;

use super::bits::Bits;
use super::descent::{self, Limits};
use super::kinds::Kinds;
use super::reader::Readers;
use super::store::{Number, Store};
use super::trees::Reached;
use super::trouble::{Named, Troubles};
use crate::blob::ObjectId;
use crate::source::Sink;
use count::{Counter, Tally};

/// Most bytes of trees that are held at a time.
const LIMITS: Limits = Limits::of(64 << 20);

/// Most entries that came or went and are kept, 8 bytes each: a history of ten million trees has about half as many, and
/// what has more is walked tree by tree.
const MOST_ENTRIES: usize = 64 << 20;

/// Most objects that may not be here. A clone without any blobs names each of them as often as a tree has it.
const ABSENT: usize = 20_000;

/// No tree.
const NONE: u32 = u32::MAX;

/// Bit of [`Entry::name`] that says that the entry is a folder.
const FOLDER: u32 = 1 << 31;

/// An entry that came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    name: u32,
    pub child: Number,
}

impl Entry {
    /// Number of its name in [`Census::names`].
    pub const fn name(self) -> u32 {
        self.name & !FOLDER
    }

    /// Whether it is a folder; a blob otherwise.
    pub const fn is_folder(self) -> bool {
        self.name & FOLDER != 0
    }
}

/// One tree as a change of another one.
#[derive(Clone, Copy, Debug)]
struct Row {
    number: Number,
    /// Number of the tree that it changes; [`NONE`] if it stands for itself.
    base: Number,
    /// How many trees stand between it and one that stands for itself.
    depth: u32,
    /// Which worker's entries, and where in them: first those that came, then those that went.
    worker: u32,
    start: usize,
    came: u32,
    went: u32,
}

/// An object that a tree names and that is not here: its id, and whether it should be a folder.
type Absent = (ObjectId, bool);

/// All trees.
pub(super) struct Census {
    /// Bases before what is made from them.
    rows: Vec<Row>,
    /// Row of each tree by its number.
    row_of: Vec<u32>,
    entries: Vec<Vec<Entry>>,
    pub names: Vec<Box<[u8]>>,
    /// Objects that are not here. Their numbers follow those of the store, whose length is `here`.
    absent: Vec<Absent>,
    here: Number,
    /// The folders in each tree, by row: part of `folder_list`.
    folders_of: Vec<(u32, u32)>,
    folder_list: Vec<Entry>,
}

impl Census {
    /// Reads all trees. `None` if any is damaged, which takes a walk from the roots to tell properly; and if the sink wants no
    /// more.
    pub fn take(store: &Store, kinds: &Kinds, sink: &dyn Sink) -> Option<Self> {
        let counter = Counter::new(store, kinds, sink);
        let mut tallies = descent::descend(store, Kind::Tree, None, LIMITS, &counter);
        if counter.stopped() {
            return None;
        }
        let mut loose = Tally::default();
        let readers = Readers::new(store);
        readers.with(|reader| {
            for number in store.loose().filter(|&number| kinds.get(number) == Some(Kind::Tree)) {
                match reader.read(number) {
                    Ok((Kind::Tree, bytes)) => drop(counter.count(&mut loose, number, bytes, None)),
                    _ => counter.damaged.store(true, Ordering::Relaxed),
                }
            }
        });
        tallies.push(loose);
        if counter.stopped() {
            return None;
        }
        let mut rows = Vec::new();
        let mut entries = Vec::new();
        for (number, worker) in tallies.into_iter().enumerate() {
            rows.extend(worker.rows.into_iter().map(|row| Row { worker: number as u32, ..row }));
            entries.push(worker.entries);
        }
        rows.sort_unstable_by_key(|row| (row.depth, row.number));
        let mut row_of = vec![NONE; store.len() as usize];
        for (at, row) in rows.iter().enumerate() {
            row_of[row.number as usize] = at as u32;
        }
        // Whatever the reason, without one of the trees what the others hold is not known.
        if kinds.all(Kind::Tree).into_iter().any(|tree| row_of[tree as usize] == NONE) {
            return None;
        }
        let names = counter.names.into_inner().unwrap_or_else(PoisonError::into_inner).list;
        let absent = counter.absent.into_inner().unwrap_or_else(PoisonError::into_inner).list;
        let (folders_of, folder_list) = (Vec::with_capacity(rows.len()), Vec::new());
        let mut census = Self { rows, row_of, entries, names, absent, here: store.len(), folders_of, folder_list };
        census.list_folders();
        Some(census)
    }

    /// Most trees have the folders of their base: only where one came or went there is a list of its own.
    fn list_folders(&mut self) {
        for row in 0..self.rows.len() as u32 {
            let (came, went) = self.changes(row);
            let of_base = self.base(row).map_or((0, 0), |base| self.folders_of[base as usize]);
            let new = came.iter().chain(went).any(|entry| entry.is_folder());
            let list = new.then(|| {
                let mut list = self.folder_list[of_base.0 as usize..(of_base.0 + of_base.1) as usize].to_vec();
                apply(&mut list, came, went, |entry| entry.is_folder());
                list
            });
            self.folders_of.push(match list {
                Some(list) => {
                    let start = self.folder_list.len() as u32;
                    self.folder_list.extend(&list);
                    (start, list.len() as u32)
                }
                None => of_base,
            });
        }
    }

    /// The folders in a tree.
    pub fn folders(&self, row: u32) -> &[Entry] {
        let (start, len) = self.folders_of[row as usize];
        &self.folder_list[start as usize..(start + len) as usize]
    }

    /// For each tree the blobs in it that are wanted, by row; most have none.
    pub fn holding(&self, wanted: &Bits) -> BTreeMap<u32, Vec<Entry>> {
        self.having(|entry| !entry.is_folder() && entry.child < self.here && wanted.contains(entry.child))
    }

    /// For each tree that has any the entries that count, by row.
    fn having(&self, counts: impl Fn(&Entry) -> bool + Copy) -> BTreeMap<u32, Vec<Entry>> {
        let mut holding: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
        for row in 0..self.rows.len() as u32 {
            let (came, went) = self.changes(row);
            let of_base = self.base(row).and_then(|base| holding.get(&base));
            if of_base.is_none() && !came.iter().any(counts) {
                continue;
            }
            let mut list = of_base.cloned().unwrap_or_default();
            apply(&mut list, came, went, counts);
            if !list.is_empty() {
                holding.insert(row, list);
            }
        }
        holding
    }

    /// What some root trees reach; what of it is not here goes to `troubles`. `None` if one of them is no tree.
    pub fn reach(
        &self,
        store: &Store,
        roots: impl Iterator<Item = Number>,
        blobs: &[Number],
        troubles: &Troubles,
    ) -> Option<Reached> {
        let mut reached = vec![false; self.rows.len()];
        let mut todo: Vec<u32> = Vec::new();
        let mut visit = |row: u32, todo: &mut Vec<u32>| {
            if !std::mem::replace(&mut reached[row as usize], true) {
                todo.push(row);
            }
        };
        for root in roots {
            visit(self.row(root)?, &mut todo);
            while let Some(row) = todo.pop() {
                for folder in self.folders(row) {
                    visit(self.row(folder.child)?, &mut todo);
                }
            }
        }
        let found = Reached { trees: Bits::new(store.len()), blobs: Bits::new(store.len()) };
        found.blobs.extend(blobs.iter().copied());
        let rows = || self.rows.iter().zip(&reached);
        found.trees.extend(rows().filter(|(_, reached)| **reached).map(|(row, _)| row.number));
        for (row, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
            let row = row as u32;
            let is_blob = |entry: &&Entry| !entry.is_folder() && entry.child < self.here;
            let blobs = |entries: &[Entry]| found.blobs.extend(entries.iter().filter(is_blob).map(|entry| entry.child));
            blobs(self.changes(row).0);
            // What a tree shares with its base is noted there, if the base is reached as well.
            if self.base(row).is_some_and(|base| !reached[base as usize]) {
                blobs(&self.blobs(row));
            }
        }
        if !self.absent.is_empty() {
            for (row, entries) in self.having(|entry| entry.child >= self.here) {
                for entry in entries.iter().filter(|_| reached[row as usize]) {
                    let (id, is_folder) = self.absent[(entry.child - self.here) as usize];
                    let kind = if is_folder { Named::Tree } else { Named::Blob };
                    troubles.absent(id, kind, (Named::Tree, store.id(self.rows[row as usize].number)));
                }
            }
        }
        Some(found)
    }

    /// All blobs in a tree.
    fn blobs(&self, row: u32) -> Vec<Entry> {
        let chain = std::iter::successors(Some(row), |&row| self.base(row));
        let mut list = Vec::new();
        for row in chain.collect::<Vec<_>>().into_iter().rev() {
            let (came, went) = self.changes(row);
            apply(&mut list, came, went, |entry| !entry.is_folder());
        }
        list
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row of a tree.
    pub fn row(&self, tree: Number) -> Option<u32> {
        self.row_of.get(tree as usize).copied().filter(|&row| row != NONE)
    }

    /// The row of a tree's base, which is less than its own.
    pub fn base(&self, row: u32) -> Option<u32> {
        let base = self.rows[row as usize].base;
        (base != NONE).then(|| self.row_of[base as usize])
    }

    /// What came with a tree, and what went; all that it holds is what its base holds without the one and with the other.
    pub fn changes(&self, row: u32) -> (&[Entry], &[Entry]) {
        let Row { worker, start, came, went, .. } = self.rows[row as usize];
        let entries = &self.entries[worker as usize][start..start + (came + went) as usize];
        entries.split_at(came as usize)
    }
}

/// Changes a list of those entries that count.
fn apply(list: &mut Vec<Entry>, came: &[Entry], went: &[Entry], counts: impl Fn(&Entry) -> bool) {
    for entry in went.iter().filter(|entry| counts(entry)) {
        if let Some(at) = list.iter().position(|other| other == entry) {
            list.swap_remove(at);
        }
    }
    list.extend(came.iter().filter(|entry| counts(entry)));
}
