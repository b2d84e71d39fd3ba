//! Ids: slugs under the name of their file.

use super::super::read::Table;
use super::super::syntax::RuleSyntax;
use super::super::types::Kind;
use super::Context;

impl Context<'_> {
    pub(super) fn id(&mut self, table: &Table<RuleSyntax>, kind: Kind) {
        let Some(id) = &table.value.id else { return };
        for slug in std::iter::once(id).chain(&table.value.aliases) {
            if let Some(problem) = slug_problem(&slug.value) {
                let help = "parts of a-z, 0-9 and `-` with `.` between them, none of digits only: `github.pat`";
                self.error(&slug.span, format!("`{}` is no id: {problem}", slug.value), Some(help));
                return;
            }
        }
        let stem = self.source.stem();
        let by_kind = match kind {
            Kind::Credential => None,
            Kind::Endpoint => Some("endpoint"),
            Kind::AuthLogic => Some("auth"),
        };
        let first = id.value.split('.').next().unwrap_or_default();
        let fits = match self.source.folder() {
            "providers" => first == stem || by_kind == Some(first),
            "generic" => first == stem || first == "generic" || by_kind == Some(first),
            "auth-logic" => by_kind == Some(first) || (kind == Kind::Credential && first == stem),
            // A user's own file is free to choose, but the themes keep their meaning.
            _ => kind != Kind::AuthLogic || first == "auth",
        };
        if !fits {
            let wanted = by_kind.filter(|_| self.source.folder() != "providers").unwrap_or(stem);
            let help = format!("write `{wanted}.<slug>`");
            self.error(&id.span, format!("the id of a rule in this file starts with `{wanted}.`"), Some(&help));
        }
    }
}

fn slug_problem(id: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let parts: Vec<&str> = id.split('.').collect();
    if !id.chars().all(allowed) {
        Some("only lower-case letters, digits, `-` and `.` may stand in it")
    } else if parts.len() < 2 {
        Some("it needs a part after the first `.`")
    } else if parts.iter().any(|part| part.is_empty() || part.starts_with('-') || part.ends_with('-')) {
        Some("a part is empty or begins or ends with `-`")
    } else if parts.iter().any(|part| part.bytes().all(|b| b.is_ascii_digit())) {
        Some("a part is only a number")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::slug_problem;

    #[test]
    fn slugs() {
        for good in ["github.pat", "auth.tls-verify-off.python-requests", "s3.v2-key"] {
            assert_eq!(slug_problem(good), None, "{good}");
        }
        for bad in ["github", "GitHub.pat", "github..pat", "github.1", "github.-pat", "np.x_y", "x.y-"] {
            assert!(slug_problem(bad).is_some(), "{bad}");
        }
    }
}
