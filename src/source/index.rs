//! Takes a repository's index, gives what is staged against HEAD and which paths are tracked; must never write the index
//! or refresh it.

mod compare;
mod read;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::index::entry::{Flags, Mode};

use crate::blob::{ObjectId, RepoPath};
use crate::coverage::SkipReason;
use crate::source::{Change, Sink};

pub use read::read_blobs;

/// Why the index gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It cannot be read, or is damaged.
    #[error("failed to read index {}: {message}", path.display())]
    Index {
        /// The index file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// HEAD names a commit that cannot be read, so that nothing can be compared with it.
    #[error("failed to read HEAD: {0}")]
    Head(String),
}

/// The index file in use: `GIT_INDEX_FILE` if it is set, as in hooks of `git commit -a` and `git commit PATH`, else the
/// repository's (or linked worktree's) own.
#[must_use]
pub fn index_path(repo: &gix::Repository) -> PathBuf {
    match std::env::var_os("GIT_INDEX_FILE") {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => repo.index_path(),
    }
}

/// What the index at [`index_path`] would commit that HEAD does not have, sorted by path.
///
/// A change has as bases what HEAD (and, while a merge is under way, each merged commit) has at its path; a path that is
/// new and has the content of one that went away was renamed, and has that content as base. Deleted files, submodules
/// and entries that are only intended to be added are no changes. In a conflict all its stages are taken. If a tree of
/// HEAD is missing or damaged that is reported, and everything below it counts as new.
pub fn staged_changes(repo: &gix::Repository, sink: &dyn Sink) -> Result<Vec<Change>, IndexError> {
    staged_changes_in(repo, &index_path(repo), sink)
}

/// As [`staged_changes`], for an index file of the caller's choice. A file that is not there is an empty index.
pub fn staged_changes_in(
    repo: &gix::Repository,
    index_file: &Path,
    sink: &dyn Sink,
) -> Result<Vec<Change>, IndexError> {
    let Some(index) = open(repo, index_file)? else { return Ok(Vec::new()) };
    let head = head_tree(repo)?;
    let mut changes = compare::against_tree(repo, &index, head, sink);
    add_merged_bases(repo, &mut changes);
    changes.sort();
    changes.dedup();
    Ok(changes)
}

/// The paths that git tracks, relative to the top of the working tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    /// Files and links, sorted.
    pub files: Vec<RepoPath>,
    /// Submodules, sorted.
    pub submodules: Vec<RepoPath>,
}

/// The paths in the index at [`index_path`]; none if there is no index.
pub fn tracked_paths(repo: &gix::Repository) -> Result<Tracked, IndexError> {
    tracked_paths_in(repo, &index_path(repo))
}

/// As [`tracked_paths`], for an index file of the caller's choice.
pub fn tracked_paths_in(repo: &gix::Repository, index_file: &Path) -> Result<Tracked, IndexError> {
    let mut tracked = Tracked::default();
    let Some(index) = open(repo, index_file)? else { return Ok(tracked) };
    for entry in index.entries() {
        let path = RepoPath::new(entry.path(&index).as_bytes());
        match entry.mode {
            Mode::COMMIT => tracked.submodules.push(path),
            Mode::DIR => {}
            _ => tracked.files.push(path),
        }
    }
    // An index that git wrote is sorted; searches in the list must hold for any.
    tracked.files.sort_unstable();
    tracked.files.dedup();
    tracked.submodules.sort_unstable();
    tracked.submodules.dedup();
    Ok(tracked)
}

/// `None` if the file is not there.
fn open(repo: &gix::Repository, path: &Path) -> Result<Option<gix::index::File>, IndexError> {
    let fail = |message: String| IndexError::Index { path: path.to_owned(), message };
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => return Err(fail("not a file".to_owned())),
        // git itself takes an empty file for an empty index.
        Ok(meta) if meta.len() == 0 => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error.to_string())),
    }
    let options = gix::index::decode::Options { thread_limit: Some(1), ..Default::default() };
    // The decoder is not ours, and the file may be anything.
    let opened = catch_unwind(AssertUnwindSafe(|| gix::index::File::at(path, repo.object_hash(), false, options)));
    match opened {
        Ok(Ok(index)) if is_sorted(&index) => Ok(Some(index)),
        Ok(Ok(_)) => Err(fail("its entries are not in order".to_owned())),
        Ok(Err(error)) => Err(fail(format!("{error}"))),
        Err(_) => Err(fail("it is damaged".to_owned())),
    }
}

/// Comparing with a tree needs the order that git itself insists on.
fn is_sorted(index: &gix::index::File) -> bool {
    let key = |entry: &gix::index::Entry| (entry.path(index), entry.stage_raw());
    index.entries().windows(2).all(|pair| key(&pair[0]) < key(&pair[1]))
}

/// HEAD's tree; `None` before the first commit.
fn head_tree(repo: &gix::Repository) -> Result<Option<ObjectId>, IndexError> {
    let fail = |error: &dyn std::fmt::Display| IndexError::Head(error.to_string());
    let mut head = repo.head().map_err(|error| fail(&error))?;
    if head.is_unborn() {
        return Ok(None);
    }
    let commit = head.peel_to_commit().map_err(|error| fail(&error))?;
    commit.tree_id().map(|tree| Some(tree.detach())).map_err(|error| fail(&error))
}

/// While a merge is under way, what the merged commits have at a path is no news either.
fn add_merged_bases(repo: &gix::Repository, changes: &mut [Change]) {
    /// More parents than any octopus has.
    const PARENTS: usize = 64;
    let Ok(merge_head) = std::fs::read(repo.git_dir().join("MERGE_HEAD")) else { return };
    for line in merge_head.lines().take(PARENTS) {
        let Ok(commit) = ObjectId::from_hex(line.trim_ascii()) else { continue };
        let Some(tree) = repo.find_commit(commit).ok().and_then(|commit| commit.tree().ok()) else { continue };
        for change in &mut *changes {
            let components = change.path.as_bytes().split(|&b| b == b'/');
            if let Ok(Some(entry)) = tree.lookup_entry(components)
                && entry.mode().is_blob_or_symlink()
            {
                change.bases.push(entry.object_id());
                change.bases.sort_unstable();
                change.bases.dedup();
            }
        }
    }
}

/// Whether an entry has content to scan.
fn has_content(entry: &gix::index::Entry) -> bool {
    entry.mode != Mode::COMMIT && entry.mode != Mode::DIR && !entry.flags.contains(Flags::INTENT_TO_ADD)
}

fn report_tree(sink: &dyn Sink, repo: &gix::Repository, tree: ObjectId, error: Option<&dyn std::fmt::Display>) {
    match error {
        Some(error) => sink.skip(SkipReason::CorruptObject, format!("tree {tree} of HEAD: {error}")),
        None => sink.skip(read::absence(repo), format!("tree {tree} of HEAD")),
    }
}
