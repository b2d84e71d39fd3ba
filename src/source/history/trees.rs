//! The pass over all trees. Takes the root trees of a walk, gives the set of blobs and trees they reach and names what is
//! missing or damaged; must never decode a tree twice, recurse, or keep the entries of more than one tree a thread.

use gix::objs::Kind;
use rayon::prelude::*;

use super::bits::Bits;
use super::kinds::Kinds;
use super::parse::{self, EntryKind};
use super::reader::{ReadError, Reader, Readers};
use super::store::{Number, Store};
use super::trouble::{Named, Troubles};
use crate::coverage::SkipReason;
use crate::source::Sink;

/// Trees decoded by one task.
const CHUNK: usize = 512;

/// What the trees of a walk reach, by object number.
pub(super) struct Reached {
    pub trees: Bits,
    pub blobs: Bits,
}

/// Everything a pass over trees needs.
pub(super) struct Trees<'a> {
    pub store: &'a Store,
    pub kinds: &'a Kinds,
    pub readers: &'a Readers<'a>,
    pub troubles: &'a Troubles,
}

/// The entries of a tree that are objects here, resolved. Reports those that are not.
pub(super) fn entries<'a>(
    store: &Store,
    number: Number,
    reader: &'a mut Reader<'_>,
    troubles: &Troubles,
    mut each: impl FnMut(&'a [u8], Number, EntryKind),
) {
    let id = || store.id(number);
    let bytes = match reader.read(number) {
        Ok((Kind::Tree, bytes)) => bytes,
        Ok((other, _)) => {
            let what = format!("object {}: a {other} where a tree should be", id());
            return troubles.add(SkipReason::CorruptObject, what);
        }
        Err(error) => return cannot_read(store, number, Named::Tree, error, troubles),
    };
    let mut entries = parse::tree(bytes, store.hash.len_in_bytes());
    for entry in entries.by_ref() {
        match (entry.kind, store.find(entry.id)) {
            (EntryKind::Link, _) => {}
            (kind, Some(child)) => each(entry.name, child, kind),
            // git knows the empty tree without having it.
            (EntryKind::Tree, None) if entry.id.is_empty_tree() => {}
            (kind, None) => troubles.absent(entry.id.to_owned(), kind.into(), (Named::Tree, id())),
        }
    }
    if entries.damaged() {
        troubles.add(SkipReason::CorruptObject, format!("tree {}: its entries are damaged", id()));
    }
}

/// Reports an object that could not be read.
pub(super) fn cannot_read(store: &Store, number: Number, kind: Named, error: ReadError, troubles: &Troubles) {
    let id = store.id(number);
    let kind = format!("{kind:?}").to_lowercase();
    let what = match error {
        ReadError::Corrupt => format!("{kind} {id}: cannot be decoded"),
        ReadError::TooLarge(Some(size)) => format!("{kind} {id}: {size} bytes"),
        ReadError::TooLarge(None) => format!("{kind} {id}: decoding it needs too much memory"),
        // One line, however many objects are left.
        ReadError::TooMuch => "the rest of the history: its packs make too many bytes of few".to_owned(),
        ReadError::Panic => format!("{kind} {id}: the decoder panicked"),
    };
    troubles.add(error.reason(store.limit), what);
}

impl Trees<'_> {
    /// Walks all trees from these roots, level by level: every level is read in the order of the pack, in parallel.
    pub fn reach(&self, roots: impl IntoIterator<Item = Number>, blobs: &[Number], sink: &dyn Sink) -> Reached {
        let len = self.store.len();
        let reached = Reached { trees: Bits::new(len), blobs: Bits::new(len) };
        for &blob in blobs {
            reached.blobs.insert(blob);
        }
        let mut level: Vec<Number> = roots.into_iter().filter(|&root| reached.trees.insert(root)).collect();
        while !level.is_empty() && !sink.cancelled() {
            self.store.sort_by_place(&mut level);
            let next: Vec<Vec<Number>> = level
                .par_chunks(CHUNK)
                .map(|chunk| self.readers.with(|reader| self.reach_chunk(chunk, &reached, reader)))
                .collect();
            level = next.into_iter().flatten().collect();
        }
        reached
    }

    fn reach_chunk(&self, chunk: &[Number], reached: &Reached, reader: &mut Reader<'_>) -> Vec<Number> {
        let mut below = Vec::new();
        for &tree in chunk {
            entries(self.store, tree, reader, self.troubles, |_, child, kind| {
                // What the object is counts, not what the entry's mode says, so that nothing goes unseen.
                let actual = self.kinds.get(child);
                let expected = if kind == EntryKind::Tree { Kind::Tree } else { Kind::Blob };
                if actual.is_some_and(|actual| actual != expected) {
                    let what = format!("tree {}: takes {} for a {expected}", self.store.id(tree), self.store.id(child));
                    self.troubles.add(SkipReason::CorruptObject, what);
                }
                match actual.unwrap_or(expected) {
                    Kind::Tree if reached.trees.insert(child) => below.push(child),
                    Kind::Blob => {
                        reached.blobs.insert(child);
                    }
                    _ => {}
                }
            });
        }
        below
    }
}
