//! The lines of a match as people may see them. Takes the text and all secrets in it; must never let one through.

use super::locate::{line_end, line_start};
use crate::secret::Secret;
use crate::span::Span;

/// Most bytes shown on either side of a match: the rest of a minified line is cut, with a mark.
const REACH: usize = 160;

/// All secrets of one text.
#[derive(Debug)]
pub struct Mask {
    /// By span.
    secrets: Vec<(Span, Secret)>,
    longest: usize,
}

impl Mask {
    /// Takes spans in ascending order, each with the bytes whose mask stands for it.
    #[must_use]
    pub fn new(secrets: Vec<(Span, Secret)>) -> Self {
        let longest = secrets.iter().map(|(span, _)| span.len()).max().unwrap_or_default();
        Self { secrets, longest }
    }

    /// The first line of the span with every secret in it masked. Further lines of a long secret are never shown.
    #[must_use]
    pub fn line(&self, text: &[u8], span: Span) -> String {
        masked(text, span, self)
    }
}

fn masked(text: &[u8], span: Span, mask: &Mask) -> String {
    let secrets = &mask.secrets;
    let (line_from, line_to) = (line_start(text, span.start), line_end(text, span.start));
    let from = line_from.max(span.start.saturating_sub(REACH));
    let to = line_to.min(span.end.max(span.start) + REACH).max(span.start);
    let mut out = String::new();
    if from > line_from {
        out.push('…');
    }
    let mut at = from;
    // Secrets that overlap are masked as one: the first one's mask stands for all.
    let first = secrets.partition_point(|(other, _)| other.start < from.saturating_sub(mask.longest));
    for (other, secret) in secrets[first..].iter().take_while(|(other, _)| other.start < to) {
        if other.end <= at {
            continue;
        }
        if other.start >= at {
            out.push_str(&String::from_utf8_lossy(&text[at..other.start]));
            out.push_str(&secret.masked());
        } else if at == from {
            out.push_str("****");
        }
        at = other.end;
    }
    if at < to {
        out.push_str(&String::from_utf8_lossy(&text[at..to]));
    }
    if to < line_to && at < line_to {
        out.push('…');
    }
    out.trim_end_matches('\r').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, needles: &[&str], of: usize) -> String {
        let mut spans: Vec<_> = needles
            .iter()
            .map(|needle| {
                let start = text.find(needle).expect("the needle is there");
                (Span::new(start, start + needle.len()), Secret::new(needle.as_bytes()))
            })
            .collect();
        let span = spans[of].0;
        spans.sort_by_key(|(span, _)| *span);
        Mask::new(spans).line(text.as_bytes(), span)
    }

    #[test]
    fn every_secret_of_the_line_is_masked() {
        let text = "a\nuser=abcdefgh12345678 pw=ijklmnop12345678\r\nb";
        let shown = show(text, &["abcdefgh12345678", "ijklmnop12345678"], 1);
        assert_eq!(shown, "user=ab****78 pw=ij****78");
    }

    #[test]
    fn overlapping_secrets_leave_no_rest() {
        let shown = show("k=abcdefgh12345678-tail end", &["abcdefgh12345678", "gh12345678-tail"], 0);
        assert_eq!(shown, "k=ab****78 end");
    }

    #[test]
    fn long_lines_are_cut_and_long_secrets_show_one_line() {
        let text = format!("{}k=abcdefgh12345678{}", "x".repeat(900), "y".repeat(900));
        let shown = show(&text, &["abcdefgh12345678"], 0);
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.len() < 400, "{shown}");
        let key = "-----BEGIN X-----\nabc\n-----END X-----";
        assert_eq!(show(&format!("key: {key}\nrest"), &[key], 0), "key: -----BEGIN X----- ****");
    }

    #[test]
    fn a_secret_that_began_before_the_cut_is_not_shown() {
        let secret = "s".repeat(1000);
        let text = format!("{secret} k=abcdefgh12345678");
        let spans = vec![
            (Span::new(0, 1000), Secret::new(secret.as_bytes())),
            (Span::new(1003, 1019), Secret::new(*b"abcdefgh12345678")),
        ];
        let shown = Mask::new(spans).line(text.as_bytes(), Span::new(1003, 1019));
        assert!(!shown.contains("ssss"), "{shown}");
    }
}
