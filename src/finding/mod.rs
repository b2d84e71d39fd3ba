//! One secret, host or piece of auth code, with all places it stands in. Takes matches with their places, gives
//! [`Finding`]s in a fixed order; must never read a file or a repository.

pub mod fingerprint;
mod gather;
mod judge;
pub mod line_hash;
pub mod suppress;

pub use fingerprint::Fingerprint;
pub use gather::{Sighting, Timelines, gather};
pub use judge::{Judge, Policy};

use std::collections::BTreeMap;

use crate::blob::{ObjectId, RepoPath};
use crate::coverage::Coverage;
pub use crate::detect::{Encoding, PartFound};
use crate::provenance::{Commit, GitInfo, SourceKind, Timeline};
use crate::rule::{Confidence, Kind, Severity};
use crate::secret::Secret;
use crate::span::Location;

/// One secret, host or piece of auth code.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Stable name of the finding; the same in every scan with the same key.
    pub fingerprint: Fingerprint,
    /// Fingerprints it had before its file was renamed.
    pub previous: Vec<Fingerprint>,
    /// Id of the rule with the highest claim.
    pub rule: String,
    /// Ids of the other rules that matched the same secret, sorted.
    pub also: Vec<String>,
    /// Kind of the rule.
    pub kind: Kind,
    /// Title of the rule.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Calibrated score of a generic secret, 0 to 1.
    pub score: Option<f32>,
    /// CWE numbers.
    pub cwe: Vec<u16>,
    /// The secret; credentials only.
    pub secret: Option<FoundSecret>,
    /// Facts by name, such as `host`, `method`, `path`, `class`.
    pub attributes: BTreeMap<String, String>,
    /// The token's own checksum passed.
    pub checksum: bool,
    /// What the token's structure shows.
    pub structure: Option<String>,
    /// Other pieces of the same credential.
    pub parts: Vec<PartFound>,
    /// Where it stands, sorted: the tree first, then the index, then history.
    pub occurrences: Vec<Occurrence>,
    /// Its life in the history, if a history was scanned and has it.
    pub history: Option<Timeline>,
    /// Why it is not shown.
    pub suppressed_by: Option<Suppression>,
}

/// The secret of a finding.
#[derive(Clone, Debug)]
pub struct FoundSecret {
    /// The bytes.
    pub value: Secret,
    /// Shannon entropy, bits per byte.
    pub entropy: f32,
    /// The decodings that led to it, outermost first.
    pub decoded_from: Vec<Encoding>,
}

/// One place a finding stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Index into [`Report::targets`].
    pub target: usize,
    /// What kind of place.
    pub source: SourceKind,
    /// The path; messages have none.
    pub path: Option<RepoPath>,
    /// The blob or tag object.
    pub object: Option<ObjectId>,
    /// The commit that brought this version.
    pub commit: Option<Commit>,
    /// Lines and columns.
    pub location: Location,
    /// GitHub's `primaryLocationLineHash`; only in the tree.
    pub line_hash: Option<String>,
    /// The lines of the match with every secret in them masked, the first of them being `location.line`.
    pub snippet: String,
}

/// Why a finding is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// What suppressed it.
    pub by: SuppressedBy,
    /// The reason given.
    pub reason: Option<String>,
}

/// What suppressed a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuppressedBy {
    /// `sekisho:allow` in the text.
    Inline,
    /// An `[[allow]]` entry of a configuration file.
    Config,
    /// An allow list of the rules: placeholders and paths that hold no real secrets. Carries the list's reason.
    Rules,
    /// The baseline.
    Baseline,
}

/// What one scan found, and what it covered.
#[derive(Debug)]
pub struct Report {
    /// What was scanned, in the order asked for.
    pub targets: Vec<TargetInfo>,
    /// All findings, suppressed ones too, in report order.
    pub findings: Vec<Finding>,
    /// What was scanned and what was not.
    pub coverage: Coverage,
    /// Whether everything asked for was scanned.
    pub complete: bool,
    /// When the scan started, seconds since 1970-01-01 UTC.
    pub started: i64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Digest of the rules, their options and the version.
    pub rules_digest: String,
}

/// One thing that was scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetInfo {
    /// The path or URL as given.
    pub name: String,
    /// What the target itself is called in the paths of its occurrences: empty for a folder in which they begin, the file's
    /// name for a file, `src/a` for that folder of a repository.
    pub path: RepoPath,
    /// Whether `name` is a URL.
    pub is_url: bool,
    /// The repository, if it is one.
    pub git: Option<GitInfo>,
}
