//! Reads commits. Takes a store, gives a row for each commit, in no order of history; must never keep a message, nor stop at a
//! commit that is damaged.

use std::collections::BTreeSet;

use gix::objs::Kind;
use rayon::prelude::*;

use super::bits::Bits;
use super::descent::{self, Limits, Visited, Visitor};
use super::kinds::Kinds;
use super::reader::{Reader, Readers};
use super::store::{Number, Store};
use super::trouble::Troubles;
use super::{Engine, parse};
use crate::blob::ObjectId;
use crate::source::Sink;

/// Most bytes of commits that are held at a time.
const LIMITS: Limits = Limits::of(16 << 20);

/// An object that is not here.
pub(super) const ABSENT: Number = Number::MAX;

/// The empty tree, which git knows without having it.
pub(super) const EMPTY: Number = Number::MAX - 1;

/// What commits are read with.
#[derive(Clone, Copy)]
pub(super) struct Commits<'a> {
    pub store: &'a Store,
    pub readers: &'a Readers<'a>,
    pub troubles: &'a Troubles,
    /// Commits at which a shallow clone ends.
    pub shallow: &'a BTreeSet<ObjectId>,
}

/// A commit as it was read.
#[derive(Default)]
pub(super) struct Row {
    pub number: Number,
    pub time: i64,
    pub tree: Number,
    pub parents: Vec<Number>,
    pub flags: u8,
    pub damaged: bool,
    /// Bytes of its message, if that was found to show nothing.
    pub blank: Option<u32>,
}

/// Reads one commit.
pub(super) fn read_row(number: Number, store: &Store, reader: &mut Reader<'_>) -> Row {
    match reader.read(number) {
        Ok((Kind::Commit, bytes)) => row_of(number, bytes, store).0,
        _ => damaged(number),
    }
}

fn damaged(number: Number) -> Row {
    Row { number, tree: ABSENT, damaged: true, ..Row::default() }
}

/// A commit's row and its message.
fn row_of<'b>(number: Number, bytes: &'b [u8], store: &Store) -> (Row, &'b [u8]) {
    let Some(commit) = parse::commit(bytes) else { return (damaged(number), &[]) };
    let find = |id: &ObjectId| store.find(id).unwrap_or(ABSENT);
    let parents = commit.parents.iter().map(find).collect();
    let tree = match find(&commit.tree) {
        ABSENT if commit.tree.is_empty_tree() => EMPTY,
        tree => tree,
    };
    (Row { number, time: commit.time, tree, parents, ..Row::default() }, &bytes[commit.message])
}

/// Reads the commits of packs and shows their messages to a sink, so that most need not be read again.
struct Pass<'a> {
    store: &'a Store,
    kinds: &'a Kinds,
    sink: &'a dyn Sink,
}

impl Visitor for Pass<'_> {
    type Memory = ();
    type Worker = Vec<Row>;

    fn visit(&self, rows: &mut Vec<Row>, object: Visited<'_, ()>) {
        if self.kinds.get(object.number) != Some(Kind::Commit) {
            return;
        }
        let (mut row, message) = row_of(object.number, object.bytes, self.store);
        let is_blank = |_: &u32| self.sink.is_blank(self.store.id(object.number), message);
        row.blank = u32::try_from(message.len()).ok().filter(is_blank);
        rows.push(row);
    }

    fn cancelled(&self) -> bool {
        self.sink.cancelled()
    }
}

/// All commits of the repository, by number. `None` if the user asked to stop: of what some of the commits name nothing can
/// be told.
pub(super) fn all_rows(kinds: &Kinds, with: Commits<'_>, engine: Engine, sink: &dyn Sink) -> Option<Vec<Row>> {
    let Commits { store, readers, .. } = with;
    let mut rows: Vec<Row> = match engine {
        Engine::Plain => Vec::new(),
        Engine::Delta => {
            let pass = Pass { store, kinds, sink };
            descent::descend(store, Kind::Commit, None, LIMITS, &pass).into_iter().flatten().collect()
        }
    };
    let read = Bits::new(store.len());
    read.extend(rows.iter().map(|row| row.number));
    let mut others = kinds.all(Kind::Commit);
    others.retain(|&number| !read.contains(number));
    store.sort_by_place(&mut others);
    readers.with(|reader| {
        let others = others.into_iter().take_while(|_| !sink.cancelled());
        rows.extend(others.map(|number| read_row(number, store, reader)));
    });
    rows.par_sort_unstable_by_key(|row| row.number);
    (!sink.cancelled()).then_some(rows)
}
