//! Where bytes come from. A source hands every blob once to a [`Sink`], from many threads, and reports what it could not
//! read; must never execute anything of what it reads.

pub mod archive;
pub mod clone;
pub mod diff;
pub mod history;
pub mod index;
pub mod lfs;
pub mod repository;
pub mod stdin;
pub mod worktree;

use crate::blob::{Blob, ObjectId, RepoPath};
use crate::coverage::SkipReason;
use crate::provenance::Commit;

/// What a source talks to. Called from many threads at once.
pub trait Sink: Sync {
    /// Scans one blob. Must be called once for each.
    fn blob(&self, blob: Blob<'_>);

    /// Something was not scanned. `what` names it in a few words.
    fn skip(&self, reason: SkipReason, what: String);

    /// Whether the user asked to stop: sources return soon when it turns true.
    fn cancelled(&self) -> bool;

    /// More work became known (`add`), in blobs and bytes; for the progress display.
    fn expect(&self, blobs: u64, bytes: u64) {
        let _ = (blobs, bytes);
    }
}

/// How large a blob may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimit {
    /// Bytes.
    pub bytes: u64,
    /// Whether the user set it; what a limit of the user leaves out is left out by design.
    pub by_user: bool,
}

impl SizeLimit {
    /// The limit where the user set none: larger blobs are data sets and disk images.
    pub const DEFAULT: Self = Self { bytes: 256 << 20, by_user: false };

    /// The reason to report for a blob over the limit.
    #[must_use]
    pub const fn reason(self) -> SkipReason {
        if self.by_user { SkipReason::OverSizeLimit } else { SkipReason::OverDefaultSize }
    }
}

/// A new version of a path: what a commit of a scanned range brings, or what is staged.
///
/// Only what none of the bases has is new, so that touching a file does not bring up its old secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Where it stands.
    pub path: RepoPath,
    /// The new version.
    pub object: ObjectId,
    /// The commit that brings it; `None` in the index.
    pub commit: Option<Commit>,
    /// The versions of the same path in each parent (in HEAD, for the index) that has one, sorted. A renamed file's base is
    /// its old path's version.
    pub bases: Vec<ObjectId>,
}
