//! The walk of a range. Takes commits to include and to exclude, gives those that the one reach and the other do not; must
//! never read more of the history than dates and ancestry need.

use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::{Graph, cut_shallow, finish};
use crate::blob::ObjectId;
use crate::source::history::commits::{ABSENT, Commits, Row, read_row};
use crate::source::history::reader::Reader;
use crate::source::history::store::{Number, Store};
use crate::source::history::tips::flag;

/// How far committer dates may run against ancestry before the walk of a range takes an excluded commit for an included
/// one, in seconds: thirty days. It errs towards scanning too much.
const SKEW: i64 = 30 * 24 * 3600;

/// Walks what `include` reaches and `exclude` does not. The excluded parents of its commits stay as a boundary.
pub(in super::super) fn range(include: &[Number], exclude: &[Number], since: Option<i64>, with: Commits<'_>) -> Graph {
    let Commits { store, readers, shallow, .. } = with;
    let mut walk = Walk::new(shallow, store);
    readers.with(|reader| {
        for (ends, excluded) in [(exclude, true), (include, false)] {
            for &number in ends {
                walk.visit(number, excluded, reader);
            }
        }
        walk.run(reader);
    });
    let mut boundary = BTreeSet::new();
    for (row, state) in walk.rows.iter_mut().zip(&walk.states) {
        if !state.excluded && since.is_none_or(|since| row.time >= since) {
            row.flags |= flag::IN_SCOPE | flag::REACHABLE | flag::HISTORY;
            boundary.extend(row.parents.iter().copied());
        }
    }
    let mut rows = walk.rows;
    rows.retain(|row| row.flags & flag::IN_SCOPE != 0 || boundary.contains(&row.number));
    finish(rows, with)
}

#[derive(Default)]
struct State {
    excluded: bool,
    waiting: bool,
}

/// A walk by date that ends once nothing included waits.
struct Walk<'a> {
    shallow: &'a BTreeSet<ObjectId>,
    store: &'a Store,
    rows: Vec<Row>,
    states: Vec<State>,
    known: HashMap<Number, usize>,
    queue: BinaryHeap<(i64, usize)>,
    /// Included commits in the queue.
    waiting: usize,
    /// Least date of an included commit.
    oldest: i64,
}

impl<'a> Walk<'a> {
    fn new(shallow: &'a BTreeSet<ObjectId>, store: &'a Store) -> Self {
        Self {
            shallow,
            store,
            rows: Vec::new(),
            states: Vec::new(),
            known: HashMap::new(),
            queue: BinaryHeap::new(),
            waiting: 0,
            oldest: i64::MAX,
        }
    }

    fn visit(&mut self, number: Number, excluded: bool, reader: &mut Reader<'_>) {
        if let Some(&at) = self.known.get(&number) {
            if excluded {
                self.exclude(at);
            }
            return;
        }
        let mut rows = [read_row(number, self.store, reader)];
        cut_shallow(&mut rows, self.shallow, self.store);
        let [row] = rows;
        let at = self.rows.len();
        self.known.insert(number, at);
        self.queue.push((row.time, at));
        if !excluded {
            self.waiting += 1;
            self.oldest = self.oldest.min(row.time);
        }
        self.states.push(State { excluded, waiting: true });
        self.rows.push(row);
    }

    /// Marks a known commit and all its known ancestors.
    fn exclude(&mut self, at: usize) {
        let mut todo = vec![at];
        while let Some(at) = todo.pop() {
            let state = &mut self.states[at];
            if state.excluded {
                continue;
            }
            state.excluded = true;
            if state.waiting {
                self.waiting -= 1;
            }
            todo.extend(self.rows[at].parents.iter().filter_map(|parent| self.known.get(parent)));
        }
    }

    fn run(&mut self, reader: &mut Reader<'_>) {
        while let Some((time, at)) = self.queue.pop() {
            if self.waiting == 0 && time.saturating_add(SKEW) < self.oldest {
                break;
            }
            let state = &mut self.states[at];
            state.waiting = false;
            let excluded = state.excluded;
            if !excluded {
                self.waiting -= 1;
            }
            for parent in self.rows[at].parents.clone() {
                if parent != ABSENT {
                    self.visit(parent, excluded, reader);
                }
            }
        }
    }
}
