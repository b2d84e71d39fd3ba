//! Tries pattern files out. Takes files and the rules they stand beside, gives every error with its place; must never
//! accept a rule whose own examples do not come out as it says.
//!
//! The same code runs in `sekisho rules check` and in the tests of the built-in files.

pub mod expand;
pub mod probe;
#[cfg(test)]
mod tests;
pub mod wrap;

use std::collections::BTreeMap;

use super::checksum::Algorithm;
use super::compile::{CompiledFile, CompiledRule, Example, SourceFile, compile_file};
use super::error::{Place, RuleError};
use super::mint::Sample;
use super::set::{RuleIndex, RuleSet};
use super::syntax::Stage;
use super::types::{Detector, Kind};
use crate::span::Span;
use expand::{Expanded, Mints};
use probe::{LocalProbe, Probe};

/// Samples made of each rule.
const MINTS: u64 = 1000;
/// Of these, how many are looked for from their keywords.
const LOCAL: u64 = 50;
/// Of these, how many are put into each of the [`wrap::SYNTAXES`].
const WRAPPED: u64 = 3;
/// Errors of one sort reported for a rule: a wrong regex fails for every sample.
const ERRORS_SHOWN: usize = 3;
/// A longer file wants to be two.
pub const LINE_LIMIT: usize = 250;

/// What trying files out has shown.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// All errors, by file and place.
    pub errors: Vec<RuleError>,
    /// Rules tried.
    pub rules: usize,
    /// Examples tried.
    pub examples: usize,
    /// Samples made.
    pub mints: u64,
    /// Rules that also found something in another rule's example: (the example's rule, the other), sorted.
    pub also: Vec<(String, String)>,
}

impl CheckReport {
    /// Adds what another file has shown.
    fn merge(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.also.extend(other.also);
        self.rules += other.rules;
        self.examples += other.examples;
        self.mints += other.mints;
    }
}

/// Tries files out beside the rules of `base`. Rules of `base` that the files define again (a pattern file of this
/// repository that is being changed) make way.
#[must_use]
pub fn check_sources(sources: &[SourceFile], base: &RuleSet) -> CheckReport {
    let mut report = CheckReport::default();
    let mut files = Vec::new();
    for source in sources {
        report.errors.extend(too_long(source));
        match compile_file(source) {
            Ok(file) => files.push(file),
            Err(errors) => report.errors.extend(errors),
        }
    }
    let mut set = without(base, &files);
    match set.extend(&files) {
        Ok(()) => {
            let probe = LocalProbe::new(&set);
            let mints = Mints::new(&set, &probe, &files);
            for file in &files {
                report.merge(try_out(file, &set, &probe, &mints, true));
            }
        }
        // The parts of a file that did not compile are not missed here.
        Err(errors) if files.len() == sources.len() => report.errors.extend(errors),
        Err(_) => {}
    }
    report.errors.sort_by(|a, b| (&a.file, a.span.start, &a.message).cmp(&(&b.file, b.span.start, &b.message)));
    report.also.sort();
    report.also.dedup();
    report
}

/// An error if a file has more than [`LINE_LIMIT`] lines.
#[must_use]
pub fn too_long(source: &SourceFile) -> Option<RuleError> {
    let lines = source.text.lines().count();
    let start: usize = source.text.split_inclusive('\n').take(LINE_LIMIT).map(str::len).sum();
    let place = Place::new(&source.name, &source.text, start..start);
    (lines > LINE_LIMIT).then(|| place.error(format!("the file has {lines} lines, more than {LINE_LIMIT}"), None))
}

fn without(base: &RuleSet, files: &[CompiledFile]) -> RuleSet {
    let mut set = base.clone();
    let rules = || files.iter().flat_map(|file| &file.rules).map(|compiled| &compiled.rule);
    set.rules.retain(|old| {
        let names =
            |rule: &super::Rule| rule.id == old.id || rule.aliases.contains(&old.id) || old.aliases.contains(&rule.id);
        !rules().any(names)
    });
    if files.iter().any(|file| !file.allow.is_empty()) {
        set.allow.clear();
    }
    set
}

/// Everything that one rule is tried with.
struct Trial<'a> {
    set: &'a RuleSet,
    probe: &'a LocalProbe<'a>,
    mints: &'a Mints<'a>,
    index: RuleIndex,
    compiled: &'a CompiledRule,
    report: &'a mut CheckReport,
    others: bool,
}

/// Tries the rules of one file out. `set` holds them, and `probe` and `mints` belong to it. With `others`, all other rules
/// look at the examples too ([`CheckReport::also`]), which takes most of the time.
#[must_use]
pub fn try_out(
    file: &CompiledFile,
    set: &RuleSet,
    probe: &LocalProbe<'_>,
    mints: &Mints<'_>,
    others: bool,
) -> CheckReport {
    let mut report = CheckReport::default();
    for compiled in &file.rules {
        let Some(index) = set.find(&compiled.rule.id) else { continue };
        report.rules += 1;
        if matches!(compiled.rule.detector, Detector::Builtin(_)) {
            continue;
        }
        let mut trial = Trial { set, probe, mints, index, compiled, report: &mut report, others };
        for example in &compiled.find {
            trial.find(example);
        }
        for example in &compiled.pass {
            trial.pass(example);
        }
        if compiled.mint.is_some() {
            trial.samples();
        }
    }
    report
}

impl Trial<'_> {
    fn error(&mut self, place: &Place, message: impl Into<String>) {
        let message = format!("{}: {}", self.compiled.rule.id, message.into());
        self.report.errors.push(place.error(message, None));
    }

    fn expand(&mut self, example: &Example) -> Option<Expanded> {
        self.report.examples += 1;
        match self.mints.expand(self.index, example) {
            Ok(expanded) => Some(expanded),
            Err(message) => {
                self.error(&example.place, message);
                None
            }
        }
    }

    fn find(&mut self, example: &Example) {
        let Some(Expanded { text, expected }) = self.expand(example) else { return };
        let bare: Vec<Span> = self.probe.bare(self.index, &text);
        for span in &expected {
            if !bare.contains(span) {
                let got = if bare.is_empty() { "nothing".to_owned() } else { quote(&text, &bare) };
                let message = format!("the regex alone must find {} here, and finds {got}", quote(&text, &[*span]));
                self.error(&example.place, message);
                return;
            }
        }
        let local = self.probe.local(self.index, &text);
        let path = example.path.as_deref();
        let mut found = Vec::new();
        for hit in &local {
            let rejected = self.probe.rejections(self.index, hit, &text, path);
            if rejected.is_empty() {
                found.push(hit.target);
            } else if expected.contains(&hit.target) {
                let stages: Vec<&str> = rejected.iter().map(|stage| stage.word()).collect();
                let message = format!("{} is rejected by {}", quote(&text, &[hit.target]), stages.join(", "));
                self.error(&example.place, message);
                return;
            }
        }
        for span in &expected {
            if !found.contains(span) {
                let message = format!(
                    "{} is found by the regex, but not from its keywords ({}) within the window of {} bytes before and {} after",
                    quote(&text, &[*span]),
                    self.compiled.rule.keywords.join(", "),
                    self.compiled.rule.window.before,
                    self.compiled.rule.window.after
                );
                self.error(&example.place, message);
            }
        }
        let more: Vec<Span> =
            found.iter().copied().filter(|span| !expected.iter().any(|wanted| wanted.overlaps(*span))).collect();
        if !more.is_empty() {
            self.error(&example.place, format!("finds {} too", quote(&text, &more)));
        }
        if !self.others {
            return;
        }
        for (other, _) in self.probe.scan(self.set, &text, path) {
            if other != self.index && self.set.get(other).report {
                let id = self.compiled.rule.id.clone();
                self.report.also.push((id, self.set.get(other).id.clone()));
            }
        }
    }

    fn pass(&mut self, example: &Example) {
        let Some(Expanded { text, .. }) = self.expand(example) else { return };
        let hits = self.probe.local(self.index, &text);
        match (hits.first(), example.by) {
            (None, None | Some(Stage::Regex)) => {}
            (None, Some(stage)) => {
                let message = format!("the regex does not match here, so `{}` rejects nothing", stage.word());
                self.error(&example.place, message);
            }
            (Some(hit), Some(Stage::Regex)) => {
                let message = format!("the regex must not match here, and matches {}", quote(&text, &[hit.target]));
                self.error(&example.place, message);
            }
            (Some(_), by) => {
                for hit in &hits {
                    let rejected = self.probe.rejections(self.index, hit, &text, example.path.as_deref());
                    let stages: Vec<&str> = rejected.iter().map(|stage| stage.word()).collect();
                    let shown = quote(&text, &[hit.target]);
                    match by {
                        _ if rejected.is_empty() => {
                            self.error(&example.place, format!("nothing may be found here, and {shown} is"));
                        }
                        Some(stage) if !rejected.contains(&stage) => {
                            let message =
                                format!("`{}` must reject {shown}, but {} does", stage.word(), stages.join(", "));
                            self.error(&example.place, message);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn samples(&mut self) {
        let Some(minter) = self.mints.minter(self.index) else { return };
        let place = self.compiled.place.clone();
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        for seed in 0..MINTS {
            let sample = minter.mint(seed);
            self.report.mints += 1;
            for (sort, message) in self.sample_errors(&sample, seed) {
                let count = shown.entry(sort).or_default();
                *count += 1;
                if *count <= ERRORS_SHOWN {
                    self.error(&place, message);
                }
            }
            if seed < 20
                && let Some(message) = self.bad_check(&minter.mint_bad_check(seed), &sample)
            {
                self.error(&place, message);
                return;
            }
        }
    }

    fn sample_errors(&self, sample: &Sample, seed: u64) -> Vec<(&'static str, String)> {
        let rule = &self.compiled.rule;
        let shown = String::from_utf8_lossy(&sample.bytes);
        if !sample.matched {
            return vec![("match", format!("the regex does not match the sample {shown}, alone or in an example"))];
        }
        let mut errors = Vec::new();
        if !super::shape::passes_filters(rule, &sample.bytes[sample.target.clone()]) {
            errors.push((
                "filter",
                format!("the sample {shown} has too little entropy or too few characters of a class"),
            ));
        }
        let (text, _) = self.minter_text(sample);
        let lower = text.to_ascii_lowercase();
        let holds = |keyword: &String| lower.windows(keyword.len()).any(|window| window == keyword.as_bytes());
        if !rule.keywords.iter().any(holds) {
            errors
                .push(("keyword", format!("the sample {shown} has none of the keywords {}", rule.keywords.join(", "))));
        }
        if seed < WRAPPED
            && let Some(name) = &self.compiled.name
        {
            let wrapped =
                wrap::NAMED.iter().filter_map(|syntax| Some((syntax.name, syntax.wrap(name, &sample.bytes)?)));
            errors.extend(self.lost(wrapped, sample));
        }
        if !sample.alone || seed >= LOCAL {
            return errors;
        }
        let target = Span::new(sample.target.start, sample.target.end);
        let hits = self.probe.local(self.index, &sample.bytes);
        let Some(hit) = hits.iter().find(|hit| hit.target == target) else {
            let message = format!("the sample {shown} is not found from the keywords {}", rule.keywords.join(", "));
            errors.push(("keyword", message));
            return errors;
        };
        let rejected = self.probe.rejections(self.index, hit, &sample.bytes, None);
        if rejected.contains(&Stage::Checksum) {
            errors.push(("checksum", format!("the checksum of the sample {shown} does not hold")));
        }
        if seed < WRAPPED && rule.kind == Kind::Credential {
            let wrapped = wrap::SYNTAXES.iter().filter_map(|syntax| Some((syntax.name, syntax.wrap(&sample.bytes)?)));
            errors.extend(self.lost(wrapped, sample));
        }
        errors
    }

    /// An error for every syntax in which the sample, written at an offset of a text, is not found.
    fn lost(
        &self,
        wrapped: impl Iterator<Item = (&'static str, (Vec<u8>, usize))>,
        sample: &Sample,
    ) -> Vec<(&'static str, String)> {
        let mut errors = Vec::new();
        for (syntax, (text, at)) in wrapped {
            let wanted = Span::new(at + sample.target.start, at + sample.target.end);
            if !self.probe.local(self.index, &text).iter().any(|hit| hit.target == wanted) {
                errors.push((syntax, format!("not found in {syntax} syntax: {}", String::from_utf8_lossy(&text))));
            }
        }
        errors
    }

    fn minter_text(&self, sample: &Sample) -> (Vec<u8>, usize) {
        match self.mints.minter(self.index) {
            Some(minter) if !sample.alone => minter.in_place(&sample.bytes),
            _ => (sample.bytes.clone(), 0),
        }
    }

    /// A sample with a wrong check value must be rejected for it.
    fn bad_check(&self, bad: &[u8], good: &Sample) -> Option<String> {
        let checksum = self.compiled.rule.credential()?.checksum.as_ref()?;
        if !checksum.algorithm.takes_equals() && checksum.algorithm != Algorithm::Luhn {
            return None;
        }
        let shown = String::from_utf8_lossy(bad);
        if bad == good.bytes {
            return Some(format!("the sample {shown} has no check value that could be wrong"));
        }
        let (text, _) = self.mints.minter(self.index)?.in_place(bad);
        let passed = self
            .probe
            .local(self.index, &text)
            .iter()
            .any(|hit| !self.probe.rejections(self.index, hit, &text, None).contains(&Stage::Checksum));
        passed.then(|| format!("the sample {shown} has a wrong check value and passes"))
    }
}

/// The spans of a text as people read them.
fn quote(text: &[u8], spans: &[Span]) -> String {
    let shown = spans.iter().map(|span| format!("`{}`", String::from_utf8_lossy(&text[span.range()])));
    shown.collect::<Vec<_>>().join(", ")
}
