//! Where configuration files are. Takes the targets of a scan, gives the files that hold for them; must never leave the
//! repository of a target, follow a link out of it, or wait on something that is no file.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::error::UserError;
use crate::cli::terminal::escape_path;

/// Name of the file in a repository.
pub const FILE_NAME: &str = ".sekisho.toml";

/// A configuration is written by hand; what is larger is something else.
const MAX_BYTES: u64 = 1 << 20;

/// A configuration file that was found and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The folder that whatever the file names must lie in; `None` for a file that the user chose.
    pub confined_to: Option<PathBuf>,
}

/// The user's own file, if there is one: `$XDG_CONFIG_HOME/sekisho/config.toml`, or below `~/.config`.
pub fn user(xdg_config_home: Option<&Path>, home: Option<&Path>) -> Result<Option<Found>, UserError> {
    let folder = match (xdg_config_home.filter(|path| path.is_absolute()), home) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(home)) => home.join(".config"),
        (None, None) => return Ok(None),
    };
    let path = folder.join("sekisho").join("config.toml");
    if fs::symlink_metadata(&path).is_err() { Ok(None) } else { read(path, None).map(Some) }
}

/// A file that the user named with `--config`.
pub fn named(path: &Path) -> Result<Found, UserError> {
    read(path.to_owned(), None)
}

/// The nearest `.sekisho.toml` at or above a target, up to the root of its repository; without a repository, only in the
/// target itself (a folder) or beside it (a file).
///
/// A target that does not exist has none.
pub fn repository(target: &Path) -> Result<Option<Found>, UserError> {
    let Ok(target) = target.canonicalize() else { return Ok(None) };
    let start = if target.is_dir() { target.as_path() } else { target.parent().unwrap_or(&target) };
    let root = start.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(start);
    for folder in start.ancestors() {
        let path = folder.join(FILE_NAME);
        if fs::symlink_metadata(&path).is_ok() {
            return inside(path, root).map(Some);
        }
        if folder == root {
            break;
        }
    }
    Ok(None)
}

/// Reads a repository's file, unless it is a link that leaves the repository.
fn inside(path: PathBuf, root: &Path) -> Result<Found, UserError> {
    match path.canonicalize() {
        Ok(real) if real.starts_with(root) => read(path, Some(root.to_owned())),
        Ok(_) => Err(UserError::with_help(
            format!("{} is a link that leaves its repository", escape_path(&path)),
            "scan with --no-repo-config to do without it",
        )),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn read(path: PathBuf, confined_to: Option<PathBuf>) -> Result<Found, UserError> {
    let about = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
    if !about.is_file() {
        return Err(UserError::new(format!("{} is not a file", escape_path(&path))));
    }
    let mut text = String::new();
    fs::File::open(&path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| unreadable(&path, &error))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(UserError::new(format!("{} is larger than 1 MiB", escape_path(&path))));
    }
    Ok(Found { path, text, confined_to })
}

fn unreadable(path: &Path, error: &std::io::Error) -> UserError {
    UserError::new(format!("failed to read the configuration {}: {error}", escape_path(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_up_to_the_repository_root_holds() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::write(root.join(FILE_NAME), "# outside\n").unwrap();
        let repo = root.join("repo");
        fs::create_dir_all(repo.join("a/b")).unwrap();
        fs::create_dir(repo.join(".git")).unwrap();
        assert_eq!(repository(&repo.join("a/b")).unwrap(), None, "the search stops at the repository's root");

        fs::write(repo.join(FILE_NAME), "# root\n").unwrap();
        fs::write(repo.join("a/b/file"), "x").unwrap();
        let found = repository(&repo.join("a/b/file")).unwrap().unwrap();
        assert_eq!((found.text.as_str(), found.confined_to), ("# root\n", Some(repo.clone())));

        fs::write(repo.join("a").join(FILE_NAME), "# nearer\n").unwrap();
        assert_eq!(repository(&repo.join("a/b")).unwrap().unwrap().text, "# nearer\n");
        assert_eq!(repository(&repo.join("missing")).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_repository_and_a_pipe_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("repo");
        fs::create_dir_all(repo.join(".git")).unwrap();
        fs::write(dir.path().join("secret"), "not yours").unwrap();
        std::os::unix::fs::symlink("../secret", repo.join(FILE_NAME)).unwrap();
        let error = repository(&repo).unwrap_err().to_string();
        assert!(error.contains("leaves its repository") && !error.contains("not yours"), "{error}");

        fs::remove_file(repo.join(FILE_NAME)).unwrap();
        fs::create_dir(repo.join(FILE_NAME)).unwrap();
        assert!(repository(&repo).unwrap_err().to_string().contains("is not a file"));
    }

    #[test]
    fn the_users_file_stands_below_the_configuration_home() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".config/sekisho/config.toml");
        assert_eq!(user(None, Some(dir.path())).unwrap(), None);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "# mine\n").unwrap();
        assert_eq!(user(None, Some(dir.path())).unwrap().unwrap().text, "# mine\n");
        assert_eq!(user(Some(dir.path()), Some(dir.path())).unwrap(), None);
        assert_eq!(user(None, None).unwrap(), None);
    }
}
