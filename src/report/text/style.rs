//! Colours. Takes words, gives them with ANSI codes around them, or as they are when colours are off.

use std::fmt;

use anstyle::{AnsiColor, Style};

use crate::rule::Severity;

/// The styles of a report; all of them plain when colours are off.
#[derive(Clone, Copy)]
pub(super) struct Styles {
    on: bool,
}

impl Styles {
    pub(super) const fn new(on: bool) -> Self {
        Self { on }
    }

    /// The word and the carets of a severity.
    pub(super) fn severity<T: fmt::Display>(self, severity: Severity, text: T) -> Painted<T> {
        let color = match severity {
            Severity::Critical | Severity::High => AnsiColor::BrightRed,
            Severity::Medium => AnsiColor::Yellow,
            Severity::Low => AnsiColor::Cyan,
            Severity::Info => AnsiColor::Green,
        };
        self.paint(color.on_default().bold(), text)
    }

    /// Titles.
    pub(super) fn strong<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(Style::new().bold(), text)
    }

    /// Line numbers and the frame.
    pub(super) fn frame<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::BrightBlue.on_default().bold(), text)
    }

    /// What must not be overlooked.
    pub(super) fn loud<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::BrightRed.on_default().bold(), text)
    }

    /// Good news.
    pub(super) fn calm<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    fn paint<T>(self, style: Style, text: T) -> Painted<T> {
        Painted { style: if self.on { style } else { Style::new() }, text }
    }
}

/// A text with its style.
pub(super) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.style.render(), self.text, self.style.render_reset())
    }
}
