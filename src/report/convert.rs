//! From findings to the JSON contract. Takes a [`Report`], gives wire types that borrow from it, a finding at a time so
//! that no report is held twice; must never put a secret into them unless the options reveal it.

use base64::Engine as _;
use serde::{Serialize, Serializer};

use super::subject::{hex, listed};
use super::{ReportOptions, date, wire};
use crate::finding::{Finding, Occurrence, Report, SuppressedBy};
use crate::provenance::{Commit, Timeline};
use crate::rule::{Kind, Severity};
use crate::secret::Secret;

/// The findings of a report, converted one at a time while they are written.
pub(super) struct Findings<'a> {
    pub(super) report: &'a Report,
    pub(super) options: &'a ReportOptions,
}

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(shown(self.report, self.options).map(|found| finding(found, self.options)))
    }
}

/// The findings that the options ask for.
pub(super) fn shown<'a>(report: &'a Report, options: &ReportOptions) -> impl Iterator<Item = &'a Finding> {
    let suppressed_too = options.show_suppressed;
    report.findings.iter().filter(move |finding| suppressed_too || finding.suppressed_by.is_none())
}

pub(super) fn report<'a>(report: &'a Report, options: &'a ReportOptions) -> wire::Report<'a> {
    wire::Report {
        schema: wire::SCHEMA,
        tool: tool(report),
        targets: targets(report),
        complete: report.complete,
        started: started(report, options),
        duration_ms: duration_ms(report, options),
        findings: Findings { report, options },
        exposure: exposure(),
        coverage: coverage(report),
        summary: summary(report),
    }
}

pub(super) fn summary_line<'a>(report: &'a Report, options: &ReportOptions) -> wire::SummaryLine<'a> {
    wire::SummaryLine {
        schema: wire::SCHEMA,
        tool: tool(report),
        targets: targets(report),
        complete: report.complete,
        started: started(report, options),
        duration_ms: duration_ms(report, options),
        summary: summary(report),
    }
}

fn tool(report: &Report) -> wire::Tool<'_> {
    wire::Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), rules_digest: &report.rules_digest }
}

fn targets(report: &Report) -> Vec<wire::Target<'_>> {
    let git = |git: &crate::provenance::GitInfo| wire::Git {
        head: git.head.map(|id| id.to_string()),
        refs: git.refs,
        bare: git.bare,
        shallow: git.shallow,
    };
    report
        .targets
        .iter()
        .map(|target| wire::Target {
            path: (!target.is_url).then_some(target.name.as_str()),
            url: target.is_url.then_some(target.name.as_str()),
            git: target.git.as_ref().map(git),
        })
        .collect()
}

fn started(report: &Report, options: &ReportOptions) -> String {
    if !options.reproducible {
        return date::rfc3339(report.started);
    }
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.trim().parse().ok());
    date::rfc3339(epoch.unwrap_or(0))
}

fn duration_ms(report: &Report, options: &ReportOptions) -> u64 {
    if options.reproducible { 0 } else { report.duration_ms }
}

pub(super) fn finding<'a>(finding: &'a Finding, options: &ReportOptions) -> wire::Finding<'a> {
    wire::Finding {
        fingerprint: hex(finding.fingerprint),
        previous: finding.previous.iter().copied().map(hex).collect(),
        rule: &finding.rule,
        also: &finding.also,
        kind: finding.kind,
        title: &finding.title,
        severity: finding.severity,
        confidence: finding.confidence,
        score: finding.score.map(thousandths),
        cwe: &finding.cwe,
        secret: finding.secret.as_ref().map(|secret| wire::Secret {
            redacted: secret.value.masked(),
            entropy: thousandths(secret.entropy),
            decoded_from: &secret.decoded_from,
            value: options.reveal.then(|| revealed(&secret.value)),
            value_base64: (options.reveal && std::str::from_utf8(secret.value.expose()).is_err())
                .then(|| base64::engine::general_purpose::STANDARD.encode(secret.value.expose())),
        }),
        attributes: &finding.attributes,
        evidence: evidence(finding, options),
        verification: None,
        occurrences: listed(finding, options.all_occurrences).into_iter().map(occurrence).collect(),
        history: finding.history.as_ref().map(history),
        suppressed_by: finding
            .suppressed_by
            .as_ref()
            .map(|why| wire::Suppression { by: suppressed_by(&why.by), reason: why.reason.as_deref() }),
    }
}

fn revealed(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

fn evidence<'a>(finding: &'a Finding, options: &ReportOptions) -> wire::Evidence<'a> {
    wire::Evidence {
        checksum: if finding.checksum { wire::ChecksumState::Valid } else { wire::ChecksumState::None },
        structure: finding.structure.as_deref(),
        parts: finding
            .parts
            .iter()
            .map(|part| wire::Part {
                name: &part.name,
                redacted: part.value.masked(),
                value: options.reveal.then(|| revealed(&part.value)),
            })
            .collect(),
        paired_with: None,
    }
}

/// A measure with three decimals: more are noise, and a float's own digits (`3.200000047683716`) would show.
fn thousandths(value: f32) -> f64 {
    (f64::from(value) * 1000.0).round() / 1000.0
}

fn occurrence(occurrence: &Occurrence) -> wire::Occurrence<'_> {
    let at = occurrence.location;
    wire::Occurrence {
        target: occurrence.target,
        source: occurrence.source,
        path: occurrence.path.as_ref().map(ToString::to_string),
        object: occurrence.object.map(|id| id.to_string()),
        commit: occurrence.commit.map(commit_id),
        date: occurrence.commit.and_then(Commit::date).map(date::rfc3339),
        line: at.line,
        column: at.column,
        end_line: at.end_line,
        end_column: at.end_column,
        column_utf16: at.column_utf16,
        end_column_utf16: at.end_column_utf16,
        line_hash: occurrence.line_hash.as_deref(),
        snippet: &occurrence.snippet,
    }
}

fn commit_id(commit: Commit) -> String {
    commit.id.to_string()
}

fn history(life: &Timeline) -> wire::History {
    wire::History {
        first_commit: life.first.map(commit_id),
        first_date: life.first.and_then(Commit::date).map(date::rfc3339),
        last_commit: life.last.map(commit_id),
        removed_in: life.removed_in.iter().copied().map(commit_id).collect(),
        in_head: life.in_head,
        versions: life.versions,
        reachable: life.reachable,
    }
}

const fn suppressed_by(by: &SuppressedBy) -> wire::SuppressedBy {
    match by {
        SuppressedBy::Inline => wire::SuppressedBy::Inline,
        SuppressedBy::Config => wire::SuppressedBy::Config,
        SuppressedBy::Rules => wire::SuppressedBy::Rules,
        SuppressedBy::Baseline => wire::SuppressedBy::Baseline,
    }
}

/// The shape without contents: exposure is not graded yet.
pub(super) fn exposure() -> wire::Exposure {
    wire::Exposure {
        grade: None,
        counts: std::collections::BTreeMap::new(),
        pairs: Vec::new(),
        observations: Vec::new(),
        remotes: Vec::new(),
        copies: Vec::new(),
        findability: Vec::new(),
    }
}

pub(super) fn coverage(report: &Report) -> wire::Coverage<'_> {
    let covered = &report.coverage;
    wire::Coverage {
        commits: covered.commits,
        trees: covered.trees,
        blobs: covered.blobs,
        files: covered.files,
        bytes: covered.bytes,
        skipped: covered
            .skipped
            .iter()
            .map(|(reason, tally)| wire::Skipped {
                reason: reason.slug(),
                class: reason.class(),
                count: tally.count,
                examples: &tally.examples,
            })
            .collect(),
    }
}

pub(super) fn summary(report: &Report) -> wire::Summary {
    let mut summary = wire::Summary {
        by_kind: Kind::ALL.iter().map(|kind| (kind.word(), 0)).collect(),
        by_severity: Severity::ALL.iter().map(|severity| (severity.word(), 0)).collect(),
        suppressed: 0,
    };
    for finding in &report.findings {
        if finding.suppressed_by.is_some() {
            summary.suppressed += 1;
        } else {
            *summary.by_kind.entry(finding.kind.word()).or_default() += 1;
            *summary.by_severity.entry(finding.severity.word()).or_default() += 1;
        }
    }
    summary
}
