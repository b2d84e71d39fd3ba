use proptest::prelude::*;
use sekisho::source::diff::{DiffFile, DiffLine, parse};

use crate::support::{command, commit_all, git, repository, write};

fn added(file: &DiffFile) -> Vec<(u32, String)> {
    let text = String::from_utf8_lossy(&file.text).into_owned();
    let lines = text.lines().zip(&file.lines).filter(|(_, line)| line.added);
    lines.map(|(text, line)| (line.number, text.to_owned())).collect()
}

fn paths(files: &[DiffFile]) -> Vec<String> {
    files.iter().map(|file| file.path.to_string()).collect()
}

#[test]
fn reads_what_git_writes() {
    let (_dir, root) = repository();
    let long = (1..=40).map(|i| format!("line {i}")).collect::<Vec<_>>().join("\n") + "\n";
    write(&root, "long.txt", &long);
    write(&root, "gone.txt", "going\n");
    write(&root, "renamed.txt", &long);
    write(&root, "mode.sh", "x\n");
    write(&root, "logo.bin", b"\0\x01\x02");
    commit_all(&root, "first");
    write(&root, "long.txt", long.replace("line 3\n", "new 3\nnew 4\n").replace("line 38\n", "new 39"));
    std::fs::remove_file(root.join("gone.txt")).unwrap();
    std::fs::rename(root.join("renamed.txt"), root.join("täb\tname b.txt")).unwrap();
    write(&root, "täb\tname b.txt", format!("{long}more\n"));
    write(&root, "logo.bin", b"\0\x01\x03");
    write(&root, "crlf.txt", "one\r\ntwo\r\n");
    commit_all(&root, "second\n\ncommit and diff --git are words here");
    let head = git(&root, &["rev-parse", "HEAD"]);

    for arguments in [
        vec!["log", "-p", "-M", "-1"],
        vec!["format-patch", "--stdout", "-1"],
        vec!["show", "-M", "--no-prefix"],
        vec!["show", "-M", "--binary"],
        vec!["-c", "diff.mnemonicPrefix=true", "diff", "-M", "HEAD~"],
        vec!["show", "-M", "-U0"],
    ] {
        let output = git(&root, &arguments);
        let files = parse(output.as_bytes()).unwrap();
        assert_eq!(paths(&files), ["crlf.txt", "logo.bin", "long.txt", "täb\tname b.txt"], "{arguments:?}");
        assert_eq!(files.iter().map(|file| file.binary).collect::<Vec<_>>(), [false, true, false, false]);
        assert_eq!(added(&files[2]), [(3, "new 3".into()), (4, "new 4".into()), (39, "new 39line 39".into())]);
        assert_eq!(added(&files[3]), [(41, "more".into())], "{arguments:?}");
        assert_eq!(files[0].text, b"one\r\ntwo\r\n");
        let commit = files[0].commit.map(|commit| commit.to_string());
        assert_eq!(commit, (!arguments.contains(&"diff")).then(|| head.trim().to_owned()));
    }
}

#[test]
fn hunks_are_kept_apart_and_matches_mapped_back() {
    let diff =
        b"--- old/a.c\t2024-01-01 00:00:00\n+++ new/a.c\t2024-01-02 00:00:00\n@@ -1,2 +1,3 @@\n one\n+two\n three\n\
        @@ -9,2 +10,1 @@ fn x\n-nine\n ten\n\\ No newline at end of file\n";
    let files = parse(diff).unwrap();
    assert_eq!(paths(&files), ["new/a.c"]);
    assert_eq!(files[0].text, b"one\ntwo\nthree\n@@\nten");
    let line = |number, added| DiffLine { number, added };
    assert_eq!(files[0].lines, [line(1, false), line(2, true), line(3, false), line(0, false), line(10, false)]);
    assert!(files[0].adds(1, 2) && files[0].adds(2, 3));
    assert!(!files[0].adds(3, 3) && !files[0].adds(2, 5), "not added, and not one piece");
    assert!(!files[0].adds(0, 1) && !files[0].adds(2, 9), "not there");
    assert_eq!((files[0].number(5), files[0].number(4), files[0].number(9)), (Some(10), None, None));
}

#[test]
fn a_merge_adds_only_what_no_parent_has() {
    let (_dir, root) = repository();
    write(&root, "a", "1\n2\n3\n");
    commit_all(&root, "base");
    git(&root, &["checkout", "-q", "-b", "topic"]);
    write(&root, "a", "topic\n2\n3\n");
    commit_all(&root, "topic");
    git(&root, &["checkout", "-q", "main"]);
    write(&root, "a", "main\n2\n3\n");
    commit_all(&root, "main");
    assert!(!command(&root, &["merge", "-q", "topic"]).output().unwrap().status.success(), "it should conflict");
    write(&root, "a", "main\ntopic\nevil\n2\n3\n");
    commit_all(&root, "merge");
    let files = parse(git(&root, &["show", "--cc"]).as_bytes()).unwrap();
    assert_eq!(paths(&files), ["a"]);
    assert_eq!(added(&files[0]), [(3, "evil".into())]);
}

#[test]
fn deleted_and_plain_files() {
    let files = parse(b"diff -ru a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\nOnly in b: y\nBinary files a/p.png and b/p.png differ\n").unwrap();
    assert_eq!(paths(&files), ["x", "b/p.png"]);
    let gone = b"diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n";
    assert_eq!(parse(gone), Ok(vec![]));
    assert_eq!(parse(b""), Ok(vec![]));
    let two = b"--- x\n+++ x\n@@ -0,0 +1 @@\n+a\n--- y\n+++ y\n@@ -1,2 +1 @@\n--- z\n b\n";
    assert_eq!(paths(&parse(two).unwrap()), ["x", "y"]);
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_line() {
    let head = "--- a/x\n+++ b/x\n";
    for (line, diff) in [
        (1, "just some text\n".to_owned()),
        (1, "\u{feff}\u{1b}[1mdiff --git a/x b/x\n".to_owned()),
        (3, format!("{head}@@ -1,1 +1,99999999999 @@\n")),
        (3, format!("{head}@@ rubbish\n")),
        (4, format!("{head}@@ -1,2 +1,2 @@\n a\n")),
        (5, format!("{head}@@ -1,2 +1,2 @@\n a\ndiff --git a/y b/y\n")),
        (5, format!("{head}@@ -0,0 +1 @@\n+a\n+b\n")),
        (4, format!("{head}@@ -0,0 +1 @@\n-a\n+b\n")),
        (5, format!("{head}@@ -1,9 +1 @@\n+a\n+b\n")),
        (1, "@@ -1 +1 @@\n-a\n+b\n".to_owned()),
        (4, format!("{head}@@@ -1 -1 +1 @@@\n+\n")),
    ] {
        let error = parse(diff.as_bytes()).unwrap_err();
        assert_eq!(error.line, line, "{diff:?}: {error}");
    }
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        Just(String::new()),
        Just("-- a".to_owned()),
        Just("++ b/x".to_owned()),
        Just("@@ -1 +1 @@".to_owned()),
        Just("\\ No newline".to_owned()),
        Just("diff --git a/x b/x".to_owned()),
        "[a-c\\r\\t é]{0,3}",
    ];
    proptest::collection::vec(line, 0..30)
}

fn content(lines: &[String], ends: bool) -> String {
    let mut content = lines.join("\n");
    if ends && !lines.is_empty() {
        content.push('\n');
    }
    content
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every line that git's diff shows of the new file stands there under its number; removing the added ones gives
    /// lines of the old file; with all context the text is the file.
    #[test]
    fn agrees_with_git(old in lines(), new in lines(), ends in any::<(bool, bool)>(), context in 0u32..4) {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (content(&old, ends.0), content(&new, ends.1));
        write(dir.path(), "old", &old);
        write(dir.path(), "new", &new);
        let diff = |context: &str| {
            let output = command(dir.path(), &["diff", "--no-index", "--text", context, "old", "new"]).output().unwrap();
            parse(&output.stdout).unwrap()
        };
        let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
        for file in diff(&format!("-U{context}")) {
            prop_assert_eq!(file.path.to_string(), "new");
            let shown: Vec<&str> = std::str::from_utf8(&file.text).unwrap().split_inclusive('\n').collect();
            prop_assert_eq!(shown.len(), file.lines.len());
            for (text, line) in shown.iter().zip(&file.lines).filter(|(_, line)| line.number > 0) {
                prop_assert_eq!(text.trim_end_matches('\n'), new_lines[line.number as usize - 1].trim_end_matches('\n'));
            }
        }
        let whole = diff("-U1000");
        if let [file] = whole.as_slice() {
            prop_assert_eq!(std::str::from_utf8(&file.text).unwrap(), &new);
            let kept: Vec<&str> = new_lines.iter().zip(&file.lines).filter(|(_, line)| !line.added).map(|(text, _)| *text).collect();
            let mut old_lines = old.split_inclusive('\n');
            prop_assert!(kept.iter().all(|kept| old_lines.any(|line| line == *kept)));
        }
    }

    /// Spoiled diffs end in an answer or an error.
    #[test]
    fn never_panics(diff in "(diff --git a/x b/x\n|--- a/x\n|\\+\\+\\+ b/x\n|@@@? -[0-9]{1,11},?[0-9]? \\+[0-9],[0-9] @@@?\n|[ +-]{0,2}x\n|\\\\ No\n|\"\\\\3\n|Binary files a and b differ\n|commit [a-f0-9]{38,41}\n){0,12}") {
        if let Err(error) = parse(diff.as_bytes()) {
            prop_assert!(error.line <= diff.lines().count() as u64);
        }
    }
}
