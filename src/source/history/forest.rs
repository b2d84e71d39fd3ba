//! Which entry of a pack is a delta of which. Takes a pack and its index, gives the forest of deltas with the kind of every
//! object; must never follow a delta in circles or take an entry for whole whose bytes are not those of the index.
//!
//! Entries are known by their *slot*: their place in the order of offsets.

use gix::odb::pack::data::entry::Header;
use rayon::prelude::*;

use super::bits::Bits;
use super::kinds::KindCode;
use super::store::Pack;
use crate::blob::ObjectId;

/// No slot.
const NONE: u32 = u32::MAX;

/// Bytes before the first entry of a pack.
const HEADER: u64 = gix::odb::pack::data::header::SIZE as u64;

/// Unit of [`Forest::weight`] in bytes.
const WEIGHT_UNIT: u64 = 16;

/// zlib makes at most 1,032 bytes of one.
pub(super) const MOST_INFLATION: usize = 1032;

/// Chains longer than this are rare: git makes them 50 deltas long by itself, and up to 250 where it is told to pack well.
const DEEP: u32 = 256;

/// The deltas of one pack.
pub(super) struct Forest {
    /// Position in the index, by slot.
    positions: Vec<u32>,
    /// Where the entries end that have bytes of no entry behind them, by slot.
    ends: Vec<(u32, u64)>,
    /// Slots of entries that are no deltas, or deltas of something outside the pack; ascending.
    roots: Vec<u32>,
    /// Where the children of each slot begin in `children`; one more for the end.
    starts: Vec<u32>,
    /// Slots of the deltas of each slot, the one with the most below it last.
    children: Vec<u32>,
    kinds: Vec<KindCode>,
    /// Compressed size of each entry and all below it, in [`WEIGHT_UNIT`]s.
    weights: Vec<u32>,
    /// By slot: it, or something it is made of, is damaged. Empty if nothing is.
    damaged: Vec<bool>,
    /// Slots whose base is lost or in a circle.
    pub lost: Vec<u32>,
    /// Slots whose base is in another pack or a loose object, with that base.
    pub foreign: Vec<(u32, ObjectId)>,
    /// Deltas in the longest chain.
    depth: u32,
    /// There are bytes of no entry before the first.
    starts_late: bool,
}

/// What the header of an entry says.
struct Head {
    kind: KindCode,
    base: u32,
    foreign: Option<ObjectId>,
    damaged: bool,
    /// Its real end, if that is not where the next entry begins.
    end: Option<u64>,
}

impl Forest {
    /// Reads the headers of a pack's entries and compares their bytes with the checksums of the index. Deltas of something in
    /// another pack have no kind yet.
    pub fn build(pack: &Pack) -> Self {
        let mut order: Vec<(u64, u32)> = (0..pack.index.num_objects())
            .map(|position| (pack.index.pack_offset_at_index(position), position))
            .collect();
        order.par_sort_unstable();
        let slots = order.len();
        let end_of = |slot: usize| order.get(slot + 1).map_or(pack.data.pack_end() as u64, |next| next.0);
        let heads: Vec<Head> =
            (0..slots).into_par_iter().with_min_len(1024).map(|slot| head(pack, &order, slot, end_of(slot))).collect();
        let begins = order.first().map_or(pack.data.pack_end() as u64, |first| first.0);
        let ends = heads.iter().enumerate().filter_map(|(slot, head)| Some((slot as u32, head.end?))).collect();

        let mut starts = vec![0_u32; slots + 1];
        for head in heads.iter().filter(|head| head.base != NONE) {
            starts[head.base as usize + 1] += 1;
        }
        for slot in 0..slots {
            starts[slot + 1] += starts[slot];
        }
        let mut children = vec![0; starts[slots] as usize];
        let mut filled = starts.clone();
        for (slot, head) in heads.iter().enumerate().filter(|(_, head)| head.base != NONE) {
            let at = &mut filled[head.base as usize];
            children[*at as usize] = slot as u32;
            *at += 1;
        }
        drop(filled);
        let roots: Vec<u32> = (0..slots as u32).filter(|&slot| heads[slot as usize].base == NONE).collect();
        let any_damage = heads.iter().any(|head| head.damaged);
        let mut forest = Self {
            positions: order.iter().map(|entry| entry.1).collect(),
            ends,
            roots,
            starts,
            children,
            kinds: heads.iter().map(|head| head.kind).collect(),
            weights: (0..slots)
                .map(|slot| {
                    u32::try_from((end_of(slot).saturating_sub(order[slot].0)) / WEIGHT_UNIT + 1).unwrap_or(NONE)
                })
                .collect(),
            damaged: if any_damage { heads.iter().map(|head| head.damaged).collect() } else { Vec::new() },
            lost: Vec::new(),
            foreign: (0_u32..).zip(&heads).filter_map(|(slot, head)| Some((slot, head.foreign?))).collect(),
            depth: 0,
            starts_late: begins > HEADER,
        };
        drop((order, heads));
        forest.settle();
        forest
    }

    /// The slots, each before those of its deltas. Without deltas in a circle.
    fn downward(&self) -> Vec<u32> {
        let mut downward = self.roots.clone();
        let mut at = 0;
        while at < downward.len() {
            let slot = downward[at];
            at += 1;
            downward.extend_from_slice(self.children(slot));
        }
        downward
    }

    /// The slots of some positions in the index and of all that they are made of.
    pub fn leading_to(&self, counts: impl Fn(u32) -> bool) -> Bits {
        let leading = Bits::new(self.len());
        for &slot in self.downward().iter().rev() {
            if counts(self.position(slot)) || self.children(slot).iter().any(|&child| leading.contains(child)) {
                leading.insert(slot);
            }
        }
        leading
    }

    /// Hands kinds and damage down from the roots, and weights up.
    fn settle(&mut self) {
        let downward = self.downward();
        // It goes down level by level.
        let (mut level, mut made) = (self.roots.len(), self.roots.len());
        for (at, slot) in downward.iter().map(|&slot| slot as usize).enumerate() {
            if at == level {
                self.depth += 1;
                level = made;
            }
            made += (self.starts[slot + 1] - self.starts[slot]) as usize;
            for &child in &self.children[self.starts[slot] as usize..self.starts[slot + 1] as usize] {
                self.kinds[child as usize] = self.kinds[slot];
                if !self.damaged.is_empty() {
                    self.damaged[child as usize] |= self.damaged[slot];
                }
            }
        }
        if downward.len() < self.positions.len() {
            // Deltas in a circle hang from no root.
            let mut seen = vec![false; self.positions.len()];
            for &slot in &downward {
                seen[slot as usize] = true;
            }
            self.lost = (0..self.positions.len() as u32).filter(|&slot| !seen[slot as usize]).collect();
        }
        for &slot in downward.iter().rev() {
            let children =
                &mut self.children[self.starts[slot as usize] as usize..self.starts[slot as usize + 1] as usize];
            children.sort_unstable_by_key(|&child| (self.weights[child as usize], child));
            let below = children.iter().fold(0_u32, |sum, &child| sum.saturating_add(self.weights[child as usize]));
            self.weights[slot as usize] = self.weights[slot as usize].saturating_add(below);
        }
    }

    /// Number of entries.
    pub fn len(&self) -> u32 {
        self.positions.len() as u32
    }

    /// Slots that are no delta of another entry, ascending.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// Position in the index.
    pub fn position(&self, slot: u32) -> u32 {
        self.positions[slot as usize]
    }

    /// The deltas of an entry, the one with the most below it last.
    pub fn children(&self, slot: u32) -> &[u32] {
        &self.children[self.starts[slot as usize] as usize..self.starts[slot as usize + 1] as usize]
    }

    /// Compressed bytes of an entry and all below it, roughly.
    pub fn weight(&self, slot: u32) -> u64 {
        u64::from(self.weights[slot as usize]) * WEIGHT_UNIT
    }

    /// The kind of an object.
    pub fn kind(&self, slot: u32) -> KindCode {
        self.kinds[slot as usize]
    }

    /// Gives a kind to a delta of something in another pack, and to all that is made from it.
    pub fn set_kind(&mut self, slot: u32, kind: KindCode) {
        let mut todo = vec![slot];
        while let Some(slot) = todo.pop() {
            self.kinds[slot as usize] = kind;
            todo.extend_from_slice(self.children(slot));
        }
    }

    /// Whether some chain of deltas is longer than [`DEEP`].
    pub fn is_deep(&self) -> bool {
        self.depth > DEEP
    }

    /// Whether an entry, or something it is made of, is damaged.
    pub fn is_damaged(&self, slot: u32) -> bool {
        self.damaged.get(slot as usize).copied().unwrap_or(false)
    }

    /// Whether any entry is.
    pub fn has_damage(&self) -> bool {
        !self.damaged.is_empty() || !self.lost.is_empty()
    }

    /// Whether there are bytes between entries that the index does not know.
    pub fn hides_entries(&self) -> bool {
        !self.ends.is_empty() || self.starts_late
    }

    /// Offset of an entry and of its end.
    pub fn span(&self, pack: &Pack, slot: u32) -> (u64, u64) {
        let offset = |slot: u32| pack.index.pack_offset_at_index(self.positions[slot as usize]);
        let next = if slot + 1 < self.len() { offset(slot + 1) } else { pack.data.pack_end() as u64 };
        (offset(slot), next)
    }

    /// The slot of an index position; looks through all, for the few that are asked.
    pub fn slot_of(&self, pack: &Pack, position: u32) -> Option<u32> {
        let key = |&other: &u32| (pack.index.pack_offset_at_index(other), other);
        self.positions.binary_search_by_key(&key(&position), key).ok().map(|slot| slot as u32)
    }
}

fn head(pack: &Pack, order: &[(u64, u32)], slot: usize, next: u64) -> Head {
    let (offset, position) = order[slot];
    let lost = Head { kind: KindCode::UNKNOWN, base: NONE, foreign: None, damaged: true, end: None };
    let Ok(entry) = pack.data.entry(offset) else { return lost };
    let (damaged, end) = if is_whole(pack, offset, next, position) {
        (false, None)
    } else {
        // An index may leave out an entry; what stands before it then seems to end too late.
        let end = stream_end(pack, &entry, next).filter(|&end| is_whole(pack, offset, end, position));
        (end.is_none(), end)
    };
    let in_pack = |found: Option<u32>| match found {
        Some(base) if base as usize != slot => Head { kind: KindCode::UNKNOWN, base, foreign: None, damaged, end },
        _ => lost,
    };
    match entry.header {
        Header::OfsDelta { base_distance } => {
            let base = Header::verified_base_pack_offset(offset, base_distance);
            in_pack(base.and_then(|base| find_before(order, slot, base)))
        }
        Header::RefDelta { base_id } => match pack.index.lookup(base_id) {
            Some(base) => {
                let offset = pack.index.pack_offset_at_index(base);
                in_pack(order.binary_search_by_key(&offset, |entry| entry.0).ok().map(|base| base as u32))
            }
            // A base in another pack: git writes no such pack to disk, but reads it.
            None => Head { kind: KindCode::UNKNOWN, base: NONE, foreign: Some(base_id), damaged, end },
        },
        other => Head { kind: KindCode::of(other.as_kind()), base: NONE, foreign: None, damaged, end },
    }
}

/// The slot of an offset before `slot`: bases are mostly near, so it looks in steps that double.
fn find_before(order: &[(u64, u32)], slot: usize, offset: u64) -> Option<u32> {
    let (mut step, mut high) = (1, slot);
    let low = loop {
        let low = slot.saturating_sub(step);
        if low == 0 || order[low].0 <= offset {
            break low;
        }
        high = low;
        step *= 2;
    };
    let found = order[low..high].binary_search_by_key(&offset, |entry| entry.0).ok()?;
    Some((low + found) as u32)
}

/// Whether the bytes of an entry have the checksum of the index. Old indexes have none.
fn is_whole(pack: &Pack, offset: u64, end: u64, position: u32) -> bool {
    let Some(expected) = pack.index.crc32_at_index(position) else { return true };
    let inside = offset < end && end <= pack.data.pack_end() as u64;
    inside && pack.data.entry_crc32(offset, (end - offset) as usize) == expected
}

/// Where the compressed bytes of an entry end, if that is before the next one begins.
///
/// Not a byte further is inflated: entries that overlap would else be inflated as often as there are some.
fn stream_end(pack: &Pack, entry: &gix::odb::pack::data::Entry, next: u64) -> Option<u64> {
    let input =
        pack.data.entry_slice(entry.data_offset..next.max(entry.data_offset).min(pack.data.pack_end() as u64))?;
    let limit = pack.data.alloc_limit_bytes.unwrap_or(usize::MAX).min(input.len().saturating_mul(MOST_INFLATION));
    let size = usize::try_from(entry.decompressed_size).ok().filter(|&size| size <= limit)?;
    let mut out = vec![0; size];
    match gix::zlib::Inflate::default().once(input, &mut out) {
        Ok((gix::zlib::Status::StreamEnd, consumed, written)) if written == size && consumed < input.len() => {
            Some(entry.data_offset + consumed as u64)
        }
        _ => None,
    }
}
