//! The blobs of the packs along their deltas. Takes a store whose forests are planted, gives each wanted blob once to a sink
//! with what it was made from; must never let a bug of the sink in one blob end more than that blob.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gix::objs::Kind;

use super::bits::Bits;
use super::descent::{self, Limits, Visited, Visitor};
use super::store::{Number, Store};
use super::trouble::Troubles;
use crate::blob::Blob;
use crate::coverage::SkipReason;
use crate::provenance::Provenance;
use crate::source::{Base, Memory, Sink};

/// Most bytes of bases that are held at a time.
const LIMITS: Limits = Limits::of(192 << 20);

/// Hands out the wanted blobs of all packs. Gives all others that are wanted: loose ones, and those that could not be made
/// along their deltas, whatever the reason. An entry whose header is damaged belongs to no kind and no tree of deltas, so
/// what a descent says it lost would not be enough.
pub(super) fn hand_out(store: &Store, wanted: &Bits, troubles: &Troubles, sink: &dyn Sink) -> Vec<Number> {
    let versions = Versions { store, wanted, visited: Bits::new(store.len()), troubles, sink };
    descent::descend(store, Kind::Blob, Some(wanted), LIMITS, &versions);
    wanted.to_vec().into_iter().filter(|&number| !versions.visited.contains(number)).collect()
}

/// Runs what a sink does with one object: a bug there costs this object only.
pub(super) fn guarded<T>(
    store: &Store,
    number: Number,
    troubles: &Troubles,
    scan: impl FnOnce() -> Option<T>,
) -> Option<T> {
    catch_unwind(AssertUnwindSafe(scan)).unwrap_or_else(|_| {
        troubles.add(SkipReason::Panic, format!("object {}: scanning it panicked", store.id(number)));
        None
    })
}

struct Versions<'a> {
    store: &'a Store,
    wanted: &'a Bits,
    visited: Bits,
    troubles: &'a Troubles,
    sink: &'a dyn Sink,
}

impl Visitor for Versions<'_> {
    type Memory = Memory;
    type Worker = ();

    fn visit(&self, (): &mut (), object: Visited<'_, Memory>) -> Memory {
        let Visited { number, bytes, base, is_base } = object;
        if !self.wanted.contains(number) {
            return None;
        }
        self.visited.insert(number);
        let provenance = Provenance::History(self.store.id(number));
        let base = base.map(|base| Base { memory: base.memory, edits: base.edits });
        let blob = Blob { bytes, provenance: &provenance };
        guarded(self.store, number, self.troubles, || self.sink.version(blob, base, is_base))
    }

    fn cancelled(&self) -> bool {
        self.sink.cancelled()
    }
}
