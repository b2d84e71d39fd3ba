//! Text for people. Takes a report, writes an excerpt for each finding and then what was scanned; must never write a
//! control character, or anything that hides or reorders text, from the repository.
//!
//! The worst comes last, and after all others what the scan fails on: a report is longer than the screen, and its end is
//! what stands above the prompt, as with compilers. Information (severity `info`) comes first and takes one line each:
//! a list of routes is a list, not a row of alarms.

mod excerpt;
mod place;
mod style;
mod summary;

use std::io;

use self::excerpt::{excerpt, find_nearest};
use self::place::{label, life, other_places};
use self::style::Styles;
use self::summary::number_of;
use super::ReportOptions;
use super::convert::shown;
use super::escape::visible;
use super::subject::{Rules, advice, encoding_word, hex, subject, suppressor};
use crate::finding::{Finding, Occurrence, Report};
use crate::rule::{Kind, RuleSet, Severity};

/// Columns where the terminal's width is not known.
const USUAL_WIDTH: usize = 100;
/// Lines of a secret of many lines that are shown.
const MOST_LINES: usize = 3;

struct Writer<'a> {
    report: &'a Report,
    rules: Rules<'a>,
    options: &'a ReportOptions,
    styles: Styles,
    width: usize,
}

/// Writes the report.
pub(super) fn write(
    report: &Report,
    rules: &RuleSet,
    options: &ReportOptions,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let styles = Styles::new(options.color);
    let width = if options.width == 0 { USUAL_WIDTH } else { options.width };
    let writer = Writer { report, rules: Rules::new(rules), options, styles, width };
    let mut findings: Vec<&Finding> = shown(report, options).collect();
    findings.sort_by_key(|finding| {
        let fails = options.fail.contains(&finding.fingerprint);
        (finding.suppressed_by.is_none(), fails, finding.severity, finding.confidence)
    });
    for (i, finding) in findings.iter().enumerate() {
        if finding.severity == Severity::Info {
            writer.line(finding, out)?;
            if findings.get(i + 1).is_none_or(|next| next.severity != Severity::Info) {
                writeln!(out)?;
            }
        } else {
            writer.finding(finding, out)?;
            writeln!(out)?;
        }
    }
    summary::write(report, options, styles, out)
}

impl Writer<'_> {
    fn head(&self, finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
        let word = format!("{}[{}]", finding.severity, finding.rule);
        let word = visible(&word);
        write!(out, "{}{} ", self.styles.severity(finding.severity, word), self.styles.strong(":"))?;
        write!(out, "{}", self.styles.strong(visible(&finding.title)))
    }

    fn line(&self, finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
        self.head(finding, out)?;
        if let Some(subject) = subject(finding) {
            write!(out, " {}", visible(&subject))?;
        }
        if let Some(first) = finding.occurrences.first() {
            write!(out, " {} {}", self.styles.frame("-->"), visible(&label(self.report, first)))?;
        }
        if finding.occurrences.len() > 1 {
            write!(out, " and {}", number_of(finding.occurrences.len() as u64 - 1, "more place"))?;
        }
        if finding.suppressed_by.is_some() {
            write!(out, " (suppressed)")?;
        }
        writeln!(out)
    }

    fn finding(&self, finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
        self.head(finding, out)?;
        writeln!(out)?;
        let first = finding.occurrences.first();
        let gutter = first.map_or(1, |first| last_shown_line(first).to_string().len());
        if let Some(first) = first {
            self.excerpt(finding, first, gutter, out)?;
        }
        for (name, text) in self.notes(finding) {
            let name = self.styles.strong(format!("= {name}:"));
            writeln!(out, "{:gutter$} {name} {}", "", visible(&text))?;
        }
        Ok(())
    }

    fn excerpt(&self, finding: &Finding, at: &Occurrence, gutter: usize, out: &mut dyn io::Write) -> io::Result<()> {
        let styles = self.styles;
        writeln!(out, "{:gutter$}{} {}", "", styles.frame("-->"), visible(&label(self.report, at)))?;
        if at.snippet.is_empty() {
            return Ok(());
        }
        let bar = styles.frame("|");
        let width = self.width.saturating_sub(gutter + 3);
        writeln!(out, "{:gutter$} {bar}", "")?;
        let marked = marked(finding, at);
        for (i, line) in at.snippet.split('\n').take(MOST_LINES).enumerate() {
            let mark = marked.as_ref().filter(|(row, _)| *row == i).map(|(_, mark)| mark.clone());
            let shown = excerpt(line, mark.clone().unwrap_or(0..0), width);
            let number = at.location.line.saturating_add(i as u32);
            writeln!(out, "{} {bar} {}", styles.frame(format_args!("{number:>gutter$}")), shown.text)?;
            if mark.is_some() {
                let carets = styles.severity(finding.severity, "^".repeat(shown.marked));
                writeln!(out, "{:gutter$} {bar} {:2$}{carets}", "", "", shown.before)?;
            }
        }
        if at.snippet.split('\n').nth(MOST_LINES).is_some() {
            writeln!(out, "{:gutter$} {bar} …", "")?;
        }
        writeln!(out, "{:gutter$} {bar}", "")
    }

    fn notes(&self, finding: &Finding) -> Vec<(&'static str, String)> {
        let mut notes = Vec::new();
        if let Some(why) = &finding.suppressed_by {
            let reason = why.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            notes.push(("suppressed", format!("by {}{reason}", suppressor(&why.by))));
        }
        if let Some(secret) = finding.secret.as_ref().filter(|secret| !secret.decoded_from.is_empty()) {
            let layers: Vec<&str> = secret.decoded_from.iter().map(|&encoding| encoding_word(encoding)).collect();
            notes.push(("decoded", format!("{} from {}", secret.value.masked(), layers.join(", then "))));
        }
        if let Some(structure) = &finding.structure {
            notes.push(("structure", structure.clone()));
        }
        for part in &finding.parts {
            notes.push(("with", format!("{} {}", part.name, part.value.masked())));
        }
        if let Some(others) = other_places(self.report, finding, self.options.all_occurrences) {
            notes.push(("also in", others));
        }
        if let Some(life) = finding.history.as_ref().map(life) {
            notes.push(("history", life));
        }
        notes.push(("help", advice(finding.kind, self.rules.get(&finding.rule)).to_owned()));
        if let Some(help) = history_help(finding) {
            notes.push(("help", help.to_owned()));
        }
        notes.push(("fingerprint", hex(finding.fingerprint)));
        notes
    }
}

fn last_shown_line(at: &Occurrence) -> u32 {
    let lines = at.snippet.split('\n').count().clamp(1, MOST_LINES) as u32;
    at.location.line.saturating_add(lines - 1)
}

/// The row of the snippet and the characters in it that the carets go under.
///
/// Masks are shorter or longer than what they hide, so that columns of the source fit only left of the first mask: a
/// secret is found by its mask, near its column.
fn marked(finding: &Finding, at: &Occurrence) -> Option<(usize, std::ops::Range<usize>)> {
    let column = at.location.column.saturating_sub(1) as usize;
    if let Some(secret) = &finding.secret {
        let masked = secret.value.masked();
        let found = at.snippet.split('\n').take(MOST_LINES).enumerate().find_map(|(row, line)| {
            let near = if row == 0 { chars_before(line, column) } else { 0 };
            find_nearest(line, &masked, near).map(|mark| (row, mark))
        });
        if found.is_some() {
            return found;
        }
    }
    let line = at.snippet.split('\n').next()?;
    let length = line.chars().count();
    let start = chars_before(line, column);
    let one_line = at.location.end_line == at.location.line && finding.secret.is_none();
    let end = if one_line { chars_before(line, at.location.end_column.saturating_sub(1) as usize) } else { length };
    (start < length).then(|| (0, start..end.max(start + 1)))
}

fn chars_before(line: &str, bytes: usize) -> usize {
    line.char_indices().take_while(|&(at, _)| at < bytes).count()
}

/// What else to do about a secret that is in commits.
fn history_help(finding: &Finding) -> Option<&'static str> {
    let history = finding.history.as_ref().filter(|_| finding.kind == Kind::Credential)?;
    Some(match (history.pushed, history.reachable) {
        (true, _) => {
            "It was pushed: rotate the secret first, since nothing takes back what others may have fetched. Then clean \
             the history, with `git filter-repo`, and force-push all refs."
        }
        // A mirror or a server's own repository has no remote-tracking refs, so this is no proof.
        (false, true) => {
            "It is in commits. If they were never pushed, rewrite them before you push (`git rebase -i`, `git \
             filter-repo`); otherwise rotate the secret first, then clean the history."
        }
        (false, false) => {
            "No ref reaches the commits that have it, but the objects are still here and may be elsewhere: rotate the \
             secret if they were ever pushed."
        }
    })
}
