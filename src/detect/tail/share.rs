//! One tail for all rules with the same regex. Takes rules, gives tails; must never share one between rules that differ in
//! what it depends on.
//!
//! Generic rules come in pairs, one for any value and one for those that look random, and both have the same regex.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::Tail;
use crate::rule::{Detector, Rule};

/// The tails of a rule set, each made when the first keyword of one of its rules is seen.
#[derive(Debug)]
pub struct Tails {
    /// For each rule the number of its tail; `None` if it has no regex.
    numbers: Vec<Option<usize>>,
    tails: Vec<OnceLock<Tail>>,
}

impl Tails {
    /// Room for the tails of these rules.
    pub fn new(rules: &[Rule]) -> Self {
        let mut known = HashMap::new();
        let mut numbers = Vec::with_capacity(rules.len());
        for rule in rules {
            let next = known.len();
            numbers.push(match &rule.detector {
                Detector::Regex(pattern) => {
                    let same = (pattern, &rule.keywords, rule.window.before, rule.window.after);
                    Some(*known.entry(same).or_insert(next))
                }
                Detector::Builtin(_) => None,
            });
        }
        Self { numbers, tails: known.iter().map(|_| OnceLock::new()).collect() }
    }

    /// The number of a rule's tail.
    pub fn number(&self, rule: usize) -> Option<usize> {
        self.numbers[rule]
    }

    /// The tail of a rule, whose number is `rule`.
    pub fn get(&self, rules: &[Rule], rule: usize) -> Option<&Tail> {
        let rule_of = &rules[rule];
        let Detector::Regex(pattern) = &rule_of.detector else { return None };
        let tail = &self.tails[self.numbers[rule]?];
        Some(tail.get_or_init(|| Tail::new(pattern, &rule_of.keywords, rule_of.window)))
    }
}
