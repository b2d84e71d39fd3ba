//! Results. Takes a finding, gives the result that GitHub makes an alert of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Profile;
use super::link::{base_id, relative};
use super::rules::level;
use super::types::{
    ArtifactLocation, ContextRegion, Location, PhysicalLocation, Region, ResultProperties, SarifResult, Suppression,
    Text,
};
use crate::finding::{Finding, Occurrence, SuppressedBy};
use crate::provenance::{Commit, SourceKind};
use crate::report::date;
use crate::report::escape::visible;
use crate::report::subject::{dated, hex, listed, subject};

/// Locations of a result that GitHub keeps.
const MOST_RELATED: usize = 100;
/// Related locations that the message links to: more make it unreadable.
const MOST_LINKS: usize = 10;
/// Characters of a snippet's line that are kept. Minified files have lines of megabytes.
const LONGEST_SNIPPET: usize = 400;

/// Whether the tree, the index or HEAD has the finding.
pub(super) fn at_head(finding: &Finding) -> bool {
    finding.history.as_ref().is_some_and(|history| history.in_head) || finding.occurrences.iter().any(in_tree)
}

fn in_tree(occurrence: &Occurrence) -> bool {
    matches!(occurrence.source, SourceKind::Tree | SourceKind::Index | SourceKind::Stdin | SourceKind::Config)
}

/// Whether the occurrence stands in a file that a viewer can open in some version of the tree.
pub(super) fn has_file(occurrence: &Occurrence) -> bool {
    occurrence.path.is_some()
        && matches!(occurrence.source, SourceKind::Tree | SourceKind::Index | SourceKind::History | SourceKind::Stdin)
}

/// The occurrence that the alert stands at; `None` for a finding that stands in no file.
pub(super) fn primary(finding: &Finding, profile: Profile) -> Option<&Occurrence> {
    let files = || finding.occurrences.iter().filter(|occurrence| has_file(occurrence));
    let in_history = || files().filter(|occurrence| occurrence.source == SourceKind::History);
    if profile != Profile::History {
        if let Some(occurrence) = files().find(|occurrence| in_tree(occurrence)) {
            return Some(occurrence);
        }
        // Without a working tree HEAD's version is the last one.
        if at_head(finding) {
            return in_history().max_by_key(|occurrence| occurrence.commit);
        }
    }
    let first = finding.history.as_ref().and_then(|history| history.first);
    in_history().find(|occurrence| first.is_some() && occurrence.commit == first).or_else(|| in_history().next())
}

/// The result for a finding; `None` if it stands in no file.
pub(super) fn of(finding: &Finding, rule_index: usize, profile: Profile, all: bool) -> Option<SarifResult<'_>> {
    let primary = primary(finding, profile)?;
    let full = profile == Profile::Full;
    let others = others(finding, primary, profile, all);
    Some(SarifResult {
        rule_id: &finding.rule,
        rule_index,
        level: level(finding.severity),
        message: Text::plain(message(finding, primary, &others)),
        locations: vec![location(finding, primary, full)],
        related_locations: others
            .iter()
            .take(MOST_RELATED)
            .enumerate()
            .map(|(i, occurrence)| Location {
                id: Some(i + 1),
                message: Some(Text::plain(related_message(occurrence))),
                ..location(finding, occurrence, full)
            })
            .collect(),
        partial_fingerprints: BTreeMap::from([(Cow::Borrowed("primaryLocationLineHash"), line_hash(finding, primary))]),
        fingerprints: BTreeMap::from([(Cow::Borrowed("sekisho/v1"), hex(finding.fingerprint))]),
        baseline_state: full.then(|| match &finding.suppressed_by {
            Some(why) if why.by == SuppressedBy::Baseline => "unchanged",
            _ => "new",
        }),
        // An empty list says "looked at and not suppressed", which lets consumers tell it from "not known".
        suppressions: full.then(|| finding.suppressed_by.iter().map(suppression).collect()),
        properties: ResultProperties {
            severity: finding.severity.word(),
            confidence: finding.confidence.word(),
            at_head: at_head(finding),
            occurrences: finding.occurrences.len(),
            commit_sha: primary.commit.map(|commit| commit.id.to_string()),
            committer_date: primary.commit.and_then(Commit::date).map(date::rfc3339),
            blob_sha: primary.object.map(|id| id.to_string()),
        },
    })
}

/// The other files that have it. For the tree those of the tree: GitHub would show the others at the wrong line.
fn others<'a>(finding: &'a Finding, primary: &Occurrence, profile: Profile, all: bool) -> Vec<&'a Occurrence> {
    let place = |occurrence: &Occurrence| {
        (occurrence.target, occurrence.path.clone(), occurrence.location.line, occurrence.location.column)
    };
    let mut seen = std::collections::BTreeSet::from([place(primary)]);
    listed(finding, all)
        .into_iter()
        .filter(|occurrence| has_file(occurrence))
        .filter(|occurrence| profile != Profile::Tree || in_tree(occurrence))
        .filter(|occurrence| seen.insert(place(occurrence)))
        .collect()
}

/// `[` and `]` make links in SARIF messages; text of the repository must not.
pub(super) fn escape_links(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn message(finding: &Finding, primary: &Occurrence, others: &[&Occurrence]) -> String {
    let mut message = escape_links(&visible(&finding.title));
    if let Some(subject) = subject(finding) {
        let _ = write!(message, " {}", escape_links(&visible(&subject)));
    }
    let first = finding.history.as_ref().and_then(|history| history.first).or(primary.commit);
    if let Some(first) = first {
        let _ = write!(message, ", introduced in {}", dated(first));
    }
    if !at_head(finding) {
        message.push_str(", no longer at HEAD");
    }
    message.push('.');
    if !others.is_empty() {
        message.push_str(" Also in ");
        for (i, occurrence) in others.iter().take(MOST_LINKS).enumerate() {
            let path = occurrence.path.as_ref().map(ToString::to_string).unwrap_or_default();
            let comma = if i == 0 { "" } else { ", " };
            let shown = escape_links(&visible(&path));
            let _ = write!(message, "{comma}[{shown}:{}]({})", occurrence.location.line, i + 1);
        }
        if others.len() > MOST_LINKS {
            let _ = write!(message, " and {} more", others.len() - MOST_LINKS);
        }
        message.push('.');
    }
    message
}

fn related_message(occurrence: &Occurrence) -> String {
    match occurrence.commit {
        Some(commit) => format!("In commit {}.", dated(commit)),
        None => "Here too.".to_owned(),
    }
}

/// GitHub's own value in the tree. Elsewhere there is no file to compute it from, and one of the same shape that stays the
/// same serves.
fn line_hash<'a>(finding: &Finding, primary: &'a Occurrence) -> Cow<'a, str> {
    if let Some(hash) = &primary.line_hash {
        return Cow::Borrowed(hash);
    }
    let mut head = [0; 8];
    head.copy_from_slice(&finding.fingerprint.0[..8]);
    Cow::Owned(format!("{:x}:1", u64::from_be_bytes(head)))
}

fn location(finding: &Finding, occurrence: &Occurrence, full: bool) -> Location {
    let path = occurrence.path.clone().unwrap_or_default();
    let at = occurrence.location;
    let (mut end_line, mut end_column) = (at.end_line.max(at.line), at.end_column_utf16);
    let mut lines = occurrence.snippet.as_str();
    if end_line > at.line && !full {
        // A pull request shows an alert only if it changes all lines of it.
        lines = lines.lines().next().unwrap_or_default();
        end_line = at.line;
        end_column = (utf16_len(lines) as u32).saturating_add(1);
    }
    if end_line == at.line {
        end_column = end_column.max(at.column_utf16.saturating_add(1));
    }
    let snippet_lines = lines.lines().count().max(1) as u32;
    let first = at.line.max(1);
    let masked = finding.secret.as_ref().map(|secret| secret.value.masked());
    Location {
        id: None,
        message: None,
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: relative(&path), uri_base_id: base_id(occurrence.target) },
            region: Region {
                start_line: first,
                start_column: at.column_utf16.max(1),
                end_line: end_line.max(1),
                end_column: end_column.max(1),
                snippet: masked.clone().or_else(|| marked(occurrence)).map(Text::plain),
            },
            context_region: (!lines.is_empty()).then(|| ContextRegion {
                start_line: first,
                end_line: end_line.max(first.saturating_add(snippet_lines - 1)),
                snippet: Text::plain(shortened(lines, masked.as_deref())),
            }),
        },
    }
}

/// What the region holds where nothing in it is masked.
fn marked(occurrence: &Occurrence) -> Option<String> {
    let at = occurrence.location;
    let line = occurrence.snippet.lines().next()?;
    let end = if at.end_line == at.line { at.end_column.checked_sub(1)? as usize } else { line.len() };
    let marked = line.get(at.column.checked_sub(1)? as usize..end.min(line.len()))?;
    (!marked.is_empty()).then(|| shortened(marked, None))
}

fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Long lines are cut to the neighbourhood of what the finding is about.
fn shortened(lines: &str, subject: Option<&str>) -> String {
    let mut kept = String::new();
    for (i, line) in lines.lines().enumerate() {
        if i > 0 {
            kept.push('\n');
        }
        let line = line.trim_end_matches('\r');
        if line.chars().nth(LONGEST_SNIPPET).is_none() {
            kept.push_str(line);
            continue;
        }
        let at = subject.and_then(|subject| line.find(subject)).map_or(0, |at| line[..at].chars().count());
        let start = at.saturating_sub(LONGEST_SNIPPET / 4);
        if start > 0 {
            kept.push('…');
        }
        kept.extend(line.chars().skip(start).take(LONGEST_SNIPPET));
        kept.push('…');
    }
    kept
}

fn suppression(why: &crate::finding::Suppression) -> Suppression<'_> {
    Suppression {
        kind: if why.by == SuppressedBy::Inline { "inSource" } else { "external" },
        status: "accepted",
        justification: why.reason.as_deref(),
    }
}
