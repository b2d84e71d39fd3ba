//! The refs of a repository. Takes its folders, gives what each ref, HEAD and reflog names; must never stop at a damaged
//! one, follow a link to anything but a file, or repeat a damaged file's content in a message.
//!
//! Read here and not by gix because a garbage ref must be named and the others still walked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::blob::ObjectId;

/// Largest loose ref or HEAD file that is read.
const MAX_REF_BYTES: u64 = 64 << 10;

/// Largest `packed-refs` file or reflog that is read.
const MAX_LIST_BYTES: u64 = 1 << 30;

/// How deep folders under `refs` and `logs` are followed.
const MAX_DEPTH: usize = 64;

/// What the refs of a repository name.
#[derive(Debug, Default)]
pub(crate) struct Refs {
    /// Ref name to object. A loose ref stands over a packed one.
    pub all: BTreeMap<Vec<u8>, ObjectId>,
    /// HEAD of this worktree, if it names an object, perhaps through a branch.
    pub head: Option<ObjectId>,
    /// The branch HEAD is on.
    pub branch: Option<Vec<u8>>,
    /// HEADs of all other worktrees: name for messages, object.
    pub other_heads: Vec<(String, ObjectId)>,
    /// Refs that could not be read, described.
    pub broken: BTreeSet<String>,
}

/// The folders refs stand in.
pub(crate) struct RefFolders<'a> {
    /// What all worktrees share.
    pub common: &'a Path,
    /// This worktree's own; the same as `common` in a plain repository.
    pub own: &'a Path,
    /// Hash of the ids.
    pub hash: gix::hash::Kind,
}

enum RefFile {
    Object(ObjectId),
    Symbolic(Vec<u8>),
}

impl RefFolders<'_> {
    /// Reads all refs and HEADs.
    pub fn read(&self) -> Refs {
        let mut refs = Refs::default();
        self.packed(&mut refs);
        let mut symbolic = BTreeMap::new();
        // Worktrees have refs of their own (bisect, rewritten); those of the others hold objects alive too.
        let mut folders = vec![(String::new(), self.common.to_owned())];
        folders.extend(self.worktrees());
        for (worktree, folder) in &folders {
            for (name, path) in files(&folder.join("refs"), b"refs", &mut refs.broken) {
                let name = if worktree.is_empty() { name } else { [worktree.as_bytes(), b"/", &name].concat() };
                match self.file(&path) {
                    Ok(RefFile::Object(id)) => drop(refs.all.insert(name, id)),
                    Ok(RefFile::Symbolic(target)) => drop(symbolic.insert(name, target)),
                    Err(what) => drop(refs.broken.insert(format!("{}: {what}", name.escape_ascii()))),
                }
            }
        }
        for (name, target) in symbolic {
            // What a symbolic ref names is walked by its own name; one that names nothing is damage, except the
            // default branch of a remote that was pruned, which git keeps on purpose.
            if !refs.all.contains_key(&target) && !name.ends_with(b"/HEAD") {
                refs.broken.insert(format!("{}: points to a ref that is not there", name.escape_ascii()));
            }
        }
        self.heads(&folders, &mut refs);
        refs
    }

    fn heads(&self, folders: &[(String, PathBuf)], refs: &mut Refs) {
        for (worktree, folder) in folders {
            let own = folder == self.own || (worktree.is_empty() && self.own == self.common);
            let name = if worktree.is_empty() { "HEAD".to_owned() } else { format!("{worktree}/HEAD") };
            match self.file(&folder.join("HEAD")) {
                Ok(RefFile::Object(id)) if own => refs.head = Some(id),
                Ok(RefFile::Object(id)) => refs.other_heads.push((name, id)),
                Ok(RefFile::Symbolic(target)) => {
                    let id = refs.all.get(&target).copied();
                    if own {
                        (refs.head, refs.branch) = (id, Some(target));
                    }
                }
                Err(what) => drop(refs.broken.insert(format!("{name}: {what}"))),
            }
        }
    }

    /// Linked worktrees: name for messages, private folder.
    fn worktrees(&self) -> Vec<(String, PathBuf)> {
        let mut found: Vec<_> = fs::read_dir(self.common.join("worktrees"))
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| (format!("worktrees/{}", entry.file_name().to_string_lossy()), entry.path()))
            .collect();
        found.sort();
        found
    }

    /// `FETCH_HEAD`, `ORIG_HEAD` and the like of all worktrees: name, object.
    pub fn pseudo_refs(&self) -> Vec<(String, ObjectId)> {
        let mut found = Vec::new();
        let own = [(String::new(), self.common.to_owned())];
        for (worktree, folder) in own.into_iter().chain(self.worktrees()) {
            for name in ["FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "AUTO_MERGE"] {
                let Ok(text) = read(&folder.join(name), MAX_LIST_BYTES) else { continue };
                for line in text.split(|&b| b == b'\n') {
                    let hex = line.get(..self.hash.len_in_hex()).unwrap_or_default();
                    if let Ok(id) = ObjectId::from_hex(hex) {
                        let name = if worktree.is_empty() { name.to_owned() } else { format!("{worktree}/{name}") };
                        found.push((name, id));
                    }
                }
            }
        }
        found
    }

    /// Entries of the reflogs: ref name, object. Only the stash's unless `all`: its older entries stand nowhere else.
    pub fn reflogs(&self, all: bool) -> BTreeSet<(Vec<u8>, ObjectId)> {
        let mut found = BTreeSet::new();
        let mut broken = BTreeSet::new();
        let own = [(String::new(), self.common.to_owned())];
        for (worktree, folder) in own.into_iter().chain(self.worktrees()) {
            for (name, path) in files(&folder.join("logs"), b"", &mut broken) {
                let stash = worktree.is_empty() && name == b"refs/stash";
                if !all && !stash {
                    continue;
                }
                let Ok(text) = read(&path, MAX_LIST_BYTES) else { continue };
                for line in text.split(|&b| b == b'\n') {
                    let mut ids = line.split(|&b| b == b' ').take(2).filter_map(|hex| ObjectId::from_hex(hex).ok());
                    let old = ids.next().filter(|_| all);
                    for id in old.into_iter().chain(ids.next()).filter(|id| !id.is_null()) {
                        found.insert((name.clone(), id));
                    }
                }
            }
        }
        found
    }

    fn packed(&self, refs: &mut Refs) {
        let text = match read(&self.common.join("packed-refs"), MAX_LIST_BYTES) {
            Ok(text) => text,
            Err(ReadFailure::Absent) => return,
            Err(failure) => {
                refs.broken.insert(format!("packed-refs: {}", failure.describe()));
                return;
            }
        };
        let hex_len = self.hash.len_in_hex();
        for (number, line) in text.split(|&b| b == b'\n').enumerate() {
            if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"^") {
                continue;
            }
            let id = line.get(..hex_len).and_then(|hex| ObjectId::from_hex(hex).ok());
            let name = line.get(hex_len + 1..).filter(|name| name.starts_with(b"refs/"));
            match (id, name) {
                (Some(id), Some(name)) => drop(refs.all.insert(name.trim_ascii_end().to_vec(), id)),
                _ => drop(refs.broken.insert(format!("packed-refs: line {} is damaged", number + 1))),
            }
        }
    }

    fn file(&self, path: &Path) -> Result<RefFile, &'static str> {
        let text = read(path, MAX_REF_BYTES).map_err(|failure| failure.describe())?;
        let text = text.trim_ascii();
        if let Some(target) = text.strip_prefix(b"ref:") {
            let target = target.trim_ascii();
            return if target.is_empty() { Err("damaged") } else { Ok(RefFile::Symbolic(target.to_vec())) };
        }
        match ObjectId::from_hex(text) {
            Ok(id) if id.kind() == self.hash => Ok(RefFile::Object(id)),
            _ => Err("damaged"),
        }
    }
}

enum ReadFailure {
    Absent,
    NoFile,
    TooLarge,
    Unreadable,
}

impl ReadFailure {
    fn describe(&self) -> &'static str {
        match self {
            Self::Absent => "not there",
            Self::NoFile => "no regular file",
            Self::TooLarge => "too large",
            Self::Unreadable => "not readable",
        }
    }
}

/// Reads a regular file; a pipe or device under a ref's name would block.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadFailure> {
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ReadFailure::Absent,
        _ => ReadFailure::Unreadable,
    })?;
    if !meta.is_file() {
        return Err(ReadFailure::NoFile);
    }
    if meta.len() > limit {
        return Err(ReadFailure::TooLarge);
    }
    fs::read(path).map_err(|_| ReadFailure::Unreadable)
}

/// All files under a folder with their names from `prefix` on, sorted; lock files left out, links to folders not followed.
fn files(folder: &Path, prefix: &[u8], broken: &mut BTreeSet<String>) -> Vec<(Vec<u8>, PathBuf)> {
    let mut found = Vec::new();
    let mut todo = vec![(prefix.to_vec(), folder.to_owned(), 0)];
    while let Some((prefix, folder, depth)) = todo.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                broken.insert(format!("{}: {}", prefix.escape_ascii(), error.kind()));
                continue;
            }
        };
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            let bytes = file_name.as_encoded_bytes();
            let name = if prefix.is_empty() { bytes.to_vec() } else { [&prefix, &b"/"[..], bytes].concat() };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => todo.push((name, entry.path(), depth + 1)),
                Ok(kind) if kind.is_dir() => drop(broken.insert(format!("{}: nested too deep", name.escape_ascii()))),
                _ if bytes.ends_with(b".lock") => {}
                _ => found.push((name, entry.path())),
            }
        }
    }
    found.sort();
    found
}
