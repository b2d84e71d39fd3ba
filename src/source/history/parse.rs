//! Reads the three kinds of git objects that name others. Takes the raw bytes of a commit, a tree or a tag, gives what
//! they name; must never panic or copy more than it returns, whatever the bytes are.
//!
//! More lenient than git's own checks on purpose: a commit with a damaged author line still has a tree to scan.

use std::ops::Range;

use crate::blob::ObjectId;

/// What a commit names, and when it was made.
pub(super) struct Commit {
    pub tree: ObjectId,
    pub parents: Vec<ObjectId>,
    /// Committer date, seconds since 1970; 0 where the line is damaged, as git has it.
    pub time: i64,
    /// Where the message stands in the object.
    pub message: Range<usize>,
}

/// What an annotated tag names.
pub(super) struct Tag {
    pub target: ObjectId,
    pub name: Vec<u8>,
    /// Tagger date, seconds since 1970; 0 where there is none.
    pub time: i64,
    pub message: Range<usize>,
}

/// What an entry of a tree is, by its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EntryKind {
    Tree,
    Blob,
    /// A commit of a submodule: no object of this repository.
    Link,
}

/// One entry of a tree.
pub(super) struct Entry<'a> {
    pub name: &'a [u8],
    pub id: &'a gix::oid,
    pub kind: EntryKind,
}

/// `None` without a readable tree line: nothing else of a commit is worth having then.
pub(super) fn commit(bytes: &[u8]) -> Option<Commit> {
    let (headers, message) = split(bytes);
    let mut lines = headers.split(|&b| b == b'\n');
    let tree = ObjectId::from_hex(lines.next()?.strip_prefix(b"tree ")?).ok()?;
    let mut parents = Vec::new();
    let mut time = 0;
    for line in lines {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            parents.push(ObjectId::from_hex(parent).ok()?);
        } else if let Some(who) = line.strip_prefix(b"committer ") {
            time = date(who);
            break;
        }
    }
    Some(Commit { tree, parents, time, message })
}

/// `None` without a readable object line.
pub(super) fn tag(bytes: &[u8]) -> Option<Tag> {
    let (headers, message) = split(bytes);
    let mut lines = headers.split(|&b| b == b'\n');
    let target = ObjectId::from_hex(lines.next()?.strip_prefix(b"object ")?).ok()?;
    let (mut name, mut time) = (Vec::new(), 0);
    for line in lines {
        if let Some(given) = line.strip_prefix(b"tag ") {
            name = given.to_vec();
        } else if let Some(who) = line.strip_prefix(b"tagger ") {
            time = date(who);
        }
    }
    Some(Tag { target, name, time, message })
}

/// The header lines and where the message stands behind the first empty line.
fn split(bytes: &[u8]) -> (&[u8], Range<usize>) {
    match memchr::memmem::find(bytes, b"\n\n") {
        Some(at) => (&bytes[..at], at + 2..bytes.len()),
        None => (bytes, bytes.len()..bytes.len()),
    }
}

/// The seconds of `Name <mail> seconds zone`.
fn date(who: &[u8]) -> i64 {
    let after = memchr::memrchr(b'>', who).map_or(&b""[..], |at| &who[at + 1..]);
    let text = after.trim_ascii_start();
    let digits = text.iter().take_while(|b| b.is_ascii_digit() || **b == b'-').count();
    std::str::from_utf8(&text[..digits]).ok().and_then(|s| s.parse().ok()).unwrap_or(0)
}

/// The entries of a tree, in its order. Stops at the first entry that cannot be read; [`Entries::damaged`] tells.
pub(super) fn tree(bytes: &[u8], hash_len: usize) -> Entries<'_> {
    Entries { rest: bytes, hash_len, damaged: false }
}

/// Iterator over the entries of a tree.
pub(super) struct Entries<'a> {
    rest: &'a [u8],
    hash_len: usize,
    damaged: bool,
}

impl Entries<'_> {
    /// Whether bytes were left that are no entry.
    pub fn damaged(&self) -> bool {
        self.damaged
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some((entry, len)) = tree_entry(self.rest, self.hash_len) {
            self.rest = &self.rest[len..];
            return Some(entry);
        }
        self.damaged = true;
        self.rest = &[];
        None
    }
}

/// The entry at the start of these bytes, and how long it is.
pub(super) fn tree_entry(bytes: &[u8], hash_len: usize) -> Option<(Entry<'_>, usize)> {
    // Modes have 5 or 6 digits; zero-padded ones of old tools are longer.
    let space = memchr::memchr(b' ', bytes.get(..bytes.len().min(16))?)?;
    let mode = bytes[..space].iter().try_fold(0u32, |mode, digit| match digit {
        b'0'..=b'7' => mode.checked_mul(8)?.checked_add(u32::from(digit - b'0')),
        _ => None,
    })?;
    let rest = &bytes[space + 1..];
    let nul = memchr::memchr(0, rest)?;
    let id = rest.get(nul + 1..nul + 1 + hash_len)?;
    // As git's own object_type(): whatever is neither a folder nor a submodule is a blob, odd modes too.
    let kind = match mode & 0o170_000 {
        0o040_000 => EntryKind::Tree,
        0o160_000 => EntryKind::Link,
        _ => EntryKind::Blob,
    };
    let entry = Entry { name: &rest[..nul], id: gix::oid::try_from_bytes(id).ok()?, kind };
    Some((entry, space + 1 + nul + 1 + hash_len))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    #[test]
    fn reads_a_commit_with_parents_and_message() {
        let raw = format!(
            "tree {TREE}\nparent {TREE}\nparent {TREE}\nauthor A <a> 5 +0000\ncommitter C > <c> 1234567890 +0100\ngpgsig x\n y\n\nthe message\n\nmore\n"
        );
        let commit = commit(raw.as_bytes()).expect("it is well formed");
        assert_eq!((commit.parents.len(), commit.time), (2, 1_234_567_890));
        assert_eq!(&raw.as_bytes()[commit.message], b"the message\n\nmore\n");
    }

    #[test]
    fn a_damaged_date_is_the_epoch_and_a_damaged_tree_line_is_no_commit() {
        let raw = format!("tree {TREE}\nauthor A\ncommitter nonsense\n\nm");
        assert_eq!(commit(raw.as_bytes()).expect("the tree line is whole").time, 0);
        assert!(commit(b"tree 12\n\nm").is_none());
        assert!(commit(b"").is_none());
    }

    #[test]
    fn odd_modes_are_blobs_and_rests_are_damage() {
        let mut raw = b"100666 a\0".to_vec();
        raw.extend([1; 20]);
        raw.extend(b"40000 d\0");
        raw.extend([2; 20]);
        raw.extend(b"160000 s\0");
        raw.extend([3; 20]);
        let mut entries = tree(&raw, 20);
        let kinds: Vec<_> = entries.by_ref().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [EntryKind::Blob, EntryKind::Tree, EntryKind::Link]);
        assert!(!entries.damaged());
        raw.truncate(raw.len() - 1);
        let mut entries = tree(&raw, 20);
        assert_eq!(entries.by_ref().count(), 2);
        assert!(entries.damaged());
    }
}
