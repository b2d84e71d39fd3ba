//! Builds git repositories from the scripts under `fixtures/git`, runs git beside them, and collects what a source hands out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use sekisho::blob::{Blob, ObjectId};
use sekisho::coverage::SkipReason;
use sekisho::provenance::Provenance;
use sekisho::source::Sink;

/// A folder with a repository in it, removed at the end.
pub struct Fixture {
    /// Removes everything when it goes.
    _dir: tempfile::TempDir,
    pub path: PathBuf,
}

impl Fixture {
    /// An empty folder; the repository is to be made at `path`.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("repo");
        Self { _dir: dir, path }
    }

    /// What `fixtures/git/<name>.sh` builds.
    pub fn build(name: &str) -> Self {
        let fixture = Self::empty();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/git").join(name).with_extension("sh");
        let output = Command::new("sh").arg(script).arg(&fixture.path).output().unwrap();
        assert!(output.status.success(), "{name}.sh: {}", String::from_utf8_lossy(&output.stderr));
        fixture
    }

    /// Runs git in the repository; gives its output without the last line break.
    pub fn git(&self, args: &[&str]) -> String {
        git(&self.path, args)
    }

    pub fn id(&self, revision: &str) -> ObjectId {
        ObjectId::from_hex(self.git(&["rev-parse", revision]).as_bytes()).unwrap()
    }

    /// The file of a loose object.
    pub fn loose(&self, id: &ObjectId) -> PathBuf {
        let hex = id.to_string();
        self.path.join(".git/objects").join(&hex[..2]).join(&hex[2..])
    }

    /// Where the only pack is, with this extension.
    pub fn pack(&self, extension: &str) -> PathBuf {
        let entries = std::fs::read_dir(self.path.join(".git/objects/pack")).unwrap();
        let mut found = entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == extension));
        let path = found.next().expect("the repository has a pack");
        writable(&path);
        path
    }
}

/// Object files are read-only.
#[expect(clippy::permissions_set_readonly_false, reason = "the file is in a private temporary folder")]
pub fn writable(path: &Path) {
    let mut permissions = std::fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions).unwrap();
}

pub fn git(at: &Path, args: &[&str]) -> String {
    git_with(at, args, &[])
}

pub fn git_with(at: &Path, args: &[&str], input: &[u8]) -> String {
    use std::io::Write;
    let mut child = Command::new("git")
        .arg("-C")
        .arg(at)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.com")
        .env("GIT_COMMITTER_NAME", "C")
        .env("GIT_COMMITTER_EMAIL", "c@example.com")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let mut text: Vec<u8> = output.stdout;
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    text.iter().map(|&b| char::from(b)).collect()
}

/// Collects everything a source hands out.
#[derive(Default)]
pub struct Collected {
    pub blobs: Mutex<BTreeMap<ObjectId, Vec<Vec<u8>>>>,
    pub commit_messages: Mutex<BTreeMap<ObjectId, Vec<u8>>>,
    pub tags: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub skipped: Mutex<BTreeSet<(SkipReason, String)>>,
}

impl Collected {
    pub fn ids(&self) -> BTreeSet<ObjectId> {
        let blobs = self.blobs.lock().unwrap();
        assert!(blobs.values().all(|copies| copies.len() == 1), "each blob is handed out once");
        blobs.keys().copied().collect()
    }

    /// The texts of all blobs without their last line break.
    pub fn texts(&self) -> BTreeSet<String> {
        let blobs = self.blobs.lock().unwrap();
        blobs.values().map(|b| String::from_utf8_lossy(&b[0]).trim_end().to_owned()).collect()
    }

    pub fn reasons(&self) -> Vec<SkipReason> {
        self.skipped.lock().unwrap().iter().map(|skip| skip.0).collect()
    }

    pub fn skips(&self, reason: SkipReason) -> Vec<String> {
        let skipped = self.skipped.lock().unwrap();
        skipped.iter().filter(|skip| skip.0 == reason).map(|skip| skip.1.clone()).collect()
    }
}

impl Sink for Collected {
    fn blob(&self, blob: Blob<'_>) {
        let bytes = blob.bytes.to_vec();
        match blob.provenance {
            Provenance::History(id) => self.blobs.lock().unwrap().entry(*id).or_default().push(bytes),
            Provenance::CommitMessage(commit) => {
                assert!(self.commit_messages.lock().unwrap().insert(commit.id, bytes).is_none());
            }
            Provenance::Tag { name, .. } => {
                assert!(self.tags.lock().unwrap().insert(name.as_bytes().to_vec(), bytes).is_none());
            }
            other => panic!("not from a history: {other:?}"),
        }
    }

    fn skip(&self, reason: SkipReason, what: String) {
        assert!(self.skipped.lock().unwrap().insert((reason, what.clone())), "told twice: {what}");
    }

    fn cancelled(&self) -> bool {
        false
    }
}
