//! Stage 1 with vector instructions: 32 or 16 positions at a time. Must equal `scalar` bit for bit.
//!
//! A byte's class is six bits, and `pshufb` looks up four. So each position has four tables of 16, chosen by the other two
//! bits with blends; bytes over 0x7f make `pshufb` answer zero by themselves. This is exact where the usual nibble masks are
//! not, and lets through less than half as much text for the same number of keywords.
#![expect(unsafe_code, reason = "vector instructions and unaligned loads; nothing else in the crate needs it")]
#![expect(clippy::cast_ptr_alignment, reason = "the loads are the unaligned ones")]
#![expect(clippy::needless_range_loop, reason = "a position indexes the text, the tables and the open buckets")]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_and_si128, _mm_andnot_si128, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8,
    _mm_or_si128, _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi8, _mm256_and_si256, _mm256_blendv_epi8,
    _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256,
    _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
};

use super::plan::{BUCKETS, Plan};
use super::{WIDTH, scalar};

const HALVES: usize = BUCKETS / 8;

/// Keeps the low nibble, and bit 7, with which `pshufb` answers zero.
const INDEX: i8 = 0x8f_u8.cast_signed();

/// As [`scalar::masks`]. Only for processors with AVX2.
pub fn avx2(plan: &Plan, text: &[u8], start: usize, masks: &mut [u32]) {
    // SAFETY: the caller chose this form because the processor has AVX2.
    unsafe { avx2_masks(plan, text, start, masks) }
}

/// As [`scalar::masks`]. Only for processors with SSSE3.
pub fn ssse3(plan: &Plan, text: &[u8], start: usize, masks: &mut [u32]) {
    // SAFETY: the caller chose this form because the processor has SSSE3.
    unsafe { ssse3_masks(plan, text, start, masks) }
}

#[target_feature(enable = "avx2")]
fn avx2_masks(plan: &Plan, text: &[u8], start: usize, masks: &mut [u32]) {
    let mut tables = [[[_mm256_setzero_si256(); 4]; WIDTH]; HALVES];
    for (half, positions) in plan.tables.iter().enumerate() {
        for (position, classes) in positions.iter().enumerate() {
            for (quarter, table) in classes.chunks_exact(16).enumerate() {
                // SAFETY: `chunks_exact(16)` gives 16 bytes, which is what the unaligned load reads.
                let table = unsafe { _mm_loadu_si128(table.as_ptr().cast::<__m128i>()) };
                tables[half][position][quarter] = _mm256_broadcastsi128_si256(table);
            }
        }
    }
    let (case, bit4, bit6) = (_mm256_set1_epi8(0x20), _mm256_set1_epi8(0x10), _mm256_set1_epi8(0x40));
    for (block, mask) in masks.iter_mut().enumerate() {
        let at = start + 32 * block;
        if at + 32 + WIDTH > text.len() {
            *mask = scalar::block_mask(plan, text, at);
            continue;
        }
        let mut known = [_mm256_set1_epi8(-1); HALVES];
        for position in 0..WIDTH {
            // SAFETY: the 32 bytes from `at + position` end before `at + 32 + WIDTH`, which lies inside the text.
            let bytes = unsafe { _mm256_loadu_si256(text.as_ptr().add(at + position).cast::<__m256i>()) };
            let folded = _mm256_or_si256(bytes, case);
            let index = _mm256_and_si256(folded, _mm256_set1_epi8(INDEX));
            let has4 = _mm256_cmpeq_epi8(_mm256_and_si256(folded, bit4), bit4);
            let has6 = _mm256_cmpeq_epi8(_mm256_and_si256(folded, bit6), bit6);
            for half in 0..HALVES {
                let look = |quarter: usize| _mm256_shuffle_epi8(tables[half][position][quarter], index);
                let low = _mm256_blendv_epi8(look(0), look(1), has4);
                let high = _mm256_blendv_epi8(look(2), look(3), has4);
                let mut here = _mm256_blendv_epi8(low, high, has6);
                if position == WIDTH - 1 {
                    here = _mm256_or_si256(here, _mm256_set1_epi8(plan.open[half].cast_signed()));
                }
                known[half] = _mm256_and_si256(known[half], here);
            }
        }
        let any = _mm256_or_si256(known[0], known[1]);
        *mask = !_mm256_movemask_epi8(_mm256_cmpeq_epi8(any, _mm256_setzero_si256())).cast_unsigned();
    }
}

#[target_feature(enable = "ssse3")]
fn ssse3_masks(plan: &Plan, text: &[u8], start: usize, masks: &mut [u32]) {
    let (case, bit4, bit6) = (_mm_set1_epi8(0x20), _mm_set1_epi8(0x10), _mm_set1_epi8(0x40));
    let choose = |no: __m128i, yes: __m128i, which: __m128i| {
        _mm_or_si128(_mm_and_si128(which, yes), _mm_andnot_si128(which, no))
    };
    for (block, mask) in masks.iter_mut().enumerate() {
        let at = start + 32 * block;
        if at + 32 + WIDTH > text.len() {
            *mask = scalar::block_mask(plan, text, at);
            continue;
        }
        *mask = 0;
        for part in 0..2 {
            let mut known = [_mm_set1_epi8(-1); HALVES];
            for position in 0..WIDTH {
                // SAFETY: the 16 bytes from `at + 16 * part + position` end before `at + 32 + WIDTH`, inside the text.
                let bytes = unsafe { _mm_loadu_si128(text.as_ptr().add(at + 16 * part + position).cast::<__m128i>()) };
                let folded = _mm_or_si128(bytes, case);
                let index = _mm_and_si128(folded, _mm_set1_epi8(INDEX));
                let has4 = _mm_cmpeq_epi8(_mm_and_si128(folded, bit4), bit4);
                let has6 = _mm_cmpeq_epi8(_mm_and_si128(folded, bit6), bit6);
                for half in 0..HALVES {
                    let look = |quarter: usize| {
                        let table = &plan.tables[half][position][16 * quarter..16 * quarter + 16];
                        // SAFETY: the slice holds the 16 bytes that the unaligned load reads.
                        let table = unsafe { _mm_loadu_si128(table.as_ptr().cast::<__m128i>()) };
                        _mm_shuffle_epi8(table, index)
                    };
                    let low = choose(look(0), look(1), has4);
                    let high = choose(look(2), look(3), has4);
                    let mut here = choose(low, high, has6);
                    if position == WIDTH - 1 {
                        here = _mm_or_si128(here, _mm_set1_epi8(plan.open[half].cast_signed()));
                    }
                    known[half] = _mm_and_si128(known[half], here);
                }
            }
            let any = _mm_or_si128(known[0], known[1]);
            let none = _mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())).cast_unsigned();
            *mask |= (!none & 0xffff) << (16 * part);
        }
    }
}
