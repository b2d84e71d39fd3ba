//! What the text report calls a place: something that can be opened from where the scan ran.

#![allow(clippy::unwrap_used, reason = "a helper that unwraps fails the test that calls it")]

use std::process::Output;

use place::{Place, expect, json, mint, text};

#[allow(dead_code, reason = "every file of tests uses a part of it")]
#[path = "scan/place.rs"]
mod place;

/// The places that a text report points at, in its order.
fn labels(output: &Output) -> Vec<String> {
    expect(output, 1);
    text(&output.stdout).lines().filter_map(|line| line.trim().strip_prefix("--> ").map(str::to_owned)).collect()
}

/// A zip with one stored member, `in/b.env`.
fn zip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("in/b.env", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn files_are_named_as_they_can_be_opened_from_here() {
    for place in [Place::new(), Place::repository()] {
        place.write("d/e/a.env", format!("GITHUB_TOKEN={}\n", mint(1)));
        let from = |folder: &str, target: &str| {
            let mut command = place.sekisho();
            labels(&command.current_dir(place.path().join(folder)).args(["scan", target]).output().unwrap())
        };
        let absolute = place.path().join("d").display().to_string();
        for (folder, target, label) in [
            (".", ".", "d/e/a.env"),
            (".", "d", "d/e/a.env"),
            (".", "d/", "d/e/a.env"),
            (".", "d/e/a.env", "d/e/a.env"),
            ("d", ".", "e/a.env"),
            ("d", "e", "e/a.env"),
            ("d", "./e/", "./e/a.env"),
            ("d/e", ".", "a.env"),
            ("d/e", "a.env", "a.env"),
            ("d/e", "..", "../e/a.env"),
            (".", absolute.as_str(), &format!("{absolute}/e/a.env")),
        ] {
            assert_eq!(from(folder, target), [format!("{label}:1:14")], "{target} from {folder}");
        }
        place.write("d/e/a.zip", zip(format!("GITHUB_TOKEN={}\n", mint(2)).as_bytes()));
        assert_eq!(from("d", "e/a.zip"), ["e/a.zip!/in/b.env:1:14"]);
        assert!(from("d", "e").contains(&"e/a.zip!/in/b.env:1:14".to_owned()));
    }
}

#[test]
fn a_plain_copy_speaks_for_a_secret_and_an_encoded_one_says_how() {
    let place = Place::new();
    let entities: Vec<String> = mint(6).bytes().map(|byte| format!("&#{byte};")).collect();
    place.write("a.html", format!("<b>{}</b>\n", entities.concat()));
    let output = place.scan(&[]);
    assert_eq!(labels(&output), ["a.html:1:4"]);
    assert!(text(&output.stdout).contains(" from html-entity"), "{}", text(&output.stdout));
    place.write("b.env", format!("GITHUB_TOKEN={}\n", mint(6)));
    let report = json(&place.scan(&["--format=json"]));
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    assert!(report["findings"][0]["secret"].get("decoded_from").is_none(), "{report:#}");
}

#[test]
fn a_commit_that_a_diff_names_has_no_date() {
    let place = Place::repository();
    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(3)));
    place.commit("one");
    let (diff, id) = (place.git(&["show"]), place.git(&["rev-parse", "--short=12", "HEAD"]));
    let output = place.scan_stdin(&["--diff", "-"], &diff);
    assert_eq!(labels(&output), [format!("a.env (standard input):1:14 in {}", id.trim())]);
    assert!(text(&output.stdout).contains("scanned 1 file "));
    let report = json(&place.scan_stdin(&["--diff", "-", "--format=json"], &diff));
    let occurrence = &report["findings"][0]["occurrences"][0];
    assert!(occurrence["commit"].is_string() && occurrence.get("date").is_none(), "{occurrence:#}");
}

#[test]
fn standard_input_beside_a_folder_needs_no_other_name() {
    let place = Place::new();
    place.write("a.env", format!("GITHUB_TOKEN={}\n", mint(4)));
    let output = place.scan_stdin(&["-", "a.env"], &format!("GITHUB_TOKEN={}\n", mint(5)));
    assert_eq!(labels(&output), ["standard input:1:14", "a.env:1:14"]);
}
