//! Tries every pattern file out: one test for each, named after it (`rules::providers/github`), and the artefacts that are made
//! from the rules. `cargo test --test rules -- providers/github` runs one; `SEKISHO_BLESS=1` refreshes the artefacts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use sekisho::rule::RuleSet;
use sekisho::rule::check::expand::Mints;
use sekisho::rule::check::probe::LocalProbe;
use sekisho::rule::check::{too_long, try_out};
use sekisho::rule::compile::{CompiledFile, SourceFile, compile_file};
use sekisho::rule::error::RuleError;

fn main() {
    let arguments = Arguments::from_args();
    let bench: &'static Bench = Box::leak(Box::new(Bench::new()));
    let mut trials: Vec<Trial> = bench.sources.iter().map(|source| bench.file_trial(source)).collect();
    trials.push(Trial::test("names", || show(&bench.set_errors, &bench.sources)));
    trials.push(Trial::test("embedded", || embedded(&bench.set)));
    trials.push(Trial::test("schema", schema));
    trials.push(Trial::test("files-fit-schema", || files_fit_schema(&bench.sources)));
    trials.push(Trial::test("field-table", field_table));
    libtest_mimic::run(&arguments, trials).exit();
}

/// All files, compiled once and shared by all tests.
struct Bench {
    sources: Vec<SourceFile>,
    compiled: BTreeMap<String, Result<CompiledFile, Vec<RuleError>>>,
    set: RuleSet,
    set_errors: Vec<RuleError>,
}

impl Bench {
    fn new() -> Self {
        let mut paths = Vec::new();
        pattern_files(&root().join("patterns"), &mut paths);
        paths.sort();
        let source = |path: &PathBuf| SourceFile {
            name: path
                .strip_prefix(root())
                .expect("the files should be in the repository")
                .to_string_lossy()
                .replace('\\', "/"),
            text: std::fs::read_to_string(path).expect("a pattern file should be UTF-8"),
        };
        let sources: Vec<SourceFile> = paths.iter().map(source).collect();
        let compiled: BTreeMap<_, _> =
            sources.iter().map(|source| (source.name.clone(), compile_file(source))).collect();
        let good: Vec<CompiledFile> = compiled.values().filter_map(|file| file.clone().ok()).collect();
        let (set, set_errors) = match RuleSet::assemble(&good) {
            Ok(set) => (set, Vec::new()),
            Err(errors) => (RuleSet::default(), errors),
        };
        Self { sources, compiled, set, set_errors }
    }

    fn file_trial(&'static self, source: &'static SourceFile) -> Trial {
        let name = format!("rules::{}", source.name.trim_start_matches("patterns/").trim_end_matches(".toml"));
        Trial::test(name, move || {
            let mut errors: Vec<RuleError> = too_long(source).into_iter().collect();
            match &self.compiled[&source.name] {
                Err(broken) => errors.extend(broken.iter().cloned()),
                Ok(file) => {
                    // The probe compiles what it needs on first use; samples can be of rules in other files.
                    let probe = LocalProbe::new(&self.set);
                    let needed = self.with_named_files(file);
                    let mints = Mints::new(&self.set, &probe, &needed);
                    errors.extend(try_out(file, &self.set, &probe, &mints, false).errors);
                }
            }
            show(&errors, &self.sources)
        })
    }

    /// The file, and the files of the rules that its parts name.
    fn with_named_files(&self, file: &CompiledFile) -> Vec<CompiledFile> {
        let parts: Vec<&str> = file
            .rules
            .iter()
            .filter_map(|compiled| compiled.rule.credential())
            .flat_map(|credential| credential.parts.iter().map(|part| part.rule.as_str()))
            .collect();
        let named = |other: &&CompiledFile| {
            other.name == file.name || other.rules.iter().any(|compiled| parts.contains(&compiled.rule.id.as_str()))
        };
        self.compiled.values().filter_map(|file| file.as_ref().ok()).filter(named).cloned().collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pattern_files(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("patterns should be there") {
        let path = entry.expect("the folder should be readable").path();
        if path.is_dir() {
            pattern_files(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
}

fn show(errors: &[RuleError], sources: &[SourceFile]) -> Result<(), Failed> {
    if errors.is_empty() {
        return Ok(());
    }
    let text = |error: &RuleError| sources.iter().find(|source| source.name == error.file).map_or("", |s| &s.text);
    Err(Failed::from(errors.iter().map(|error| error.render(text(error))).collect::<String>()))
}

/// What is embedded is what the files say.
fn embedded(set: &RuleSet) -> Result<(), Failed> {
    let builtin = RuleSet::builtin();
    if builtin.digest() == set.digest() && &builtin == set {
        return Ok(());
    }
    Err("the embedded rules differ from the pattern files".into())
}

/// `patterns/rule.schema.json`, which editors complete from.
fn schema() -> Result<(), Failed> {
    same_or_bless(&root().join("patterns/rule.schema.json"), &sekisho::rule::fields::json_schema())
}

/// Editors must not mark what the compiler accepts.
fn files_fit_schema(sources: &[SourceFile]) -> Result<(), Failed> {
    let schema = serde_json::to_value(schemars::schema_for!(sekisho::rule::syntax::FileSyntax))?;
    let validator = jsonschema::validator_for(&schema)?;
    for source in sources.iter().filter(|source| !source.is_allow_file()) {
        let value: serde_json::Value = toml::from_str(&source.text)?;
        if let Some(error) = validator.iter_errors(&value).next() {
            return Err(format!("{}: {error} at {}", source.name, error.instance_path()).into());
        }
    }
    Ok(())
}

/// The generated part of `patterns/README.md`.
fn field_table() -> Result<(), Failed> {
    const BEGIN: &str = "<!-- generated: fields -->\n";
    const END: &str = "<!-- end of generated -->";
    let path = root().join("patterns/README.md");
    let page = std::fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("the page should have the marker of the table")?;
    let (_, after) = rest.split_once(END).ok_or("the page should have the end of the table")?;
    let table = sekisho::rule::fields::markdown();
    same_or_bless(&path, &format!("{before}{BEGIN}{table}{END}{after}"))
}

fn same_or_bless(path: &Path, wanted: &str) -> Result<(), Failed> {
    if std::env::var_os("SEKISHO_BLESS").is_some() {
        std::fs::write(path, wanted)?;
        return Ok(());
    }
    if std::fs::read_to_string(path).unwrap_or_default() == wanted {
        return Ok(());
    }
    Err(format!("{} is out of date; run `SEKISHO_BLESS=1 cargo test --test rules`", path.display()).into())
}
