//! Rule descriptors. Takes a rule that fired, gives what GitHub shows beside its alerts.

use std::borrow::Cow;

use super::types::{Configuration, Descriptor, RuleProperties, Text};
use crate::finding::Finding;
use crate::report::subject::advice;
use crate::rule::{Confidence, Rule, Severity};

/// Characters of a description that GitHub takes.
const LONGEST_DESCRIPTION: usize = 1_024;
/// Tags of a rule that GitHub keeps.
const MOST_TAGS: usize = 10;

/// SARIF's word for a severity.
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The number behind GitHub's word for a severity: critical over 9.0, high from 7.0, medium from 4.0, low below.
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.1",
    }
}

const fn precision(confidence: Confidence, has_checksum: bool) -> &'static str {
    match confidence {
        Confidence::High if has_checksum => "very-high",
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    }
}

/// The descriptor of the rule of `example`, one of its findings, which stands in for a rule that is not known.
pub(super) fn descriptor<'a>(rule: Option<&'a Rule>, example: &'a Finding) -> Descriptor<'a> {
    let title = rule.map_or(&example.title, |rule| &rule.title);
    let description = rule.map(|rule| rule.description.as_str()).filter(|text| !text.is_empty()).unwrap_or(title);
    let severity = rule.map_or(example.severity, |rule| rule.severity);
    let confidence = rule.map_or(example.confidence, |rule| rule.confidence);
    let has_checksum = rule.and_then(Rule::credential).is_some_and(|credential| credential.checksum.is_some());
    Descriptor {
        id: Cow::Borrowed(&example.rule),
        name: Some(pascal_case(&example.rule)),
        short_description: Text::plain(sentence(title)),
        full_description: Some(Text::plain(sentence(description))),
        help_uri: rule.and_then(|rule| rule.references.first()).map(String::as_str),
        help: Some(help(rule, example, description)),
        default_configuration: Some(Configuration { level: level(severity) }),
        properties: Some(RuleProperties {
            tags: tags(rule, example),
            precision: precision(confidence, has_checksum),
            security_severity: security_severity(severity),
        }),
    }
}

fn tags<'a>(rule: Option<&'a Rule>, example: &'a Finding) -> Vec<Cow<'a, str>> {
    let mut tags = vec![Cow::Borrowed("security"), Cow::Borrowed(example.kind.word())];
    let cwe = rule.map_or(&example.cwe, |rule| &rule.cwe);
    tags.extend(cwe.iter().map(|number| Cow::Owned(format!("external/cwe/cwe-{number:03}"))));
    for tag in rule.iter().flat_map(|rule| &rule.tags) {
        if !tags.iter().any(|there| there == tag) {
            tags.push(Cow::Borrowed(tag));
        }
    }
    tags.truncate(MOST_TAGS);
    tags
}

fn help(rule: Option<&Rule>, example: &Finding, description: &str) -> Text {
    let advice = advice(example.kind, rule);
    let mut text = format!("{} {}", sentence(description), sentence(advice));
    let mut markdown = format!("{}\n\n## What to do\n\n{}\n", sentence(description), sentence(advice));
    let references = rule.map(|rule| rule.references.as_slice()).unwrap_or_default();
    if !references.is_empty() {
        text.push_str(" See ");
        text.push_str(&references.join(", "));
        markdown.push_str("\n## References\n\n");
        for reference in references {
            markdown.push_str("- <");
            markdown.push_str(reference);
            markdown.push_str(">\n");
        }
    }
    Text { text, markdown: Some(markdown) }
}

/// One that ends as a sentence does and fits into GitHub's limit.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    let text = capitalised(text);
    let mut text: String = match text.char_indices().nth(LONGEST_DESCRIPTION - 1) {
        Some((cut, _)) => format!("{}…", text[..cut].chars().take(LONGEST_DESCRIPTION - 2).collect::<String>()),
        None => text,
    };
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// `github.pat` as `GithubPat`, the form that SARIF asks of names.
fn pascal_case(id: &str) -> String {
    id.split(|c: char| !c.is_ascii_alphanumeric())
        .flat_map(|word| word.chars().enumerate().map(|(i, c)| if i == 0 { c.to_ascii_uppercase() } else { c }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sentences() {
        assert_eq!(pascal_case("auth.tls-verify-off.python"), "AuthTlsVerifyOffPython");
        assert_eq!(sentence(" A key "), "A key.");
        assert_eq!(sentence("why?"), "Why?");
        for length in [1_022, 1_023, 1_024, 1_025, 5_000] {
            assert!(sentence(&"ü".repeat(length)).chars().count() <= LONGEST_DESCRIPTION, "{length}");
        }
    }
}
