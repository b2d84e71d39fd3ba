//! Takes a folder or file on disk, gives the content of its files; must never follow a link out of the folder, open what
//! is no file, or keep a file over the size limit.
//!
//! Ignored files are left out unless git tracks them, git's own folders are not entered but for their configuration.

mod config;
mod file;
mod ignores;
mod links;
mod walk;

use std::path::{Path, PathBuf};

use crate::blob::RepoPath;
use crate::source::index::Tracked;
use crate::source::{Sink, SizeLimit};

pub use config::scan_git_config;

/// How to scan a working tree.
#[derive(Clone, Debug)]
pub struct WorktreeOptions {
    /// Leave out what gitignore files ignore and git does not track. Outside a repository nothing is ignored.
    pub honour_ignores: bool,
    /// What git tracks, relative to the root; `None` if that is not the top of a repository's working tree.
    pub tracked: Option<Tracked>,
    /// Larger files are not read.
    pub size: SizeLimit,
    /// Paths relative to the root that are left out, folders with all that is in them.
    pub exclude: globset::GlobSet,
    /// Only these paths below the root; empty = all. What is named here is scanned even if it is ignored.
    pub only: Vec<RepoPath>,
    /// Threads; 0 = one for each core.
    pub threads: usize,
}

impl Default for WorktreeOptions {
    fn default() -> Self {
        Self {
            honour_ignores: true,
            tracked: None,
            size: SizeLimit::DEFAULT,
            exclude: globset::GlobSet::empty(),
            only: Vec::new(),
            threads: 0,
        }
    }
}

/// A folder, or a single file, to scan.
#[derive(Debug)]
pub struct Worktree {
    /// Without links in it: a link that was named by the user is followed, once.
    root: PathBuf,
    /// The name of a single file.
    file_name: Option<RepoPath>,
    options: WorktreeOptions,
}

impl Worktree {
    /// The folder or file at `root`. Fails if there is none.
    pub fn new(root: &Path, options: WorktreeOptions) -> std::io::Result<Self> {
        let resolved = root.canonicalize()?;
        let file_name = if resolved.is_dir() { None } else { root.file_name().map(|name| repo_path(Path::new(name))) };
        Ok(Self { root: resolved, file_name, options })
    }

    /// Hands out every file with [`crate::provenance::Provenance::Tree`] and git's configuration files with
    /// [`crate::provenance::Provenance::Config`], from many threads and in no certain order. Returns when all are done.
    pub fn scan(&self, sink: &dyn Sink) {
        if let Some(name) = &self.file_name {
            let mut reader = file::Reader::new(self.options.size);
            reader.tree_file(&self.root, name.clone(), sink);
            return;
        }
        walk::scan(&self.root, &self.options, sink);
    }
}

/// A relative path as git writes it.
#[cfg(unix)]
fn repo_path(path: &Path) -> RepoPath {
    use std::os::unix::ffi::OsStrExt;
    RepoPath::new(path.as_os_str().as_bytes())
}

/// A relative path as git writes it.
#[cfg(not(unix))]
fn repo_path(path: &Path) -> RepoPath {
    RepoPath::new(path.to_string_lossy().replace('\\', "/").into_bytes())
}

/// Where a path of the repository lies on disk, relative to the root. `None` if it would leave the root: an index is as
/// foreign as everything else.
fn disk_path(path: &RepoPath) -> Option<PathBuf> {
    #[cfg(unix)]
    let path = {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(path.as_bytes()))
    };
    #[cfg(not(unix))]
    let path = PathBuf::from(std::str::from_utf8(path.as_bytes()).ok()?);
    path.components().all(|component| matches!(component, std::path::Component::Normal(_))).then_some(path)
}
