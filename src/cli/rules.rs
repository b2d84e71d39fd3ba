//! `sekisho rules list|show|check`. Takes rules or files, gives text; must never print (the caller does).

use std::fmt::Write as _;

use crate::rule::check::{CheckReport, check_sources};
use crate::rule::checksum::Algorithm;
use crate::rule::compile::SourceFile;
use crate::rule::{Credential, Detail, Detector, Near, Rule, RuleSet, ValueFilter};

/// Between the values of one field: they stand below each other.
const NEXT_LINE: &str = "\n              ";

/// One line for each rule: id, severity, confidence, status and title, in columns.
#[must_use]
pub fn list(set: &RuleSet) -> String {
    let width = set.rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for rule in &set.rules {
        let Rule { id, severity, confidence, status, title, .. } = rule;
        let helper = if rule.report { "" } else { " (helper)" };
        writeln!(text, "{id:width$}  {severity:8}  {confidence:6}  {status:10}  {title}{helper}")
            .expect("writing to a string should not fail");
    }
    text
}

/// Everything about one rule, by id or alias.
///
/// # Errors
/// No rule has this name; the sentence says so.
pub fn show(set: &RuleSet, id: &str) -> Result<String, String> {
    let rule = match set.find(id) {
        Some(index) => set.get(index),
        None => {
            return Err(set
                .select(&[id.to_owned()], &[])
                .err()
                .unwrap_or_else(|| format!("`{id}` names several rules")));
        }
    };
    let mut text = format!("{}: {}\n\n{}\n", rule.id, rule.title, rule.description);
    if !rule.remediation.is_empty() {
        text.push('\n');
        text.push_str(&rule.remediation);
        text.push('\n');
    }
    text.push('\n');
    for (name, value) in fields(rule).iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(text, "{name:12}  {value}").expect("writing to a string should not fail");
    }
    Ok(text)
}

/// What a rule says beside its prose, by name; what it leaves out is empty.
fn fields(rule: &Rule) -> Vec<(&'static str, String)> {
    let lines = |values: &[String]| values.join(NEXT_LINE);
    let numbers: Vec<String> = rule.cwe.iter().map(|cwe| format!("CWE-{cwe}")).collect();
    let mut fields = vec![
        ("kind", rule.kind.to_string()),
        ("provider", rule.provider.clone()),
        ("severity", rule.severity.to_string()),
        ("confidence", rule.confidence.to_string()),
        ("status", rule.status.to_string()),
        ("since", rule.since.clone().unwrap_or_default()),
        ("aliases", rule.aliases.join(", ")),
        ("cwe", numbers.join(", ")),
        ("tags", rule.tags.join(", ")),
        ("languages", rule.languages.join(", ")),
        ("paths", rule.include.join(", ")),
        ("not in paths", rule.exclude.join(", ")),
        ("keywords", rule.keywords.join(", ")),
    ];
    match &rule.detector {
        Detector::Regex(regex) => {
            fields.push(("window", format!("{} bytes before, {} after", rule.window.before, rule.window.after)));
            fields.push(("regex", regex.clone()));
        }
        Detector::Builtin(name) => fields.push(("detector", format!("builtin:{name}"))),
    }
    let near = |all: &[Near]| {
        let all: Vec<String> = all.iter().map(|near| format!("{} (within {} lines)", near.regex, near.lines)).collect();
        lines(&all)
    };
    let unless = match rule.unless_lines {
        0 => lines(&rule.unless),
        number => format!("{} (within {number} lines)", lines(&rule.unless)),
    };
    fields.extend([
        ("requires", rule.requires.join(", ")),
        ("unless", if rule.unless.is_empty() { String::new() } else { unless }),
        ("near", near(&rule.near)),
        ("not near", near(&rule.not_near)),
    ]);
    match &rule.detail {
        Detail::Credential(credential) => credential_fields(credential, &mut fields),
        Detail::Endpoint { needs_role } => fields.push(("needs role", needs_role.clone().unwrap_or_default())),
        Detail::AuthLogic { class, role, needs_role } => fields.extend([
            ("class", class.to_string()),
            ("role", role.clone().unwrap_or_default()),
            ("needs role", needs_role.clone().unwrap_or_default()),
        ]),
    }
    let ValueFilter { entropy, charset, allow } = &rule.value;
    let least = [
        (charset.digits, "digits"),
        (charset.upper, "upper-case letters"),
        (charset.lower, "lower-case letters"),
        (charset.special, "special characters"),
        (charset.distinct, "distinct characters"),
    ];
    let least: Vec<String> =
        least.iter().filter(|(number, _)| *number > 0).map(|(number, of)| format!("{number} {of}")).collect();
    fields.extend([
        ("entropy", entropy.map(|floor| format!("at least {floor} bits per byte")).unwrap_or_default()),
        ("charset", if least.is_empty() { String::new() } else { format!("at least {}", least.join(", ")) }),
        ("allow", lines(allow)),
        ("identity", rule.identity.to_string()),
        ("report", if rule.report { String::new() } else { "no: feeds other rules only".to_owned() }),
        ("verify", rule.verify.clone().unwrap_or_default()),
        ("references", lines(&rule.references)),
    ]);
    fields
}

/// The name that pattern files have for an algorithm.
fn word(algorithm: Algorithm) -> String {
    let value = serde_json::to_value(algorithm).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn credential_fields(credential: &Credential, fields: &mut Vec<(&'static str, String)>) {
    let checksum = credential.checksum.as_ref().map(|check| match &check.equals {
        Some(equals) => format!("{} of {} equals {equals}", word(check.algorithm), check.of),
        None => format!("{} of {}", word(check.algorithm), check.of),
    });
    let parts: Vec<String> = credential
        .parts
        .iter()
        .map(|part| {
            let optional = if part.optional { ", optional" } else { "" };
            format!("{} as {} (within {} lines{optional})", part.rule, part.name, part.within_lines)
        })
        .collect();
    let precedence = if credential.precedence == 0 { String::new() } else { credential.precedence.to_string() };
    fields.extend([
        ("checksum", checksum.unwrap_or_default()),
        ("parts", parts.join(NEXT_LINE)),
        ("precedence", precedence),
        ("test key", if credential.test_key { "yes".to_owned() } else { String::new() }),
    ]);
}

/// Tries pattern files out beside the built-in rules. The flag says whether all is well.
#[must_use]
pub fn check(sources: &[SourceFile]) -> (String, bool) {
    let report = check_sources(sources, &RuleSet::builtin());
    let mut text = String::new();
    for error in &report.errors {
        let source = sources.iter().find(|source| source.name == error.file).map_or("", |source| &source.text);
        text.push_str(&error.render(source));
        text.push('\n');
    }
    let CheckReport { rules, examples, mints, also, errors } = &report;
    for (rule, other) in also {
        writeln!(text, "note: `{other}` also finds something in the examples of `{rule}`")
            .expect("writing to a string should not fail");
    }
    let number_of = |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    writeln!(
        text,
        "{}, {}, {}: {}",
        number_of(*rules as u64, "rule"),
        number_of(*examples as u64, "example"),
        number_of(*mints, "sample"),
        number_of(errors.len() as u64, "error")
    )
    .expect("writing to a string should not fail");
    (text, errors.is_empty())
}
