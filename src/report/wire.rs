//! The types of the JSON contract, `sekisho/1`. What stands here is what consumers may rely on; the JSON Schema is
//! generated from it, and a field is left out rather than null where its type says `Option` and no comment says more.
//!
//! The documentation comments of this file are the descriptions in the schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::convert::Findings;
use crate::coverage::{SkipClass, SkipReason};
use crate::finding::Encoding;
use crate::provenance::SourceKind;
use crate::rule::{Confidence, Kind, Severity};

/// Version of the contract.
pub(super) const SCHEMA: &str = "sekisho/1";

/// What one scan found, and what it covered.
#[derive(Serialize, JsonSchema)]
pub(super) struct Report<'a> {
    /// Version of this contract: `sekisho/1`.
    pub(super) schema: &'static str,
    pub(super) tool: Tool<'a>,
    /// What was scanned, in the order asked for.
    pub(super) targets: Vec<Target<'a>>,
    /// Whether everything asked for was scanned. `false`: "no findings" does not mean that there are none.
    pub(super) complete: bool,
    /// When the scan started, RFC 3339 in UTC.
    pub(super) started: String,
    /// How long it took, in milliseconds.
    pub(super) duration_ms: u64,
    /// The findings, in report order.
    #[schemars(with = "Vec<Finding>")]
    pub(super) findings: Findings<'a>,
    pub(super) exposure: Exposure,
    pub(super) coverage: Coverage<'a>,
    pub(super) summary: Summary,
}

/// One line of JSON Lines.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Line<'a> {
    /// One finding.
    Finding(Box<Finding<'a>>),
    /// What was scanned and what was not.
    Coverage(Coverage<'a>),
    /// What helps a stranger to find and understand the code.
    Exposure(Exposure),
    /// The scan as a whole; the last line. A file without it was cut off.
    Summary(SummaryLine<'a>),
}

/// The scan as a whole.
#[derive(Serialize, JsonSchema)]
pub(super) struct SummaryLine<'a> {
    /// Version of this contract: `sekisho/1`.
    pub(super) schema: &'static str,
    pub(super) tool: Tool<'a>,
    /// What was scanned, in the order asked for.
    pub(super) targets: Vec<Target<'a>>,
    /// Whether everything asked for was scanned.
    pub(super) complete: bool,
    /// When the scan started, RFC 3339 in UTC.
    pub(super) started: String,
    /// How long it took, in milliseconds.
    pub(super) duration_ms: u64,
    #[serde(flatten)]
    pub(super) summary: Summary,
}

/// The program that wrote the report.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tool<'a> {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// Digest of the rules, their options and the version: equal digests find the same things.
    pub(super) rules_digest: &'a str,
}

/// One thing that was scanned: a path or a URL.
#[derive(Serialize, JsonSchema)]
pub(super) struct Target<'a> {
    /// The path as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<&'a str>,
    /// The URL as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) git: Option<Git>,
}

/// The repository of a target.
#[derive(Serialize, JsonSchema)]
pub(super) struct Git {
    /// Commit of HEAD; null before the first commit.
    pub(super) head: Option<String>,
    /// Number of refs walked.
    pub(super) refs: u64,
    pub(super) bare: bool,
    pub(super) shallow: bool,
}

/// One secret, host, route or piece of auth code, with the places it stands in.
#[derive(Serialize, JsonSchema)]
pub(super) struct Finding<'a> {
    /// Stable name of the finding: 32 hex digits, the same in every scan with the same key.
    pub(super) fingerprint: String,
    /// Fingerprints it had before its file was renamed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) previous: Vec<String>,
    /// Id of the rule with the highest claim.
    pub(super) rule: &'a str,
    /// Ids of the other rules that matched the same secret.
    pub(super) also: &'a [String],
    pub(super) kind: Kind,
    pub(super) title: &'a str,
    pub(super) severity: Severity,
    pub(super) confidence: Confidence,
    /// Calibrated score of a generic secret, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) score: Option<f64>,
    /// CWE numbers.
    pub(super) cwe: &'a [u16],
    /// Credentials only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<Secret<'a>>,
    /// Facts by name, such as `host`, `method`, `path`, `class`.
    pub(super) attributes: &'a BTreeMap<String, String>,
    pub(super) evidence: Evidence<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verification: Option<Verification>,
    /// Where it stands: the tree first, then the index, then the history.
    pub(super) occurrences: Vec<Occurrence<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) history: Option<History>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) suppressed_by: Option<Suppression<'a>>,
}

/// The secret of a credential finding.
#[derive(Serialize, JsonSchema)]
pub(super) struct Secret<'a> {
    /// The secret with its middle masked.
    pub(super) redacted: String,
    /// Shannon entropy, bits per byte.
    pub(super) entropy: f64,
    /// The decodings that led to it, outermost first.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    pub(super) decoded_from: &'a [Encoding],
    /// The secret itself; only with `--reveal`. Bytes that are not UTF-8 are replaced by U+FFFD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    /// The secret's bytes; only with `--reveal` and only if they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value_base64: Option<String>,
}

/// What speaks for a finding, found without any network.
#[derive(Serialize, JsonSchema)]
pub(super) struct Evidence<'a> {
    pub(super) checksum: ChecksumState,
    /// What the token's structure shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) structure: Option<&'a str>,
    /// Other pieces of the same credential that stand near by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) parts: Vec<Part<'a>>,
    /// Fingerprint of the finding that this one belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paired_with: Option<String>,
}

/// The token's own checksum. A failed one is no finding.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChecksumState {
    /// It has one, and it is right.
    Valid,
    /// It has none that is known.
    None,
}

/// Another piece of the same credential.
#[derive(Serialize, JsonSchema)]
pub(super) struct Part<'a> {
    /// Name of the piece in the rule.
    pub(super) name: &'a str,
    /// The piece, masked.
    pub(super) redacted: String,
    /// The piece itself; only with `--reveal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
}

/// What the provider said about the credential; only if it was asked.
#[derive(Serialize, JsonSchema)]
pub(super) struct Verification {
    /// `active`, `inactive` or `unknown`.
    pub(super) state: String,
    /// When it was asked, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
}

/// One place a finding stands in. Lines and columns count from 1; the end column is exclusive.
#[derive(Serialize, JsonSchema)]
pub(super) struct Occurrence<'a> {
    /// Index into `targets`.
    pub(super) target: usize,
    pub(super) source: SourceKind,
    /// Relative to the target, `/`-separated, bytes that are not UTF-8 percent-escaped; members of archives as `a.zip!/b`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// The blob or tag object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) object: Option<String>,
    /// The commit that brought this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// Committer date of the commit, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) date: Option<String>,
    pub(super) line: u32,
    /// In bytes.
    pub(super) column: u32,
    pub(super) end_line: u32,
    /// In bytes.
    pub(super) end_column: u32,
    /// `column` in UTF-16 code units.
    pub(super) column_utf16: u32,
    /// `end_column` in UTF-16 code units.
    pub(super) end_column_utf16: u32,
    /// GitHub's `primaryLocationLineHash`; in the tree only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line_hash: Option<&'a str>,
    /// The lines of the match, every secret in them masked.
    pub(super) snippet: &'a str,
}

/// The life of a finding in the history.
#[derive(Serialize, JsonSchema)]
pub(super) struct History {
    /// The commit that has it and none of whose parents has, the least by (committer date, id); null if none is known.
    pub(super) first_commit: Option<String>,
    /// Committer date of `first_commit`, RFC 3339 in UTC.
    pub(super) first_date: Option<String>,
    /// The greatest commit that still has it; null if none is known.
    pub(super) last_commit: Option<String>,
    /// Commits that lack it and one of whose parents has it.
    pub(super) removed_in: Vec<String>,
    /// Whether HEAD has it.
    pub(super) in_head: bool,
    /// Number of (path, blob) pairs that have it.
    pub(super) versions: u64,
    /// Whether any ref reaches it.
    pub(super) reachable: bool,
}

/// Why a finding is accepted.
#[derive(Serialize, JsonSchema)]
pub(super) struct Suppression<'a> {
    pub(super) by: SuppressedBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
}

/// What accepted a finding.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SuppressedBy {
    /// `sekisho:allow` in the text.
    Inline,
    /// The configuration.
    Config,
    /// An allow list of the rules.
    Rules,
    /// The baseline.
    Baseline,
}

/// What helps a stranger to find and understand the code.
#[derive(Serialize, JsonSchema)]
pub(super) struct Exposure {
    /// Null: not graded.
    pub(super) grade: Option<String>,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) pairs: Vec<serde_json::Value>,
    pub(super) observations: Vec<serde_json::Value>,
    pub(super) remotes: Vec<serde_json::Value>,
    pub(super) copies: Vec<serde_json::Value>,
    pub(super) findability: Vec<serde_json::Value>,
}

/// What was scanned and what was not.
#[derive(Serialize, JsonSchema)]
pub(super) struct Coverage<'a> {
    /// Commits whose trees were walked.
    pub(super) commits: u64,
    /// Unique trees walked.
    pub(super) trees: u64,
    /// Unique blobs of the history or index scanned.
    pub(super) blobs: u64,
    /// Files of working trees scanned.
    pub(super) files: u64,
    /// Bytes of all that was scanned.
    pub(super) bytes: u64,
    pub(super) skipped: Vec<Skipped<'a>>,
}

/// Things that were not scanned for one reason.
#[derive(Serialize, JsonSchema)]
pub(super) struct Skipped<'a> {
    #[schemars(schema_with = "reasons")]
    pub(super) reason: &'static str,
    pub(super) class: SkipClass,
    pub(super) count: u64,
    /// A few of them.
    pub(super) examples: &'a [String],
}

/// Counts of the findings that nothing suppressed; every kind and severity is there.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    pub(super) by_kind: BTreeMap<&'static str, u64>,
    pub(super) by_severity: BTreeMap<&'static str, u64>,
    /// Findings that something suppressed.
    pub(super) suppressed: u64,
}

fn reasons(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let slugs: Vec<_> = SkipReason::ALL.iter().map(|reason| reason.slug()).collect();
    schemars::json_schema!({ "type": "string", "enum": slugs })
}
