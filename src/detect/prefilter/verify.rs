//! Stages 2 and 3: from a position to the keywords that stand there.

use super::plan::{LENGTHS, Place};

/// Bits of the hash of an anchor: 2^17 bits are 16 KiB, half of the first cache, and 3 of 100 are set for 4,000 keywords.
const HASH_BITS: u32 = 17;

/// What `hash` shifts by.
const SHIFT: u32 = u64::BITS - HASH_BITS;

/// All anchors by hash.
#[derive(Debug)]
pub struct Verifier {
    /// Folded to lower case.
    keywords: Vec<Vec<u8>>,
    /// One for each of the [`LENGTHS`].
    tables: [Table; LENGTHS.len()],
}

#[derive(Debug)]
struct Table {
    /// One bit for each value of the hash.
    bitmap: Box<[u64; 1 << (HASH_BITS - 6)]>,
    /// For each value of the hash's first [`SLOT_BITS`] bits where its entries begin; one more for the end.
    slots: Vec<u32>,
    entries: Vec<Entry>,
    /// Bits of the word that the anchor fills.
    mask: u64,
}

/// One keyword, with what decides most comparisons at a glance.
#[derive(Debug)]
struct Entry {
    /// The keyword's first eight bytes with bit 5 set, those it has.
    head: u64,
    /// Bits of `head` that count.
    head_mask: u64,
    number: u32,
    offset: u32,
}

/// Bits of the hash that find an entry's slot.
const SLOT_BITS: u32 = 12;

impl Verifier {
    /// Keywords folded to lower case, and those that have an anchor by number.
    pub fn new(keywords: Vec<Vec<u8>>, anchors: &[(usize, Place)]) -> Self {
        let table = |len: usize| {
            let mask = u64::MAX >> (64 - 8 * len);
            let anchored = anchors.iter().filter(|(_, place)| usize::from(place.len) == len).map(|&(number, place)| {
                (hash(head(&keywords[number][usize::from(place.offset)..]) & mask), number, place)
            });
            let mut anchors: Vec<(u32, usize, Place)> = anchored.collect();
            anchors.sort_unstable_by_key(|&(hash, number, _)| (hash, number));
            let mut bitmap = Box::new([0; 1 << (HASH_BITS - 6)]);
            for (hash, ..) in &anchors {
                bitmap[(hash >> 6) as usize] |= 1 << (hash & 63);
            }
            let begin = |slot: u32| anchors.partition_point(|(hash, ..)| hash >> (HASH_BITS - SLOT_BITS) < slot);
            let slots = (0..=1 << SLOT_BITS).map(|slot| begin(slot) as u32).collect();
            let entries =
                anchors.iter().map(|&(_, number, place)| Entry::new(&keywords[number], number, place)).collect();
            Table { bitmap, slots, entries, mask }
        };
        let tables = LENGTHS.map(table);
        Self { keywords, tables }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|table| table.entries.is_empty())
    }

    /// Keeps those positions, counted from `start`, at which the bitmaps know what stands there, and gives their number.
    #[inline]
    pub fn likely(&self, text: &[u8], start: usize, positions: &mut [u16]) -> usize {
        let mut kept = 0;
        for at in 0..positions.len() {
            let position = positions[at];
            let head = head(&text[start + usize::from(position)..]);
            let [four, three] = &self.tables;
            let known = four.knows(hash(head & four.mask)) | three.knows(hash(head & three.mask));
            positions[kept] = position;
            kept += known as usize;
        }
        kept
    }

    /// Calls `hit` for every keyword whose anchor stands at a position. `false` if `hit` wants no more.
    #[inline]
    pub fn at(&self, text: &[u8], at: usize, hit: &mut impl FnMut(usize, usize, usize) -> bool) -> bool {
        let head = head(&text[at..]);
        self.tables.iter().all(|table| {
            let hash = hash(head & table.mask);
            table.knows(hash) == 0 || self.compare(table, hash, text, at, hit)
        })
    }

    fn compare(
        &self,
        table: &Table,
        hash: u32,
        text: &[u8],
        at: usize,
        hit: &mut impl FnMut(usize, usize, usize) -> bool,
    ) -> bool {
        let slot = (hash >> (HASH_BITS - SLOT_BITS)) as usize;
        let entries = &table.entries[table.slots[slot] as usize..table.slots[slot + 1] as usize];
        entries.iter().all(|entry| {
            let Some(start) = at.checked_sub(entry.offset as usize) else { return true };
            if head(&text[start..]) & entry.head_mask != entry.head {
                return true;
            }
            let keyword = &self.keywords[entry.number as usize];
            let end = start + keyword.len();
            match text.get(start..end) {
                Some(window) if window.eq_ignore_ascii_case(keyword) => hit(entry.number as usize, start, end),
                _ => true,
            }
        })
    }
}

impl Table {
    /// 1 if an anchor has this hash, else 0.
    #[inline]
    fn knows(&self, hash: u32) -> u64 {
        self.bitmap[(hash >> 6) as usize] >> (hash & 63) & 1
    }
}

impl Entry {
    fn new(keyword: &[u8], number: usize, place: Place) -> Self {
        let head_mask = u64::MAX >> (64 - 8 * keyword.len().min(8));
        let number = u32::try_from(number).expect("keywords are few");
        Self { head: head(keyword) & head_mask, head_mask, number, offset: u32::from(place.offset) }
    }
}

/// Eight bytes with bit 5 set; those behind the end are NUL.
#[inline]
fn head(bytes: &[u8]) -> u64 {
    let eight = bytes
        .first_chunk()
        .copied()
        .unwrap_or_else(|| std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default()));
    u64::from_le_bytes(eight) | 0x2020_2020_2020_2020
}

/// Multiplication by the golden ratio spreads the low bits into the high ones.
#[inline]
fn hash(word: u64) -> u32 {
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> SHIFT) as u32
}
