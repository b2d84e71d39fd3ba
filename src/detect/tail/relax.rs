//! A regex that matches a little more and has a much smaller automaton. Takes a HIR, gives one that matches whatever the
//! first does; must never give one that matches less.
//!
//! Rules count: names of up to thirty characters, values of exactly forty. Each count is a row of states, the states of the
//! deterministic automaton are sets of places in these rows, and building them is most of what a short scan would do. But
//! names and values end by themselves, long before their counts do.

use regex_syntax::hir::{Class, ClassBytesRange, Hir, HirKind, Repetition};

/// Bytes of a class that ends by itself: letters, digits and some punctuation, not whatever is no quote.
const NARROW: usize = 80;

/// A longer run is as good as this one.
const LONGEST: u32 = 12;

/// The regex without the counts that do not matter. With `wide`, those of all classes go: for a regex of which something else
/// is asked beside its automaton.
pub fn relaxed(hir: &Hir, wide: bool) -> Hir {
    let relaxed = |hir| relaxed(hir, wide);
    match hir.kind() {
        HirKind::Repetition(repetition) if is_class(&repetition.sub, wide) => Hir::repetition(Repetition {
            min: repetition.min.min(LONGEST),
            max: if repetition.max == Some(1) { Some(1) } else { None },
            ..repetition.clone()
        }),
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(relaxed(&repetition.sub)), ..repetition.clone() })
        }
        HirKind::Capture(capture) => relaxed(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(relaxed).collect()),
        HirKind::Alternation(branches) => Hir::alternation(branches.iter().map(relaxed).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}

/// Whether this is a class, and a narrow one unless `wide`.
fn is_class(hir: &Hir, wide: bool) -> bool {
    let HirKind::Class(Class::Bytes(class)) = hir.kind() else { return false };
    wide || class.ranges().iter().map(ClassBytesRange::len).sum::<usize>() <= NARROW
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn counts_of_narrow_classes_go_and_others_stay() {
        let relaxed = |pattern: &str| relaxed(&parse(pattern).unwrap(), false);
        assert_eq!(relaxed(r"key[a-z]{0,30}=[0-9a-f]{32}"), parse(r"key[a-z]*=[0-9a-f]{12,}").unwrap());
        assert_eq!(relaxed(r"(?:key[_-]?){1,3}[^;]{0,80}"), parse(r"(?:key[_-]?){1,3}[^;]{0,80}").unwrap());
        assert_eq!(relaxed(r"a(?<secret>[0-9]{4})|b"), parse(r"a[0-9]{4,}|b").unwrap());
        assert_eq!(super::relaxed(&parse("x[^;]{0,80}y").unwrap(), true), parse("x[^;]*y").unwrap());
    }
}
