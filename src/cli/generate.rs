//! `sekisho generate`: what is made from the program's own definitions, so that it cannot be out of date.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::report;

use super::args::{Cli, GenerateCommand, SchemaOf};
use super::error::UserError;
use super::terminal::escape_path;
use super::{config, output};

/// Runs one of the commands.
pub fn run(command: GenerateCommand) -> anyhow::Result<()> {
    match command {
        GenerateCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sekisho", &mut script);
            output::write_stdout(|out| out.write_all(&script))
        }
        GenerateCommand::Man { dir } => man(&dir),
        GenerateCommand::Schema { of } => {
            let schema = match of {
                SchemaOf::Report => report::json::schema(),
                SchemaOf::Rule => crate::rule::fields::json_schema(),
                SchemaOf::Config => config::json_schema(),
            };
            output::write_stdout(|out| out.write_all(schema.as_bytes()))
        }
    }
}

fn man(dir: &Path) -> anyhow::Result<()> {
    if !dir.is_dir() {
        return Err(UserError::with_help(format!("{} is not a folder", escape_path(dir)), "create it first").into());
    }
    clap_mangen::generate_to(Cli::command(), dir)
        .with_context(|| format!("failed to write manual pages into {}", escape_path(dir)))
}
