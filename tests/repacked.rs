//! One history, packed in many ways: whatever is a delta of what, the report is the same to the byte, along the deltas and
//! blob by blob.

#![allow(clippy::unwrap_used, reason = "a helper that unwraps fails the test that calls it")]

#[expect(dead_code, reason = "other tests need more of it")]
mod engines;
#[expect(dead_code, reason = "other tests need more of it")]
mod git_fixture;
#[path = "scan/place.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod place;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engines::{How, report};
use git_fixture::{Fixture, git_with};
use place::mint;
use sekisho::source::history::{Engine, Scope};

const COMMITS: usize = 150;

/// A small generator of numbers, the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % n
    }
}

/// A line of a file: mostly plain, now and then with a secret, whole or in a form that has to be decoded.
fn line(dice: &mut Dice) -> String {
    let number = dice.below(100_000);
    let token = mint(dice.below(60) as u32);
    match dice.below(24) {
        0 => format!("GITHUB_TOKEN={token}\n"),
        1 => format!("db_password = \"{}\"\n", STANDARD.encode(token.as_bytes()).get(20..34).unwrap()),
        2 => format!("data: {}\n", STANDARD.encode(format!("the token is {token} now"))),
        3 => format!("url = https://user:{}@db{number}.example.net/x\n", &token[8..24]),
        // Halves of a token, which an edit may bring together.
        4 => format!("{}\n", &token[..20]),
        5 => format!("{}\n", &token[20..]),
        6 => format!("\tkey: {number} secret token password\n"),
        _ => format!("{:width$}let value_{number} = compute({number});\n", "", width = dice.below(12)),
    }
}

/// Edits a text somewhere: in the middle of lines as well as between them.
fn edit(text: &mut String, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        let at = |text: &String, dice: &mut Dice| dice.below(text.len() + 1);
        let (from, to) = (at(text, dice), at(text, dice));
        let (from, to) = (from.min(to), from.max(to));
        match dice.below(6) {
            0 => text.replace_range(from..to.min(from + 60), ""),
            1 => {
                let moved = text[from..to.min(from + 300)].to_owned();
                text.insert_str(to, &moved);
            }
            // Away with a line break: what stood on two lines stands on one.
            2 => {
                if let Some(end) = text[from..].find('\n') {
                    text.remove(from + end);
                }
            }
            3 => text.insert_str(from, &line(dice)),
            _ => {
                let start = text[..from].rfind('\n').map_or(0, |end| end + 1);
                text.insert_str(start, &line(dice));
            }
        }
    }
}

/// A history of edits, moves and merges, in loose objects.
fn build() -> Fixture {
    let fixture = Fixture::empty();
    fs::create_dir(&fixture.path).unwrap();
    fixture.git(&["init", "-q", "--bare", "-b", "main"]);
    fixture.git(&["config", "fastimport.unpackLimit", "1000000"]);
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let mut trees: Vec<BTreeMap<String, String>> = Vec::new();
    let mut stream = String::new();
    for commit in 0..COMMITS {
        let mut parents: Vec<usize> = commit.checked_sub(1).into_iter().collect();
        if commit > 10 {
            let other = commit - 2 - dice.below(6);
            match dice.below(6) {
                0 => parents = vec![commit - 1, other],
                1 => parents = vec![other],
                _ => {}
            }
        }
        let mut files = BTreeMap::new();
        for &parent in parents.iter().rev() {
            files.extend(trees[parent].clone());
        }
        for _ in 0..=dice.below(3) {
            let name = |dice: &mut Dice| format!("{}file{}.env", ["", "a/", "a/b/"][dice.below(3)], dice.below(4));
            let (from, to) = (name(&mut dice), name(&mut dice));
            match dice.below(8) {
                0 => drop(files.remove(&from)),
                1 => drop(files.remove(&from).map(|text| files.insert(to, text))),
                _ => {
                    let text = files.entry(from).or_insert_with(|| (0..60).map(|_| line(&mut dice)).collect());
                    edit(text, &mut dice);
                }
            }
        }
        let time = 1_700_000_000 + commit * 60;
        let message = if dice.below(15) == 0 { line(&mut dice) } else { format!("commit {commit}\n") };
        writeln!(stream, "commit refs/heads/main\nmark :{}", commit + 1).unwrap();
        writeln!(stream, "committer C <c@example.com> {time} +0000\ndata {}\n{message}", message.len()).unwrap();
        for (at, parent) in parents.iter().enumerate() {
            writeln!(stream, "{} :{}", if at == 0 { "from" } else { "merge" }, parent + 1).unwrap();
        }
        writeln!(stream, "deleteall").unwrap();
        for (path, text) in &files {
            writeln!(stream, "M 100644 inline {path}\ndata {}\n{text}", text.len()).unwrap();
        }
        writeln!(stream, "reset refs/heads/b{commit}\nfrom :{}\n", commit + 1).unwrap();
        trees.push(files);
    }
    git_with(&fixture.path, &["fast-import", "--quiet", "--force"], stream.as_bytes());
    fixture
}

#[test]
fn a_history_is_the_same_however_it_is_packed() {
    let fixture = build();
    let pack_folder = fixture.path.join("objects/pack");
    let packs =
        || fs::read_dir(&pack_folder).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|e| e == "pack"));
    assert_eq!(packs().count(), 0, "the objects are loose");
    let mut first: Option<String> = None;
    let mut check = |how_packed: &str, jobs: usize| {
        for engine in [Engine::Plain, Engine::Delta] {
            let how = How { engine, jobs, scope: Scope::Reachable, ..How::default() };
            let report = report(&fixture.path, &how);
            let first = first.get_or_insert_with(|| report.clone());
            assert!(*first == report, "{how_packed}, {engine:?}:\n{first}\n{report}");
        }
    };
    check("loose", 2);
    // Two packs, the second with what the first has not, and some in both.
    git_with(&fixture.path, &["pack-objects", "-q", "--revs", "objects/pack/pack"], b"b70\n");
    assert_eq!(packs().count(), 1);
    fixture.git(&["repack", "-q", "-d"]);
    assert_eq!(packs().count(), 2);
    check("two packs", 2);
    for (at, (depth, window)) in [(1, 2), (5, 10), (50, 10), (250, 250)].into_iter().enumerate() {
        let (depth, window) = (format!("--depth={depth}"), format!("--window={window}"));
        fixture.git(&["repack", "-q", "-a", "-d", "-f", &depth, &window]);
        assert_eq!(packs().count(), 1);
        check(&format!("{depth} {window}"), [1, 2, 8, 64][at]);
    }
    let report: serde_json::Value = serde_json::from_str(&first.unwrap()).unwrap();
    assert_eq!(report["complete"], true);
    assert!(report["coverage"]["blobs"].as_u64().unwrap() > 150);
    let findings = report["findings"].as_array().unwrap();
    let with = |rule: &str| findings.iter().filter(|finding| finding["rule"] == rule).count();
    assert!(with("github.pat") > 20, "{:#}", report["summary"]);
    assert!(findings.iter().any(|finding| finding["secret"]["decoded_from"].is_array()), "some were decoded");
}
