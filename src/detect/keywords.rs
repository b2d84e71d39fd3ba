//! From rules to one list of keywords. Takes the selected rules, gives every keyword once with the rules and facts that it
//! stands for.

use std::collections::{HashMap, HashSet};

use crate::rule::{RuleIndex, RuleSet};

/// What one keyword stands for.
#[derive(Debug, Default)]
pub struct Owner {
    /// Rules whose keyword it is, and which of theirs.
    pub rules: Vec<(usize, usize)>,
    /// The fact that its presence is.
    pub fact: Option<usize>,
}

/// Keywords and what each stands for.
#[derive(Default)]
pub struct Keywords {
    /// The keywords, in lower case.
    pub list: Vec<String>,
    /// What each stands for.
    pub owners: Vec<Owner>,
    numbers: HashMap<String, usize>,
    /// Number of facts.
    pub facts: usize,
}

impl Keywords {
    /// What a keyword stands for so far.
    pub fn owner(&mut self, keyword: &str) -> &mut Owner {
        let folded = keyword.to_ascii_lowercase();
        let number = *self.numbers.entry(folded).or_insert_with_key(|folded| {
            self.list.push(folded.clone());
            self.owners.push(Owner::default());
            self.owners.len() - 1
        });
        &mut self.owners[number]
    }

    /// The fact that a literal occurs.
    pub fn fact(&mut self, literal: &str) -> usize {
        let next = self.facts;
        let fact = *self.owner(literal).fact.get_or_insert(next);
        self.facts = self.facts.max(fact + 1);
        fact
    }
}

/// The selected rules and the rules that their parts name, in order.
pub fn with_helpers(rules: &RuleSet, selected: &[RuleIndex]) -> Vec<usize> {
    let mut wanted: Vec<usize> = selected.iter().map(|index| index.0 as usize).collect();
    let names: HashSet<&str> = wanted
        .iter()
        .filter_map(|&number| rules.rules[number].credential())
        .flat_map(|credential| credential.parts.iter().map(|part| part.rule.as_str()))
        .collect();
    wanted.extend((0..rules.rules.len()).filter(|&number| names.contains(rules.rules[number].id.as_str())));
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}
