//! Errors as people read them. Takes any error of a command, gives `error: ...` with its causes and, where there is one,
//! `help: ...`; must never show a `{:?}`.

use std::fmt::Write as _;

use super::terminal;

/// A mistake that the user can mend.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// A message, with what to do about it.
    #[error("{message}")]
    Plain {
        /// What is wrong, without a full stop.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A mistake in a file, shown with its place: already laid out by [`super::snippet::render`].
    #[error("{0}")]
    Shown(String),
}

impl UserError {
    /// A message alone.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), help: None }
    }

    /// A message with what to do about it.
    pub fn with_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), help: Some(help.into()) }
    }
}

/// The error with its causes, then the help; lines end with a line feed. Coloured if `color`.
#[must_use]
pub fn render(error: &anyhow::Error, color: bool) -> String {
    let (red, blue, reset) = if color { ("\u{1b}[1;31m", "\u{1b}[1;36m", "\u{1b}[0m") } else { ("", "", "") };
    if let Some(UserError::Shown(text)) = error.downcast_ref::<UserError>() {
        return format!("{}\n", text.trim_end());
    }
    let mut text = format!("{red}error{reset}: {}\n", terminal::escape_lines(&error.to_string()));
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // An error that wraps another often repeats its words.
        if !said.ends_with(&cause) {
            let _ = writeln!(text, "  caused by: {}", terminal::escape_lines(&cause));
        }
        said = cause;
    }
    let help = error.chain().find_map(|cause| match cause.downcast_ref::<UserError>() {
        Some(UserError::Plain { help, .. }) => help.as_deref(),
        _ => None,
    });
    if let Some(help) = help {
        let _ = writeln!(text, "{blue}help{reset}: {}", terminal::escape_lines(help));
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn causes_and_help_follow_the_error_and_names_are_escaped() {
        let error = Err::<(), _>(UserError::with_help("`a\u{1b}b` is not there", "look again"))
            .context("failed to open the door")
            .unwrap_err();
        assert_eq!(
            render(&error, false),
            "error: failed to open the door\n  caused by: `a\\u{1b}b` is not there\nhelp: look again\n"
        );
    }

    #[test]
    fn a_cause_that_only_repeats_is_left_out() {
        let inner = std::io::Error::other("disk full");
        let error = anyhow::Error::new(inner).context("failed to write x: disk full");
        assert_eq!(render(&error, false), "error: failed to write x: disk full\n");
    }
}
