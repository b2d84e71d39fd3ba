//! From TOML text to syntax. Takes one file's text, gives the tables that could be read and *all* errors of the rest; must
//! never stop at the first error.
//!
//! serde gives up at the first error of a value. So each table is read on its own, and a field that could not be read is
//! taken out and the table read again.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::error::{Place, RuleError, did_you_mean};
use super::syntax::{AllowSyntax, RuleSyntax, VerifySyntax};

/// A table that could be read, and where its fields stand.
#[derive(Debug)]
pub struct Table<T> {
    /// What it says.
    pub value: T,
    /// Bytes of the table's header or braces.
    pub span: Range<usize>,
    /// Bytes of each top-level key.
    pub keys: BTreeMap<String, Range<usize>>,
    /// Whether every field of it could be read.
    pub whole: bool,
}

/// What a file says, as far as it could be read.
#[derive(Debug, Default)]
pub struct Document {
    /// Provider's name.
    pub provider: Option<String>,
    /// Live checks.
    pub verify: BTreeMap<String, Table<VerifySyntax>>,
    /// Rules.
    pub rules: Vec<Table<RuleSyntax>>,
    /// Entries of an allow file.
    pub allow: Vec<Table<AllowSyntax>>,
}

/// Reads a pattern file (or an allow file, whose only key is `allow`) from its text.
pub fn read(file: &str, text: &str, allow_file: bool, errors: &mut Vec<RuleError>) -> Document {
    let mut document = Document::default();
    let (root, broken) = DeTable::parse_recoverable(text);
    if !broken.is_empty() {
        errors.extend(broken.iter().map(|error| toml_error(file, text, error, None)));
        return document;
    }
    let known: &[&str] = if allow_file { &["allow"] } else { &["provider", "verify", "rule"] };
    for (key, value) in root.into_inner() {
        let place = Place::new(file, text, key.span());
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("rule", DeValue::Array(_)) if !allow_file => document.rules = tables(file, text, value, errors),
            ("allow", DeValue::Array(_)) if allow_file => document.allow = tables(file, text, value, errors),
            ("provider", DeValue::String(name)) if !allow_file => document.provider = Some(name.to_string()),
            ("verify", DeValue::Table(_)) if !allow_file => {
                let DeValue::Table(entries) = value.into_inner() else { continue };
                for (name, entry) in entries {
                    if let Some(read) = table(file, text, entry, errors) {
                        document.verify.insert(name.into_inner().to_string(), read);
                    }
                }
            }
            (name, _) if known.contains(&name) => {
                let help = format!("write `[[{name}]]` for lists, `[verify.NAME]`, `provider = \"...\"`");
                errors.push(place.error(format!("`{name}` has the wrong type"), Some(help)));
            }
            (name, _) => errors.push(place.error(format!("unknown field `{name}`"), suggestion(name, known))),
        }
    }
    document
}

fn tables<T: DeserializeOwned>(
    file: &str,
    text: &str,
    list: Spanned<DeValue<'_>>,
    errors: &mut Vec<RuleError>,
) -> Vec<Table<T>> {
    let DeValue::Array(entries) = list.into_inner() else { return Vec::new() };
    entries.into_iter().filter_map(|entry| table(file, text, entry, errors)).collect()
}

/// Reads one table; what could not be read of it is reported and left out.
fn table<T: DeserializeOwned>(
    file: &str,
    text: &str,
    entry: Spanned<DeValue<'_>>,
    errors: &mut Vec<RuleError>,
) -> Option<Table<T>> {
    let span = entry.span();
    let DeValue::Table(mut fields) = entry.into_inner() else {
        errors.push(Place::new(file, text, span).error("expected a table", None));
        return None;
    };
    let keys = fields.iter().map(|(key, _)| (key.get_ref().to_string(), key.span())).collect();
    let mut whole = true;
    loop {
        let value = Spanned::new(span.clone(), DeValue::Table(fields.clone()));
        let error = match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => return Some(Table { value, span, keys, whole }),
            Err(error) => error,
        };
        whole = false;
        errors.push(toml_error(file, text, &error, Some(&span)));
        let at = error.span().unwrap_or(span.clone());
        let holds = |range: Range<usize>| range.start <= at.start && at.end <= range.end;
        let culprit = fields
            .iter()
            .find(|(key, value)| holds(key.span()) || holds(value.span()) || inside(value.get_ref(), &at))
            .map(|(key, _)| key.clone());
        // An error of the table itself (a missing field): nothing to take out.
        fields.remove(&culprit?);
    }
}

/// Whether `at` lies in a nested table: dotted keys (`examples.find`) make tables whose own span is not their extent.
fn inside(value: &DeValue<'_>, at: &Range<usize>) -> bool {
    let holds = |range: Range<usize>| range.start <= at.start && at.end <= range.end;
    match value {
        DeValue::Table(fields) => {
            fields.iter().any(|(key, value)| holds(key.span()) || holds(value.span()) || inside(value.get_ref(), at))
        }
        DeValue::Array(values) => values.iter().any(|value| holds(value.span()) || inside(value.get_ref(), at)),
        _ => false,
    }
}

fn toml_error(file: &str, text: &str, error: &toml::de::Error, table: Option<&Range<usize>>) -> RuleError {
    let span = error.span().or(table.cloned()).unwrap_or(0..0);
    let place = Place::new(file, text, span);
    let message = error.message().trim().replace('\n', ", ");
    // serde: "unknown field `a`, expected one of `b`, `c`", and the same with "variant".
    let Some((head, tail)) = message.split_once(", expected ") else { return place.error(message, None) };
    let unknown = head.strip_prefix("unknown ").and_then(|rest| rest.split('`').nth(1));
    let known: Vec<&str> = tail.split('`').skip(1).step_by(2).collect();
    match unknown {
        Some(word) => place.error(head, suggestion(word, &known)),
        None => place.error(message, None),
    }
}

fn suggestion(word: &str, known: &[&str]) -> Option<String> {
    match did_you_mean(word, known.iter().copied()) {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None if known.len() <= 12 => Some(format!("known are {}", known.join(", "))),
        None => None,
    }
}
