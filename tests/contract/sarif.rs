//! SARIF: the standard's schema, what GitHub requires, and what must never be in it.

use std::collections::BTreeSet;

use sekisho::finding::{Fingerprint, Report};
use sekisho::report::Format;
use serde_json::Value;

use super::{assert_valid, reproducible, sample, sarif_validator, written};

fn sarif(format: Format, report: &Report) -> Value {
    serde_json::from_str(&written(format, report, &reproducible())).unwrap()
}

fn results(log: &Value) -> &[Value] {
    log["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn sarif_fits_the_standards_schema() {
    let validator = sarif_validator();
    for format in [Format::Sarif, Format::SarifHistory, Format::SarifFull] {
        for report in [sample::report(), sample::clean()] {
            assert_valid(validator, &sarif(format, &report));
        }
    }
    assert!(!validator.is_valid(&serde_json::json!({ "version": "2.1.0", "runs": [{}] })));
}

#[test]
fn sarif_has_what_github_requires() {
    for format in [Format::Sarif, Format::SarifHistory, Format::SarifFull] {
        let log = sarif(format, &sample::report());
        let run = &log["runs"][0];
        assert_eq!(log["runs"].as_array().unwrap().len(), 1);
        assert_eq!(run["columnKind"], "utf16CodeUnits");
        assert!(run["originalUriBaseIds"]["%SRCROOT%"].get("uri").is_none());
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert!(!rules.is_empty());
        for rule in rules {
            for field in ["shortDescription", "fullDescription", "help"] {
                assert!(!rule[field]["text"].as_str().unwrap().is_empty(), "{field}");
            }
            let tags = rule["properties"]["tags"].as_array().unwrap();
            assert!(tags[0] == "security" && tags.len() <= 10);
            let score: f64 = rule["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
            assert!((0.1..=10.0).contains(&score));
        }
        assert!(!results(&log).is_empty());
        for result in results(&log) {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(result["ruleId"], rules[index]["id"]);
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
            let (hash, number) = hash.split_once(':').unwrap();
            assert!(u64::from_str_radix(hash, 16).is_ok() && number.parse::<u32>().is_ok());
            assert_eq!(result["fingerprints"]["sekisho/v1"].as_str().unwrap().len(), 32);
            let related = result["relatedLocations"].as_array().map_or(&[][..], Vec::as_slice);
            for location in result["locations"].as_array().unwrap().iter().chain(related) {
                let place = &location["physicalLocation"];
                let uri = place["artifactLocation"]["uri"].as_str().unwrap();
                assert!(!uri.starts_with(['/', '.']) && !uri.contains("//") && uri.is_ascii(), "{uri}");
                let number = |field: &str| place["region"][field].as_u64().unwrap();
                assert!(number("startLine") >= 1 && number("startColumn") >= 1);
                let start = (number("startLine"), number("startColumn"));
                assert!(start < (number("endLine"), number("endColumn")));
                assert!(format == Format::SarifFull || number("startLine") == number("endLine"));
            }
        }
    }
}

#[test]
fn sarif_for_github_is_split_by_what_head_has() {
    let report = sample::report();
    let of = |format| -> BTreeSet<String> {
        let log = sarif(format, &report);
        results(&log)
            .iter()
            .map(|result| result["fingerprints"]["sekisho/v1"].as_str().unwrap()[..2].to_owned())
            .collect()
    };
    let (tree, history, full) = (of(Format::Sarif), of(Format::SarifHistory), of(Format::SarifFull));
    assert_eq!(tree.iter().map(String::as_str).collect::<Vec<_>>(), ["01", "02", "03", "04", "07", "08", "0a", "0b"]);
    assert_eq!(history.iter().map(String::as_str).collect::<Vec<_>>(), ["05"]);
    assert_eq!(full.len(), 13);
    let head = "3c".repeat(20);
    for (format, category) in [(Format::Sarif, "tree"), (Format::SarifHistory, "history"), (Format::SarifFull, "full")]
    {
        let log = sarif(format, &report);
        assert_eq!(log["runs"][0]["automationDetails"]["id"], format!("sekisho/{category}/{head}"));
    }
}

#[test]
fn sarif_says_when_a_leak_came_and_that_it_went() {
    let log = sarif(Format::SarifHistory, &sample::report());
    let result = &results(&log)[0];
    let message = result["message"]["text"].as_str().unwrap();
    assert!(message.ends_with("introduced in 1a1a1a1a1a1a (2024-05-01), no longer at HEAD."), "{message}");
    assert_eq!(result["properties"]["commitSha"], "1a".repeat(20));
    assert_eq!(result["properties"]["blobSha"], "44".repeat(20));
    assert_eq!(result["properties"]["committerDate"], "2024-05-01T12:51:30Z");
    assert_eq!(result["properties"]["atHead"], false);
}

#[test]
fn sarif_tells_what_was_not_scanned_and_what_has_no_place() {
    let log = sarif(Format::Sarif, &sample::report());
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notices: Vec<_> = invocation["toolExecutionNotifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| (notice["descriptor"]["id"].as_str().unwrap(), notice["level"].as_str().unwrap()))
        .collect();
    assert_eq!(
        notices,
        [("finding-without-path", "error"), ("missing-object", "error"), ("unreadable", "error"), ("binary", "note")]
    );
    assert!(sarif(Format::Sarif, &sample::clean())["runs"][0]["invocations"][0]["executionSuccessful"] == true);
}

#[test]
fn sarif_keeps_suppressions_only_in_full() {
    let full = sarif(Format::SarifFull, &sample::report());
    let kinds: Vec<_> = results(&full)
        .iter()
        .filter_map(|result| result["suppressions"][0]["kind"].as_str().zip(result["baselineState"].as_str()))
        .collect();
    assert_eq!(kinds, [("inSource", "new"), ("external", "new"), ("external", "unchanged"), ("external", "new")]);
    for format in [Format::Sarif, Format::SarifHistory] {
        let log = sarif(format, &sample::report());
        assert!(results(&log).iter().all(|result| result.get("suppressions").is_none()));
        assert!(results(&log).iter().all(|result| result.get("baselineState").is_none()));
    }
}

#[test]
fn sarif_messages_hold_no_link_that_a_file_name_made() {
    let log = sarif(Format::SarifFull, &sample::report());
    let password = results(&log).iter().find(|result| result["ruleId"] == "generic.password").unwrap();
    assert!(password["message"]["text"].as_str().unwrap().ends_with("Also in [app/settings.ini:3](1)."));
    assert_eq!(password["relatedLocations"][0]["id"], 1);

    let mut report = sample::report();
    let mut hostile = report.findings[5].clone();
    let mut second = hostile.occurrences[0].clone();
    second.location.line += 1;
    hostile.occurrences.push(second);
    report.findings = vec![hostile];
    let log = sarif(Format::Sarif, &report);
    let message = results(&log)[0]["message"]["text"].as_str().unwrap();
    assert!(message.contains(r"\]x\](y).env:3](1)"), "{message}");
    assert!(!message.contains('\u{1b}') && !message.contains('\u{202e}'));
}

#[test]
fn sarif_for_github_keeps_the_worst_five_thousand() {
    let mut report = sample::clean();
    let sample = sample::report();
    let (bad, mild) = (&sample.findings[0], &sample.findings[6]);
    for number in 0..5_010_u32 {
        let mut finding = if number < 5_000 { mild.clone() } else { bad.clone() };
        finding.fingerprint = Fingerprint(u128::from(number).to_be_bytes());
        report.findings.push(finding);
    }
    let log = sarif(Format::Sarif, &report);
    assert_eq!(results(&log).len(), 5_000);
    assert!(results(&log)[..10].iter().all(|result| result["level"] == "error"));
    let notice = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    assert!(notice["message"]["text"].as_str().unwrap().starts_with("10 findings are left out"));
    assert_eq!(results(&sarif(Format::SarifFull, &report)).len(), 5_010);
}

#[test]
fn sarif_names_the_repository_without_credentials() {
    let log = sarif(Format::Sarif, &sample::report());
    let origin = &log["runs"][0]["versionControlProvenance"][0];
    assert_eq!(origin["repositoryUri"], "ssh://example.org/acme/shop.git");
    assert_eq!(origin["branch"], "main");
    assert_eq!(origin["revisionId"], "3c".repeat(20));
    assert_eq!(origin["mappedTo"]["uriBaseId"], "%SRCROOT%");
}
