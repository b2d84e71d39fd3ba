//! What every match must have somewhere: a run of so many bytes of one class. Takes a regex, gives the run that is rarest in
//! source text; must never give one that a match can lack.
//!
//! Tokens are long and made of few letters, text is not: in a stretch of a hundred bytes, a look at every fortieth shows that
//! forty hex digits in a row are not there.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::bytes::ByteSet;
use crate::rule::frequency::surprise;
use crate::span::Span;

/// Least rarity that makes a run worth looking for, in bits.
const WORTH: f32 = 8.0;

/// A run that every match contains.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    class: ByteSet,
    len: usize,
}

impl Run {
    /// The rarest run that a regex requires, if one is worth it.
    pub fn of(hir: &Hir) -> Option<Self> {
        let mut parts = Vec::new();
        flatten(hir, &mut parts);
        let mut best: Option<(f32, Self)> = None;
        // Neighbouring parts are one run of all their bytes.
        for first in 0..parts.len() {
            let mut run = Self { class: ByteSet::default(), len: 0 };
            for part in &parts[first..] {
                run.class.join(part.class);
                run.len += part.len;
                let rarity = run.len as f32 * run.class.surprise();
                if rarity >= WORTH && best.as_ref().is_none_or(|(most, _)| rarity > *most) {
                    best = Some((rarity, run.clone()));
                }
            }
        }
        best.map(|(_, run)| run)
    }

    /// Whether a part of a text holds such a run.
    pub fn is_in(&self, text: &[u8], part: Span) -> bool {
        let mut start = part.start;
        while start + self.len <= part.end {
            // A run that begins here or later must cover this byte; the last one of it that is not in the class rules out all
            // that begin before it.
            let stretch = &text[start..start + self.len];
            match stretch.iter().rposition(|&byte| !self.class.contains(byte)) {
                Some(outside) => start += outside + 1,
                None => return true,
            }
        }
        false
    }
}

impl ByteSet {
    fn join(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    /// How much it tells that a byte of source text is in the set, in bits.
    fn surprise(&self) -> f32 {
        let share =
            |byte: u8| (-(surprise(&[byte]) as f32) / 8.0).exp2() / if byte.is_ascii_alphabetic() { 2.0 } else { 1.0 };
        let inside: f32 = (0..=u8::MAX).filter(|&byte| self.contains(byte)).map(share).sum();
        -inside.clamp(1e-6, 1.0).log2()
    }
}

/// The parts of a match in their order, each as all bytes that it can have and how many it has at least.
fn flatten(hir: &Hir, parts: &mut Vec<Run>) {
    match hir.kind() {
        HirKind::Concat(all) => all.iter().for_each(|part| flatten(part, parts)),
        HirKind::Capture(capture) => flatten(&capture.sub, parts),
        HirKind::Look(_) | HirKind::Empty => {}
        _ => {
            let mut class = ByteSet::default();
            alphabet(hir, &mut class);
            parts.push(Run { class, len: hir.properties().minimum_len().unwrap_or(0) });
        }
    }
}

/// All bytes that a match of it can have.
fn alphabet(hir: &Hir, class: &mut ByteSet) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => literal.0.iter().for_each(|&byte| class.insert(byte)),
        HirKind::Class(Class::Bytes(bytes)) => {
            bytes.ranges().iter().for_each(|range| (range.start()..=range.end()).for_each(|byte| class.insert(byte)));
        }
        HirKind::Class(Class::Unicode(_)) => class.join(ByteSet::ALL),
        HirKind::Repetition(repetition) => alphabet(&repetition.sub, class),
        HirKind::Capture(capture) => alphabet(&capture.sub, class),
        HirKind::Concat(all) | HirKind::Alternation(all) => all.iter().for_each(|part| alphabet(part, class)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pattern: &str) -> Option<Run> {
        let parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
        Run::of(&parser.expect("the pattern is well formed"))
    }

    #[test]
    fn the_token_is_the_run() {
        let found = run(r"(?i:acme)[\s\S]{0,60}?\b(?<secret>[a-f0-9]{32})\b").expect("it has one");
        assert_eq!(found.len, 32);
        let text = b"acme: 0123456789abcdef0123456789abcde, 0123456789abcdef0123456789abcdef";
        assert!(found.is_in(text, Span::new(0, text.len())));
        assert!(!found.is_in(text, Span::new(0, text.len() - 1)));
        assert!(!found.is_in(text, Span::new(0, 20)));
    }

    #[test]
    fn what_a_match_can_lack_is_no_run() {
        assert_eq!(run("key=(?:[a-f0-9]{32})?"), run("key="));
        let either = run("key=(?:[a-f0-9]{32}|[x-z]{20})").expect("both branches are long");
        assert!(either.is_in(b"key=zzzzzzzzzzzzzzzzzzzz", Span::new(0, 24)));
    }
}
