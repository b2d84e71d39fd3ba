//! Stages 2 and 3: from a position to the keywords that stand there.

use super::WIDTH;

/// Bits of the hash of an anchor: 2^16 bits are 8 KiB, a quarter of the first cache.
const HASH_BITS: u32 = 16;

/// Where a keyword's anchor lies.
#[derive(Clone, Copy, Debug)]
pub struct Anchored {
    /// The keyword.
    pub number: usize,
    /// Offset of the anchor in it.
    pub offset: usize,
    /// Bytes of the anchor: 3 or 4.
    pub len: usize,
}

/// All anchors by hash.
#[derive(Debug)]
pub struct Verifier {
    /// Folded to lower case.
    keywords: Vec<Vec<u8>>,
    /// One for anchors of four bytes, one for anchors of three.
    tables: [Table; 2],
}

#[derive(Debug, Default)]
struct Table {
    bitmap: Vec<u64>,
    /// For each value of the hash's first [`SLOT_BITS`] bits where its entries begin; one more for the end.
    slots: Vec<u32>,
    entries: Vec<Entry>,
    /// Bits of the word that the anchor fills.
    mask: u32,
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
    /// Keywords folded to lower case and the anchors of those that have one.
    pub fn new(keywords: Vec<Vec<u8>>, anchors: &[Anchored]) -> Self {
        let table = |len: usize| {
            let mask = u32::MAX >> (8 * (WIDTH - len));
            let hash_of = |anchor: &&Anchored| hash(word(&keywords[anchor.number][anchor.offset..]) & mask);
            let mut anchors: Vec<_> = anchors.iter().filter(|anchor| anchor.len == len).collect();
            anchors.sort_by_key(|anchor| (hash_of(anchor), anchor.number));
            let mut table = Table { mask, ..Table::default() };
            if anchors.is_empty() {
                return table;
            }
            table.bitmap = vec![0; 1 << (HASH_BITS - 6)];
            for anchor in &anchors {
                let hash = hash_of(anchor);
                table.bitmap[(hash >> 6) as usize] |= 1 << (hash & 63);
            }
            let slot_of = |anchor: &&Anchored| hash_of(anchor) >> (HASH_BITS - SLOT_BITS);
            let begin = |slot: u32| anchors.partition_point(|anchor| slot_of(anchor) < slot);
            table.slots = (0..=1 << SLOT_BITS).map(|slot| begin(slot) as u32).collect();
            table.entries = anchors.iter().map(|anchor| Entry::new(&keywords[anchor.number], anchor)).collect();
            table
        };
        let tables = [table(WIDTH), table(WIDTH - 1)];
        Self { keywords, tables }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|table| table.entries.is_empty())
    }

    /// Calls `hit` for every keyword whose anchor stands at a position. `false` if `hit` wants no more.
    #[inline]
    pub fn at(&self, text: &[u8], at: usize, hit: &mut impl FnMut(usize, usize, usize) -> bool) -> bool {
        let word = word(&text[at..]);
        self.tables.iter().all(|table| {
            let hash = hash(word & table.mask);
            match table.bitmap.get((hash >> 6) as usize) {
                Some(bits) if bits >> (hash & 63) & 1 != 0 => self.compare(table, hash, text, at, hit),
                _ => true,
            }
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

impl Entry {
    fn new(keyword: &[u8], anchor: &Anchored) -> Self {
        let head_mask = u64::MAX >> (64 - 8 * keyword.len().min(8));
        let small = |value: usize| u32::try_from(value).expect("keywords are short and few");
        Self { head: head(keyword) & head_mask, head_mask, number: small(anchor.number), offset: small(anchor.offset) }
    }
}

/// Eight bytes with bit 5 set; those behind the end are NUL.
fn head(bytes: &[u8]) -> u64 {
    let eight = bytes
        .first_chunk()
        .copied()
        .unwrap_or_else(|| std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default()));
    u64::from_le_bytes(eight) | 0x2020_2020_2020_2020
}

/// Four bytes with bit 5 set; those behind the end are NUL.
fn word(bytes: &[u8]) -> u32 {
    let four = bytes
        .first_chunk()
        .copied()
        .unwrap_or_else(|| std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default()));
    u32::from_le_bytes(four) | 0x2020_2020
}

/// Multiplication by the golden ratio spreads the low bits into the high ones.
fn hash(word: u32) -> u32 {
    word.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)
}
