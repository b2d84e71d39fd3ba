//! Decodes objects, one reader a thread. Takes a number of the [`Store`], gives kind and bytes; must never allocate past
//! the store's limit, follow a delta in circles, or let a panic of the decoder through.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use gix::objs::Kind;
use gix::odb::pack::cache;
use gix::odb::pack::cache::lru::MemoryCappedHashmap;
use gix::odb::pack::data::decode::entry::ResolvedBase;

use super::store::{Number, Place, Store};
use crate::blob::ObjectId;
use crate::coverage::SkipReason;

/// Bytes of delta bases that one reader keeps.
const CACHE_BYTES: usize = 32 << 20;

/// How often a base may lie in yet another pack.
const MAX_FOREIGN_BASES: u8 = 8;

/// Why an object could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// It, or a base of its delta, is damaged.
    Corrupt,
    /// Decoding it needs more memory than the limit; its size if the header tells.
    TooLarge(Option<u64>),
    /// The decoder panicked.
    Panic,
}

impl ReadError {
    /// The reason to report for it. `limit` is the store's.
    pub fn reason(self, limit: crate::source::SizeLimit) -> SkipReason {
        match self {
            Self::TooLarge(Some(size)) if size > limit.bytes => limit.reason(),
            Self::Corrupt | Self::TooLarge(_) => SkipReason::CorruptObject,
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
}

impl<'a> Reader<'a> {
    pub fn new(store: &'a Store) -> Self {
        Self {
            store,
            buffer: Vec::new(),
            inflate: gix::zlib::Inflate::default(),
            cache: MemoryCappedHashmap::new(CACHE_BYTES),
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
        if let Some(size) = self.stored_size(number).filter(|&size| size > limit) {
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

    /// The kind of an object if its own header tells: not for deltas.
    fn header_kind(&self, number: Number) -> Option<Kind> {
        match self.store.place(number) {
            Place::Packed { pack, position } => {
                pack.data.entry(pack.index.pack_offset_at_index(position)).ok()?.header.as_kind()
            }
            Place::Loose { id, store } => Some(store.try_header(&id).ok()??.1),
        }
    }

    /// The kind of an object by its id.
    pub fn kind_of(&mut self, id: &ObjectId) -> Option<Kind> {
        self.store.copies(id).into_iter().find_map(|copy| self.read_copy(copy).ok())
    }

    /// The size where it can be known without inflating anything: not for deltas.
    fn stored_size(&self, number: Number) -> Option<u64> {
        match self.store.place(number) {
            Place::Packed { pack, position } => {
                let entry = pack.data.entry(pack.index.pack_offset_at_index(position)).ok()?;
                (!entry.header.is_delta()).then_some(entry.decompressed_size)
            }
            Place::Loose { id, store } => Some(store.try_header(&id).ok()??.0),
        }
    }

    fn read_copy(&mut self, number: Number) -> Result<Kind, ReadError> {
        let (store, buffer, inflate) = (self.store, &mut self.buffer, &mut self.inflate);
        let cache = &mut self.cache;
        let read = catch_unwind(AssertUnwindSafe(|| {
            let kind = decode(store, number, buffer, inflate, cache, 0)?;
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

fn decode(
    store: &Store,
    number: Number,
    out: &mut Vec<u8>,
    inflate: &mut gix::zlib::Inflate,
    cache: &mut dyn cache::DecodeEntry,
    foreign: u8,
) -> Result<Kind, ReadError> {
    match store.place(number) {
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
            let resolve = |id: &gix::oid, out: &mut Vec<u8>| {
                if let Some(base) = pack.index.lookup(id) {
                    return pack.data.entry(pack.index.pack_offset_at_index(base)).map(ResolvedBase::InPack).map(Some);
                }
                Ok(foreign_base(store, id, out, foreign))
            };
            match pack.data.decode_entry(entry.clone(), out, inflate, &resolve, cache) {
                Ok(outcome) => Ok(outcome.kind),
                Err(error) if error.is_resource_exhausted() => {
                    let header = pack.data.decode_header(entry, inflate, &|_| Ok(None));
                    Err(ReadError::TooLarge(header.ok().map(|header| header.object_size)))
                }
                Err(_) => Err(ReadError::Corrupt),
            }
        }
    }
}

/// A delta's base in another pack or a loose object. git writes no such pack to disk, but reads it.
fn foreign_base(store: &Store, id: &gix::oid, out: &mut Vec<u8>, foreign: u8) -> Option<ResolvedBase> {
    if foreign >= MAX_FOREIGN_BASES {
        return None;
    }
    let mut inflate = gix::zlib::Inflate::default();
    store.copies(id).into_iter().find_map(|copy| {
        let kind = decode(store, copy, out, &mut inflate, &mut cache::Never, foreign + 1).ok()?;
        Some(ResolvedBase::OutOfPack { kind, end: out.len() })
    })
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
