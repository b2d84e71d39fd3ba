//! A match before it has a place. Takes what a rule matched, gives it with all that does not depend on where it stands.

use super::{Context, Encoding};
use crate::secret::Secret;

/// What was matched.
#[derive(Debug, PartialEq, Eq)]
pub struct Raw {
    /// Number of the rule.
    pub rule: usize,
    /// The reported bytes, decoded.
    pub secret: Secret,
    /// The other named groups.
    pub groups: Vec<(Box<str>, Secret)>,
    /// The decodings that led to it, outermost first.
    pub decoded_from: Vec<Encoding>,
    /// Whether it has a checksum, which passed.
    pub checksum: bool,
    /// Text around it.
    pub context: Context,
    /// Why it is a placeholder, if it is.
    pub placeholder: Option<Box<str>>,
}

impl Raw {
    /// Whether two are the same; the same one is.
    pub fn is_as(self: &std::sync::Arc<Self>, other: &std::sync::Arc<Self>) -> bool {
        std::sync::Arc::ptr_eq(self, other) || self == other
    }
}
