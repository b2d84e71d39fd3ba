//! Where a match could be. Takes text, gives every place where a keyword stands; must never miss one.
//!
//! Three stages, each of which passes on a fraction of what it gets:
//!
//! 1. `simd` (or its twin `scalar`) looks at four neighbouring bytes at every position. Each keyword has an *anchor*, its
//!    rarest three or four neighbouring bytes; anchors are grouped into 16 buckets, and a position passes if one
//!    bucket knows each of the four bytes at its place. About 5 positions of 100 do in source text.
//! 2. The four bytes are hashed into a bitmap of all anchors: about 1 of 100 positions is left.
//! 3. The keywords with that anchor are compared byte by byte.
//!
//! ASCII case is folded, and only that: rules are compiled without Unicode, so that this is exact. Stages 1 and 2 fold
//! by setting bit 5, which mixes up some punctuation too and loses nothing.

mod plan;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod simd;
mod verify;

use crate::span::Span;
use plan::Plan;
use verify::Verifier;

/// How many bytes stage 1 looks at.
const WIDTH: usize = 4;

/// Stage 1 gives its answer as bit masks of 32 positions, so many of them at a time: 8 KiB of text stay in the first cache.
const MASKS: usize = 256;

/// Positions of one chunk.
const CHUNK: usize = MASKS * 32;

/// All keywords of a rule set.
#[derive(Debug)]
pub struct Prefilter {
    plan: Plan,
    verifier: Verifier,
    stage1: Stage1,
    /// Keywords without three neighbouring ASCII bytes, with their numbers.
    odd: Option<(aho_corasick::AhoCorasick, Vec<usize>)>,
    longest: usize,
}

/// Which form of stage 1 runs on this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage1 {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Ssse3,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Stage1 {
    fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                return Self::Avx2;
            }
            if is_x86_feature_detected!("ssse3") {
                return Self::Ssse3;
            }
        }
        Self::Scalar
    }
}

impl Prefilter {
    /// A prefilter over the keywords; a keyword's number is its place in the list.
    ///
    /// # Panics
    ///
    /// If a keyword is empty, which the rule compiler rejects.
    #[must_use]
    pub fn new<K: AsRef<[u8]>>(keywords: &[K]) -> Self {
        Self::with_stage1(keywords, Stage1::detect())
    }

    fn with_stage1<K: AsRef<[u8]>>(keywords: &[K], stage1: Stage1) -> Self {
        let keywords: Vec<Vec<u8>> = keywords.iter().map(|keyword| keyword.as_ref().to_ascii_lowercase()).collect();
        assert!(keywords.iter().all(|keyword| !keyword.is_empty()), "a keyword has at least one byte");
        let mut anchors = Vec::with_capacity(keywords.len());
        let mut odd = Vec::new();
        for (number, keyword) in keywords.iter().enumerate() {
            match plan::anchor(keyword) {
                Some((offset, len)) => anchors.push(verify::Anchored { number, offset, len }),
                None => odd.push(number),
            }
        }
        let plan = Plan::new(anchors.iter().map(|a| &keywords[a.number][a.offset..a.offset + a.len]));
        let odd = (!odd.is_empty()).then(|| {
            let automaton = aho_corasick::AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(odd.iter().map(|&number| &keywords[number]))
                .expect("an automaton over a few short keywords stays far below its limits");
            (automaton, odd)
        });
        let longest = keywords.iter().map(Vec::len).max().unwrap_or(0);
        Self { plan, verifier: Verifier::new(keywords, &anchors), stage1, odd, longest }
    }

    /// Bytes of the longest keyword.
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// Calls `hit(keyword, start, end)` for every occurrence of every keyword in a part of the text, overlapping ones too, in a
    /// fixed order. Stops early when `hit` answers `false`.
    ///
    /// Occurrences that begin in the part and end behind it, or begin before it, are seen or not.
    pub fn each(&self, text: &[u8], part: Span, mut hit: impl FnMut(usize, usize, usize) -> bool) {
        if let Some((automaton, numbers)) = &self.odd {
            for found in automaton.find_overlapping_iter(aho_corasick::Input::new(text).range(part.range())) {
                if !hit(numbers[found.pattern().as_usize()], found.start(), found.end()) {
                    return;
                }
            }
        }
        if self.verifier.is_empty() {
            return;
        }
        let mut masks = [0_u32; MASKS];
        for start in part.range().step_by(CHUNK) {
            let blocks = (part.end - start).div_ceil(32).min(MASKS);
            let masks = &mut masks[..blocks];
            self.stage1(text, start, masks);
            for (block, &mask) in masks.iter().enumerate() {
                let mut mask = mask;
                while mask != 0 {
                    let at = start + 32 * block + mask.trailing_zeros() as usize;
                    mask &= mask - 1;
                    if !self.verifier.at(text, at, &mut hit) {
                        return;
                    }
                }
            }
        }
    }

    /// Fills the masks for the positions from `start` on, as far as the text reaches.
    fn stage1(&self, text: &[u8], start: usize, masks: &mut [u32]) {
        match self.stage1 {
            Stage1::Scalar => scalar::masks(&self.plan, text, start, masks),
            #[cfg(target_arch = "x86_64")]
            Stage1::Ssse3 => simd::ssse3(&self.plan, text, start, masks),
            #[cfg(target_arch = "x86_64")]
            Stage1::Avx2 => simd::avx2(&self.plan, text, start, masks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(prefilter: &Prefilter, text: &[u8]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        prefilter.each(text, Span::new(0, text.len()), |keyword, start, end| {
            found.push((keyword, start, end));
            true
        });
        found.sort_unstable();
        found
    }

    fn naive(keywords: &[Vec<u8>], text: &[u8]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for (number, keyword) in keywords.iter().enumerate() {
            for (start, window) in text.windows(keyword.len()).enumerate() {
                if window.eq_ignore_ascii_case(keyword) {
                    found.push((number, start, start + keyword.len()));
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// All forms of stage 1 that this processor has.
    fn forms() -> Vec<Stage1> {
        let mut forms = vec![Stage1::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            forms.extend(is_x86_feature_detected!("ssse3").then_some(Stage1::Ssse3));
            forms.extend(is_x86_feature_detected!("avx2").then_some(Stage1::Avx2));
        }
        forms
    }

    #[test]
    fn overlapping_keywords_are_all_seen_without_regard_to_case() {
        let prefilter = Prefilter::new(&["token", "ken_", "api_token"]);
        assert_eq!(all(&prefilter, b"API_Token_"), [(0, 4, 9), (1, 6, 10), (2, 0, 9)]);
    }

    #[test]
    fn the_search_stops_when_it_is_told_to() {
        let prefilter = Prefilter::new(&["token"]);
        let mut count = 0;
        prefilter.each(&b"token ".repeat(100), Span::new(0, 600), |_, _, _| {
            count += 1;
            count < 3
        });
        assert_eq!(count, 3);
    }

    /// Few letters, so that keywords do occur; punctuation and high bytes that the folding mixes up.
    fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(
            prop_oneof![8 => prop::sample::select(b"abAB_-k\n@`{[".to_vec()), 1 => any::<u8>()],
            len,
        )
    }

    proptest! {
        #[test]
        fn nothing_is_missed_and_nothing_invented(
            keywords in proptest::collection::vec(bytes(1..9), 1..40),
            text in bytes(0..300),
            at in 0_usize..200,
            pick in any::<prop::sample::Index>(),
        ) {
            let mut text = text;
            let planted = pick.get(&keywords).clone();
            let at = at.min(text.len());
            text.splice(at..at, planted);
            let want = naive(&keywords, &text);
            for form in forms() {
                prop_assert_eq!(&all(&Prefilter::with_stage1(&keywords, form), &text), &want, "{:?}", form);
            }
        }

        #[test]
        fn every_form_of_stage_1_gives_the_same_masks(text in proptest::collection::vec(any::<u8>(), 0..3 * CHUNK), start in 0_usize..3) {
            let keywords = ["password", "ghp_", "akia", "xox", "token", "-----begin", "sk-ant", "secret", "api.key"];
            let start = start * CHUNK;
            prop_assume!(start < text.len());
            let mut want = [7; MASKS];
            Prefilter::with_stage1(&keywords, Stage1::Scalar).stage1(&text, start, &mut want);
            for form in forms() {
                let mut masks = [9; MASKS];
                Prefilter::with_stage1(&keywords, form).stage1(&text, start, &mut masks);
                prop_assert_eq!(&masks[..], &want[..], "{:?}", form);
            }
        }
    }

    proptest! {
        #[test]
        fn a_part_gives_what_lies_in_it(
            keywords in proptest::collection::vec(bytes(1..9), 1..20),
            text in bytes(0..300),
            cut in (0_usize..300, 0_usize..300),
        ) {
            let (a, b) = (cut.0.min(text.len()), cut.1.min(text.len()));
            let part = Span::new(a.min(b), a.max(b));
            let inside = |hit: &(usize, usize, usize)| part.contains(Span::new(hit.1, hit.2));
            let want: Vec<_> = naive(&keywords, &text).into_iter().filter(inside).collect();
            for form in forms() {
                let mut found = Vec::new();
                Prefilter::with_stage1(&keywords, form).each(&text, part, |keyword, start, end| {
                    found.push((keyword, start, end));
                    true
                });
                found.retain(inside);
                found.sort_unstable();
                prop_assert_eq!(&found, &want, "{:?}", form);
            }
        }
    }

    #[test]
    fn keywords_at_the_borders_of_chunks_are_seen() {
        let keywords: Vec<Vec<u8>> = [&b"xox"[..], b"password", b"ghp_"].map(<[u8]>::to_vec).to_vec();
        for form in forms() {
            let prefilter = Prefilter::with_stage1(&keywords, form);
            for keyword in &keywords {
                for at in (CHUNK - 9..CHUNK + 3).chain(2 * CHUNK - 9..2 * CHUNK) {
                    for len in [at + keyword.len(), at + keyword.len() + 1, 2 * CHUNK + 50] {
                        let mut text = vec![b'.'; len.max(at + keyword.len())];
                        text[at..at + keyword.len()].copy_from_slice(keyword);
                        assert_eq!(all(&prefilter, &text), naive(&keywords, &text), "{form:?} at {at} of {len}");
                    }
                }
            }
        }
    }
}
