//! Decodes objects, one reader a thread. Takes a number of the [`Store`], gives kind and bytes; must never allocate past
//! the store's limit, follow a delta in circles, or let a panic of the decoder through.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use gix::objs::Kind;
use gix::odb::pack::cache::lru::MemoryCappedHashmap;
use gix::odb::pack::cache::{self, DecodeEntry};
use gix::odb::pack::data::Entry;
use gix::odb::pack::data::decode::entry::ResolvedBase;
use gix::odb::pack::data::entry::Header;

use super::delta;
use super::store::{Number, Pack, Place, Store};
use crate::coverage::SkipReason;

/// Bytes of delta bases that one reader keeps.
const CACHE_BYTES: usize = 32 << 20;

/// How often a base may lie in yet another pack.
pub(super) const MAX_FOREIGN_BASES: u8 = 8;

/// Of long chains one delta in so many is kept on the way, so that the next object of the chain need not go back to its
/// start.
const STRIDE: u64 = 64;

/// Why an object could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// It, or a base of its delta, is damaged.
    Corrupt,
    /// Decoding it needs more memory than the limit; its size if the header tells.
    TooLarge(Option<u64>),
    /// The packs were decoded to so many bytes already that they must be made to take up time.
    TooMuch,
    /// The decoder panicked.
    Panic,
}

impl ReadError {
    /// The reason to report for it. `limit` is the store's.
    pub fn reason(self, limit: crate::source::SizeLimit) -> SkipReason {
        match self {
            Self::TooLarge(Some(size)) if size > limit.bytes => limit.reason(),
            Self::Corrupt | Self::TooLarge(_) => SkipReason::CorruptObject,
            Self::TooMuch => SkipReason::OverDefaultSize,
            Self::Panic => SkipReason::Panic,
        }
    }
}

/// Decoder with its buffers and cache of delta bases.
pub(super) struct Reader<'a> {
    store: &'a Store,
    buffer: Vec<u8>,
    inflate: gix::zlib::Inflate,
    cache: MemoryCappedHashmap,
    /// Of objects that bases in other packs are made of, and of those bases: the other cache is in use meanwhile.
    foreign: RefCell<MemoryCappedHashmap>,
}

impl<'a> Reader<'a> {
    pub fn new(store: &'a Store) -> Self {
        Self {
            store,
            buffer: Vec::new(),
            inflate: gix::zlib::Inflate::default(),
            cache: MemoryCappedHashmap::new(CACHE_BYTES),
            foreign: RefCell::new(MemoryCappedHashmap::new(CACHE_BYTES)),
        }
    }

    /// Kind and bytes of an object, from whichever copy is whole.
    pub fn read(&mut self, number: Number) -> Result<(Kind, &[u8]), ReadError> {
        let kind = match self.read_copy(number) {
            Ok(kind) => kind,
            Err(error) => {
                let copies = self.store.copies(&self.store.id(number));
                let others = copies.into_iter().filter(|&copy| copy != number);
                others.map(|copy| self.read_copy(copy)).find(Result::is_ok).unwrap_or(Err(error))?
            }
        };
        Ok((kind, &self.buffer))
    }

    /// As [`Reader::read`], for blobs: one over the store's size limit is an error.
    pub fn read_blob(&mut self, number: Number) -> Result<(Kind, &[u8]), ReadError> {
        let limit = self.store.limit.bytes;
        if let Some(size) = self.declared_size(number).filter(|&size| size > limit) {
            return Err(ReadError::TooLarge(Some(size)));
        }
        let (kind, bytes) = self.read(number)?;
        if bytes.len() as u64 > limit { Err(ReadError::TooLarge(Some(bytes.len() as u64))) } else { Ok((kind, bytes)) }
    }

    /// As [`Reader::read`], but gives nothing for blobs, whose content may be large and is not wanted.
    pub fn read_unless_blob(&mut self, number: Number) -> Result<Option<(Kind, &[u8])>, ReadError> {
        if self.header_kind(number) == Some(Kind::Blob) {
            return Ok(None);
        }
        let (kind, bytes) = self.read(number)?;
        Ok((kind != Kind::Blob).then_some((kind, bytes)))
    }

    /// The kind of an object if its own header tells: not for deltas, and not if the header may be damaged.
    fn header_kind(&self, number: Number) -> Option<Kind> {
        match self.store.place(number) {
            Place::Packed { pack, position } => {
                pack.is_damaged(position).filter(|damaged| !damaged)?;
                pack.data.entry(pack.index.pack_offset_at_index(position)).ok()?.header.as_kind()
            }
            Place::Loose { id, store } => Some(store.try_header(&id).ok()??.1),
        }
    }

    /// The size that an object's header has, or that of its delta: no more than a few bytes are inflated.
    fn declared_size(&mut self, number: Number) -> Option<u64> {
        match self.store.place(number) {
            Place::Packed { pack, position } => {
                let entry = pack.data.entry(pack.index.pack_offset_at_index(position)).ok()?;
                if !entry.header.is_delta() {
                    return Some(entry.decompressed_size);
                }
                // Longer than that are no two sizes.
                let (mut start, input) =
                    ([0; 20], pack.data.entry_slice(entry.data_offset..pack.data.pack_end() as u64)?);
                self.inflate.reset();
                let (_, _, written) = self.inflate.prefix(input, &mut start).ok()?;
                delta::sizes(&start[..written]).map(|(_, size, _)| size)
            }
            Place::Loose { id, store } => Some(store.try_header(&id).ok()??.0),
        }
    }

    fn read_copy(&mut self, number: Number) -> Result<Kind, ReadError> {
        let (store, buffer, inflate) = (self.store, &mut self.buffer, &mut self.inflate);
        let (cache, foreign) = (&mut self.cache, &self.foreign);
        let read = catch_unwind(AssertUnwindSafe(|| {
            let kind = Decoder { store, foreign, level: 0 }.decode(number, buffer, inflate, cache)?;
            if is_what_it_says(store, number, kind, buffer) { Ok(kind) } else { Err(ReadError::Corrupt) }
        }));
        read.unwrap_or_else(|_| {
            // What the decoder left behind may be half done.
            *self = Self::new(self.store);
            Err(ReadError::Panic)
        })
    }
}

/// Whether the bytes of a packed object are those that its index or its id has. Loose ones were compared as they were read.
///
/// A delta whose bytes are damaged can still be well formed, and make something else.
fn is_what_it_says(store: &Store, number: Number, kind: Kind, bytes: &[u8]) -> bool {
    let Place::Packed { pack, position } = store.place(number) else { return true };
    if let Some(damaged) = pack.is_damaged(position) {
        return !damaged;
    }
    let id = store.id(number);
    gix::objs::compute_hash(id.kind(), kind, bytes).is_ok_and(|actual| actual == id)
}

/// Decodes one object. `level` counts how often a base lay in yet another pack.
#[derive(Clone, Copy)]
struct Decoder<'a, 'f> {
    store: &'a Store,
    foreign: &'f RefCell<MemoryCappedHashmap>,
    level: u8,
}

impl Decoder<'_, '_> {
    fn decode(
        self,
        number: Number,
        out: &mut Vec<u8>,
        inflate: &mut gix::zlib::Inflate,
        cache: &mut dyn DecodeEntry,
    ) -> Result<Kind, ReadError> {
        match self.store.place(number) {
            Place::Loose { id, store } => match store.try_find(&id, out) {
                // A loose object has nothing but its name to tell that it is whole: gix ignores the checksum at its end.
                Ok(Some(object)) => {
                    let actual = gix::objs::compute_hash(id.kind(), object.kind, object.data);
                    if actual.is_ok_and(|actual| actual == id) { Ok(object.kind) } else { Err(ReadError::Corrupt) }
                }
                Err(error) if error.is_resource_exhausted() => {
                    Err(ReadError::TooLarge(store.try_header(&id).ok().flatten().map(|(size, _)| size)))
                }
                Ok(None) | Err(_) => Err(ReadError::Corrupt),
            },
            Place::Packed { pack, position } => {
                let offset = pack.index.pack_offset_at_index(position);
                let entry = pack.data.entry(offset).map_err(|_| ReadError::Corrupt)?;
                if pack.may_be_deep() {
                    for stop in stops(pack, &entry, cache, out)?.into_iter().rev() {
                        self.entry(pack, stop, out, inflate, cache)?;
                    }
                }
                self.entry(pack, entry, out, inflate, cache)
            }
        }
    }

    fn entry(
        self,
        pack: &Pack,
        entry: Entry,
        out: &mut Vec<u8>,
        inflate: &mut gix::zlib::Inflate,
        cache: &mut dyn DecodeEntry,
    ) -> Result<Kind, ReadError> {
        if self.store.work.is_done() {
            return Err(ReadError::TooMuch);
        }
        let resolve = |id: &gix::oid, out: &mut Vec<u8>| {
            if let Some(base) = pack.index.lookup(id) {
                return pack.data.entry(pack.index.pack_offset_at_index(base)).map(ResolvedBase::InPack).map(Some);
            }
            Ok(self.foreign_base(id, out))
        };
        match pack.data.decode_entry(entry.clone(), out, inflate, &resolve, cache) {
            Ok(outcome) => {
                let made = outcome.object_size.saturating_mul(1 + u64::from(outcome.num_deltas));
                if self.store.work.take(made) { Ok(outcome.kind) } else { Err(ReadError::TooMuch) }
            }
            Err(error) => {
                self.store.work.take(entry.decompressed_size.min(out.len() as u64));
                if !error.is_resource_exhausted() {
                    return Err(ReadError::Corrupt);
                }
                let header = pack.data.decode_header(entry, inflate, &|_| Ok(None));
                Err(ReadError::TooLarge(header.ok().map(|header| header.object_size)))
            }
        }
    }

    /// A delta's base in another pack or a loose object. git writes no such pack to disk, but reads it.
    fn foreign_base(self, id: &gix::oid, out: &mut Vec<u8>) -> Option<ResolvedBase> {
        if self.level >= MAX_FOREIGN_BASES {
            return None;
        }
        let mut inflate = gix::zlib::Inflate::default();
        let next = Self { level: self.level + 1, ..self };
        self.store.copies(id).into_iter().find_map(|copy| {
            let kind = match self.foreign.try_borrow_mut() {
                Ok(mut cache) => next.decode(copy, out, &mut inflate, &mut *cache),
                // A base in a third pack.
                Err(_) => next.decode(copy, out, &mut inflate, &mut cache::Never),
            };
            Some(ResolvedBase::OutOfPack { kind: kind.ok()?, end: out.len() })
        })
    }
}

/// Where to stop on the way to an entry at the end of a long chain of deltas, the last first: gix would hold all deltas of
/// the chain at once, and keep none but the last. The stops are the same for all objects of a chain.
fn stops(pack: &Pack, entry: &Entry, cache: &mut dyn DecodeEntry, out: &mut Vec<u8>) -> Result<Vec<Entry>, ReadError> {
    let mut stops = Vec::new();
    let mut at = entry.clone();
    for _ in 0..pack.index.num_objects() {
        let base = match at.header {
            Header::OfsDelta { base_distance } => at.checked_base_pack_offset(base_distance),
            Header::RefDelta { base_id } => match pack.index.lookup(base_id) {
                Some(base) => Some(pack.index.pack_offset_at_index(base)),
                None => return Ok(stops),
            },
            _ => return Ok(stops),
        };
        let base = base.and_then(|offset| pack.data.entry(offset).ok()).ok_or(ReadError::Corrupt)?;
        // Neighbouring offsets differ in their low bits, whose order is mixed by an odd factor.
        if base.header.is_delta() && (base.data_offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(STRIDE)
        {
            if cache.get(pack.data.id, base.data_offset, out).is_some() {
                return Ok(stops);
            }
            stops.push(base.clone());
        }
        at = base;
    }
    Err(ReadError::Corrupt)
}

/// Readers that are not in use, so that a thread that takes up work gets one with a warm cache.
pub(super) struct Readers<'a> {
    store: &'a Store,
    idle: Mutex<Vec<Reader<'a>>>,
}

impl<'a> Readers<'a> {
    pub fn new(store: &'a Store) -> Self {
        Self { store, idle: Mutex::new(Vec::new()) }
    }

    /// Runs `work` with a reader of its own.
    pub fn with<T>(&self, work: impl FnOnce(&mut Reader<'a>) -> T) -> T {
        let idle = self.idle.lock().map(|mut idle| idle.pop()).unwrap_or_default();
        let mut reader = idle.unwrap_or_else(|| Reader::new(self.store));
        let result = work(&mut reader);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(reader);
        }
        result
    }
}
