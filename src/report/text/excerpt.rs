//! One line of source with what is marked in it. Takes a masked line and a range of its characters, gives the columns to
//! show; must never give a control character or more than the width asked for.

use unicode_width::UnicodeWidthChar as _;

use crate::report::escape::{is_hostile, push_visible};

/// Columns that a tab takes. Tab stops would depend on where the line is cut.
const TAB: usize = 4;

/// A line as a terminal shows it, with the columns under which the marks go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The shown text.
    pub(super) text: String,
    /// Columns before the first mark.
    pub(super) before: usize,
    /// Columns that are marked; at least one.
    pub(super) marked: usize,
}

/// A character as it is shown.
struct Cell {
    shown: String,
    /// Columns in the terminal.
    columns: usize,
    /// What it counts towards the width: characters of no column count too, or a line of combining marks had no end.
    cost: usize,
}

fn cell(c: char) -> Cell {
    if c == '\t' {
        return Cell { shown: " ".repeat(TAB), columns: TAB, cost: TAB };
    }
    let mut shown = String::new();
    push_visible(&mut shown, c);
    let columns = if is_hostile(c) { shown.len() } else { c.width().unwrap_or(0) };
    Cell { shown, columns, cost: columns.max(1) }
}

/// Shows the characters of `line` around `mark`, a range of character positions, in at most `width` columns.
///
/// A line that is too long is cut on both sides, so that a third of what is left stands before the mark.
pub(super) fn excerpt(line: &str, mark: std::ops::Range<usize>, width: usize) -> Excerpt {
    let cells: Vec<Cell> = line.trim_end_matches(['\r', '\n']).chars().map(cell).collect();
    let mark = mark.start.min(cells.len())..mark.end.min(cells.len());
    let (start, end) = window(&cells, &mark, width.max(8));
    let columns = |range: std::ops::Range<usize>| cells[range].iter().map(|cell| cell.columns).sum::<usize>();

    let mut text = String::new();
    if start > 0 {
        text.push('…');
    }
    text.extend(cells[start..end].iter().map(|cell| cell.shown.as_str()));
    if end < cells.len() {
        text.push('…');
    }
    let mark_end = mark.end.clamp(mark.start, end.max(mark.start));
    Excerpt {
        before: usize::from(start > 0) + columns(start..mark.start),
        marked: columns(mark.start..mark_end).max(1),
        text,
    }
}

/// The cells to show, with `mark.start` among them or right behind.
fn window(cells: &[Cell], mark: &std::ops::Range<usize>, width: usize) -> (usize, usize) {
    let cost = |range: std::ops::Range<usize>| cells[range].iter().map(|cell| cell.cost).sum::<usize>();
    if cost(0..cells.len()) <= width {
        return (0, cells.len());
    }
    // Room for the two signs of a cut.
    let width = width - 2;
    let room_before = width.saturating_sub(cost(mark.clone())) / 3;
    let mut start = mark.start;
    let mut used = 0;
    while start > 0 && used + cells[start - 1].cost <= room_before {
        start -= 1;
        used += cells[start].cost;
    }
    let mut end = start;
    let mut used = 0;
    while end < cells.len() && used + cells[end].cost <= width {
        used += cells[end].cost;
        end += 1;
    }
    // A mark near the end of the line leaves room that the start can have.
    while start > 0 && end == cells.len() && used + cells[start - 1].cost <= width {
        start -= 1;
        used += cells[start].cost;
    }
    (start, end.max(mark.start))
}

/// The characters of `line` that `needle` takes, at the place nearest to `near`, a position in characters.
pub(super) fn find_nearest(line: &str, needle: &str, near: usize) -> Option<std::ops::Range<usize>> {
    if needle.is_empty() {
        return None;
    }
    let length = needle.chars().count();
    let (mut chars_before, mut bytes_before) = (0, 0);
    let mut best: Option<usize> = None;
    for (at, _) in line.match_indices(needle) {
        chars_before += line[bytes_before..at].chars().count();
        bytes_before = at;
        if best.is_none_or(|best| chars_before.abs_diff(near) < best.abs_diff(near)) {
            best = Some(chars_before);
        }
    }
    best.map(|start| start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, mark: std::ops::Range<usize>, width: usize) -> String {
        let excerpt = excerpt(line, mark, width);
        format!("{}\n{}{}", excerpt.text, " ".repeat(excerpt.before), "^".repeat(excerpt.marked))
    }

    #[test]
    fn short_lines_are_whole() {
        assert_eq!(shown("key = ab****yz;\r", 6..14, 80), "key = ab****yz;\n      ^^^^^^^^");
        assert_eq!(shown("", 0..0, 80), "\n^");
    }

    #[test]
    fn tabs_wide_and_hostile_characters_keep_the_marks_in_place() {
        assert_eq!(shown("\tx", 1..2, 80), "    x\n    ^");
        assert_eq!(shown("関所 x", 3..4, 80), "関所 x\n     ^");
        assert_eq!(shown("a\u{1b}x", 2..3, 80), "a\\u{1b}x\n       ^");
        assert_eq!(shown("e\u{301}x", 2..3, 80), "e\u{301}x\n ^");
    }

    #[test]
    fn long_lines_are_cut_on_both_sides() {
        let line = format!("{}KEY{}", "a".repeat(1000), "b".repeat(1000));
        assert_eq!(shown(&line, 1000..1003, 20), "…aaaaaKEYbbbbbbbbbb…\n      ^^^");
        let line = format!("{}KEY", "a".repeat(1000));
        assert_eq!(shown(&line, 1000..1003, 20), "…aaaaaaaaaaaaaaaKEY\n                ^^^");
        let line = format!("KEY{}", "b".repeat(1000));
        assert_eq!(shown(&line, 0..3, 20), "KEYbbbbbbbbbbbbbbb…\n^^^");
        let line = "k".repeat(1000);
        assert_eq!(shown(&line, 2..1000, 12), "…kkkkkkkkkk…\n ^^^^^^^^^^");
    }

    #[test]
    fn the_nearest_of_equal_masks_is_marked() {
        assert_eq!(find_nearest("a=**** b=****", "****", 9), Some(9..13));
        assert_eq!(find_nearest("ä=**** b=****", "****", 3), Some(2..6));
        assert_eq!(find_nearest("a", "****", 0), None);
        assert_eq!(find_nearest("a", "", 0), None);
    }

    proptest::proptest! {
        #[test]
        fn the_excerpt_fits_and_holds_the_mark(
            line in "(\\PC|\t|\u{1b}|\u{301}){0,60}", start in 0_usize..70, length in 0_usize..40, width in 8_usize..90,
        ) {
            let cut = excerpt(&line, start..start + length, width);
            let columns: usize = cut.text.chars().map(|c| c.width().unwrap_or(0)).sum();
            // Only an escaped character right at the mark may stand over.
            proptest::prop_assert!(columns <= width + 10, "{cut:?}");
            proptest::prop_assert!(cut.before <= columns, "{cut:?}");
            proptest::prop_assert!(!cut.text.contains(is_hostile));
        }
    }
}
