//! One configuration file's text. Takes the text and the name to show for it, gives a [`Config`] or the mistake with its
//! place.

use std::ops::Range;

use regex::bytes::RegexBuilder;

use crate::cli::error::UserError;
use crate::cli::{date, snippet, suggest, terminal, value};

use super::Config;

/// Where a mistake stands and what it is.
pub(super) struct Mistake {
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

impl Mistake {
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The mistake with the line it stands in.
    pub fn shown(&self, name: &str, text: &str) -> UserError {
        UserError::Shown(snippet::render(
            name,
            text,
            self.span.clone(),
            &self.message,
            self.help.as_deref(),
            terminal::color_on_stderr(),
        ))
    }
}

/// Parses and checks a file's text.
pub(super) fn parse(text: &str) -> Result<Config, Mistake> {
    let config: Config = toml::from_str(text).map_err(|error| from_toml(&error))?;
    check_allows(&config)?;
    Ok(config)
}

/// The parser says "unknown field `x`, expected one of `a`, `b`"; people want to know which of them they meant.
fn from_toml(error: &toml::de::Error) -> Mistake {
    let span = error.span().unwrap_or(0..0);
    let message = error.message();
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((word, known)) = words.split_first().filter(|_| message.starts_with("unknown field")) else {
        return Mistake::new(span, message);
    };
    let known: Vec<&str> = known.iter().copied().filter(|key| !key.starts_with('$')).collect();
    let mistake = Mistake::new(span, format!("unknown key `{word}`"));
    match suggest::nearest(word, known.iter().copied()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("the keys here are {}", known.join(", "))),
    }
}

fn check_allows(config: &Config) -> Result<(), Mistake> {
    for entry in &config.allow {
        let (span, allow) = (entry.span(), entry.get_ref());
        let wrong = |message: String| Mistake::new(span.clone(), message);
        if allow.reason.trim().is_empty() {
            return Err(wrong("an [[allow]] needs a reason".to_owned())
                .help("say why the finding is acceptable, for whoever reads this next year"));
        }
        if allow.fingerprint.is_none() && allow.rules.is_empty() && allow.paths.is_empty() && allow.regexes.is_empty() {
            return Err(wrong("this [[allow]] would accept every finding".to_owned())
                .help("give at least one of fingerprint, rules, paths, regexes"));
        }
        for pattern in &allow.rules {
            value::rule_pattern(pattern).map_err(|error| wrong(format!("wrong rule `{pattern}`: {error}")))?;
        }
        for glob in &allow.paths {
            value::glob(glob).map_err(|error| wrong(format!("wrong path glob `{glob}`: {error}")))?;
        }
        for regex in &allow.regexes {
            RegexBuilder::new(regex)
                .unicode(false)
                .size_limit(1 << 20)
                .build()
                .map_err(|error| wrong(format!("wrong regex `{regex}`: {}", last_line(&error.to_string()))))?;
        }
        if let Some(day) = &allow.expires
            && date::day(day).is_none()
        {
            return Err(wrong(format!("`{day}` is not a day")).help("write expires = \"YYYY-MM-DD\""));
        }
    }
    Ok(())
}

/// The regex crate draws its errors over several lines; the last says what is wrong.
fn last_line(error: &str) -> &str {
    let line = error.lines().last().unwrap_or(error);
    line.strip_prefix("error: ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> (String, String, String) {
        let mistake = parse(text).err().unwrap_or_else(|| panic!("accepted: {text}"));
        (text[mistake.span].to_owned(), mistake.message, mistake.help.unwrap_or_default())
    }

    #[test]
    fn a_whole_file_is_read() {
        let config = parse(
            "[scan]\nhistory = \"main..topic\"\nmax-file-size = \"10MB\"\narchive-depth = 2\nexclude = [\"gen/**\"]\n\
             min-confidence = \"medium\"\nfail-on = \"high,new\"\n[rules]\ndirs = [\"rules\"]\nfiles = [\"a.toml\"]\n\
             enable = [\"x.*\"]\ndisable = [\"kind:endpoint\"]\n[[allow]]\nreason = \"test key\"\n\
             paths = [\"tests/**\"]\nexpires = \"2030-01-01\"\n",
        )
        .unwrap_or_else(|mistake| panic!("{}", mistake.message));
        assert_eq!(config.scan.max_file_size.unwrap().0, 10_000_000);
        assert_eq!(config.allow.len(), 1);
        assert!(parse("").is_ok());
    }

    #[test]
    fn unknown_keys_are_errors_with_a_suggestion() {
        assert_eq!(
            mistake("[scan]\nhistroy = \"none\"\n"),
            ("histroy".to_owned(), "unknown key `histroy`".to_owned(), "did you mean `history`?".to_owned())
        );
        let (place, _, help) = mistake("[alow]\n");
        assert_eq!((place.as_str(), help.as_str()), ("alow", "did you mean `allow`?"));
        let (_, message, help) = mistake("[rules]\nverify = true\n");
        assert_eq!(message, "unknown key `verify`");
        assert_eq!(help, "the keys here are dirs, files, enable, disable");
    }

    #[test]
    fn wrong_values_are_shown_at_their_place() {
        let (place, message, _) = mistake("[scan]\nmax-file-size = \"huge\"\n");
        assert_eq!(place, "\"huge\"");
        assert!(message.contains("expected a size"), "{message}");
        let (place, message, _) = mistake("[scan]\nfail-on = \"hihg\"\n");
        assert_eq!(place, "\"hihg\"");
        assert!(message.contains("did you mean `high`?"), "{message}");
        let (place, _, _) = mistake("[scan]\nmax-file-size = -3\n");
        assert_eq!(place, "-3");
        let (place, _, _) = mistake("[scan]\nmin-confidence = \"certain\"\n");
        assert_eq!(place, "\"certain\"");
    }

    #[test]
    fn an_allow_needs_a_reason_and_a_condition_and_sound_patterns() {
        assert!(mistake("[[allow]]\nreason = \" \"\npaths = [\"a\"]\n").1.contains("needs a reason"));
        assert!(mistake("[[allow]]\nreason = \"x\"\n").1.contains("every finding"));
        assert!(mistake("[[allow]]\nreason = \"x\"\nregexes = [\"(\"]\n").1.contains("unclosed group"));
        assert!(mistake("[[allow]]\nreason = \"x\"\nregexes = ['a{99999}{99999}']\n").1.contains("wrong regex"));
        assert!(mistake("[[allow]]\nreason = \"x\"\npaths = [\"a[\"]\n").1.contains("wrong path glob"));
        assert!(mistake("[[allow]]\nreason = \"x\"\nrules = [\"a\"]\nexpires = \"soon\"\n").1.contains("not a day"));
        assert!(mistake("[[allow]]\npaths = [\"a\"]\n").1.contains("reason"));
    }
}
