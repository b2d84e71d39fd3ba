//! The history of a repository: every blob that its commits reach, its messages, and where and when each stood.
//!
//! The way of a scan: `refs` and `tips` say where to start, or `revisions` for a range. `store` has the objects; `reader` gives
//! one by itself, `descent` all of a kind along the deltas that `forest` knows: `commits` and `graph` put commits in order,
//! `census` (or `trees`, around damage) tells what they reach, `versions` hands out blobs. Blobs with findings are then placed
//! by `skeleton` and `attribution`. `changes` compares the commits of a range with their parents.

mod alternates;
mod attribution;
mod bits;
mod census;
mod changes;
mod commits;
pub mod delta;
mod descent;
mod engine;
mod folders;
mod forest;
mod graph;
mod kinds;
mod parse;
mod paths;
mod presence;
mod reader;
pub(crate) mod refs;
mod revisions;
mod skeleton;
mod store;
mod tips;
mod trees;
mod trouble;
mod versions;

pub use attribution::Attribution;
pub use engine::History;

use super::SizeLimit;
use crate::blob::ObjectId;

/// Which part of the history to scan.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Scope {
    /// Nothing.
    None,
    /// All that any ref reaches: branches, tags, remote branches, notes, stashes.
    #[default]
    Reachable,
    /// All objects of the repository, unreachable ones too.
    AllObjects,
    /// A revision range such as `main..topic`.
    Range(String),
}

/// How to scan a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryOptions {
    /// Which part.
    pub scope: Scope,
    /// Only commits whose committer date is not before this, seconds since 1970-01-01 UTC.
    pub since: Option<i64>,
    /// Walk what only reflogs and refs like `FETCH_HEAD` name, too.
    pub reflog: bool,
    /// Larger blobs are not read.
    pub size: SizeLimit,
    /// How it is read.
    pub engine: Engine,
}

/// How a whole history is read. Both ways find the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Engine {
    /// Along the deltas of the packs, looking only at what each version changed.
    #[default]
    Delta,
    /// Each blob by itself and whole: what the other way is measured against.
    Plain,
}

/// What the user must mend before a history can be scanned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// A word of the range names nothing.
    #[error("unknown revision `{revision}`")]
    UnknownRevision {
        /// The word.
        revision: String,
    },
    /// An end of the range is not in the repository, as after a shallow or partial fetch.
    #[error("revision {id} is not in this repository: fetch it first")]
    MissingRevision {
        /// The object.
        id: ObjectId,
    },
    /// An option that ranges do not know.
    #[error(
        "unknown option `{option}` in a revision range: --not, --all, --branches, --tags and --remotes[=NAME] are known"
    )]
    UnknownOption {
        /// The option.
        option: String,
    },
    /// No words at all.
    #[error("the revision range is empty")]
    EmptyRange,
}

impl HistoryError {
    fn option(word: &str) -> Self {
        Self::UnknownOption { option: word.to_owned() }
    }
}
