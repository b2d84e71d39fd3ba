//! The command line as clap reads it. These types live in this module's callers only: [`super::plan`] turns them into
//! plain options once, and nothing below ever sees a flag.

use std::path::PathBuf;

use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::coverage::{SkipClass, SkipReason};
use crate::report::Format;
use crate::rule::Confidence;
use crate::source::history::Scope;

use super::exit::FailOn;
use super::help;
use super::output::Output;
use super::terminal::ColorChoice;
use super::{suggest, value};

/// The checkpoint of a source repository.
///
/// Finds what must not leave it: credentials, endpoints and authentication logic, in working trees and in the whole git
/// history.
#[derive(Debug, Parser)]
#[command(
    name = "sekisho",
    arg_required_else_help = true,
    max_term_width = 100,
    override_usage = "sekisho [OPTIONS] <COMMAND>",
    disable_version_flag = true,
    after_help = help::TOP,
    after_long_help = help::TOP_LONG
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Print the version; with -v, the number of rules and their digest too.
    #[arg(short = 'V', long)]
    pub version: bool,
    /// Options that every command has.
    #[command(flatten)]
    pub global: Global,
}

/// Options that every command has.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// When to colour output.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true, help_heading = "Display")]
    pub color: ColorChoice,
    /// No progress and no notes; with -o, no text on standard output either.
    #[arg(short, long, global = true, help_heading = "Display", conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say which configuration, rules and targets are used.
    #[arg(short, long, global = true, help_heading = "Display")]
    pub verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Scan working trees and histories.
    #[command(after_help = help::SCAN, after_long_help = help::SCAN_LONG)]
    Scan(Box<ScanArgs>),
    /// List, show and check rules.
    #[command(subcommand, arg_required_else_help = true)]
    Rules(RulesCommand),
    /// Write shell completions, manual pages and JSON Schemas.
    #[command(subcommand, arg_required_else_help = true)]
    Generate(GenerateCommand),
}

/// `sekisho scan`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct ScanArgs {
    /// Files, folders, repositories or URLs; `-` is standard input [default: .]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<PathBuf>,
    /// The file name that standard input is taken to have.
    #[arg(long, value_name = "NAME", help_heading = "What to scan")]
    pub stdin_name: Option<String>,
    /// The history: reachable (all that any ref reaches), all-objects (unreachable ones too), none, or a range A..B
    /// [default: reachable]
    #[arg(
        long,
        value_name = "SCOPE",
        value_parser = value::history,
        help_heading = "What to scan"
    )]
    pub history: Option<Scope>,
    /// Read each blob of the history by itself and whole. Slower, and finds the same: what the other way is compared with.
    #[arg(long, hide = true)]
    pub plain_history: bool,
    /// Do not scan the history; the same as --history=none.
    #[arg(long, help_heading = "What to scan", overrides_with = "history")]
    pub no_history: bool,
    /// Do not scan the working tree.
    #[arg(long, help_heading = "What to scan")]
    pub no_tree: bool,
    /// Only commits since a date: 2026-01-31, 2026-01-31T12:00:00Z, `2 weeks ago`.
    #[arg(long, value_name = "DATE", help_heading = "What to scan")]
    pub since: Option<String>,
    /// Also the commits that only reflogs name.
    #[arg(long, help_heading = "What to scan")]
    pub reflog: bool,
    /// Remember in FILE what was scanned of the history, and read only what is new next time; the report is that of a
    /// full scan.
    ///
    /// If FILE does not exist, everything is scanned and it is written; so it is with other rules, another version, or a
    /// damaged FILE. It holds ids and sizes and no secret, of the targets of the last scan, and can be deleted at any time.
    /// Keep it where only you can write: whoever can change it can hide findings.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "What to scan",
        conflicts_with_all = ["no_history", "since", "staged", "diff"]
    )]
    pub state: Option<PathBuf>,
    /// Only what is staged for the next commit.
    #[arg(
        long,
        help_heading = "What to scan",
        conflicts_with_all = ["history", "no_history", "no_tree", "since", "reflog", "diff"]
    )]
    pub staged: bool,
    /// Only the added lines of a unified diff; FILE must be `-`, standard input.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "What to scan",
        conflicts_with_all = ["targets", "history", "no_history", "no_tree", "since", "reflog"]
    )]
    pub diff: Option<PathBuf>,
    /// Leave out larger files: 10MB, 512KiB [default: 256MiB]
    #[arg(
        long,
        value_name = "SIZE",
        value_parser = value::byte_size,
        env = "SEKISHO_MAX_FILE_SIZE",
        hide_env = true,
        help_heading = "What to scan"
    )]
    pub max_file_size: Option<u64>,
    /// How deep archives in archives are opened; 0 = not at all [default: 3]
    #[arg(long, value_name = "N", env = "SEKISHO_ARCHIVE_DEPTH", hide_env = true, help_heading = "What to scan")]
    pub archive_depth: Option<u8>,
    /// Ignore .gitignore, excludes, [[allow]] entries and inline allows: for audits.
    #[arg(long, help_heading = "What to scan")]
    pub no_ignore: bool,

    /// Use only these rules: an id, a glob over ids, or kind:credential|endpoint|auth-logic; repeatable.
    #[arg(long, value_name = "RULE", value_parser = value::rule_pattern, help_heading = "Rules")]
    pub rule: Vec<String>,
    /// Do not use these rules; repeatable.
    #[arg(long, value_name = "RULE", value_parser = value::rule_pattern, help_heading = "Rules")]
    pub exclude_rule: Vec<String>,
    /// Add rules of your own, preview ones too, from a file or a folder; repeatable.
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    pub rules: Vec<PathBuf>,
    /// Leave out findings below this: low, medium or high [default: low]
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = confidence(),
        env = "SEKISHO_MIN_CONFIDENCE",
        hide_env = true,
        hide_possible_values = true,
        help_heading = "Rules"
    )]
    pub min_confidence: Option<Confidence>,

    /// What makes the scan fail: [kind:]severity[,new] or never; repeatable, or a comma list [default: credentials of
    /// any severity and weaknesses that open a door by themselves]
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = fail_on,
        env = "SEKISHO_FAIL_ON",
        hide_env = true,
        help_heading = "Exit status"
    )]
    pub fail_on: Vec<FailOn>,
    /// Call the scan complete although this was not scanned; repeatable.
    #[arg(
        long,
        value_name = "REASON",
        value_parser = skip_reason(),
        hide_possible_values = true,
        help_heading = "Exit status"
    )]
    pub allow_incomplete: Vec<SkipReason>,

    /// Write a report to a file, `-` for standard output; repeatable. The format is the one before `=`, else told by the
    /// file's ending, else --format.
    #[arg(
        short,
        long,
        value_name = "[FORMAT=]FILE",
        value_parser = output(),
        help_heading = "Reports"
    )]
    pub output: Vec<Output>,
    /// Format on standard output: text, json, jsonl, sarif, sarif:history, sarif:full [default: text]
    #[arg(long, value_name = "FORMAT", value_parser = format, help_heading = "Reports")]
    pub format: Option<Format>,
    /// Show secrets instead of masking them.
    #[arg(long, help_heading = "Reports")]
    pub reveal: bool,
    /// Show accepted findings too, with what accepts them.
    #[arg(long, help_heading = "Reports")]
    pub show_suppressed: bool,
    /// List every place of a finding, not only the first and last version of each path.
    #[arg(long, help_heading = "Reports")]
    pub all_occurrences: bool,
    /// Leave out what differs from run to run.
    #[arg(long, help_heading = "Reports")]
    pub reproducible: bool,

    /// Use this configuration file instead of the repository's .sekisho.toml.
    #[arg(long, value_name = "FILE", env = "SEKISHO_CONFIG", hide_env = true, help_heading = "Configuration")]
    pub config: Option<PathBuf>,
    /// Do not use the repository's .sekisho.toml.
    #[arg(
        long,
        env = "SEKISHO_NO_REPO_CONFIG",
        hide_env = true,
        value_parser = FalseyValueParser::new(),
        help_heading = "Configuration"
    )]
    pub no_repo_config: bool,

    /// Threads [default: one for each core]
    #[arg(
        short,
        long,
        value_name = "N",
        value_parser = jobs,
        env = "SEKISHO_JOBS",
        hide_env = true,
        help_heading = "Display"
    )]
    pub jobs: Option<usize>,
    /// Say on standard error how long each stage took, and how much was read in it.
    #[arg(long, help_heading = "Display")]
    pub stats: bool,
}

/// `sekisho rules`.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List all built-in rules.
    List,
    /// Show everything about one rule.
    Show {
        /// The rule's id.
        id: String,
    },
    /// Check rule files and run their examples.
    Check {
        /// Rule files, or folders of them.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// `sekisho generate`.
#[derive(Debug, Subcommand)]
pub enum GenerateCommand {
    /// Write completions for a shell to standard output.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages into a folder.
    Man {
        /// The folder; must exist.
        dir: PathBuf,
    },
    /// Write a JSON Schema to standard output.
    Schema {
        /// Of what.
        of: SchemaOf,
    },
}

/// What has a JSON Schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaOf {
    /// A JSON report.
    Report,
    /// A rule file.
    Rule,
    /// A configuration file.
    Config,
}

fn confidence() -> impl clap::builder::TypedValueParser<Value = Confidence> {
    PossibleValuesParser::new(Confidence::ALL.iter().map(|level| level.word()))
        .map(|word| word.parse().expect("clap lets only the words of a confidence through"))
}

/// Only what can make a scan incomplete can be accepted; anything else never does.
fn skip_reason() -> impl clap::builder::TypedValueParser<Value = SkipReason> {
    let slugs = SkipReason::ALL.iter().filter(|reason| reason.class() == SkipClass::Incomplete);
    PossibleValuesParser::new(slugs.map(|reason| reason.slug()))
        .map(|slug| SkipReason::from_slug(&slug).expect("clap lets only slugs of reasons through"))
}

fn fail_on(word: &str) -> Result<FailOn, String> {
    word.parse()
}

/// A path need not be UTF-8, so the value is taken as the system gives it.
fn output() -> impl clap::builder::TypedValueParser<Value = Output> {
    clap::builder::OsStringValueParser::new().try_map(|word| Output::parse(&word))
}

/// A format's name.
pub(super) fn format(word: &str) -> Result<Format, String> {
    word.parse().map_err(|_| {
        let words = Format::ALL.iter().map(|format| format.name());
        match suggest::nearest(word, words.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of {}", words.collect::<Vec<_>>().join(", ")),
        }
    })
}

fn jobs(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(0) | Err(_) => Err("expected a number of threads, 1 or more".to_owned()),
        Ok(jobs) => Ok(jobs),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_incomplete_scan_is_accepted_by_reasons_that_make_it_so() {
        let parse = |reason: &str| Cli::try_parse_from(["sekisho", "scan", &format!("--allow-incomplete={reason}")]);
        assert!(parse("missing-object").is_ok());
        assert!(parse("missing-objct").unwrap_err().to_string().contains("'missing-object'"));
        assert!(parse("binary").is_err());
    }
}
