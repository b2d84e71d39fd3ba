//! What is remembered of a text, so that a text made from it by edits is looked at only where the edits matter. Takes the
//! edits, gives what they leave alone and what they touch; must never take anything over whose reasons were touched.
//!
//! Everything that detection finds, or fails to find, depends on a stretch of bytes: its [`Reach`]. What lies wholly in one
//! copied run has not changed. Most keywords stand in nothing, and a look at a few bytes behind them tells. These are not
//! remembered: the bytes around an edit are searched for keywords again, by [`NEAR`] more than a keyword is long.

use std::sync::Arc;

use super::raw::Raw;
use super::text::Class;
use crate::edit::Edit;
use crate::span::Span;

/// How far behind its keyword a look may go that is not remembered, in bytes.
pub const NEAR: usize = 24;

/// Copied runs that are shorter are looked at again: that costs less than to look up what was there.
const SHORTEST: usize = 64;

/// Most keywords that are remembered of a text. A text with more is looked at as a whole, and what is made from it.
const MOST: usize = 1 << 18;

/// The bytes that something depends on. Counted from one, since the ends of the text count as bytes too: 0 is before its
/// first byte, and its length plus one is behind its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    start: usize,
    end: usize,
}

impl Reach {
    /// Of what depends on exactly these bytes.
    pub const fn exactly(part: Span) -> Self {
        Self { start: part.start + 1, end: part.end + 1 }
    }

    /// Of what depends on these bytes and the one on either side.
    pub const fn around(part: Span) -> Self {
        Self { start: part.start, end: part.end + 2 }
    }

    /// Of what depends on both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether it goes further than [`NEAR`] behind the end of a keyword, or begins before it.
    pub const fn is_far(self, keyword: Span) -> bool {
        self.end > keyword.end + NEAR || self.start <= keyword.start
    }

    const fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The same bytes in a text where they stand elsewhere.
    const fn moved(self, from: usize, to: usize) -> Self {
        Self { start: self.start + to - from, end: self.end + to - from }
    }
}

/// A keyword of which the bytes close behind it do not tell enough.
#[derive(Clone, Copy, Debug)]
pub struct Far {
    /// Which keyword.
    pub number: usize,
    /// Where it stands.
    pub keyword: Span,
    /// What is known of it depends on these bytes.
    pub reach: Reach,
}

/// A match and why it is one.
#[derive(Clone, Debug)]
pub struct Found {
    /// The reported span in the outermost text.
    pub span: Span,
    /// The keyword, in the text that holds it.
    pub keyword: Span,
    /// It depends on these bytes of the outermost text.
    pub reach: Reach,
    /// Facts of the whole text that it needs to count.
    pub needs: Vec<usize>,
    /// Everything that does not depend on where it stands.
    pub raw: Arc<Raw>,
}

/// What is remembered of a text.
#[derive(Debug)]
pub struct Remembered {
    class: Class,
    len: usize,
    /// By place.
    far: Vec<Far>,
    /// By span.
    found: Vec<Found>,
}

impl Remembered {
    /// Takes what was found in a text; `None` if that is too much to remember.
    pub fn new(class: Class, len: usize, far: &mut [Far], found: &[Found]) -> Option<Self> {
        if far.len() > MOST {
            return None;
        }
        far.sort_unstable_by_key(|far| (far.keyword, far.number));
        let mut found = found.to_vec();
        found.dedup_by(|a, b| (a.span, a.keyword, a.reach) == (b.span, b.keyword, b.reach) && a.raw.is_as(&b.raw));
        Some(Self { class, len, far: far.to_vec(), found })
    }
}

/// What edits change in a text, and what they leave as it was.
#[derive(Debug, Default)]
pub struct Changes<'m> {
    memory: Option<&'m Remembered>,
    kept: Vec<Kept>,
    /// Where something changed, ascending; an empty part is a place where two bytes became neighbours.
    pub gaps: Vec<Span>,
}

/// A run that was copied.
#[derive(Clone, Copy, Debug)]
struct Kept {
    at: usize,
    from: usize,
    len: usize,
    /// What in the base is unchanged here.
    reach: Reach,
}

impl<'m> Changes<'m> {
    /// Everything is new.
    pub fn everything(len: usize) -> Self {
        Self { memory: None, kept: Vec::new(), gaps: vec![Span::new(0, len)] }
    }

    /// What the edits of a base make; everything is new if the base was of another class.
    pub fn new(memory: &'m Remembered, edits: &[Edit], class: Class, len: usize) -> Self {
        if memory.class != class || edits.iter().map(|edit| edit.len).sum::<usize>() != len {
            return Self::everything(len);
        }
        let mut changes = Self { memory: Some(memory), kept: Vec::new(), gaps: Vec::new() };
        // Of the text, up to where it is accounted for; of the base, what would follow without a change.
        let (mut at, mut gap, mut next) = (0, 0, Some(0));
        for edit in edits {
            match edit.from.filter(|_| edit.len >= SHORTEST || edit.len == len) {
                Some(from) if from + edit.len <= memory.len => {
                    if gap < at || next != Some(from) {
                        changes.gaps.push(Span::new(gap, at));
                    }
                    let starts = at == 0 && from == 0;
                    let ends = at + edit.len == len && from + edit.len == memory.len;
                    let reach =
                        Reach { start: from + usize::from(!starts), end: from + edit.len + 1 + usize::from(ends) };
                    changes.kept.push(Kept { at, from, len: edit.len, reach });
                    (gap, next) = (at + edit.len, Some(from + edit.len));
                }
                _ => next = None,
            }
            at += edit.len;
        }
        if gap < at || next != Some(memory.len) {
            changes.gaps.push(Span::new(gap, at));
        }
        changes
    }

    /// Calls `take` for every keyword of the base that stands outside of `again`, which is sorted: with `true` if what is known
    /// of it still holds.
    pub fn keywords(&self, again: &[Span], mut take: impl FnMut(Far, bool)) {
        let Some(memory) = self.memory else { return };
        let mut again = again.iter().peekable();
        for kept in &self.kept {
            let first = memory.far.partition_point(|far| far.keyword.start < kept.from);
            for far in &memory.far[first..] {
                if far.keyword.end > kept.from + kept.len {
                    break;
                }
                let start = far.keyword.start - kept.from + kept.at;
                while again.next_if(|part| part.end <= start).is_some() {}
                if again.peek().is_some_and(|part| part.start <= start) {
                    continue;
                }
                let keyword = Span::new(start, start + far.keyword.len());
                let reach = far.reach;
                let holds = kept.reach.contains(reach);
                let reach = if holds { reach.moved(kept.from, kept.at) } else { reach };
                take(Far { keyword, reach, ..*far }, holds);
            }
        }
    }

    /// Calls `take` for every match of the base that still holds.
    pub fn matches(&self, mut take: impl FnMut(Found)) {
        let Some(memory) = self.memory else { return };
        for kept in &self.kept {
            let first = memory.found.partition_point(|found| found.span.start < kept.from);
            let inside = memory.found[first..].iter().take_while(|found| found.span.start < kept.from + kept.len);
            for found in inside.filter(|found| kept.reach.contains(found.reach)) {
                let moved = |at: usize| at - kept.from + kept.at;
                // The place of a keyword in decoded text is that in its run, which moves as a whole.
                let keyword = if found.raw.decoded_from.is_empty() {
                    Span::new(moved(found.keyword.start), moved(found.keyword.end))
                } else {
                    found.keyword
                };
                take(Found {
                    span: Span::new(moved(found.span.start), moved(found.span.end)),
                    keyword,
                    reach: found.reach.moved(kept.from, kept.at),
                    ..found.clone()
                });
            }
        }
    }
}
