//! Takes a git folder, gives its configuration files; must never read anything else in it.
//!
//! Remote URLs and headers in them often hold tokens.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::Reader;
use crate::blob::RepoPath;
use crate::coverage::SkipReason;
use crate::provenance::Provenance;
use crate::source::{Sink, SizeLimit};

/// Submodules of submodules keep their git folders inside one another; deeper ones are told as not read.
const DEPTH: usize = 32;

/// A file that names another folder is short; more of it is not read.
const LONGEST_POINTER: u64 = 64 << 10;

/// Hands out the configuration of the git folder at `git_dir` as files below `label`: its `config` and
/// `config.worktree`, those of its linked worktrees and of its submodules.
///
/// For a bare repository, `label` is empty.
pub fn scan_git_config(git_dir: &Path, label: &RepoPath, size: SizeLimit, sink: &dyn Sink) {
    GitFolders { reader: &mut Reader::new(size), sink }.folder(git_dir, label, DEPTH);
}

/// Hands out the configuration that the `.git` at `dot_git` stands for: a folder, or a file that names one.
///
/// Only the `.git` of the root may name a folder outside the root: any other could make a scan read where it was not
/// sent. The folders that files below the root name (checked out submodules, linked worktrees) lie in the git folder of
/// the root, and are read with it.
pub(super) fn of_dot_git(root: &Path, dot_git: &Path, label: &RepoPath, reader: &mut Reader, sink: &dyn Sink) {
    let mut folders = GitFolders { reader, sink };
    let is_roots_own = dot_git.parent() == Some(root);
    let is_link = fs::symlink_metadata(dot_git).is_ok_and(|meta| meta.is_symlink());
    if is_link && !is_roots_own {
        return sink.skip(SkipReason::Symlink, label.to_string());
    }
    if dot_git.is_dir() {
        folders.folder(dot_git, label, DEPTH);
    } else if let Some(git_dir) = pointed_at(dot_git, b"gitdir:").filter(|_| is_roots_own) {
        folders.folder(&git_dir, label, DEPTH);
        // A linked worktree has the configuration of the repository it was linked from.
        if let Some(common) = pointed_at(&git_dir.join("commondir"), b"") {
            folders.file(&common, label, "config");
        }
    }
}

struct GitFolders<'a> {
    reader: &'a mut Reader,
    sink: &'a dyn Sink,
}

impl GitFolders<'_> {
    fn folder(&mut self, git_dir: &Path, label: &RepoPath, depth: usize) {
        self.file(git_dir, label, "config");
        self.file(git_dir, label, "config.worktree");
        for name in self.folders_in(&git_dir.join("worktrees"), label) {
            let linked = joined(&joined(label, Path::new("worktrees")), &name);
            self.file(&git_dir.join("worktrees").join(&name), &linked, "config.worktree");
        }
        self.modules(&git_dir.join("modules"), &joined(label, Path::new("modules")), depth);
    }

    /// The git folders of submodules, whose names may hold slashes.
    fn modules(&mut self, modules: &Path, label: &RepoPath, depth: usize) {
        for name in self.folders_in(modules, label) {
            let (module, label) = (modules.join(&name), joined(label, &name));
            if depth == 0 {
                self.sink.skip(SkipReason::Unreadable, format!("{label}: git folders nested more than {DEPTH} deep"));
            } else if module.join("HEAD").is_file() {
                self.folder(&module, &label, depth - 1);
            } else {
                self.modules(&module, &label, depth - 1);
            }
        }
    }

    /// Names of the folders (not links to some) in a folder, which need not be there.
    fn folders_in(&self, folder: &Path, label: &RepoPath) -> Vec<PathBuf> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Vec::new();
            }
            Err(error) => {
                self.sink.skip(SkipReason::Unreadable, format!("{label}: {error}"));
                return Vec::new();
            }
        };
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.map(|entry| PathBuf::from(entry.file_name())).collect()
    }

    fn file(&mut self, folder: &Path, label: &RepoPath, name: &str) {
        self.reader.hand_out(&folder.join(name), joined(label, Path::new(name)), Provenance::Config, self.sink);
    }
}

fn joined(label: &RepoPath, name: &Path) -> RepoPath {
    let name = super::repo_path(name);
    if label.as_bytes().is_empty() {
        return name;
    }
    RepoPath::new([label.as_bytes(), b"/", name.as_bytes()].concat())
}

/// The folder that a file names after `key`, without links; `None` if it is no such file.
fn pointed_at(file: &Path, key: &[u8]) -> Option<PathBuf> {
    let meta = fs::symlink_metadata(file).ok().filter(|meta| meta.is_file() && meta.len() <= LONGEST_POINTER)?;
    let text = fs::read(file).ok().filter(|text| text.len() as u64 == meta.len())?;
    let name = RepoPath::new(text.strip_prefix(key)?.trim_ascii());
    let name = PathBuf::from(std::str::from_utf8(name.as_bytes()).ok()?);
    file.parent()?.join(name).canonicalize().ok()
}
