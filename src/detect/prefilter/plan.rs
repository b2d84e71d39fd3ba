//! The tables of stage 1. Takes anchors, groups them into buckets so that as little ordinary text as possible passes.

use super::WIDTH;
use crate::rule::frequency::{class, surprise};

/// Buckets: two bytes of bits for each position.
pub const BUCKETS: usize = 16;

/// Classes of bytes, as [`class`] has them.
pub const CLASSES: usize = 64;

/// How often the grouping is gone over again. More brought nothing measurable.
const ROUNDS: usize = 2;

/// For each of the four positions and each class of byte the buckets that know it there.
#[derive(Debug)]
pub struct Plan {
    /// `tables[half][position][class]`: buckets `8 * half..8 * half + 8`, one bit each.
    pub tables: [[[u8; CLASSES]; WIDTH]; BUCKETS / 8],
    /// Buckets with an anchor of three bytes: these take every byte as the fourth, bytes over 0x7f too, which have no class.
    pub open: [u8; BUCKETS / 8],
}

/// The rarest four (of three-byte keywords: three) neighbouring ASCII bytes of a keyword: offset and length.
pub fn anchor(keyword: &[u8]) -> Option<(usize, usize)> {
    let best = |len: usize| {
        let windows = keyword.windows(len).enumerate().filter(|(_, window)| window.is_ascii());
        windows
            .max_by_key(|(offset, window)| (surprise(window), std::cmp::Reverse(*offset)))
            .map(|(offset, _)| (offset, len))
    };
    best(WIDTH).or_else(|| best(WIDTH - 1))
}

impl Plan {
    /// Groups anchors of three or four ASCII bytes.
    pub fn new<'a>(anchors: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut anchors: Vec<[Option<usize>; WIDTH]> =
            anchors.map(|anchor| std::array::from_fn(|at| anchor.get(at).and_then(|&byte| class(byte)))).collect();
        anchors.sort_unstable();
        anchors.dedup();
        let mut buckets: Vec<Bucket> = (0..BUCKETS).map(|_| Bucket::default()).collect();
        let mut places = vec![None; anchors.len()];
        for _ in 0..ROUNDS {
            for (anchor, place) in anchors.iter().zip(&mut places) {
                if let Some(place) = *place {
                    buckets[place as usize].remove(anchor);
                }
                let cheapest =
                    buckets.iter().enumerate().min_by(|(_, a), (_, b)| a.cost_of(anchor).total_cmp(&b.cost_of(anchor)));
                let chosen = cheapest.map_or(0, |(number, _)| number);
                buckets[chosen].add(anchor);
                *place = Some(chosen as u32);
            }
        }
        let mut plan = Self { tables: [[[0; CLASSES]; WIDTH]; BUCKETS / 8], open: [0; BUCKETS / 8] };
        for (number, bucket) in buckets.iter().enumerate() {
            let (half, bit) = (number / 8, 1 << (number % 8));
            for (position, counts) in bucket.counts.iter().enumerate() {
                for (class, _) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    plan.tables[half][position][class] |= bit;
                }
            }
            plan.open[half] |= if bucket.open > 0 { bit } else { 0 };
        }
        plan
    }
}

/// How many anchors of a bucket have a class at a position.
#[derive(Debug)]
struct Bucket {
    counts: [[u16; CLASSES]; WIDTH],
    /// Anchors without a fourth byte.
    open: u16,
    /// Share of text bytes that each position lets through.
    passes: [f32; WIDTH],
}

impl Default for Bucket {
    fn default() -> Self {
        Self { counts: [[0; CLASSES]; WIDTH], open: 0, passes: [0.0; WIDTH] }
    }
}

impl Bucket {
    fn add(&mut self, anchor: &[Option<usize>; WIDTH]) {
        for (position, class) in anchor.iter().enumerate() {
            match class {
                Some(class) => {
                    self.passes[position] += if self.counts[position][*class] == 0 { share(*class) } else { 0.0 };
                    self.counts[position][*class] += 1;
                }
                None => self.open += 1,
            }
        }
    }

    fn remove(&mut self, anchor: &[Option<usize>; WIDTH]) {
        for (position, class) in anchor.iter().enumerate() {
            match class {
                Some(class) => {
                    self.counts[position][*class] -= 1;
                    self.passes[position] -= if self.counts[position][*class] == 0 { share(*class) } else { 0.0 };
                }
                None => self.open -= 1,
            }
        }
    }

    /// How much more text would pass with the anchor in this bucket.
    fn cost_of(&self, anchor: &[Option<usize>; WIDTH]) -> f32 {
        let (mut before, mut after) = (1.0, 1.0);
        for (position, class) in anchor.iter().enumerate() {
            let open = position == WIDTH - 1 && self.open > 0;
            let now = if open { 1.0 } else { self.passes[position] };
            let more = class.map_or(1.0, |class| if self.counts[position][class] == 0 { share(class) } else { 0.0 });
            before *= now;
            after *= (now + more).min(1.0);
        }
        after - before
    }
}

/// Share of a class among the bytes of source text.
fn share(class: usize) -> f32 {
    // One byte of each class: bit 5 set, bits 4 to 0 as they are, bit 6 from bit 5 of the class.
    let byte = ((class & 0x20) << 1 | 0x20 | (class & 0x1f)) as u8;
    (-(surprise(&[byte]) as f32) / 8.0).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_the_rarest_part() {
        let anchor_of =
            |keyword: &'static str| anchor(keyword.as_bytes()).map(|(offset, len)| &keyword[offset..offset + len]);
        assert_eq!(anchor_of("xox"), Some("xox"));
        assert_eq!(anchor_of("é"), None);
        assert!(anchor_of("the_ghp_").is_some_and(|anchor| anchor != "the_"));
    }

    #[test]
    fn classes_have_a_byte_each() {
        for class_number in 0..CLASSES {
            let byte = ((class_number & 0x20) << 1 | 0x20 | (class_number & 0x1f)) as u8;
            assert_eq!(class(byte), Some(class_number));
        }
    }
}
