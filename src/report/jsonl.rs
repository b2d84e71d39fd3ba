//! JSON Lines: a line for each finding, then coverage, exposure and the summary. Takes a report, streams it to a writer;
//! must never break a line inside an object.
//!
//! The summary comes last and carries what the head of the JSON document has: a file without it was cut off.

use std::io;

use super::{ReportOptions, convert, json, wire};
use crate::finding::Report;

/// Writes the lines.
pub(super) fn write(report: &Report, options: &ReportOptions, out: &mut dyn io::Write) -> io::Result<()> {
    for finding in convert::shown(report, options) {
        line(&wire::Line::Finding(Box::new(convert::finding(finding, options))), out)?;
    }
    line(&wire::Line::Coverage(convert::coverage(report)), out)?;
    line(&wire::Line::Exposure(convert::exposure()), out)?;
    line(&wire::Line::Summary(convert::summary_line(report, options)), out)
}

fn line(line: &wire::Line<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// The JSON Schema (draft 2020-12) of one line, indented, with a line end after it.
#[must_use]
pub fn schema() -> String {
    json::schema_of::<wire::Line<'_>>("one line of a sekisho report in JSON Lines, version sekisho/1")
}
