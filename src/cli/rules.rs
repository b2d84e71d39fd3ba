//! `sekisho rules list|show|check`. Takes rules or files, gives text; must never print (the caller does).

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::rule::check::{CheckReport, check_files};
use crate::rule::{Detail, Detector, Rule, RuleSet};

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
    if let Detail::Credential(credential) = &rule.detail {
        let parts: Vec<&str> = credential.parts.iter().map(|part| part.rule.as_str()).collect();
        fields.push((
            "checksum",
            credential.checksum.as_ref().map(|c| format!("{:?} of {}", c.algorithm, c.of)).unwrap_or_default(),
        ));
        fields.push(("parts", parts.join(", ")));
    }
    fields.push(("entropy", rule.value.entropy.map(|floor| format!("at least {floor}")).unwrap_or_default()));
    fields.push(("verify", rule.verify.clone().unwrap_or_default()));
    fields.push(("references", rule.references.join("\n              ")));
    let mut text = format!("{}: {}\n\n{}\n", rule.id, rule.title, rule.description);
    if !rule.remediation.is_empty() {
        text.push('\n');
        text.push_str(&rule.remediation);
        text.push('\n');
    }
    text.push('\n');
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(text, "{name:12}  {value}").expect("writing to a string should not fail");
    }
    Ok(text)
}

/// Tries pattern files out beside the built-in rules. The flag says whether all is well.
#[must_use]
pub fn check(paths: &[PathBuf]) -> (String, bool) {
    let (report, sources) = match check_files(paths, &RuleSet::builtin()) {
        Ok(checked) => checked,
        Err(error) => return (format!("error: {error}\n"), false),
    };
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
    writeln!(text, "{rules} rules, {examples} examples, {mints} samples: {} errors", errors.len())
        .expect("writing to a string should not fail");
    (text, errors.is_empty())
}
