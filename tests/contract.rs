//! What others rely on: the JSON contract, SARIF 2.1.0, the text that people read.
//!
//! Snapshots and schemas are refreshed with `SEKISHO_BLESS=1 cargo test --test contract`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "contract/model.rs"]
mod model;
#[path = "contract/sample.rs"]
mod sample;
#[path = "contract/sarif.rs"]
mod sarif;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sekisho::finding::{Fingerprint, Report};
use sekisho::report::{Format, ReportOptions, json, jsonl, write};
use serde_json::Value;

fn written(format: Format, report: &Report, options: &ReportOptions) -> String {
    let mut out = Vec::new();
    write(format, report, &sample::rules(), options, &mut out).unwrap();
    String::from_utf8(out).expect("reports are UTF-8")
}

fn reproducible() -> ReportOptions {
    ReportOptions { reproducible: true, ..ReportOptions::default() }
}

fn everything() -> ReportOptions {
    ReportOptions { show_suppressed: true, all_occurrences: true, ..ReportOptions::default() }
}

fn repository_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares with a committed file, or writes it if `SEKISHO_BLESS` is set.
fn snapshot(path: &str, text: &str) {
    let file = repository_file(path);
    if std::env::var_os("SEKISHO_BLESS").is_some() {
        std::fs::write(file, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == text, "{path} is not up to date; set SEKISHO_BLESS=1 to refresh it. It should be:\n{text}");
}

fn validator(schema: &str) -> jsonschema::Validator {
    let schema = serde_json::from_str(schema).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Of the standard's schema; built once, for that takes longer than using it.
fn sarif_validator() -> &'static jsonschema::Validator {
    static VALIDATOR: std::sync::LazyLock<jsonschema::Validator> = std::sync::LazyLock::new(|| {
        validator(&std::fs::read_to_string(repository_file("tests/data/sarif-2.1.0.schema.json")).unwrap())
    });
    &VALIDATOR
}

fn assert_valid(validator: &jsonschema::Validator, instance: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn schemas_are_those_of_the_types() {
    snapshot("src/report/schema/sekisho-1.schema.json", &json::schema());
    snapshot("src/report/schema/sekisho-1-line.schema.json", &jsonl::schema());
}

#[test]
fn json_is_what_the_contract_says() {
    let text = written(Format::Json, &sample::report(), &everything());
    let report: model::Report = serde_json::from_str(&text).unwrap();
    assert_eq!((report.schema.as_str(), report.complete), ("sekisho/1", false));
    assert_eq!((report.started.as_str(), report.duration_ms), ("2024-10-27T03:33:21Z", 3456));
    assert_eq!((report.tool.name.as_str(), report.tool.rules_digest.as_str()), ("sekisho", "0123456789abcdef"));
    assert_eq!((report.targets[0].path.as_deref(), report.targets[0].url.as_deref()), (Some("."), None));
    assert_eq!(report.findings.len(), 14);
    assert_eq!(report.summary.suppressed, 4);
    assert_eq!(report.summary.by_severity["critical"], 5);
    assert_eq!(report.summary.by_severity["low"], 0);
    assert_eq!(report.summary.by_kind["credential"], 8);
    assert_eq!(report.exposure.grade, None);

    let first = &report.findings[0];
    assert_eq!(first.fingerprint, "01".repeat(16));
    assert_eq!(first.previous, ["ee".repeat(16)]);
    assert_eq!(
        (first.kind.as_str(), first.severity.as_str(), first.confidence.as_str()),
        ("credential", "critical", "high")
    );
    assert_eq!(first.evidence.checksum, "valid");
    assert_eq!(first.evidence.parts[0].name, "id");
    assert!(text.contains("\"entropy\": 4.2\n") || text.contains("\"entropy\": 4.2,\n"));
    assert_eq!(first.secret.as_ref().unwrap().value, None);
    let history = first.history.as_ref().unwrap();
    assert_eq!(history.first_date.as_deref(), Some("2024-05-01T12:51:30Z"));
    assert_eq!((history.in_head, history.versions), (true, 3));
    assert_eq!(first.occurrences[0].path.as_deref(), Some("src/config.rs"));
    assert_eq!(first.occurrences[3].commit.as_deref(), Some("3c".repeat(20).as_str()));

    let route = report.findings.iter().find(|finding| finding.rule == "endpoint.route.auth").unwrap();
    assert!(route.secret.is_none());
    assert_eq!(route.attributes["path"], "/v1/login");
    let auth = report.findings.iter().find(|finding| finding.kind == "auth-logic").unwrap();
    assert_eq!(auth.occurrences[0].path.as_deref(), Some("lib/%FF%FE.py"));
    let message = report.findings.iter().find(|finding| finding.occurrences[0].source == "commit-message").unwrap();
    assert_eq!(message.occurrences[0].path, None);
    let reasons: Vec<_> =
        report.coverage.skipped.iter().map(|skip| (skip.reason.as_str(), skip.class.as_str())).collect();
    assert_eq!(reasons, [("missing-object", "incomplete"), ("unreadable", "incomplete"), ("binary", "by-design")]);
    assert_eq!(report.coverage.skipped[1].count, 5);
}

#[test]
fn json_columns_are_bytes_and_utf16_units() {
    let text = written(Format::Json, &sample::report(), &everything());
    let report: model::Report = serde_json::from_str(&text).unwrap();
    let unicode = report.findings.iter().map(|finding| &finding.occurrences[0]);
    let at = unicode.into_iter().find(|at| at.path.as_deref() == Some("src/über 関所 😀.py")).unwrap();
    let before = "名前 = '😀'; key = \"";
    assert_eq!(at.column as usize, before.len() + 1);
    assert_eq!(at.column_utf16 as usize, before.encode_utf16().count() + 1);
}

#[test]
fn json_fits_its_schema() {
    let whole = validator(&json::schema());
    let line = validator(&jsonl::schema());
    for report in [sample::report(), sample::clean()] {
        for options in [everything(), reproducible(), ReportOptions { reveal: true, ..everything() }] {
            assert_valid(&whole, &serde_json::from_str(&written(Format::Json, &report, &options)).unwrap());
            for text in written(Format::Jsonl, &report, &options).lines() {
                assert_valid(&line, &serde_json::from_str(text).unwrap());
            }
        }
    }
    let wrong = serde_json::json!({ "schema": "sekisho/1" });
    assert!(!whole.is_valid(&wrong) && !line.is_valid(&wrong));
}

#[test]
fn json_lines_are_the_findings_then_coverage_exposure_and_the_summary() {
    let text = written(Format::Jsonl, &sample::report(), &everything());
    let lines: Vec<model::Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (findings, rest) = lines.split_at(lines.len() - 3);
    assert_eq!(findings.len(), 14);
    assert!(findings.iter().all(|line| matches!(line, model::Line::Finding(_))));
    let [model::Line::Coverage(coverage), model::Line::Exposure(_), model::Line::Summary(summary)] = rest else {
        panic!("the last three lines are of other types")
    };
    assert_eq!(coverage.blobs, 12_345);
    assert_eq!((summary.complete, summary.suppressed, summary.by_kind["endpoint"]), (false, 4, 1));

    let whole: Value = serde_json::from_str(&written(Format::Json, &sample::report(), &everything())).unwrap();
    let mut first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    first.as_object_mut().unwrap().remove("type");
    assert_eq!(first, whole["findings"][0]);
}

#[test]
fn suppressed_findings_are_counted_and_listed_only_when_asked_for() {
    let report = sample::report();
    let read = |options: &ReportOptions| {
        serde_json::from_str::<model::Report>(&written(Format::Json, &report, options)).unwrap()
    };
    let usual = read(&ReportOptions::default());
    assert!(usual.findings.iter().all(|finding| finding.suppressed_by.is_none()));
    assert_eq!((usual.findings.len(), usual.summary.suppressed), (10, 4));
    let all = read(&everything());
    let reasons: Vec<_> = all.findings.iter().filter_map(|finding| finding.suppressed_by.as_ref()).collect();
    let by: Vec<_> = reasons.iter().map(|why| why.by.as_str()).collect();
    assert_eq!(by, ["inline", "config", "baseline", "rules"]);
    assert_eq!(reasons[0].reason.as_deref(), Some("test key"));
}

#[test]
fn a_path_in_the_history_keeps_its_first_and_last_version() {
    let report = sample::report();
    let versions = |options| -> Vec<_> {
        let report: model::Report = serde_json::from_str(&written(Format::Json, &report, &options)).unwrap();
        report.findings[0].occurrences.iter().map(|at| at.object.as_ref().map(|id| id[..2].to_owned())).collect()
    };
    assert_eq!(versions(ReportOptions::default()), [None, Some("11".into()), Some("33".into())]);
    assert_eq!(versions(everything()), [None, Some("11".into()), Some("22".into()), Some("33".into())]);
}

#[test]
fn only_reveal_shows_secrets() {
    let report = sample::report();
    for &format in Format::ALL {
        for options in [ReportOptions::default(), everything(), ReportOptions { color: true, ..everything() }] {
            let text = written(format, &report, &options);
            // JSON writes line ends and quotes of its own.
            let unescaped = text.replace("\\n", "\n");
            for secret in sample::secrets() {
                assert!(!text.contains(&secret) && !unescaped.contains(&secret), "{format} shows a secret");
            }
        }
    }
    let revealed = ReportOptions { reveal: true, ..everything() };
    let text = written(Format::Json, &report, &revealed);
    let read: model::Report = serde_json::from_str(&text).unwrap();
    let values: Vec<_> = read.findings.iter().filter_map(|finding| finding.secret.as_ref()?.value.clone()).collect();
    assert!(values.contains(&sample::token(1)) && values.contains(&sample::key_block()));
    assert_eq!(read.findings[0].evidence.parts[0].value, Some(sample::token(6)));
    let bytes: Vec<_> =
        read.findings.iter().filter_map(|finding| finding.secret.as_ref()?.value_base64.clone()).collect();
    assert_eq!(bytes.len(), 1);
    assert!(text.contains(&bytes[0]) && bytes[0].starts_with("//5i"));
    for format in [Format::Text, Format::Sarif, Format::SarifFull] {
        assert!(!written(format, &report, &revealed).contains(&sample::token(1)), "{format}");
    }
}

#[test]
fn the_same_report_is_the_same_bytes() {
    for &format in Format::ALL {
        let first = written(format, &sample::report(), &everything());
        assert_eq!(first, written(format, &sample::report(), &everything()), "{format}");
        let mut later = sample::report();
        (later.started, later.duration_ms) = (1_999_999_999, 1);
        assert_eq!(
            written(format, &sample::report(), &reproducible()),
            written(format, &later, &reproducible()),
            "{format}"
        );
    }
}

/// One finding in full, for people who want to see the shape.
#[test]
fn json_and_sarif_look_like_this() {
    let mut report = sample::report();
    report.findings.truncate(1);
    for (format, file) in [(Format::Json, "finding.json"), (Format::Sarif, "finding.sarif")] {
        let text = written(format, &report, &reproducible());
        let text = text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"[VERSION]\"");
        snapshot(&format!("tests/snapshots/{file}"), &text);
    }
}

#[test]
fn text_is_as_people_know_it() {
    let usual = ReportOptions { width: 90, ..reproducible() };
    snapshot("tests/snapshots/report.txt", &written(Format::Text, &sample::report(), &usual));
    let all = ReportOptions { width: 60, fail: BTreeSet::from([Fingerprint([8; 16])]), ..everything() };
    snapshot("tests/snapshots/report-all.txt", &written(Format::Text, &sample::report(), &all));
    snapshot("tests/snapshots/clean.txt", &written(Format::Text, &sample::clean(), &ReportOptions::default()));
    let mut accepted = sample::report();
    accepted.findings.clear();
    snapshot("tests/snapshots/incomplete.txt", &written(Format::Text, &accepted, &usual));
    accepted.complete = true;
    snapshot("tests/snapshots/accepted.txt", &written(Format::Text, &accepted, &usual));
}

#[test]
fn text_holds_no_control_character_and_nothing_that_hides_or_reorders() {
    for options in [ReportOptions::default(), everything(), ReportOptions { width: 20, ..everything() }] {
        let text = written(Format::Text, &sample::report(), &options);
        assert!(text.contains(r"\u{1b}[31m\u{202e}"));
        for c in text.chars().filter(|&c| c != '\n') {
            assert!(!c.is_control() && !"\u{202e}\u{200b}\u{feff}\u{2066}".contains(c), "{c:?}");
        }
    }
}

#[test]
fn colours_change_nothing_but_the_codes() {
    let plain = written(Format::Text, &sample::report(), &everything());
    let coloured = written(Format::Text, &sample::report(), &ReportOptions { color: true, ..everything() });
    assert!(coloured.contains("\u{1b}["));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn the_worst_finding_stands_last_and_a_failing_one_after_it() {
    let position =
        |text: &str, number: u8| text.find(&format!("fingerprint: {}", format!("{number:02x}").repeat(16))).unwrap();
    let usual = written(Format::Text, &sample::report(), &ReportOptions::default());
    assert!(position(&usual, 8) < position(&usual, 5) && position(&usual, 5) < position(&usual, 1));
    let fail = BTreeSet::from([Fingerprint([8; 16])]);
    let failing = written(Format::Text, &sample::report(), &ReportOptions { fail, ..ReportOptions::default() });
    assert!(position(&failing, 1) < position(&failing, 8));
    assert!(failing.contains("1 at or above the fail level"));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 48, failure_persistence: None, ..Default::default() })]

    /// Whatever bytes and positions a repository or a bug brings, every format is written, is what it claims to be and
    /// shows neither a secret nor a raw control character.
    #[test]
    fn nothing_from_outside_breaks_a_report(
        secret in "[a-zA-Z0-9\"\\\\\n\u{202e}関]{16,60}",
        path in proptest::collection::vec(proptest::num::u8::ANY, 0..20),
        around in "(\\PC|[\\x00-\\x1f\\x7f\u{85}\u{9b}\u{200b}\u{feff}\n\r\t]){0,20}",
        numbers in proptest::array::uniform6(proptest::prop_oneof![0_u32..40, proptest::num::u32::ANY]),
        width in 0_usize..120,
    ) {
        let mut report = sample::report();
        report.findings.truncate(2);
        for finding in &mut report.findings {
            let value = sekisho::secret::Secret::new(secret.as_bytes());
            let snippet = format!("{around}{}{around}", value.masked());
            finding.secret.as_mut().unwrap().value = value;
            finding.title.clone_from(&around);
            for at in &mut finding.occurrences {
                at.snippet.clone_from(&snippet);
                at.path = Some(sekisho::blob::RepoPath::new(path.clone()));
                let [line, column, end_line, end_column, column_utf16, end_column_utf16] = numbers;
                at.location =
                    sekisho::span::Location { line, column, end_line, end_column, column_utf16, end_column_utf16 };
            }
        }
        for &format in Format::ALL {
            let text = written(format, &report, &ReportOptions { width, ..everything() });
            proptest::prop_assert!(!text.contains(&secret));
            match format {
                Format::Text => {
                    let hostile = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{200b}\u{feff}".contains(c));
                    proptest::prop_assert!(!text.contains(hostile));
                }
                Format::Jsonl => {
                    let lines: Result<Vec<model::Line>, _> = text.lines().map(serde_json::from_str).collect();
                    proptest::prop_assert!(lines.is_ok());
                }
                Format::Json => proptest::prop_assert!(serde_json::from_str::<model::Report>(&text).is_ok()),
                Format::Sarif | Format::SarifHistory | Format::SarifFull => {
                    let log: Value = serde_json::from_str(&text).unwrap();
                    proptest::prop_assert!(sarif_validator().is_valid(&log));
                }
            }
        }
    }
}

/// Not a test of its own: makes the files and the SARIF that `tests/sarif-multitool.sh` can be tried with.
#[test]
#[ignore = "writes into the folder that SEKISHO_SAMPLE names"]
fn write_sample() {
    let folder = PathBuf::from(std::env::var_os("SEKISHO_SAMPLE").expect("SEKISHO_SAMPLE names a folder"));
    for (path, text) in sample::files() {
        let file = folder.join("tree").join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    for format in [Format::Sarif, Format::SarifHistory, Format::SarifFull] {
        let name = format!("{}.sarif", format.name().replace(':', "-"));
        std::fs::write(folder.join(&name), written(format, &sample::report(), &reproducible())).unwrap();
        assert!(folder.join(&name).exists());
    }
}
