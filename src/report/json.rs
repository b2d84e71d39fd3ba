//! JSON: one document, `sekisho/1`. Takes a report, streams it to a writer; must never build the whole text in memory.

use std::io;

use schemars::generate::SchemaSettings;

use super::{ReportOptions, convert, wire};
use crate::finding::Report;

/// Writes the report, indented by two blanks, with a line end after it.
pub(super) fn write(report: &Report, options: &ReportOptions, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &convert::report(report, options))?;
    out.write_all(b"\n")
}

/// The JSON Schema (draft 2020-12) of the report, indented, with a line end after it.
#[must_use]
pub fn schema() -> String {
    schema_of::<wire::Report<'_>>("sekisho report, version sekisho/1")
}

pub(super) fn schema_of<T: schemars::JsonSchema>(title: &str) -> String {
    let mut schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON, and memory takes it");
    text.push('\n');
    text
}
