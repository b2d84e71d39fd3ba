//! `sekisho scan`: plan, check the outputs, scan, write, say how it ended.

use crate::finding::Report;
use crate::report::{self, ReportOptions};
use crate::rule::RuleSet;
use crate::scan;

use super::args::{Global, ScanArgs};
use super::error::UserError;
use super::exit::exit_status;
use super::output;
use super::plan::{self, Environment, Plan};
use super::progress::Progress;
use super::terminal::escape_path;
use super::{interrupt, note, ruleset, state};

/// Runs a scan; gives the exit status.
pub fn run(args: ScanArgs, global: &Global) -> anyhow::Result<u8> {
    let plan = plan::make(args, global, &Environment::of_process())?;
    let (rules, selected) = ruleset::load(&plan.rules)?;
    for file in plan.sinks.iter().filter_map(|sink| sink.file.as_deref()) {
        output::check(file, output::REPORT)?;
    }
    let mut state = plan.state.as_deref().map(|file| state::load(file, global.quiet)).transpose()?;
    interrupt::listen(global.quiet)?;
    if global.verbose {
        explain(&plan, &rules, selected.len());
    }

    let progress = Progress::new(!global.quiet);
    let result =
        scan::scan(&plan.targets, &plan.options, &rules, &selected, state.as_mut(), &progress, interrupt::flag());
    progress.finish();
    let report = result.map_err(scan_error)?;
    if plan.stats {
        progress.stats().iter().for_each(|line| note(line));
        let covered = &report.coverage;
        note(&format!(
            "{} ms; {} commits, {} trees, {} blobs, {} files, {} bytes",
            report.duration_ms, covered.commits, covered.trees, covered.blobs, covered.files, covered.bytes
        ));
    }
    write(&plan, &report, &rules)?;
    // What an interrupted scan did not come to would be missing.
    if let (Some(file), Some(state), false) = (&plan.state, &state, interrupt::happened()) {
        state::explain(state, &report, global);
        state::store(file, state)?;
    }
    Ok(exit_status(&report, &plan.fail_on, interrupt::happened()))
}

/// Writes all reports.
fn write(plan: &Plan, report: &Report, rules: &RuleSet) -> anyhow::Result<()> {
    let failing = report.findings.iter().filter(|finding| plan.fail_on.fails(finding));
    let stdout_options =
        ReportOptions { fail: failing.map(|finding| finding.fingerprint).collect(), ..plan.report.clone() };
    let file_options = ReportOptions { color: false, width: 100, ..stdout_options.clone() };

    // Files first: standard output may be a pipe that nobody reads to its end.
    let (files, stdout): (Vec<_>, Vec<_>) = plan.sinks.iter().partition(|sink| sink.file.is_some());
    for sink in files.into_iter().chain(stdout) {
        match &sink.file {
            Some(file) => {
                output::write_file(file, output::REPORT, plan.report.reveal, |out| {
                    report::write(sink.format, report, rules, &file_options, out)
                })?;
            }
            None => output::write_stdout(|out| report::write(sink.format, report, rules, &stdout_options, out))?,
        }
    }
    Ok(())
}

fn scan_error(error: scan::ScanError) -> anyhow::Error {
    match error {
        scan::ScanError::NoTarget(_) => {
            UserError::with_help(error.to_string(), "targets are files, folders, repositories, URLs or `-`").into()
        }
        scan::ScanError::SpecialFile(_) => {
            UserError::with_help(error.to_string(), "to scan what a program writes, pipe it into `sekisho scan -`")
                .into()
        }
        scan::ScanError::NoRepository(_) => UserError::with_help(
            error.to_string(),
            "without a repository only the files can be scanned: leave out --staged and --history",
        )
        .into(),
        scan::ScanError::Setup(_) => error.into(),
    }
}

/// What `-v` says before the scan.
fn explain(plan: &Plan, rules: &RuleSet, selected: usize) {
    for file in &plan.config_files {
        note(&format!("configuration {}", escape_path(file)));
    }
    note(&format!("{selected} of {} rules, digest {}", rules.rules.len(), rules.digest()));
}
