//! Errors in pattern files. Takes a message and where it is, gives text with the line marked; must never quote more of a
//! file than the lines around the error.

use std::fmt;
use std::ops::Range;

/// Something a pattern file's author must mend, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The file as it was named.
    pub file: String,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// Column of the first byte in bytes, from 1.
    pub column: u32,
    /// Bytes of the file that are wrong.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// A place in a pattern file, kept for errors that are only known once all files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
    /// Bytes of the file.
    pub span: Range<usize>,
}

impl Place {
    /// The place of `span` in `text`.
    #[must_use]
    pub fn new(file: &str, text: &str, span: Range<usize>) -> Self {
        let before = &text.as_bytes()[..span.start.min(text.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        let line = before.split(|&b| b == b'\n').count();
        Self { file: file.to_owned(), line: line as u32, column: (before.len() - line_start + 1) as u32, span }
    }

    /// An error at this place.
    #[must_use]
    pub fn error(&self, message: impl Into<String>, help: Option<String>) -> RuleError {
        RuleError {
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            span: self.span.clone(),
            message: message.into(),
            help,
        }
    }
}

/// One line, as compilers write it: `file:line:column: message`.
impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RuleError {}

impl RuleError {
    /// The error with its line of `text` (the file's content) and a mark under it, without colours.
    #[must_use]
    pub fn render(&self, text: &str) -> String {
        use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
        let start = floor_boundary(text, self.span.start);
        let end = floor_boundary(text, self.span.end).max(start);
        let snippet =
            Snippet::source(text).path(self.file.as_str()).annotation(AnnotationKind::Primary.span(start..end));
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        format!("{}\n", Renderer::plain().render(&[group]))
    }
}

/// The largest character boundary of `text` that is not behind `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// The word of `known` that `word` was most likely meant to be.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .min()
        .filter(|&(distance, candidate)| distance <= 1.max(candidate.len() / 3))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in bytes, a swap of neighbours counted as one edit.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_in_bytes() {
        let text = "a\nbé = c\n";
        let place = Place::new("f.toml", text, 7..8);
        assert_eq!((place.line, place.column), (2, 6));
        let end = Place::new("f.toml", text, text.len()..text.len());
        assert_eq!((end.line, end.column), (3, 1));
    }

    #[test]
    fn suggests_the_nearest_word_only_if_it_is_near() {
        let known = ["severity", "references", "regex", "requires"];
        assert_eq!(did_you_mean("severty", known), Some("severity"));
        assert_eq!(did_you_mean("reegx", known), Some("regex"));
        assert_eq!(did_you_mean("colour", known), None);
    }

    #[test]
    fn the_renderer_marks_the_span() {
        let text = "[[rule]]\nid = \"x\"\n";
        let error = Place::new("f.toml", text, 14..17).error("bad id", Some("write a slug".to_owned()));
        let shown = error.render(text);
        assert!(
            shown.contains("f.toml:2:6") && shown.contains("^^^") && shown.contains("help: write a slug"),
            "{shown}"
        );
    }
}
