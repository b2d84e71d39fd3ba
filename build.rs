//! Compiles the pattern files into the embedded rule set. Takes `patterns/**/*.toml`, gives `rules.postcard`; fails with the
//! errors shown as the `rules check` command shows them.

use std::path::{Path, PathBuf};

#[path = "src/rule"]
#[expect(dead_code, unused_imports, reason = "the build needs a part of the modules that the library has")]
mod rule {
    pub mod assigned;
    pub mod checksum;
    pub mod compile;
    pub mod error;
    pub mod fields;
    pub mod frequency;
    pub mod keywords;
    pub mod language;
    pub mod mint;
    pub mod pattern;
    pub mod read;
    pub mod set;
    pub mod shape;
    pub mod syntax;
    mod types;
    pub use types::*;
}

/// The part of the search for keywords that is worked out beforehand.
#[path = "src/detect/prefilter"]
#[expect(dead_code, reason = "the build makes plans, the library reads them")]
mod prefilter {
    pub mod plan;
}

use prefilter::plan::Plans;
use rule::compile::{SourceFile, compile_file};
use rule::set::RuleSet;

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-changed=patterns");
    println!("cargo::rerun-if-changed=src/rule");
    println!("cargo::rerun-if-changed=src/detect/prefilter/plan.rs");
    println!("cargo::rerun-if-changed=build.rs");
    let mut paths = Vec::new();
    pattern_files(Path::new("patterns"), &mut paths)?;
    paths.sort();

    let (mut sources, mut files, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        let name = path.to_string_lossy().replace('\\', "/");
        let source = SourceFile { name, text: std::fs::read_to_string(&path)? };
        match compile_file(&source) {
            Ok(file) => files.push(file),
            Err(broken) => errors.extend(broken),
        }
        sources.push(source);
    }
    let set = RuleSet::assemble(&files).map_err(|broken| errors.extend(broken)).unwrap_or_default();
    if !errors.is_empty() {
        let mut shown = String::new();
        for error in &errors {
            let text = sources.iter().find(|source| source.name == error.file).map_or("", |source| &source.text);
            shown.push_str(&error.render(text));
        }
        anyhow::bail!("{} errors in pattern files\n\n{shown}", errors.len());
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo should set OUT_DIR for build scripts"));
    std::fs::write(out.join("rules.postcard"), set.to_compact())?;
    let literals = set.rules.iter().flat_map(|rule| rule.keywords.iter().chain(&rule.requires));
    let plans = Plans::new(literals.map(|literal| literal.to_ascii_lowercase()).collect());
    std::fs::write(out.join("prefilter.postcard"), postcard::to_stdvec(&plans)?)?;
    Ok(())
}

fn pattern_files(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            pattern_files(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    Ok(())
}
