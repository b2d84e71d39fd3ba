//! Stage 1 without vector instructions: the definition that `simd` must equal, and what runs where it cannot.

use super::BLOCK;
use super::plan::{Group, WIDTH};
use crate::rule::frequency::class;

/// Sets bit `i % 64` of mask `i / 64` if one bucket knows the four bytes at `start + i`. Bytes behind the end of the text
/// pass like a NUL byte; positions behind it are not set.
pub fn masks(groups: &[Group], text: &[u8], start: usize, masks: &mut [u64]) {
    for (block, mask) in masks.iter_mut().enumerate() {
        *mask = block_mask(groups, text, start + BLOCK * block);
    }
}

/// Writes down which bits of the masks are set, and gives their number: there is room for all bits and a
/// block more. Eight at a time, whether
/// there are as many or not, so that the processor need not guess.
pub fn positions(masks: &[u64], positions: &mut [u16]) -> usize {
    let mut count = 0;
    for (block, &mask) in masks.iter().enumerate() {
        let mut mask = mask;
        let end = count + mask.count_ones() as usize;
        while count < end {
            for position in &mut positions[count..count + 8] {
                *position = (BLOCK * block) as u16 + mask.trailing_zeros() as u16;
                mask &= mask.wrapping_sub(1);
            }
            count += 8;
        }
        count = end;
    }
    count
}

/// The mask of the positions of one block.
fn block_mask(groups: &[Group], text: &[u8], start: usize) -> u64 {
    let positions = text.len().saturating_sub(start).min(BLOCK);
    (0..positions).filter(|&at| passes(groups, text, start + at)).fold(0, |mask, at| mask | 1 << at)
}

fn passes(groups: &[Group], text: &[u8], at: usize) -> bool {
    groups.iter().any(|group| {
        let known = |position: usize| {
            let byte = text.get(at + position).copied().unwrap_or_default();
            let open = if position == WIDTH - 1 { group.open } else { 0 };
            class(byte).map_or(0, |class| group.tables[position].0[class]) | open
        };
        (0..WIDTH).fold(0xff, |buckets, position| buckets & known(position)) != 0
    })
}
