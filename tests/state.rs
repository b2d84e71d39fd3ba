//! `sekisho scan --state`: whatever happened to a repository, its rules or the file since the last scan, the report is that
//! of a full scan, byte for byte; and what is known is not read again.

#![allow(clippy::unwrap_used, reason = "a helper that unwraps fails the test that calls it")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Output;

use place::{Place, expect, json, mint, text};

#[allow(dead_code, reason = "every file of tests uses a part of it")]
#[path = "scan/place.rs"]
mod place;

/// Rules enough for what these tests write: most of a short scan in a build for tests is compiling regexes.
const FEW: &str = "--rule=github.*";

/// A rule that finds what no other one does.
const OWN_RULE: &str = r#"provider = "Acme"
[[rule]]
id = "acme.file"
kind = "credential"
title = "Acme file"
description = "Names a file."
regex = '\bacme file (?<secret>1[0-9])\b'
severity = "low"
confidence = "medium"
status = "preview"
"#;

const STATE: &str = "--state=.git/state";

/// Scans in full and with the state, and compares; gives what the second one says.
#[track_caller]
fn compare(place: &Place, args: &[&str], what: &str) -> Output {
    let args = [args, &["--format=json", "--reproducible", "--all-occurrences", "-v"]].concat();
    let full = place.scan(&args);
    let again = place.scan(&[&args[..], &[STATE]].concat());
    assert_ne!(full.status.code(), Some(2), "{what}: {}", text(&full.stderr));
    assert_eq!(full.status, again.status, "{what}: {}", text(&again.stderr));
    assert_eq!(text(&full.stdout), text(&again.stdout), "{what}");
    again
}

/// How many blobs were known, and how many there are.
#[track_caller]
fn known(output: &Output) -> (u64, u64) {
    let said = text(&output.stderr);
    let line = said.lines().find_map(|line| line.strip_suffix(" blobs of the history were known from before"));
    let (known, all) =
        line.unwrap_or_else(|| panic!("{said}")).trim_start_matches("note: ").split_once(" of ").unwrap();
    (known.parse().unwrap(), all.parse().unwrap())
}

/// Some numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

fn token(dice: &mut Dice) -> String {
    format!("GITHUB_TOKEN={}\n", mint(dice.below(6) as u32))
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A picture, which is skipped by design.
fn picture(dice: &mut Dice) -> Vec<u8> {
    [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &dice.below(u64::MAX).to_le_bytes(), &[0; 60]].concat()
}

fn pointer(content: &[u8]) -> (String, String) {
    use sha2::Digest as _;
    let oid = sha2::Sha256::digest(content).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {}\n", content.len());
    (pointer, oid)
}

/// Text of many lines, so that git makes deltas of its versions.
fn lines(dice: &mut Dice) -> String {
    let mut text = String::new();
    for line in 0..60 {
        let _ = writeln!(text, "line {line} of a file that has many of them");
    }
    for _ in 0..dice.below(4) {
        let at = text.match_indices('\n').nth(dice.below(60) as usize).map_or(0, |(at, _)| at + 1);
        let line = if dice.below(3) == 0 { token(dice) } else { format!("an edit {}\n", dice.below(1000)) };
        text.insert_str(at, &line);
    }
    text
}

fn edit(place: &Place, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let name = dice.one(&["a.txt", "b.env", "c/d.py", "c/e.md", "f"]);
        match dice.below(13) {
            0 => drop(fs::remove_file(place.path().join(name))),
            1 => drop(place.write(name, picture(dice))),
            2 => drop(place.write(name, zip(&[("x", token(dice).as_bytes()), ("y", b"text")]))),
            3 => drop(place.write(name, zip(&[("x", lines(dice).as_bytes()), ("y", &dice.below(9).to_le_bytes())]))),
            4 => drop(place.write(name, zip(&[("x.png", &picture(dice)), ("y", b"text")]))),
            12 => {
                let whole = zip(&[("x", lines(dice).as_bytes()), ("y", &[7; 300])]);
                place.write(name, &whole[..whole.len() - 30]);
            }
            5 => {
                let content = token(dice);
                let (pointer, oid) = pointer(content.as_bytes());
                place.write(name, pointer);
                let stored = format!(".git/lfs/objects/{}/{}/{oid}", &oid[..2], &oid[2..4]);
                if dice.below(2) == 0 {
                    place.write(&stored, content);
                } else {
                    // One that was there before may go.
                    let _ = fs::remove_file(place.path().join(stored));
                }
            }
            _ => drop(place.write(name, lines(dice))),
        }
    }
    let message = if dice.below(8) == 0 { token(dice) } else { "some words".to_owned() };
    place.commit(&message);
}

/// Runs git where it may have a reason to refuse.
fn try_git(place: &Place, args: &[&str]) -> bool {
    place.command("git").args(args).output().unwrap().status.success()
}

/// Does something to a repository; gives its name.
fn step(place: &Place, dice: &mut Dice) -> &'static str {
    let branch = dice.one(&["main", "one", "two"]);
    match dice.below(16) {
        0..=5 => {
            edit(place, dice);
            "commits"
        }
        6 => {
            if !try_git(place, &["checkout", "-q", "-f", branch]) {
                try_git(place, &["checkout", "-q", "-b", branch]);
            }
            "a branch"
        }
        7 => {
            if !try_git(place, &["merge", "-q", "--no-edit", "-X", "theirs", branch]) {
                try_git(place, &["merge", "--abort"]);
            }
            "a merge"
        }
        8 => {
            try_git(place, &["branch", "-D", branch]);
            "a branch that goes"
        }
        9 => {
            try_git(place, &["reset", "-q", "--hard", "HEAD~1"]);
            "commits that go"
        }
        10 => {
            fs::write(place.path().join("b.env"), lines(dice)).unwrap();
            place.git(&["add", "-A"]);
            place.git(&["commit", "-q", "--allow-empty", "--amend", "-m", "other words"]);
            "another commit instead"
        }
        11 => {
            let name = dice.one(&["t1", "t2", "t3"]);
            let message = token(dice);
            try_git(place, &["tag", "-d", name]);
            try_git(place, &["tag", "-a", name, "-m", &message]);
            "a tag"
        }
        12 => {
            // A blob that only a tag names, and a note.
            let blob = place.write("stray", lines(dice));
            let id = place.git(&["hash-object", "-w", "stray"]);
            fs::remove_file(blob).unwrap();
            place.git(&["tag", "-f", "blob", id.trim()]);
            place.git(&["notes", "add", "-f", "-m", "a note"]);
            "a tag of a blob"
        }
        13 => {
            place.git(&["repack", "-q", "-d"]);
            "a pack more"
        }
        14 => {
            place.git(&["repack", "-q", "-a", "-d", "-f", "--depth=20", "--window=20"]);
            "other deltas"
        }
        _ => {
            place.git(&["reflog", "expire", "--expire=now", "--all"]);
            place.git(&["gc", "-q", "--prune=now"]);
            "what is unreachable is thrown away"
        }
    }
}

#[test]
fn whatever_happens_in_between_the_report_is_that_of_a_full_scan() {
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let place = Place::repository();
        // What is packed, and when, is a step of its own.
        place.git(&["config", "gc.auto", "0"]);
        place.write("a.txt", lines(&mut dice));
        place.commit("the first");
        compare(&place, &[FEW], "the first scan");
        let mut done = vec![];
        for _ in 0..14 {
            for _ in 0..=dice.below(2) {
                done.push(step(&place, &mut dice));
            }
            let args: &[&str] = match dice.below(12) {
                0 => &[FEW, "--history=all-objects"],
                1 => &[FEW, "--archive-depth=0"],
                2 => &[FEW, "--max-file-size=1k"],
                3 => &["--rule=gitlab.*"],
                4 => &[FEW, "--no-ignore", "--no-tree"],
                5 => &[FEW, "--jobs=1", "--plain-history"],
                _ => &[FEW],
            };
            done.extend(args);
            compare(&place, args, &format!("seed {seed} after {done:?}"));
        }
        compare(&place, &[], &format!("seed {seed} with all rules after {done:?}"));
    }
}

/// A repository in one pack, with 20 blobs of which 3 have a token, and one commit more than that.
fn packed() -> Place {
    let place = Place::repository();
    let file = |n: u32| format!("{}\nacme file {n}\n", "words that are in all files\n".repeat(20));
    for n in 0..20 {
        let secret = if n < 3 { format!("GITHUB_TOKEN={}\n", mint(n)) } else { String::new() };
        place.write(&format!("{n}.txt"), file(n) + &secret);
    }
    place.commit("one");
    place.git(&["gc", "-q"]);
    place
}

#[test]
fn only_blobs_with_matches_and_new_ones_are_read_again() {
    let place = packed();
    assert_eq!(known(&compare(&place, &[FEW], "first")), (0, 20));
    assert_eq!(known(&compare(&place, &[FEW], "second")), (17, 20));
    place.write("new.txt", "new\n");
    place.write("new.env", format!("GITHUB_TOKEN={}\n", mint(9)));
    place.commit("two");
    assert_eq!(known(&compare(&place, &[FEW], "two new ones")), (17, 22));
    // Loose objects count as known once their bytes were compared with their ids.
    assert_eq!(known(&compare(&place, &[FEW], "nothing new")), (18, 22));
    place.git(&["repack", "-q", "-a", "-d", "-f"]);
    assert_eq!(known(&compare(&place, &[FEW], "another pack")), (18, 22));
    // How many threads there are and what is shown makes no difference to what is known.
    assert_eq!(known(&compare(&place, &[FEW, "--jobs=1", "--min-confidence=high"], "other options")), (18, 22));
}

#[test]
fn other_rules_and_options_mean_that_everything_is_scanned() {
    let place = packed();
    place.write("own.toml", OWN_RULE);
    place.commit("rules");
    place.git(&["gc", "-q"]);
    compare(&place, &[FEW], "first");
    for args in [
        &["--rule=gitlab.*"][..],
        &[FEW, "--rules=own.toml"],
        &[FEW, "--rules=own.toml", "--rule=acme.*"],
        &[FEW, "--max-file-size=5MB"],
        &[FEW, "--archive-depth=1"],
        &[FEW, "--no-ignore"],
    ] {
        // The one before had none of these options, so that each counts by itself.
        compare(&place, &[FEW], "few rules");
        let output = compare(&place, args, "others");
        assert_eq!(known(&output).0, 0, "{args:?}");
        assert!(text(&output.stderr).contains("everything was scanned"), "{args:?}");
        let output = compare(&place, args, "the same");
        assert_ne!(known(&output).0, 0, "{args:?}");
        assert!(!text(&output.stderr).contains("everything was scanned"), "{args:?}");
    }
    // The same rules by name, and one of them is another one.
    let acme = [FEW, "--rules=own.toml", "--rule=acme.*", "--no-tree"];
    compare(&place, &acme, "a rule of one's own");
    place.write("own.toml", OWN_RULE.replace("1[0-9]", "[2-9]"));
    let output = compare(&place, &acme, "another one under its name");
    assert_eq!(known(&output).0, 0);
    assert!(text(&output.stdout).contains("acme.file"));

    // As many rules, and others.
    compare(&place, &["--rule=github.pat"], "one rule");
    assert_eq!(known(&compare(&place, &["--rule=gitlab.pat"], "one other rule")).0, 0);
}

/// The only pack.
fn pack(place: &Place) -> PathBuf {
    let files = fs::read_dir(place.path().join(".git/objects/pack")).unwrap();
    let mut packs = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "pack"));
    packs.next().unwrap()
}

#[cfg(unix)]
fn writable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

#[cfg(unix)]
#[test]
fn damage_to_what_is_known_is_seen() {
    let place = packed();
    compare(&place, &[FEW], "first");
    let pack = pack(&place);
    writable(&pack);
    let whole = fs::read(&pack).unwrap();
    for at in (40..whole.len() - 20).step_by(211) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        fs::write(&pack, bytes).unwrap();
        let output = compare(&place, &[FEW, "--fail-on=never"], &format!("byte {at}"));
        expect(&output, 3);
    }
    fs::write(&pack, whole).unwrap();
    compare(&place, &[FEW], "whole again");
    assert_eq!(known(&compare(&place, &[FEW], "and known")), (17, 20));
}

#[cfg(unix)]
#[test]
fn damaged_and_missing_loose_objects_are_seen() {
    let place = Place::repository();
    place.write("a.txt", "some text that is committed\n");
    place.commit("one");
    compare(&place, &[FEW], "first");
    assert_eq!(known(&compare(&place, &[FEW], "second")), (1, 1));
    let id = place.git(&["rev-parse", "HEAD:a.txt"]);
    let path = place.path().join(".git/objects").join(&id[..2]).join(id[2..].trim());
    writable(&path);
    fs::write(&path, "no object").unwrap();
    assert_eq!(json(&compare(&place, &[FEW], "damaged"))["complete"], false);
    fs::remove_file(&path).unwrap();
    assert_eq!(json(&compare(&place, &[FEW], "missing"))["complete"], false);
}

#[test]
fn each_repository_is_known_by_itself() {
    let (one, two) = (packed(), packed());
    let other = two.path().to_str().unwrap().to_owned();
    let both = [FEW, ".", &other];
    assert_eq!(known(&compare(&one, &both, "first")), (0, 40));
    assert_eq!(known(&compare(&one, &both, "second")), (34, 40));
    // The same one twice is scanned twice.
    assert_eq!(known(&compare(&one, &[FEW, ".", &other, "."], "third")), (51, 60));
    assert_eq!(known(&compare(&one, &[FEW, "."], "one of them")), (17, 20));
    let strange = Place::new();
    let state = one.path().join(".git/state");
    let moved = strange.path().join("moved");
    fs::rename(one.path(), &moved).unwrap();
    let output = strange.scan(&["moved", FEW, "-v", "--state", moved.join(".git/state").to_str().unwrap()]);
    assert_eq!(known(&output), (0, 20), "a repository in another place is another one");
    fs::rename(&moved, one.path()).unwrap();
    assert!(state.is_file());
}

#[test]
fn a_damaged_file_is_named_and_everything_is_scanned() {
    let place = packed();
    compare(&place, &[FEW], "first");
    let file = place.path().join(".git/state");
    let whole = fs::read(&file).unwrap();
    let other_version = [b"sekisho state 9\n", &whole[16..]].concat();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (bytes, says) in [
        (&whole[..whole.len() / 2], "is damaged: everything is scanned"),
        (&changed, "is damaged: everything is scanned"),
        (&other_version, "is of another version: everything is scanned"),
    ] {
        fs::write(&file, bytes).unwrap();
        let output = compare(&place, &[FEW], says);
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
        assert_eq!(known(&output), (0, 20));
        assert_eq!(fs::read(&file).unwrap(), whole, "it is written anew");
        fs::write(&file, bytes).unwrap();
        assert_eq!(text(&place.scan(&[STATE, FEW, "-q"]).stderr), "");
    }
    fs::write(&file, "").unwrap();
    assert_eq!(known(&compare(&place, &[FEW], "an empty file is a first scan")), (0, 20));
}

#[test]
fn no_other_file_is_overwritten() {
    let place = packed();
    let notes = place.write("notes.md", "my notes\n");
    let output = place.scan(&["--state=notes.md", "-o", "report.json"]);
    expect(&output, 2);
    assert!(text(&output.stderr).contains("notes.md is no state file, and would be overwritten"));
    assert_eq!(fs::read_to_string(notes).unwrap(), "my notes\n");
    assert!(!place.path().join("report.json").exists());

    for (state, says) in [("--state=.git", "it is a folder"), ("--state=no/state", "its folder does not exist")] {
        let output = place.scan(&[state]);
        expect(&output, 2);
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
    }
    expect(&place.scan(&["--state=/dev/null"]), 2);
}

#[test]
fn no_secret_and_no_path_stands_in_the_file_which_is_for_its_owner() {
    let place = packed();
    compare(&place, &[FEW], "first");
    let file = place.path().join(".git/state");
    let bytes = fs::read(&file).unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let folder = place.path().file_name().unwrap().as_encoded_bytes().to_owned();
    for needle in [mint(0).as_bytes(), b"words that", b"0.txt", &folder] {
        assert!(!holds(needle), "{}", needle.escape_ascii());
    }
    assert!(bytes.len() < 600, "{} bytes for 17 ids", bytes.len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_has_no_whole_history_has_no_state() {
    let place = packed();
    for args in [&["--since=2020-01-01"][..], &["--history=HEAD~1..HEAD"], &["--no-history"], &["--staged"]] {
        let output = place.scan(&[args, &[STATE]].concat());
        expect(&output, 2);
        assert!(text(&output.stderr).contains("--state"), "{args:?}: {}", text(&output.stderr));
    }
    assert!(!place.path().join(".git/state").exists());
    // A folder without a repository has nothing to remember, and that is no mistake.
    let plain = Place::new();
    plain.write("a", "text\n");
    expect(&plain.scan(&["a", "--state=s"]), 0);
    expect(&plain.scan(&["a", "--state=s"]), 0);
}
