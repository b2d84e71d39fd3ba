//! The command line as people see it: the cases in `tests/cli/`, and snapshots of what is generated.
//!
//! `SEKISHO_BLESS=1 cargo test --test cli` writes the snapshots anew; look at the difference before you commit it.

use std::path::Path;
use std::process::Command;

/// Not Rust's own way to set it: what a test sets must not be what it reads.
const BLESS: &str = "SEKISHO_BLESS";

#[test]
fn cases() {
    // trycmd takes the order to overwrite from its own variable, and only from the environment.
    if std::env::var_os(BLESS).is_some() && std::env::var_os("TRYCMD").is_none() {
        let this = std::env::current_exe().unwrap();
        let blessed = Command::new(this).args(["cases", "--exact"]).env("TRYCMD", "overwrite").status().unwrap();
        assert!(blessed.success(), "the cases could not be written anew");
        return;
    }
    trycmd::TestCases::new()
        .default_bin_name("sekisho")
        .env("NO_COLOR", "1")
        // The tester's own configuration is not under test.
        .env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .case("tests/cli/*.trycmd");
}

#[test]
fn the_schema_of_the_configuration_is_the_committed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/config.schema.json");
    let schema = sekisho::cli::config::json_schema();
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert_eq!(committed, schema, "`{BLESS}=1 cargo test --test cli` writes it anew");
}

#[test]
fn generated_schemas_are_the_committed_ones() {
    for (name, path) in [
        ("config", "schemas/config.schema.json"),
        ("rule", "patterns/rule.schema.json"),
        ("report", "src/report/schema/sekisho-1.schema.json"),
    ] {
        let program = env!("CARGO_BIN_EXE_sekisho");
        let output = Command::new(program).args(["generate", "schema", name]).output().unwrap();
        let committed = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        assert!(output.status.success() && output.stdout == committed, "{name} is not {path}");
    }
}

#[test]
fn the_schema_accepts_what_the_program_accepts_and_refuses_unknown_keys() {
    let schema: serde_json::Value = serde_json::from_str(&sekisho::cli::config::json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let good = "[scan]\nhistory = \"none\"\nmax-file-size = \"10MB\"\nfail-on = \"high\"\nmin-confidence = \"low\"\n\
                [rules]\ndisable = [\"a.*\"]\n[[allow]]\nreason = \"x\"\nrules = [\"a\"]\n";
    let json = |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
    assert!(validator.is_valid(&json(good)));
    assert!(validator.is_valid(&json("[scan]\nmax-file-size = 4096\n")));
    assert!(!validator.is_valid(&json("[scan]\nhistroy = \"none\"\n")));
    assert!(!validator.is_valid(&json("[[allow]]\npaths = [\"a\"]\n")));
    assert!(!validator.is_valid(&json("[scan]\nmax-file-size = \"huge\"\n")));
}
