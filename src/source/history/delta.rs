//! The instructions of a git delta. Takes a base and instructions, gives the result and the runs it is made of; must never
//! read past either, or make more than the result's declared size.
//!
//! The format is that of git's `pack-format`: two sizes, then instructions that copy a piece of the base (high bit set) or
//! insert bytes that follow (1 to 127).

use crate::edit::Edit;

/// Sizes of base and result, and where the instructions begin.
#[must_use]
pub fn sizes(delta: &[u8]) -> Option<(u64, u64, usize)> {
    let (base, at) = size(delta, 0)?;
    let (result, at) = size(delta, at)?;
    Some((base, result, at))
}

/// Seven bits a byte, the least first; the high bit says that more follow.
fn size(bytes: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let (mut size, mut shift) = (0_u64, 0);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        let bits = u64::from(byte & 0x7f);
        if shift > 63 || (bits << shift) >> shift != bits {
            return None;
        }
        size |= bits << shift;
        if byte & 0x80 == 0 {
            return Some((size, at));
        }
        shift += 7;
    }
}

/// Writes the result to `out` and its runs to `edits`, which are both emptied first. `None` if the instructions are damaged
/// or do not make exactly `size` bytes.
#[must_use]
pub fn apply(
    base: &[u8],
    mut instructions: &[u8],
    size: usize,
    out: &mut Vec<u8>,
    edits: &mut Vec<Edit>,
) -> Option<()> {
    out.clear();
    edits.clear();
    out.reserve(size);
    while let Some((&instruction, rest)) = instructions.split_first() {
        instructions = rest;
        if instruction & 0x80 != 0 {
            let from = operand(instruction & 0x0f, &mut instructions)?;
            let len = operand(instruction >> 4 & 0x07, &mut instructions)?;
            let len = if len == 0 { 0x1_0000 } else { len };
            let run = base.get(from..from.checked_add(len)?)?;
            if len > size - out.len() {
                return None;
            }
            out.extend_from_slice(run);
            Edit::push(edits, Edit { len, from: Some(from) });
        } else {
            let len = usize::from(instruction);
            let run = instructions.get(..len).filter(|_| len != 0 && len <= size - out.len())?;
            instructions = &instructions[len..];
            out.extend_from_slice(run);
            Edit::push(edits, Edit { len, from: None });
        }
    }
    (out.len() == size).then_some(())
}

/// The bytes of an offset or size that the low bits of an instruction say are there, the least first.
#[inline]
fn operand(present: u8, instructions: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for bit in 0..4 {
        if present >> bit & 1 != 0 {
            let (&byte, rest) = instructions.split_first()?;
            *instructions = rest;
            value |= usize::from(byte) << (8 * bit);
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(base: &[u8], instructions: &[u8], size: usize) -> Option<(Vec<u8>, Vec<Edit>)> {
        let (mut out, mut edits) = (vec![1], Vec::new());
        apply(base, instructions, size, &mut out, &mut edits).map(|()| (out, edits))
    }

    #[test]
    fn copies_and_inserts_make_the_result_and_its_runs() {
        let base = b"0123456789";
        // Copy 4 from 2, copy 2 from 6 (which follows), insert "ab", copy 1 from 0.
        let instructions = [0x91, 2, 4, 0x91, 6, 2, 2, b'a', b'b', 0x90, 1];
        let (out, edits) = applied(base, &instructions, 9).expect("it is well formed");
        assert_eq!(out, b"234567ab0");
        let run = |len, from| Edit { len, from };
        assert_eq!(edits, [run(6, Some(2)), run(2, None), run(1, Some(0))]);
    }

    #[test]
    fn damaged_instructions_are_refused() {
        let base = b"0123456789";
        let bad: [(&[u8], usize); 7] = [
            (&[0x91, 8, 4], 4),       // past the base
            (&[0x91, 2], 4),          // an operand is missing
            (&[0], 0),                // reserved
            (&[5, b'a'], 5),          // bytes are missing
            (&[0x90, 4], 3),          // more than the size
            (&[0x90, 4], 5),          // less than the size
            (&[0x90, 4, 2, 1, 1], 5), // an insert past the size
        ];
        for (instructions, size) in bad {
            assert_eq!(applied(base, instructions, size), None, "{instructions:?}");
        }
        assert!(applied(base, &[], 0).is_some());
    }

    #[test]
    fn sizes_have_seven_bits_a_byte_and_do_not_overflow() {
        assert_eq!(sizes(&[0x90, 0x4e, 5]), Some((0x2710, 5, 3)));
        assert_eq!(sizes(&[0xff; 12]), None);
        assert_eq!(sizes(&[0x80, 0x80]), None);
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
        assert_eq!(sizes(&most), Some((u64::MAX, 0, 11)));
        let more = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0];
        assert_eq!(sizes(&more), None);
    }
}
