//! Stage 1 without vector instructions: the definition that `simd` must equal, and what runs where it cannot.

use super::WIDTH;
use super::plan::Plan;
use crate::rule::frequency::class;

/// Sets bit `i % 32` of mask `i / 32` if one bucket knows the four bytes at `start + i`. Bytes behind the end of the text
/// pass like a NUL byte; positions behind it are not set.
pub fn masks(plan: &Plan, text: &[u8], start: usize, masks: &mut [u32]) {
    for (block, mask) in masks.iter_mut().enumerate() {
        *mask = block_mask(plan, text, start + 32 * block);
    }
}

/// The mask of the 32 positions from `start`.
pub fn block_mask(plan: &Plan, text: &[u8], start: usize) -> u32 {
    let positions = text.len().saturating_sub(start).min(32);
    (0..positions).filter(|&at| passes(plan, text, start + at)).fold(0, |mask, at| mask | 1 << at)
}

fn passes(plan: &Plan, text: &[u8], at: usize) -> bool {
    plan.tables.iter().zip(plan.open).any(|(half, open)| {
        let known = |position: usize| {
            let byte = text.get(at + position).copied().unwrap_or_default();
            let open = if position == WIDTH - 1 { open } else { 0 };
            class(byte).map_or(0, |class| half[position][class]) | open
        };
        (0..WIDTH).fold(0xff, |buckets, position| buckets & known(position)) != 0
    })
}
