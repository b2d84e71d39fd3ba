//! Takes a unified diff, gives the new side of each file in it and which of its lines were added; must never pass over
//! a line that it does not understand inside a hunk, since a secret could stand there.
//!
//! Understood are the diffs of git (`git diff`, `show`, `log -p`, `format-patch`, combined diffs of merges) and plain
//! `diff -u`. A caller scans [`DiffFile::text`] and keeps the matches that [`DiffFile::adds`] accepts.

mod header;
mod parse;

pub use parse::parse;

use crate::blob::{ObjectId, RepoPath};

/// A line between hunks that lie apart, so that nothing matches across them. It is no line of the file.
pub const SEPARATOR: &[u8] = b"@@\n";

/// The new side of one file in a diff. Deleted and merely renamed files have none and are not listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffFile {
    /// Its path on the new side.
    pub path: RepoPath,
    /// The commit, if the diff comes from `git log -p` or `git format-patch`.
    pub commit: Option<ObjectId>,
    /// The context and added lines of all hunks.
    pub text: Vec<u8>,
    /// One for each line of `text`, in order.
    pub lines: Vec<DiffLine>,
    /// The diff says that the file changed and does not show how, since it is binary; `text` is empty.
    pub binary: bool,
}

/// A line of a [`DiffFile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// Its number in the new version of the file, from 1; 0 for a [`SEPARATOR`].
    pub number: u32,
    /// Whether the diff adds it. In a combined diff: whether no parent has it.
    pub added: bool,
}

impl DiffFile {
    /// Whether the lines `first..=last` of `text`, counted from 1, are one piece of the file and one of them was added.
    #[must_use]
    pub fn adds(&self, first: u32, last: u32) -> bool {
        let (first, last) = (first as usize, last as usize);
        let lines = first.checked_sub(1).and_then(|first| self.lines.get(first..last)).unwrap_or_default();
        lines.iter().any(|line| line.added) && lines.iter().all(|line| line.number > 0)
    }

    /// The number in the file of a line of `text`, both counted from 1.
    #[must_use]
    pub fn number(&self, line: u32) -> Option<u32> {
        let line = self.lines.get((line as usize).checked_sub(1)?)?;
        (line.number > 0).then_some(line.number)
    }
}

/// A diff that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the diff: {message}")]
pub struct DiffError {
    /// Line of the input, from 1.
    pub line: u64,
    /// What is wrong with it, without its content.
    pub message: String,
}
