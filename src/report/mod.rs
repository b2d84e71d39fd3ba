//! One emitter per format. Takes a [`Report`](crate::finding::Report) and its rules, gives bytes to a writer; must never
//! print, open a file, or write a secret unless [`ReportOptions::reveal`] asks for it.

mod convert;
mod date;
mod escape;
mod format;
pub mod json;
pub mod jsonl;
pub mod sarif;
mod subject;
mod text;
mod wire;

use std::collections::BTreeSet;

pub use date::day;
pub use format::{Format, write};

use crate::finding::Fingerprint;

/// How to write a report.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that users set")]
pub struct ReportOptions {
    /// Write secrets in full (JSON, JSONL); otherwise masked, everywhere.
    pub reveal: bool,
    /// Write nothing that differs from run to run: `started` is `SOURCE_DATE_EPOCH` or 0, the duration 0 or left out.
    pub reproducible: bool,
    /// List every occurrence; otherwise the first and the last version of each path in the history.
    pub all_occurrences: bool,
    /// Write suppressed findings too, with what suppressed them. They are always counted; SARIF for GitHub never has
    /// them and `sarif:full` always does.
    pub show_suppressed: bool,
    /// Use ANSI colours (text).
    pub color: bool,
    /// Columns of the terminal (text); 0 = 100.
    pub width: usize,
    /// Findings that the scan fails on, so that text can say which they are and put them last.
    pub fail: BTreeSet<Fingerprint>,
}
