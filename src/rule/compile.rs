//! From syntax to rules. Takes one pattern file, gives its rules and examples, or all errors of the file with their
//! places; must never accept a rule that cannot be scanned for within its limits.
//!
//! What needs other files (unique ids, parts of other files) is checked when a set is put together (`set`).

mod detail;
mod examples;
mod ids;
mod regexes;
#[cfg(test)]
mod tests;
mod verification;

use std::collections::BTreeMap;
use std::ops::Range;

use super::error::{Place, RuleError};
use super::fields;
use super::mint;
use super::read::{self, Table};
use super::set::{GlobalAllow, Verification};
use super::syntax::{RuleSyntax, Sp, Stage};
use super::types::{Detector, Identity, Kind, Rule, Status};

/// Lines of the neighbourhood that `near` looks at where it does not say.
const NEAR_LINES: u16 = 5;
/// Most lines that a condition may look at; the text around a match that is kept has a limit in bytes too.
const LINES_LIMIT: u16 = 200;

/// One pattern file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The file as errors name it, `/`-separated: `patterns/providers/github.toml`.
    pub name: String,
    /// Its content.
    pub text: String,
}

impl SourceFile {
    /// The file name without `.toml`: the prefix of the ids in it.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name);
        name.strip_suffix(".toml").unwrap_or(name)
    }

    /// The folder the file is in, without its parents; empty if the name has none.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.name.rsplit(['/', '\\']).nth(1).unwrap_or_default()
    }

    /// Whether it holds global placeholders instead of rules: `allow.toml`, `allow-passwords.toml`.
    #[must_use]
    pub fn is_allow_file(&self) -> bool {
        self.stem() == "allow" || self.stem().starts_with("allow-")
    }
}

/// A file without errors of its own.
#[derive(Clone, Debug, Default)]
pub struct CompiledFile {
    /// The file as errors name it.
    pub name: String,
    /// Its rules, in the order of the file.
    pub rules: Vec<CompiledRule>,
    /// Its global placeholders.
    pub allow: Vec<GlobalAllow>,
    /// Its live checks, by `<stem>.<name>`.
    pub verifications: BTreeMap<String, Verification>,
}

/// A rule with what only tests and errors need.
#[derive(Clone, Debug)]
pub struct CompiledRule {
    /// The rule.
    pub rule: Rule,
    /// How to make a sample.
    pub mint: Option<mint::Template>,
    /// A name that its values are given to, in upper case, where the rule is about such names.
    pub name: Option<String>,
    /// Texts with something to find.
    pub find: Vec<Example>,
    /// Texts with nothing to find.
    pub pass: Vec<Example>,
    /// Where the id stands.
    pub place: Place,
    /// Where each alias stands, in the order of `rule.aliases`.
    pub alias_places: Vec<Place>,
    /// Where each part's rule id stands, in the order of the rule's parts.
    pub part_places: Vec<Place>,
}

/// A text that a rule must or must not find something in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The text, `{{mint}}` not yet expanded.
    pub text: String,
    /// What is reported; the expansion of `{{mint}}` if not said.
    pub expect: Option<String>,
    /// The path it is scanned as.
    pub path: Option<String>,
    /// The stage that must reject it.
    pub by: Option<Stage>,
    /// Where it stands.
    pub place: Place,
}

/// Compiles one file. Never panics, whatever the text.
///
/// # Errors
/// All errors of the file, sorted by place.
pub fn compile_file(source: &SourceFile) -> Result<CompiledFile, Vec<RuleError>> {
    let mut errors = Vec::new();
    let document = read::read(&source.name, &source.text, source.is_allow_file(), &mut errors);
    let mut context = Context { source, errors };
    let mut file = CompiledFile { name: source.name.clone(), ..CompiledFile::default() };
    let checks = verification::compile(&mut context, &document.verify);
    for table in &document.rules {
        let provider = document.provider.as_deref().unwrap_or_default();
        let compiled = context.rule(table, provider, &checks);
        file.rules.extend(compiled);
    }
    for table in &document.allow {
        file.allow.push(context.allow(table));
    }
    context.unused_checks(&document.verify, &file);
    file.verifications =
        checks.into_iter().map(|(name, check)| (format!("{}.{name}", source.stem()), check.verification)).collect();
    if context.errors.is_empty() {
        return Ok(file);
    }
    context.errors.sort_by_key(|error| (error.span.start, error.span.end));
    Err(context.errors)
}

/// A file being compiled and what is wrong with it so far.
struct Context<'s> {
    source: &'s SourceFile,
    errors: Vec<RuleError>,
}

impl Context<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        Place::new(&self.source.name, &self.source.text, span.clone())
    }

    fn error(&mut self, span: &Range<usize>, message: impl Into<String>, help: Option<&str>) {
        let error = self.place(span).error(message, help.map(str::to_owned));
        self.errors.push(error);
    }

    fn rule(
        &mut self,
        table: &Table<RuleSyntax>,
        provider: &str,
        checks: &BTreeMap<String, verification::Check>,
    ) -> Option<CompiledRule> {
        let errors_before = self.errors.len();
        let syntax = &table.value;
        if !table.keys.contains_key("kind") {
            self.missing(table, "kind", "write `kind = \"credential\"`, `\"endpoint\"` or `\"auth-logic\"`");
        }
        // Without a kind nothing that depends on it can be checked.
        let kind = syntax.kind?;
        let written_out = self.assigned(table);
        let table = written_out.as_ref().unwrap_or(table);
        let syntax = &table.value;
        self.wrong_kind(table, kind);
        self.metadata(table, kind);
        self.id(table, kind);
        let detector = self.detector(table, kind);
        let (keywords, window) = self.keywords(table, detector.as_ref());
        let part_names: Vec<&str> = syntax.parts.iter().map(|part| part.name.value.as_str()).collect();
        let verify = self.verify(table, checks, &part_names);
        let value = self.value_filter(syntax);
        let detail = self.detail(syntax, kind);
        let mint = self.mint(table);
        let (find, pass) = self.examples(table);
        let rule = Rule {
            id: text(syntax.id.as_ref()),
            aliases: values(&syntax.aliases),
            status: syntax.status.unwrap_or(Status::Stable),
            since: syntax.since.clone(),
            kind,
            provider: provider.to_owned(),
            title: text(syntax.title.as_ref()),
            description: text(syntax.description.as_ref()),
            remediation: syntax.remediation.clone().unwrap_or_default(),
            references: values(&syntax.references),
            severity: syntax.severity?,
            confidence: syntax.confidence?,
            cwe: syntax.cwe.clone(),
            tags: syntax.tags.clone(),
            detector: detector?,
            keywords,
            window,
            requires: self.requires(table),
            unless: self.regex_list(&syntax.unless),
            unless_lines: syntax.unless_lines.unwrap_or(0),
            near: self.near(&syntax.near),
            not_near: self.near(&syntax.not_near),
            languages: self.languages(table, kind),
            include: self.globs(&syntax.paths.include),
            exclude: self.globs(&syntax.paths.exclude),
            identity: syntax.identity.unwrap_or(Identity::Secret),
            report: syntax.report.unwrap_or(true),
            value,
            verify,
            detail,
        };
        let places = |spans: Vec<&Range<usize>>| spans.into_iter().map(|span| self.place(span)).collect();
        (self.errors.len() == errors_before).then(|| CompiledRule {
            rule,
            mint,
            name: syntax.assigned.as_ref().map(|assigned| assigned.name.value.clone()),
            find,
            pass,
            place: self.place(syntax.id.as_ref().map_or(&table.span, |id| &id.span)),
            alias_places: places(syntax.aliases.iter().map(|alias| &alias.span).collect()),
            part_places: places(syntax.parts.iter().map(|part| &part.rule.span).collect()),
        })
    }

    /// An error for a field that is needed and was not even tried.
    fn missing(&mut self, table: &Table<RuleSyntax>, field: &str, help: &str) {
        if !table.keys.contains_key(field) {
            let span = table.value.id.as_ref().map_or(&table.span, |id| &id.span).clone();
            self.error(&span, format!("`{field}` is missing"), Some(help));
        }
    }

    fn wrong_kind(&mut self, table: &Table<RuleSyntax>, kind: Kind) {
        for (name, span) in &table.keys {
            let Some(field) = fields::find(name) else { continue };
            if !field.kinds.contains(&kind) {
                let kinds: Vec<&str> = field.kinds.iter().map(|kind| kind.word()).collect();
                self.error(span, format!("`{name}` is only for kind = {}", kinds.join(", ")), None);
            }
        }
    }

    fn metadata(&mut self, table: &Table<RuleSyntax>, kind: Kind) {
        let syntax = &table.value;
        self.missing(table, "id", "write `id = \"<file stem>.<slug>\"`");
        self.missing(table, "title", "write a noun phrase");
        self.missing(table, "description", "write what it is and what a thief can do with it");
        self.missing(table, "severity", "info, low, medium, high or critical");
        self.missing(table, "confidence", "low, medium or high");
        for text in [&syntax.title, &syntax.description].into_iter().flatten() {
            if text.value.trim().is_empty() {
                self.error(&text.span, "this text is empty", None);
            }
        }
        for reference in &syntax.references {
            let rest = reference.value.strip_prefix("https://").unwrap_or_default();
            if rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace) {
                self.error(&reference.span, "a reference is an https:// address", None);
            }
        }
        if kind == Kind::AuthLogic {
            self.missing(table, "cwe", "auth-logic rules name the weakness: 295, 287, 347, 798 ...");
            self.missing(table, "languages", "auth-logic rules are for certain languages");
            self.missing(table, "class", "weakness or location");
            if table.keys.contains_key("cwe") && syntax.cwe.is_empty() {
                self.error(&table.keys["cwe"], "`cwe` is empty", None);
            }
        }
    }
}

fn detector_of(rule: &RuleSyntax) -> Option<Detector> {
    let regex = rule.regex.as_ref().map(|regex| Detector::Regex(regex.value.clone()));
    let builtin = rule.detector.as_ref().and_then(|name| name.value.strip_prefix("builtin:"));
    regex.or(builtin.map(|name| Detector::Builtin(name.to_owned())))
}

fn text(field: Option<&Sp<String>>) -> String {
    field.map(|field| field.value.clone()).unwrap_or_default()
}

fn values(list: &[Sp<String>]) -> Vec<String> {
    list.iter().map(|item| item.value.clone()).collect()
}

impl Context<'_> {
    fn allow(&mut self, table: &Table<super::syntax::AllowSyntax>) -> GlobalAllow {
        let syntax = &table.value;
        if syntax.because.value.trim().is_empty() {
            self.error(&syntax.because.span, "say why what this names is no finding", None);
        }
        if syntax.values.is_empty() && syntax.regexes.is_empty() && syntax.paths.is_empty() {
            self.error(&table.span, "this entry names no values, regexes or paths", None);
        }
        GlobalAllow {
            because: syntax.because.value.clone(),
            values: values(&syntax.values),
            regexes: self.regex_list(&syntax.regexes),
            paths: self.globs(&syntax.paths),
            rules: values(&syntax.rules),
        }
    }
}
