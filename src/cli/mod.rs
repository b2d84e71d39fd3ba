//! The command line: arguments, configuration, exit status, progress. Takes what the user typed, gives an exit status;
//! the only part that prints or exits.
//!
//! `args` is what clap reads, `plan` turns it and the configuration into plain options, each subcommand has a file.

pub mod args;
pub mod config;
pub mod date;
pub mod error;
pub mod exit;
pub mod generate;
mod help;
mod hint;
pub mod interrupt;
pub mod output;
pub mod plan;
pub mod progress;
pub mod rules;
pub mod ruleset;
pub mod scan;
pub mod snippet;
pub mod state;
pub mod suggest;
pub mod terminal;
pub mod value;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::rule::RuleSet;

use args::{Cli, Command, RulesCommand};
use error::UserError;

/// The program: reads the command line, runs the command, gives its exit status.
#[must_use]
pub fn main() -> ExitCode {
    quiet_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error)),
    };
    cli.global.color.apply();
    // A panic has said its place already; whatever it was, the scan did not happen.
    match std::panic::catch_unwind(|| run(cli)) {
        Ok(Ok(status)) => ExitCode::from(status),
        Ok(Err(error)) => {
            complain(&error::render(&error, terminal::color_on_stderr()));
            ExitCode::from(exit::USAGE)
        }
        Err(_) => ExitCode::from(exit::USAGE),
    }
}

fn run(cli: Cli) -> anyhow::Result<u8> {
    if cli.version {
        output::write_stdout(|out| out.write_all(version(cli.global.verbose).as_bytes()))?;
        return Ok(exit::CLEAN);
    }
    match cli.command {
        Some(Command::Scan(args)) => scan::run(*args, &cli.global),
        Some(Command::Rules(command)) => rules(command),
        Some(Command::Generate(command)) => generate::run(command).map(|()| exit::CLEAN),
        None => Err(UserError::with_help("no command", "`sekisho scan` scans the repository here").into()),
    }
}

/// `sekisho rules`.
fn rules(command: RulesCommand) -> anyhow::Result<u8> {
    let (text, sound) = match command {
        RulesCommand::List => (rules::list(&RuleSet::builtin()), true),
        RulesCommand::Show { id } => {
            let text = rules::show(&RuleSet::builtin(), &id)
                .map_err(|error| UserError::with_help(error, "`sekisho rules list` lists all of them"))?;
            (text, true)
        }
        RulesCommand::Check { files } => rules::check(&ruleset::sources(&files)?),
    };
    output::write_stdout(|out| out.write_all(text.as_bytes()))?;
    Ok(if sound { exit::CLEAN } else { exit::FOUND })
}

fn version(verbose: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if !verbose {
        return format!("sekisho {version}\n");
    }
    let rules = RuleSet::builtin();
    format!("sekisho {version}\nrules: {}\nrules digest: {}\n", rules.rules.len(), rules.digest())
}

/// Prints what clap says: help goes to standard output and is no error, a mistake to standard error with what may have
/// been meant.
fn usage(error: &clap::Error) -> u8 {
    // What a closed pipe does not take is lost, and nobody is there to miss it.
    let _ = error.print();
    if let Some(hint) = hint::for_usage(error, std::env::args_os().skip(1)) {
        complain(&hint);
    }
    if error.use_stderr() { exit::USAGE } else { exit::CLEAN }
}

/// Prints a note for people.
fn note(text: &str) {
    complain(&format!("note: {}\n", terminal::escape_lines(text)));
}

/// Prints to standard error; a closed one is no error.
fn complain(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// A panic's message may hold bytes of what was scanned: only its place is printed.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        note(&format!("internal error{place}; please report it"));
    }));
}
