//! Local filters: what a match must pass before anybody hears of it. They see the match and its window only.

use super::Context;
use super::matcher::Compiled;
use crate::rule::Rule;

/// Whether the neighbourhood clears the match: an `unless` or `not-near` regex hits, or a `near` regex does not.
#[must_use]
pub fn cleared_by_context(rule: &Rule, compiled: &Compiled, context: &Context) -> bool {
    let hits = |regex: &regex_automata::meta::Regex, lines: u16| regex.is_match(lines_around(context, lines));
    compiled.unless.iter().any(|regex| hits(regex, rule.unless_lines))
        || compiled.not_near.iter().zip(&rule.not_near).any(|(regex, near)| hits(regex, near.lines))
        || compiled.near.iter().zip(&rule.near).any(|(regex, near)| !hits(regex, near.lines))
}

/// The match's own lines and so many on either side, as far as the context reaches.
fn lines_around(context: &Context, lines: u16) -> &[u8] {
    let bytes = &context.bytes;
    let newlines = |at: &mut dyn Iterator<Item = usize>| at.nth(usize::from(lines));
    let start = newlines(&mut memchr::memrchr_iter(b'\n', &bytes[..context.start])).map_or(0, |newline| newline + 1);
    let last = context.end.saturating_sub(1).max(context.start);
    let end = newlines(&mut memchr::memchr_iter(b'\n', &bytes[last..])).map_or(bytes.len(), |newline| last + newline);
    &bytes[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_around_a_match_are_counted_from_its_own() {
        let text = b"one\ntwo\nthree MATCH x\nfour\nfive\n";
        let start = text.iter().position(|&b| b == b'M').expect("it is there");
        let context = Context { bytes: text.as_slice().into(), start, end: start + 5 };
        assert_eq!(lines_around(&context, 0), b"three MATCH x");
        assert_eq!(lines_around(&context, 1), b"two\nthree MATCH x\nfour");
        assert_eq!(lines_around(&context, 9), text);
    }
}
