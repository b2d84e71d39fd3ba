//! The formats by name. Takes a name or a file's ending, gives a [`Format`]; [`write()`] hands the report to its emitter.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use super::{ReportOptions, json, jsonl, sarif, text};
use crate::finding::Report;
use crate::rule::RuleSet;

/// A report format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document, `sekisho/1`.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// SARIF 2.1.0 with the state of the tree: what GitHub code scanning is to see.
    Sarif,
    /// SARIF 2.1.0 with what only the history has: a category of its own.
    SarifHistory,
    /// SARIF 2.1.0 with everything, suppressed findings included.
    SarifFull,
}

impl Format {
    /// All formats, in the order help lists them.
    pub const ALL: &[Self] = &[Self::Text, Self::Json, Self::Jsonl, Self::Sarif, Self::SarifHistory, Self::SarifFull];

    /// The format's name in options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sarif => "sarif",
            Self::SarifHistory => "sarif:history",
            Self::SarifFull => "sarif:full",
        }
    }

    /// The format that a file's ending asks for, compared without ASCII case; `None` if it asks for none.
    #[must_use]
    pub fn from_path(path: &Path) -> Option<Self> {
        match path.extension().and_then(OsStr::to_str)?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "sarif" => Some(Self::Sarif),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no format's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no report format; there are {}", Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownFormat {
    /// What was asked for.
    pub name: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

/// Writes a report. `rules` are those of the scan: reports take descriptions and advice from them.
///
/// Errors are those of `out`.
pub fn write(
    format: Format,
    report: &Report,
    rules: &RuleSet,
    options: &ReportOptions,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    // Serializers write a few bytes at a time.
    let mut out = io::BufWriter::new(out);
    match format {
        Format::Text => text::write(report, rules, options, &mut out)?,
        Format::Json => json::write(report, options, &mut out)?,
        Format::Jsonl => jsonl::write(report, options, &mut out)?,
        Format::Sarif => sarif::write(sarif::Profile::Tree, report, rules, options, &mut out)?,
        Format::SarifHistory => sarif::write(sarif::Profile::History, report, rules, options, &mut out)?,
        Format::SarifFull => sarif::write(sarif::Profile::Full, report, rules, options, &mut out)?,
    }
    io::Write::flush(&mut out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_unknown_ones_are_answered_with_the_list() {
        for &format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "xml".parse::<Format>().expect_err("no format is called so").to_string();
        assert_eq!(error, "`xml` is no report format; there are text, json, jsonl, sarif, sarif:history, sarif:full");
    }

    #[test]
    fn endings_ask_for_formats() {
        assert_eq!(Format::from_path(Path::new("out/a.JSON")), Some(Format::Json));
        assert_eq!(Format::from_path(Path::new("a.ndjson")), Some(Format::Jsonl));
        assert_eq!(Format::from_path(Path::new("a.b.sarif")), Some(Format::Sarif));
        assert_eq!(Format::from_path(Path::new("json")), None);
        assert_eq!(Format::from_path(Path::new("a.html")), None);
    }
}
