//! Configuration files. Takes the bytes of a `.sekisho.toml`, gives a checked [`Config`]; a file is data: nothing in it
//! can run anything, and that of a repository cannot name anything outside of it.
//!
//! `find` looks for files, `read` turns one into a [`Config`] and says what is wrong with it, `settings` lays one over
//! the other.

mod find;
mod read;
mod settings;

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use crate::finding::suppress::Allow;
use crate::rule::Confidence;
use crate::source::history::Scope;

use super::exit::FailOn;
use super::value;

pub use find::{FILE_NAME, Found, repository, user};
pub use settings::{Settings, load};

/// `.sekisho.toml`.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "sekisho configuration")]
pub struct Config {
    /// For editors; says nothing.
    #[serde(rename = "$schema")]
    _schema: Option<String>,
    /// What is scanned, and what fails.
    pub scan: ScanSection,
    /// Which rules are used.
    pub rules: RulesSection,
    /// Accepted findings, each with its reason.
    #[schemars(with = "Vec<Allow>")]
    pub allow: Vec<toml::Spanned<Allow>>,
}

/// What is scanned, and what fails.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScanSection {
    /// `reachable`, `all-objects`, `none` or a range `A..B`.
    pub history: Option<History>,
    /// Larger files are not scanned: bytes, or text such as `10MB`.
    pub max_file_size: Option<ByteSize>,
    /// How deep archives in archives are opened; 0 = not at all.
    pub archive_depth: Option<u8>,
    /// Path globs that are not scanned.
    pub exclude: Vec<Glob>,
    /// Findings below this are left out.
    pub min_confidence: Option<Confidence>,
    /// What makes a scan fail: `[kind:]severity[,new]`, a comma list of them, or `never`.
    pub fail_on: Option<FailLevel>,
}

/// Which rules are used.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RulesSection {
    /// Folders of rule files, relative to this file.
    #[schemars(with = "Vec<String>")]
    pub dirs: Vec<toml::Spanned<PathBuf>>,
    /// Rule files, relative to this file.
    #[schemars(with = "Vec<String>")]
    pub files: Vec<toml::Spanned<PathBuf>>,
    /// Rules to switch on that are off by themselves: ids, globs or `kind:KIND`.
    pub enable: Vec<RulePattern>,
    /// Rules to switch off: ids, globs or `kind:KIND`.
    pub disable: Vec<RulePattern>,
}

macro_rules! checked_word {
    ($(#[$doc:meta])* $name:ident($inner:ty) = $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String")]
        #[schemars(with = "String")]
        pub struct $name(pub $inner);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(word: String) -> Result<Self, String> {
                let check: fn(&str) -> Result<$inner, String> = $check;
                check(&word).map(Self)
            }
        }
    };
}

checked_word! {
    /// Part of the history, see [`value::history`].
    History(Scope) = value::history
}
checked_word! {
    /// A path glob.
    Glob(String) = value::glob
}
checked_word! {
    /// A rule id, a glob, or `kind:KIND`.
    RulePattern(String) = value::rule_pattern
}
checked_word! {
    /// What makes a scan fail.
    FailLevel(FailOn) = |word| word.parse()
}

/// A number of bytes, written as an integer or as [`value::byte_size`] reads it.
#[derive(Clone, Copy, Debug)]
pub struct ByteSize(pub u64);

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = ByteSize;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of bytes or a size such as \"10MB\"")
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
                self.visit_str(&bytes.to_string())
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<ByteSize, E> {
                value::byte_size(word).map(ByteSize).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": "^[0-9]+ ?([kKmMgG]([iI]?[bB])?|[bB])?$" },
            ],
        })
    }
}

/// The JSON Schema of the configuration file, with a line feed at its end.
///
/// # Panics
///
/// Never: a schema is always JSON.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Config);
    serde_json::to_string_pretty(&schema).expect("a schema is made of JSON values only") + "\n"
}
