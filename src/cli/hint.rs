//! Hints below clap's own errors. Takes an error and the arguments, gives what was probably meant.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::Cli;
use super::plan::is_url;
use super::terminal::{escape, escape_path};

/// A line for `sekisho PATH` and `sekisho --staged`, where `scan` was forgotten.
#[must_use]
pub fn for_usage(error: &clap::Error, args: impl IntoIterator<Item = OsString>) -> Option<String> {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = context(error, ContextKind::InvalidSubcommand)?;
            let word_os = OsString::from(word);
            let path = Path::new(&word_os);
            (word == "-" || path.exists() || is_url(word))
                .then(|| format!("\nhelp: to scan it, write `sekisho scan {}`\n", escape_path(path)))
        }
        ErrorKind::UnknownArgument => {
            let word = context(error, ContextKind::InvalidArg)?;
            let option = word.split(['=', ' ']).next().unwrap_or(word);
            let command = Cli::command();
            let first = args.into_iter().next();
            // Behind a subcommand the mistake is another one.
            if command.get_subcommands().any(|sub| first.as_deref().is_some_and(|first| first == sub.get_name())) {
                return None;
            }
            let scan = command.find_subcommand("scan")?;
            let known = scan.get_arguments().any(|arg| {
                arg.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long))
                    || arg.get_short().is_some_and(|short| option.strip_prefix('-') == Some(short.to_string().as_str()))
            });
            known.then(|| format!("\nhelp: `{}` belongs to `sekisho scan`\n", escape(option)))
        }
        _ => None,
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn hint(args: &[&str]) -> Option<String> {
        let error = Cli::try_parse_from(std::iter::once(&"sekisho").chain(args)).unwrap_err();
        for_usage(&error, args.iter().map(OsString::from))
    }

    #[test]
    fn a_forgotten_scan_is_noticed() {
        assert!(hint(&["."]).unwrap().contains("`sekisho scan .`"));
        assert!(hint(&["https://forge.example/a.git"]).unwrap().contains("sekisho scan https:"));
        assert!(hint(&["--staged"]).unwrap().contains("`--staged` belongs to `sekisho scan`"));
        assert!(hint(&["-j"]).unwrap().contains("`-j` belongs"));
    }

    #[test]
    fn other_mistakes_get_no_hint() {
        assert_eq!(hint(&["no-such-thing"]), None);
        assert_eq!(hint(&["--frobnicate"]), None);
        assert_eq!(hint(&["scan", "--frobnicate"]), None);
        assert_eq!(hint(&["rules", "--staged"]), None);
    }
}
