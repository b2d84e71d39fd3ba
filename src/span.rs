//! Half-open byte ranges and the positions people read.

use serde::{Deserialize, Serialize};

/// A half-open byte range `start..end` of one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range `start..end`; `start` must not lie behind `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Bytes in the range.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether the range holds no byte.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.end == self.start
    }

    /// The range as the standard library's type, for indexing.
    #[must_use]
    pub const fn range(self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    /// Whether the two ranges share a byte.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether `other` lies wholly inside this range.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// A [`Span`] as people and reports read it. Lines and columns count from 1; the end column is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Line of the first byte.
    pub line: u32,
    /// Column of the first byte, in bytes of the decoded (UTF-8) line.
    pub column: u32,
    /// Line of the last byte.
    pub end_line: u32,
    /// Column after the last byte, in bytes.
    pub end_column: u32,
    /// `column` in UTF-16 code units.
    pub column_utf16: u32,
    /// `end_column` in UTF-16 code units.
    pub end_column_utf16: u32,
}
