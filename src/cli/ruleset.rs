//! The rules of a scan. Takes what was chosen, gives the built-in rules and the user's own, and which of them to use.

use std::path::{Path, PathBuf};

use super::error::UserError;
use super::plan::RuleChoice;
use super::terminal::escape_path;
use crate::rule::compile::{SourceFile, compile_file};
use crate::rule::error::RuleError;
use crate::rule::{RuleIndex, RuleSet};

/// All rules, and those that a choice means.
pub fn load(choice: &RuleChoice) -> Result<(RuleSet, Vec<RuleIndex>), UserError> {
    let mut set = RuleSet::builtin();
    let mut sources = Vec::new();
    for path in &choice.paths {
        read(path, &mut sources)?;
    }
    let compiled: Result<Vec<_>, Vec<RuleError>> = sources.iter().map(compile_file).collect();
    let joined = compiled.and_then(|files| set.extend(&files));
    if let Err(errors) = joined {
        let text = |error: &RuleError| {
            sources.iter().find(|source| source.name == error.file).map_or("", |source| &source.text)
        };
        return Err(UserError::Shown(errors.iter().map(|error| error.render(text(error))).collect()));
    }
    let select = |include: &[String], exclude: &[String]| {
        set.select(include, exclude)
            .map_err(|error| UserError::with_help(error, "`sekisho rules list` lists all rules"))
    };
    let mut chosen = select(&choice.only, &choice.disable)?;
    // What is switched on comes beside the rules that are on by themselves; `--rule` names all there is to be.
    if choice.only.is_empty() && !choice.enable.is_empty() {
        chosen.extend(select(&choice.enable, &choice.disable)?);
        chosen.sort_unstable();
        chosen.dedup();
    }
    Ok((set, chosen))
}

/// Reads a pattern file, or all of a folder and the folders in it.
fn read(path: &Path, sources: &mut Vec<SourceFile>) -> Result<(), UserError> {
    let failed =
        |error: std::io::Error| UserError::new(format!("failed to read the rules {}: {error}", escape_path(path)));
    if !path.is_dir() {
        let name = path.to_string_lossy().replace('\\', "/");
        sources.push(SourceFile { name, text: std::fs::read_to_string(path).map_err(failed)? });
        return Ok(());
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>).map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let is_link = path.is_symlink();
        if (path.is_dir() && !is_link) || path.extension().is_some_and(|ending| ending == "toml") {
            read(&path, sources)?;
        }
    }
    Ok(())
}
