use std::path::Path;
use std::sync::atomic::Ordering;

use sekisho::blob::RepoPath;
use sekisho::coverage::SkipReason;
use sekisho::source::SizeLimit;
use sekisho::source::index::tracked_paths;
use sekisho::source::worktree::{Worktree, WorktreeOptions, scan_git_config};

use crate::support::{Collected, commit_all, git, open, repository, write};

fn scan(root: &Path, options: WorktreeOptions) -> Collected {
    let sink = Collected::default();
    Worktree::new(root, options).unwrap().scan(&sink);
    sink
}

fn tracked(root: &Path) -> WorktreeOptions {
    WorktreeOptions { tracked: Some(tracked_paths(&open(root)).unwrap()), ..WorktreeOptions::default() }
}

fn skip(reason: SkipReason, what: &str) -> (SkipReason, String) {
    (reason, what.to_owned())
}

#[test]
fn ignored_files_are_left_out_unless_tracked() {
    let (_dir, root) = repository();
    write(&root, ".gitignore", "*.log\n/build/\n");
    write(&root, "src/main.rs", "main");
    write(&root, ".env", "hidden");
    write(&root, "tracked.log", "t");
    write(&root, "build/deep/kept.txt", "k");
    commit_all(&root, "first");
    write(&root, "other.log", "o");
    write(&root, "build/out.o", "o");
    write(&root, "build/deep/out.o", "o");
    write(&root, "build2/x", "not ignored");
    write(&root, "src/.gitignore", "!*.log\n");
    write(&root, "src/a.log", "taken back");
    write(&root, ".ignore", "src\n");
    let sink = scan(&root, tracked(&root));
    let expected = [
        ".env",
        ".gitignore",
        ".ignore",
        "build/deep/kept.txt",
        "build2/x",
        "config:.git/config",
        "src/.gitignore",
        "src/a.log",
        "src/main.rs",
        "tracked.log",
    ];
    assert_eq!(sink.paths(), expected);
    assert_eq!(sink.files()["src/main.rs"], "main");
    assert_eq!(sink.skipped(), [skip(SkipReason::Ignored, "build/"), skip(SkipReason::Ignored, "other.log")]);

    let all = scan(&root, WorktreeOptions { honour_ignores: false, ..tracked(&root) });
    assert_eq!(all.paths().len(), expected.len() + 3);
    assert_eq!(all.skipped(), []);
    // What is named is scanned, ignored or not; what lies inside another named path once.
    let only = ["build", "build/deep", "src/main.rs"].map(RepoPath::from).to_vec();
    let named = scan(&root, WorktreeOptions { only, ..tracked(&root) });
    assert_eq!(named.paths(), ["build/deep/kept.txt", "build/deep/out.o", "build/out.o", "src/main.rs"]);
    // Outside a repository there is nothing that git would leave out.
    let plain = tempfile::tempdir().unwrap();
    write(plain.path(), ".gitignore", "secret\n");
    write(plain.path(), "secret", "s");
    assert_eq!(scan(plain.path(), WorktreeOptions::default()).paths(), [".gitignore", "secret"]);
}

#[test]
fn excluded_and_large_files_are_told() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "vendor/a/b.c", "x");
    write(dir.path(), "a.min.js", "x");
    write(dir.path(), "exact", "12345");
    write(dir.path(), "large", "123456");
    write(dir.path(), "empty", "");
    let mut exclude = globset::GlobSetBuilder::new();
    exclude.add(globset::Glob::new("vendor").unwrap()).add(globset::Glob::new("**/*.min.js").unwrap());
    let exclude = exclude.build().unwrap();
    let size = SizeLimit { bytes: 5, by_user: false };
    let sink = scan(dir.path(), WorktreeOptions { exclude, size, threads: 1, ..WorktreeOptions::default() });
    assert_eq!(sink.paths(), ["empty", "exact"]);
    assert_eq!(
        sink.skipped(),
        [
            skip(SkipReason::OverDefaultSize, "large: 6 bytes"),
            skip(SkipReason::Excluded, "a.min.js"),
            skip(SkipReason::Excluded, "vendor"),
        ]
    );
}

#[cfg(unix)]
#[test]
fn links_special_files_and_odd_names() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("tree");
    write(outer.path(), "outside", "not ours");
    write(&root, "inside", "ours");
    symlink("inside", root.join("to-inside")).unwrap();
    symlink("../outside", root.join("to-outside")).unwrap();
    symlink("/etc", root.join("to-etc")).unwrap();
    symlink("..", root.join("to-parent")).unwrap();
    symlink(".", root.join("to-self")).unwrap();
    symlink("loop-b", root.join("loop-a")).unwrap();
    symlink("loop-a", root.join("loop-b")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    std::fs::write(root.join(std::ffi::OsStr::from_bytes(b"odd\xff\n")), "odd").unwrap();
    let sink = scan(&root, WorktreeOptions::default());
    assert_eq!(sink.paths(), ["inside", "odd%FF\n"]);
    let links = ["to-etc", "to-outside", "to-parent"].map(|link| skip(SkipReason::Symlink, link));
    let special = ["pipe", "socket"].map(|file| skip(SkipReason::SpecialFile, file));
    assert_eq!(sink.skipped(), [links.to_vec(), special.to_vec()].concat());
    // A link that is named is followed.
    assert_eq!(scan(&root.join("to-outside"), WorktreeOptions::default()).files()["to-outside"], "not ours");
    symlink("tree", outer.path().join("to-tree")).unwrap();
    assert_eq!(scan(&outer.path().join("to-tree"), WorktreeOptions::default()).paths().len(), 2);
    let pipe = scan(&root.join("pipe"), WorktreeOptions::default());
    assert_eq!(pipe.skipped(), [skip(SkipReason::SpecialFile, "pipe")]);
    assert!(Worktree::new(&root.join("missing"), WorktreeOptions::default()).is_err());
}

#[cfg(unix)]
#[test]
fn tracked_files_behind_a_link_in_an_ignored_folder_are_not_followed() {
    let (dir, root) = repository();
    write(&root, ".gitignore", "/build/\n");
    write(&root, "build/d/file", "tracked");
    commit_all(&root, "first");
    std::fs::remove_dir_all(root.join("build/d")).unwrap();
    let outside = dir.path().canonicalize().unwrap();
    write(&outside, "file", "elsewhere");
    std::os::unix::fs::symlink(&outside, root.join("build/d")).unwrap();
    assert!(!scan(&root, tracked(&root)).paths().contains(&"build/d/file".to_owned()));
}

#[cfg(unix)]
#[test]
fn unreadable_things_are_told_and_the_rest_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "good", "g");
    write(dir.path(), "closed", "c");
    write(dir.path(), "folder/inner", "i");
    let mode = |path: &str, mode| {
        std::fs::set_permissions(dir.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("closed", 0);
    mode("folder", 0);
    let is_root = std::fs::read(dir.path().join("closed")).is_ok();
    let sink = scan(dir.path(), WorktreeOptions::default());
    mode("folder", 0o755);
    if is_root {
        assert_eq!(sink.paths(), ["closed", "folder/inner", "good"], "root reads everything");
        return;
    }
    assert_eq!(sink.paths(), ["good"]);
    let skipped = sink.skipped();
    assert_eq!(skipped.len(), 2);
    for (found, path) in skipped.iter().zip(["closed: ", "folder: "]) {
        assert_eq!(found.0, SkipReason::Unreadable);
        assert!(found.1.starts_with(path), "{found:?}");
    }
}

#[test]
fn configuration_of_git_is_read_wherever_it_lies() {
    let (dir, root) = repository();
    let outer = dir.path().canonicalize().unwrap();
    let library = outer.join("library");
    std::fs::create_dir(&library).unwrap();
    git(&library, &["init", "-q"]);
    write(&library, "lib.c", "lib");
    commit_all(&library, "lib");
    let url = library.to_str().unwrap();
    git(&root, &["submodule", "--quiet", "add", url, "deps/here"]);
    git(&root, &["submodule", "--quiet", "add", url, "deps/away"]);
    write(&root, "a", "1");
    commit_all(&root, "first");
    git(&root, &["submodule", "--quiet", "deinit", "-f", "deps/away"]);
    write(&root, "nested/.git/config", "[a]\n");
    write(&root, "nested/file", "n");
    write(&root, "stray/.git", format!("gitdir: {}/.git\n", library.display()));
    let sink = scan(&root, tracked(&root));
    let configs: Vec<String> = sink.paths().into_iter().filter(|path| path.starts_with("config:")).collect();
    let modules = ["config:.git/modules/deps/away/config", "config:.git/modules/deps/here/config"];
    assert_eq!(configs, [&["config:.git/config"], modules.as_slice(), &["config:nested/.git/config"]].concat());
    assert!(sink.paths().contains(&"deps/here/lib.c".to_owned()));
    assert!(sink.paths().contains(&"nested/file".to_owned()));
    assert_eq!(sink.skipped(), [skip(SkipReason::Submodule, "deps/away")]);

    let linked = outer.join("linked");
    git(&root, &["config", "extensions.worktreeConfig", "true"]);
    git(&root, &["worktree", "add", "-q", linked.to_str().unwrap()]);
    git(&linked, &["config", "--worktree", "some.key", "value"]);
    let files = scan(&linked, tracked(&linked)).files();
    assert!(files["config:.git/config"].contains("worktreeConfig"));
    assert!(files["config:.git/config.worktree"].contains("value"));
    assert!(files.contains_key("a"));

    let bare = Collected::default();
    scan_git_config(&root.join(".git"), &RepoPath::default(), SizeLimit::DEFAULT, &bare);
    assert!(bare.paths().contains(&"config:config".to_owned()));
    assert!(bare.paths().contains(&"config:worktrees/linked/config.worktree".to_owned()));
}

#[test]
fn many_files_come_once_each_and_cancelling_stops() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..500 {
        write(dir.path(), &format!("d{}/e{}/f{i}", i % 11, i % 5), "x".repeat(i * 37));
    }
    let sink = scan(dir.path(), WorktreeOptions { threads: 4, ..WorktreeOptions::default() });
    let files = sink.files();
    assert_eq!(files.len(), 500);
    for i in 0..500 {
        assert_eq!(files[&format!("d{}/e{}/f{i}", i % 11, i % 5)].len(), i * 37);
    }
    let sink = Collected::default();
    sink.cancelled.store(true, Ordering::Relaxed);
    Worktree::new(dir.path(), WorktreeOptions::default()).unwrap().scan(&sink);
    assert_eq!(sink.files().len(), 0);
}
