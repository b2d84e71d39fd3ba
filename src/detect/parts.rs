//! Credentials of several pieces. Takes the matches of one blob, sorted; gives each the pieces that stand near by.

use std::collections::BTreeMap;

use super::{Match, PartFound};
use crate::rule::RuleSet;

/// Most pieces that are compared to find the nearest one.
const CANDIDATES: usize = 64;

/// Finds the other pieces of credentials near by; a credential that lacks a needed one is dropped, and so are matches of
/// rules that only serve others.
pub fn join(rules: &RuleSet, matches: &mut Vec<Match>) {
    // Where the matches of each rule stand, by line: `matches` come sorted.
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, found) in matches.iter().enumerate().filter(|(_, found)| found.placeholder.is_none()) {
        places.entry(&rules.get(found.rule).id).or_default().push(at);
    }
    let found_parts: Vec<Option<Vec<PartFound>>> =
        matches.iter().map(|found| parts_of(rules, found, matches, &places)).collect();
    let mut found_parts = found_parts.into_iter();
    matches.retain_mut(|found| match found_parts.next().flatten() {
        Some(parts) => {
            found.evidence.parts = parts;
            rules.get(found.rule).report
        }
        None => false,
    });
}

/// The nearest piece of each kind; `None` if one that is needed is missing.
fn parts_of(
    rules: &RuleSet,
    found: &Match,
    matches: &[Match],
    places: &BTreeMap<&str, Vec<usize>>,
) -> Option<Vec<PartFound>> {
    let parts = rules.get(found.rule).credential().map(|credential| credential.parts.as_slice()).unwrap_or_default();
    let mut pieces = Vec::new();
    for part in parts {
        let line = found.location.line;
        let reach = u32::from(part.within_lines);
        let candidates = places.get(part.rule.as_str()).map(Vec::as_slice).unwrap_or_default();
        let first = candidates.partition_point(|&at| matches[at].location.line + reach < line);
        let nearest = candidates[first..]
            .iter()
            .map(|&at| &matches[at])
            .take_while(|other| other.location.line <= line.saturating_add(reach))
            .take(CANDIDATES)
            .min_by_key(|other| (other.location.line.abs_diff(line), other.span.start.abs_diff(found.span.start)));
        match nearest {
            Some(other) => pieces.push(PartFound { name: part.name.clone(), value: other.secret.clone() }),
            None if part.optional => {}
            None => return None,
        }
    }
    Some(pieces)
}
