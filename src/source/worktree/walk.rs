//! Takes a folder, gives its files from many threads while it is still being walked; must never take a lock for a file.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::FileType;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ignore::{DirEntry, ParallelVisitor, ParallelVisitorBuilder, WalkBuilder, WalkState};

use super::file::Reader;
use super::ignores::Ignores;
use super::{WorktreeOptions, config, disk_path, links, repo_path};
use crate::blob::RepoPath;
use crate::coverage::SkipReason;
use crate::source::Sink;

/// Scans the folder `root`, an absolute path without links.
pub(super) fn scan(root: &Path, options: &WorktreeOptions, sink: &dyn Sink) {
    for start in starts(root, options) {
        scan_from(root, &start, options, sink);
    }
    report_submodules(root, options, sink);
}

/// Where a walk begins.
struct Start {
    /// On disk, without links.
    disk: PathBuf,
    /// In the tree; empty for the root.
    path: PathBuf,
}

/// The root, or what is asked for below it; no path that lies inside another one.
fn starts(root: &Path, options: &WorktreeOptions) -> Vec<Start> {
    let mut starts: Vec<Start> = Vec::new();
    let only: BTreeSet<&RepoPath> = options.only.iter().collect();
    for &label in &only {
        if label.as_bytes().is_empty() || label.as_bytes() == b"." {
            return vec![Start { disk: root.to_owned(), path: PathBuf::new() }];
        }
        let is_covered = ancestors(label).any(|folder| only.contains(&folder));
        if let Some(path) = disk_path(label).filter(|_| !is_covered) {
            let disk = root.join(&path);
            starts.push(Start { disk: disk.canonicalize().unwrap_or(disk), path });
        }
    }
    if only.is_empty() {
        starts.push(Start { disk: root.to_owned(), path: PathBuf::new() });
    }
    starts
}

/// The folders above a path: `a/b` and `a` for `a/b/c`.
fn ancestors(path: &RepoPath) -> impl Iterator<Item = RepoPath> {
    let bytes = path.as_bytes();
    let slashes = bytes.iter().enumerate().rev().filter(|&(_, &byte)| byte == b'/');
    slashes.map(|(at, _)| RepoPath::new(&bytes[..at]))
}

fn scan_from(root: &Path, start: &Start, options: &WorktreeOptions, sink: &dyn Sink) {
    let walk = WalkBuilder::new(&start.disk).standard_filters(false).threads(options.threads).build_parallel();
    let ignored_folders = Mutex::new(BTreeSet::new());
    let shared = Shared { root, start, options, sink, ignored_folders: &ignored_folders };
    walk.visit(&mut VisitorBuilder(&shared));
    let ignored_folders = ignored_folders.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    scan_tracked_in(&ignored_folders, root, options, sink);
}

/// What all threads of a walk see.
#[derive(Clone, Copy)]
struct Shared<'s> {
    root: &'s Path,
    start: &'s Start,
    options: &'s WorktreeOptions,
    sink: &'s dyn Sink,
    /// Folders that were not entered; each thread adds its own when it ends.
    ignored_folders: &'s Mutex<BTreeSet<RepoPath>>,
}

struct VisitorBuilder<'s>(&'s Shared<'s>);

impl<'s> ParallelVisitorBuilder<'s> for VisitorBuilder<'s> {
    fn build(&mut self) -> Box<dyn ParallelVisitor + 's> {
        Box::new(Visitor {
            shared: *self.0,
            ignores: ignores(self.0),
            reader: Reader::new(self.0.options.size),
            ignored_folders: BTreeSet::new(),
        })
    }
}

/// Answers what gitignore files say; `None` if that is not asked, or if what the walk begins with is ignored itself and
/// so was named on purpose.
fn ignores(shared: &Shared<'_>) -> Option<Ignores> {
    if !shared.options.honour_ignores {
        return None;
    }
    let mut ignores = Ignores::new(shared.root)?;
    let start = &shared.start.path;
    let is_named = !start.as_os_str().is_empty() && ignores.is_ignored(start, shared.start.disk.is_dir());
    (!is_named).then_some(ignores)
}

/// One thread of a walk.
struct Visitor<'s> {
    shared: Shared<'s>,
    ignores: Option<Ignores>,
    reader: Reader,
    ignored_folders: BTreeSet<RepoPath>,
}

impl ParallelVisitor for Visitor<'_> {
    fn visit(&mut self, entry: Result<DirEntry, ignore::Error>) -> WalkState {
        if self.shared.sink.cancelled() {
            return WalkState::Quit;
        }
        match entry {
            Ok(entry) => self.entry(&entry),
            Err(error) => {
                self.unreadable(&error);
                WalkState::Continue
            }
        }
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        let mut all = self.shared.ignored_folders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.append(&mut self.ignored_folders);
    }
}

impl Visitor<'_> {
    fn entry(&mut self, entry: &DirEntry) -> WalkState {
        let Shared { root, start, options, sink, .. } = self.shared;
        let is_start = entry.depth() == 0;
        let below = entry.path().strip_prefix(&start.disk).unwrap_or(Path::new(""));
        let relative = match (start.path.as_os_str().is_empty(), is_start) {
            (true, _) => Cow::Borrowed(below),
            (false, true) => Cow::Borrowed(start.path.as_path()),
            (false, false) => Cow::Owned(start.path.join(below)),
        };
        let path = repo_path(&relative);
        let kind = entry.file_type();
        let is_dir = kind.is_some_and(|kind| kind.is_dir());
        if entry.file_name() == ".git" && !is_start {
            config::of_dot_git(root, entry.path(), &path, &mut self.reader, sink);
            return WalkState::Skip;
        }
        if !relative.as_os_str().is_empty() && options.exclude.is_match(&relative) {
            sink.skip(SkipReason::Excluded, path.to_string());
            return WalkState::Skip;
        }
        if !is_start && self.is_ignored(&relative, is_dir) {
            if is_dir {
                sink.skip(SkipReason::Ignored, format!("{path}/"));
                self.ignored_folders.insert(path);
                return WalkState::Skip;
            }
            if !self.is_tracked(&path) {
                sink.skip(SkipReason::Ignored, path.to_string());
                return WalkState::Continue;
            }
        }
        if let Some(kind) = kind {
            hand_out(kind, root, entry.path(), path, &mut self.reader, sink);
        }
        WalkState::Continue
    }

    fn is_ignored(&mut self, relative: &Path, is_dir: bool) -> bool {
        self.ignores.as_mut().is_some_and(|ignores| ignores.is_ignored(relative, is_dir))
    }

    fn is_tracked(&self, path: &RepoPath) -> bool {
        self.shared.options.tracked.as_ref().is_some_and(|tracked| tracked.files.binary_search(path).is_ok())
    }

    fn unreadable(&self, error: &ignore::Error) {
        let path = path_of(error).map(|path| path.strip_prefix(self.shared.root).unwrap_or(path));
        let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
        let named = path.map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
        let what = named.map_or_else(|| why.clone(), |path| format!("{}: {why}", repo_path(path)));
        self.shared.sink.skip(SkipReason::Unreadable, what);
    }
}

/// Hands out a file, or tells why it is left out.
fn hand_out(kind: FileType, root: &Path, disk: &Path, path: RepoPath, reader: &mut Reader, sink: &dyn Sink) {
    if kind.is_file() {
        reader.tree_file(disk, path, sink);
    } else if kind.is_symlink() {
        if !links::stays_inside(root, disk) {
            sink.skip(SkipReason::Symlink, path.to_string());
        }
    } else if !kind.is_dir() {
        sink.skip(SkipReason::SpecialFile, path.to_string());
    }
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

/// Scans the tracked files in folders that were not entered. A link on the way to one leads elsewhere than git's file.
fn scan_tracked_in(ignored: &BTreeSet<RepoPath>, root: &Path, options: &WorktreeOptions, sink: &dyn Sink) {
    let Some(tracked) = &options.tracked else { return };
    let mut reader = Reader::new(options.size);
    for folder in ignored {
        let prefix = [folder.as_bytes(), b"/"].concat();
        let first = tracked.files.partition_point(|path| path.as_bytes() < prefix.as_slice());
        for path in tracked.files[first..].iter().take_while(|path| path.as_bytes().starts_with(&prefix)) {
            let Some(relative) = disk_path(path) else { continue };
            let disk = root.join(&relative);
            let is_excluded = relative.ancestors().any(|path| options.exclude.is_match(path));
            let has_link = ancestors(path)
                .filter_map(|folder| disk_path(&folder))
                .any(|folder| std::fs::symlink_metadata(root.join(folder)).is_ok_and(|meta| meta.is_symlink()));
            if is_excluded {
                sink.skip(SkipReason::Excluded, path.to_string());
            } else if has_link {
                // git's file is gone, and this is another one.
            } else if let Ok(meta) = std::fs::symlink_metadata(&disk) {
                hand_out(meta.file_type(), root, &disk, path.clone(), &mut reader, sink);
            }
        }
    }
}

/// Names the submodules whose files are not here.
fn report_submodules(root: &Path, options: &WorktreeOptions, sink: &dyn Sink) {
    for path in options.tracked.iter().flat_map(|tracked| &tracked.submodules) {
        let is_asked_for = options.only.is_empty()
            || options.only.contains(path)
            || ancestors(path).any(|folder| options.only.contains(&folder));
        let is_populated = disk_path(path)
            .and_then(|path| std::fs::read_dir(root.join(path)).ok())
            .is_some_and(|mut entries| entries.next().is_some());
        if is_asked_for && !is_populated {
            sink.skip(SkipReason::Submodule, path.to_string());
        }
    }
}
