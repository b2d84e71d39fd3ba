//! The object database of a repository: packs, loose objects and alternates under one dense numbering. Takes the objects
//! folder, gives objects by number; must never trust an index, a header or a file name, and never write.
//!
//! Written on top of gix-pack rather than on gix's own object store for three reasons: what is damaged must be *named*
//! (gix takes a garbage index for an absent one), a second good copy of a damaged object must be found whichever thread
//! asks first, and a number per object lets the passes keep bits instead of ids. Multi-pack indexes and commit-graphs are
//! never read: they only repeat what packs say, and a stale or forged one would mislead.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use gix::objs::Kind;
use gix::odb::loose;
use gix::odb::pack::{data, index};
use rayon::prelude::*;

use super::alternates::with_alternates;
use super::folders::{OpenPacks, list_loose};
use super::forest::Forest;
use super::kinds::{KindCode, Kinds};
use super::reader::{MAX_FOREIGN_BASES, Reader};
use super::trouble::Troubles;
use crate::blob::ObjectId;
use crate::coverage::SkipReason;
use crate::source::{Sink, SizeLimit};

/// The number of an object: packed ones by pack and place in its index, then the loose ones by id. An object that stands
/// in several packs has several numbers, of which [`Store::find`] gives the least, the *canonical* one.
pub(super) type Number = u32;

/// One pack with its index.
pub(super) struct Pack {
    /// Number of the first object.
    pub first: Number,
    pub index: index::File,
    pub data: data::File,
    /// File name, for messages.
    name: String,
    /// Planted by [`Store::plant`].
    forest: OnceLock<Forest>,
}

/// All objects of a repository.
pub(super) struct Store {
    pub hash: gix::hash::Kind,
    pub packs: Vec<Pack>,
    pub loose_stores: Vec<loose::Store>,
    loose: Vec<(ObjectId, u16)>,
    loose_first: Number,
    /// Whether a `.promisor` file stands beside a pack.
    pub promisor_packs: bool,
    /// Limit on what one object may allocate while it is decoded.
    pub limit: SizeLimit,
    pub work: Work,
}

/// Bytes that packs may be decoded to, and how many more for each byte of theirs.
///
/// Deltas can make any number of large objects from a few bytes each, so that no limit on one object bounds the time. A
/// large file with thousands of versions is honest and makes a thousand bytes of one; the densest histories that were
/// measured make 300. What is scanned before the limit is hit depends on the threads, as after Ctrl-C.
const MOST_WORK: u64 = 16 << 30;
const MOST_WORK_A_BYTE: u64 = 4096;

/// What may still be decoded.
pub(super) struct Work {
    left: AtomicU64,
}

impl Work {
    /// Takes so many bytes; `false` if there are not so many left, and then ever after.
    pub fn take(&self, bytes: u64) -> bool {
        let took = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes.max(1)));
        if took.is_err() {
            self.left.store(0, Ordering::Relaxed);
        }
        took.is_ok()
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl Store {
    /// Opens everything under an objects folder and its alternates; what cannot be opened goes to `sink`.
    pub fn open(objects: &[PathBuf], hash: gix::hash::Kind, limit: SizeLimit, sink: &dyn Sink) -> Self {
        let folders = with_alternates(objects, sink);
        // A delta needs its base, its result and its instructions at once.
        let allocation = usize::try_from(limit.bytes.max(SizeLimit::DEFAULT.bytes).saturating_mul(3)).ok();
        let mut opened = OpenPacks::new(hash, allocation);
        for folder in &folders {
            opened.add(&folder.join("pack"), sink);
        }
        let OpenPacks { packs: mut opened, promisor: promisor_packs, .. } = opened;
        // The largest first: most look-ups then end in the first pack.
        opened.sort_by(|a, b| b.1.num_objects().cmp(&a.1.num_objects()).then_with(|| a.0.cmp(&b.0)));
        let mut packs: Vec<Pack> = Vec::new();
        let mut first: Number = 0;
        for (position, (name, index, mut data)) in opened.into_iter().enumerate() {
            let Some(next) = first.checked_add(index.num_objects()) else {
                sink.skip(SkipReason::CorruptObject, format!("pack {name}: more objects than can be numbered"));
                continue;
            };
            data.id = position as u32;
            packs.push(Pack { first, index, data, name, forest: OnceLock::new() });
            first = next;
        }
        let loose_stores: Vec<_> = folders
            .iter()
            .map(|folder| {
                let options = loose::Options { alloc_limit_bytes: allocation, ..Default::default() };
                loose::Store::at_opts(folder, hash, options)
            })
            .collect();
        let mut loose = Vec::new();
        for (at, folder) in folders.iter().enumerate().take(usize::from(u16::MAX)) {
            list_loose(folder, at as u16, hash, &mut loose, sink);
        }
        loose.sort_unstable();
        loose.dedup_by_key(|entry| entry.0);
        loose.truncate((u32::MAX - 1 - first) as usize);
        let packed = packs.iter().map(|pack| pack.data.data_len() as u64).sum::<u64>();
        let work = Work { left: AtomicU64::new(MOST_WORK.saturating_add(packed.saturating_mul(MOST_WORK_A_BYTE))) };
        Self { hash, packs, loose_stores, loose, loose_first: first, promisor_packs, limit, work }
    }

    /// One past the greatest number.
    pub fn len(&self) -> Number {
        self.loose_first + self.loose.len() as u32
    }

    /// The canonical number of an object; `None` if it is not here.
    pub fn find(&self, id: &gix::oid) -> Option<Number> {
        let packed = self.packs.iter().find_map(|pack| Some(pack.first + pack.index.lookup(id)?));
        packed.or_else(|| self.find_loose(id))
    }

    /// All numbers of an object, the canonical one first.
    pub fn copies(&self, id: &gix::oid) -> Vec<Number> {
        let packed = self.packs.iter().filter_map(|pack| Some(pack.first + pack.index.lookup(id)?));
        packed.chain(self.find_loose(id)).collect()
    }

    fn find_loose(&self, id: &gix::oid) -> Option<Number> {
        let at = self.loose.binary_search_by(|entry| entry.0.as_ref().cmp(id)).ok()?;
        Some(self.loose_first + at as u32)
    }

    /// The numbers of loose objects.
    pub fn loose(&self) -> impl Iterator<Item = Number> + '_ {
        self.loose_first..self.len()
    }

    /// The id of an object.
    pub fn id(&self, number: Number) -> ObjectId {
        match self.place(number) {
            Place::Packed { pack, position } => pack.index.oid_at_index(position).to_owned(),
            Place::Loose { id, .. } => id,
        }
    }

    /// Where an object lies.
    pub fn place(&self, number: Number) -> Place<'_> {
        if number >= self.loose_first {
            let (id, folder) = self.loose[(number - self.loose_first) as usize];
            return Place::Loose { id, store: &self.loose_stores[usize::from(folder)] };
        }
        let after = self.packs.partition_point(|pack| pack.first <= number);
        // Empty packs share their first number with the next; the last of equals is the one with objects.
        let pack = &self.packs[after - 1];
        Place::Packed { pack, position: number - pack.first }
    }

    /// Sorts numbers by where the objects lie, so that reading them in order finds delta bases in the cache.
    pub fn sort_by_place(&self, numbers: &mut Vec<Number>) {
        let mut keyed: Vec<(u32, u64, Number)> = numbers
            .par_iter()
            .map(|&number| match self.place(number) {
                Place::Packed { pack, position } => (pack.data.id, pack.index.pack_offset_at_index(position), number),
                Place::Loose { .. } => (u32::MAX, 0, number),
            })
            .collect();
        keyed.par_sort_unstable();
        numbers.clear();
        numbers.extend(keyed.into_iter().map(|(_, _, number)| number));
    }

    /// Learns how the objects of the packs are made of each other, and compares all packed bytes with their checksums. What
    /// indexes leave out goes to `troubles`.
    pub fn plant(&self, troubles: &Troubles) {
        let mut forests: Vec<Forest> = self.packs.iter().map(Forest::build).collect();
        // Bases in other packs may in turn have bases in other packs.
        for _ in 0..MAX_FOREIGN_BASES {
            let of_base = |id: &ObjectId| self.copies(id).into_iter().map(|copy| self.header_kind(&forests, copy));
            let known = |id: &ObjectId| of_base(id).find(|&kind| kind != KindCode::UNKNOWN);
            let unknown = |forest: &Forest, slot| forest.kind(slot) == KindCode::UNKNOWN;
            let found: Vec<(usize, u32, KindCode)> = forests
                .iter()
                .enumerate()
                .flat_map(|(at, forest)| forest.foreign.iter().map(move |(slot, base)| (at, forest, *slot, base)))
                .filter(|&(_, forest, slot, _)| unknown(forest, slot))
                .filter_map(|(at, _, slot, base)| Some((at, slot, known(base)?)))
                .collect();
            if found.is_empty() {
                break;
            }
            for (at, slot, kind) in found {
                forests[at].set_kind(slot, kind);
            }
        }
        for (pack, forest) in self.packs.iter().zip(forests) {
            if forest.hides_entries() {
                let what = format!("pack {}: its index leaves out some of its objects", pack.name);
                troubles.add(SkipReason::CorruptObject, what);
            }
            pack.forest.get_or_init(|| forest);
        }
    }

    /// The kind of an object by its header and those of its bases.
    fn header_kind(&self, forests: &[Forest], number: Number) -> KindCode {
        match self.place(number) {
            Place::Packed { pack, position } => {
                let forest = &forests[pack.data.id as usize];
                forest.slot_of(pack, position).map_or(KindCode::UNKNOWN, |slot| forest.kind(slot))
            }
            Place::Loose { .. } => KindCode::of(self.loose_kind(number)),
        }
    }

    /// The kind of every object by number, of planted packs. Objects of which no copy has a readable header, and numbers
    /// that are not canonical, have none.
    pub fn kinds(&self) -> Kinds {
        let mut kinds = vec![KindCode::UNKNOWN; self.len() as usize];
        let mut damaged = Vec::new();
        for pack in &self.packs {
            let forest = pack.forest();
            for slot in 0..forest.len() {
                let number = pack.first + forest.position(slot);
                if forest.is_damaged(slot) {
                    damaged.push((number, forest.kind(slot)));
                } else {
                    kinds[number as usize] = forest.kind(slot);
                }
            }
        }
        kinds[self.loose_first as usize..]
            .par_iter_mut()
            .enumerate()
            .for_each(|(at, kind)| *kind = KindCode::of(self.loose_kind(self.loose_first + at as u32)));
        self.settle(&mut kinds);
        // The kind that damage shows may be a wrong one: it counts where no copy is whole.
        for (number, kind) in damaged {
            let canonical = self.find(&self.id(number)).unwrap_or(number);
            let known = &mut kinds[canonical as usize];
            *known = if *known == KindCode::UNKNOWN { kind } else { *known };
        }
        Kinds(kinds)
    }

    fn loose_kind(&self, number: Number) -> Option<Kind> {
        let Place::Loose { id, store } = self.place(number) else { return None };
        store.try_header(&id).ok().flatten().map(|(_, kind)| kind)
    }

    /// Gives damaged canonical objects the kind of a good copy, and takes the kind from the copies.
    fn settle(&self, kinds: &mut [KindCode]) {
        if self.packs.len() + usize::from(!self.loose.is_empty()) < 2 {
            return;
        }
        for number in self.packs.first().map_or(0, |pack| pack.index.num_objects())..self.len() {
            let kind = kinds[number as usize];
            let canonical = self.find(&self.id(number)).unwrap_or(number);
            if canonical != number {
                kinds[number as usize] = KindCode::UNKNOWN;
                let known = &mut kinds[canonical as usize];
                *known = if *known == KindCode::UNKNOWN { kind } else { *known };
            }
        }
    }

    /// Whether `number` is the one that [`Store::find`] gives for its id.
    pub fn is_canonical(&self, number: Number) -> bool {
        self.packs.first().is_some_and(|pack| number < pack.index.num_objects())
            || self.find(&self.id(number)) == Some(number)
    }

    /// A reader for one thread.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(self)
    }
}

/// Where an object lies.
pub(super) enum Place<'a> {
    Packed { pack: &'a Pack, position: u32 },
    Loose { id: ObjectId, store: &'a loose::Store },
}

impl Pack {
    /// How its objects are made of each other.
    ///
    /// # Panics
    ///
    /// If the store was not planted.
    pub fn forest(&self) -> &Forest {
        self.forest.get().expect("the store should be planted before its forests are asked for")
    }

    /// Whether an object, or something it is made of, is known to be damaged; `None` if its bytes were not compared with
    /// any checksum.
    pub fn is_damaged(&self, position: u32) -> Option<bool> {
        let forest = self.forest.get()?;
        self.index.crc32_at_index(position)?;
        Some(forest.has_damage() && forest.slot_of(self, position).is_none_or(|slot| forest.is_damaged(slot)))
    }

    /// Whether chains of deltas are longer than any that git writes by itself, or were not measured.
    pub fn may_be_deep(&self) -> bool {
        self.forest.get().is_none_or(Forest::is_deep)
    }

    /// Whether its index has checksums of the packed bytes; old ones have none.
    pub fn has_checksums(&self) -> bool {
        self.index.version() == index::Version::V2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_is_done_stays_done() {
        let work = Work { left: AtomicU64::new(10) };
        assert!(work.take(4) && work.take(5) && !work.is_done());
        // Even what makes nothing is work.
        assert!(work.take(0) && work.is_done());
        assert!(!work.take(1) && !work.take(0));
        let work = Work { left: AtomicU64::new(10) };
        assert!(!work.take(11) && work.is_done() && !work.take(1));
    }
}
