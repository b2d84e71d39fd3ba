//! All rules of a scan, with what they share. Takes compiled files, gives one set with unique ids; must never hold two
//! rules that answer to the same name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compile::{CompiledFile, CompiledRule};
use super::error::RuleError;
use super::types::{Rule, Status};

/// Position of a rule in its [`RuleSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleIndex(pub u32);

/// The rules of a scan, sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleSet {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Placeholder values and path globs for all rules, each with the reason.
    pub allow: Vec<GlobalAllow>,
    /// Verifications that the rules name, by `<file stem>.<name>`.
    pub verifications: BTreeMap<String, Verification>,
}

/// One entry of `patterns/allow.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GlobalAllow {
    /// Why what it names is no finding.
    pub because: String,
    /// Values that are placeholders, compared without ASCII case.
    pub values: Vec<String>,
    /// Regexes over the secret.
    pub regexes: Vec<String>,
    /// Path globs.
    pub paths: Vec<String>,
    /// Ids and globs of the rules it is for; empty = all.
    pub rules: Vec<String>,
}

/// How to ask a provider whether a credential works; data only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// HTTP method.
    pub method: String,
    /// https address with a literal host.
    pub url: String,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Option<String>,
    /// Answer of a working credential.
    pub active: Answer,
    /// Answer of a revoked one; anything else says nothing.
    pub inactive: Answer,
}

/// What an answer looks like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP statuses.
    pub status: Vec<u16>,
    /// JSON pointers that must be there.
    pub json_has: Vec<String>,
}

impl RuleSet {
    /// The rule at a position of this set.
    #[must_use]
    pub fn get(&self, index: RuleIndex) -> &Rule {
        &self.rules[index.0 as usize]
    }

    /// A set of these files alone.
    ///
    /// # Errors
    /// As [`RuleSet::extend`].
    pub fn assemble(files: &[CompiledFile]) -> Result<Self, Vec<RuleError>> {
        let mut set = Self::default();
        set.extend(files)?;
        Ok(set)
    }

    /// Adds the rules of files, a user's for example, and sorts all by id. Positions of rules change.
    ///
    /// # Errors
    /// Ids and aliases that are taken, and parts that name no rule; the set is then as it was.
    pub fn extend(&mut self, files: &[CompiledFile]) -> Result<(), Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut next = self.clone();
        let added: Vec<&CompiledRule> = files.iter().flat_map(|file| &file.rules).collect();
        next.rules.extend(added.iter().map(|compiled| compiled.rule.clone()));
        next.rules.sort_by(|a, b| a.id.cmp(&b.id));
        for file in files {
            next.allow.extend(file.allow.iter().cloned());
            next.verifications.extend(file.verifications.clone());
        }
        check_names(self, &added, &mut errors);
        for compiled in &added {
            let parts = compiled.rule.credential().map_or(&[][..], |credential| &credential.parts);
            for (part, place) in parts.iter().zip(&compiled.part_places) {
                if next.find(&part.rule).is_none() {
                    errors.push(place.error(format!("no rule has the id `{}`", part.rule), next.nearest(&part.rule)));
                }
            }
        }
        if errors.is_empty() {
            *self = next;
            return Ok(());
        }
        errors.sort_by(|a, b| (&a.file, a.span.start).cmp(&(&b.file, b.span.start)));
        Err(errors)
    }

    /// The rule of this id, or with this alias.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<RuleIndex> {
        let by_id = self.rules.binary_search_by(|rule| rule.id.as_str().cmp(name)).ok();
        by_id
            .or_else(|| self.rules.iter().position(|rule| rule.aliases.iter().any(|alias| alias == name)))
            .map(|index| RuleIndex(index as u32))
    }

    /// The rules to scan with, sorted. `include` and `exclude` hold ids, aliases, globs over ids (`aws.*`) and
    /// `kind:credential`.
    ///
    /// With nothing to include, these are all stable rules; preview and deprecated ones must be named. Helper rules come
    /// with the rules whose parts they find.
    ///
    /// # Errors
    /// An entry that names no rule, as a sentence.
    pub fn select(&self, include: &[String], exclude: &[String]) -> Result<Vec<RuleIndex>, String> {
        let mut chosen: Vec<bool> =
            self.rules.iter().map(|rule| include.is_empty() && rule.status == Status::Stable).collect();
        for name in include {
            for index in self.named(name)? {
                chosen[index] = true;
            }
        }
        for name in exclude {
            for index in self.named(name)? {
                chosen[index] = false;
            }
        }
        // Parts of parts do not exist in practice, but a loop costs nothing and ends when nothing is new.
        let mut pending: Vec<usize> = (0..self.rules.len()).filter(|&index| chosen[index]).collect();
        while let Some(index) = pending.pop() {
            let parts = self.rules[index].credential().map_or(&[][..], |credential| &credential.parts);
            for helper in parts.iter().filter_map(|part| self.find(&part.rule)) {
                let helper = helper.0 as usize;
                if !self.rules[helper].report && !chosen[helper] {
                    chosen[helper] = true;
                    pending.push(helper);
                }
            }
        }
        Ok((0..self.rules.len()).filter(|&index| chosen[index]).map(|index| RuleIndex(index as u32)).collect())
    }

    /// The entries of `allow.toml` that are about a rule.
    pub fn allow_for<'s>(&'s self, rule: &'s Rule) -> impl Iterator<Item = &'s GlobalAllow> {
        let names = |glob: &String| {
            *glob == rule.id || globset::Glob::new(glob).is_ok_and(|glob| glob.compile_matcher().is_match(&rule.id))
        };
        self.allow.iter().filter(move |entry| entry.rules.is_empty() || entry.rules.iter().any(names))
    }

    /// Positions of the rules that an id, alias, glob or `kind:` names.
    fn named(&self, name: &str) -> Result<Vec<usize>, String> {
        let found: Vec<usize> = if let Some(kind) = name.strip_prefix("kind:") {
            let kind: super::types::Kind = kind.parse()?;
            (0..self.rules.len()).filter(|&index| self.rules[index].kind == kind).collect()
        } else if let Some(index) = self.find(name) {
            vec![index.0 as usize]
        } else {
            let glob = globset::Glob::new(name).map_err(|error| error.to_string())?.compile_matcher();
            (0..self.rules.len()).filter(|&index| glob.is_match(&self.rules[index].id)).collect()
        };
        if found.is_empty() {
            let help = self.nearest(name).map(|help| format!(" ({help})")).unwrap_or_default();
            return Err(format!("no rule is named `{name}`{help}"));
        }
        Ok(found)
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let ids = self.rules.iter().map(|rule| rule.id.as_str());
        super::error::did_you_mean(name, ids).map(|id| format!("did you mean `{id}`?"))
    }

    /// A digest of the rules and of this version, 64 hex digits: equal digests mean equal detection.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
        hasher.update(&[0]);
        hasher.update(&self.to_compact());
        hasher.finalize().to_hex().to_string()
    }

    /// The set in the form that is embedded.
    ///
    /// # Panics
    /// Never: every field has a compact form.
    #[must_use]
    pub fn to_compact(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a rule set should encode because it is plain data")
    }

    /// The set that [`RuleSet::to_compact`] wrote.
    ///
    /// # Errors
    /// Bytes that another version wrote, or that are damaged.
    pub fn from_compact(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

/// Every name, id or alias, belongs to one rule.
fn check_names(base: &RuleSet, added: &[&CompiledRule], errors: &mut Vec<RuleError>) {
    // Name -> (the id of its rule, whether it is an alias, the file).
    let mut taken: BTreeMap<&str, (&str, bool, &str)> = BTreeMap::new();
    for rule in &base.rules {
        taken.insert(&rule.id, (&rule.id, false, "the rules so far"));
        taken.extend(rule.aliases.iter().map(|alias| (alias.as_str(), (rule.id.as_str(), true, "the rules so far"))));
    }
    for compiled in added {
        let CompiledRule { rule, place, .. } = compiled;
        if let Some((other, is_alias, file)) = taken.insert(&rule.id, (&rule.id, false, &place.file)) {
            let message = if is_alias {
                format!("the id `{}` is an alias of `{other}` in {file}", rule.id)
            } else {
                format!("the id `{}` is taken by a rule in {file}", rule.id)
            };
            errors.push(place.error(message, None));
        }
    }
    for compiled in added {
        for (alias, place) in compiled.rule.aliases.iter().zip(&compiled.alias_places) {
            if let Some((other, is_alias, file)) = taken.insert(alias, (&compiled.rule.id, true, &place.file)) {
                let what = if is_alias { "is an alias of" } else { "hides the rule" };
                errors.push(place.error(format!("the alias `{alias}` {what} `{other}` in {file}"), None));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::compile::{SourceFile, compile_file};

    fn set() -> RuleSet {
        let rule = |id: &str, more: &str| {
            format!(
                "[[rule]]\nid = '{id}'\nkind = 'credential'\ntitle = 't'\ndescription = 'd'\n\
                 regex = 'acme_(?<secret>[a-z]{{8}})'\nseverity = 'low'\nconfidence = 'low'\n{more}\n"
            )
        };
        let stable = "references = ['https://acme.example/']\nexamples.find = [{ text = 'acme_abcdefgh', expect = 'abcdefgh' }, \
                      { text = 'acme_abcdefgi', expect = 'abcdefgi' }]\nexamples.pass = ['a', 'b']";
        let text = [
            rule(
                "acme.key",
                &format!("{stable}\naliases = ['acme.former']\nparts = [{{ rule = 'acme.id', as = 'id' }}]"),
            ),
            rule("acme.id", "status = 'preview'\nreport = false"),
            rule("acme.new", "status = 'preview'"),
            rule("beta.key", stable),
        ]
        .concat();
        let file = compile_file(&SourceFile { name: "mine.toml".to_owned(), text }).unwrap();
        RuleSet::assemble(&[file]).unwrap()
    }

    fn ids(set: &RuleSet, include: &[&str], exclude: &[&str]) -> Vec<String> {
        let owned = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let chosen = set.select(&owned(include), &owned(exclude)).unwrap();
        chosen.into_iter().map(|index| set.get(index).id.clone()).collect()
    }

    #[test]
    fn select_by_id_alias_glob_and_kind() {
        let set = set();
        assert_eq!(ids(&set, &[], &[]), ["acme.id", "acme.key", "beta.key"], "stable ones and their helpers");
        assert_eq!(ids(&set, &["acme.former"], &[]), ["acme.id", "acme.key"]);
        assert_eq!(ids(&set, &["acme.*"], &["acme.key"]), ["acme.id", "acme.new"]);
        assert_eq!(ids(&set, &["kind:credential"], &["acme.*"]), ["beta.key"]);
        let error = set.select(&["acme.kay".to_owned()], &[]).unwrap_err();
        assert_eq!(error, "no rule is named `acme.kay` (did you mean `acme.key`?)");
        assert!(set.select(&["kind:nonsense".to_owned()], &[]).is_err());
    }

    #[test]
    fn the_digest_follows_the_rules() {
        let (one, mut two) = (set(), set());
        assert_eq!(one.digest(), two.digest());
        two.rules[0].description.push('!');
        assert_ne!(one.digest(), two.digest());
        assert_eq!(one.digest().len(), 64);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = set().to_compact();
        assert!(RuleSet::from_compact(&bytes[..bytes.len() - 1]).is_err());
        assert!(RuleSet::from_compact(b"\xff\xff\xff\xff\xff").is_err());
    }
}
