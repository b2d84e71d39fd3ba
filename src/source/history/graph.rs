//! The commits of a walk with their dates and parents. Takes tips, gives the commits in order of (date, id); must never
//! use a commit-graph, grafts or replacements, which only retell or change what commits say.

mod range;

use std::collections::{BTreeMap, BTreeSet};

use gix::objs::Kind;
pub(super) use range::range;
use rayon::prelude::*;

use super::commits::{ABSENT, Commits, EMPTY, Row};
use super::parse;
use super::reader::Reader;
use super::store::{Number, Store};
use super::tips::flag;
use super::trouble::Named;
use crate::blob::ObjectId;
use crate::coverage::SkipReason;
use crate::provenance::Commit;

/// One commit.
pub(super) struct Node {
    pub number: Number,
    pub time: i64,
    tree: Number,
    pub flags: u8,
    parents: (u32, u32),
    /// Bytes of its message, if that was found to show nothing.
    pub blank: Option<u32>,
}

/// The commits of a walk, least (date, id) first. A commit's place in that order is its *rank*.
#[derive(Default)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    parents: Vec<u32>,
}

impl Node {
    /// The commit's tree, unless it has no object: absent, or empty.
    pub fn tree(&self) -> Option<Number> {
        (self.tree < EMPTY).then_some(self.tree)
    }

    /// Whether what the commit's tree holds is unknown.
    pub fn is_unknown(&self) -> bool {
        self.tree == ABSENT
    }
}

impl Graph {
    /// Ranks of a commit's parents, without those that are not here.
    pub fn parents(&self, rank: u32) -> &[u32] {
        let (start, len) = self.nodes[rank as usize].parents;
        &self.parents[start as usize..(start + len) as usize]
    }

    /// The commit of a rank.
    pub fn commit(&self, rank: u32, store: &Store) -> Commit {
        let node = &self.nodes[rank as usize];
        Commit { time: node.time, id: store.id(node.number) }
    }

    /// Ranks of the commits asked for, ascending.
    pub fn in_scope(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        (0..self.nodes.len() as u32).filter(|&rank| self.nodes[rank as usize].flags & flag::IN_SCOPE != 0)
    }
}

/// Walks from `starts` over a table of all commits of the repository, and from every commit if `unreachable`.
/// With `since`, only younger commits are in scope, and their parents stay as a boundary.
pub(super) fn full(
    starts: &[(Number, u8)],
    unreachable: bool,
    since: Option<i64>,
    mut rows: Vec<Row>,
    with: Commits<'_>,
) -> Graph {
    let Commits { store, shallow, troubles, .. } = with;
    cut_shallow(&mut rows, shallow, store);
    let at = |rows: &[Row], number| rows.binary_search_by_key(&number, |row| row.number).ok();
    let mut todo: Vec<(usize, u8)> = Vec::new();
    for &(number, flags) in starts {
        match at(&rows, number) {
            Some(row) => todo.push((row, flags)),
            // Its own pack says that it is something else.
            None => troubles.add(SkipReason::CorruptObject, format!("commit {}: damaged", store.id(number))),
        }
    }
    while let Some((row, flags)) = todo.pop() {
        let flags = flags | flag::IN_SCOPE;
        if rows[row].flags & flags == flags {
            continue;
        }
        rows[row].flags |= flags;
        todo.extend(rows[row].parents.iter().filter_map(|&parent| Some((at(&rows, parent)?, flags))));
    }
    if unreachable {
        for row in rows.iter_mut().filter(|row| row.flags & flag::IN_SCOPE == 0) {
            row.flags |= flag::IN_SCOPE | flag::HISTORY;
        }
    }
    let mut kept = BTreeSet::new();
    if let Some(since) = since {
        for row in rows.iter_mut().filter(|row| row.flags & flag::IN_SCOPE != 0) {
            if row.time < since {
                row.flags &= !flag::IN_SCOPE;
            } else {
                kept.extend(row.parents.iter().copied());
            }
        }
    }
    rows.retain(|row| row.flags & flag::IN_SCOPE != 0 || kept.contains(&row.number));
    finish(rows, with)
}

/// Takes the parents from the commits at which a shallow clone ends.
fn cut_shallow(rows: &mut [Row], shallow: &BTreeSet<ObjectId>, store: &Store) {
    if shallow.is_empty() {
        return;
    }
    for row in rows {
        if !row.parents.is_empty() && shallow.contains(&store.id(row.number)) {
            row.parents.clear();
        }
    }
}

/// Reports what the commits in scope lack and puts them in order.
fn finish(mut rows: Vec<Row>, with: Commits<'_>) -> Graph {
    let Commits { store, readers, troubles, shallow } = with;
    rows.par_sort_by(|a, b| a.time.cmp(&b.time).then_with(|| store.id(a.number).cmp(&store.id(b.number))));
    let ranks: BTreeMap<Number, u32> = rows.iter().enumerate().map(|(rank, row)| (row.number, rank as u32)).collect();
    let mut graph = Graph { nodes: Vec::with_capacity(rows.len()), parents: Vec::new() };
    for row in rows {
        let in_scope = row.flags & flag::IN_SCOPE != 0;
        let cut = shallow.contains(&store.id(row.number));
        let known = |parent: &Number| ranks.contains_key(parent);
        if row.damaged || row.tree == ABSENT || (in_scope && !row.parents.iter().all(known)) {
            readers.with(|reader| explain(row.number, in_scope && !cut, &known, with, reader));
        }
        if in_scope && cut {
            troubles.add(SkipReason::ShallowBoundary, format!("parents of commit {}", store.id(row.number)));
        }
        let start = graph.parents.len() as u32;
        graph.parents.extend(row.parents.iter().filter_map(|parent| ranks.get(parent)));
        let parents = (start, graph.parents.len() as u32 - start);
        graph.nodes.push(Node {
            number: row.number,
            time: row.time,
            tree: row.tree,
            flags: row.flags,
            parents,
            blank: row.blank,
        });
    }
    graph
}

/// Reads a commit again to say what is wrong with it: too rare to keep the ids of what is missing.
fn explain(
    number: Number,
    with_parents: bool,
    known: &impl Fn(&Number) -> bool,
    with: Commits<'_>,
    reader: &mut Reader<'_>,
) {
    let Commits { store, troubles, .. } = with;
    let id = store.id(number);
    let commit = match reader.read(number) {
        Ok((Kind::Commit, bytes)) => parse::commit(bytes),
        Ok(_) => None,
        Err(error) => return troubles.add(error.reason(store.limit), format!("commit {id}: cannot be decoded")),
    };
    let Some(commit) = commit else {
        return troubles.add(SkipReason::CorruptObject, format!("commit {id}: damaged"));
    };
    let this = (Named::Commit, id);
    if store.find(&commit.tree).is_none() && !commit.tree.is_empty_tree() {
        troubles.absent(commit.tree, Named::Tree, this);
    }
    for parent in commit.parents.into_iter().filter(|_| with_parents) {
        match store.find(&parent) {
            None => troubles.absent(parent, Named::Commit, this),
            Some(number) if known(&number) => {}
            Some(number) => match reader.read_unless_blob(number) {
                Ok(_) => troubles.add(SkipReason::CorruptObject, format!("commit {id}: parent {parent} is none")),
                Err(error) => {
                    troubles.add(error.reason(store.limit), format!("commit {parent}: cannot be decoded"));
                }
            },
        }
    }
}
