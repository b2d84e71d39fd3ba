//! Places in words. Takes occurrences and timelines, gives short strings that are not escaped yet.

use std::fmt::Write as _;

use super::summary::count;
use crate::finding::{Finding, Occurrence, Report};
use crate::provenance::{SourceKind, Timeline};
use crate::report::subject::{dated, listed, place_word, short};

/// Other places that a note names; the rest is counted.
const MOST_PLACES: usize = 5;

/// `path:line:column`, so that editors and terminals can open it, with the commit behind it if it is not in the tree.
pub(super) fn label(report: &Report, at: &Occurrence) -> String {
    let mut label = match (place_word(at.source), &at.path) {
        (None, Some(path)) => in_target(report, at, &path.to_string()),
        (Some(word), Some(path)) if at.source == SourceKind::Stdin => format!("{path} ({word})"),
        (Some(word), Some(path)) => format!("{word} {path}"),
        (Some(word), None) => word.to_owned(),
        (None, None) => at.object.map_or_else(|| "object".to_owned(), |id| format!("object {}", short(id))),
    };
    let _ = write!(label, ":{}:{}", at.location.line, at.location.column);
    match (at.source, at.commit) {
        (SourceKind::Index, _) => label.push_str(" (staged)"),
        (SourceKind::Tree, _) | (_, None) => {}
        (_, Some(commit)) => {
            label.push_str(" in ");
            label.push_str(&dated(commit));
        }
    }
    if report.targets.len() > 1 && !matches!(at.source, SourceKind::Tree | SourceKind::Stdin) {
        label.push_str(" of ");
        label.push_str(report.targets.get(at.target).map_or("?", |target| &target.name));
    }
    label
}

/// A file of a working tree is named as it can be opened from here, with its target before it.
fn in_target(report: &Report, at: &Occurrence, path: &str) -> String {
    let Some(target) = report.targets.get(at.target).filter(|target| !target.is_url && at.source == SourceKind::Tree)
    else {
        return path.to_owned();
    };
    // Paths begin at the top of the repository, even if the target is a folder or file further down.
    let own = target.path.to_string();
    let Some(rest) = path.strip_prefix(&own) else { return path.to_owned() };
    let rest = if own.is_empty() { rest } else { rest.strip_prefix('/').unwrap_or(rest) };
    let root = target.name.trim_end_matches('/');
    match (root, rest) {
        (_, "") => target.name.clone(),
        // A member of the archive that the target is.
        _ if !own.is_empty() && rest.starts_with("!/") => format!("{root}{rest}"),
        (".", _) => rest.to_owned(),
        ("", _) if target.name.is_empty() => rest.to_owned(),
        _ => format!("{root}/{rest}"),
    }
}

/// The places beside the first one; `None` if there are none.
pub(super) fn other_places(report: &Report, finding: &Finding, all: bool) -> Option<String> {
    let others = finding.occurrences.len().saturating_sub(1);
    if others == 0 {
        return None;
    }
    let named: Vec<String> = listed(finding, all)
        .into_iter()
        .filter(|&at| Some(at) != finding.occurrences.first())
        .take(if all { usize::MAX } else { MOST_PLACES })
        .map(|at| label(report, at))
        .collect();
    let more = others.saturating_sub(named.len());
    let mut text = format!("{} other place{}", count(others as u64), if others == 1 { "" } else { "s" });
    for (i, place) in named.iter().enumerate() {
        text.push_str(if i == 0 { ": " } else { ", " });
        text.push_str(place);
    }
    if more > 0 && !named.is_empty() {
        let _ = write!(text, ", and {} more", count(more as u64));
    }
    Some(text)
}

/// When it came and whether it went.
pub(super) fn life(history: &Timeline) -> String {
    let mut text =
        history.first.map_or_else(|| "first commit not known".to_owned(), |first| format!("first in {}", dated(first)));
    if history.in_head {
        text.push_str(", still in HEAD");
    } else if let Some(removed) = history.removed_in.last() {
        let _ = write!(text, ", removed in {}", dated(*removed));
        if history.removed_in.len() > 1 {
            let _ = write!(text, " and {} more", count(history.removed_in.len() as u64 - 1));
        }
    } else {
        if let Some(last) = history.last.filter(|last| Some(*last) != history.first) {
            let _ = write!(text, ", last in {}", dated(last));
        }
        text.push_str(", not in HEAD");
    }
    if history.versions > 1 {
        let _ = write!(text, ", {} versions", count(history.versions));
    }
    if !history.reachable {
        text.push_str(", reached by no ref");
    }
    text
}
