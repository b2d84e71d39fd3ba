//! The vocabulary of rules: plain data that every later stage reads. Holds no logic but names and look-ups.

use serde::{Deserialize, Serialize};

use super::checksum;

/// One thing to look for, checked and complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Slug that never changes its meaning: `github.pat`.
    pub id: String,
    /// Former ids that still name this rule.
    pub aliases: Vec<String>,
    /// Life cycle.
    pub status: Status,
    /// Version that brought the rule.
    pub since: Option<String>,
    /// Which of the three kinds of finding it makes.
    pub kind: Kind,
    /// Provider's name, for people; empty for rules without one.
    pub provider: String,
    /// Noun phrase.
    pub title: String,
    /// What it is and what a thief could do.
    pub description: String,
    /// What to do about a finding; empty falls back on the kind's general advice.
    pub remediation: String,
    /// https addresses that document the format.
    pub references: Vec<String>,
    /// How bad it is.
    pub severity: Severity,
    /// How sure a match is.
    pub confidence: Confidence,
    /// CWE numbers.
    pub cwe: Vec<u16>,
    /// Free tags.
    pub tags: Vec<String>,
    /// How it matches.
    pub detector: Detector,
    /// Literals, ASCII lower case, at least one of which every match contains (compared without ASCII case).
    pub keywords: Vec<String>,
    /// How far from a keyword a match may reach.
    pub window: Window,
    /// Literals of which each must occur somewhere in the blob.
    pub requires: Vec<String>,
    /// Regexes that clear the match when they hit near it.
    pub unless: Vec<String>,
    /// How many lines around the match `unless` looks at; 0 = its own lines only.
    pub unless_lines: u16,
    /// Regexes of which each must hit near the match.
    pub near: Vec<Near>,
    /// Regexes that clear the match when they hit near it, with a reach of their own.
    pub not_near: Vec<Near>,
    /// Languages the rule is for; empty = all.
    pub languages: Vec<String>,
    /// Globs of which one must match the path; empty = all.
    pub include: Vec<String>,
    /// Globs of paths where the rule does not apply.
    pub exclude: Vec<String>,
    /// What makes two matches the same finding.
    pub identity: Identity,
    /// `false` for a helper that only feeds the `parts` of other rules.
    pub report: bool,
    /// What the reported value must look like; credentials and endpoints.
    pub value: ValueFilter,
    /// Name of the verification, `builtin:...` or an entry of `RuleSet::verifications`; credentials and endpoints.
    pub verify: Option<String>,
    /// What only one kind has.
    pub detail: Detail,
}

/// How a rule matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Detector {
    /// A regex; the named group `secret`, `endpoint` or `site` is what is reported.
    Regex(String),
    /// Code of this name; the rule carries metadata and examples only.
    Builtin(String),
}

/// Bytes before and after a keyword that a match may reach, its outer context byte not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Bytes before the keyword's first byte.
    pub before: u32,
    /// Bytes after the keyword's last byte.
    pub after: u32,
}

/// A condition on the neighbourhood of a match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Near {
    /// The regex.
    pub regex: String,
    /// Within how many lines.
    pub lines: u16,
}

/// What only one kind of rule has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Detail {
    /// A credential.
    Credential(Box<Credential>),
    /// A host, address or route.
    Endpoint {
        /// The role that the file must have, if any.
        needs_role: Option<String>,
    },
    /// Code that is, or weakens, authentication.
    AuthLogic {
        /// Weakness or location.
        class: AuthClass,
        /// The role a location shows.
        role: Option<String>,
        /// The role that the file must have, if any.
        needs_role: Option<String>,
    },
}

/// What only credential rules have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// Tie-break between overlapping rules; more wins.
    pub precedence: i32,
    /// A key of the provider's test mode.
    pub test_key: bool,
    /// A check that the secret carries in itself.
    pub checksum: Option<Checksum>,
    /// Other pieces of the same credential.
    pub parts: Vec<Part>,
}

/// What the reported value of a match must look like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueFilter {
    /// Least Shannon entropy, bits per byte.
    pub entropy: Option<f32>,
    /// Least numbers of characters of a class.
    pub charset: Charset,
    /// Regexes; a value that one of them matches is a placeholder.
    pub allow: Vec<String>,
}

/// Least numbers of characters of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Charset {
    /// `0-9`.
    pub digits: u16,
    /// `A-Z`.
    pub upper: u16,
    /// `a-z`.
    pub lower: u16,
    /// Everything else.
    pub special: u16,
    /// Different bytes.
    pub distinct: u16,
}

/// A check that a token carries in itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// Which one.
    pub algorithm: checksum::Algorithm,
    /// Named group that is checked.
    pub of: String,
    /// Named group that holds the check value; `None` where the algorithm looks at `of` alone.
    pub equals: Option<String>,
}

/// Another piece of the same credential, found by another rule near by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Id of the other rule.
    pub rule: String,
    /// Name of the piece.
    pub name: String,
    /// Within how many lines.
    pub within_lines: u16,
    /// Whether the credential is reported without it.
    pub optional: bool,
}

macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// All values, the least first.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The word in pattern files, options and reports.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.word() == word).ok_or_else(|| {
                    let words: Vec<_> = Self::ALL.iter().map(|value| value.word()).collect();
                    format!("`{word}` is none of {}", words.join(", "))
                })
            }
        }
    };
}

word_enum! {
    /// The three kinds of finding.
    Kind {
        /// A key, token or password.
        Credential = "credential",
        /// A host, address or route.
        Endpoint = "endpoint",
        /// Code that is, or weakens, authentication.
        AuthLogic = "auth-logic",
    }
}
word_enum! {
    /// How bad a finding is.
    Severity {
        /// Good to know.
        Info = "info",
        /// Little harm by itself.
        Low = "low",
        /// Harm in some settings.
        Medium = "medium",
        /// Serious harm.
        High = "high",
        /// A thief acts as the owner.
        Critical = "critical",
    }
}
word_enum! {
    /// How sure a match is.
    Confidence {
        /// Worth a look.
        Low = "low",
        /// Probably.
        Medium = "medium",
        /// Almost certainly.
        High = "high",
    }
}
word_enum! {
    /// Life cycle of a rule.
    Status {
        /// May change; off unless asked for.
        Preview = "preview",
        /// Ready.
        Stable = "stable",
        /// Kept for old ids.
        Deprecated = "deprecated",
    }
}
word_enum! {
    /// What makes two matches the same finding.
    Identity {
        /// The secret itself.
        Secret = "secret",
        /// Path and name of the key, with a short tag of the secret: for low-entropy secrets.
        Place = "place",
    }
}
word_enum! {
    /// What an auth-logic rule shows.
    AuthClass {
        /// Where authentication lives.
        Location = "location",
        /// What weakens it.
        Weakness = "weakness",
    }
}

impl Rule {
    /// The named group whose span is reported.
    #[must_use]
    pub const fn target_group(&self) -> &'static str {
        match self.kind {
            Kind::Credential => "secret",
            Kind::Endpoint => "endpoint",
            Kind::AuthLogic => "site",
        }
    }

    /// What only credential rules have.
    #[must_use]
    pub fn credential(&self) -> Option<&Credential> {
        match &self.detail {
            Detail::Credential(credential) => Some(credential),
            Detail::Endpoint { .. } | Detail::AuthLogic { .. } => None,
        }
    }
}
