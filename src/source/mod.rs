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

use std::any::Any;

use crate::blob::{Blob, ObjectId, RepoPath};
use crate::coverage::SkipReason;
use crate::edit::Edit;
use crate::provenance::Commit;

/// What a sink remembers of a blob, so that it need not look at all of a blob that was made from it. Only the sink knows
/// what is in it.
pub type Memory = Option<Box<dyn Any + Send + Sync>>;

/// What a blob was made from.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// What the sink remembers of it.
    pub memory: &'a Memory,
    /// The runs that the blob is made of.
    pub edits: &'a [Edit],
}

/// What a source talks to. Called from many threads at once.
pub trait Sink: Sync {
    /// Scans one blob. Must be called once for each.
    fn blob(&self, blob: Blob<'_>);

    /// As [`Sink::blob`], for a blob that was made from another one or that others are made from (`is_base`): it may then
    /// remember something for them. What it finds must not depend on any of this.
    fn version(&self, blob: Blob<'_>, base: Option<Base<'_>>, is_base: bool) -> Memory {
        let _ = (base, is_base);
        self.blob(blob);
        None
    }

    /// Whether scanning the message of a commit would show nothing and leave nothing out. `false` says nothing.
    fn is_blank(&self, commit: ObjectId, message: &[u8]) -> bool {
        let _ = (commit, message);
        false
    }

    /// Whether the sink knows from before what scanning a blob shows, and has counted it: then it need not be handed out. Asked
    /// once for each blob that is about to be, and only where its bytes are sure to be those of its id.
    fn recalls(&self, blob: ObjectId) -> bool {
        let _ = blob;
        false
    }

    /// So many blobs were found to be blank and are not handed out.
    fn blank(&self, blobs: u64, bytes: u64) {
        let _ = (blobs, bytes);
    }

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
