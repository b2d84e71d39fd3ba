//! A sink that collects, and repositories made by git itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use sekisho::blob::Blob;
use sekisho::coverage::SkipReason;
use sekisho::provenance::Provenance;
use sekisho::source::Sink;

/// Keeps all it is given.
#[derive(Default)]
pub struct Collected {
    pub blobs: Mutex<Vec<(Provenance, Vec<u8>)>>,
    pub skips: Mutex<Vec<(SkipReason, String)>>,
    pub cancelled: AtomicBool,
}

impl Sink for Collected {
    fn blob(&self, blob: Blob<'_>) {
        self.blobs.lock().unwrap().push((blob.provenance.clone(), blob.bytes.to_vec()));
    }

    fn skip(&self, reason: SkipReason, what: String) {
        self.skips.lock().unwrap().push((reason, what));
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl Collected {
    /// Content by path; configuration files are marked by `config:`. Each path must come once.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for (provenance, bytes) in &*self.blobs.lock().unwrap() {
            let path = match provenance {
                Provenance::Tree(path) => path.to_string(),
                Provenance::Config(path) => format!("config:{path}"),
                other => format!("{other:?}"),
            };
            let before = files.insert(path.clone(), String::from_utf8_lossy(bytes).into_owned());
            assert_eq!(before, None, "{path} was handed out twice");
        }
        files
    }

    pub fn paths(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }

    /// What was skipped, sorted.
    pub fn skipped(&self) -> Vec<(SkipReason, String)> {
        let mut skips = self.skips.lock().unwrap().clone();
        skips.sort();
        skips
    }
}

/// Runs git in `folder`, apart from the machine's configuration; gives its standard output.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().expect("git should be there because the tests need it");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.com")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.com")
        .env("GIT_CONFIG_COUNT", "3")
        .env("GIT_CONFIG_KEY_0", "init.defaultBranch")
        .env("GIT_CONFIG_VALUE_0", "main")
        .env("GIT_CONFIG_KEY_1", "protocol.file.allow")
        .env("GIT_CONFIG_VALUE_1", "always")
        .env("GIT_CONFIG_KEY_2", "commit.gpgSign")
        .env("GIT_CONFIG_VALUE_2", "false");
    command
}

/// An empty repository in a folder of its own, which goes away with the first value.
pub fn repository() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("repo");
    std::fs::create_dir(&root).unwrap();
    git(&root, &["init", "-q"]);
    (dir, root)
}

/// Writes a file and the folders it lies in.
pub fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub fn commit_all(root: &Path, message: &str) {
    git(root, &["add", "-A", "-f"]);
    git(root, &["commit", "-q", "-m", message]);
}

/// The repository as gix sees it, apart from the machine's configuration.
pub fn open(root: &Path) -> gix::Repository {
    gix::open_opts(root, gix::open::Options::isolated()).unwrap()
}
