//! The last lines: how many findings, what was scanned and what was not. Takes a report, gives lines; must never let an
//! incomplete scan look clean.

use std::io;

use super::style::Styles;
use crate::coverage::{SkipClass, SkipReason, SkipTally};
use crate::finding::Report;
use crate::report::ReportOptions;
use crate::report::escape::visible;
use crate::report::subject::remedy;
use crate::rule::Severity;

/// Examples of a reason that are shown; JSON has all that were kept.
const MOST_EXAMPLES: usize = 3;

/// Writes the counts, the coverage and, if something is missing, what to do about it.
pub(super) fn write(
    report: &Report,
    options: &ReportOptions,
    styles: Styles,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    findings(report, options, styles, out)?;
    covered(report, options, out)?;
    let of_class = |class: SkipClass| report.coverage.skipped.iter().filter(move |(reason, _)| reason.class() == class);
    let by_design: Vec<String> = of_class(SkipClass::ByDesign)
        .map(|(reason, tally)| format!("{} {}", count(tally.count), reason.slug()))
        .collect();
    if !by_design.is_empty() {
        writeln!(out, "not scanned, by design: {}", by_design.join(", "))?;
    }
    let missing: Vec<(SkipReason, &SkipTally)> =
        of_class(SkipClass::Incomplete).map(|(&reason, tally)| (reason, tally)).collect();
    incomplete(report.complete, &missing, styles, out)
}

fn findings(report: &Report, options: &ReportOptions, styles: Styles, out: &mut dyn io::Write) -> io::Result<()> {
    let open = || report.findings.iter().filter(|finding| finding.suppressed_by.is_none());
    let total = open().count() as u64;
    let suppressed = match report.findings.len() as u64 - total {
        0 => String::new(),
        number => format!(" ({} suppressed)", count(number)),
    };
    if total == 0 {
        return if report.complete {
            writeln!(out, "{}{suppressed}", styles.calm("no findings"))
        } else {
            writeln!(out, "no findings in what could be scanned{suppressed}")
        };
    }
    let mut parts = Vec::new();
    for &severity in Severity::ALL.iter().rev() {
        let number = open().filter(|finding| finding.severity == severity).count() as u64;
        if number > 0 {
            parts.push(styles.severity(severity, format_args!("{} {severity}", count(number))).to_string());
        }
    }
    let failing = open().filter(|finding| options.fail.contains(&finding.fingerprint)).count() as u64;
    let fails = match (failing, options.fail.is_empty()) {
        (_, true) => String::new(),
        (number, false) => format!("; {} at or above the fail level", count(number)),
    };
    writeln!(out, "{}: {}{suppressed}{fails}", styles.strong(number_of(total, "finding")), parts.join(", "))
}

fn covered(report: &Report, options: &ReportOptions, out: &mut dyn io::Write) -> io::Result<()> {
    let scan = &report.coverage;
    let mut what = Vec::new();
    if scan.blobs > 0 && scan.commits > 0 {
        what.push(format!("{} in {}", number_of(scan.blobs, "blob"), number_of(scan.commits, "commit")));
    } else if scan.blobs > 0 {
        what.push(number_of(scan.blobs, "blob"));
    } else if scan.commits > 0 {
        what.push(number_of(scan.commits, "commit"));
    }
    if scan.files > 0 || what.is_empty() {
        what.push(number_of(scan.files, "file"));
    }
    let time = if options.reproducible { String::new() } else { format!(" in {}", duration(report.duration_ms)) };
    writeln!(out, "scanned {} ({}){time}", what.join(" and "), bytes(scan.bytes))
}

fn incomplete(
    complete: bool,
    missing: &[(SkipReason, &SkipTally)],
    styles: Styles,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let list: Vec<String> =
        missing.iter().map(|(reason, tally)| format!("{} {}", count(tally.count), reason.slug())).collect();
    if complete {
        if !list.is_empty() {
            writeln!(out, "not scanned, accepted: {}", list.join(", "))?;
        }
        return Ok(());
    }
    let list = if list.is_empty() { "something was not scanned".to_owned() } else { list.join(", ") };
    writeln!(out, "{}", styles.loud(format_args!("INCOMPLETE: {list}")))?;
    for &(reason, tally) in missing {
        for example in tally.examples.iter().take(MOST_EXAMPLES) {
            writeln!(out, "  {}: {}", reason.slug(), visible(example))?;
        }
        let more = tally.count.saturating_sub(tally.examples.len().min(MOST_EXAMPLES) as u64);
        if more > 0 && !tally.examples.is_empty() {
            writeln!(out, "  {}: and {} more", reason.slug(), count(more))?;
        }
        writeln!(out, "  {} {}", styles.strong("= help:"), remedy(reason))?;
    }
    Ok(())
}

/// A number with commas between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 file`, `2 files`.
pub(super) fn number_of(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let (mut value, mut unit) = (number as f64 / 1e3, 0);
    // What would round to 1000 is one of the next unit.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", count(ms / 60_000), ms / 1_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1_000, 999_949, 999_950, 1_200_000_000, u64::MAX].map(bytes),
            ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.2 GB", "18.4 EB"]
        );
        assert_eq!([7, 3_456, 59_999, 125_000].map(duration), ["7 ms", "3.4 s", "59.9 s", "2 min 5 s"]);
        assert_eq!([number_of(1, "file"), number_of(2, "file")], ["1 file", "2 files"]);
    }
}
