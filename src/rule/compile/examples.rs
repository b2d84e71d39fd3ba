//! Sample descriptions and examples.

use super::super::mint;
use super::super::read::Table;
use super::super::syntax::{ExampleSyntax, RuleSyntax, Sp, StringOr};
use super::super::types::Status;
use super::{Context, Example};

impl Context<'_> {
    pub(super) fn mint(&mut self, table: &Table<RuleSyntax>) -> Option<mint::Template> {
        let text = table.value.mint.as_ref()?;
        match mint::parse(&text.value) {
            Err(message) => {
                self.error(&text.span, message, None);
                None
            }
            Ok(template) => {
                let check = table.value.checksum.as_ref().and_then(|checksum| checksum.algorithm.check_len());
                if template.has_check() && check.is_none() {
                    self.error(&text.span, "`{check}` needs a `checksum` that computes a value", None);
                }
                Some(template)
            }
        }
    }

    pub(super) fn examples(&mut self, table: &Table<RuleSyntax>) -> (Vec<Example>, Vec<Example>) {
        let syntax = &table.value;
        let long = |example: &Sp<StringOr<ExampleSyntax>>| match &example.value {
            StringOr::Text(text) => ExampleSyntax { text: text.clone(), ..ExampleSyntax::default() },
            StringOr::Table(table) => table.clone(),
        };
        for example in &syntax.examples.find {
            let long = long(example);
            if long.by.is_some() {
                self.error(&example.span, "`by` is for `examples.pass`", None);
            }
            if long.expect.is_none() && !long.text.contains("{{mint") {
                let help = "write `{{mint}}` where the secret stands, or `{ text = ..., expect = ... }`";
                self.error(&example.span, "nothing says what is to be found here", Some(help));
            }
        }
        for example in syntax.examples.find.iter().chain(&syntax.examples.pass) {
            if syntax.mint.is_none()
                && table.whole
                && ["{{mint}}", "{{mint:bad", "{{mint:2"].iter().any(|m| long(example).text.contains(m))
            {
                self.error(&example.span, "`{{mint}}` needs a `mint` in the rule", None);
            }
        }
        let stable = syntax.status.unwrap_or(Status::Stable) == Status::Stable;
        if stable && table.whole {
            // The spellings of a name are examples too.
            let named = if syntax.assigned.is_some() { 2 } else { 0 };
            let (find, pass) = (syntax.examples.find.len() + named, syntax.examples.pass.len());
            let span = syntax.id.as_ref().map_or(&table.span, |id| &id.span).clone();
            if find < 2 || pass < 2 {
                let message =
                    format!("a stable rule has at least 2 find and 2 pass examples, this has {find} and {pass}");
                self.error(&span, message, Some("add examples, or write `status = \"preview\"`"));
            }
            if syntax.references.is_empty() {
                let help = "name the documentation of the format, or write `status = \"preview\"`";
                self.error(&span, "a stable rule has a reference", Some(help));
            }
        }
        let all = |examples: &[Sp<StringOr<ExampleSyntax>>]| {
            let place = |example: &Sp<StringOr<ExampleSyntax>>| {
                let ExampleSyntax { text, expect, path, by } = long(example);
                Example { text, expect, path, by, place: self.place(&example.span) }
            };
            examples.iter().map(place).collect()
        };
        let mut find: Vec<Example> = all(&syntax.examples.find);
        if let Some(assigned) = syntax.assigned.as_ref().filter(|_| syntax.mint.is_some()) {
            let text = format!("{}={{{{mint}}}}", assigned.name.value);
            find.push(Example { text, expect: None, path: None, by: None, place: self.place(&assigned.name.span) });
        }
        (find, all(&syntax.examples.pass))
    }
}
