//! Live checks of a file: an https address with a literal host, and a template language of two names and two filters.

use std::collections::BTreeMap;

use super::super::read::Table;
use super::super::set::{Answer, Verification};
use super::super::syntax::{AnswerSyntax, RuleSyntax, Sp, VerifySyntax};
use super::{CompiledFile, Context};

/// A compiled live check and the parts that it needs.
pub(super) struct Check {
    pub verification: Verification,
    pub part_names: Vec<String>,
}

/// HTTP methods that a live check may use.
const METHODS: &[&str] = &["GET", "HEAD", "POST"];

pub(super) fn compile(
    context: &mut Context<'_>,
    tables: &BTreeMap<String, Table<VerifySyntax>>,
) -> BTreeMap<String, Check> {
    let mut checks = BTreeMap::new();
    for (name, table) in tables {
        let VerifySyntax { request, active, inactive } = &table.value;
        if let Some(method) = &request.method
            && !METHODS.contains(&method.value.as_str())
        {
            context.error(&method.span, format!("the method is one of {}", METHODS.join(", ")), None);
        }
        context.host(&request.url);
        let mut part_names = Vec::new();
        for text in std::iter::once(&request.url).chain(request.headers.values()).chain(&request.body) {
            context.template(text, &mut part_names);
        }
        for pointer in active.json_has.iter().chain(&inactive.json_has) {
            if !pointer.value.starts_with('/') {
                context.error(&pointer.span, "a JSON pointer starts with `/`", None);
            }
        }
        if active.status.is_empty() {
            context.error(&table.span, "`active` needs a `status`", None);
        }
        let answer = |syntax: &AnswerSyntax| Answer {
            status: syntax.status.clone(),
            json_has: syntax.json_has.iter().map(|pointer| pointer.value.clone()).collect(),
        };
        let verification = Verification {
            method: request.method.as_ref().map_or("GET", |method| &method.value).to_owned(),
            url: request.url.value.clone(),
            headers: request.headers.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
            body: request.body.as_ref().map(|body| body.value.clone()),
            active: answer(active),
            inactive: answer(inactive),
        };
        checks.insert(name.clone(), Check { verification, part_names });
    }
    checks
}

impl Context<'_> {
    /// The host must be literal: a secret or a part must never choose where it is sent.
    fn host(&mut self, url: &Sp<String>) {
        let Some(rest) = url.value.strip_prefix("https://") else {
            self.error(&url.span, "a live check asks an https:// address", None);
            return;
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let literal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':');
        if host.is_empty() || !host.contains('.') || !host.bytes().all(literal) {
            let help = "the credential must not choose where it is sent";
            self.error(&url.span, "the host of a live check is literal", Some(help));
        }
    }

    /// Checks the `{{...}}` of a text and collects the parts it names.
    fn template(&mut self, text: &Sp<String>, part_names: &mut Vec<String>) {
        let mut rest = text.value.as_str();
        while let Some(start) = rest.find("{{") {
            let Some(len) = rest[start..].find("}}") else {
                self.error(&text.span, "a `{{` without its `}}`", None);
                return;
            };
            let mut words = rest[start + 2..start + len].split('|').map(str::trim);
            let name = words.next().unwrap_or_default();
            match name.strip_prefix("part.") {
                Some(part) if !part.is_empty() => part_names.push(part.to_owned()),
                _ if name == "secret" => {}
                _ => {
                    let help = "known are `{{secret}}` and `{{part.NAME}}`";
                    self.error(&text.span, format!("unknown name `{name}` in a live check"), Some(help));
                }
            }
            for filter in words.filter(|filter| !matches!(*filter, "base64" | "url")) {
                let help = "known are `base64` and `url`";
                self.error(&text.span, format!("unknown filter `{filter}`"), Some(help));
            }
            rest = &rest[start + len + 2..];
        }
    }

    /// The full name of the live check that a rule names.
    pub(super) fn verify(
        &mut self,
        table: &Table<RuleSyntax>,
        checks: &BTreeMap<String, Check>,
        parts: &[&str],
    ) -> Option<String> {
        let name = table.value.verify.as_ref()?;
        if name.value.strip_prefix("builtin:").is_some_and(|builtin| !builtin.is_empty()) {
            return Some(name.value.clone());
        }
        let Some(check) = checks.get(&name.value) else {
            let help = format!("write `[verify.{}]` in this file, or `builtin:NAME`", name.value);
            self.error(&name.span, format!("no live check is named `{}`", name.value), Some(&help));
            return None;
        };
        // A table of which something could not be read may have lost its parts.
        for part in check.part_names.iter().filter(|part| table.whole && !parts.contains(&part.as_str())) {
            self.error(&name.span, format!("this live check needs a part named `{part}`"), Some("add it to `parts`"));
        }
        Some(format!("{}.{}", self.source.stem(), name.value))
    }

    /// A live check that no rule names is a mistake.
    pub(super) fn unused_checks(&mut self, tables: &BTreeMap<String, Table<VerifySyntax>>, file: &CompiledFile) {
        if !self.errors.is_empty() {
            return;
        }
        for (name, table) in tables {
            let full = format!("{}.{name}", self.source.stem());
            let used = file.rules.iter().any(|rule| rule.rule.verify.as_ref() == Some(&full));
            if !used {
                self.error(&table.span, format!("no rule names the live check `{name}`"), None);
            }
        }
    }
}
