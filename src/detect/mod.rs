//! From bytes to matches. Takes one blob's bytes, gives [`Match`]es in source order; must never look at a path, a commit
//! or another blob.
//!
//! Detection is defined locally, and every engine keeps to it: for a keyword at `k`, the leftmost match of its rule within
//! `[k - before, k + after]` that contains the keyword, with one byte of outer context. The result is the union over all
//! keywords, each (rule, span) once.

mod allow;
mod context;
mod decode;
mod detector;
mod examine;
mod filter;
mod finish;
mod keywords;
mod locate;
mod matcher;
mod parts;
mod placeholder;
pub mod prefilter;
mod raw;
mod remember;
mod snippet;
mod tail;
mod text;

pub use detector::{Detected, Detector, Scratch};
pub use remember::Remembered;
pub use text::Class;

use crate::rule::RuleIndex;
use crate::secret::Secret;
use crate::span::{Location, Span};

/// A rule matched a span of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Which rule.
    pub rule: RuleIndex,
    /// The reported span (group `secret`, `endpoint` or `site`), in bytes of the blob as it is stored, even if the secret
    /// was found in decoded text.
    pub span: Span,
    /// `span` in lines and columns.
    pub location: Location,
    /// The reported bytes, decoded.
    pub secret: Secret,
    /// The other named groups that took part, in the order of the regex.
    pub groups: Vec<(Box<str>, Secret)>,
    /// The decodings that led to it, outermost first; empty for plain text.
    pub decoded_from: Vec<Encoding>,
    /// What speaks for it.
    pub evidence: Evidence,
    /// Text around the match, for judging. Holds the secret in clear.
    pub context: Context,
    /// The lines of the match with every secret in them masked, for people.
    pub snippet: Box<str>,
    /// The matched text is a placeholder or a documentation sample: the reason of the allow list that says so.
    pub placeholder: Option<Box<str>>,
    /// Inline allow comment that covers the match.
    pub allowed: Option<InlineAllow>,
}

/// The neighbourhood of a match, kept so that it can be judged without its blob.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The bytes: whole lines where the limit allows.
    pub bytes: Box<[u8]>,
    /// The reported span relative to `bytes`; cut where the span is longer than the context.
    pub start: usize,
    /// End of the reported span relative to `bytes`.
    pub end: usize,
}

/// Never shows the bytes: they hold a secret.
impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({} bytes, span {}..{})", self.bytes.len(), self.start, self.end)
    }
}

/// What speaks for a match, found without any network.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The token's own checksum passed. A failed one drops the match.
    pub checksum: bool,
    /// What the token's structure shows, for people: `encrypted private key`, `expired 2024-05-01`.
    pub structure: Option<String>,
    /// Other pieces of the credential.
    pub parts: Vec<PartFound>,
}

/// A piece of a credential that another rule found near by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartFound {
    /// The piece's name in the rule.
    pub name: String,
    /// Its bytes.
    pub value: Secret,
}

/// A text encoding that hid a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// RFC 4648, both alphabets.
    Base64,
    /// Pairs of hex digits.
    Hex,
    /// `%41`.
    Percent,
    /// `\u0041` and `\x41`.
    Unicode,
    /// `&#65;`, `&amp;`.
    HtmlEntity,
}

/// `sekisho:allow [rule] [-- reason]` in the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InlineAllow {
    /// The rule or glob that it allows; `None` = all.
    pub rule: Option<String>,
    /// The reason given.
    pub reason: Option<String>,
}
