//! Takes an archive, gives its members and those of the archives in it; must never pass a limit or stop at the first
//! damage.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::stream::Streams;
use super::{Format, Limits, Member, sniff, tar, unsupported, zip};
use crate::blob::RepoPath;
use crate::coverage::SkipReason;

/// Called with what a level's member is: its path inside that level, and its content.
pub(super) type OnMember<'m> = &'m mut dyn FnMut(&mut Budget<'_>, &[u8], &[u8]);

/// What is left of the limits while one outermost archive is opened, and where skipped things are told.
pub(super) struct Budget<'s> {
    limits: Limits,
    members_left: u64,
    bytes_left: u64,
    held: u64,
    /// Path of the archive being read, relative to the outermost one; empty there.
    prefix: Vec<u8>,
    /// A limit on the whole was hit and told: nothing more is read.
    pub(super) stopped: bool,
    skip: &'s mut dyn FnMut(SkipReason, String),
}

/// What reading a member brought.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// All of it.
    Whole,
    /// What came before the damage.
    Part,
    /// Nothing that may be used: over a limit.
    Refused,
}

impl Filled {
    /// Whether the content that was read is to be handed out. Damage at the first byte leaves none.
    pub(super) fn is_of_use(self, content: &[u8]) -> bool {
        self == Self::Whole || self == Self::Part && !content.is_empty()
    }
}

/// Opens one archive and hands out its members, not opening archives among them. `name` is the archive's own file name,
/// from which the name of a compressed file's only member is made (`a.sql.gz` gives `a.sql`); it may be empty.
///
/// What is skipped is named by its path inside the archive.
pub fn expand(
    format: Format,
    name: &[u8],
    bytes: &[u8],
    limits: &Limits,
    member: &mut dyn FnMut(Member<'_>),
    skip: &mut dyn FnMut(SkipReason, String),
) {
    let mut budget = Budget::new(*limits, bytes.len() as u64, skip);
    level(&mut budget, format, name, bytes, &mut |_, path, bytes| member(Member { path, bytes }));
}

/// Opens an archive and the archives in it, and hands out what is none. Gives `false` if `bytes` are no archive that can
/// be opened; nothing was handed out then.
///
/// `name` and skipped things are as in [`expand`]. An inner archive of which nothing could be read is handed out as it
/// is.
pub fn expand_all(
    name: &[u8],
    bytes: &[u8],
    limits: &Limits,
    member: &mut dyn FnMut(Member<'_>),
    skip: &mut dyn FnMut(SkipReason, String),
) -> bool {
    let Some(format) = sniff(bytes).filter(|_| limits.depth > 0) else { return false };
    let mut budget = Budget::new(*limits, bytes.len() as u64, skip);
    nested(&mut budget, 1, format, name, bytes, member);
    true
}

/// Gives the number of members that were handed out. The recursion is as deep as `limits.depth`, a byte.
fn nested(
    budget: &mut Budget<'_>,
    depth: u8,
    format: Format,
    name: &[u8],
    bytes: &[u8],
    member: &mut dyn FnMut(Member<'_>),
) -> u64 {
    let mut handed = 0;
    level(budget, format, name, bytes, &mut |budget, path, bytes| {
        let whole_path = budget.joined(path);
        if let Some(inner) = sniff(bytes) {
            if depth >= budget.limits.depth {
                budget.skip(SkipReason::ArchiveLimit, path, &format!("archives nested more than {depth} deep"));
                return;
            }
            let outer_prefix = std::mem::replace(&mut budget.prefix, whole_path.clone());
            budget.held += bytes.len() as u64;
            let inner_handed = nested(budget, depth + 1, inner, path, bytes, member);
            budget.held -= bytes.len() as u64;
            budget.prefix = outer_prefix;
            handed += inner_handed;
            if inner_handed > 0 || budget.stopped {
                return;
            }
        } else if let Some(kind) = unsupported(bytes) {
            budget.skip(SkipReason::Binary, path, &format!("{kind} archives are not opened"));
            return;
        }
        handed += 1;
        member(Member { path: &whole_path, bytes });
    });
    handed
}

fn level(budget: &mut Budget<'_>, format: Format, name: &[u8], bytes: &[u8], on_member: OnMember<'_>) {
    match format {
        Format::Zip => zip::read(budget, bytes, on_member),
        Format::Tar => tar::read(budget, &mut { bytes }, on_member),
        Format::Gzip | Format::Xz | Format::Zstd | Format::Bzip2 => {
            compressed(budget, format, name, bytes, on_member);
        }
    }
}

fn compressed(budget: &mut Budget<'_>, format: Format, name: &[u8], bytes: &[u8], on_member: OnMember<'_>) {
    let mut stream = match Streams::open(format, bytes) {
        Ok(stream) => stream,
        Err(error) => return budget.skip(SkipReason::ArchiveDamaged, b"", &error.to_string()),
    };
    // A tar is known by its first block; the block goes back in front of the stream.
    let mut head = Vec::with_capacity(tar::BLOCK);
    let head_error = guarded(|| stream.by_ref().take(tar::BLOCK as u64).read_to_end(&mut head)).err();
    if head_error.is_none() && tar::is_header(&head) {
        return tar::read(budget, &mut head.as_slice().chain(stream), on_member);
    }
    let path = content_name(name);
    if !budget.admit(&path) {
        return;
    }
    let mut content = Vec::new();
    let mut whole = head.as_slice().chain(FailsWith(head_error)).chain(stream);
    if budget.fill(&mut whole, &mut content, &path).is_of_use(&content) {
        on_member(budget, &path, &content);
    }
}

/// A reader without content that fails once, to put an error back where it was met.
struct FailsWith(Option<std::io::Error>);

impl Read for FailsWith {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// `dir/a.sql.gz` holds `a.sql`, `a.tgz` holds `a.tar`; what has no known ending keeps its name.
fn content_name(archive: &[u8]) -> Vec<u8> {
    const ENDINGS: [(&[u8], &[u8]); 12] = [
        (b".gz", b""),
        (b".xz", b""),
        (b".zst", b""),
        (b".zstd", b""),
        (b".bz2", b""),
        (b".svgz", b".svg"),
        (b".tgz", b".tar"),
        (b".txz", b".tar"),
        (b".tzst", b".tar"),
        (b".tbz2", b".tar"),
        (b".tbz", b".tar"),
        (b".tb2", b".tar"),
    ];
    let name = archive.rsplit(|&b| b == b'/').next().unwrap_or(archive);
    let shortened = ENDINGS.iter().find_map(|(ending, instead)| {
        let stem = name.len().checked_sub(ending.len()).filter(|&at| at > 0)?;
        name[stem..].eq_ignore_ascii_case(ending).then(|| [&name[..stem], instead].concat())
    });
    match shortened {
        Some(shortened) => shortened,
        None if name.is_empty() => b"data".to_vec(),
        None => name.to_vec(),
    }
}

impl<'s> Budget<'s> {
    fn new(limits: Limits, input: u64, skip: &'s mut dyn FnMut(SkipReason, String)) -> Self {
        let by_ratio = input.saturating_mul(limits.ratio).max(limits.ratio_floor);
        Self {
            limits,
            members_left: limits.members,
            bytes_left: limits.total_bytes.min(by_ratio),
            held: 0,
            prefix: Vec::new(),
            stopped: false,
            skip,
        }
    }

    fn joined(&self, path: &[u8]) -> Vec<u8> {
        if self.prefix.is_empty() { path.to_vec() } else { [&self.prefix, b"!/".as_slice(), path].concat() }
    }

    /// Tells that the member at `path`, or the archive itself if that is empty, was not (all) read.
    pub(super) fn skip(&mut self, reason: SkipReason, path: &[u8], why: &str) {
        let path = if path.is_empty() { self.prefix.clone() } else { self.joined(path) };
        let what = if path.is_empty() { why.to_owned() } else { format!("{}: {why}", RepoPath::new(path)) };
        (self.skip)(reason, what);
    }

    /// Counts a member; `false` if that is one too many.
    pub(super) fn admit(&mut self, path: &[u8]) -> bool {
        if self.members_left == 0 && !self.stopped {
            self.stop(path, &format!("more than {} members", self.limits.members));
        }
        self.members_left = self.members_left.saturating_sub(1);
        !self.stopped
    }

    /// Takes `bytes` off the whole; `false` if they pass it.
    pub(super) fn charge(&mut self, bytes: u64, path: &[u8]) -> bool {
        if bytes > self.bytes_left && !self.stopped {
            self.stop(path, "expands to more than the limit for one archive");
        }
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        !self.stopped
    }

    /// Whether a member of `size` bytes may be held; tells it if not.
    pub(super) fn fits(&mut self, size: u64, path: &[u8]) -> bool {
        let most = self.most();
        if size > most {
            self.skip(SkipReason::ArchiveLimit, path, &format!("larger than {most} bytes"));
        }
        size <= most
    }

    /// Reads a member into `content`, which is emptied first, and tells what went wrong.
    pub(super) fn fill(&mut self, reader: &mut dyn Read, content: &mut Vec<u8>, path: &[u8]) -> Filled {
        content.clear();
        let cap = self.most().min(self.bytes_left);
        let outcome = guarded(|| reader.take(cap.saturating_add(1)).read_to_end(content));
        let size = content.len() as u64;
        if !self.charge(size, path) || !self.fits(size, path) {
            return Filled::Refused;
        }
        match outcome {
            Ok(_) => Filled::Whole,
            Err(error) => {
                self.skip(SkipReason::ArchiveDamaged, path, &error.to_string());
                Filled::Part
            }
        }
    }

    fn most(&self) -> u64 {
        self.limits.member_bytes.min(self.limits.held_bytes.saturating_sub(self.held))
    }

    fn stop(&mut self, path: &[u8], why: &str) {
        self.stopped = true;
        self.skip(SkipReason::ArchiveLimit, path, why);
    }
}

/// Runs a decoder; one that panics has met damage it does not know.
fn guarded(read: impl FnOnce() -> std::io::Result<usize>) -> std::io::Result<usize> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(std::io::Error::other("the decoder failed")))
}

#[cfg(test)]
mod tests {
    use super::content_name;

    #[test]
    fn names_the_content_of_a_compressed_file() {
        for (archive, content) in [
            ("dump.sql.gz", "dump.sql"),
            ("a/b/dump.SQL.XZ", "dump.SQL"),
            ("x.tgz", "x.tar"),
            ("noending", "noending"),
            (".gz", ".gz"),
            ("", "data"),
        ] {
            assert_eq!(content_name(archive.as_bytes()), content.as_bytes(), "{archive}");
        }
    }
}
