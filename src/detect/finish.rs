//! From matches in a text to what others see of them. Takes a text and all matches in it, gives lines and columns, inline
//! allows, masked lines and joined parts.

use super::allow;
use super::context::CONTEXT;
use super::locate::{Lines, line_end, line_start};
use super::remember::Found;
use super::snippet::Mask;
use super::{Evidence, Match, parts};
use crate::rule::{RuleIndex, RuleSet};
use crate::secret::Secret;
use crate::span::Span;

/// Gives matches their places. Takes them by span.
pub fn finish(rules: &RuleSet, honour_inline: bool, text: &[u8], found: &[&Found]) -> Vec<Match> {
    let mut lines = Lines::new(text);
    let shown = |found: &Found| {
        let raw = &found.raw;
        if raw.decoded_from.is_empty() { raw.secret.clone() } else { Secret::new(&text[found.span.range()]) }
    };
    let credentials = found.iter().filter(|found| rules.rules[found.raw.rule].credential().is_some());
    let mask = Mask::new(credentials.map(|found| (found.span, shown(found))).collect());
    let mut matches: Vec<Match> = Vec::with_capacity(found.len());
    for found in found {
        let (span, raw) = (found.span, &found.raw);
        let location = lines.locate(span);
        let (start, end) = (line_start(text, span.start), line_end(text, span.end.saturating_sub(1)));
        let above = if start == 0 { &[][..] } else { &text[line_start(text, start - 1)..start - 1] };
        let allowed =
            if honour_inline { allow::covering(clip_start(above), clip(text, start, end, span)) } else { None };
        matches.push(Match {
            rule: RuleIndex(u32::try_from(raw.rule).expect("a rule set holds fewer than 2^32 rules")),
            span,
            location,
            secret: raw.secret.clone(),
            groups: raw.groups.clone(),
            decoded_from: raw.decoded_from.clone(),
            evidence: Evidence { checksum: raw.checksum, structure: None, parts: Vec::new() },
            context: raw.context.clone(),
            snippet: mask.line(text, span).into(),
            placeholder: raw.placeholder.clone(),
            allowed,
        });
    }
    parts::join(rules, &mut matches);
    matches
}

/// The lines of a match, as far as the context reaches: an allow comment kilobytes away on a minified line is not near.
fn clip(text: &[u8], start: usize, end: usize, span: Span) -> &[u8] {
    &text[start.max(span.start.saturating_sub(CONTEXT))..end.min(span.end + CONTEXT).max(span.end)]
}

fn clip_start(line: &[u8]) -> &[u8] {
    &line[..line.len().min(CONTEXT)]
}
