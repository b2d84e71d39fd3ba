//! The pipeline: the only place where sources, detection and findings meet.
//!
//! A target is opened, its sources hand every blob to a [`Collector`], which keeps the matches. Matches in the history are
//! attributed to paths and commits; every match at a place is a sighting; sightings become findings.

mod collector;
mod options;
mod sightings;
mod state;
mod target;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use options::{Options, Progress, ScanError, Target};
pub use state::{MAX_BYTES as MAX_STATE_BYTES, State, StateError, Used};

use crate::coverage::{Coverage, SkipReason};
use crate::detect::Detector;
use crate::finding::{Judge, Policy, Report, gather};
use crate::rule::{RuleIndex, RuleSet};
use collector::Collector;
use target::Opened;

/// Scans targets with the selected rules. Gives a report even if much could not be read; [`Report::complete`] says so.
///
/// `state` holds what the last scan of these targets remembered, and then what this one does. It saves work and changes
/// nothing of the report. Only whole histories are remembered; of an interrupted scan it is not worth keeping.
///
/// Fails only for what the user must mend first: a target that is not there, a range that names nothing, a regex of the
/// configuration that is none.
pub fn scan(
    targets: &[Target],
    options: &Options,
    rules: &RuleSet,
    selected: &[RuleIndex],
    state: Option<&mut State>,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Report, ScanError> {
    let (started, clock) = (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(), Instant::now());
    let judge = Judge::new(
        rules,
        Policy {
            honour_ignores: options.honour_ignores,
            exclude: &options.exclude,
            allows: &options.allows,
            today: &options.today,
        },
    )
    .map_err(ScanError::Setup)?;
    let detector = Detector::new(rules, selected, options.honour_ignores);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs.unwrap_or(0))
        .build()
        .map_err(|error| ScanError::Setup(format!("failed to start {} threads: {error}", options.jobs.unwrap_or(0))))?;

    let opened =
        targets.iter().map(|target| Opened::open(target, options, progress, cancel)).collect::<Result<Vec<_>, _>>()?;
    let mut coverage = Coverage::default();
    let mut looked = Vec::with_capacity(opened.len());
    let mut state = state.filter(|_| options.is_whole_history());
    let known = state.as_mut().map(|state| state.begin(state::detection_digest(options, rules, selected)));
    for target in &opened {
        let repository = target.repository();
        let key = repository.map(|repository| state::repository_key(repository.common_dir()));
        let recall = known.as_ref().zip(key).map(|(known, key)| known.of(&key));
        let collector = Collector::new(&detector, options, repository, progress, cancel).with_recall(recall.as_ref());
        looked.push(pool.install(|| target.look(&collector, options, progress))?);
        coverage.merge(collector.into_coverage());
        if let (Some(state), Some(key), Some(recall)) = (&mut state, key, recall) {
            state.learn(key, recall);
        }
    }
    if cancel.load(Ordering::Relaxed) {
        coverage.skip(SkipReason::Interrupted, "stopped by the user");
    }

    progress.stage("findings");
    let sightings = looked.iter().enumerate().flat_map(|(index, looked)| sightings::of(index, looked)).collect();
    let timelines = |target: usize, objects: &[_]| looked.get(target).and_then(|looked| looked.timeline(objects));
    let mut findings = gather(sightings, &judge, &options.fingerprint_key, options.all_occurrences, &timelines);
    findings.retain(|finding| finding.confidence >= options.min_confidence);
    for looked in &looked {
        coverage.commits += looked.covered.0;
        coverage.trees += looked.covered.1;
    }
    Ok(Report {
        targets: opened.into_iter().map(|target| target.info).collect(),
        findings,
        complete: coverage.is_complete(&options.allow_incomplete),
        coverage,
        started: i64::try_from(started).unwrap_or(i64::MAX),
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        rules_digest: rules.digest(),
    })
}
