//! Every entry of the packs once, along their deltas. Takes a store whose forests are planted, gives each object of a kind
//! with its base and what it changed to a [`Visitor`], from the threads of the current pool; must never hold more bytes than
//! its limits and one base a thread, however deep the chains are, or let a damaged entry through.
//!
//! Each entry is inflated once. Depth first, a base stays on the stack until its last delta is made; since the delta with
//! the most below it comes last, the stack holds few bases: at most one for each halving of what is below. Where only some
//! objects are wanted, what leads to none of them is passed over.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use gix::objs::Kind;
use gix::odb::pack::data::Entry;
use rayon::prelude::*;

use super::bits::Bits;
use super::delta;
use super::forest::{Forest, MOST_INFLATION};
use super::reader::Reader;
use super::store::{Number, Pack, Store};
use crate::edit::Edit;

/// Compressed bytes of one task: small enough to share out evenly, large enough that sharing costs nothing.
const TASK: u64 = 256 << 10;

/// Most buffers that a worker keeps for the next object, and the largest that it keeps.
const SPARES: usize = 16;
const LARGEST_SPARE: usize = 4 << 20;

/// How often what was shared out is shared out again: each time takes room on the machine's stack.
const MOST_SHARING: u32 = 32;

/// What a descent keeps to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most bytes of bases that all threads together hold, beside the one that each is at work with.
    budget: usize,
    /// A delta with at least so many compressed bytes below it may be taken over by another thread.
    heavy: u64,
}

impl Limits {
    /// Usual ones with a budget of so many bytes.
    pub const fn of(budget: usize) -> Self {
        Self { budget, heavy: 1 << 20 }
    }
}

/// An object and what it was made from.
pub(super) struct Visited<'a, M> {
    pub number: Number,
    pub bytes: &'a [u8],
    /// `None` for objects that are no deltas.
    pub base: Option<Base<'a, M>>,
    /// Whether something is made from it here, so that a memory of it is of use.
    pub is_base: bool,
}

/// What an object was made from.
pub(super) struct Base<'a, M> {
    pub memory: &'a M,
    pub edits: &'a [Edit],
}

/// Who looks at the objects.
pub(super) trait Visitor: Sync {
    /// What is remembered of a base while what is made from it is visited.
    type Memory: Send + Sync;
    /// What each thread has for itself. A thread may have several in turn.
    type Worker: Default + Send;

    /// Looks at an object.
    fn visit(&self, worker: &mut Self::Worker, object: Visited<'_, Self::Memory>) -> Self::Memory;

    /// Whether to stop.
    fn cancelled(&self) -> bool;
}

/// Visits packed objects of a kind and gives what the threads have then: all of them, or those that are wanted and what these
/// are made of. Objects that cannot be made here are left out: damaged or too large ones, those whose kind only another copy
/// tells, and all that is made from such.
pub(super) fn descend<V: Visitor>(
    store: &Store,
    kind: Kind,
    wanted: Option<&Bits>,
    limits: Limits,
    visitor: &V,
) -> Vec<V::Worker> {
    let descent = Descent { store, visitor, limits, held: AtomicUsize::new(0), idle: Mutex::default() };
    for pack in &store.packs {
        let forest = pack.forest();
        let of_kind = |&slot: &u32| forest.kind(slot).kind() == Some(kind);
        let leading = wanted.map(|wanted| forest.leading_to(|position| wanted.contains(pack.first + position)));
        let tree = Tree { pack, forest, leading: leading.as_ref(), shared: 0 };
        let roots: Vec<u32> = forest.roots().iter().copied().filter(of_kind).filter(|&root| tree.leads(root)).collect();
        tasks(&roots, forest).into_par_iter().with_max_len(1).for_each(|task| {
            descent.with_worker(|worker| task.iter().for_each(|&root| descent.below(tree, root, None, worker)));
        });
    }
    debug_assert_eq!(descent.held.into_inner(), 0, "what was held should have been let go");
    let workers = descent.idle.into_inner().unwrap_or_else(PoisonError::into_inner);
    workers.into_iter().map(|worker: Worker<'_, V>| worker.own).collect()
}

/// Cuts roots, in the order of the pack, into tasks of about the same size.
fn tasks<'r>(mut roots: &'r [u32], forest: &Forest) -> Vec<&'r [u32]> {
    let mut tasks = Vec::new();
    while !roots.is_empty() {
        let mut weight = 0;
        let enough = roots.iter().position(|&root| {
            weight += forest.weight(root);
            weight >= TASK
        });
        let (task, rest) = roots.split_at(enough.map_or(roots.len(), |at| at + 1));
        tasks.push(task);
        roots = rest;
    }
    tasks
}

#[derive(Clone, Copy)]
struct Tree<'a, 'w> {
    pack: &'a Pack,
    forest: &'a Forest,
    /// Slots that are wanted or lead to one that is; `None` if all are.
    leading: Option<&'w Bits>,
    /// How often it was shared out on the way here.
    shared: u32,
}

impl<'a> Tree<'a, '_> {
    /// Whether an entry is to be made.
    fn leads(&self, slot: u32) -> bool {
        self.leading.is_none_or(|leading| leading.contains(slot))
    }

    /// The deltas of an entry, from the first one on that is to be made.
    fn deltas(&self, slot: u32) -> &'a [u32] {
        self.past_unwanted(self.forest.children(slot))
    }

    fn past_unwanted(&self, slots: &'a [u32]) -> &'a [u32] {
        let next = slots.iter().position(|&slot| self.leads(slot));
        &slots[next.unwrap_or(slots.len())..]
    }
}

struct Descent<'a, V: Visitor> {
    store: &'a Store,
    visitor: &'a V,
    limits: Limits,
    /// Bytes of bases on all stacks.
    held: AtomicUsize,
    idle: Mutex<Vec<Worker<'a, V>>>,
}

/// What a thread works with.
struct Worker<'a, V: Visitor> {
    own: V::Worker,
    inflate: gix::zlib::Inflate,
    delta: Vec<u8>,
    edits: Vec<Edit>,
    spare: Vec<Vec<u8>>,
    /// For bases that were dropped or lie elsewhere.
    reader: Option<Reader<'a>>,
}

/// A base with deltas that are still to be made.
struct Frame<'a, M> {
    slot: u32,
    /// `None` if it was dropped to make room.
    bytes: Option<Vec<u8>>,
    memory: M,
    /// What is left of its deltas, beginning with one that is to be made.
    rest: &'a [u32],
}

/// A base that another stack holds.
type Above<'b, M> = (&'b [u8], &'b M);

impl<'a, V: Visitor> Descent<'a, V> {
    fn with_worker<T>(&self, work: impl FnOnce(&mut Worker<'a, V>) -> T) -> T {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker = idle.unwrap_or_else(Worker::new);
        let result = work(&mut worker);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        result
    }

    /// Visits an entry, of which `above` is the base if it is a delta in this pack, and all that is made from it.
    fn below(&self, tree: Tree<'a, '_>, slot: u32, above: Option<Above<'_, V::Memory>>, worker: &mut Worker<'a, V>) {
        let mut stack: Vec<Frame<'a, V::Memory>> = Vec::new();
        let mut next = Some(slot);
        while let Some(slot) = next.filter(|_| !self.visitor.cancelled()) {
            let made = match stack.last_mut() {
                Some(frame) => {
                    if frame.bytes.is_none() {
                        frame.bytes = worker.reread(self.store, tree, frame.slot);
                        self.hold(frame.bytes.as_deref().unwrap_or_default());
                    }
                    let base = frame.bytes.as_deref().map(|bytes| (bytes, &frame.memory));
                    base.and_then(|base| self.make(tree, slot, Some(base), worker))
                }
                None => self.make(tree, slot, above, worker),
            };
            // A base of which this was the last delta is not needed any more.
            while let Some(frame) = stack.pop_if(|frame| frame.rest.is_empty()) {
                self.let_go(frame.bytes, worker);
            }
            if let Some((bytes, memory)) = made {
                self.enter(tree, slot, bytes, memory, &mut stack, worker);
            }
            next = stack.last_mut().and_then(|frame| {
                let (first, rest) = frame.rest.split_first()?;
                frame.rest = tree.past_unwanted(rest);
                Some(*first)
            });
        }
        for frame in stack {
            self.let_go(frame.bytes, worker);
        }
    }

    /// Puts a base on the stack, or shares out what is made from it.
    fn enter(
        &self,
        tree: Tree<'a, '_>,
        slot: u32,
        bytes: Vec<u8>,
        memory: V::Memory,
        stack: &mut Vec<Frame<'a, V::Memory>>,
        worker: &mut Worker<'a, V>,
    ) {
        let rest = tree.deltas(slot);
        if rest.is_empty() {
            return worker.recycle(bytes);
        }
        let has_room = self.hold(&bytes);
        let light = rest.partition_point(|&child| tree.forest.weight(child) < self.limits.heavy);
        let heavy = || rest[light..].iter().filter(|&&child| tree.leads(child));
        if has_room && tree.shared < MOST_SHARING && heavy().count() >= 2 {
            let tree = Tree { shared: tree.shared + 1, ..tree };
            rayon::scope(|scope| {
                for &child in heavy() {
                    let above = (&*bytes, &memory);
                    scope.spawn(move |_| self.with_worker(|worker| self.below(tree, child, Some(above), worker)));
                }
                for &child in rest[..light].iter().filter(|&&child| tree.leads(child)) {
                    self.below(tree, child, Some((&bytes, &memory)), worker);
                }
            });
            return self.let_go(Some(bytes), worker);
        }
        stack.push(Frame { slot, bytes: Some(bytes), memory, rest });
        // The bases furthest down are needed last. The one on top is needed next, and is held without room, too.
        let lower = stack.len() - 1;
        for frame in &mut stack[..lower] {
            if self.held.load(Ordering::Relaxed) <= self.limits.budget {
                break;
            }
            self.let_go(frame.bytes.take(), worker);
        }
    }

    /// Counts the bytes of a base; whether there is room for it.
    fn hold(&self, bytes: &[u8]) -> bool {
        self.held.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len() <= self.limits.budget
    }

    fn let_go(&self, bytes: Option<Vec<u8>>, worker: &mut Worker<'a, V>) {
        if let Some(bytes) = bytes {
            self.held.fetch_sub(bytes.len(), Ordering::Relaxed);
            worker.recycle(bytes);
        }
    }

    /// Makes an object and has it looked at.
    fn make(
        &self,
        tree: Tree<'a, '_>,
        slot: u32,
        above: Option<Above<'_, V::Memory>>,
        worker: &mut Worker<'a, V>,
    ) -> Option<(Vec<u8>, V::Memory)> {
        let base = above.map(|above| above.0);
        // What comes from a hostile file meets code that may have a bug; one object must not end the scan.
        let bytes = catch_unwind(AssertUnwindSafe(|| worker.decode(self.store, tree, slot, base))).ok()??;
        let object = Visited {
            number: tree.pack.first + tree.forest.position(slot),
            bytes: &bytes,
            base: above.map(|(_, memory)| Base { memory, edits: &worker.edits }),
            is_base: !tree.deltas(slot).is_empty(),
        };
        let memory = self.visitor.visit(&mut worker.own, object);
        Some((bytes, memory))
    }
}

impl<'a, V: Visitor> Worker<'a, V> {
    fn new() -> Self {
        Self {
            own: V::Worker::default(),
            inflate: gix::zlib::Inflate::default(),
            delta: Vec::new(),
            edits: Vec::new(),
            spare: Vec::new(),
            reader: None,
        }
    }

    fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < SPARES && bytes.capacity() <= LARGEST_SPARE {
            self.spare.push(bytes);
        }
    }

    /// The bytes of an object, from its base if it is a delta in this pack.
    fn decode(&mut self, store: &'a Store, tree: Tree<'a, '_>, slot: u32, base: Option<&[u8]>) -> Option<Vec<u8>> {
        if tree.forest.is_damaged(slot) {
            return None;
        }
        let (offset, end) = tree.forest.span(tree.pack, slot);
        let entry = tree.pack.data.entry(offset).ok()?;
        let bytes = match base {
            None if entry.header.is_delta() => return self.reread(store, tree, slot),
            Some(base) => self.apply(store, tree, &entry, end, base)?,
            None => {
                let mut bytes = self.spare.pop().unwrap_or_default();
                bytes.resize(stored_size(store, &entry, end)?, 0);
                inflate(&mut self.inflate, tree.pack, &entry, end, &mut bytes).then_some(bytes)?
            }
        };
        // Without checksums of the packed bytes only the name tells whether the bytes are the right ones.
        let is_right = tree.pack.has_checksums() || {
            let id = tree.pack.index.oid_at_index(tree.forest.position(slot));
            let kind = tree.forest.kind(slot).kind()?;
            gix::objs::compute_hash(id.kind(), kind, &bytes).is_ok_and(|actual| actual == id)
        };
        (is_right && store.work.take(bytes.len() as u64)).then_some(bytes)
    }

    /// The bytes that a delta makes of its base.
    fn apply(&mut self, store: &Store, tree: Tree<'_, '_>, entry: &Entry, end: u64, base: &[u8]) -> Option<Vec<u8>> {
        let size = stored_size(store, entry, end)?;
        if self.delta.len() < size || self.delta.len() > LARGEST_SPARE {
            self.delta.resize(size, 0);
            self.delta.shrink_to(LARGEST_SPARE);
        }
        let delta = &mut self.delta[..size];
        if !inflate(&mut self.inflate, tree.pack, entry, end, delta) {
            return None;
        }
        let (base_size, size, instructions) = delta::sizes(delta)?;
        if base_size != base.len() as u64 || size > store.limit.bytes {
            return None;
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        delta::apply(base, &delta[instructions..], usize::try_from(size).ok()?, &mut bytes, &mut self.edits)?;
        Some(bytes)
    }

    /// The bytes of an object with all that it is made of, wherever that lies.
    fn reread(&mut self, store: &'a Store, tree: Tree<'a, '_>, slot: u32) -> Option<Vec<u8>> {
        let reader = self.reader.get_or_insert_with(|| store.reader());
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(reader.read_blob(tree.pack.first + tree.forest.position(slot)).ok()?.1);
        Some(bytes)
    }
}

/// The declared size of what an entry holds, if it is within the limit and its bytes can make so much.
fn stored_size(store: &Store, entry: &Entry, end: u64) -> Option<usize> {
    let possible = end.saturating_sub(entry.data_offset).saturating_mul(MOST_INFLATION as u64);
    let size = entry.decompressed_size;
    // The instructions of a delta may be longer than what they make, but not without end.
    let limit = if entry.header.is_delta() { store.limit.bytes.saturating_mul(2) } else { store.limit.bytes };
    usize::try_from(size).ok().filter(|_| size <= limit.min(possible))
}

/// Inflates an entry into `out`, which it must fill exactly.
fn inflate(inflate: &mut gix::zlib::Inflate, pack: &Pack, entry: &Entry, end: u64, out: &mut [u8]) -> bool {
    let Some(input) = pack.data.entry_slice(entry.data_offset..end) else { return false };
    inflate.reset();
    matches!(inflate.once(input, out), Ok((gix::zlib::Status::StreamEnd, _, written)) if written == out.len())
}
