//! The object database of a repository: packs, loose objects and alternates under one dense numbering. Takes the objects
//! folder, gives objects by number; must never trust an index, a header or a file name, and never write.
//!
//! Written on top of gix-pack rather than on gix's own object store for three reasons: what is damaged must be *named*
//! (gix takes a garbage index for an absent one), a second good copy of a damaged object must be found whichever thread
//! asks first, and a number per object lets the passes keep bits instead of ids. Multi-pack indexes and commit-graphs are
//! never read: they only repeat what packs say, and a stale or forged one would mislead.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use gix::objs::Kind;
use gix::odb::loose;
use gix::odb::pack::{data, index};
use rayon::prelude::*;

use super::alternates::with_alternates;
use super::forest::Forest;
use super::reader::Reader;
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
}

impl Store {
    /// Opens everything under an objects folder and its alternates; what cannot be opened goes to `sink`.
    pub fn open(objects: &[PathBuf], hash: gix::hash::Kind, limit: SizeLimit, sink: &dyn Sink) -> Self {
        let folders = with_alternates(objects, sink);
        // A delta needs its base, its result and its instructions at once.
        let allocation = usize::try_from(limit.bytes.max(SizeLimit::DEFAULT.bytes).saturating_mul(3)).ok();
        let mut opened = Vec::new();
        let mut promisor_packs = false;
        for folder in &folders {
            open_packs(&folder.join("pack"), hash, allocation, &mut opened, &mut promisor_packs, sink);
        }
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
        Self { hash, packs, loose_stores, loose, loose_first: first, promisor_packs, limit }
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
        for pack in &self.packs {
            let foreign = |id: &gix::oid| KindCode::of(self.reader().kind_of(&id.to_owned()));
            if pack.forest.get_or_init(|| Forest::build(pack, &foreign)).hides_entries() {
                let what = format!("pack {}: its index leaves out some of its objects", pack.name);
                troubles.add(SkipReason::CorruptObject, what);
            }
        }
    }

    /// The kind of every object by number, of planted packs. Objects of which no copy has a readable header, and numbers
    /// that are not canonical, have none.
    pub fn kinds(&self) -> Kinds {
        let mut kinds = vec![KindCode::UNKNOWN; self.len() as usize];
        for pack in &self.packs {
            let forest = pack.forest();
            for slot in 0..forest.len() {
                kinds[(pack.first + forest.position(slot)) as usize] = forest.kind(slot);
            }
        }
        kinds[self.loose_first as usize..]
            .par_iter_mut()
            .enumerate()
            .for_each(|(at, kind)| *kind = KindCode::of(self.loose_kind(self.loose_first + at as u32)));
        self.settle(&mut kinds);
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
}

/// The kind of an object in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KindCode(pub(super) u8);

impl KindCode {
    /// Of objects whose header cannot be read.
    pub const UNKNOWN: Self = Self(0);

    /// The code of a kind.
    pub fn of(kind: Option<Kind>) -> Self {
        Self(match kind {
            None => 0,
            Some(Kind::Commit) => 1,
            Some(Kind::Tree) => 2,
            Some(Kind::Blob) => 3,
            Some(Kind::Tag) => 4,
        })
    }

    /// The kind of a code.
    pub fn kind(self) -> Option<Kind> {
        match self.0 {
            1 => Some(Kind::Commit),
            2 => Some(Kind::Tree),
            3 => Some(Kind::Blob),
            4 => Some(Kind::Tag),
            _ => None,
        }
    }
}

/// The kind of every object, one byte each.
#[derive(Default)]
pub(super) struct Kinds(Vec<KindCode>);

impl Kinds {
    /// The kind of an object; `None` for damaged ones and second copies.
    pub fn get(&self, number: Number) -> Option<Kind> {
        self.0.get(number as usize).copied().unwrap_or(KindCode::UNKNOWN).kind()
    }

    /// All objects of a kind, ascending.
    pub fn all(&self, kind: Kind) -> Vec<Number> {
        (0..self.0.len() as u32).filter(|&number| self.get(number) == Some(kind)).collect()
    }

    /// Numbers without a kind, ascending.
    pub fn unknown(&self) -> Vec<Number> {
        (0..self.0.len() as u32).filter(|&number| self.get(number).is_none()).collect()
    }
}

type OpenPack = (String, index::File, data::File);

fn open_packs(
    folder: &Path,
    hash: gix::hash::Kind,
    allocation: Option<usize>,
    into: &mut Vec<OpenPack>,
    promisor: &mut bool,
    sink: &dyn Sink,
) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let paths: BTreeSet<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    *promisor |= paths.iter().any(|path| path.extension().is_some_and(|ext| ext == "promisor"));
    let is_pack = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"pack-"));
    for path in paths.iter().filter(|path| is_pack(path)) {
        let corrupt = |what: String| sink.skip(SkipReason::CorruptObject, what);
        let name = path.with_extension("pack").file_name().unwrap_or_default().to_string_lossy().into_owned();
        match path.extension().and_then(|ext| ext.to_str()) {
            Some("pack") if !paths.contains(&path.with_extension("idx")) => corrupt(format!("pack {name}: no index")),
            Some("idx") if path.is_file() => match open_pack(path, hash, allocation) {
                Ok((index, data)) => {
                    if index.num_objects() != data.num_objects() || index.pack_checksum() != data.checksum() {
                        corrupt(format!("pack {name}: truncated, or not the pack of its index"));
                    }
                    into.push((name, index, data));
                }
                Err(error) => corrupt(format!("pack {name}: {error}")),
            },
            _ => {}
        }
    }
}

/// gix's messages hold paths, which differ from machine to machine: these are our own words.
fn open_pack(
    path: &Path,
    hash: gix::hash::Kind,
    allocation: Option<usize>,
) -> Result<(index::File, data::File), &'static str> {
    let pack = path.with_extension("pack");
    if !pack.is_file() {
        return Err("an index without its pack");
    }
    // The parser of a hostile file may have a bug; one pack must not end the scan.
    let opened = std::panic::catch_unwind(|| index::File::at(path, hash).ok());
    let index = opened.ok().flatten().ok_or("its index is damaged")?;
    let data = data::File::at(pack, hash).map_err(|_| "damaged or not readable")?;
    Ok((index, data.with_alloc_limit_bytes(allocation)))
}

fn list_loose(folder: &Path, at: u16, hash: gix::hash::Kind, into: &mut Vec<(ObjectId, u16)>, sink: &dyn Sink) {
    for byte in 0..=255u8 {
        let prefix = format!("{byte:02x}");
        let entries = match fs::read_dir(folder.join(&prefix)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                sink.skip(SkipReason::Unreadable, format!("objects/{prefix}: {}", error.kind()));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(rest) = name.to_str().filter(|rest| rest.len() + 2 == hash.len_in_hex()) else { continue };
            // A pipe or device under an object's name would block the reader.
            if entry.file_type().is_ok_and(|kind| kind.is_file())
                && let Ok(id) = ObjectId::from_hex(format!("{prefix}{rest}").as_bytes())
            {
                into.push((id, at));
            }
        }
    }
}
