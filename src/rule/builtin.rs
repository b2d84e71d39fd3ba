//! The rules that are built in. Takes the compact form that `build.rs` made, gives a [`RuleSet`]; must never parse TOML or
//! compile a regex, since every start pays for it.

use super::RuleSet;

/// What `build.rs` wrote: the set as `postcard`.
static COMPACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.postcard"));

impl RuleSet {
    /// The rules that are built in, sorted by id, preview and deprecated ones too.
    ///
    /// # Panics
    /// Never, as long as the build is sound: a test decodes them.
    #[must_use]
    pub fn builtin() -> Self {
        Self::from_compact(COMPACT).expect("the embedded rules should decode because the same types encoded them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_rules_decode_and_are_sorted() {
        let set = RuleSet::builtin();
        assert!(!set.rules.is_empty());
        assert!(set.rules.is_sorted_by(|a, b| a.id < b.id));
        assert_eq!(RuleSet::from_compact(&set.to_compact()).unwrap(), set);
    }
}
