//! What emitters say alike. Takes findings and occurrences, gives short strings; must never give an unmasked secret.
//!
//! The strings are as hostile as the repository they come from: who shows them escapes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::blob::{ObjectId, RepoPath};
use crate::coverage::SkipReason;
use crate::finding::{Encoding, Finding, Fingerprint, Occurrence, SuppressedBy};
use crate::provenance::{Commit, SourceKind};
use crate::report::date;
use crate::rule::{Kind, Rule, RuleSet};

/// The hex digits of a fingerprint.
pub(super) fn hex(fingerprint: Fingerprint) -> String {
    fingerprint.0.iter().fold(String::with_capacity(32), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The twelve digits by which people name a commit.
pub(super) fn short(id: ObjectId) -> String {
    id.to_hex_with_len(12).to_string()
}

/// A commit with its day, where that is known.
pub(super) fn dated(commit: Commit) -> String {
    let day = commit.date().map(|seconds| format!(" ({})", date::day(seconds))).unwrap_or_default();
    format!("{}{day}", short(commit.id))
}

/// The rules by id.
pub(super) struct Rules<'a>(BTreeMap<&'a str, &'a Rule>);

impl<'a> Rules<'a> {
    pub(super) fn new(rules: &'a RuleSet) -> Self {
        Self(rules.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect())
    }

    pub(super) fn get(&self, id: &str) -> Option<&'a Rule> {
        self.0.get(id).copied()
    }
}

/// What the finding is about in a few words: the masked secret, the host, the route.
pub(super) fn subject(finding: &Finding) -> Option<String> {
    if let Some(secret) = &finding.secret {
        return Some(secret.value.masked());
    }
    let attribute = |name: &str| finding.attributes.get(name).filter(|value| !value.is_empty());
    match finding.kind {
        Kind::Credential => None,
        Kind::Endpoint => match (attribute("host"), attribute("method"), attribute("path")) {
            (Some(host), _, _) => Some(host.clone()),
            (None, Some(method), Some(path)) => Some(format!("{method} {path}")),
            (None, _, path) => path.cloned(),
        },
        Kind::AuthLogic => attribute("role").cloned(),
    }
}

/// The word for a kind of place that is no file; `None` for files.
pub(super) const fn place_word(source: SourceKind) -> Option<&'static str> {
    match source {
        SourceKind::Tree | SourceKind::Index | SourceKind::History | SourceKind::Config => None,
        SourceKind::CommitMessage => Some("commit message"),
        SourceKind::Tag => Some("tag message"),
        SourceKind::Note => Some("note"),
        SourceKind::Stdin => Some("standard input"),
    }
}

/// The word for what suppressed a finding.
pub(super) const fn suppressor(by: &SuppressedBy) -> &'static str {
    match by {
        SuppressedBy::Inline => "an inline allow",
        SuppressedBy::Config => "the configuration",
        SuppressedBy::Rules => "the rules' allow list",
        SuppressedBy::Baseline => "the baseline",
    }
}

/// What to do about a finding: the rule's own advice, or the kind's.
pub(super) fn advice(kind: Kind, rule: Option<&Rule>) -> &str {
    match rule {
        Some(rule) if !rule.remediation.is_empty() => &rule.remediation,
        _ => match kind {
            Kind::Credential => {
                "Revoke the secret at its provider and issue a new one, then keep it out of the repository, in the \
                 environment or a secret store."
            }
            Kind::Endpoint => {
                "Move the address into configuration outside the repository if strangers are not to know of it, and \
                 make sure that what it serves asks for authentication."
            }
            Kind::AuthLogic => {
                "Read this code as an attacker would, mend the weakness, and keep it out of repositories that \
                 strangers can read."
            }
        },
    }
}

/// A version of a path: the commit that brought it, and the blob.
type Version = Option<(Commit, Option<ObjectId>)>;

/// The occurrences to list: all, or for each path of the history those in its first and last version.
pub(super) fn listed(finding: &Finding, all: bool) -> Vec<&Occurrence> {
    if all {
        return finding.occurrences.iter().collect();
    }
    let version = |occurrence: &Occurrence| occurrence.commit.map(|commit| (commit, occurrence.object));
    let mut ends: BTreeMap<(usize, Option<&RepoPath>), (Version, Version)> = BTreeMap::new();
    for occurrence in finding.occurrences.iter().filter(|occurrence| occurrence.source == SourceKind::History) {
        let this = version(occurrence);
        let (first, last) = ends.entry((occurrence.target, occurrence.path.as_ref())).or_insert_with(|| (this, this));
        *first = (*first).min(this);
        *last = (*last).max(this);
    }
    let is_end = |occurrence: &&Occurrence| {
        let this = version(occurrence);
        ends.get(&(occurrence.target, occurrence.path.as_ref()))
            .is_none_or(|&(first, last)| occurrence.source != SourceKind::History || this == first || this == last)
    };
    finding.occurrences.iter().filter(is_end).collect()
}

/// The word that the JSON contract has for an encoding.
pub(super) const fn encoding_word(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Base64 => "base64",
        Encoding::Hex => "hex",
        Encoding::Percent => "percent",
        Encoding::Unicode => "unicode",
        Encoding::HtmlEntity => "html-entity",
    }
}

/// What to do so that the next scan is complete.
pub(super) const fn remedy(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::MissingObject | SkipReason::CorruptObject | SkipReason::BrokenRef => {
            "run `git fsck --full`; restore what is missing from another clone, or scan a fresh one"
        }
        SkipReason::PromisedObject => {
            "this is a partial clone: run `git fetch --refetch --no-filter`, or scan a full clone"
        }
        SkipReason::CorruptIndex => "remove the index and run `git reset` to build it anew",
        SkipReason::ShallowBoundary => {
            "this is a shallow clone: run `git fetch --unshallow`, in GitHub Actions check out with `fetch-depth: 0`"
        }
        SkipReason::Unreadable => "run the scan as a user who may read these files",
        SkipReason::GitRefused => {
            "`git status` there says what is wrong; refs in a reftable need `git refs migrate --ref-format=files`"
        }
        SkipReason::OverDefaultSize => "raise `--max-file-size`; a limit that you set yourself counts as by design",
        SkipReason::ArchiveLimit | SkipReason::ArchiveDamaged => "unpack the archive and scan what is in it",
        SkipReason::DecodeLimit => "decode the text and scan the result",
        SkipReason::MatchLimit => "mend the findings of this file and scan again",
        SkipReason::Panic => "please report this as a bug of sekisho, with the object if you may share it",
        SkipReason::Interrupted => "run the scan again to its end",
        // The rest is left out by design.
        _ => "leave it so, or scan it by itself if it matters",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::SkipClass;

    #[test]
    fn every_reason_to_be_incomplete_has_a_remedy_of_its_own() {
        for &reason in SkipReason::ALL {
            if reason.class() == SkipClass::Incomplete {
                assert!(!remedy(reason).starts_with("accept it"), "{}", reason.slug());
            }
        }
    }
}
