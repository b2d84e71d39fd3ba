//! One bit per object, set from many threads.

use std::sync::atomic::{AtomicU64, Ordering};

/// A set of small numbers.
pub(super) struct Bits(Vec<AtomicU64>);

impl Bits {
    /// An empty set for the numbers below `len`.
    pub fn new(len: u32) -> Self {
        Self((0..=len / 64).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds a number; `true` for the one caller that was first.
    pub fn insert(&self, number: u32) -> bool {
        let bit = 1u64 << (number % 64);
        self.0[(number / 64) as usize].fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Adds all of some numbers.
    pub fn extend(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.insert(number);
        }
    }

    /// Whether a number is in the set.
    pub fn contains(&self, number: u32) -> bool {
        self.0[(number / 64) as usize].load(Ordering::Acquire) & (1 << (number % 64)) != 0
    }

    /// How many numbers are in the set.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }

    /// The numbers, ascending.
    pub fn to_vec(&self) -> Vec<u32> {
        let words = self.0.iter().enumerate();
        words
            .flat_map(|(at, word)| {
                let mut word = word.load(Ordering::Relaxed);
                std::iter::from_fn(move || {
                    (word != 0).then(|| {
                        let bit = word.trailing_zeros();
                        word &= word - 1;
                        at as u32 * 64 + bit
                    })
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once_and_listed_in_order() {
        let bits = Bits::new(130);
        assert!(bits.insert(129) && bits.insert(0) && bits.insert(64) && !bits.insert(64));
        assert_eq!(bits.to_vec(), [0, 64, 129]);
        assert_eq!(bits.count(), 3);
        assert!(bits.contains(129) && !bits.contains(1));
    }
}
