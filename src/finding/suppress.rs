//! Accepted findings.

/// An `[[allow]]` entry of a configuration file. Every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Allow {
    /// Why it is accepted.
    pub reason: String,
    /// A finding's fingerprint.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// Rule ids and globs, of which one must match.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Path globs, of which one must match.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Regexes over the secret, of which one must match.
    #[serde(default)]
    pub regexes: Vec<String>,
    /// Last day it holds, `YYYY-MM-DD`.
    #[serde(default)]
    pub expires: Option<String>,
}

impl Allow {
    /// Whether it no longer holds on a day (`YYYY-MM-DD`; the last day itself still counts).
    #[must_use]
    pub fn is_expired(&self, today: &str) -> bool {
        self.expires.as_deref().is_some_and(|last| last < today)
    }
}
