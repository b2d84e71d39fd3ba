//! Values that are no secrets: placeholders that the rules list, and values built like one. Takes the value alone.

use std::collections::HashSet;

use super::matcher;
use crate::rule::RuleSet;

/// Why the value is built like a placeholder, if it is.
#[must_use]
pub fn reason(value: &[u8]) -> Option<&'static str> {
    if value.len() < 4 {
        return None;
    }
    let mut seen = [false; 256];
    for byte in value {
        seen[usize::from(byte.to_ascii_lowercase())] = true;
    }
    let distinct = seen.iter().filter(|&&seen| seen).count();
    if distinct <= 2 && value.len() >= 8 {
        return Some("one or two characters repeated");
    }
    (sequence(value) * 10 >= value.len() * 8 && value.len() >= 8).then_some("a sequence of the alphabet or of digits")
}

/// How many bytes follow their predecessor by one step up or down: `abcdef`, `987654`.
fn sequence(value: &[u8]) -> usize {
    let alike = |a: u8, b: u8| {
        (a.is_ascii_digit() && b.is_ascii_digit()) || (a.is_ascii_alphabetic() && b.is_ascii_alphabetic())
    };
    let step = |pair: &&[u8]| {
        alike(pair[0], pair[1]) && pair[0].to_ascii_lowercase().abs_diff(pair[1].to_ascii_lowercase()) == 1
    };
    1 + value.windows(2).filter(step).count()
}

/// The allow lists for all rules, compiled when the first match asks.
#[derive(Debug, Default)]
pub struct GlobalAllow {
    entries: Vec<AllowEntry>,
}

#[derive(Debug)]
struct AllowEntry {
    because: String,
    values: HashSet<Vec<u8>>,
    regexes: Option<regex_automata::meta::Regex>,
    rules: Option<globset::GlobSet>,
}

impl GlobalAllow {
    /// The lists of a rule set.
    pub fn new(rules: &RuleSet) -> Self {
        let entries = rules.allow.iter().map(|allow| AllowEntry {
            because: allow.because.clone(),
            values: allow.values.iter().map(|value| value.to_ascii_lowercase().into_bytes()).collect(),
            regexes: (!allow.regexes.is_empty()).then(|| matcher::compile(&allow.regexes)),
            // A glob that is none names no rule: the list must not grow to all of them.
            rules: (!allow.rules.is_empty()).then(|| globs(&allow.rules).unwrap_or_default()),
        });
        Self { entries: entries.collect() }
    }

    /// The reason of the first list that names the value for a rule.
    pub fn reason(&self, rule: &str, secret: &[u8]) -> Option<&str> {
        let folded = secret.to_ascii_lowercase();
        let names = |entry: &AllowEntry| {
            entry.values.contains(&folded) || entry.regexes.as_ref().is_some_and(|regexes| regexes.is_match(secret))
        };
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.rules.as_ref().is_none_or(|globs| globs.is_match(rule)) && names(entry))?;
        Some(&entry.because)
    }
}

fn globs(patterns: &[String]) -> Option<globset::GlobSet> {
    let mut builder = globset::GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(globset::Glob::new(pattern).ok()?);
    }
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_values() {
        for placeholder in ["xxxxxxxxxxxx", "--------", "abcdefghijkl", "1234567890", "XxXxXxXx"] {
            assert!(reason(placeholder.as_bytes()).is_some(), "{placeholder}");
        }
        for value in ["hunter22", "abcd", "Zk3nQ9ab", "1234horse", ""] {
            assert_eq!(reason(value.as_bytes()), None, "{value}");
        }
    }
}
