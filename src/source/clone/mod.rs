//! Takes the URL of a repository, gives a bare mirror of it on disk; must never put a password where another process or
//! a later reader of the mirror can see it, run a hook or ask the user anything.
//!
//! git itself does the transfer: it knows proxies, protocols and large repositories.

mod git;
mod url;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use url::{Remote, UrlError};

use git::Git;

/// Why there is no mirror.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// The URL is not one that is fetched.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// There is no git to run.
    #[error("git was not found; it is needed to fetch a URL")]
    NoGit,
    /// git gave up. Its last lines, without user and password.
    #[error("git failed to fetch {url}: {message}")]
    Git {
        /// Without user and password.
        url: String,
        /// What git said.
        message: String,
    },
    /// The cache cannot be written, or git not be run.
    #[error("failed to write {}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The user asked to stop. Nothing unfinished is left behind.
    #[error("interrupted")]
    Cancelled,
}

/// Brings the mirror of `url` in `cache_dir` up to date, or makes it, and gives its path.
///
/// Allowed are `https://`, `ssh://`, `user@host:path` and `file://`. `progress` is told what git says on its way;
/// `cancelled` is asked several times a second, and when it turns true git is ended.
pub fn clone_url(
    url: &str,
    cache_dir: &Path,
    progress: &mut dyn FnMut(&str),
    cancelled: &dyn Fn() -> bool,
) -> Result<PathBuf, CloneError> {
    let remote = Remote::parse(url)?;
    let mirror = cache_dir.join(format!("{}.git", remote.key()));
    create_private(cache_dir).map_err(|source| CloneError::Io { path: cache_dir.to_owned(), source })?;
    let mut git = Git { remote: &remote, progress, cancelled };
    if mirror.join("HEAD").is_file() {
        git.run(
            &mirror,
            &["--git-dir=.", "fetch", "--prune", "--force", "--no-recurse-submodules", "--progress", "--"],
            &["+refs/*:refs/*"],
        )?;
        follow_head(&mut git, &mirror)?;
        return Ok(mirror);
    }
    // Made under another name first: a mirror that is there is whole.
    let partial = cache_dir.join(format!("{}.{}.partial", remote.key(), std::process::id()));
    let _ = fs::remove_dir_all(&partial);
    let target = partial.to_string_lossy().into_owned();
    let made = git
        .run(cache_dir, &["clone", "--mirror", "--template=", "--no-local", "--progress", "--"], &[&target])
        .and_then(|_| put_in_place(&partial, &mirror));
    if made.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    made.map(|()| mirror)
}

/// Another process may have made the same mirror meanwhile; that one serves as well.
fn put_in_place(partial: &Path, mirror: &Path) -> Result<(), CloneError> {
    match fs::rename(partial, mirror) {
        Err(_) if mirror.join("HEAD").is_file() => {
            let _ = fs::remove_dir_all(partial);
            Ok(())
        }
        Err(source) => Err(CloneError::Io { path: mirror.to_owned(), source }),
        Ok(()) => Ok(()),
    }
}

/// Sets HEAD to the branch that the remote's HEAD is on now.
fn follow_head(git: &mut Git<'_>, mirror: &Path) -> Result<(), CloneError> {
    let listing = git.run(mirror, &["--git-dir=.", "ls-remote", "--symref", "--"], &["HEAD"])?;
    let branch = listing.lines().find_map(|line| line.strip_prefix("ref: ")?.strip_suffix("\tHEAD"));
    if let Some(branch) = branch.filter(|branch| branch.starts_with("refs/heads/")) {
        git.run_local(mirror, &["--git-dir=.", "symbolic-ref", "HEAD", branch])?;
    }
    Ok(())
}

/// Mirrors hold what their owners may not want other users of the machine to read.
fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}
