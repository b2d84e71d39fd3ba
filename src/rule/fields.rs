//! What may stand in a rule, as one table: which kinds take a field, and what it means. The compiler, the contributor's
//! page and `rules show` read it, so that they cannot disagree.

use super::types::Kind::{self, AuthLogic, Credential, Endpoint};

/// A field of `[[rule]]`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the file.
    pub name: &'static str,
    /// Kinds that take it.
    pub kinds: &'static [Kind],
    /// What it means, in Markdown.
    pub meaning: &'static str,
}

const ALL: &[Kind] = &[Credential, Endpoint, AuthLogic];

const fn field(name: &'static str, kinds: &'static [Kind], meaning: &'static str) -> Field {
    Field { name, kinds, meaning }
}

/// All fields, in the order in which they are best written.
pub const FIELDS: &[Field] = &[
    field(
        "id",
        ALL,
        "slug that never changes its meaning, `<file stem>.<slug>`; `auth.<sub-kind>...` for auth-logic, `endpoint.<sub-kind>...` for endpoints without a provider; unique together with all aliases",
    ),
    field("aliases", ALL, "former ids, which keep working in options and allow comments"),
    field(
        "status",
        ALL,
        "`preview`, `stable` (if left out) or `deprecated`; stable needs two `find`, two `pass` and a reference",
    ),
    field("since", ALL, "version of sekisho that brought the rule"),
    field("kind", ALL, "`credential`, `endpoint` or `auth-logic`"),
    field("title", ALL, "noun phrase"),
    field("description", ALL, "what it is and what a thief can do with it"),
    field("remediation", ALL, "what to do about a finding"),
    field("references", ALL, "https addresses that document the format"),
    field(
        "detector",
        ALL,
        "`builtin:NAME` instead of `regex` for what is code; then there is metadata and examples only",
    ),
    field(
        "regex",
        ALL,
        "`regex` syntax over bytes, Unicode off; the group `secret` (credential), `endpoint` or `site` (auth-logic) is what is reported; every match has an upper length of 4096 bytes",
    ),
    field(
        "assigned",
        &[Credential],
        "`{ to, noun, value, name }` instead of `regex`, for a value without a format of its own: `value` (a regex) given to a name that holds `to` (the provider) and `noun` (`key\\|token\\|secret...` if left out); `name` is such a name in upper case, which is tried in some twenty syntaxes",
    ),
    field(
        "keywords",
        ALL,
        "literals of which every match contains one, three bytes or more, case ignored; derived from the regex if left out",
    ),
    field(
        "window",
        ALL,
        "`{ before, after }`: bytes around the keyword that a match may reach; derived from the regex if left out; raises the limit of a match up to 65536",
    ),
    field("languages", ALL, "languages the rule is for; required for auth-logic"),
    field("paths", ALL, "`paths.include`, `paths.exclude`: globs over the path"),
    field(
        "requires",
        ALL,
        "literals of three bytes or more, each of which must occur somewhere in the blob, case ignored",
    ),
    field("unless", ALL, "regexes that clear the match when they hit one of its lines"),
    field("unless-lines", ALL, "how many lines around the match `unless` looks at; 0 if left out"),
    field(
        "near",
        ALL,
        "regexes of which each must hit near the match: a string (5 lines), or `{ regex, within-lines }`",
    ),
    field("not-near", ALL, "regexes that clear the match when they hit near it; written like `near`"),
    field("class", &[AuthLogic], "`weakness` or `location`; required"),
    field("role", &[AuthLogic], "the role that a location shows"),
    field("needs-role", &[Endpoint, AuthLogic], "the role that the file must have"),
    field(
        "identity",
        ALL,
        "`secret`, or `place` for passwords and the like, whose fingerprint must not confirm a guess",
    ),
    field("precedence", &[Credential], "tie-break between rules that match the same text; more wins"),
    field("test-key", &[Credential], "`true` for keys of a provider's test mode"),
    field("entropy", &[Credential, Endpoint], "least Shannon entropy of the reported value, bits per byte"),
    field(
        "charset",
        &[Credential, Endpoint],
        "`{ digits, upper, lower, special, distinct }`: least numbers of characters in the reported value",
    ),
    field("allow", &[Credential, Endpoint], "regexes over the reported value; one that hits makes it a placeholder"),
    field(
        "checksum",
        &[Credential],
        "`{ algorithm, of, equals }`: a check that the token carries in itself, over named groups",
    ),
    field(
        "parts",
        &[Credential],
        "`[{ rule, as, within-lines, optional }]`: other pieces of the same credential near by (10 lines if left out)",
    ),
    field("report", ALL, "`false` for a helper that only feeds `parts`"),
    field("verify", &[Credential, Endpoint], "name of a `[verify.NAME]` of the file, or `builtin:NAME`"),
    field("severity", ALL, "`info`, `low`, `medium`, `high` or `critical`"),
    field("confidence", ALL, "`low`, `medium` or `high`"),
    field("cwe", ALL, "CWE numbers; required for auth-logic"),
    field("tags", ALL, "free tags"),
    field("mint", ALL, "how to make a sample; `{{mint}}` in examples expands to one"),
    field("examples", ALL, "`examples.find`, `examples.pass`: a string, or `{ text, expect, path, by }`"),
];

/// The field of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// The JSON Schema of pattern files, for editors.
///
/// # Panics
/// Never: a schema is plain JSON.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(super::syntax::FileSyntax);
    let text = serde_json::to_string_pretty(&schema).expect("a schema should be written because it is plain JSON");
    format!("{text}\n")
}

/// The table of the contributor's page, in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut table = String::from("| Field | Kinds | Meaning |\n|---|---|---|\n");
    let row = |field: &Field| {
        let kinds: Vec<&str> = field.kinds.iter().map(|kind| kind.word()).collect();
        let kinds = if field.kinds.len() == ALL.len() { "all".to_owned() } else { kinds.join(", ") };
        format!("| `{}` | {kinds} | {} |\n", field.name, field.meaning)
    };
    table.extend(FIELDS.iter().map(row));
    table
}
