//! How rare literals are in source text. Takes bytes, gives their surprise; knows pairs of neighbours only, which is enough
//! to tell `ghp_` from `token`.
//!
//! The table is made by `tools/frequency.py`, whose head says from what.

/// 64 surprises of single classes, then 64 x 64 of pairs, in eighths of a bit.
static TABLE: &[u8; 64 + 64 * 64] = include_bytes!("frequency.bin");

/// Surprise of what the table does not know, such as bytes over 0x7f: rarer than anything in it.
const UNKNOWN: u32 = 255;

/// One of 64 classes: ASCII with bit 5 set, so that letters lose their case. `None` for bytes over 0x7f.
#[must_use]
pub const fn class(byte: u8) -> Option<usize> {
    if byte < 0x80 { Some(((((byte | 0x20) & 0x40) >> 1) | (byte & 0x1f)) as usize) } else { None }
}

/// How surprising it is to meet the literal at a given place of a source file, in eighths of a bit: the higher, the rarer.
#[must_use]
pub fn surprise(literal: &[u8]) -> u32 {
    let before = std::iter::once(None).chain(literal.iter().copied().map(Some));
    before.zip(literal).map(|(before, &byte)| surprise_after(before, byte)).sum()
}

/// What one more byte adds to the surprise after the one before it.
#[must_use]
pub fn surprise_after(before: Option<u8>, byte: u8) -> u32 {
    let single = |byte: u8| class(byte).map_or(UNKNOWN, |class| u32::from(TABLE[class]));
    match before.map(|before| (class(before), class(byte))) {
        None => single(byte),
        Some((Some(a), Some(b))) => u32::from(TABLE[64 + (a << 6 | b)]).saturating_sub(u32::from(TABLE[a])),
        Some(_) => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_less_surprising_than_prefixes_of_tokens() {
        for (common, rare) in [("the ", "ghp_"), ("token", "xoxb-"), ("return", "AGE-SE"), ("name", "akia")] {
            assert!(surprise(common.as_bytes()) < surprise(rare.as_bytes()), "{common} {rare}");
        }
        assert_eq!(surprise(b"Token"), surprise(b"tOKEN"));
        assert_eq!(surprise(b""), 0);
    }
}
