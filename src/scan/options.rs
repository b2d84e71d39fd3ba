//! What the caller decides: targets and options, plain values without any command line in them.

use std::path::PathBuf;

use crate::blob::RepoPath;
use crate::coverage::SkipReason;
use crate::finding::fingerprint::PUBLIC_KEY;
use crate::finding::suppress::Allow;
use crate::rule::Confidence;
use crate::source::SizeLimit;
use crate::source::history::{Engine, Scope};

/// One thing to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, a folder, a repository's working tree or a bare repository.
    Path(PathBuf),
    /// Standard input as one blob, under this name if one was given.
    Stdin(Option<RepoPath>),
    /// A unified diff on standard input.
    Diff,
    /// A repository to clone into the cache and scan there: the only target that uses the network.
    Url(String),
}

/// How to scan.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that users set")]
pub struct Options {
    /// Scan working trees.
    pub tree: bool,
    /// Which part of the history to scan.
    pub history: Scope,
    /// Whether the user asked for that part; if not, a folder inside a repository is scanned without the history.
    pub history_asked: bool,
    /// How a whole history is read.
    pub engine: Engine,
    /// Only commits not older than this, seconds since 1970-01-01 UTC.
    pub since: Option<i64>,
    /// Walk what only reflogs name, too.
    pub reflog: bool,
    /// Scan what is staged against HEAD, and nothing else.
    pub staged: bool,
    /// Larger blobs are not scanned.
    pub max_file_size: SizeLimit,
    /// How deep archives in archives are opened; 0 = not at all.
    pub archive_depth: u8,
    /// `false`: gitignore files, path rules, configuration and inline allows are off.
    pub honour_ignores: bool,
    /// Threads; `None` = one for each core.
    pub jobs: Option<usize>,
    /// Findings below this are left out.
    pub min_confidence: Confidence,
    /// List every version of a path in the history, not only the first and the last.
    pub all_occurrences: bool,
    /// Accepted findings of the configuration.
    pub allows: Vec<Allow>,
    /// Path globs that are not scanned.
    pub exclude: Vec<String>,
    /// Key of the fingerprints.
    pub fingerprint_key: [u8; 32],
    /// Reasons for which the scan still counts as complete.
    pub allow_incomplete: Vec<SkipReason>,
    /// Today, `YYYY-MM-DD`: accepted findings expire.
    pub today: String,
    /// Folder for clones of URL targets; `None` = URLs are refused.
    pub cache: Option<PathBuf>,
}

impl Options {
    /// Whether histories are scanned as a whole, rather than what some commits or the index bring.
    pub(super) fn is_whole_history(&self) -> bool {
        !self.staged && self.since.is_none() && matches!(self.history, Scope::Reachable | Scope::AllObjects)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tree: true,
            history: Scope::Reachable,
            history_asked: false,
            engine: Engine::Delta,
            since: None,
            reflog: false,
            staged: false,
            max_file_size: SizeLimit::DEFAULT,
            archive_depth: 5,
            honour_ignores: true,
            jobs: None,
            min_confidence: Confidence::Low,
            all_occurrences: false,
            allows: Vec::new(),
            exclude: Vec::new(),
            fingerprint_key: PUBLIC_KEY,
            allow_incomplete: Vec::new(),
            today: "1970-01-01".to_owned(),
            cache: None,
        }
    }
}

/// What a scan tells while it runs. Called from many threads; must be quick.
pub trait Progress: Sync {
    /// A stage began: `history of .`, `working tree of .`.
    fn stage(&self, _name: &str) {}
    /// More work became known.
    fn expect(&self, _blobs: u64, _bytes: u64) {}
    /// Work was done.
    fn done(&self, _blobs: u64, _bytes: u64) {}
}

/// Why a scan could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The target is not there.
    #[error("{0} does not exist")]
    NoTarget(String),
    /// The target is a pipe, a socket or a device.
    #[error("{0} is a pipe, a socket or a device, not a file")]
    SpecialFile(String),
    /// The target is no repository, and only one will do.
    #[error("{0} is not a git repository")]
    NoRepository(String),
    /// Anything else that the user must mend first.
    #[error("{0}")]
    Setup(String),
}
