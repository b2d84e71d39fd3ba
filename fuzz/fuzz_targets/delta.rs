//! The instructions of a delta beside a reader that is written as the format's description reads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho::source::history::delta;

/// Most bytes of a base or result.
const MOST: u64 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some((&len, rest)) = data.split_first() else { return };
    // Two bases in three are longer than the bytes that the fuzzer cares to write.
    let (seed, bytes) = rest.split_at(rest.len().min(usize::from(len) / 4));
    let base: Vec<u8> = seed.iter().copied().cycle().take(seed.len() << (len % 4 * 3)).collect();

    let sizes = delta::sizes(bytes);
    assert_eq!(sizes, naive_sizes(bytes));
    let Some((_, size, start)) = sizes.filter(|sizes| sizes.1 <= MOST) else { return };
    let instructions = &bytes[start..];
    let (mut bytes, mut edits) = (Vec::new(), Vec::new());
    let made = delta::apply(&base, instructions, size as usize, &mut bytes, &mut edits).map(|()| &bytes);
    assert_eq!(made, naive_apply(&base, instructions).filter(|made| made.len() as u64 == size).as_ref());

    if made.is_none() {
        return;
    }
    let mut at = 0;
    for edit in &edits {
        assert!(edit.len > 0);
        if let Some(from) = edit.from {
            assert_eq!(base[from..from + edit.len], bytes[at..at + edit.len]);
        }
        at += edit.len;
    }
    assert_eq!(at, bytes.len());
    for pair in edits.windows(2) {
        let joined = match (pair[0].from, pair[1].from) {
            (Some(first), Some(second)) => first + pair[0].len == second,
            (first, second) => first.is_none() && second.is_none(),
        };
        assert!(!joined, "runs that follow each other are one");
    }
});

fn naive_sizes(delta: &[u8]) -> Option<(u64, u64, usize)> {
    let mut at = 0;
    let mut size = || {
        let mut size = 0_u128;
        for shift in (0..).step_by(7) {
            let byte = *delta.get(at)?;
            at += 1;
            size += u128::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 70)?;
            if byte < 0x80 {
                return u64::try_from(size).ok();
            }
        }
        None
    };
    Some((size()?, size()?, at))
}

fn naive_apply(base: &[u8], instructions: &[u8]) -> Option<Vec<u8>> {
    let mut made = Vec::new();
    let mut bytes = instructions.iter().copied();
    while let Some(instruction) = bytes.next() {
        if made.len() as u64 > MOST {
            return None;
        }
        if instruction == 0 {
            return None;
        } else if instruction < 0x80 {
            for _ in 0..instruction {
                made.push(bytes.next()?);
            }
        } else {
            let mut operands = [0_u8; 7];
            for (bit, operand) in operands.iter_mut().enumerate() {
                if instruction & 1 << bit != 0 {
                    *operand = bytes.next()?;
                }
            }
            let [a, b, c, d, x, y, z] = operands.map(usize::from);
            let from = a + (b << 8) + (c << 16) + (d << 24);
            let len = match x + (y << 8) + (z << 16) {
                0 => 0x1_0000,
                len => len,
            };
            made.extend_from_slice(base.get(from..)?.get(..len)?);
        }
    }
    Some(made)
}
