use std::path::Path;
use std::process::Command;

use sekisho::coverage::SkipReason;
use sekisho::provenance::Provenance;
use sekisho::source::SizeLimit;
use sekisho::source::index::{IndexError, read_blobs, staged_changes, staged_changes_in, tracked_paths};

use crate::support::{Collected, command, commit_all, git, open, repository, write};

/// `path: content <- content of the bases`, sorted by path.
fn staged(root: &Path) -> Vec<String> {
    let sink = Collected::default();
    let changes = staged_changes(&open(root), &sink).unwrap();
    assert_eq!(sink.skipped(), []);
    assert!(changes.iter().all(|change| change.commit.is_none()));
    let show = |object: &gix::ObjectId| git(root, &["cat-file", "blob", &object.to_string()]);
    let line = |change: &sekisho::source::Change| {
        let bases: Vec<String> = change.bases.iter().map(show).collect();
        format!("{}: {} <- {}", change.path, show(&change.object), bases.join(","))
    };
    changes.iter().map(line).collect()
}

#[test]
fn before_the_first_commit_all_is_new() {
    let (_dir, root) = repository();
    assert_eq!(staged(&root), [""; 0], "no index at all");
    write(&root, "a", "1");
    write(&root, "d/b", "2");
    write(&root, "intended", "3");
    git(&root, &["add", "a", "d"]);
    git(&root, &["add", "-N", "intended"]);
    assert_eq!(staged(&root), ["a: 1 <- ", "d/b: 2 <- "]);
}

#[test]
fn compares_with_head_path_by_path() {
    let (_dir, root) = repository();
    for (path, content) in [
        ("a", "a"),
        ("d/same", "s"),
        ("d/deep/changed", "old"),
        ("gone", "g"),
        ("x/moved", "m"),
        ("file-to-dir", "f"),
        ("dir/f", "d"),
        ("a.b", "z"),
        ("a/b", ""),
    ] {
        if path != "a/b" {
            write(&root, path, content);
        }
    }
    commit_all(&root, "first");
    assert_eq!(staged(&root), [""; 0]);
    write(&root, "d/deep/changed", "new");
    write(&root, "d/deep/added", "add");
    write(&root, "unstaged", "u");
    std::fs::remove_file(root.join("gone")).unwrap();
    std::fs::create_dir(root.join("y")).unwrap();
    std::fs::rename(root.join("x/moved"), root.join("y/here")).unwrap();
    std::fs::remove_file(root.join("file-to-dir")).unwrap();
    write(&root, "file-to-dir/inner", "i");
    std::fs::remove_dir_all(root.join("dir")).unwrap();
    write(&root, "dir", "now a file");
    git(&root, &["add", "-A", "--", ":!unstaged"]);
    write(&root, "d/deep/changed", "not staged");
    let expected = [
        "d/deep/added: add <- ",
        "d/deep/changed: new <- old",
        "dir: now a file <- ",
        "file-to-dir/inner: i <- ",
        "y/here: m <- m",
    ];
    assert_eq!(staged(&root), expected);
    // The same without the index's knowledge of unchanged folders, and in other versions of its format.
    git(&root, &["read-tree", "HEAD"]);
    git(&root, &["add", "-A", "--", ":!unstaged"]);
    for version in ["2", "4"] {
        git(&root, &["update-index", "--index-version", version, "--force-write-index"]);
        let staged = staged(&root);
        assert_eq!(staged.len(), 5, "{staged:?}");
        assert_eq!(staged[0], expected[0]);
    }
    git(&root, &["update-index", "--split-index"]);
    assert_eq!(staged(&root).len(), 5);
}

#[test]
fn agrees_with_git_on_many_small_changes() {
    let (_dir, root) = repository();
    let path = |i: u32| format!("d{}/e{}/f{i}", i % 7, i % 3);
    (0..200).for_each(|i| write(&root, &path(i), i.to_string()));
    commit_all(&root, "first");
    let mut seed = 1u32;
    for round in 0..6 {
        for _ in 0..10 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let i = (seed >> 8) % 230;
            if seed >> 30 == 0 {
                let _ = std::fs::remove_file(root.join(path(i)));
            } else {
                write(&root, &path(i), format!("{round} {seed}"));
            }
        }
        git(&root, &["add", "-A"]);
        let told = git(&root, &["diff", "--cached", "--name-only", "--no-renames", "--diff-filter=d"]);
        let paths: Vec<String> = staged(&root).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(paths, told.lines().collect::<Vec<_>>());
        if round % 2 == 1 {
            git(&root, &["commit", "-q", "-m", "next"]);
        }
    }
}

#[test]
fn conflicts_merges_and_submodules() {
    let (_dir, root) = repository();
    write(&root, "a", "base");
    commit_all(&root, "base");
    git(&root, &["checkout", "-q", "-b", "topic"]);
    write(&root, "a", "theirs");
    write(&root, "clean", "merged");
    commit_all(&root, "topic");
    git(&root, &["checkout", "-q", "main"]);
    write(&root, "a", "ours");
    commit_all(&root, "main");
    assert!(!command(&root, &["merge", "-q", "topic"]).output().unwrap().status.success(), "it should conflict");
    // HEAD's own stage is no change; what the merged commit has is a base.
    let mut found: Vec<String> = staged(&root).iter().map(|line| sorted_bases(line)).collect();
    found.sort();
    assert_eq!(found, ["a: base <- ours,theirs", "a: theirs <- ours,theirs", "clean: merged <- merged"]);
    git(&root, &["add", "-A"]);
    let head = git(&root, &["rev-parse", "HEAD"]);
    git(&root, &["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", head.trim())]);
    assert!(staged(&root).iter().all(|line| !line.starts_with("sub")));
    let tracked = tracked_paths(&open(&root)).unwrap();
    let names = |paths: &[sekisho::blob::RepoPath]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&tracked.files), ["a", "clean"]);
    assert_eq!(names(&tracked.submodules), ["sub"]);
}

/// Bases stand in the order of their ids, which says nothing here.
fn sorted_bases(line: &str) -> String {
    let (start, bases) = line.split_once(" <- ").unwrap();
    let mut bases: Vec<&str> = bases.split(',').collect();
    bases.sort_unstable();
    format!("{start} <- {}", bases.join(","))
}

#[test]
fn linked_worktrees_have_an_index_of_their_own() {
    let (dir, root) = repository();
    write(&root, "a", "1");
    commit_all(&root, "first");
    let linked = dir.path().canonicalize().unwrap().join("linked");
    git(&root, &["worktree", "add", "-q", linked.to_str().unwrap()]);
    write(&linked, "b", "2");
    git(&linked, &["add", "b"]);
    assert_eq!(staged(&linked), ["b: 2 <- "]);
    assert_eq!(staged(&root), [""; 0]);
}

#[test]
fn honours_the_index_file_of_the_environment() {
    let (_dir, root) = repository();
    write(&root, "a", "1");
    commit_all(&root, "first");
    write(&root, "a", "2");
    // As `git commit -a` does: the real index is unchanged, the other one has the change.
    let other = root.join(".git/next-index");
    std::fs::copy(root.join(".git/index"), &other).unwrap();
    let status = command(&root, &["add", "a"]).env("GIT_INDEX_FILE", &other).status().unwrap();
    assert!(status.success());
    assert_eq!(staged(&root), [""; 0]);
    let sink = Collected::default();
    assert_eq!(staged_changes_in(&open(&root), &other, &sink).unwrap().len(), 1);
    // The variable is read where it is set, in a process of its own.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "index::in_the_environment", "--include-ignored"])
        .current_dir(&root)
        .env("GIT_INDEX_FILE", &other)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[test]
#[ignore = "run by another test, which sets the environment"]
fn in_the_environment() {
    let sink = Collected::default();
    let changes = staged_changes(&open(&std::env::current_dir().unwrap()), &sink).unwrap();
    assert_eq!(changes.iter().map(|change| change.path.to_string()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_damaged_index_is_an_error() {
    let (_dir, root) = repository();
    (0..50).for_each(|i| write(&root, &format!("d{}/f{i}", i % 5), i.to_string()));
    commit_all(&root, "first");
    let index = root.join(".git/index");
    let good = std::fs::read(&index).unwrap();
    let sink = Collected::default();
    let mut spoiled = vec![b"garbage".to_vec(), b"DIRC".to_vec(), good[..good.len() / 2].to_vec(), good[..30].to_vec()];
    for at in [5, 9, 11, 60, good.len() / 2, good.len() - 25, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        spoiled.push(bytes);
    }
    for bytes in spoiled {
        std::fs::write(&index, &bytes).unwrap();
        let error = staged_changes(&open(&root), &sink).unwrap_err();
        assert!(matches!(&error, IndexError::Index { path, .. } if path == &index), "{error}");
        assert!(tracked_paths(&open(&root)).is_err());
    }
    std::fs::write(&index, &good).unwrap();
    std::fs::write(root.join(".git/refs/heads/main"), format!("{}\n", "12".repeat(20))).unwrap();
    assert!(matches!(staged_changes(&open(&root), &sink), Err(IndexError::Head(_))));
}

#[test]
fn missing_trees_and_blobs_are_reported() {
    let (_dir, root) = repository();
    write(&root, "d/a", "1");
    write(&root, "d/b", "2");
    write(&root, "big", "0123456789");
    commit_all(&root, "first");
    let id = |name: &str| git(&root, &["rev-parse", name]).trim().to_owned();
    let (tree, blob, big) = (id("HEAD:d"), id("HEAD:d/a"), id("HEAD:big"));
    let remove = |id: &str| std::fs::remove_file(root.join(format!(".git/objects/{}/{}", &id[..2], &id[2..]))).unwrap();
    write(&root, "d/c", "3");
    git(&root, &["add", "d/c"]);
    remove(&tree);
    let sink = Collected::default();
    let changes = staged_changes(&open(&root), &sink).unwrap();
    assert_eq!(changes.len(), 3, "what cannot be compared is new");
    assert_eq!(sink.skipped(), [(SkipReason::MissingObject, format!("tree {tree} of HEAD"))]);

    remove(&blob);
    let damaged = id(":d/c");
    let damaged_file = root.join(format!(".git/objects/{}/{}", &damaged[..2], &damaged[2..]));
    std::fs::remove_file(&damaged_file).unwrap();
    std::fs::write(&damaged_file, "no zlib").unwrap();
    let sink = Collected::default();
    let ids: Vec<gix::ObjectId> =
        [&blob, &big, &damaged, &id("HEAD"), &id(":d/b"), &id(":d/b")].map(|id| id.parse().unwrap()).to_vec();
    read_blobs(&open(&root), &ids, SizeLimit { bytes: 9, by_user: true }, &sink);
    let blobs = sink.blobs.lock().unwrap();
    assert_eq!(*blobs, [(Provenance::History(ids[4]), b"2".to_vec())]);
    let reasons: Vec<SkipReason> = sink.skipped().iter().map(|(reason, _)| *reason).collect();
    let corrupt = SkipReason::CorruptObject;
    assert_eq!(reasons, [SkipReason::MissingObject, corrupt, corrupt, SkipReason::OverSizeLimit]);
}

#[test]
fn many_blobs_come_once_each() {
    let (_dir, root) = repository();
    (0..150).for_each(|i| write(&root, &format!("f{i}"), i.to_string()));
    git(&root, &["add", "-A"]);
    let sink = Collected::default();
    let repo = open(&root);
    let changes = staged_changes(&repo, &sink).unwrap();
    let ids: Vec<gix::ObjectId> = changes.iter().map(|change| change.object).collect();
    read_blobs(&repo, &ids, SizeLimit::DEFAULT, &sink);
    let mut contents: Vec<u32> =
        sink.blobs.lock().unwrap().iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).parse().unwrap()).collect();
    contents.sort_unstable();
    assert_eq!(contents, (0..150).collect::<Vec<_>>());
}
