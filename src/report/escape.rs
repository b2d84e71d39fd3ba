//! Text of a scanned repository made safe to show. Takes any string, gives one that cannot move a cursor, hide or reorder
//! what stands beside it; must never let a control character through.

use std::borrow::Cow;

/// Whether a character must not reach a terminal as it is: controls, line separators, and what is invisible or reorders
/// its neighbours (bidi, zero-width, tags, variation selectors beyond the common ones).
pub(super) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The string with hostile characters as `\u{202e}`.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push_visible(&mut shown, c);
    }
    Cow::Owned(shown)
}

/// Appends one character, escaped if it is hostile.
pub(super) fn push_visible(shown: &mut String, c: char) {
    if is_hostile(c) {
        shown.extend(c.escape_unicode());
    } else {
        shown.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_are_spelled_out() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\u{200b}\r\n"), r"a\u{1b}[31m\u{202e}b\u{200b}\u{d}\u{a}");
        assert_eq!(visible("\u{9b}c"), r"\u{9b}c");
    }

    #[test]
    fn ordinary_text_of_any_script_stays() {
        for text in ["über", "関所", "naïve e\u{301}", "ключ", "😀", "a b"] {
            assert!(matches!(visible(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
