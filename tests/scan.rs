//! `sekisho scan` against its contract: exit status, formats, what is seen and what is shown.
//!
//! Tokens are minted while the tests run: no complete one may stand in a committed file.

#![allow(clippy::unwrap_used, reason = "a helper that unwraps fails the test that calls it")]

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use place::{Place, expect, json, mint, text};

#[path = "scan/place.rs"]
mod place;

/// The paths of all occurrences of all findings with a secret.
fn credential_paths(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    let credentials = findings.iter().filter(|finding| finding["kind"] == "credential");
    let occurrences = credentials.flat_map(|finding| finding["occurrences"].as_array().unwrap());
    occurrences.map(|occurrence| occurrence["path"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn a_clean_folder_ends_with_0() {
    let place = Place::new();
    place.write("README", "nothing to see\n");
    expect(&place.scan(&[]), 0);
    expect(&place.scan(&["README"]), 0);
    expect(&Place::new().scan(&["."]), 0);
}

#[test]
fn a_token_ends_with_1_and_never_with_never() {
    let place = Place::new();
    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(1)));
    expect(&place.scan(&[]), 1);
    expect(&place.scan(&["--fail-on=never"]), 0);
    expect(&place.scan(&["--fail-on=endpoint:low"]), 0);
    expect(&place.scan(&["--exclude-rule", "kind:credential"]), 0);
}

#[test]
fn a_token_of_an_old_version_is_found_in_the_history_only() {
    let place = Place::repository();
    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(2)));
    place.commit("one");
    place.write("a.env", "GITHUB_TOKEN=\n");
    place.commit("two");
    expect(&place.scan(&[]), 1);
    expect(&place.scan(&["--no-history"]), 0);
    expect(&place.scan(&["--no-tree"]), 1);
    expect(&place.scan(&["--history=HEAD~1..HEAD"]), 0);
    let report = json(&place.scan(&["--format=json"]));
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    assert_eq!(report["findings"][0]["history"]["in_head"], false);
}

#[test]
fn a_target_that_is_not_there_ends_with_2() {
    let output = Place::new().scan(&["nowhere"]);
    expect(&output, 2);
    assert!(text(&output.stderr).contains("nowhere does not exist"));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_missing_object_ends_with_3_unless_it_is_accepted_and_1_wins() {
    let place = Place::repository();
    place.write("a.txt", "some text that is committed\n");
    place.commit("one");
    let blob = place.git(&["rev-parse", "HEAD:a.txt"]);
    let (folder, file) = blob.trim().split_at(2);
    fs::remove_file(place.path().join(".git/objects").join(folder).join(file)).unwrap();

    let output = place.scan(&["--format=json"]);
    expect(&output, 3);
    let report = json(&output);
    assert_eq!(report["complete"], false);
    let reasons: Vec<_> =
        report["coverage"]["skipped"].as_array().unwrap().iter().map(|skip| skip["reason"].clone()).collect();
    assert!(reasons.contains(&Value::from("missing-object")), "{reasons:?}");
    expect(&place.scan(&["--allow-incomplete=missing-object"]), 0);

    place.write("b.env", format!("GITHUB_TOKEN={}\n", mint(3)));
    let output = place.scan(&["--format=json"]);
    expect(&output, 1);
    assert_eq!(json(&output)["complete"], false);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_ends_with_3() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    let place = Place::new();
    let path = place.write("locked", "x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let scan = |args: &[&str]| {
        let mut command = place.sekisho();
        if fs::File::open(&path).is_ok() {
            // Root reads everything, so somebody else scans, with a program that everybody may run.
            let program = place.path().parent().unwrap().join(format!("sekisho-{}", std::process::id()));
            fs::copy(env!("CARGO_BIN_EXE_sekisho"), &program).unwrap();
            fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
            command = place.command(program.to_str().unwrap());
            let output = command.uid(65_534).arg("scan").args(args).output().unwrap();
            fs::remove_file(program).unwrap();
            return output;
        }
        command.arg("scan").args(args).output().unwrap()
    };
    expect(&scan(&[]), 3);
    expect(&scan(&["--allow-incomplete=unreadable"]), 0);
}

#[test]
fn every_format_can_be_written_in_one_run() {
    let place = Place::new();
    place.write("in/a.env", format!("GITHUB_TOKEN={}\n", mint(4)));
    let output = place.scan(&["in", "-o", "r.json", "-o", "r.jsonl", "-o", "sarif:full=r.full", "-o", "r.sarif"]);
    expect(&output, 1);
    assert!(text(&output.stdout).contains("a.env"), "text still goes to standard output");

    let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(report["schema"], "sekisho/1");
    for name in ["r.sarif", "r.full"] {
        let sarif: Value = serde_json::from_str(&read(name)).unwrap();
        assert_eq!(sarif["version"], "2.1.0", "{name}");
        assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 1, "{name}");
    }
    for line in read("r.jsonl").lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["type"].is_string());
    }
    let names: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 5, "no temporary file stays: {names:?}");

    let quiet = place.scan(&["in", "-q", "-o", "r.json"]);
    expect(&quiet, 1);
    assert!(quiet.stdout.is_empty());
}

#[test]
fn an_output_that_cannot_be_written_is_found_out_before_the_scan() {
    let place = Place::new();
    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(5)));
    let output = place.scan(&["-o", "no/such/folder/r.json", "-o", "r.sarif"]);
    expect(&output, 2);
    assert!(!place.path().join("r.sarif").exists());
}

#[test]
fn secrets_are_masked_unless_they_are_to_be_revealed() {
    let place = Place::new();
    let token = mint(6);
    place.write("a.env", format!("GITHUB_TOKEN={token}\n"));
    for format in ["text", "json", "jsonl", "sarif", "sarif:history", "sarif:full"] {
        let output = place.scan(&["-v", "--format", format]);
        expect(&output, 1);
        let middle = &token[8..token.len() - 8];
        assert!(!text(&output.stdout).contains(middle), "{format} shows the secret");
        assert!(!text(&output.stderr).contains(middle), "{format}: a note shows the secret");
    }
    let report = json(&place.scan(&["--reveal", "--format=json"]));
    assert_eq!(report["findings"][0]["secret"]["value"], token.as_str());
}

#[test]
fn standard_input_is_one_file() {
    let place = Place::new();
    let leak = format!("token = \"{}\"\n", mint(7));
    expect(&place.scan_stdin(&["-"], "nothing\n"), 0);
    let output = place.scan_stdin(&["-", "--stdin-name=conf/a.py", "--format=json"], &leak);
    expect(&output, 1);
    assert_eq!(json(&output)["findings"][0]["occurrences"][0]["source"], "stdin");
}

#[test]
fn of_a_diff_only_the_added_lines_count() {
    let place = Place::new();
    let diff = |sign| {
        let (old, new) = match sign {
            '+' => (1, 2),
            '-' => (2, 1),
            _ => (2, 2),
        };
        format!("--- a/x.env\n+++ b/x.env\n@@ -1,{old} +1,{new} @@\n # key\n{sign}GITHUB_TOKEN={}\n", mint(8))
    };
    let added = place.scan_stdin(&["--diff", "-", "--format=json"], &diff('+'));
    expect(&added, 1);
    assert_eq!(credential_paths(&json(&added)), ["x.env"]);
    assert_eq!(json(&added)["findings"][0]["occurrences"][0]["line"], 2);
    expect(&place.scan_stdin(&["--diff", "-"], &diff('-')), 0);
    expect(&place.scan_stdin(&["--diff", "-"], &diff(' ')), 0);
}

#[test]
fn staged_means_the_index_and_not_the_file() {
    let place = Place::repository();
    place.write("old.env", format!("GITHUB_TOKEN={}\n", mint(9)));
    place.commit("what is committed is no news");
    expect(&place.scan(&["--staged"]), 0);

    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(10)));
    expect(&place.scan(&["--staged"]), 0);
    place.git(&["add", "a.env"]);
    place.write("a.env", "cleaned in the working tree only\n");
    let output = place.scan(&["--staged", "--format=json"]);
    expect(&output, 1);
    assert_eq!(credential_paths(&json(&output)), ["a.env"]);
}

#[test]
fn the_index_is_the_one_that_git_names() {
    let place = Place::repository();
    place.commit("empty");
    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(11)));
    let index = place.path().join(".git/other-index");
    let add = place.command("git").args(["add", "a.env"]).env("GIT_INDEX_FILE", &index).status().unwrap();
    assert!(add.success());
    expect(&place.scan(&["--staged"]), 0);
    let output = place.sekisho().args(["scan", "--staged"]).env("GIT_INDEX_FILE", &index).output().unwrap();
    expect(&output, 1);
}

#[test]
fn an_inline_allow_accepts_and_no_ignore_does_not_care() {
    let place = Place::new();
    place.write("a.env", format!("GITHUB_TOKEN={} # sekisho:allow -- revoked\n", mint(12)));
    expect(&place.scan(&[]), 0);
    let report = json(&place.scan(&["--show-suppressed", "--format=json"]));
    assert_eq!(report["summary"]["suppressed"], 1);
    expect(&place.scan(&["--no-ignore"]), 1);
}

#[test]
fn the_configuration_accepts_and_can_be_left_out() {
    let place = Place::new();
    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(13)));
    place.write(".sekisho.toml", "[[allow]]\nreason = \"test data\"\npaths = [\"*.env\"]\n");
    expect(&place.scan(&[]), 0);
    expect(&place.scan(&["--no-repo-config"]), 1);
    place.write(".sekisho.toml", "[scan]\nexclude = [\"*.env\"]\n");
    expect(&place.scan(&[]), 0);
    expect(&place.scan(&["--no-ignore"]), 1);
}

#[test]
fn the_number_of_threads_cannot_be_seen() {
    let place = Place::repository();
    for round in 0..8 {
        for file in 0..6 {
            let name = format!("d{}/f{file}.env", file % 3);
            place.write(&name, format!("n = {round}\nGITHUB_TOKEN={}\n", mint(100 + round * 3 + file)));
        }
        place.commit("more");
    }
    let run = |jobs: &str| place.scan(&["--reproducible", "--format=json", "-j", jobs]);
    let (one, two) = (run("1"), run("2"));
    expect(&one, 1);
    assert!(json(&one)["findings"].as_array().unwrap().len() > 8);
    assert_eq!(text(&one.stdout), text(&two.stdout));
    assert_eq!(text(&one.stdout), text(&run("2").stdout));
}

#[test]
fn the_environment_wins_over_the_configuration_and_options_over_both() {
    let place = Place::new();
    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(15)));
    place.write(".sekisho.toml", "[scan]\nfail-on = \"endpoint:low\"\n");
    let scan = |value: &str, args: &[&str]| {
        place.sekisho().arg("scan").args(args).env("SEKISHO_FAIL_ON", value).output().unwrap()
    };
    expect(&place.scan(&[]), 0);
    expect(&scan("credential:info", &[]), 1);
    expect(&scan("credential:info", &["--fail-on=never"]), 0);
    expect(&scan("hihg", &[]), 2);
}

#[test]
fn a_history_named_by_the_environment_is_not_in_the_way_of_staged() {
    let place = Place::repository();
    place.commit("empty");
    let output = place.sekisho().args(["scan", "--staged"]).env("SEKISHO_HISTORY", "all-objects").output().unwrap();
    expect(&output, 0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130_and_a_partial_report_and_a_second_one_at_once() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Command;

    let place = Place::new();
    for twice in [false, true] {
        let mut child = place
            .sekisho()
            .args(["scan", "-v", "-", "--format=json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let kill = format!("kill -INT {}", child.id());
        let interrupt = || {
            assert!(Command::new("sh").args(["-c", kill.as_str()]).status().unwrap().success());
        };
        let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut wait_for = |word: &str| assert!(notes.any(|line| line.unwrap().contains(word)), "no note: {word}");
        // The scan waits for the end of its input, which does not come before the signal was seen.
        wait_for("digest");
        interrupt();
        wait_for("stopping");
        if twice {
            interrupt();
            assert_eq!(child.wait().unwrap().code(), Some(130));
        } else {
            drop(child.stdin.take());
            let output = child.wait_with_output().unwrap();
            expect(&output, 130);
            assert_eq!(json(&output)["complete"], false);
        }
    }
}

#[test]
fn nothing_of_a_repository_is_run() {
    let place = Place::repository();
    let marker = place.path().join("marker");
    let touch = format!("touch {}", marker.display());
    for key in ["core.fsmonitor", "core.sshCommand", "diff.x.textconv", "filter.x.clean", "filter.x.smudge"] {
        place.git(&["config", key, &touch]);
    }
    place.write(".gitattributes", "* filter=x diff=x\n");
    place.write("a.txt", "text\n");
    // Committing runs the filter, which is what a user's own git does; scanning must not.
    place.commit("one");
    let _ = fs::remove_file(&marker);
    let output = place.scan(&["--format=json"]);
    expect(&output, 0);
    assert_eq!(json(&output)["complete"], true);
    assert!(!marker.exists());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    for file in 0..200 {
        place.write(&format!("{file}.env"), format!("GITHUB_TOKEN={}\n", mint(1000 + file)));
    }
    let mut child =
        place.sekisho().args(["scan", "-o", "r.json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    expect(&output, 1);
    assert_eq!(text(&output.stderr), "");
    assert!(place.path().join("r.json").exists());
}

#[cfg(unix)]
#[test]
fn hostile_names_reach_no_terminal_as_they_are() {
    let place = Place::new();
    place.write("a\u{1b}[31m\u{202e}.env", format!("GITHUB_TOKEN={}\n", mint(14)));
    let output = place.scan(&["--color=never"]);
    expect(&output, 1);
    assert!(!text(&output.stdout).contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn what_is_excluded_is_excluded_in_the_history_too() {
    let place = Place::repository();
    place.write(".sekisho.toml", "[scan]\nexclude = [\"third_party/**\"]\n");
    place.write("third_party/deep/a.env", format!("GITHUB_TOKEN={}\n", mint(31)));
    place.commit("a copy of others");
    expect(&place.scan(&[]), 0);
    expect(&place.scan(&["--no-ignore"]), 1);
}

#[test]
fn a_binary_file_of_a_diff_is_named() {
    let place = Place::new();
    let diff = "diff --git a/x.bin b/x.bin\nindex 1111111..2222222 100644\nBinary files a/x.bin and b/x.bin differ\n";
    let output = place.scan_stdin(&["--diff", "-", "--format=json"], diff);
    expect(&output, 0);
    assert_eq!(json(&output)["coverage"]["skipped"][0]["reason"], "binary");
}
