//! Where a match could be. Takes text, gives every place where a keyword stands; must never miss one.
//!
//! Three stages, each of which passes on a fraction of what it gets:
//!
//! 1. `simd` (or its twin `scalar`) looks at four neighbouring bytes at every position. Each keyword has an *anchor*, its
//!    rarest four neighbouring bytes (three of a short one); anchors are grouped into buckets, and a position passes if one
//!    bucket knows each of the four bytes at its place. About one position of source text in six does for 4,000 keywords.
//! 2. The bytes are hashed into bitmaps of all anchors, which a few of 100 positions pass.
//! 3. The keywords with that anchor are compared byte by byte.
//!
//! Stages 1 and 2 have no branch that depends on the text: they write down positions, and those that do not pass are
//! overwritten by the next. ASCII case is folded, and only that: rules are compiled without Unicode, so that this is exact.
//! Stages 1 and 2 fold by setting bit 5, which mixes up some punctuation too and loses nothing.

mod plan;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod simd;
mod verify;

use std::sync::LazyLock;

use crate::span::Span;
use plan::{GROUPS, Group, MORE_GROUPS, Plans};
use verify::Verifier;

/// Positions of one mask.
const BLOCK: usize = 64;

/// Blocks that are looked at together: 2 KiB of text.
const BLOCKS: usize = 32;

/// The same for a text of a few lines, as most edits are: less to clear.
const FEW_BLOCKS: usize = 4;

/// What `build.rs` planned for the built-in rules.
fn builtin() -> &'static Plans {
    static PLANS: LazyLock<Plans> = LazyLock::new(|| {
        postcard::from_bytes(include_bytes!(concat!(env!("OUT_DIR"), "/prefilter.postcard")))
            .expect("the embedded plans should decode because the same types encoded them")
    });
    &PLANS
}

/// Positions that may be written down for so many blocks.
const fn room(blocks: usize) -> usize {
    (blocks + 1) * BLOCK
}

/// All keywords of a rule set.
#[derive(Debug)]
pub struct Prefilter {
    groups: Vec<Group>,
    verifier: Verifier,
    stage1: Stage1,
    /// Keywords without three neighbouring ASCII bytes, with their numbers.
    odd: Option<(aho_corasick::AhoCorasick, Vec<usize>)>,
    longest: usize,
}

/// Which form of stage 1 runs on this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Ssse3,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vbmi,
}

impl Form {
    /// All that this processor has, the best last.
    fn all() -> Vec<Self> {
        let mut forms = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            let vbmi = is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("avx512vbmi2");
            forms.extend(is_x86_feature_detected!("ssse3").then_some(Self::Ssse3));
            forms.extend(is_x86_feature_detected!("avx2").then_some(Self::Avx2));
            forms.extend(vbmi.then_some(Self::Vbmi));
        }
        forms
    }

    const fn groups(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vbmi => MORE_GROUPS,
            _ => GROUPS,
        }
    }
}

/// A form with its tables.
#[derive(Debug)]
enum Stage1 {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Ssse3(Box<[simd::Nibbles; GROUPS]>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Box<[simd::Nibbles; GROUPS]>),
    #[cfg(target_arch = "x86_64")]
    Vbmi(Box<[Group; MORE_GROUPS]>),
}

impl Stage1 {
    fn new(form: Form, groups: &[Group]) -> Self {
        match form {
            Form::Scalar => Self::Scalar,
            #[cfg(target_arch = "x86_64")]
            Form::Ssse3 => Self::Ssse3(Box::new(simd::Nibbles::of(groups))),
            #[cfg(target_arch = "x86_64")]
            Form::Avx2 => Self::Avx2(Box::new(simd::Nibbles::of(groups))),
            #[cfg(target_arch = "x86_64")]
            Form::Vbmi => Self::Vbmi(Box::new(std::array::from_fn(|number| groups[number].clone()))),
        }
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
        Self::with_form(keywords, Form::all().pop().unwrap_or(Form::Scalar))
    }

    fn with_form<K: AsRef<[u8]>>(keywords: &[K], form: Form) -> Self {
        let keywords: Vec<Vec<u8>> = keywords.iter().map(|keyword| keyword.as_ref().to_ascii_lowercase()).collect();
        assert!(keywords.iter().all(|keyword| !keyword.is_empty()), "a keyword has at least one byte");
        let plan = builtin().plan_for(&keywords.iter().map(Vec::as_slice).collect::<Vec<_>>(), form.groups());
        let anchored = |(number, place): (usize, &Option<plan::Place>)| Some((number, (*place)?));
        let anchors: Vec<(usize, plan::Place)> = plan.places.iter().enumerate().filter_map(anchored).collect();
        let odd: Vec<usize> = (0..keywords.len()).filter(|&number| plan.places[number].is_none()).collect();
        let groups = plan.groups;
        let odd = (!odd.is_empty()).then(|| {
            let automaton = aho_corasick::AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(odd.iter().map(|&number| &keywords[number]))
                .expect("an automaton over a few short keywords stays far below its limits");
            (automaton, odd)
        });
        let longest = keywords.iter().map(Vec::len).max().unwrap_or(0);
        let stage1 = Stage1::new(form, &groups);
        Self { groups, verifier: Verifier::new(keywords, &anchors), stage1, odd, longest }
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
        if part.end - part.start <= FEW_BLOCKS * BLOCK {
            self.chunks::<FEW_BLOCKS, { room(FEW_BLOCKS) }>(text, part, &mut hit);
        } else {
            self.chunks::<BLOCKS, { room(BLOCKS) }>(text, part, &mut hit);
        }
    }

    /// [`Prefilter::each`] for `COUNT` blocks at a time.
    fn chunks<const COUNT: usize, const ROOM: usize>(
        &self,
        text: &[u8],
        part: Span,
        hit: &mut impl FnMut(usize, usize, usize) -> bool,
    ) {
        let mut masks = [0_u64; COUNT];
        let mut positions = [0_u16; ROOM];
        for start in part.range().step_by(COUNT * BLOCK) {
            let masks = &mut masks[..(part.end - start).div_ceil(BLOCK).min(COUNT)];
            self.stage1(text, start, masks);
            let passed = self.positions(masks, &mut positions);
            let likely = self.verifier.likely(text, start, &mut positions[..passed]);
            for &position in &positions[..likely] {
                if !self.verifier.at(text, start + usize::from(position), hit) {
                    return;
                }
            }
        }
    }

    /// Fills the masks for the positions from `start` on, as far as the text reaches.
    fn stage1(&self, text: &[u8], start: usize, masks: &mut [u64]) {
        match &self.stage1 {
            Stage1::Scalar => scalar::masks(&self.groups, text, start, masks),
            #[cfg(target_arch = "x86_64")]
            Stage1::Ssse3(tables) => simd::ssse3(tables, text, start, masks),
            #[cfg(target_arch = "x86_64")]
            Stage1::Avx2(tables) => simd::avx2(tables, text, start, masks),
            #[cfg(target_arch = "x86_64")]
            Stage1::Vbmi(tables) => simd::vbmi(tables, text, start, masks),
        }
    }

    /// Writes down which bits of the masks are set, and gives their number. There is [`room`] for them and a block more; what
    /// stands behind them says nothing.
    fn positions(&self, masks: &[u64], positions: &mut [u16]) -> usize {
        match self.stage1 {
            #[cfg(target_arch = "x86_64")]
            Stage1::Vbmi(_) => simd::vbmi_positions(masks, positions),
            _ => scalar::positions(masks, positions),
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
            for form in Form::all() {
                prop_assert_eq!(&all(&Prefilter::with_form(&keywords, form), &text), &want, "{:?}", form);
            }
        }

        #[test]
        fn every_form_of_stage_1_gives_the_masks_of_its_groups(
            text in proptest::collection::vec(prop_oneof![any::<u8>(), 0x20_u8..0x7f], 0..3 * BLOCKS * BLOCK),
            start in 0_usize..200,
        ) {
            let keywords = ["password", "ghp_", "akia", "xox", "token", "-----begin", "sk-ant", "secret", "api.key"];
            prop_assume!(start < text.len());
            for form in Form::all() {
                let prefilter = Prefilter::with_form(&keywords, form);
                let (mut want, mut masks) = ([7; BLOCKS], [9; BLOCKS]);
                scalar::masks(&prefilter.groups, &text, start, &mut want);
                prefilter.stage1(&text, start, &mut masks);
                prop_assert_eq!(&masks[..], &want[..], "{:?}", form);
                let (mut want, mut positions) = ([7; room(BLOCKS)], [9; room(BLOCKS)]);
                let count = scalar::positions(&masks, &mut want);
                prop_assert_eq!(prefilter.positions(&masks, &mut positions), count);
                prop_assert_eq!(&positions[..count], &want[..count], "{:?}", form);
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
            for form in Form::all() {
                let mut found = Vec::new();
                Prefilter::with_form(&keywords, form).each(&text, part, |keyword, start, end| {
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
        const CHUNK: usize = BLOCKS * BLOCK;
        let keywords: Vec<Vec<u8>> = [&b"xox"[..], b"password", b"ghp_"].map(<[u8]>::to_vec).to_vec();
        for form in Form::all() {
            let prefilter = Prefilter::with_form(&keywords, form);
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
