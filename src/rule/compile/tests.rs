//! Every mistake that an author can make is reported where it stands.

use super::super::error::RuleError;
use super::super::fields::FIELDS;
use super::super::set::RuleSet;
use super::{CompiledFile, SourceFile, compile_file};

/// A rule without errors; tests change one of its lines.
const GOOD: &str = r#"provider = "Acme"
[verify.me]
request = { url = "https://api.acme.example/me", headers = { Authorization = "Basic {{part.id | base64}} {{secret}}" } }
active = { status = [200] }
[[rule]]
id = "acme.key"
aliases = ["acme.old-key"]
kind = "credential"
title = "Acme key"
description = "Acts as the user."
regex = '''\b(?<secret>acme_(?<body>[a-z]{8})(?<check>[a-z]{6}))\b'''
checksum = { algorithm = "crc32-base62", of = "body", equals = "check" }
parts = [{ rule = "acme.id", as = "id" }]
verify = "me"
severity = "high"
confidence = "high"
status = "preview"
[[rule]]
id = "acme.id"
kind = "credential"
title = "Acme id"
description = "Names the user."
regex = '''\b(?<secret>acmeid_[0-9]{8})\b'''
severity = "info"
confidence = "high"
status = "preview"
report = false
"#;

fn source(text: &str) -> SourceFile {
    SourceFile { name: "patterns/providers/acme.toml".to_owned(), text: text.to_owned() }
}

/// The errors of [`GOOD`] with `old` replaced.
fn errors(old: &str, new: &str) -> Vec<RuleError> {
    assert!(GOOD.contains(old), "{old}");
    file_errors(&GOOD.replacen(old, new, 1))
}

fn file_errors(text: &str) -> Vec<RuleError> {
    match compile_file(&source(text)) {
        Err(errors) => errors,
        Ok(file) => RuleSet::assemble(&[file]).err().unwrap_or_default(),
    }
}

/// Line, column, message and help of the only error.
fn only(errors: &[RuleError]) -> (u32, u32, String, String) {
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let error = &errors[0];
    assert_eq!(error.file, "patterns/providers/acme.toml");
    (error.line, error.column, error.message.clone(), error.help.clone().unwrap_or_default())
}

fn good() -> CompiledFile {
    compile_file(&source(GOOD)).unwrap()
}

#[test]
fn the_good_file_is_good() {
    let set = RuleSet::assemble(&[good()]).unwrap();
    let rule = set.get(set.find("acme.old-key").unwrap());
    assert_eq!((rule.id.as_str(), rule.provider.as_str()), ("acme.key", "Acme"));
    assert_eq!(rule.keywords, ["acme_"]);
    assert_eq!((rule.window.before, rule.window.after), (0, 14));
    assert_eq!(rule.verify.as_deref(), Some("acme.me"));
    assert_eq!(set.verifications["acme.me"].method, "GET");
}

#[test]
fn every_field_of_the_table_is_taken() {
    let text = include_str!("../../../fixtures/rules/every.toml");
    let source = SourceFile { name: "fixtures/rules/every.toml".to_owned(), text: text.to_owned() };
    let file = compile_file(&source).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert_eq!(file.rules.len(), 6);
    RuleSet::assemble(&[file]).unwrap_or_else(|errors| panic!("{errors:#?}"));
    for field in FIELDS {
        let has = text.lines().any(|line| line.split(['=', '.']).next().is_some_and(|key| key.trim() == field.name));
        assert!(has, "{} is not in the file", field.name);
    }
}

#[test]
fn toml_syntax() {
    let (line, column, message, _) = only(&errors("title = \"Acme key\"", "title = \"Acme key"));
    assert_eq!((line, column), (9, 18));
    assert!(message.contains("string"), "{message}");
}

#[test]
fn unknown_fields_get_a_suggestion() {
    let (line, column, message, help) =
        only(&errors("severity = \"high\"", "severity = \"high\"\nkeyword = [\"acme\"]"));
    assert_eq!((line, column), (16, 1));
    assert_eq!((message.as_str(), help.as_str()), ("unknown field `keyword`", "did you mean `keywords`?"));
    let (line, column, message, help) = only(&errors("as = \"id\"", "as = \"id\", within = 3"));
    assert_eq!((line, column), (13, 41));
    assert_eq!(
        (message.as_str(), help.as_str()),
        ("unknown field `within`", "known are rule, as, within-lines, optional")
    );
    let (line, column, message, _) = only(&errors("provider = ", "providr = "));
    assert_eq!((line, column, message.as_str()), (1, 1, "unknown field `providr`"));
}

#[test]
fn all_errors_of_a_file_are_reported() {
    let text = GOOD
        .replace("severity = \"high\"", "severty = \"high\"")
        .replace("severity = \"info\"", "severity = 3")
        .replace("acme.id\"\nkind", "acme.1\"\nkind");
    let errors = file_errors(&text);
    let lines: Vec<(u32, &str)> = errors.iter().map(|error| (error.line, error.message.as_str())).collect();
    assert!(lines.iter().any(|(line, message)| *line == 15 && message.contains("severty")), "{lines:?}");
    assert!(lines.iter().any(|(line, message)| *line == 19 && message.contains("`acme.1` is no id")), "{lines:?}");
    assert!(lines.iter().any(|(line, _)| *line == 24), "{lines:?}");
}

#[test]
fn fields_of_another_kind() {
    let text = GOOD.replacen("kind = \"credential\"", "kind = \"endpoint\"", 1).replacen("<secret>", "<endpoint>", 1);
    let errors = file_errors(&text);
    let shown: Vec<(u32, u32, &str)> = errors.iter().map(|e| (e.line, e.column, e.message.as_str())).collect();
    assert_eq!(
        shown,
        [(12, 1, "`checksum` is only for kind = credential"), (13, 1, "`parts` is only for kind = credential"),]
    );
}

#[test]
fn what_is_missing() {
    let (line, column, message, _) = only(&errors("title = \"Acme id\"\n", ""));
    assert_eq!((line, column, message.as_str()), (19, 6, "`title` is missing"));
    let (line, _, message, _) = only(&errors("kind = \"credential\"\ntitle = \"Acme id\"", "title = \"Acme id\""));
    assert_eq!((line, message.as_str()), (19, "`kind` is missing"));
    let stable = errors("status = \"preview\"\nreport", "report");
    let messages: Vec<&str> = stable.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        messages,
        ["a stable rule has at least 2 find and 2 pass examples, this has 0 and 0", "a stable rule has a reference"]
    );
}

#[test]
fn a_value_assigned_to_a_name() {
    const REGEX: &str = "regex = '''\\b(?<secret>acmeid_[0-9]{8})\\b'''";
    let good = r#"assigned = { to = 'acme', value = '[0-9]{8}', name = "ACME_ID" }"#;
    let file = compile_file(&source(&GOOD.replace(REGEX, good))).unwrap();
    let (rule, name) = (&file.rules[1].rule, file.rules[1].name.as_deref());
    assert_eq!((rule.keywords.as_slice(), name), (["acme".to_owned()].as_slice(), Some("ACME_ID")));
    let message = |with: &str| {
        let (line, column, message, _) = only(&errors(REGEX, with));
        assert_eq!(line, 23, "{message}");
        (column, message)
    };
    let (column, unbalanced) = message(r#"assigned = { to = 'ac)(me', value = '[0-9]{8}', name = "ACME_ID" }"#);
    assert_eq!((column, unbalanced.as_str()), (22, "unopened group"));
    let (column, small) = message(r#"assigned = { to = 'acme', value = '[0-9]{8}', name = "acmeId" }"#);
    assert_eq!((column, small.as_str()), (54, "a name is upper case, its words joined by `_`"));
    let (_, endless) = message(r#"assigned = { to = 'acme', value = '[0-9]+', name = "ACME_ID" }"#);
    assert_eq!(endless, "a match of this regex has no upper length");
    let both = format!("{REGEX}\n{good}");
    let (line, _, twice, _) = only(&errors(REGEX, &both));
    assert_eq!((line, twice.as_str()), (24, "a rule has one of `assigned`, `regex` and `detector`"));
}

#[test]
fn regexes() {
    let id = r"\b(?<secret>acmeid_[0-9]{8})\b";
    // The regex begins after `regex = '''`, in column 12 of line 23.
    let (line, column, message, _) = only(&errors(id, r"(?<secret>acmeid_[0-9]{8000}){50}"));
    assert_eq!((line, column), (23, 12));
    assert!(message.contains("larger than 1048576 bytes"), "{message}");
    let (line, column, message, help) = only(&errors(id, r"(?<secret>acmeid_[0-9]+)"));
    assert_eq!((line, column, message.as_str()), (23, 34, "a match of this regex has no upper length"));
    assert!(help.contains("{0,N}"), "{help}");
    let (line, column, message, _) = only(&errors(id, r"(?u)(?<secret>acmeid_[0-9]{8})"));
    assert_eq!((line, column, message.as_str()), (23, 14, "Unicode is off in rules"));
    let (line, column, message, help) = only(&errors(id, "acmeid_[0-9]{8}"));
    assert_eq!((line, column, message.as_str()), (23, 9, "the regex has no group `secret`"));
    assert!(help.contains("(?<secret>...)"), "{help}");
    let (line, column, message, _) = only(&errors(id, "(?<secret>acmeid_[0-9{8})"));
    assert_eq!((line, column, message.as_str()), (23, 29, "unclosed character class"));
    let (_, _, message, _) = only(&errors(id, "(?<secret>[0-9a-f]{32})"));
    assert_eq!(message, "the regex requires no literal of 3 bytes to look for");
    let (_, _, message, _) = only(&errors(id, "(?<secret>acmeid_[0-9]{1,9000})"));
    assert_eq!(message, "a match can be 9007 bytes long, more than 4096");
    let wide = "(?<secret>acmeid_[0-9]{1,9000})'''\nwindow = { before = 0, after = 9000 }\ntags = ['''x";
    let file = compile_file(&source(&GOOD.replacen(&format!("{id}'''"), &format!("{wide}''']"), 1))).unwrap();
    assert_eq!(file.rules[1].rule.window.after, 9000);
}

#[test]
fn keywords() {
    let (line, column, message, _) = only(&errors("report = false", "keywords = [\"acmeid_\", \"ac\"]"));
    assert_eq!((line, column, message.as_str()), (27, 24, "a keyword has at least 3 bytes"));
}

#[test]
fn checksums() {
    let (line, column, message, help) = only(&errors("crc32-base62", "crc32-bas62"));
    assert_eq!((line, column), (12, 26));
    assert_eq!((message.as_str(), help.as_str()), ("unknown variant `crc32-bas62`", "did you mean `crc32-base62`?"));
    let (line, column, message, _) = only(&errors("of = \"body\"", "of = \"bod\""));
    assert_eq!((line, column, message.as_str()), (12, 47, "the regex has no group `bod`"));
    let (_, _, message, _) = only(&errors(", equals = \"check\" }", " }"));
    assert_eq!(message, "this algorithm compares with a check value");
}

#[test]
fn parts_and_names() {
    let (line, column, message, help) = only(&errors("rule = \"acme.id\"", "rule = \"acme.ids\""));
    assert_eq!((line, column), (13, 19));
    assert_eq!((message.as_str(), help.as_str()), ("no rule has the id `acme.ids`", "did you mean `acme.id`?"));
    let (line, column, message, _) = only(&errors("id = \"acme.id\"", "id = \"acme.key\"")[..1]);
    assert_eq!((line, column), (13, 19), "{message}");
    let duplicate = errors("id = \"acme.id\"", "id = \"acme.key\"");
    assert_eq!((duplicate[1].line, duplicate[1].column), (19, 6));
    assert_eq!(duplicate[1].message, "the id `acme.key` is taken by a rule in patterns/providers/acme.toml");
    let (line, column, message, _) = only(&errors("acme.old-key", "acme.id"));
    assert_eq!((line, column), (7, 12));
    assert_eq!(message, "the alias `acme.id` hides the rule `acme.id` in patterns/providers/acme.toml");
    let other = SourceFile { name: "mine.toml".to_owned(), text: GOOD.to_owned() };
    let errors = RuleSet::assemble(&[good(), compile_file(&other).unwrap()]).unwrap_err();
    assert!(errors.iter().all(|error| error.file == "mine.toml"));
    assert_eq!(errors.len(), 3, "two ids and an alias: {errors:#?}");
}

#[test]
fn live_checks() {
    let (line, column, message, _) =
        only(&errors("https://api.acme.example/me", "https://{{part.id}}.acme.example/me"));
    assert_eq!((line, column, message.as_str()), (3, 19, "the host of a live check is literal"));
    for url in ["http://api.acme.example/", "https://me@api.acme.example/", "https://{{secret}}"] {
        assert_eq!(only(&errors("https://api.acme.example/me", url)).0, 3, "{url}");
    }
    let (line, column, message, _) = only(&errors("{{secret}}", "{{secret | rot13}}"));
    assert_eq!((line, column, message.as_str()), (3, 78, "unknown filter `rot13`"));
    let (_, _, message, _) = only(&errors("{{secret}}", "{{token}}"));
    assert_eq!(message, "unknown name `token` in a live check");
    let (line, column, message, _) = only(&errors("as = \"id\"", "as = \"name\""));
    assert_eq!((line, column, message.as_str()), (14, 10, "this live check needs a part named `id`"));
    let (line, _, message, _) = only(&errors("verify = \"me\"", "verify = \"you\"")[..1]);
    assert_eq!((line, message.as_str()), (14, "no live check is named `you`"));
}

#[test]
fn ids_begin_with_the_name_of_their_file() {
    let (line, column, message, _) = only(&errors("id = \"acme.key\"", "id = \"acne.key\""));
    assert_eq!((line, column, message.as_str()), (6, 6, "the id of a rule in this file starts with `acme.`"));
}

#[test]
fn garbage_gives_errors_and_no_panic() {
    for text in [
        "[[rule]]",
        "rule = 3",
        "[rule]\nid = 1",
        "[[rule]]\nexamples.find = [[1]]",
        "\u{0}",
        "verify = []",
        "[[rule]]\nkind = \"x\"",
    ] {
        assert!(!file_errors(text).is_empty(), "{text:?}");
    }
}
