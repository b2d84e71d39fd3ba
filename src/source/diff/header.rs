//! Takes the header lines of a diff, gives paths, commits and ranges; must never fail on a header that it can leave out.

use crate::blob::{ObjectId, RepoPath};

/// The range of a hunk on the new side, and how many lines to expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Lines left of each old side; one in an ordinary diff, one for each parent in a combined one.
    pub(super) old_left: Vec<u32>,
    /// Lines left of the new side.
    pub(super) new_left: u32,
    /// Number of the next line of the new side.
    pub(super) number: u32,
}

/// Most parents of a merge that are understood; git itself makes no larger octopus.
const PARENTS: usize = 64;

impl Hunk {
    /// Reads `@@ -1,2 +3,4 @@` or, for a merge, `@@@ -1,2 -1,2 +3,4 @@@`. `None` if the line is neither.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let ats = line.iter().take_while(|&&b| b == b'@').count();
        if !(2..=PARENTS + 1).contains(&ats) || line.get(ats) != Some(&b' ') {
            return None;
        }
        let mut words = line[ats + 1..].splitn(ats + 2, |&b| b == b' ');
        let old_left = (1..ats)
            .map(|_| range(words.next()?.strip_prefix(b"-")?).map(|(_, count)| count))
            .collect::<Option<Vec<u32>>>()?;
        let (start, new_left) = range(words.next()?.strip_prefix(b"+")?)?;
        let closed = words.next().is_some_and(|word| word.len() == ats && word.iter().all(|&b| b == b'@'));
        (closed && start.checked_add(new_left).is_some()).then_some(Self { old_left, new_left, number: start })
    }

    pub(super) fn is_done(&self) -> bool {
        self.new_left == 0 && self.old_left.iter().all(|&left| left == 0)
    }
}

/// `start,count`, the count being 1 if it is left out.
fn range(text: &[u8]) -> Option<(u32, u32)> {
    let mut numbers = text.splitn(2, |&b| b == b',');
    let start = decimal(numbers.next()?)?;
    let count = numbers.next().map_or(Some(1), decimal)?;
    Some((start, count))
}

fn decimal(text: &[u8]) -> Option<u32> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

/// The commit that `commit <id>` (`git log`) or `From <id> <date>` (`git format-patch`) names.
///
/// Prose such as "commit <id> upstream" is none.
pub(super) fn commit(line: &[u8]) -> Option<ObjectId> {
    let (id, rest, is_log) = match (line.strip_prefix(b"commit "), line.strip_prefix(b"From ")) {
        (Some(rest), _) => (hex_prefix(rest), rest, true),
        (_, Some(rest)) => (hex_prefix(rest), rest, false),
        _ => return None,
    };
    let after = &rest[id.len()..];
    let ends = if is_log {
        after.is_empty() || after.starts_with(b" (") || hex_prefix(after.trim_ascii_start()).len() >= 40
    } else {
        after.starts_with(b" ")
    };
    if ends { ObjectId::from_hex(id).ok() } else { None }
}

fn hex_prefix(text: &[u8]) -> &[u8] {
    &text[..text.iter().take_while(|b| b.is_ascii_hexdigit()).count()]
}

/// The names in one file's headers.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// The rest of the `diff --git ` line.
    pub(super) git: Option<Vec<u8>>,
    /// The rest of the `diff --cc ` or `diff --combined ` line.
    pub(super) combined: Option<Vec<u8>>,
    /// From `rename to` and `copy to`: exact.
    pub(super) target: Option<Vec<u8>>,
    /// From the line with `---`.
    pub(super) old: Option<Vec<u8>>,
    /// From the line with `+++`.
    pub(super) new: Option<Vec<u8>>,
}

impl Names {
    /// The path on the new side; `None` if the file is deleted or nothing names it.
    pub(super) fn path(&self) -> Option<RepoPath> {
        if self.new.as_deref() == Some(b"/dev/null") {
            return None;
        }
        let path = self.target.clone().or_else(|| self.combined.clone()).or_else(|| self.unprefixed())?;
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        Some(RepoPath::new(path.strip_prefix(b"/").unwrap_or(path)))
    }

    /// git puts `a/` and `b/` (or `i/`, `w/`, `c/`, `o/`) before its paths unless it is told not to; then the two names on
    /// its `diff --git` line are the same.
    fn unprefixed(&self) -> Option<Vec<u8>> {
        let halves = self.git.as_deref().and_then(halves);
        if let (Some(new), Some((left, right))) = (&self.new, &halves) {
            return Some(if left == right { new.clone() } else { without_first(new) });
        }
        if let Some(new) = &self.new {
            let marked = |name: &[u8], letters: &[u8]| {
                name == b"/dev/null" || name.len() > 2 && letters.contains(&name[0]) && name[1] == b'/'
            };
            let has_prefix =
                self.git.is_some() || self.old.as_ref().is_some_and(|old| marked(old, b"acio")) && marked(new, b"bciw");
            return Some(if has_prefix { without_first(new) } else { new.clone() });
        }
        halves.map(|(left, right)| if left == right { right } else { without_first(&right) })
    }
}

/// The two names on a `diff --git` line. Blanks are not quoted there, so unquoted names are told apart by being the same
/// but for their prefix.
fn halves(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if line.starts_with(b"\"") || line.ends_with(b"\"") {
        let (left, rest) = if let Some((left, rest)) = unquote(line) {
            (left, rest.strip_prefix(b" ")?)
        } else {
            let at = memchr::memmem::find(line, b" \"")?;
            (line[..at].to_vec(), &line[at + 1..])
        };
        let right = unquote(rest).map_or_else(|| rest.to_vec(), |(right, _)| right);
        return Some((left, right));
    }
    let middle = line.len() / 2;
    let (left, right) = (line.get(..middle)?, line.get(middle + 1..)?);
    let same = line.get(middle) == Some(&b' ') && (left == right || without_first(left) == without_first(right));
    same.then(|| (left.to_vec(), right.to_vec()))
}

fn without_first(name: &[u8]) -> Vec<u8> {
    match name.iter().position(|&b| b == b'/') {
        Some(slash) if slash + 1 < name.len() => name[slash + 1..].to_vec(),
        _ => name.to_vec(),
    }
}

/// The name in a header line: quoted, or up to the tab before a time stamp.
pub(super) fn name(text: &[u8]) -> Vec<u8> {
    match unquote(text) {
        Some((name, _)) => name,
        None => text.split(|&b| b == b'\t').next().unwrap_or(text).to_vec(),
    }
}

/// Undoes git's quoting (C escapes between double quotes); gives what follows the closing quote, too.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut name = Vec::with_capacity(rest.len());
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((name, rest)),
            b'\\' => {
                let (&escape, after) = rest.split_first()?;
                rest = after;
                name.push(match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    b'0'..=b'3' => {
                        let digits = rest.first_chunk::<2>().filter(|d| d.iter().all(|d| matches!(d, b'0'..=b'7')))?;
                        rest = &rest[2..];
                        (escape - b'0') * 64 + (digits[0] - b'0') * 8 + (digits[1] - b'0')
                    }
                    other => other,
                });
            }
            other => name.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(git: &str, old: Option<&str>, new: Option<&str>) -> Option<String> {
        let bytes = |text: &str| name(text.as_bytes());
        let names = Names {
            git: (!git.is_empty()).then(|| git.as_bytes().to_vec()),
            old: old.map(bytes),
            new: new.map(bytes),
            ..Names::default()
        };
        names.path().map(|path| path.to_string())
    }

    #[test]
    fn finds_the_path_whatever_the_prefix() {
        let git = |git, old, new| names(git, Some(old), Some(new)).unwrap_or_default();
        assert_eq!(git("a/x.rs b/x.rs", "a/x.rs", "b/x.rs"), "x.rs");
        assert_eq!(git("b/x.rs b/x.rs", "b/x.rs", "b/x.rs"), "b/x.rs", "--no-prefix");
        assert_eq!(git("i/x w/x", "i/x", "w/x"), "x", "mnemonic");
        assert_eq!(git("a/b c/d b/b c/d", "/dev/null", "b/b c/d\t"), "b c/d");
        assert_eq!(git(r#""a/t\303\244b\t" "b/t\303\244b\t""#, "x", r#""b/t\303\244b\t""#), "täb\t");
        assert_eq!(names("", Some("old/x.c\t2024-01-01"), Some("new/x.c\t2024-01-02")).unwrap(), "new/x.c");
        assert_eq!(names("", Some("a/x.c"), Some("b/x.c")).unwrap(), "x.c");
        assert_eq!(names("a/x b/x", Some("a/x"), Some("/dev/null")), None);
        assert_eq!(names("a/logo b/logo", None, None).unwrap(), "logo");
    }

    #[test]
    fn reads_hunk_ranges_and_refuses_nonsense() {
        let hunk = Hunk::read(b"@@ -1 +2,3 @@ fn main() {").unwrap();
        assert_eq!((hunk.old_left, hunk.new_left, hunk.number), (vec![1], 3, 2));
        assert_eq!(Hunk::read(b"@@@ -1,2 -3,4 +5,6 @@@").unwrap().old_left, [2, 4]);
        for bad in [
            "@@ -1 +2",
            "@@ +1 -2 @@",
            "@@ -1,99999999999 +1 @@",
            "@@ -1 +4294967295,2 @@",
            "@ -1 +1 @",
            "@@@ -1 +1 @@@",
        ] {
            assert_eq!(Hunk::read(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn tells_commit_headers_from_prose() {
        let id = "ab12".repeat(10);
        for line in ["commit ID", "commit ID (HEAD -> main)", "From ID Mon Sep 17 00:00:00 2001"] {
            assert!(commit(line.replace("ID", &id).as_bytes()).is_some(), "{line}");
        }
        for line in ["commit ID upstream.", "From ID", "commit ab12", "Commit ID", "commit IDf"] {
            assert_eq!(commit(line.replace("ID", &id).as_bytes()), None, "{line}");
        }
    }
}
