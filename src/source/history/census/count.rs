//! Reads trees as changes of their bases. Takes each tree with what it was made from, gives the entries that came and went;
//! must never look up an entry that the base has as well.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use gix::objs::Kind;

use super::{ABSENT, Absent, Entry, FOLDER, MOST_ENTRIES, NONE, Row};
use crate::edit::Edit;
use crate::source::Sink;
use crate::source::history::descent::{Visited, Visitor};
use crate::source::history::kinds::Kinds;
use crate::source::history::parse::{self, EntryKind};
use crate::source::history::store::{Number, Store};

/// Numbers for things, in the order in which they were first asked for.
pub(super) struct Numbers<T> {
    numbers: HashMap<T, u32>,
    pub list: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), list: Vec::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbers<T> {
    fn of(&mut self, thing: T) -> u32 {
        *self.numbers.entry(thing).or_insert_with_key(|thing| {
            self.list.push(thing.clone());
            self.list.len() as u32 - 1
        })
    }
}

/// What one thread has counted.
#[derive(Default)]
pub(super) struct Tally {
    pub rows: Vec<Row>,
    pub entries: Vec<Entry>,
    /// Numbers of names that were asked for before.
    names: HashMap<Box<[u8]>, u32>,
}

/// What is remembered of a tree while others are made from it.
pub(super) struct Known {
    number: Number,
    depth: u32,
    /// Where each entry begins, and what it is; submodules have [`NONE`] as their object. In the order of the tree.
    entries: Vec<(u32, Entry)>,
    /// Bytes of the tree.
    len: usize,
}

/// What reads the trees.
pub(super) struct Counter<'a> {
    pub store: &'a Store,
    pub kinds: &'a Kinds,
    pub sink: &'a dyn Sink,
    pub names: Mutex<Numbers<Box<[u8]>>>,
    pub absent: Mutex<Numbers<Absent>>,
    /// Whether something was met that only a walk from the roots can tell of.
    pub damaged: AtomicBool,
    /// Entries in all tallies.
    kept: AtomicUsize,
}

impl Visitor for Counter<'_> {
    type Memory = Option<Known>;
    type Worker = Tally;

    fn visit(&self, tally: &mut Tally, object: Visited<'_, Self::Memory>) -> Self::Memory {
        let base = match &object.base {
            Some(base) => Some((base.memory.as_ref()?, base.edits)),
            None => None,
        };
        self.count(tally, object.number, object.bytes, base)
    }

    fn cancelled(&self) -> bool {
        self.stopped()
    }
}

impl<'a> Counter<'a> {
    pub fn new(store: &'a Store, kinds: &'a Kinds, sink: &'a dyn Sink) -> Self {
        let (names, absent, damaged) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Self { store, kinds, sink, names, absent, damaged, kept: AtomicUsize::new(0) }
    }

    /// Whether to read no more.
    pub fn stopped(&self) -> bool {
        self.damaged.load(Ordering::Relaxed) || self.sink.cancelled()
    }

    /// Reads one tree. `None`, and a note, if it is damaged.
    pub fn count(
        &self,
        tally: &mut Tally,
        number: Number,
        bytes: &[u8],
        base: Option<(&Known, &[Edit])>,
    ) -> Option<Known> {
        let start = tally.entries.len();
        let (known, len_of_base) = base.map_or((&[][..], 0), |(base, _)| (&base.entries[..], base.len));
        let mut entries: Vec<(u32, Entry)> = Vec::with_capacity(known.len() + 1);
        // Which entries of the base are here, too.
        let mut stays = vec![false; known.len()];
        let whole = Edit { len: bytes.len(), from: None };
        let (mut run_start, mut at) = (0, 0);
        for edit in base.map_or(std::slice::from_ref(&whole), |(_, edits)| edits) {
            let run_end = run_start + edit.len;
            while at < run_end {
                if let Some(from) = edit.from {
                    // Entries that lie wholly in a copied run and begin where one of the base does are those of the base.
                    let there = from + (at - run_start);
                    if let Ok(first) = known.binary_search_by_key(&(there as u32), |entry| entry.0) {
                        let base_end = from + edit.len;
                        let end_of = |which: usize| known.get(which + 1).map_or(len_of_base, |next| next.0 as usize);
                        let mut which = first;
                        while which < known.len() && end_of(which) <= base_end {
                            entries.push(((known[which].0 as usize - there + at) as u32, known[which].1));
                            // What is there twice came once more.
                            if std::mem::replace(&mut stays[which], true) && known[which].1.child != NONE {
                                tally.entries.push(known[which].1);
                            }
                            which += 1;
                        }
                        if which > first {
                            at += end_of(which - 1) - there;
                            continue;
                        }
                    }
                }
                let Some((entry, len)) = parse::tree_entry(&bytes[at..], self.store.hash.len_in_bytes()) else {
                    self.damaged.store(true, Ordering::Relaxed);
                    return None;
                };
                let entry = self.entry(tally, &entry)?;
                if entry.child != NONE {
                    tally.entries.push(entry);
                }
                entries.push((at as u32, entry));
                at += len;
            }
            run_start = run_end;
        }
        let came = tally.entries.len() - start;
        let went = known.iter().zip(&stays).filter(|((_, entry), stays)| !**stays && entry.child != NONE);
        tally.entries.extend(went.map(|((_, entry), _)| *entry));
        let went = tally.entries.len() - start - came;
        if self.kept.fetch_add(came + went, Ordering::Relaxed) + came + went > MOST_ENTRIES {
            self.damaged.store(true, Ordering::Relaxed);
            return None;
        }
        let (base, depth) = base.map_or((NONE, 0), |(base, _)| (base.number, base.depth + 1));
        tally.rows.push(Row { number, base, depth, worker: 0, start, came: came as u32, went: went as u32 });
        Some(Known { number, depth, entries, len: bytes.len() })
    }

    /// Looks up what an entry names.
    fn entry(&self, tally: &mut Tally, entry: &parse::Entry<'_>) -> Option<Entry> {
        let folder = match entry.kind {
            EntryKind::Link => return Some(Entry { name: 0, child: NONE }),
            EntryKind::Tree => FOLDER,
            EntryKind::Blob => 0,
        };
        let Some(child) = self.store.find(entry.id) else {
            // git knows the empty tree without having it.
            if folder != 0 && entry.id.is_empty_tree() {
                return Some(Entry { name: 0, child: NONE });
            }
            let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
            let child = self.store.len().checked_add(absent.of((entry.id.to_owned(), folder != 0)))?;
            if absent.list.len() > ABSENT || child == NONE {
                self.damaged.store(true, Ordering::Relaxed);
                return None;
            }
            return Some(Entry { name: 0, child });
        };
        let expected = if folder != 0 { Kind::Tree } else { Kind::Blob };
        if self.kinds.get(child) != Some(expected) {
            self.damaged.store(true, Ordering::Relaxed);
            return None;
        }
        let name = if let Some(&name) = tally.names.get(entry.name) {
            name
        } else {
            let name = self.names.lock().unwrap_or_else(PoisonError::into_inner).of(entry.name.into());
            tally.names.insert(entry.name.into(), name);
            name
        };
        Some(Entry { name: name | folder, child })
    }
}
