//! Judges a match where it stands. Takes a match and its path, says whether it counts there and what accepts it; a pure
//! function of what it is given, since one blob can have many paths with different verdicts.

use std::sync::OnceLock;

use globset::{Glob, GlobSet, GlobSetBuilder};

use regex::bytes::RegexSet;

use super::suppress::Allow;
use super::{Sighting, SuppressedBy, Suppression};
use crate::rule::glob::PathGlobs;
use crate::rule::{Rule, RuleSet, language};

/// What the caller wants judged how.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'p> {
    /// `false`: path rules, configuration and inline allows are off.
    pub honour_ignores: bool,
    /// Path globs whose files and folders are not scanned; in the history, whose findings do not count.
    pub exclude: &'p [String],
    /// Accepted findings of the configuration.
    pub allows: &'p [Allow],
    /// Today, `YYYY-MM-DD`: accepted findings expire.
    pub today: &'p str,
}

/// Judges matches of one rule set.
#[derive(Debug)]
pub struct Judge<'r> {
    rules: &'r RuleSet,
    honour_ignores: bool,
    exclude: GlobSet,
    paths: Vec<OnceLock<Paths>>,
    rule_allows: Vec<RuleAllow>,
    config_allows: Vec<ConfigAllow>,
}

/// Where a rule applies.
#[derive(Debug)]
struct Paths {
    include: Option<PathGlobs>,
    exclude: Option<PathGlobs>,
}

/// A path list of the rules themselves.
#[derive(Debug)]
struct RuleAllow {
    because: String,
    paths: PathGlobs,
    rules: Option<GlobSet>,
}

/// An entry of the configuration, compiled.
#[derive(Debug)]
struct ConfigAllow {
    reason: String,
    fingerprint: Option<String>,
    rules: Option<GlobSet>,
    paths: Option<PathGlobs>,
    regexes: Option<RegexSet>,
}

/// What a judge says of a match at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rule does not apply here.
    Drop,
    /// It counts, or something accepts it.
    Keep(Option<Suppression>),
}

impl<'r> Judge<'r> {
    /// A judge; fails with a message if a glob or regex of the configuration is wrong.
    pub fn new(rules: &'r RuleSet, policy: Policy<'_>) -> Result<Self, String> {
        let with_paths = rules.allow.iter().filter(|allow| !allow.paths.is_empty());
        let rule_allows = with_paths.map(|allow| {
            Ok(RuleAllow {
                because: allow.because.clone(),
                paths: PathGlobs::new(&allow.paths),
                rules: some_globs(&allow.rules)?,
            })
        });
        let current = policy.allows.iter().filter(|allow| policy.honour_ignores && !allow.is_expired(policy.today));
        Ok(Self {
            rules,
            honour_ignores: policy.honour_ignores,
            exclude: globs(policy.exclude)?,
            paths: rules.rules.iter().map(|_| OnceLock::new()).collect(),
            rule_allows: rule_allows.collect::<Result<_, String>>()?,
            config_allows: current.map(ConfigAllow::new).collect::<Result<_, String>>()?,
        })
    }

    /// The rules that it judges.
    #[must_use]
    pub const fn rules(&self) -> &'r RuleSet {
        self.rules
    }

    /// What to make of a match at a place, its fingerprint not regarded.
    #[must_use]
    pub fn verdict(&self, sighting: &Sighting<'_>) -> Verdict {
        let rule = self.rules.get(sighting.found.rule);
        let path = sighting.path.as_ref().map(crate::blob::RepoPath::to_string);
        if !self.applies(rule, sighting, path.as_deref()) {
            return Verdict::Drop;
        }
        let by = |by: SuppressedBy, reason: &str| Some(Suppression { by, reason: Some(reason.to_owned()) });
        if let Some(reason) = &sighting.found.placeholder {
            return Verdict::Keep(by(SuppressedBy::Rules, reason));
        }
        if !self.honour_ignores {
            return Verdict::Keep(None);
        }
        if path.as_deref().is_some_and(|path| self.is_excluded(path)) {
            return Verdict::Keep(by(SuppressedBy::Config, "the path is excluded"));
        }
        if let Some(allow) = &sighting.found.allowed
            && allow.rule.as_deref().is_none_or(|pattern| rule_matches(pattern, rule))
        {
            return Verdict::Keep(Some(Suppression { by: SuppressedBy::Inline, reason: allow.reason.clone() }));
        }
        let allowed_path = |allow: &&RuleAllow| {
            path.as_deref().is_some_and(|path| allow.paths.is_match(path.as_bytes()))
                && allow.rules.as_ref().is_none_or(|rules| rules.is_match(&rule.id))
        };
        if let Some(allow) = self.rule_allows.iter().find(allowed_path) {
            return Verdict::Keep(by(SuppressedBy::Rules, &allow.because));
        }
        let secret = sighting.found.secret.expose();
        let allow = self
            .config_allows
            .iter()
            .find(|allow| allow.fingerprint.is_none() && allow.covers(rule, path.as_deref(), secret));
        Verdict::Keep(allow.and_then(|allow| by(SuppressedBy::Config, &allow.reason)))
    }

    /// The suppression of the configuration that names a fingerprint and whose other conditions hold at one of the places.
    #[must_use]
    pub fn by_fingerprint(&self, fingerprint: &str, sightings: &[&Sighting<'_>]) -> Option<Suppression> {
        let mut named = self.config_allows.iter().filter(|allow| allow.fingerprint.as_deref() == Some(fingerprint));
        named.find_map(|allow| {
            let holds = sightings.iter().any(|sighting| {
                let path = sighting.path.as_ref().map(crate::blob::RepoPath::to_string);
                allow.covers(self.rules.get(sighting.found.rule), path.as_deref(), sighting.found.secret.expose())
            });
            holds.then(|| Suppression { by: SuppressedBy::Config, reason: Some(allow.reason.clone()) })
        })
    }

    /// Whether a glob names the path or a folder that it lies in, as in the walk of a tree.
    fn is_excluded(&self, path: &str) -> bool {
        !self.exclude.is_empty() && std::path::Path::new(path).ancestors().any(|part| self.exclude.is_match(part))
    }

    fn applies(&self, rule: &Rule, sighting: &Sighting<'_>, path: Option<&str>) -> bool {
        let written_in = |language: &String| {
            sighting.path.as_ref().is_some_and(|path| language::is_path_of(path.as_bytes(), language))
        };
        if !rule.languages.is_empty() && !rule.languages.iter().any(written_in) {
            return false;
        }
        let some = |globs: &[String]| (!globs.is_empty()).then(|| PathGlobs::new(globs));
        let compile = || Paths { include: some(&rule.include), exclude: some(&rule.exclude) };
        let paths = self.paths[sighting.found.rule.0 as usize].get_or_init(compile);
        paths.include.as_ref().is_none_or(|globs| path.is_some_and(|path| globs.is_match(path.as_bytes())))
            && !paths.exclude.as_ref().is_some_and(|globs| path.is_some_and(|path| globs.is_match(path.as_bytes())))
    }
}

impl ConfigAllow {
    fn new(allow: &Allow) -> Result<Self, String> {
        let regexes = if allow.regexes.is_empty() {
            None
        } else {
            Some(RegexSet::new(&allow.regexes).map_err(|e| e.to_string())?)
        };
        Ok(Self {
            reason: allow.reason.clone(),
            fingerprint: allow.fingerprint.clone(),
            rules: some_globs(&allow.rules)?,
            paths: some_paths(&allow.paths)?,
            regexes,
        })
    }

    fn covers(&self, rule: &Rule, path: Option<&str>, secret: &[u8]) -> bool {
        self.rules
            .as_ref()
            .is_none_or(|globs| globs.is_match(&rule.id) || rule.aliases.iter().any(|alias| globs.is_match(alias)))
            && self.paths.as_ref().is_none_or(|globs| path.is_some_and(|path| globs.is_match(path.as_bytes())))
            && self.regexes.as_ref().is_none_or(|regexes| regexes.is_match(secret))
    }
}

/// Whether an id, alias or glob names the rule.
fn rule_matches(pattern: &str, rule: &Rule) -> bool {
    let matches = |id: &str| pattern == id || Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(id));
    matches(&rule.id) || rule.aliases.iter().any(|alias| matches(alias))
}

/// Path globs of a configuration, which nobody has checked yet.
fn some_paths(patterns: &[String]) -> Result<Option<PathGlobs>, String> {
    globs(patterns)?;
    Ok((!patterns.is_empty()).then(|| PathGlobs::new(patterns)))
}

fn some_globs(patterns: &[String]) -> Result<Option<GlobSet>, String> {
    if patterns.is_empty() { Ok(None) } else { globs(patterns).map(Some) }
}

fn globs(patterns: &[String]) -> Result<GlobSet, String> {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(Glob::new(pattern).map_err(|error| error.to_string())?);
    }
    builder.build().map_err(|error| error.to_string())
}
