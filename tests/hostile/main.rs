//! Packs that no git would write. Each costs what is damaged and nothing else, within bounded time and memory; both engines
//! say the same of it.

#![allow(clippy::unwrap_used, reason = "a helper that unwraps fails the test that calls it")]

#[path = "../engines/mod.rs"]
mod engines;
mod pack;
#[path = "../scan/place.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod place;

mod bombs;
mod deltas;
mod files;
mod indexes;
mod several;

use std::collections::BTreeSet;

use engines::{How, both};
use pack::{Pack, Repo};
use place::mint;
use sekisho::blob::ObjectId;
use sekisho::source::history::Scope;
use serde_json::Value;

/// With one rule, whose tokens are all that these packs hold: in a test build a detector of all rules takes a second.
fn usual() -> How {
    How { rule: Some("github.pat"), ..How::default() }
}

/// Text with a token: what is scanned shows it.
fn leak(seed: u32) -> Vec<u8> {
    format!("# {seed}: some text around it, so that there is something to copy\nGITHUB_TOKEN={}\n", mint(seed))
        .into_bytes()
}

/// The report of both engines on what `main` reaches, which is that on all objects as well as far as findings go.
#[track_caller]
fn scanned(repo: &Repo, how: &How) -> Value {
    both(repo.path(), &How { scope: Scope::AllObjects, ..how.clone() });
    both(repo.path(), how)
}

/// Whether all of these blobs' tokens are found, and no other.
#[track_caller]
fn assert_found(report: &Value, blobs: &[ObjectId]) {
    let findings = report["findings"].as_array().unwrap();
    let occurrences = findings.iter().flat_map(|finding| finding["occurrences"].as_array().unwrap());
    let found: BTreeSet<&str> = occurrences.map(|occurrence| occurrence["object"].as_str().unwrap()).collect();
    let expected: BTreeSet<String> = blobs.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected.iter().map(String::as_str).collect(), "{report:#}");
}

/// How many things were skipped, by reason; only reasons that make a scan incomplete.
fn skipped(report: &Value) -> Vec<(&str, u64)> {
    assert_eq!(report["complete"], false, "{report:#}");
    let all = report["coverage"]["skipped"].as_array().unwrap().iter();
    all.map(|skip| (skip["reason"].as_str().unwrap(), skip["count"].as_u64().unwrap())).collect()
}

/// Whether an example of what was skipped says this.
fn says(report: &Value, words: &str) -> bool {
    let all = report["coverage"]["skipped"].as_array().unwrap().iter();
    all.flat_map(|skip| skip["examples"].as_array().unwrap()).any(|example| example.as_str().unwrap().contains(words))
}

#[track_caller]
fn assert_complete(report: &Value) {
    assert_eq!(report["complete"], true, "{report:#}");
}

#[test]
fn packs_written_here_are_whole_to_git() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let base = leak(1);
    let mut blobs = vec![pack.blob(&base)];
    let steps = [pack::Step::Copy(0, 30), pack::Step::Insert(b"more\n"), pack::Step::Copy(10, base.len() - 10)];
    let next = pack.version(&base, &steps);
    blobs.push(pack::blob_id(&next));
    let third = [b"third ".as_slice(), &next].concat();
    blobs.push(pack::blob_id(&third));
    let delta = pack::delta(
        next.len() as u64,
        third.len() as u64,
        &[pack::Step::Insert(b"third "), pack::Step::Copy(0, next.len())],
    );
    pack.by_id(blobs[2], blobs[1], &delta);
    repo.commit(&blobs);
    let path = pack.write(&repo.packs(), "good");
    for args in [["verify-pack", path.to_str().unwrap()], ["fsck", "--strict"]] {
        let status = std::process::Command::new("git").args(args).current_dir(repo.path()).status().unwrap();
        assert!(status.success(), "{args:?}");
    }
    let report = scanned(&repo, &usual());
    assert_complete(&report);
    assert_found(&report, &blobs);
}
