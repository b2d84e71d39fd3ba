//! Whole scans of a repository's history by both engines, in this process, with the built-in rules.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use sekisho::report::{Format, ReportOptions, write};
use sekisho::rule::{RuleIndex, RuleSet};
use sekisho::scan::{Options, Progress, Target, scan};
use sekisho::source::SizeLimit;
use sekisho::source::history::{Engine, Scope};
use serde_json::Value;

/// How to scan.
#[derive(Clone)]
pub struct How {
    pub engine: Engine,
    pub scope: Scope,
    pub jobs: usize,
    /// Larger blobs are not scanned; nobody asked for that limit.
    pub limit: u64,
    /// The only rule; without one all of them.
    pub rule: Option<&'static str>,
    /// The user has asked to stop.
    pub stopped: bool,
}

impl Default for How {
    fn default() -> Self {
        Self {
            engine: Engine::Delta,
            scope: Scope::Reachable,
            jobs: 2,
            limit: SizeLimit::DEFAULT.bytes,
            rule: None,
            stopped: false,
        }
    }
}

struct Quiet;

impl Progress for Quiet {}

/// The report of a history as JSON that is the same for the same findings.
pub fn report(path: &Path, how: &How) -> String {
    static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::builtin);
    let rules = &*RULES;
    let only: Vec<String> = how.rule.into_iter().map(str::to_owned).collect();
    let selected: Vec<RuleIndex> = rules.select(&only, &[]).unwrap();
    let options = Options {
        tree: false,
        history: how.scope.clone(),
        history_asked: true,
        engine: how.engine,
        jobs: Some(how.jobs),
        max_file_size: SizeLimit { bytes: how.limit, by_user: false },
        all_occurrences: true,
        ..Options::default()
    };
    let targets = [Target::Path(path.to_owned())];
    let stopped = AtomicBool::new(how.stopped);
    let report = scan(&targets, &options, rules, &selected, None, &Quiet, &stopped).unwrap();
    let mut out = Vec::new();
    let as_json = ReportOptions { reproducible: true, all_occurrences: true, ..ReportOptions::default() };
    write(Format::Json, &report, rules, &as_json, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The report of both engines, which must be the same, along the deltas with one thread and with several.
#[track_caller]
pub fn both(path: &Path, how: &How) -> Value {
    let plain = report(path, &How { engine: Engine::Plain, ..how.clone() });
    for jobs in [1, how.jobs] {
        let delta = report(path, &How { engine: Engine::Delta, jobs, ..how.clone() });
        assert!(delta == plain, "along the deltas, {jobs} threads:\n{delta}\nplain:\n{plain}");
    }
    serde_json::from_str(&plain).unwrap()
}
