//! A git repository as data. Takes a path, gives the folders, configuration and handles that the sources read from; must
//! never execute anything the repository or its configuration names, and never write.
//!
//! A repository of another owner is opened like any other: git refuses it because its configuration could make git *run*
//! something, and nothing here runs anything. No configuration but the repository's own is read, includes are not followed.

use std::fs;
use std::path::{Path, PathBuf};

use gix::odb::store::init::Slots;
use gix::sec::Trust;

use super::history::refs::{RefFolders, Refs};
use crate::provenance::GitInfo;

/// Packs that gix can open where it must not look how many there are; only what is staged is read through it.
const MOST_PACKS: u16 = 1024;

/// How deep submodules' folders are searched for configuration files.
const MAX_MODULE_DEPTH: usize = 16;

/// Why a repository could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Something is there that calls itself a repository and cannot be read as one.
    #[error("failed to open the git repository at {path}: {reason}")]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What is wrong, in gix's words.
        reason: String,
    },
}

/// How to find a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DiscoverOptions {
    /// Honour `GIT_DIR`, `GIT_WORK_TREE`, `GIT_INDEX_FILE`, `GIT_OBJECT_DIRECTORY` and
    /// `GIT_ALTERNATE_OBJECT_DIRECTORIES`, as a hook must.
    pub from_environment: bool,
}

/// A git repository, opened for reading.
pub struct Repository {
    handle: gix::ThreadSafeRepository,
    git_dir: PathBuf,
    common_dir: PathBuf,
    workdir: Option<PathBuf>,
    index_path: PathBuf,
    object_dirs: Vec<PathBuf>,
}

impl Repository {
    /// The repository that `path` is, or lies in; `None` if there is none.
    pub fn discover(path: &Path) -> Result<Option<Self>, RepositoryError> {
        Self::discover_with(path, DiscoverOptions::default())
    }

    /// As [`Repository::discover`].
    pub fn discover_with(path: &Path, options: DiscoverOptions) -> Result<Option<Self>, RepositoryError> {
        let variable = |name: &str| {
            let value = std::env::var_os(name).filter(|_| options.from_environment);
            value.filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let Some(git_dir) = variable("GIT_DIR").or(find(path)?) else { return Ok(None) };
        let mut repository = Self::open(&git_dir)?;
        if let Some(index) = variable("GIT_INDEX_FILE") {
            repository.index_path = index;
        }
        if let Some(workdir) = variable("GIT_WORK_TREE") {
            repository.workdir = Some(workdir);
        }
        // A server's receive hooks see the pushed objects only in a quarantine that these name.
        if let Some(objects) = variable("GIT_OBJECT_DIRECTORY") {
            repository.object_dirs.insert(0, objects);
        }
        if let Some(list) = variable("GIT_ALTERNATE_OBJECT_DIRECTORIES") {
            repository.object_dirs.extend(std::env::split_paths(&list).filter(|dir| !dir.as_os_str().is_empty()));
        }
        Ok(Some(repository))
    }

    /// Opens a `.git` folder, a `.git` file or a bare repository.
    pub fn open(git_dir: &Path) -> Result<Self, RepositoryError> {
        no_special_files(git_dir)?;
        let options = gix::open::Options::isolated()
            .with(Trust::Full)
            .open_path_as_is(true)
            // The configuration is data, whoever owns it: only what is read below has an effect.
            .filter_config_section(|_| true)
            .config_overrides(["core.useReplaceRefs=false", "core.commitGraph=false", "core.multiPackIndex=false"]);
        // gix refuses alternates that go in circles, which git and the history here follow once each: with a given number of
        // packs it does not look at them.
        let opened = options.clone().open(git_dir);
        let handle = opened
            .or_else(|error| options.object_store_slots(Slots::Given(MOST_PACKS)).open(git_dir).map_err(|_| error))
            .map_err(|error| RepositoryError::Damaged { path: git_dir.to_owned(), reason: with_causes(&error) })?;
        let local = handle.to_thread_local();
        // Folders are compared, so `.git/worktrees/a/../..` has to be `.git`.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let common_dir = real(local.common_dir());
        Ok(Self {
            git_dir: real(local.git_dir()),
            workdir: local.workdir().map(Path::to_owned),
            index_path: local.index_path(),
            object_dirs: vec![common_dir.join("objects")],
            common_dir,
            handle,
        })
    }

    /// What reports say of the repository. Damaged refs are left out here; the history names them.
    #[must_use]
    pub fn info(&self) -> GitInfo {
        let refs = self.refs();
        let config = self.handle.to_thread_local();
        let config = config.config_snapshot();
        GitInfo {
            head: refs.head,
            branch: refs.branch.map(|name| String::from_utf8_lossy(&name).into_owned()),
            refs: refs.all.len() as u64,
            bare: self.workdir.is_none(),
            shallow: self.common_dir.join("shallow").is_file(),
            origin: config.string("remote.origin.url").map(|url| without_credentials(&url.to_string())),
        }
    }

    /// The working tree; `None` in a bare repository.
    #[must_use]
    pub fn workdir(&self) -> Option<&Path> {
        self.workdir.as_deref()
    }

    /// The `.git` folder, for a linked worktree its private one.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The folder that all worktrees share: objects, refs, configuration.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The index file, `GIT_INDEX_FILE` where the environment counts.
    #[must_use]
    pub fn index_path(&self) -> &Path {
        &self.index_path
    }

    /// The hash of object ids.
    #[must_use]
    pub fn object_hash(&self) -> gix::hash::Kind {
        self.handle.to_thread_local().object_hash()
    }

    /// gix's own handle, for the index, attributes and single objects.
    #[must_use]
    pub fn handle(&self) -> &gix::ThreadSafeRepository {
        &self.handle
    }

    /// The file that holds the content of an LFS pointer, if it was fetched. `sha256` is the pointer's id in lower hex.
    #[must_use]
    pub fn lfs_object(&self, sha256: &str) -> Option<PathBuf> {
        let hex = sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let path = hex.then(|| self.common_dir.join("lfs/objects").join(&sha256[..2]).join(&sha256[2..4]).join(sha256));
        path.filter(|path| path.is_file())
    }

    /// Configuration files of git itself: the repository's, its worktrees' and its submodules', sorted.
    #[must_use]
    pub fn config_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut todo = vec![(self.common_dir.clone(), 0)];
        let worktrees = folders(&self.common_dir.join("worktrees"));
        todo.extend(worktrees.into_iter().map(|folder| (folder, MAX_MODULE_DEPTH)));
        while let Some((folder, depth)) = todo.pop() {
            found.extend(
                ["config", "config.worktree"].map(|name| folder.join(name)).into_iter().filter(|p| p.is_file()),
            );
            if depth >= MAX_MODULE_DEPTH {
                continue;
            }
            // A submodule named `a/b` has its folder at modules/a/b; one without HEAD only leads to others.
            let is_git_dir = folder.join("HEAD").is_file();
            let below = if is_git_dir { folders(&folder.join("modules")) } else { folders(&folder) };
            todo.extend(below.into_iter().map(|folder| (folder, depth + 1)));
        }
        found.sort();
        found
    }

    /// Where objects lie, the first being where git would write.
    pub(crate) fn object_dirs(&self) -> &[PathBuf] {
        &self.object_dirs
    }

    pub(crate) fn ref_folders(&self) -> RefFolders<'_> {
        RefFolders { common: &self.common_dir, own: &self.git_dir, hash: self.object_hash() }
    }

    pub(crate) fn refs(&self) -> Refs {
        self.ref_folders().read()
    }

    /// Whether the configuration names a remote that promises to deliver missing objects.
    pub(crate) fn has_promisor(&self) -> bool {
        let local = self.handle.to_thread_local();
        let config = local.config_snapshot();
        let of_remote = config.plumbing().sections_by_name("remote").into_iter().flatten().any(|remote| {
            let off: [&[u8]; 4] = [b"false", b"no", b"off", b"0"];
            remote.value("promisor").is_some_and(|value| !off.contains(&value.as_slice()))
        });
        of_remote || config.string("extensions.partialClone").is_some()
    }

    /// Whether refs are kept in files, the only form read here.
    pub(crate) fn refs_in_files(&self) -> bool {
        let local = self.handle.to_thread_local();
        let storage = local.config_snapshot().string("extensions.refStorage");
        storage.is_none_or(|storage| storage.eq_ignore_ascii_case(b"files"))
    }
}

/// The `.git` folder or file of `path` or the next folder above that has one, or a bare repository on the way.
fn find(path: &Path) -> Result<Option<PathBuf>, RepositoryError> {
    let Ok(start) = path.canonicalize() else { return Ok(None) };
    for folder in start.ancestors().filter(|folder| folder.is_dir()) {
        let dot_git = folder.join(".git");
        no_special_files(&dot_git)?;
        if gix::discover::is_git(&dot_git).is_ok() {
            return Ok(Some(dot_git));
        }
        // Something that has objects and cannot be opened must not pass for a folder without history.
        if dot_git.is_file() || dot_git.join("objects").is_dir() {
            return Err(RepositoryError::Damaged {
                path: dot_git,
                reason: "no HEAD or no refs, or its folder is not there".to_owned(),
            });
        }
        if folder.join("objects").is_dir() && folder.join("refs").is_dir() {
            no_special_files(folder)?;
        }
        if gix::discover::is_git(folder).is_ok() {
            return Ok(Some(folder.to_owned()));
        }
    }
    Ok(None)
}

/// Files that are read where a repository is opened or walked, below the private folder of a worktree and the common one.
const READ_BLINDLY: [&str; 8] = [
    "HEAD",
    "commondir",
    "config",
    "config.worktree",
    "packed-refs",
    "shallow",
    "MERGE_HEAD",
    "objects/info/alternates",
];

/// Longest path that a `.git` or `commondir` file names.
const LONGEST_PATH: u64 = 64 << 10;

/// Refuses a repository with a pipe or device where a file has to be: a reader would wait or go on forever.
fn no_special_files(dot_git: &Path) -> Result<(), RepositoryError> {
    let git_dir = linked(dot_git, "gitdir:").unwrap_or_else(|| dot_git.to_owned());
    let check = |folder: &Path| {
        let special = |name: &&str| fs::metadata(folder.join(name)).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
        match READ_BLINDLY.into_iter().find(special) {
            Some(name) => {
                Err(RepositoryError::Damaged { path: dot_git.to_owned(), reason: format!("{name} is not a file") })
            }
            None => Ok(()),
        }
    };
    check(&git_dir)?;
    linked(&git_dir.join("commondir"), "").map_or(Ok(()), |common| check(&common))
}

/// The path that a small file holds after `prefix`, from the folder of the file.
fn linked(file: &Path, prefix: &str) -> Option<PathBuf> {
    fs::metadata(file).ok().filter(|meta| meta.is_file() && meta.len() <= LONGEST_PATH)?;
    let text = fs::read_to_string(file).ok()?;
    Some(file.parent()?.join(text.strip_prefix(prefix)?.trim()))
}

/// An error and what caused it, in one line. gix quotes what it could not read, and in a configuration that may be a token
/// in an address: what follows a quote is left out.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    let unquoted = text.split(['\'', '"', '`', '=']).next().unwrap_or_default();
    unquoted.trim_end_matches([':', ' ', ',']).to_owned()
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// A remote's URL without user, password and query, any of which may be a token.
#[must_use]
pub fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    // `user@host:path` is ssh too; an `@` behind the first slash belongs to the path.
    let host_end = rest.find('/').unwrap_or(rest.len());
    let rest = rest[..host_end].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_credentials() {
        let cases = [
            ("https://user:secret@example.com/a.git", "https://example.com/a.git"),
            ("https://token@example.com/a@b?private_token=x#y", "https://example.com/a@b"),
            ("ssh://git@example.com:22/a", "ssh://example.com:22/a"),
            ("git@example.com:a/b.git", "example.com:a/b.git"),
            ("../other", "../other"),
        ];
        for (url, expected) in cases {
            assert_eq!(without_credentials(url), expected);
        }
    }
}
