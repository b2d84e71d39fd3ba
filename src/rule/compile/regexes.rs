//! Regexes, keywords, windows and globs of a rule, and the places of errors inside a regex.

use std::ops::Range;

use super::super::assigned;
use super::super::keywords;
use super::super::pattern::{self, MATCH_LIMIT, NFA_LIMIT, Pattern, PatternError, WIDE_NFA_LIMIT, WINDOW_LIMIT};
use super::super::read::Table;
use super::super::syntax::{NearSyntax, RuleSyntax, Sp, StringOr};
use super::super::types::{Detector, Kind, Near, Window};
use super::{Context, LINES_LIMIT, NEAR_LINES, detector_of, values};

impl Context<'_> {
    /// The rule with the regex that its `assigned` stands for, if it has one.
    pub(super) fn assigned(&mut self, table: &Table<RuleSyntax>) -> Option<Table<RuleSyntax>> {
        let assigned = table.value.assigned.as_ref()?;
        let errors_before = self.errors.len();
        for regex in [Some(&assigned.to), assigned.noun.as_ref(), Some(&assigned.value)].into_iter().flatten() {
            self.parse(regex, NFA_LIMIT);
        }
        let name = &assigned.name;
        let of_name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if !name.value.bytes().all(of_name) || name.value.split('_').any(str::is_empty) {
            let help = "write `name = \"ACME_API_KEY\"`; the check tries other spellings by itself";
            self.error(&name.span, "a name is upper case, its words joined by `_`", Some(help));
        }
        if table.value.regex.is_some() || table.value.detector.is_some() {
            self.error(&table.keys["assigned"], "a rule has one of `assigned`, `regex` and `detector`", None);
        }
        let mut value = table.value.clone();
        if self.errors.len() == errors_before {
            value.regex = Some(Sp { value: assigned::regex(assigned), span: assigned.value.span.clone() });
        }
        Some(Table { value, span: table.span.clone(), keys: table.keys.clone(), whole: table.whole })
    }

    /// The regex or the name of the built-in detector, checked.
    pub(super) fn detector(&mut self, table: &Table<RuleSyntax>, kind: Kind) -> Option<Detector> {
        let syntax = &table.value;
        match (&syntax.regex, &syntax.detector) {
            (None, None) if syntax.assigned.is_some() => {}
            (None, None) => self.missing(table, "regex", "write `regex = '''...'''`"),
            (Some(_), Some(detector)) => self.error(&detector.span, "a rule has a regex or a detector, not both", None),
            (Some(regex), None) => {
                let limit = if syntax.window.is_some() { WIDE_NFA_LIMIT } else { NFA_LIMIT };
                if let Some(pattern) = self.parse(regex, limit) {
                    self.main_regex(syntax, regex, &pattern, kind);
                }
            }
            (None, Some(detector)) => self.builtin(table, detector),
        }
        detector_of(syntax)
    }

    fn builtin(&mut self, table: &Table<RuleSyntax>, detector: &Sp<String>) {
        let name = detector.value.strip_prefix("builtin:").unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            self.error(&detector.span, "a detector is `builtin:NAME`", None);
        }
        for field in ["keywords", "window", "checksum", "parts"] {
            if let Some(span) = table.keys.get(field) {
                self.error(span, format!("`{field}` needs a `regex`: this rule's detector is code"), None);
            }
        }
    }

    fn main_regex(&mut self, syntax: &RuleSyntax, regex: &Sp<String>, pattern: &Pattern, kind: Kind) {
        let target = match kind {
            Kind::Credential => "secret",
            Kind::Endpoint => "endpoint",
            Kind::AuthLogic => "site",
        };
        if !pattern.groups.iter().any(|group| group == target) {
            let help = format!("put `(?<{target}>...)` around what is to be reported");
            self.error(&regex.span, format!("the regex has no group `{target}`"), Some(&help));
        }
        if pattern.min_len() == 0 {
            self.error(&regex.span, "the regex matches the empty text", None);
        }
        let (limit, help) = match syntax.window {
            Some(_) => (WINDOW_LIMIT, "use smaller counts"),
            None => (MATCH_LIMIT, "use smaller counts, or raise the limit with `window = { before = N, after = N }`"),
        };
        match pattern.max_len() {
            None => {
                let at = self.inside(regex, pattern.unbounded.clone());
                let help = "write `{0,N}` for `*`, `{1,N}` for `+`, with a number for what is sensible";
                self.error(&at, "a match of this regex has no upper length", Some(help));
            }
            Some(max) if max > limit => {
                self.error(&regex.span, format!("a match can be {max} bytes long, more than {limit}"), Some(help));
            }
            Some(_) => {}
        }
    }

    /// Keywords and window: derived from the regex unless the rule gives them.
    pub(super) fn keywords(&mut self, table: &Table<RuleSyntax>, detector: Option<&Detector>) -> (Vec<String>, Window) {
        let syntax = &table.value;
        let given =
            syntax.window.as_ref().map(|window| Window { before: window.value.before, after: window.value.after });
        if let Some(window) = &syntax.window
            && window.value.before.max(window.value.after) as usize > WINDOW_LIMIT
        {
            self.error(&window.span, format!("a window reaches at most {WINDOW_LIMIT} bytes"), None);
        }
        let pattern = match detector {
            Some(Detector::Regex(regex)) => pattern::parse(regex).ok(),
            _ => None,
        };
        let Some((pattern, regex)) = pattern.zip(syntax.regex.as_ref()) else { return Default::default() };
        let max = pattern.max_len().unwrap_or(WINDOW_LIMIT).min(WINDOW_LIMIT) as u32;
        if let Some(list) = &syntax.keywords {
            for keyword in list {
                if keyword.value.len() < keywords::MIN_LEN {
                    let message = format!("a keyword has at least {} bytes", keywords::MIN_LEN);
                    self.error(&keyword.span, message, Some("shorter ones hit everywhere"));
                }
            }
            if list.is_empty() || list.len() > keywords::MAX_KEYWORDS {
                let message = format!("a rule has 1 to {} keywords", keywords::MAX_KEYWORDS);
                self.error(&table.keys["keywords"], message, None);
            }
            let mut words: Vec<String> = values(list).iter().map(|word| word.to_ascii_lowercase()).collect();
            words.sort();
            words.dedup();
            let derived = given.or_else(|| keywords::window_of(&pattern.hir, &words));
            return (words, derived.unwrap_or(Window { before: max, after: max }));
        }
        if pattern.max_len().is_none() {
            return Default::default();
        }
        let Some(derived) = keywords::derive(&pattern.hir) else {
            let help = "write `keywords = [\"...\"]` with literals of which every match contains one";
            let message = format!("the regex requires no literal of {} bytes to look for", keywords::MIN_LEN);
            self.error(&regex.span, message, Some(help));
            return Default::default();
        };
        let given = given.unwrap_or_default();
        let window =
            Window { before: derived.window.before.max(given.before), after: derived.window.after.max(given.after) };
        (derived.keywords, window)
    }

    pub(super) fn requires(&mut self, table: &Table<RuleSyntax>) -> Vec<String> {
        for literal in &table.value.requires {
            if literal.value.len() < keywords::MIN_LEN {
                let message = format!("a `requires` literal has at least {} bytes", keywords::MIN_LEN);
                self.error(&literal.span, message, None);
            }
        }
        values(&table.value.requires)
    }

    /// Regexes over lines or values: any length of match.
    pub(super) fn regex_list(&mut self, list: &[Sp<String>]) -> Vec<String> {
        for regex in list {
            self.side_regex(regex);
        }
        values(list)
    }

    fn side_regex(&mut self, regex: &Sp<String>) {
        if self.parse(regex, NFA_LIMIT).is_some_and(|pattern| pattern.min_len() == 0 && pattern.max_len() == Some(0)) {
            self.error(&regex.span, "this regex matches everywhere", None);
        }
    }

    pub(super) fn near(&mut self, list: &[Sp<StringOr<NearSyntax>>]) -> Vec<Near> {
        let mut conditions = Vec::new();
        for item in list {
            let (regex, lines) = match &item.value {
                StringOr::Text(regex) => (regex.clone(), NEAR_LINES),
                StringOr::Table(near) => (near.regex.clone(), near.within_lines.unwrap_or(NEAR_LINES)),
            };
            if lines > LINES_LIMIT {
                self.error(&item.span, format!("`within-lines` is at most {LINES_LIMIT}"), None);
            }
            self.side_regex(&Sp { value: regex.clone(), span: item.span.clone() });
            conditions.push(Near { regex, lines });
        }
        conditions
    }

    pub(super) fn globs(&mut self, list: &[Sp<String>]) -> Vec<String> {
        for glob in list {
            if let Err(error) = globset::GlobBuilder::new(&glob.value).literal_separator(true).build() {
                self.error(&glob.span, error.kind().to_string(), None);
            }
        }
        values(list)
    }

    pub(super) fn parse(&mut self, regex: &Sp<String>, size_limit: usize) -> Option<Pattern> {
        let parsed = pattern::parse(&regex.value);
        match parsed.and_then(|pattern| pattern::check_size(&pattern, size_limit).map(|()| pattern)) {
            Ok(pattern) => Some(pattern),
            Err(PatternError { span, message, help }) => {
                let at = self.inside(regex, span);
                self.error(&at, message, help);
                None
            }
        }
    }

    /// Bytes of the file that hold `part` of a string, where the string is written without escapes; else all of it.
    fn inside(&self, string: &Sp<String>, part: Option<Range<usize>>) -> Range<usize> {
        let written = &self.source.text[string.span.clone()];
        let part = part.unwrap_or(0..string.value.len());
        match written.find(&string.value) {
            Some(at) if !string.value.is_empty() => {
                let start = string.span.start + at;
                start + part.start..(start + part.end.max(part.start + 1)).min(string.span.end)
            }
            _ => string.span.clone(),
        }
    }
}
