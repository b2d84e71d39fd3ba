//! What no compiler checks: which part of the crate may know which, who may print or exit, how long a file may be.
//!
//! The arrows point one way: cli -> org -> scan -> {source, detect, finding} -> rule -> vocabulary, and
//! report -> finding, rule. Test modules are exempt from all but the length; the last tests feed bad code to the checks.

#![allow(clippy::unwrap_used, reason = "a helper that unwraps fails the test that calls it")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use code::{code_only, without_tests, words};

#[path = "architecture/code.rs"]
mod code;

/// Files past this want to be two.
const MAX_LINES: usize = 400;

/// The shared words: they may use one another and nothing else.
const VOCABULARY: [&str; 6] = ["span", "blob", "edit", "provenance", "secret", "coverage"];

/// Each part, and the parts beside the vocabulary that it may use. The command line may use everything.
const ARROWS: &[(&str, &[&str])] = &[
    ("rule", &[]),
    ("detect", &["rule"]),
    ("source", &["rule"]),
    ("finding", &["rule", "detect"]),
    ("report", &["rule", "finding"]),
    ("verify", &["rule", "finding"]),
    ("scan", &["rule", "detect", "source", "finding", "verify"]),
    ("org", &["rule", "detect", "source", "finding", "verify", "report", "scan"]),
];

/// Parts that may print and exit.
const MAY_PRINT: [&str; 2] = ["cli", "main"];

/// The one file with vector instructions.
const MAY_BE_UNSAFE: &str = "detect/prefilter/simd.rs";

/// Parts that may run programs and use the network: a scan of what is here does neither.
const MAY_REACH_OUT: [&str; 2] = ["verify", "org"];

const REACHING_OUT: [&str; 5] = ["process::Command", "std::net", "TcpStream", "UdpSocket", "UnixStream"];

const PRINTING: [&str; 6] = ["println!", "eprintln!", "print!", "eprint!", "process::exit", "dbg!"];

#[test]
fn arrows_point_one_way() {
    assert_none(|file| arrows_back(&file.part, file.depth, &file.code));
}

#[test]
fn only_the_command_line_prints_or_exits() {
    assert_none(|file| if MAY_PRINT.contains(&file.part.as_str()) { Vec::new() } else { named(&file.code, &PRINTING) });
}

#[test]
fn a_scan_runs_no_program_and_uses_no_network() {
    assert_none(|file| {
        if MAY_REACH_OUT.contains(&file.part.as_str()) { Vec::new() } else { named(&file.code, &REACHING_OUT) }
    });
}

#[test]
fn only_the_vector_instructions_are_unsafe() {
    assert_none(|file| if file.path.ends_with(MAY_BE_UNSAFE) { Vec::new() } else { unsafe_words(file) });
    assert!(sources().iter().any(|file| file.path.ends_with(MAY_BE_UNSAFE) && !unsafe_words(file).is_empty()));
}

fn unsafe_words(file: &Source) -> Vec<String> {
    words(&file.code).filter(|(_, word)| *word == "unsafe").map(|_| "unsafe".to_owned()).collect()
}

#[test]
fn files_stay_short() {
    assert_none(|file| too_long(file.lines));
}

#[test]
fn every_part_has_its_arrows() {
    let unknown: Vec<String> = sources()
        .into_iter()
        .map(|file| file.part)
        .filter(|part| !["cli", "main", "lib"].contains(&part.as_str()) && !VOCABULARY.contains(&part.as_str()))
        .filter(|part| ARROWS.iter().all(|(known, _)| known != part))
        .collect();
    assert!(unknown.is_empty(), "give these parts their place in ARROWS: {unknown:?}");
}

/// One file of the library.
struct Source {
    path: PathBuf,
    /// First component of its module path: `detect` for `src/detect/lexer.rs`.
    part: String,
    /// Number of components of its module path.
    depth: usize,
    /// Its text without comments, the contents of literals, and `#[cfg(test)]` modules.
    code: String,
    lines: usize,
}

fn assert_none(check: impl Fn(&Source) -> Vec<String>) {
    let mut found = String::new();
    for file in sources() {
        for what in check(&file) {
            let _ = writeln!(found, "{}: {what}", file.path.display());
        }
    }
    assert!(found.is_empty(), "\n{found}");
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 10, "the sources were not found");
    files.iter().map(|path| source(path, path.strip_prefix(&root).unwrap())).collect()
}

fn source(path: &Path, relative: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let mut module: Vec<String> =
        relative.with_extension("").iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    // Files of tests are declared under #[cfg(test)] in the file beside them.
    let is_test = module.last().is_some_and(|name| name == "tests");
    if module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    let code = if is_test { String::new() } else { without_tests(&code_only(&text)) };
    Source {
        path: relative.to_owned(),
        part: module[0].clone(),
        depth: module.len(),
        code,
        lines: text.lines().count(),
    }
}

/// The parts that a file's code names and may not: through `crate::`, or through enough `super::` to get there.
fn arrows_back(part: &str, depth: usize, code: &str) -> Vec<String> {
    if ["cli", "main", "lib"].contains(&part) {
        return Vec::new();
    }
    let allowed = ARROWS.iter().find(|(name, _)| *name == part).map_or(&[][..], |(_, allowed)| allowed);
    let mut found = Vec::new();
    for path in used_paths(code, depth) {
        let Some(target) = path.first() else { continue };
        let is_part = target == "cli" || ARROWS.iter().any(|(name, _)| name == target);
        if !is_part || target == part {
            continue;
        }
        if !allowed.contains(&target.as_str()) {
            found.push(format!("{part} must not know {target} (crate::{})", path.join("::")));
        } else if part == "finding" && target == "detect" {
            // Findings hold what detection found; how it finds is none of their business.
            let is_type = path.get(1).is_none_or(|name| name.starts_with(char::is_uppercase));
            if !is_type {
                found.push(format!("finding may use the types of detect only (crate::{})", path.join("::")));
            }
        }
    }
    found
}

/// All paths from the crate's root that the code names, groups in braces taken apart.
fn used_paths(code: &str, depth: usize) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let mut next = 0;
    for (at, word) in words(code) {
        if at < next {
            continue;
        }
        let mut rest = &code[at + word.len()..];
        let from_root = match word {
            "crate" => true,
            "super" => {
                let mut ups = 1;
                while let Some(more) = rest.trim_start().strip_prefix("::").map(str::trim_start) {
                    let Some(behind) = more.strip_prefix("super") else { break };
                    rest = behind;
                    ups += 1;
                }
                next = code.len() - rest.len();
                ups >= depth
            }
            _ => false,
        };
        if from_root && let Some(tree) = rest.trim_start().strip_prefix("::") {
            expand(tree, &mut Vec::new(), &mut paths);
        }
    }
    paths
}

/// Walks one `a::{b, c::d}` and collects its paths; gives what follows it.
fn expand<'a>(tree: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let tree = tree.trim_start();
    if let Some(mut rest) = tree.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let before = rest.len();
            rest = expand(rest, prefix, paths);
            // `as name` behind an item, then a comma.
            let stop = rest.find([',', '}']).unwrap_or(rest.len());
            rest = rest[stop..].strip_prefix(',').unwrap_or(&rest[stop..]);
            if rest.len() == before || rest.is_empty() {
                return rest;
            }
        }
    }
    let end = tree.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(tree.len());
    if end == 0 {
        paths.push(prefix.clone());
        return tree.strip_prefix('*').unwrap_or(tree);
    }
    prefix.push(tree[..end].to_owned());
    let rest = if let Some(deeper) = tree[end..].trim_start().strip_prefix("::") {
        expand(deeper, prefix, paths)
    } else {
        paths.push(prefix.clone());
        &tree[end..]
    };
    prefix.pop();
    rest
}

/// Those of the calls that the code names.
fn named(code: &str, calls: &[&str]) -> Vec<String> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let packed = words.join(" ").replace(" ::", "::").replace(":: ", "::").replace(" !", "!");
    let starts_word = |at: usize| !packed[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    calls
        .iter()
        .filter(|call| packed.match_indices(**call).any(|(at, _)| starts_word(at)))
        .map(|call| format!("{call} has no place here"))
        .collect()
}

fn too_long(lines: usize) -> Vec<String> {
    if lines > MAX_LINES { vec![format!("{lines} lines; past {MAX_LINES} it wants to be two")] } else { Vec::new() }
}

mod the_checks_can_fail {
    use super::*;

    fn back(part: &str, depth: usize, code: &str) -> usize {
        arrows_back(part, depth, &without_tests(&code_only(code))).len()
    }

    #[test]
    fn on_arrows_that_point_back() {
        assert_eq!(back("detect", 2, "use crate::source::Sink;"), 1);
        assert_eq!(back("source", 1, "use crate::detect::Match;"), 1);
        assert_eq!(back("rule", 1, "use crate::{blob::Blob, finding::{self, Finding}};"), 2);
        assert_eq!(back("report", 1, "fn f() { crate::cli::terminal::escape(\"\"); }"), 1);
        assert_eq!(back("blob", 1, "use crate::rule::Rule;"), 1);
        assert_eq!(back("finding", 2, "use crate::detect::lexer::lex;"), 1);
        assert_eq!(back("detect", 2, "use super::super::scan::Options;"), 1);
        assert_eq!(back("scan", 1, "use crate::{report, rule};"), 1);
        assert_eq!(back("report", 1, "use crate ::\n scan :: scan;"), 1);
    }

    #[test]
    fn and_arrows_that_point_forward_pass() {
        assert_eq!(back("detect", 2, "use crate::rule::{Rule, set::{RuleIndex as Index}}; use super::Match;"), 0);
        assert_eq!(back("finding", 1, "use crate::detect::{Encoding, PartFound};"), 0);
        assert_eq!(back("blob", 1, "use crate::provenance::Provenance; type A = gix::ObjectId;"), 0);
        assert_eq!(back("rule", 1, "// use crate::scan;\nconst A: &str = \"crate::scan\"; /* crate::cli */"), 0);
        assert_eq!(back("rule", 1, "const A: &str = r#\"\" crate::scan\"#; const B: char = '\"';"), 0);
        assert_eq!(back("rule", 1, "#[cfg(test)]\nmod tests { use crate::scan; fn f() {} }"), 0);
        assert_eq!(back("rule", 1, "#[cfg(test)] mod tests { }\nuse crate::scan;"), 1);
        assert_eq!(back("detect", 2, "fn f<'a>(x: &'a str) { let c = '\\''; } // crate::scan"), 0);
        assert_eq!(back("cli", 2, "use crate::scan;"), 0);
    }

    #[test]
    fn on_printing_reaching_out_and_unsafe() {
        assert_eq!(named("fn f() { println!(); std::process :: exit(1) }", &PRINTING).len(), 2);
        assert_eq!(named("fn f() { eprint!(\"\") }", &PRINTING), ["eprint! has no place here"]);
        assert!(named("fn f() { my_print!(); write!(out, \"\") }", &PRINTING).is_empty());
        assert_eq!(named("use std::net::TcpStream;", &REACHING_OUT).len(), 2);
        assert!(words("unsafe { }").any(|(_, word)| word == "unsafe"));
        assert!(words("#![deny(unsafe_code)]").all(|(_, word)| word != "unsafe"));
    }

    #[test]
    fn on_long_files() {
        assert!(too_long(400).is_empty());
        assert_eq!(too_long(401).len(), 1);
    }
}
