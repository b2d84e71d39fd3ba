//! The TOML of pattern files as types, field by field. Takes what `toml` parsed, gives the same with byte ranges; must
//! never decide whether a rule makes sense (`compile` does).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize};

use super::checksum::Algorithm;
use super::types::{AuthClass, Charset, Confidence, Identity, Kind, Severity, Status};

/// A value and the bytes of the file it was written in. [`toml::Spanned`] with a JSON schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sp<T> {
    /// The value.
    pub value: T,
    /// Where it stands, quotes included.
    pub span: Range<usize>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sp<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), value: spanned.into_inner() })
    }
}

impl<T: JsonSchema> JsonSchema for Sp<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A bare string, short for the table with only its main field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringOr<T> {
    /// The short form.
    Text(String),
    /// The long form.
    Table(T),
}

/// By hand, because an untagged enum would hide what is wrong inside the table.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for StringOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = StringOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a table")
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(StringOr::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(StringOr::Table)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for StringOr<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("StringOr{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}

/// A pattern file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "sekisho pattern file")]
pub struct FileSyntax {
    /// Name of the provider, for people.
    pub provider: Option<String>,
    /// Live checks that rules of this file name in `verify`.
    pub verify: BTreeMap<String, VerifySyntax>,
    /// The rules.
    pub rule: Vec<RuleSyntax>,
}

/// One rule. Which fields a kind takes, `compile` checks.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleSyntax {
    /// Slug that never changes its meaning.
    pub id: Option<Sp<String>>,
    /// Former ids that still name this rule.
    pub aliases: Vec<Sp<String>>,
    /// Life cycle; stable if left out.
    pub status: Option<Status>,
    /// Version of sekisho that brought the rule.
    pub since: Option<String>,
    /// Which kind of finding the rule makes.
    pub kind: Option<Kind>,
    /// Noun phrase.
    pub title: Option<Sp<String>>,
    /// What it is and what a thief can do with it.
    pub description: Option<Sp<String>>,
    /// What to do about a finding.
    pub remediation: Option<String>,
    /// https addresses that document the format.
    pub references: Vec<Sp<String>>,
    /// `builtin:NAME` instead of `regex`, for what is code.
    pub detector: Option<Sp<String>>,
    /// Bytes regex with the group `secret`, `endpoint` or `site`.
    pub regex: Option<Sp<String>>,
    /// Instead of `regex`: a value that is given to a name of the provider's.
    pub assigned: Option<AssignedSyntax>,
    /// Literals of which every match contains one; derived from the regex if left out.
    pub keywords: Option<Vec<Sp<String>>>,
    /// Languages the rule is for.
    pub languages: Vec<Sp<String>>,
    /// Where the rule applies.
    pub paths: PathsSyntax,
    /// Literals that must occur elsewhere in the blob.
    pub requires: Vec<Sp<String>>,
    /// Regexes that clear the match when they hit its lines.
    pub unless: Vec<Sp<String>>,
    /// How many lines around the match `unless` looks at.
    pub unless_lines: Option<u16>,
    /// How far the verdict may reach from the keyword, in bytes.
    pub window: Option<Sp<WindowSyntax>>,
    /// What an auth-logic rule shows.
    pub class: Option<AuthClass>,
    /// The role a location shows.
    pub role: Option<String>,
    /// The role that the file must have.
    pub needs_role: Option<String>,
    /// Regexes of which each must hit near the match.
    pub near: Vec<Sp<StringOr<NearSyntax>>>,
    /// Regexes that clear the match when they hit near it.
    pub not_near: Vec<Sp<StringOr<NearSyntax>>>,
    /// What makes two matches the same finding.
    pub identity: Option<Identity>,
    /// Tie-break between overlapping rules; more wins.
    pub precedence: Option<i32>,
    /// A key of the provider's test mode.
    pub test_key: Option<bool>,
    /// Least Shannon entropy of the secret, bits per byte.
    pub entropy: Option<Sp<f32>>,
    /// Least numbers of characters of a class in the secret.
    pub charset: Option<Charset>,
    /// Regexes over the reported value; one that hits makes it a placeholder.
    pub allow: Vec<Sp<String>>,
    /// A check that the token carries in itself.
    pub checksum: Option<ChecksumSyntax>,
    /// Other pieces of the same credential.
    pub parts: Vec<PartSyntax>,
    /// `false` for a helper that only feeds `parts`.
    pub report: Option<bool>,
    /// Name of a `[verify.NAME]` of this file, or `builtin:NAME`.
    pub verify: Option<Sp<String>>,
    /// How bad a finding is.
    pub severity: Option<Severity>,
    /// How sure a match is.
    pub confidence: Option<Confidence>,
    /// CWE numbers.
    pub cwe: Vec<u16>,
    /// Free tags.
    pub tags: Vec<String>,
    /// Sample description that `{{mint}}` in examples expands.
    pub mint: Option<Sp<String>>,
    /// What must be found and what must not.
    pub examples: ExamplesSyntax,
}

/// A value without a format of its own, and the name it is given to. All are regexes without ASCII case except `value`,
/// which keeps it, and `name`, which is none.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AssignedSyntax {
    /// The provider in the name.
    pub to: Sp<String>,
    /// The word in the name that makes the value a secret; the usual ones if left out.
    #[serde(default)]
    pub noun: Option<Sp<String>>,
    /// The value.
    pub value: Sp<String>,
    /// A name as the provider's documentation writes it, in upper case: `ACME_API_KEY`.
    pub name: Sp<String>,
}

/// Path globs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PathsSyntax {
    /// Globs of which one must match.
    pub include: Vec<Sp<String>>,
    /// Globs of paths where the rule does not apply.
    pub exclude: Vec<Sp<String>>,
}

/// A reach in bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct WindowSyntax {
    /// Bytes before the keyword's first byte.
    pub before: u32,
    /// Bytes after the keyword's last byte.
    pub after: u32,
}

/// A condition on the neighbourhood.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NearSyntax {
    /// The regex.
    pub regex: String,
    /// Within how many lines of the match.
    pub within_lines: Option<u16>,
}

/// A check that the token carries in itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChecksumSyntax {
    /// Which one.
    pub algorithm: Algorithm,
    /// Named group that is checked.
    pub of: Sp<String>,
    /// Named group that holds the check value, where the algorithm has one.
    pub equals: Option<Sp<String>>,
}

/// Another piece of the same credential.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PartSyntax {
    /// Id of the rule that finds it.
    pub rule: Sp<String>,
    /// Name of the piece, for `{{part.NAME}}`.
    #[serde(rename = "as")]
    pub name: Sp<String>,
    /// Within how many lines of the match.
    pub within_lines: Option<u16>,
    /// Whether the credential is reported without it.
    #[serde(default)]
    pub optional: bool,
}

/// What must be found and what must not.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExamplesSyntax {
    /// Texts with something to find.
    pub find: Vec<Sp<StringOr<ExampleSyntax>>>,
    /// Texts with nothing to find.
    pub pass: Vec<Sp<StringOr<ExampleSyntax>>>,
}

/// One example in its long form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExampleSyntax {
    /// The text.
    pub text: String,
    /// What is reported in it; the expansion of `{{mint}}` if left out.
    #[serde(default)]
    pub expect: Option<String>,
    /// The path it is scanned as.
    #[serde(default)]
    pub path: Option<String>,
    /// The stage that must reject it (`pass` only).
    #[serde(default)]
    pub by: Option<Stage>,
}

/// The stage that rejects a text that must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The regex does not match.
    Regex,
    /// The rule is not for this path or language.
    Path,
    /// The token's own checksum fails.
    Checksum,
    /// Too little entropy.
    Entropy,
    /// Too few characters of a class.
    Charset,
    /// A placeholder of the rule or of `allow.toml`.
    Allow,
    /// A `requires` literal is missing.
    Requires,
    /// An `unless` regex hits.
    Unless,
    /// A `near` regex is missing or a `not-near` regex hits.
    Near,
    /// A part is missing.
    Parts,
}

impl Stage {
    /// The word in pattern files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regex => "regex",
            Self::Path => "path",
            Self::Checksum => "checksum",
            Self::Entropy => "entropy",
            Self::Charset => "charset",
            Self::Allow => "allow",
            Self::Requires => "requires",
            Self::Unless => "unless",
            Self::Near => "near",
            Self::Parts => "parts",
        }
    }
}

/// A live check.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VerifySyntax {
    /// What to send.
    pub request: RequestSyntax,
    /// Answer of a working credential.
    pub active: AnswerSyntax,
    /// Answer of a revoked one; anything else says nothing.
    #[serde(default)]
    pub inactive: AnswerSyntax,
}

/// What a live check sends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequestSyntax {
    /// HTTP method; GET if left out.
    #[serde(default)]
    pub method: Option<Sp<String>>,
    /// https address with a literal host.
    pub url: Sp<String>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Sp<String>>,
    /// Body.
    #[serde(default)]
    pub body: Option<Sp<String>>,
}

/// What an answer looks like.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AnswerSyntax {
    /// HTTP statuses.
    pub status: Vec<u16>,
    /// JSON pointers that must be there.
    pub json_has: Vec<Sp<String>>,
}

/// `allow.toml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AllowFileSyntax {
    /// The entries.
    pub allow: Vec<AllowSyntax>,
}

/// One entry of `allow.toml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AllowSyntax {
    /// Why what it names is no finding.
    pub because: Sp<String>,
    /// Values that are placeholders, compared without ASCII case.
    #[serde(default)]
    pub values: Vec<Sp<String>>,
    /// Regexes over the secret.
    #[serde(default)]
    pub regexes: Vec<Sp<String>>,
    /// Path globs.
    #[serde(default)]
    pub paths: Vec<Sp<String>>,
    /// Ids and globs of the rules it is for; all if left out.
    #[serde(default)]
    pub rules: Vec<Sp<String>>,
}
