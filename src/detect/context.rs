//! The neighbourhood of a match. Takes the text and a span, gives whole lines around it, cut in bytes.

use super::Context;
use crate::rule::Rule;
use crate::span::Span;

/// Most bytes of context on either side of a match. Enough for the longest line people write; what a rule asks of the
/// lines around is cut there.
pub const CONTEXT: usize = 512;

/// The same for rules with conditions on more lines than are kept.
pub const WIDE_CONTEXT: usize = 8 << 10;

/// Lines of context on either side, at least.
pub const CONTEXT_LINES: usize = 3;

/// How many lines around a match the conditions of its rule look at.
pub fn reach(rule: &Rule) -> Option<usize> {
    let near = rule.near.iter().chain(&rule.not_near).map(|near| near.lines);
    near.chain([rule.unless_lines]).max().map(usize::from)
}

/// What is kept of the neighbourhood of a match.
pub fn context_of(text: &[u8], span: Span) -> Context {
    around(text, span, CONTEXT_LINES, CONTEXT)
}

/// Whole lines around a span, cut in bytes.
pub fn around(text: &[u8], span: Span, lines: usize, bytes: usize) -> Context {
    let low = span.start.saturating_sub(bytes);
    let start = memchr::memrchr_iter(b'\n', &text[low..span.start]).nth(lines).map_or(low, |newline| low + newline + 1);
    let shown_end = span.end.min(span.start + bytes);
    let high = text.len().min(shown_end + bytes);
    let end = memchr::memchr_iter(b'\n', &text[shown_end..high]).nth(lines).map_or(high, |newline| shown_end + newline);
    Context { bytes: text[start..end].into(), start: span.start - start, end: shown_end - start }
}
