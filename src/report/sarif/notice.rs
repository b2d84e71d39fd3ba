//! Notifications: what was not scanned, and findings that SARIF has no place for. Takes a report, gives notifications and
//! the descriptors they point to.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::rules::sentence;
use super::types::{Descriptor, Notification, Reference, Text};
use crate::coverage::{SkipClass, SkipReason, SkipTally};
use crate::finding::{Finding, Occurrence, Report};
use crate::report::escape::visible;
use crate::report::subject::{place_word, remedy, short, subject};

/// Findings without a path of which each gets a notification of its own.
const MOST_PLACELESS: usize = 100;

/// Notifications in a fixed order, with one descriptor for each kind of them.
pub(super) fn notices(
    report: &Report,
    placeless: &[&Finding],
    left_out: usize,
) -> (Vec<Notification>, Vec<Descriptor<'static>>) {
    let mut notices = Notices::default();
    if left_out > 0 {
        notices.add(
            &Kind {
                id: "results-left-out",
                description: "More findings than code scanning takes.",
                help: "fix the worst findings first; the JSON report has all of them",
            },
            "warning",
            format!(
                "{left_out} findings are left out: code scanning takes 5,000 results, and these are the worst. All of \
                 them are in the JSON report."
            ),
        );
    }
    for finding in placeless.iter().take(MOST_PLACELESS) {
        notices.add(&PLACELESS, level_of(finding), placeless_message(finding));
    }
    if placeless.len() > MOST_PLACELESS {
        let more = placeless.len() - MOST_PLACELESS;
        notices.add(&PLACELESS, "warning", format!("{more} more findings stand in no file; the JSON report has them."));
    }
    for (&reason, tally) in &report.coverage.skipped {
        let level = match reason.class() {
            SkipClass::Incomplete if !report.complete => "error",
            SkipClass::Incomplete => "warning",
            SkipClass::ByDesign => "note",
        };
        notices.add(&kind_of(reason), level, skipped(reason, tally));
    }
    (notices.notifications, notices.kinds)
}

/// A kind of notification.
struct Kind {
    id: &'static str,
    /// One sentence.
    description: &'static str,
    /// What to do, as it stands in a sentence.
    help: &'static str,
}

const PLACELESS: Kind = Kind {
    id: "finding-without-path",
    description: "A finding that stands in no file.",
    help: "see the JSON report: code scanning has no place for findings in messages and notes",
};

#[derive(Default)]
struct Notices {
    notifications: Vec<Notification>,
    kinds: Vec<Descriptor<'static>>,
}

impl Notices {
    fn add(&mut self, kind: &Kind, level: &'static str, message: String) {
        let id = kind.id;
        let index = self.kinds.iter().position(|there| there.id == id).unwrap_or_else(|| {
            self.kinds.push(Descriptor {
                id: Cow::Borrowed(id),
                // A name that differs from the id in case alone is a warning (SARIF1001).
                name: None,
                short_description: Text::plain(kind.description),
                full_description: Some(Text::plain(kind.description)),
                help_uri: None,
                help: Some(Text::plain(sentence(kind.help))),
                default_configuration: None,
                properties: None,
            });
            self.kinds.len() - 1
        });
        self.notifications.push(Notification {
            descriptor: Reference { id, index },
            level,
            message: Text::plain(message),
        });
    }
}

const fn kind_of(reason: SkipReason) -> Kind {
    let description = match reason.class() {
        SkipClass::Incomplete => "Something that should have been scanned was not.",
        SkipClass::ByDesign => "Something was left out on purpose.",
    };
    Kind { id: reason.slug(), description, help: remedy(reason) }
}

fn skipped(reason: SkipReason, tally: &SkipTally) -> String {
    let mut message = format!("Not scanned: {} ({})", tally.count, reason.slug());
    for (i, example) in tally.examples.iter().enumerate() {
        message.push_str(if i == 0 { ": " } else { "; " });
        message.push_str(&visible(example));
    }
    if tally.count > tally.examples.len() as u64 && !tally.examples.is_empty() {
        message.push_str("; …");
    }
    message.push('.');
    super::result::escape_links(&message)
}

fn level_of(finding: &Finding) -> &'static str {
    super::rules::level(finding.severity)
}

fn placeless_message(finding: &Finding) -> String {
    let mut message = format!("{} ({})", finding.title, finding.rule);
    if let Some(subject) = subject(finding) {
        message.push_str(": ");
        message.push_str(&visible(&subject));
    }
    if let Some(occurrence) = finding.occurrences.first() {
        message.push_str(", in ");
        message.push_str(&place(occurrence));
    }
    if finding.occurrences.len() > 1 {
        let _ = write!(message, " and {} other places", finding.occurrences.len() - 1);
    }
    message.push('.');
    super::result::escape_links(&message)
}

fn place(occurrence: &Occurrence) -> String {
    let what = match (place_word(occurrence.source), &occurrence.path) {
        (Some(word), _) => word.to_owned(),
        (None, Some(path)) => visible(&path.to_string()).into_owned(),
        (None, None) => "an object without a path".to_owned(),
    };
    match (occurrence.commit, occurrence.object) {
        (Some(commit), _) => format!("the {what} of {}", short(commit.id)),
        (None, Some(object)) => format!("the {what} of object {}", short(object)),
        (None, None) => what,
    }
}
