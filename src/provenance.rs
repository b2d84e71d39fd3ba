//! Where a blob comes from.

use crate::blob::{ObjectId, RepoPath};

/// Where a blob comes from. What a history object's paths and commits are is found out later, and only for objects with
/// matches (attribution).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// A file of the working tree.
    Tree(RepoPath),
    /// A staged version in the index.
    Index(RepoPath),
    /// A blob of the history, known by its id alone.
    History(ObjectId),
    /// A version of a path that a commit of a scanned range brings in.
    Version {
        /// Where the version stands.
        path: RepoPath,
        /// The commit that brings it.
        commit: Commit,
        /// The blob, if it is an object (a line of a diff on stdin is none).
        object: Option<ObjectId>,
    },
    /// The message of a commit.
    CommitMessage(Commit),
    /// The message of an annotated tag.
    Tag {
        /// The tag object.
        object: ObjectId,
        /// The tag's name.
        name: RepoPath,
    },
    /// A configuration file of git itself, such as `.git/config`.
    Config(RepoPath),
    /// Standard input.
    Stdin,
}

/// A commit as findings name it. Ordered by committer date, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit {
    /// Committer date, seconds since 1970-01-01 UTC, or [`Commit::UNDATED`].
    pub time: i64,
    /// The commit's id.
    pub id: ObjectId,
}

impl Commit {
    /// The time of a commit that is known by its id alone, as a diff on standard input names it: before all others.
    pub const UNDATED: i64 = i64::MIN;

    /// The committer date, where it is known.
    #[must_use]
    pub const fn date(self) -> Option<i64> {
        if self.time == Self::UNDATED { None } else { Some(self.time) }
    }
}

/// The kind of place an occurrence stands in, as reports name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A file of the working tree.
    Tree,
    /// A staged version.
    Index,
    /// A version in the history.
    History,
    /// A commit message.
    CommitMessage,
    /// An annotated tag's message.
    Tag,
    /// A git note.
    Note,
    /// A git configuration file.
    Config,
    /// Standard input.
    Stdin,
}

/// A path at which a blob of the history stands or stood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The path; for a note, the id of the object it annotates.
    pub path: RepoPath,
    /// [`SourceKind::History`] or [`SourceKind::Note`].
    pub source: SourceKind,
    /// The least commit (by date, id) that has the blob at this path and none of whose parents has it there.
    pub first: Commit,
    /// The greatest commit that has the blob at this path.
    pub last: Commit,
    /// Whether HEAD's tree has the blob at this path.
    pub in_head: bool,
}

/// The life of a finding in the history of its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The commit that has it and none of whose parents has, the least by (date, id).
    pub first: Option<Commit>,
    /// The greatest commit that still has it.
    pub last: Option<Commit>,
    /// Commits that lack it and one of whose parents has it, sorted.
    pub removed_in: Vec<Commit>,
    /// Whether HEAD has it.
    pub in_head: bool,
    /// Number of (path, blob) pairs that have it.
    pub versions: u64,
    /// Whether any ref reaches it.
    pub reachable: bool,
    /// Whether a remote-tracking ref reaches it, so that it was pushed or fetched.
    pub pushed: bool,
}

/// A scanned repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitInfo {
    /// Commit of HEAD; `None` before the first commit.
    pub head: Option<ObjectId>,
    /// Name of the branch HEAD is on, `refs/heads/...`.
    pub branch: Option<String>,
    /// Number of refs walked.
    pub refs: u64,
    /// Without a working tree.
    pub bare: bool,
    /// A shallow clone.
    pub shallow: bool,
    /// URL of the remote `origin` without user and password.
    pub origin: Option<String>,
}
