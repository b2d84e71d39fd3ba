//! Files that are not what stands at their place, and a user who does not wait.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gix::objs::Kind;

use super::pack::{Pack, Repo, tree};
use super::{assert_complete, assert_found, leak, says, scanned, skipped, usual};
use sekisho::blob::Blob;
use sekisho::coverage::SkipReason;
use sekisho::source::history::{Engine, History, HistoryOptions, Scope};
use sekisho::source::repository::Repository;
use sekisho::source::{Sink, SizeLimit};

fn pipe(at: &Path) {
    let _ = fs::remove_file(at);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(at).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_links_in_place_of_packs_and_objects_are_named() {
    use std::os::unix::fs::symlink;
    for (name, says_what) in [
        ("pack/pack-x.idx", "pack pack-x.pack: its index is not a file"),
        ("pack/pack-x.pack", "pack pack-x.pack: not a file"),
        ("loose", "a link, pipe or folder and not a file"),
        ("pack", "objects/pack: "),
    ] {
        for kind in ["pipe", "device", "folder"] {
            let repo = Repo::new();
            let good = repo.loose(Kind::Blob, &leak(1));
            let mut pack = Pack::default();
            let packed = pack.blob(&leak(2));
            pack.write(&repo.packs(), "x");
            let odd = repo.loose(Kind::Blob, &leak(3));
            repo.commit(&[good, packed, odd]);
            let path = if name == "loose" { repo.loose_path(&odd) } else { repo.objects().join(name) };
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            match kind {
                "pipe" => pipe(&path),
                "device" => symlink("/dev/zero", &path).unwrap(),
                _ if name == "pack" => continue,
                _ => fs::create_dir(&path).unwrap(),
            }
            let report = scanned(&repo, &usual());
            assert!(says(&report, says_what), "{name}, a {kind}: {report:#}");
            assert!(skipped(&report).len() <= 2, "{name}, a {kind}: {report:#}");
            let lost = if name == "loose" { odd } else { packed };
            let kept: Vec<_> = [good, packed, odd].into_iter().filter(|id| *id != lost).collect();
            assert_found(&report, &kept);
        }
    }
}

#[test]
fn a_damaged_list_of_shallow_commits_is_named_and_what_it_says_is_kept_to() {
    let repo = Repo::new();
    let good = repo.loose(Kind::Blob, &leak(1));
    let head = repo.commit(&[good]);
    fs::write(repo.path().join("shallow"), format!("garbage\n{}\n\nmore garbage\n", "12".repeat(20))).unwrap();
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("git-refused", 1)]);
    assert!(says(&report, "shallow: lines that are no object ids: 2"), "{report:#}");
    assert_found(&report, &[good]);
    // An id of another length is none either; one of a commit here cuts its parents off, as it should.
    fs::write(repo.path().join("shallow"), format!("{}\n", "12".repeat(32))).unwrap();
    assert!(says(&scanned(&repo, &usual()), "no object ids: 1"));
    fs::write(repo.path().join("shallow"), format!("{head}\n")).unwrap();
    assert_eq!(skipped(&scanned(&repo, &usual())), [("shallow-boundary", 1)]);
    fs::remove_file(repo.path().join("shallow")).unwrap();
    fs::create_dir(repo.path().join("shallow")).unwrap();
    assert_eq!(skipped(&scanned(&repo, &usual())), [("git-refused", 1)]);
}

#[test]
fn alternates_in_circles_are_followed_once_each() {
    let repos: Vec<Repo> = (0..3).map(|_| Repo::new()).collect();
    let mut blobs = Vec::new();
    for (at, repo) in repos.iter().enumerate() {
        let next = &repos[(at + 1) % 3];
        fs::create_dir_all(repo.objects().join("info")).unwrap();
        let lists = format!("{}\n{}\n", next.objects().display(), repo.objects().display());
        fs::write(repo.objects().join("info/alternates"), lists).unwrap();
        let mut pack = Pack::default();
        blobs.push(pack.blob(&leak(10 + at as u32)));
        pack.write(&repo.packs(), "lent");
        blobs.push(repo.loose(Kind::Blob, &leak(20 + at as u32)));
    }
    repos[0].commit(&blobs);
    let report = scanned(&repos[0], &usual());
    assert_complete(&report);
    assert_found(&report, &blobs);
}

/// Asks to stop once it was shown some messages.
#[derive(Default)]
struct Impatient {
    shown: AtomicUsize,
    stopped: AtomicBool,
    skipped: Mutex<Vec<(SkipReason, String)>>,
}

impl Sink for Impatient {
    fn blob(&self, _: Blob<'_>) {
        panic!("nothing is handed out to who has stopped");
    }

    fn is_blank(&self, _: sekisho::blob::ObjectId, _: &[u8]) -> bool {
        if self.shown.fetch_add(1, Ordering::Relaxed) > 10 {
            self.stopped.store(true, Ordering::Relaxed);
        }
        true
    }

    fn skip(&self, reason: SkipReason, what: String) {
        self.skipped.lock().unwrap().push((reason, what));
    }

    fn cancelled(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

#[test]
fn who_stops_in_the_commits_waits_no_longer_and_is_told_nothing_wrong() {
    const COMMITS: usize = 3000;
    let repo = Repo::new();
    let mut pack = Pack::default();
    let blob = pack.blob(&leak(1));
    let tree = pack.object(Kind::Tree, &tree(&[blob]));
    let mut head = None;
    for number in 0..COMMITS {
        let parent = head.map(|id| format!("parent {id}\n")).unwrap_or_default();
        let text = format!("tree {tree}\n{parent}author A <a> {number} +0000\ncommitter C <c> {number} +0000\n\nm\n");
        head = Some(pack.object(Kind::Commit, text.as_bytes()));
    }
    fs::write(repo.path().join("refs/heads/main"), format!("{}\n", head.unwrap())).unwrap();
    pack.write(&repo.packs(), "long");
    let repository = Repository::open(repo.path()).unwrap();
    let options = HistoryOptions {
        scope: Scope::AllObjects,
        since: None,
        reflog: false,
        size: SizeLimit::DEFAULT,
        engine: Engine::Delta,
    };
    let sink = Impatient::default();
    let history = History::open(&repository, options, &sink).unwrap();
    assert!(sink.shown.load(Ordering::Relaxed) < 100, "the pass over the commits goes on");
    history.messages(&sink);
    history.blobs(&sink);
    assert!(history.changes(&sink).is_empty());
    history.attribute(&[blob].into(), &sink);
    assert_eq!(history.covered(), (0, 0));
    assert_eq!(*sink.skipped.lock().unwrap(), []);

    for engine in [Engine::Plain, Engine::Delta] {
        let how = super::How { engine, stopped: true, ..usual() };
        let report = serde_json::from_str(&super::engines::report(repo.path(), &how)).unwrap();
        assert_eq!(skipped(&report), [("interrupted", 1)]);
    }
}
