//! The rules of a scan. Takes what was chosen, gives the built-in rules and the user's own, and which of them to use.

use std::path::{Path, PathBuf};

use super::error::UserError;
use super::plan::RuleChoice;
use super::terminal::escape_path;
use crate::rule::compile::{SourceFile, compile_file};
use crate::rule::error::RuleError;
use crate::rule::{RuleIndex, RuleSet, Status};

/// All rules, and those that a choice means.
pub fn load(choice: &RuleChoice) -> Result<(RuleSet, Vec<RuleIndex>), UserError> {
    let mut set = RuleSet::builtin();
    let sources = sources(&choice.paths)?;
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for source in &sources {
        match compile_file(source) {
            Ok(file) => files.push(file),
            Err(more) => errors.extend(more),
        }
    }
    if errors.is_empty() {
        errors = set.extend(&files).err().unwrap_or_default();
    }
    if !errors.is_empty() {
        let text = |error: &RuleError| {
            sources.iter().find(|source| source.name == error.file).map_or("", |source| &source.text)
        };
        let shown: Vec<String> = errors.iter().map(|error| error.render(text(error))).collect();
        return Err(UserError::Shown(shown.join("\n")));
    }
    let select = |include: &[String], exclude: &[String]| {
        set.select(include, exclude)
            .map_err(|error| UserError::with_help(error, "`sekisho rules list` lists all rules"))
    };
    let mut chosen = select(&choice.only, &choice.disable)?;
    // What is switched on comes beside the rules that are on by themselves; `--rule` names all there is to be. Whoever
    // adds a file of rules wants them used, whether or not they call them ready.
    let mut enable = choice.enable.clone();
    let own = files.iter().flat_map(|file| &file.rules).map(|compiled| &compiled.rule);
    enable.extend(own.filter(|rule| rule.status == Status::Preview && rule.report).map(|rule| rule.id.clone()));
    if choice.only.is_empty() && !enable.is_empty() {
        chosen.extend(select(&enable, &choice.disable)?);
        chosen.sort_unstable();
        chosen.dedup();
    }
    Ok((set, chosen))
}

/// The pattern files that paths name. A path without any is a mistake: its rules would be missed in silence.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<SourceFile>, UserError> {
    let mut sources = Vec::new();
    for path in paths {
        let before = sources.len();
        read(path, &mut sources)?;
        if sources.len() == before {
            let message = format!("the folder {} holds no rules", escape_path(path));
            return Err(UserError::with_help(message, "rule files end in .toml"));
        }
    }
    Ok(sources)
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
