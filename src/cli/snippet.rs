//! A mistake in a file, shown with the line it stands in. Takes the file's text and a span, gives a few lines for a
//! terminal; must never let the file's own bytes reach the terminal unescaped.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::terminal;

/// `error: message`, then `file:line:column` and the line with the span underlined, then `help: ...`.
///
/// `span` is in bytes of `text`; a span that is out of range or splits a character is moved to where it can be shown.
#[must_use]
pub fn render(file: &str, text: &str, span: Range<usize>, message: &str, help: Option<&str>, color: bool) -> String {
    let start = floor(text, span.start);
    let end = ceil(text, span.end.max(start));
    // Only the first line of the mistake is underlined: whole tables are too much.
    let end = text[start..end].find(['\r', '\n']).map_or(end, |at| start + at);
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let to = text[end..].find('\n').map_or(text.len(), |at| end + at);

    let before = terminal::escape_lines(&text[from..start]);
    let inside = terminal::escape_lines(&text[start..end]);
    let after = terminal::escape_lines(text[end..to].trim_end_matches('\r'));
    let shown = format!("{before}{inside}{after}");
    let marked = before.len()..before.len() + inside.len();
    let line = 1 + text[..from].bytes().filter(|&byte| byte == b'\n').count();

    let name = terminal::escape(file);
    let message = terminal::escape_lines(message);
    let mut group = Level::ERROR.primary_title(message.as_ref()).element(
        Snippet::source(shown.as_str())
            .path(name.as_ref())
            .line_start(line)
            .annotation(AnnotationKind::Primary.span(marked)),
    );
    let help = help.map(terminal::escape_lines);
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_ref()));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The nearest character boundary at or after `at`.
fn ceil(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_shown_with_its_number_and_the_span_underlined() {
        let text = "[scan]\nhistroy = \"none\"\n";
        let shown = render("a.toml", text, 7..14, "unknown key `histroy`", Some("did you mean `history`?"), false);
        assert!(shown.starts_with("error: unknown key `histroy`\n"), "{shown}");
        assert!(shown.contains("--> a.toml:2:1"), "{shown}");
        assert!(shown.contains("2 | histroy = \"none\"\n  | ^^^^^^^"), "{shown}");
        assert!(shown.contains("help: did you mean `history`?"), "{shown}");
    }

    #[test]
    fn spans_that_cannot_be_shown_do_no_harm() {
        for (text, span) in [("", 0..9), ("é", 1..1), ("a\r\nb", 0..4), ("\u{1b}[2Jx\n", 0..5)] {
            let shown = render("a\u{202e}.toml", text, span, "bad", None, false);
            assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
            assert!(shown.contains("bad"), "{shown}");
        }
        let long = "x".repeat(100_000);
        let shown = render("a.toml", &long, 50_000..50_003, "bad", None, false);
        assert!(shown.len() < 4_000, "a long line is cut: {} bytes", shown.len());
    }
}
