//! What only one kind of rule has, and the languages.

use super::super::language;
use super::super::pattern;
use super::super::read::Table;
use super::super::syntax::RuleSyntax;
use super::super::types::{AuthClass, Checksum, Credential, Detail, Kind, Part, ValueFilter};
use super::{Context, LINES_LIMIT, values};

/// Lines within which a part is looked for where it does not say.
const PART_LINES: u16 = 10;

impl Context<'_> {
    pub(super) fn value_filter(&mut self, syntax: &RuleSyntax) -> ValueFilter {
        if let Some(entropy) = &syntax.entropy
            && !(0.0..=8.0).contains(&entropy.value)
        {
            self.error(&entropy.span, "entropy lies between 0 and 8 bits per byte", None);
        }
        ValueFilter {
            entropy: syntax.entropy.as_ref().map(|entropy| entropy.value),
            charset: syntax.charset.unwrap_or_default(),
            allow: self.regex_list(&syntax.allow),
        }
    }

    pub(super) fn detail(&mut self, syntax: &RuleSyntax, kind: Kind) -> Detail {
        let needs_role = syntax.needs_role.clone();
        match kind {
            Kind::Endpoint => Detail::Endpoint { needs_role },
            Kind::AuthLogic => Detail::AuthLogic {
                class: syntax.class.unwrap_or(AuthClass::Location),
                role: syntax.role.clone(),
                needs_role,
            },
            Kind::Credential => Detail::Credential(Box::new(Credential {
                precedence: syntax.precedence.unwrap_or(0),
                test_key: syntax.test_key.unwrap_or(false),
                checksum: self.checksum(syntax),
                parts: self.parts(syntax),
            })),
        }
    }

    pub(super) fn checksum(&mut self, syntax: &RuleSyntax) -> Option<Checksum> {
        let checksum = syntax.checksum.as_ref()?;
        let groups = syntax.regex.as_ref().and_then(|regex| pattern::parse(&regex.value).ok())?.groups;
        for group in [Some(&checksum.of), checksum.equals.as_ref()].into_iter().flatten() {
            if !groups.contains(&group.value) {
                let known = format!("the regex has {}", groups.join(", "));
                self.error(&group.span, format!("the regex has no group `{}`", group.value), Some(&known));
            }
        }
        match (checksum.algorithm.takes_equals(), &checksum.equals) {
            (true, None) => {
                let help = "write `equals = \"<group of the check value>\"`";
                self.error(&checksum.of.span, "this algorithm compares with a check value", Some(help));
            }
            (false, Some(equals)) => self.error(&equals.span, "this algorithm looks at `of` alone", None),
            _ => {}
        }
        Some(Checksum {
            algorithm: checksum.algorithm,
            of: checksum.of.value.clone(),
            equals: checksum.equals.as_ref().map(|equals| equals.value.clone()),
        })
    }

    pub(super) fn parts(&mut self, syntax: &RuleSyntax) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for part in &syntax.parts {
            if parts.iter().any(|other| other.name == part.name.value) {
                self.error(&part.name.span, format!("two parts are named `{}`", part.name.value), None);
            }
            let within_lines = part.within_lines.unwrap_or(PART_LINES);
            if within_lines > LINES_LIMIT {
                self.error(&part.rule.span, format!("`within-lines` is at most {LINES_LIMIT}"), None);
            }
            parts.push(Part {
                rule: part.rule.value.clone(),
                name: part.name.value.clone(),
                within_lines,
                optional: part.optional,
            });
        }
        parts
    }

    pub(super) fn languages(&mut self, table: &Table<RuleSyntax>, kind: Kind) -> Vec<String> {
        let languages = &table.value.languages;
        if kind == Kind::AuthLogic && languages.is_empty() && table.whole && table.keys.contains_key("languages") {
            self.error(&table.keys["languages"], "`languages` is empty", None);
        }
        for name in languages {
            if !language::is_known(&name.value) {
                let known: Vec<&str> = language::LANGUAGES.iter().map(|(name, _)| *name).collect();
                let help = format!("known are {}", known.join(", "));
                self.error(&name.span, format!("unknown language `{}`", name.value), Some(&help));
            }
        }
        values(languages)
    }
}
