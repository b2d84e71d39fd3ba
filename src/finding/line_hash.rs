//! GitHub's `primaryLocationLineHash`. Takes the bytes of a file, gives a hash for each line that survives moves of the
//! line; must never hold more than it was asked for when only some lines are wanted.
//!
//! GitHub follows an alert from one commit to the next by this value, and its upload step computes it itself where it is
//! missing and warns where it differs. The definition is that of the upload step (`github/codeql-action`,
//! `src/fingerprints.ts`): read the text as UTF-8 (damaged bytes become U+FFFD), take it as UTF-16 units, leave out
//! blanks and tabs, make every line ending one LF, and end it with the unit 65535. The hash of a line is the polynomial
//! of base 37, modulo 2^64, over the 100 units that begin where the line begins, in the next lines if the line is
//! shorter, and padded with zeros at the end. Equal hashes are numbered in order of their lines: `<hex>:<number>`.
//!
//! Lines end at LF, at CR LF and at a lone CR, as the upload step counts them.

use std::collections::{BTreeMap, HashMap};

/// Units that one hash covers.
const BLOCK: usize = 100;
/// Base of the polynomial.
const BASE: u64 = 37;
/// The unit that ends the text.
const END: u16 = 65535;
/// `BASE` to the power `BLOCK`: the weight with which the oldest unit leaves the window.
const LEAVING: u64 = leaving_weight();

const fn leaving_weight() -> u64 {
    let (mut weight, mut i) = (1_u64, 0);
    while i < BLOCK {
        weight = weight.wrapping_mul(BASE);
        i += 1;
    }
    weight
}

/// The `primaryLocationLineHash` of lines of one file, `<hex>:<number>`, by line number from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineHashes(BTreeMap<u32, String>);

impl LineHashes {
    /// Hashes of all lines. Takes some hundred bytes of memory a line: for large files ask [`LineHashes::for_lines`].
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let mut seen: HashMap<u64, u32> = HashMap::new();
        let mut by_line = BTreeMap::new();
        each_line(text, |line, hash| {
            let number = seen.entry(hash).or_default();
            *number += 1;
            by_line.insert(line, format!("{hash:x}:{number}"));
        });
        Self(by_line)
    }

    /// Hashes of these lines only, with memory for no more than these. Reads the text twice.
    #[must_use]
    pub fn for_lines(text: &[u8], lines: impl IntoIterator<Item = u32>) -> Self {
        let mut wanted: BTreeMap<u32, u64> = lines.into_iter().map(|line| (line, 0)).collect();
        let mut numbers: HashMap<u64, u32> = HashMap::new();
        each_line(text, |line, hash| {
            if let Some(slot) = wanted.get_mut(&line) {
                *slot = hash;
                numbers.insert(hash, 0);
            }
        });
        let mut by_line = BTreeMap::new();
        each_line(text, |line, hash| {
            if let Some(number) = numbers.get_mut(&hash) {
                *number += 1;
                if wanted.contains_key(&line) {
                    by_line.insert(line, format!("{hash:x}:{number}"));
                }
            }
        });
        Self(by_line)
    }

    /// The hash of a line, counted from 1; `None` for a line that the file does not have or that was not asked for.
    #[must_use]
    pub fn get(&self, line: u32) -> Option<&str> {
        self.0.get(&line).map(String::as_str)
    }
}

/// The last `BLOCK` units and what starts in them.
struct Window {
    units: [u16; BLOCK],
    /// Number of the line that starts at this unit; 0 = none does.
    starts: [u32; BLOCK],
    at: usize,
    hash: u64,
}

impl Window {
    /// The line whose block is complete now, with its hash, if one is. Each line is given once.
    fn complete(&mut self) -> Option<(u32, u64)> {
        let line = std::mem::take(&mut self.starts[self.at]);
        (line != 0).then_some((line, self.hash))
    }

    fn push(&mut self, unit: u16) {
        let leaving = std::mem::replace(&mut self.units[self.at], unit);
        self.hash = self
            .hash
            .wrapping_mul(BASE)
            .wrapping_add(u64::from(unit))
            .wrapping_sub(LEAVING.wrapping_mul(u64::from(leaving)));
        self.at = (self.at + 1) % BLOCK;
    }
}

/// Calls `found` with each line's number and hash, in order of the lines.
fn each_line(text: &[u8], mut found: impl FnMut(u32, u64)) {
    let mut window = Window { units: [0; BLOCK], starts: [0; BLOCK], at: 0, hash: 0 };
    let mut line = 0_u32;
    let mut line_starts = true;
    let mut after_cr = false;
    let mut take = |unit: u16| {
        let follows_cr = std::mem::replace(&mut after_cr, unit == u16::from(b'\r'));
        let blank = unit == u16::from(b' ') || unit == u16::from(b'\t');
        if blank || (follows_cr && unit == u16::from(b'\n')) {
            return;
        }
        let unit = if unit == u16::from(b'\r') { u16::from(b'\n') } else { unit };
        if let Some((line, hash)) = window.complete() {
            found(line, hash);
        }
        if line_starts {
            line = line.saturating_add(1);
            window.starts[window.at] = line;
        }
        line_starts = unit == u16::from(b'\n');
        window.push(unit);
    };
    for chunk in text.utf8_chunks() {
        let mut units = [0; 2];
        for c in chunk.valid().chars() {
            c.encode_utf16(&mut units).iter().copied().for_each(&mut take);
        }
        if !chunk.invalid().is_empty() {
            take(u16::try_from(u32::from(char::REPLACEMENT_CHARACTER)).unwrap_or(END));
        }
    }
    take(END);
    for _ in 0..BLOCK {
        if let Some((line, hash)) = window.complete() {
            found(line, hash);
        }
        window.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<String> {
        let hashes = LineHashes::new(text);
        (1..).map_while(|line| hashes.get(line).map(str::to_owned)).collect()
    }

    /// The values are those of Microsoft's SARIF multitool, `rewrite --insert RollingHashPartialFingerprints`.
    #[test]
    fn values_agree_with_the_sarif_multitool() {
        let mixed = "key = 1\r\nkey = 1\n\n  \tüber 😀 = 2\rlast line without end";
        assert_eq!(
            all(mixed.as_bytes()),
            [
                "d4c9ceacb0e117e5:1",
                "6a7ef75e8e2276b8:1",
                "c16032708ac58a63:1",
                "fac7243e0f6c6de5:1",
                "a048d79140500c26:1"
            ]
        );
        assert_eq!(all(&[b'x'; 3000]), ["52b56201ffb58620:1"]);
        assert_eq!(
            all(b"\n\n\n\n"),
            [
                "8d2f5848087196b:1",
                "4e5d562094661a0d:1",
                "5b5d4caf73a13177:1",
                "3c5bef55b72b93c9:1",
                "c129715d7a2bc9a3:1"
            ]
        );
        assert_eq!(
            all(b"a\xff\xfeb\n\xe2\x82 x\nz"),
            ["5d9cdc50dd9ab3c7:1", "1c54b536a88d0660:1", "76dcabf80cb35c79:1"]
        );
        assert_eq!(all(b""), ["c129715d7a2bc9a3:1"]);
    }

    #[test]
    fn equal_blocks_are_numbered_in_order() {
        let line = format!("{}\n", "abcdefghij".repeat(10));
        let hashes = all(line.repeat(3).as_bytes());
        let (hash, _) = hashes[0].split_once(':').expect("a hash has a number");
        assert_eq!(hashes[..3], [format!("{hash}:1"), format!("{hash}:2"), format!("{hash}:3")]);
    }

    #[test]
    fn blanks_do_not_count() {
        assert_eq!(all(b"a b\tc\nd"), all(b"abc\n\t d"));
        assert_ne!(all(b"abc\nd"), all(b"abd\nd"));
    }

    proptest::proptest! {
        #[test]
        fn asking_for_some_lines_gives_the_same_hashes(
            text in "([ab]{0,3}(\n|\r|\r\n|\t)){0,80}[a\u{e9}\u{1f600}]{0,3}",
            lines in proptest::collection::vec(0_u32..90, 0..6),
        ) {
            let every = LineHashes::new(text.as_bytes());
            let some = LineHashes::for_lines(text.as_bytes(), lines.iter().copied());
            for line in lines {
                proptest::prop_assert_eq!(some.get(line), every.get(line));
            }
        }
    }
}
