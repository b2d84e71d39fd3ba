//! What is damaged, odd or wrong: each says what happened, loses nothing that can still be scanned, and ends with the
//! status for it. Unreadable files, a missing object and hostile names are in `tests/scan.rs`, beside their contract.

#![allow(clippy::unwrap_used, reason = "a helper that unwraps fails the test that calls it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use place::{Place, expect, json, mint, text};

#[path = "scan/place.rs"]
mod place;

/// A repository with a token in the tree and one that only the history has.
fn repository() -> Place {
    let place = Place::repository();
    place.write("a.txt", "text that is no secret\n");
    place.write("old.env", format!("GITHUB_TOKEN={}\n", mint(1)));
    place.commit("one");
    fs::remove_file(place.path().join("old.env")).unwrap();
    place.write("new.env", format!("GITHUB_TOKEN={}\n", mint(2)));
    place.commit("two");
    place
}

/// The report of a scan that fails for nothing but what it could not see.
fn incomplete(place: &Place) -> Value {
    let output = place.scan(&["--fail-on=never", "--format=json"]);
    expect(&output, 3);
    let report = json(&output);
    assert_eq!(report["complete"], false);
    report
}

fn paths(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["occurrences"][0]["path"].as_str().unwrap()).collect()
}

/// Whether something was skipped for `reason`, with an example that says `word`.
fn skipped(report: &Value, reason: &str, word: &str) -> bool {
    let mut all = report["coverage"]["skipped"].as_array().unwrap().iter();
    all.any(|skip| {
        let mut examples = skip["examples"].as_array().unwrap().iter();
        skip["reason"] == reason && examples.any(|example| example.as_str().unwrap().contains(word))
    })
}

fn object(place: &Place, revision: &str) -> (String, PathBuf) {
    let id = place.git(&["rev-parse", revision]).trim().to_owned();
    let path = place.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
    (id, path)
}

#[test]
fn a_damaged_byte_anywhere_in_a_delta_is_seen() {
    let place = Place::repository();
    for n in 0..6 {
        place.write(&format!("{n}.txt"), format!("{}\nfile {n}\n", "words that are in all files\n".repeat(20)));
    }
    place.commit("one");
    let pack = pack(&place, "pack");
    let listed = place.git(&["verify-pack", "-v", pack.with_extension("idx").to_str().unwrap()]);
    let delta = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|entry| entry.len() == 7);
    let delta = delta.expect("git makes deltas of versions that are nearly the same");
    let (len, start): (usize, usize) = (delta[3].parse().unwrap(), delta[4].parse().unwrap());
    let whole = fs::read(&pack).unwrap();
    // The first byte names the kind, those behind it how far back the base is.
    for at in start..start + len {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        // git writes packs that may not be written to.
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
        let report = incomplete(&place);
        assert!(skipped(&report, "corrupt-object", delta[0]), "byte {} of the entry: {report:#}", at - start);
    }
}

/// The only file with this ending among the packs.
fn pack(place: &Place, ending: &str) -> PathBuf {
    place.git(&["gc", "-q"]);
    let entries = fs::read_dir(place.path().join(".git/objects/pack")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let path = paths.find(|path| path.extension().is_some_and(|found| found == ending)).unwrap();
    overwritable(&path);
    path
}

/// git writes its objects read-only.
fn overwritable(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_corrupt_object_is_named_and_the_rest_is_scanned() {
    let place = repository();
    let (id, path) = object(&place, "HEAD:a.txt");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "garbage").unwrap();
    let report = incomplete(&place);
    assert!(skipped(&report, "corrupt-object", &id), "{report:#}");
    assert_eq!(paths(&report), ["new.env", "old.env"]);
}

#[test]
fn a_truncated_pack_costs_what_was_in_its_end() {
    let place = repository();
    let path = pack(&place, "pack");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    let report = incomplete(&place);
    assert!(skipped(&report, "corrupt-object", "truncated"), "{report:#}");
    assert!(paths(&report).contains(&"new.env"));
}

#[test]
fn the_index_of_a_pack_or_of_the_tree_may_be_garbage() {
    let place = repository();
    fs::write(pack(&place, "idx"), [0x5a; 2000]).unwrap();
    let report = incomplete(&place);
    assert!(skipped(&report, "corrupt-object", "index is damaged"), "{report:#}");
    assert_eq!(paths(&report)[0], "new.env");

    let place = repository();
    fs::write(place.path().join(".git/index"), [0x5a; 500]).unwrap();
    let report = incomplete(&place);
    assert!(skipped(&report, "corrupt-index", "failed to read index"), "{report:#}");
    assert_eq!(paths(&report), ["new.env", "old.env"]);
    // Of what is staged nothing is known without it.
    let output = place.scan(&["--staged"]);
    expect(&output, 2);
    assert!(text(&output.stderr).contains("failed to read index"));
}

#[test]
fn refs_to_nothing_are_named_and_the_others_walked() {
    let place = repository();
    place.write(".git/refs/heads/gone", format!("{}\n", "12".repeat(20)));
    place.write(".git/refs/heads/junk", "no object id\n");
    let report = incomplete(&place);
    assert!(skipped(&report, "broken-ref", "refs/heads/gone"), "{report:#}");
    assert!(skipped(&report, "broken-ref", "refs/heads/junk"), "{report:#}");
    assert_eq!(paths(&report), ["new.env", "old.env"]);
}

#[test]
fn around_a_repository_that_cannot_be_opened_the_files_are_scanned() {
    type Harm = fn(&Path);
    let damage: [(&str, Harm); 3] = [
        ("no HEAD", |git| fs::remove_file(git.join("HEAD")).unwrap()),
        ("on line 2", |git| {
            fs::write(git.join("config"), "[remote \"a\"]\n\turl https://SECRET@example.com\n[core\n").unwrap();
        }),
        ("its folder is not there", |git| {
            fs::remove_dir_all(git).unwrap();
            fs::write(git, "gitdir: /nonexistent/git\n").unwrap();
        }),
    ];
    for (says, harm) in damage {
        let place = repository();
        harm(&place.path().join(".git"));
        let report = incomplete(&place);
        assert!(skipped(&report, "git-refused", says), "{report:#}");
        assert!(!report.to_string().contains("SECRET"), "{report:#}");
        assert_eq!(paths(&report), ["new.env"]);
        expect(&place.scan(&["--fail-on=never", "--allow-incomplete=git-refused"]), 0);
        // Whoever asks for the history is told that there is none.
        for asked in ["--staged", "--no-tree", "--history=reachable"] {
            let output = place.scan(&[asked]);
            expect(&output, 2);
            assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
        }
    }
}

#[cfg(unix)]
#[test]
fn links_in_circles_end_and_files_behind_them_come_once() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.write("a/b.env", format!("GITHUB_TOKEN={}\n", mint(3)));
    symlink("..", place.path().join("a/up")).unwrap();
    symlink(".", place.path().join("here")).unwrap();
    symlink("two", place.path().join("one")).unwrap();
    symlink("one", place.path().join("two")).unwrap();
    let output = place.scan(&["--format=json"]);
    expect(&output, 1);
    let report = json(&output);
    assert_eq!(report["findings"][0]["occurrences"].as_array().unwrap().len(), 1);
    assert_eq!(report["complete"], true);
    let output = place.scan(&["one"]);
    expect(&output, 2);
    assert!(text(&output.stderr).contains("failed to look at one"));
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_not_read_for_ignore_files_or_files_of_git() {
    use std::os::unix::fs::symlink;
    let pipe = |place: &Place, name: &str| {
        let path = place.path().join(name);
        let _ = fs::remove_file(&path);
        assert!(place.command("mkfifo").arg(path).status().unwrap().success());
    };
    // Any repository can hold a link to a device without an end.
    let place = repository();
    place.write("deep/er/a.env", format!("GITHUB_TOKEN={}\n", mint(5)));
    symlink("/dev/zero", place.path().join("deep/.gitignore")).unwrap();
    place.write(".gitignore", "old.txt\n");
    place.write("old.txt", format!("GITHUB_TOKEN={}\n", mint(6)));
    let report = json(&place.scan(&["--format=json"]));
    assert_eq!(paths(&report), ["deep/er/a.env", "new.env", "old.env"]);
    fs::remove_file(place.path().join(".gitignore")).unwrap();
    pipe(&place, ".gitignore");
    let report = json(&place.scan(&["--format=json"]));
    assert_eq!(paths(&report), ["deep/er/a.env", "new.env", "old.txt", "old.env"]);

    for name in ["HEAD", "config", "packed-refs", "shallow", "commondir"] {
        let place = repository();
        pipe(&place, &format!(".git/{name}"));
        let report = incomplete(&place);
        assert!(skipped(&report, "git-refused", &format!("{name} is not a file")), "{report:#}");
        assert_eq!(paths(&report), ["new.env"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_escaped() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    let name = std::ffi::OsStr::from_bytes(b"a\xff\n.env");
    fs::write(place.path().join(name), format!("GITHUB_TOKEN={}\n", mint(4))).unwrap();
    assert_eq!(paths(&json(&place.scan(&["--format=json"]))), ["a%FF\n.env"]);
    assert!(text(&place.scan(&[]).stdout).contains("--> a%FF\\u{a}.env:1:14"));
}

const RULE: &str = r#"[[rule]]
id = "acme.key"
kind = "credential"
title = "Acme key"
description = "Acts as the user."
regex = '''\b(?<secret>acmekey_[a-z0-9]{12})\b'''
severity = "high"
confidence = "high"
status = "preview"
"#;

#[test]
fn a_rule_file_with_an_error_is_shown_with_its_place() {
    let place = Place::new();
    let check = |old: &str, new: &str, says: &str, at: &str| {
        assert!(RULE.contains(old));
        place.write("mine/acme.toml", RULE.replacen(old, new, 1));
        for (args, status) in [(&["scan", ".", "--rules", "mine"][..], 2), (&["rules", "check", "mine/acme.toml"], 1)] {
            let output = place.sekisho().args(args).output().unwrap();
            expect(&output, status);
            let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
            assert!(said.contains(says) && said.contains(&format!("mine/acme.toml:{at}")), "{said}");
        }
    };
    check("\"high\"", "\"hihg\"", "unknown variant `hihg`", "7:12");
    check("[a-z0-9]{12}", "[a-z0-9]{12", "unclosed counted repetition", "6:40");
    check("[a-z0-9]{12}", "(?:[a-z]{1000}){1000}", "the compiled regex is larger than 1048576 bytes", "6:12");
    check("id = ", "ld = ", "unknown field `ld`", "2:1");
}

#[test]
fn rules_of_ones_own_are_used_and_a_path_without_any_is_a_mistake() {
    let place = Place::new();
    place.write("mine/acme.toml", RULE);
    place.write("tree/a.txt", ["acme", "key_k3w9x1q7z5p2\n"].concat());
    // The rule is a preview one, which is what a rule without examples has to be.
    expect(&place.scan(&["tree", "--rules=mine"]), 1);
    expect(&place.scan(&["tree", "--rules=mine/acme.toml", "--rule=acme.*"]), 1);
    expect(&place.scan(&["tree", "--rules=mine", "--exclude-rule=acme.key"]), 0);
    expect(&place.scan(&["tree"]), 0);
    for missing in ["--rules=tree", "--rules=nowhere"] {
        expect(&place.scan(&["tree", missing]), 2);
    }
    let check = |path: &str| -> Output { place.sekisho().args(["rules", "check", path]).output().unwrap() };
    expect(&check("tree"), 2);
    expect(&check("nowhere"), 2);
}

#[test]
fn an_unknown_option_and_a_target_that_is_no_file_end_with_2() {
    let place = repository();
    expect(&place.scan(&["--no-such-option"]), 2);
    expect(&place.scan(&["--history=main..nowhere"]), 2);
    if cfg!(unix) {
        let output = place.scan(&["/dev/null"]);
        expect(&output, 2);
        assert!(text(&output.stderr).contains("sekisho scan -"), "{}", text(&output.stderr));
    }
    expect(&place.scan_stdin(&["--diff", "-"], "--- a/x\n+++ b/x\n@@ -1,2 +1,9 @@\n-old\n+new\n"), 2);
}
