//! The checker must see every way in which a rule does not do what it says.

use super::super::compile::SourceFile;
use super::super::set::RuleSet;
use super::{CheckReport, check_sources};

const GOOD: &str = r#"[[rule]]
id = "acme.key"
kind = "credential"
title = "Acme key"
description = "Acts as the user."
regex = '''(?:\b|\\[nrt])(?<secret>acme_(?<body>[A-Za-z0-9]{20})(?<check>[A-Za-z0-9]{6}))\b'''
checksum = { algorithm = "crc32-base62", of = "body", equals = "check" }
entropy = 2.5
allow = ['''EXAMPLE''']
unless = ['''\bpublic\b''']
requires = ["acme"]
severity = "high"
confidence = "high"
references = ["https://acme.example/"]
mint = "acme_{alnum:20}{check}"
examples.find = ["key={{mint}}", { text = "a {{mint:2}} b", path = "a.py" }]
examples.pass = [
  "acme_short",
  { text = "{{mint:bad-check}}", by = "checksum" },
  { text = "public {{mint}}", by = "unless" },
  { text = "x{{mint}}", by = "regex" },
]
"#;

fn check(old: &str, new: &str) -> CheckReport {
    assert!(GOOD.contains(old), "{old}");
    let source = SourceFile { name: "patterns/providers/acme.toml".to_owned(), text: GOOD.replacen(old, new, 1) };
    check_sources(&[source], &RuleSet::default())
}

/// Line and message of the first error.
fn first(old: &str, new: &str) -> (u32, String) {
    let report = check(old, new);
    let error = report.errors.first().expect("this mistake should be seen");
    (error.line, error.message.clone())
}

#[track_caller]
fn assert_first(old: &str, new: &str, line: u32, part: &str) {
    let (at, message) = first(old, new);
    assert!(at == line && message.contains(part), "{at}: {message}");
}

#[test]
fn a_good_rule_passes_everything() {
    let report = check("title", "title");
    assert_eq!(report.errors, []);
    assert_eq!((report.rules, report.examples, report.mints), (1, 6, 1000));
}

#[test]
fn find_examples() {
    assert_first("key={{mint}}", "key=_{{mint}}", 16, "the regex alone must find");
    assert_first("\"key={{mint}}\"", "{ text = \"key={{mint}}\", expect = \"key=\" }", 16, "must find `key=` here");
    assert_first("\"key={{mint}}\"", "{ text = \"key={{mint}}\", expect = \"nowhere\" }", 16, "is not in the text");
    assert_first("key={{mint}}", "public {{mint}}", 16, "is rejected by unless");
    assert_first("\"a {{mint:2}} b\"", "\"a {{mint:2}} b {{mint:3}}\", expect = \"{{mint:2}}\"", 16, "too");
    assert_first("key={{mint}}", "{{mint:acme.other}}", 16, "no rule has the id `acme.other`");
}

#[test]
fn pass_examples() {
    assert_first("\"acme_short\"", "\"{{mint}}\"", 18, "nothing may be found here");
    assert_first("by = \"checksum\"", "by = \"entropy\"", 19, "`entropy` must reject");
    assert_first("by = \"unless\"", "by = \"regex\"", 20, "the regex must not match here");
    assert_first("by = \"regex\"", "by = \"checksum\"", 21, "so `checksum` rejects nothing");
}

#[test]
fn keywords_and_windows() {
    assert_first("severity", "keywords = [\"acne_\"]\nseverity", 2, "none of the keywords acne_");
    assert_first(
        "severity",
        "keywords = [\"acme\"]\nwindow = { before = 0, after = 20 }\nseverity",
        2,
        "not found from the keywords",
    );
}

#[test]
fn samples() {
    assert_first("{alnum:20}", "{alnum:19}", 2, "does not match the sample");
    assert_first("entropy = 2.5", "entropy = 5.5", 2, "too little entropy");
    assert_first("{check}", "{alnum:6}", 2, "the checksum of the sample");
    assert_first("(?:\\b|\\\\[nrt])", "\\b", 2, "not found in escaped newlines syntax");
}

#[test]
fn long_files() {
    assert_first("severity = \"high\"\n", &format!("severity = \"high\"\n{}", "#\n".repeat(250)), 251, "more than 250");
}

#[test]
fn parts_must_stand_near() {
    let parts = "parts = [{ rule = \"acme.id\", as = \"id\", within-lines = 1 }]\nseverity";
    let helper = "[[rule]]\nid = \"acme.id\"\nkind = \"credential\"\ntitle = \"Id\"\ndescription = \"d\"\nreport = false\n\
                  status = \"preview\"\nregex = 'acid_(?<secret>[0-9]{4})'\nseverity = \"info\"\nconfidence = \"low\"\n";
    let text = format!("{}{helper}", GOOD.replacen("severity", parts, 1));
    let check = |text: String| {
        check_sources(&[SourceFile { name: "patterns/providers/acme.toml".to_owned(), text }], &RuleSet::default())
    };
    let report = check(text.clone());
    assert!(report.errors.iter().any(|e| e.message.contains("is rejected by parts")), "{:#?}", report.errors);
    let near = text.replace("key={{mint}}", "acid_1234\\nkey={{mint}}").replace("a {{mint:2}}", "acid_1234 {{mint:2}}");
    assert_eq!(check(near.clone()).errors, []);
    let far = near.replace("acid_1234\\nkey", "acid_1234\\n\\nkey");
    assert!(check(far).errors.iter().any(|e| e.message.contains("is rejected by parts")));
}

#[test]
fn rules_that_a_file_defines_again_make_way() {
    let source = SourceFile { name: "patterns/providers/acme.toml".to_owned(), text: GOOD.to_owned() };
    let base = RuleSet::assemble(&[super::compile_file(&source).unwrap()]).unwrap();
    assert_eq!(check_sources(&[source], &base).errors, []);
}
