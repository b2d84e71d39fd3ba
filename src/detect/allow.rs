//! `sekisho:allow [rule] [-- reason]` in the text. Takes the lines around a match, gives the allow that covers it.

use memchr::memmem;

use super::InlineAllow;

const MARK: &[u8] = b"sekisho:allow";

/// The allow on one of the match's own lines, or alone on the line above.
///
/// `before` is the line above the match, `own` the lines that the match touches.
pub fn covering(before: &[u8], own: &[u8]) -> Option<InlineAllow> {
    own.split(|&b| b == b'\n').find_map(parse).or_else(|| {
        let (start, end) = (before.iter().position(u8::is_ascii_alphanumeric)?, before);
        // A line that holds code as well as the mark speaks for its own matches only.
        end[start..].starts_with(MARK).then(|| parse(before)).flatten()
    })
}

fn parse(line: &[u8]) -> Option<InlineAllow> {
    let at = memmem::find(line, MARK)?;
    let rest = &line[at + MARK.len()..];
    // `sekisho:allowed` is a word, not the mark.
    if rest.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_') {
        return None;
    }
    let rest = String::from_utf8_lossy(rest);
    // `-->` closes a comment of HTML and opens no reason.
    let dashes = rest.match_indices("--").find(|&(at, _)| !rest[at + 2..].starts_with('>')).map(|(at, _)| at);
    let (head, reason) = dashes.map_or((&*rest, None), |at| (&rest[..at], Some(&rest[at + 2..])));
    let is_rule = |word: &&str| {
        word.contains('.')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*' | '?' | '_'))
    };
    let rule = head.split_whitespace().next().filter(is_rule).map(str::to_owned);
    let reason = reason.map(|text| strip_comment_end(text).to_owned()).filter(|text| !text.is_empty());
    Some(InlineAllow { rule, reason })
}

/// The reason without the comment's own closing mark.
fn strip_comment_end(text: &str) -> &str {
    let text = text.trim();
    ["*/", "-->", "--", "%>", "#}", "}}", "*)"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(before: &[u8], own: &[u8]) -> Option<(Option<String>, Option<String>)> {
        covering(before, own).map(|allow| (allow.rule, allow.reason))
    }

    fn owned(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn the_mark_is_read_with_rule_and_reason() {
        assert_eq!(read(b"", b"k = 1 # sekisho:allow"), Some((None, None)));
        let both = Some((Some(owned("github.pat")), Some(owned("revoked"))));
        assert_eq!(read(b"", b"k = 1 # sekisho:allow github.pat -- revoked"), both);
        assert_eq!(read(b"", b"/* sekisho:allow -- a sample */"), Some((None, Some(owned("a sample")))));
        assert_eq!(read(b"", b"<!-- sekisho:allow slack.* -->"), Some((Some(owned("slack.*")), None)));
        assert_eq!(read(b"", b"x sekisho:allowed"), None);
    }

    #[test]
    fn the_line_above_counts_only_if_it_holds_nothing_else() {
        assert_eq!(read(b"  // sekisho:allow -- test", b"k = 1"), Some((None, Some(owned("test")))));
        assert_eq!(read(b"a = 2 // sekisho:allow", b"k = 1"), None);
    }
}
