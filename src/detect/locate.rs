//! Lines and columns. Takes the text that was searched and spans in ascending order, gives [`Location`]s; reads the text
//! once, whatever the number of spans.

use memchr::{memchr, memchr_iter, memrchr};

use crate::span::{Location, Span};

/// Walks forward through a text and counts lines.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u32,
}

impl<'t> Lines<'t> {
    /// Starts at the first line.
    #[must_use]
    pub const fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The location of a span. Spans must come in ascending order of their start.
    pub fn locate(&mut self, span: Span) -> Location {
        let line = self.advance(span.start);
        let inner = memchr_iter(b'\n', &self.text[span.start..last_byte(span)]).count() as u32;
        let (start, end) = (line_start(self.text, span.start), line_start(self.text, last_byte(span)));
        Location {
            line,
            column: column(span.start - start),
            end_line: line + inner,
            end_column: column(span.end - end),
            column_utf16: utf16_column(&self.text[start..span.start]),
            end_column_utf16: utf16_column(&self.text[end..span.end]),
        }
    }

    fn advance(&mut self, to: usize) -> u32 {
        debug_assert!(to >= self.at, "spans come in ascending order");
        self.line += memchr_iter(b'\n', &self.text[self.at..to]).count() as u32;
        self.at = to;
        self.line
    }
}

/// Offset of the last byte of a span (its start, if it is empty): a span that ends with a newline ends in that line.
fn last_byte(span: Span) -> usize {
    span.end.saturating_sub(1).max(span.start)
}

fn column(bytes: usize) -> u32 {
    u32::try_from(bytes + 1).unwrap_or(u32::MAX)
}

/// Column after `before`, in UTF-16 units of the lossily decoded line.
fn utf16_column(before: &[u8]) -> u32 {
    if before.is_ascii() {
        return column(before.len());
    }
    let units = |part: &str| part.chars().map(char::len_utf16).sum::<usize>();
    column(before.utf8_chunks().map(|chunk| units(chunk.valid()) + usize::from(!chunk.invalid().is_empty())).sum())
}

/// Offset of the first byte of the line that holds `at`.
#[must_use]
pub fn line_start(text: &[u8], at: usize) -> usize {
    memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1)
}

/// Offset after the last byte of the line that holds `at`, its line end not counted.
#[must_use]
pub fn line_end(text: &[u8], at: usize) -> usize {
    memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_bytes_and_utf16_units() {
        let text = "a\r\né😀key\nlast".as_bytes();
        let at = 3 + 2 + 4;
        let mut lines = Lines::new(text);
        let location = lines.locate(Span::new(at, at + 3));
        assert_eq!((location.line, location.column, location.end_column), (2, 7, 10));
        assert_eq!((location.column_utf16, location.end_column_utf16), (4, 7));
        let last = lines.locate(Span::new(text.len() - 4, text.len()));
        assert_eq!((last.line, last.column, last.end_line, last.end_column), (3, 1, 3, 5));
    }

    #[test]
    fn a_span_over_lines_ends_where_its_last_byte_stands() {
        let location = Lines::new(b"x BEGIN\nabc\nEND\n").locate(Span::new(2, 15));
        assert_eq!((location.line, location.column, location.end_line, location.end_column), (1, 3, 3, 4));
    }
}
