//! The contract of DESIGN, told a second time as a consumer would: types of our own that take no unknown field.

#![expect(dead_code, reason = "a field that is only read back is still part of the contract")]

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub schema: String,
    pub tool: Tool,
    pub targets: Vec<Target>,
    pub complete: bool,
    pub started: String,
    pub duration_ms: u64,
    pub findings: Vec<Finding>,
    pub exposure: Exposure,
    pub coverage: Coverage,
    pub summary: Summary,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Line {
    Finding(Box<Finding>),
    Coverage(Coverage),
    Exposure(Exposure),
    Summary(SummaryLine),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryLine {
    pub schema: String,
    pub tool: Tool,
    pub targets: Vec<Target>,
    pub complete: bool,
    pub started: String,
    pub duration_ms: u64,
    pub by_kind: BTreeMap<String, u64>,
    pub by_severity: BTreeMap<String, u64>,
    pub suppressed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    pub name: String,
    pub version: String,
    pub rules_digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub path: Option<String>,
    pub url: Option<String>,
    pub git: Option<Git>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Git {
    pub head: Option<String>,
    pub refs: u64,
    pub bare: bool,
    pub shallow: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub fingerprint: String,
    #[serde(default)]
    pub previous: Vec<String>,
    pub rule: String,
    pub also: Vec<String>,
    pub kind: String,
    pub title: String,
    pub severity: String,
    pub confidence: String,
    pub score: Option<f64>,
    pub cwe: Vec<u16>,
    pub secret: Option<Secret>,
    pub attributes: BTreeMap<String, String>,
    pub evidence: Evidence,
    pub occurrences: Vec<Occurrence>,
    pub history: Option<History>,
    pub suppressed_by: Option<Suppression>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    pub redacted: String,
    pub entropy: f64,
    #[serde(default)]
    pub decoded_from: Vec<String>,
    pub value: Option<String>,
    pub value_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub checksum: String,
    pub structure: Option<String>,
    #[serde(default)]
    pub parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub name: String,
    pub redacted: String,
    pub value: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occurrence {
    pub target: usize,
    pub source: String,
    pub path: Option<String>,
    pub object: Option<String>,
    pub commit: Option<String>,
    pub date: Option<String>,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
    pub column_utf16: u32,
    pub end_column_utf16: u32,
    pub line_hash: Option<String>,
    pub snippet: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    pub first_commit: Option<String>,
    pub first_date: Option<String>,
    pub last_commit: Option<String>,
    pub removed_in: Vec<String>,
    pub in_head: bool,
    pub versions: u64,
    pub reachable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    pub by: String,
    pub reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    pub grade: Option<String>,
    pub counts: BTreeMap<String, u64>,
    pub pairs: Vec<serde_json::Value>,
    pub observations: Vec<serde_json::Value>,
    pub remotes: Vec<serde_json::Value>,
    pub copies: Vec<serde_json::Value>,
    pub findability: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    pub commits: u64,
    pub trees: u64,
    pub blobs: u64,
    pub files: u64,
    pub bytes: u64,
    pub skipped: Vec<Skipped>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    pub reason: String,
    pub class: String,
    pub count: u64,
    pub examples: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    pub by_kind: BTreeMap<String, u64>,
    pub by_severity: BTreeMap<String, u64>,
    pub suppressed: u64,
}
