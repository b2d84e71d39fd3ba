//! Stage 1 with vector instructions: 64, 32 or 16 positions at a time. Must equal `scalar` bit for bit.
//!
//! A byte's class is six bits. With AVX-512 VBMI one instruction looks them up; without, `pshufb` looks up four, so each
//! position has four tables, chosen by the other two bits. Both are exact where the usual nibble masks are not,
//! and let through less than half as much text for the same number of keywords.
#![expect(
    unsafe_code,
    reason = "vector instructions and unaligned loads and stores; nothing else in the crate needs it"
)]
#![expect(clippy::cast_ptr_alignment, reason = "the loads and stores are the unaligned ones")]
#![expect(clippy::needless_range_loop, reason = "a position indexes the text and the tables")]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_and_si128, _mm_andnot_si128, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8,
    _mm_or_si128, _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi8, _mm256_and_si256, _mm256_blendv_epi8,
    _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm512_add_epi16, _mm512_and_si512, _mm512_loadu_si512,
    _mm512_maskz_compress_epi16, _mm512_maskz_permutexvar_epi8, _mm512_movepi8_mask, _mm512_or_si512, _mm512_set1_epi8,
    _mm512_set1_epi16, _mm512_setzero_si512, _mm512_srli_epi16, _mm512_storeu_si512, _mm512_ternarylogic_epi32,
    _mm512_test_epi8_mask,
};

use super::BLOCK;
use super::plan::{GROUPS, Group, MORE_GROUPS, WIDTH};

/// Keeps the low nibble, and bit 7, with which `pshufb` answers zero.
const INDEX: i8 = 0x8f_u8.cast_signed();

/// Text that lies behind a block and is looked at with it.
const BEHIND: usize = WIDTH - 1;

/// The tables of a group for `pshufb`: each of four written twice, for both lanes.
#[derive(Debug)]
pub struct Nibbles {
    open: u8,
    tables: [[[u8; 32]; 4]; WIDTH],
}

impl Nibbles {
    /// The tables of groups.
    pub fn of(groups: &[Group]) -> [Self; GROUPS] {
        let tables = |group: &Group| {
            std::array::from_fn(|position| {
                std::array::from_fn(|quarter| {
                    std::array::from_fn(|at| group.tables[position].0[16 * quarter + at % 16])
                })
            })
        };
        std::array::from_fn(|number| Self { open: groups[number].open, tables: tables(&groups[number]) })
    }
}

/// As [`scalar::masks`]. Only for processors with AVX-512 BW, VBMI and VBMI2.
pub fn vbmi(groups: &[Group; MORE_GROUPS], text: &[u8], start: usize, masks: &mut [u64]) {
    // SAFETY: the caller chose this form because the processor has these instructions.
    unsafe { vbmi_masks(groups, text, start, masks) }
}

/// Writes down which bits of the masks are set, as [`scalar::positions`]. Only for processors with AVX-512 BW and VBMI2.
pub fn vbmi_positions(masks: &[u64], positions: &mut [u16]) -> usize {
    // SAFETY: the caller chose this form because the processor has these instructions.
    unsafe { compressed(masks, positions) }
}

/// As [`scalar::masks`]. Only for processors with AVX2.
pub fn avx2(tables: &[Nibbles; GROUPS], text: &[u8], start: usize, masks: &mut [u64]) {
    // SAFETY: the caller chose this form because the processor has AVX2.
    unsafe { avx2_masks(tables, text, start, masks) }
}

/// As [`scalar::masks`]. Only for processors with SSSE3.
pub fn ssse3(tables: &[Nibbles; GROUPS], text: &[u8], start: usize, masks: &mut [u64]) {
    // SAFETY: the caller chose this form because the processor has SSSE3.
    unsafe { ssse3_masks(tables, text, start, masks) }
}

/// What a block's positions look at.
type Window = [u8; BLOCK + BEHIND];

/// The window at a place, with the positions that lie inside the text. What reaches behind it sees NUL bytes.
#[inline]
fn window<'t>(text: &'t [u8], at: usize, tail: &'t mut Window) -> (&'t Window, u64) {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(window) = rest.first_chunk() {
        return (window, u64::MAX);
    }
    tail.fill(0);
    tail[..rest.len()].copy_from_slice(rest);
    (tail, if rest.len() < BLOCK { (1 << rest.len()) - 1 } else { u64::MAX })
}

#[target_feature(enable = "avx512bw,avx512vbmi")]
fn vbmi_masks(groups: &[Group; MORE_GROUPS], text: &[u8], start: usize, masks: &mut [u64]) {
    // No closures here: what calls them is not compiled for these instructions.
    let mut tables = [[_mm512_setzero_si512(); MORE_GROUPS]; WIDTH];
    for position in 0..WIDTH {
        for group in 0..MORE_GROUPS {
            // SAFETY: the table holds the 64 bytes that the load reads.
            tables[position][group] = unsafe { _mm512_loadu_si512(groups[group].tables[position].0.as_ptr().cast()) };
        }
    }
    let bit5 = _mm512_set1_epi8(0x20);
    let mut tail = [0; BLOCK + BEHIND];
    for (block, mask) in masks.iter_mut().enumerate() {
        let (window, inside) = window(text, start + BLOCK * block, &mut tail);
        let mut known = [_mm512_set1_epi8(-1); MORE_GROUPS];
        for position in 0..WIDTH {
            // SAFETY: the window holds 64 bytes from every position on.
            let bytes = unsafe { _mm512_loadu_si512(window.as_ptr().add(position).cast()) };
            let ascii = !_mm512_movepi8_mask(bytes);
            // Where bit 5 is set: bit 6 of the byte, moved there; elsewhere the byte. Bits 6 and 7 do not count.
            let class = _mm512_ternarylogic_epi32::<0xca>(bit5, _mm512_srli_epi16::<1>(bytes), bytes);
            for group in 0..MORE_GROUPS {
                let mut here = _mm512_maskz_permutexvar_epi8(ascii, class, tables[position][group]);
                if position == WIDTH - 1 {
                    here = _mm512_or_si512(here, _mm512_set1_epi8(groups[group].open.cast_signed()));
                }
                known[group] = _mm512_and_si512(known[group], here);
            }
        }
        let mut any = known[0];
        for group in 1..MORE_GROUPS {
            any = _mm512_or_si512(any, known[group]);
        }
        *mask = _mm512_test_epi8_mask(any, any) & inside;
    }
}

#[target_feature(enable = "avx512bw,avx512vbmi2")]
fn compressed(masks: &[u64], positions: &mut [u16]) -> usize {
    let numbers: [u16; BLOCK] = std::array::from_fn(|at| at as u16);
    // SAFETY: the array holds the twice 64 bytes that the loads read.
    let (mut low, mut high) =
        unsafe { (_mm512_loadu_si512(numbers.as_ptr().cast()), _mm512_loadu_si512(numbers.as_ptr().add(32).cast())) };
    let next = _mm512_set1_epi16((BLOCK as u16).cast_signed());
    let mut count = 0;
    for &mask in masks {
        for (half, numbers) in [(mask as u32, low), ((mask >> 32) as u32, high)] {
            let room: &mut [u16; BLOCK / 2] = (&mut positions[count..count + BLOCK / 2])
                .try_into()
                .expect("a part should have the length that was asked for");
            // Not compressed while it is stored: that takes a hundred cycles and more on Zen 4.
            // SAFETY: the store writes 64 bytes, for which there is room.
            unsafe { _mm512_storeu_si512(room.as_mut_ptr().cast(), _mm512_maskz_compress_epi16(half, numbers)) };
            count += half.count_ones() as usize;
        }
        low = _mm512_add_epi16(low, next);
        high = _mm512_add_epi16(high, next);
    }
    count
}

#[target_feature(enable = "avx2")]
fn avx2_masks(tables: &[Nibbles; GROUPS], text: &[u8], start: usize, masks: &mut [u64]) {
    let mut tail = [0; BLOCK + BEHIND];
    for (block, mask) in masks.iter_mut().enumerate() {
        let (window, inside) = window(text, start + BLOCK * block, &mut tail);
        *mask = avx2_mask(tables, window) & inside;
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn avx2_mask(tables: &[Nibbles; GROUPS], window: &Window) -> u64 {
    let (case, bit4, bit6) = (_mm256_set1_epi8(0x20), _mm256_set1_epi8(0x10), _mm256_set1_epi8(0x40));
    let mut mask = 0;
    for part in 0..2 {
        let mut known = [_mm256_set1_epi8(-1); GROUPS];
        for position in 0..WIDTH {
            // SAFETY: the window holds 64 bytes from every position on.
            let bytes = unsafe { _mm256_loadu_si256(window.as_ptr().add(32 * part + position).cast::<__m256i>()) };
            let folded = _mm256_or_si256(bytes, case);
            let index = _mm256_and_si256(folded, _mm256_set1_epi8(INDEX));
            let has4 = _mm256_cmpeq_epi8(_mm256_and_si256(folded, bit4), bit4);
            let has6 = _mm256_cmpeq_epi8(_mm256_and_si256(folded, bit6), bit6);
            for group in 0..GROUPS {
                let look = |quarter: usize| {
                    let table = &tables[group].tables[position][quarter];
                    // SAFETY: the table holds the 32 bytes that the load reads.
                    _mm256_shuffle_epi8(unsafe { _mm256_loadu_si256(table.as_ptr().cast::<__m256i>()) }, index)
                };
                let low = _mm256_blendv_epi8(look(0), look(1), has4);
                let high = _mm256_blendv_epi8(look(2), look(3), has4);
                let mut here = _mm256_blendv_epi8(low, high, has6);
                if position == WIDTH - 1 {
                    here = _mm256_or_si256(here, _mm256_set1_epi8(tables[group].open.cast_signed()));
                }
                known[group] = _mm256_and_si256(known[group], here);
            }
        }
        let any = _mm256_or_si256(known[0], known[1]);
        let none = _mm256_movemask_epi8(_mm256_cmpeq_epi8(any, _mm256_setzero_si256())).cast_unsigned();
        mask |= u64::from(!none) << (32 * part);
    }
    mask
}

#[target_feature(enable = "ssse3")]
fn ssse3_masks(tables: &[Nibbles; GROUPS], text: &[u8], start: usize, masks: &mut [u64]) {
    let mut tail = [0; BLOCK + BEHIND];
    for (block, mask) in masks.iter_mut().enumerate() {
        let (window, inside) = window(text, start + BLOCK * block, &mut tail);
        *mask = ssse3_mask(tables, window) & inside;
    }
}

#[inline]
#[target_feature(enable = "ssse3")]
fn ssse3_mask(tables: &[Nibbles; GROUPS], window: &Window) -> u64 {
    let (case, bit4, bit6) = (_mm_set1_epi8(0x20), _mm_set1_epi8(0x10), _mm_set1_epi8(0x40));
    let choose = |no: __m128i, yes: __m128i, which: __m128i| {
        _mm_or_si128(_mm_and_si128(which, yes), _mm_andnot_si128(which, no))
    };
    let mut mask = 0;
    for part in 0..4 {
        let mut known = [_mm_set1_epi8(-1); GROUPS];
        for position in 0..WIDTH {
            // SAFETY: the window holds 64 bytes from every position on.
            let bytes = unsafe { _mm_loadu_si128(window.as_ptr().add(16 * part + position).cast::<__m128i>()) };
            let folded = _mm_or_si128(bytes, case);
            let index = _mm_and_si128(folded, _mm_set1_epi8(INDEX));
            let has4 = _mm_cmpeq_epi8(_mm_and_si128(folded, bit4), bit4);
            let has6 = _mm_cmpeq_epi8(_mm_and_si128(folded, bit6), bit6);
            for group in 0..GROUPS {
                let look = |quarter: usize| {
                    let table = &tables[group].tables[position][quarter];
                    // SAFETY: the table holds more than the 16 bytes that the load reads.
                    _mm_shuffle_epi8(unsafe { _mm_loadu_si128(table.as_ptr().cast::<__m128i>()) }, index)
                };
                let mut here = choose(choose(look(0), look(1), has4), choose(look(2), look(3), has4), has6);
                if position == WIDTH - 1 {
                    here = _mm_or_si128(here, _mm_set1_epi8(tables[group].open.cast_signed()));
                }
                known[group] = _mm_and_si128(known[group], here);
            }
        }
        let any = _mm_or_si128(known[0], known[1]);
        let none = _mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())).cast_unsigned();
        mask |= u64::from(!none & 0xffff) << (16 * part);
    }
    mask
}
