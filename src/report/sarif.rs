//! SARIF 2.1.0, as GitHub code scanning wants it. Takes a report, streams one run to a writer; must never write a secret,
//! an e-mail address or an absolute path.
//!
//! GitHub closes every alert that is missing from the newest analysis of a category. So the state of the tree and what
//! only the history has are two categories, in two files, and neither is ever a part of a scan: suppressed findings are
//! left out because GitHub would open them again, and of more than 5,000 findings it would keep 5,000 itself.

mod link;
mod notice;
mod result;
mod rules;
mod types;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;

use serde::{Serialize, Serializer};

use super::ReportOptions;
use super::subject::Rules;
use crate::finding::{Finding, Report};
use crate::rule::RuleSet;

/// Results of a run that GitHub keeps.
const MOST_RESULTS: usize = 5_000;

/// Which findings a SARIF file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// What the tree or HEAD has.
    Tree,
    /// What only the history has.
    History,
    /// Everything, suppressed findings and multi-line regions too, for tools that know what to do with it.
    Full,
}

impl Profile {
    const fn word(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::History => "history",
            Self::Full => "full",
        }
    }

    fn takes(self, finding: &Finding) -> bool {
        // What stands in no file belongs to neither state and must not be lost in either.
        let in_no_file = || !finding.occurrences.iter().any(result::has_file);
        match self {
            Self::Tree => finding.suppressed_by.is_none() && (result::at_head(finding) || in_no_file()),
            Self::History => finding.suppressed_by.is_none() && (!result::at_head(finding) || in_no_file()),
            Self::Full => true,
        }
    }
}

/// The results of a run, each made when it is written.
struct Results<'a> {
    findings: Vec<&'a Finding>,
    rule_index: BTreeMap<&'a str, usize>,
    profile: Profile,
    all: bool,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.findings.iter().filter_map(|finding| {
                result::of(finding, self.rule_index[finding.rule.as_str()], self.profile, self.all)
            }),
        )
    }
}

/// Writes the log with one run, indented by two blanks, with a line end after it.
pub(super) fn write(
    profile: Profile,
    report: &Report,
    rules: &RuleSet,
    options: &ReportOptions,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let taken: Vec<&Finding> = report.findings.iter().filter(|finding| profile.takes(finding)).collect();
    let (mut placed, placeless): (Vec<_>, Vec<_>) =
        taken.into_iter().partition(|finding| result::primary(finding, profile).is_some());
    placed.sort_by_key(|finding| (Reverse(finding.severity), Reverse(finding.confidence)));
    let left_out = if profile == Profile::Full { 0 } else { placed.len().saturating_sub(MOST_RESULTS) };
    placed.truncate(placed.len() - left_out);

    let known = Rules::new(rules);
    let mut fired: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &placed {
        fired.entry(&finding.rule).or_insert(finding);
    }
    let descriptors = fired.iter().map(|(id, finding)| rules::descriptor(known.get(id), finding)).collect();
    let rule_index = fired.keys().enumerate().map(|(index, &id)| (id, index)).collect();
    let (notifications, notification_kinds) = notice::notices(report, &placeless, left_out);

    let log = types::Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [types::Run {
            tool: types::Tool {
                driver: types::Driver {
                    name: env!("CARGO_PKG_NAME"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    information_uri: Some(env!("CARGO_PKG_REPOSITORY")).filter(|uri| !uri.is_empty()),
                    rules: descriptors,
                    notifications: notification_kinds,
                },
            },
            automation_details: types::AutomationDetails { id: category(profile, report) },
            original_uri_base_ids: bases(report),
            version_control_provenance: origins(report),
            column_kind: "utf16CodeUnits",
            invocations: [types::Invocation {
                execution_successful: report.complete,
                tool_execution_notifications: notifications,
            }],
            results: Results { findings: placed, rule_index, profile, all: options.all_occurrences },
        }],
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

/// GitHub splits this at the last slash into the category and the name of the run.
fn category(profile: Profile, report: &Report) -> String {
    let head = report.targets.first().and_then(|target| target.git.as_ref()?.head);
    format!("sekisho/{}/{}", profile.word(), head.map(|id| id.to_string()).unwrap_or_default())
}

/// No `uri`: with one that is not the runner's own checkout GitHub rejects the upload.
fn bases(report: &Report) -> BTreeMap<Cow<'static, str>, types::UriBase> {
    let description = |index| match index {
        0 => types::Text::plain("The root of what was scanned."),
        _ => types::Text::plain(format!("The root of target {}.", index + 1)),
    };
    (0..report.targets.len().max(1))
        .map(|index| (Cow::Owned(link::base_id(index)), types::UriBase { description: description(index) }))
        .collect()
}

fn origins(report: &Report) -> Vec<types::VersionControl<'_>> {
    report
        .targets
        .iter()
        .enumerate()
        .filter_map(|(index, target)| {
            let git = target.git.as_ref()?;
            Some(types::VersionControl {
                repository_uri: link::repository_uri(git.origin.as_deref()?)?,
                revision_id: git.head.map(|id| id.to_string()),
                branch: git.branch.as_deref().map(|name| name.strip_prefix("refs/heads/").unwrap_or(name)),
                mapped_to: types::MappedTo { uri_base_id: link::base_id(index) },
            })
        })
        .collect()
}
