//! What a scan's end means to a script. Takes a report and the fail level, gives the exit status; must never call a scan
//! clean that could not look.

use std::str::FromStr;

use crate::finding::{Finding, Report};
use crate::rule::{Confidence, Kind, Severity};

use super::value;

/// Everything asked for was scanned, and nothing to fail on was found.
pub const CLEAN: u8 = 0;
/// There are findings at or above the fail level.
pub const FOUND: u8 = 1;
/// The command could not run: usage, configuration, or an output that could not be written.
pub const USAGE: u8 = 2;
/// Nothing to fail on, but not everything could be scanned.
pub const INCOMPLETE: u8 = 3;
/// Stopped by Ctrl-C, with a partial report.
pub const INTERRUPTED: u8 = 130;

/// Weaknesses that let a stranger in by themselves, by the beginning of their rule ids: with credentials, what stops a
/// commit where nothing else was asked for.
const DOORS: [&str; 4] = ["auth.hardcoded-compare", "auth.jwt-none", "auth.jwt-hardcoded-secret", "auth.auth-bypass"];

/// Which findings make a scan fail. Findings of low confidence never do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// Credentials of any severity, and the weaknesses that open a door by themselves.
    #[default]
    Default,
    /// Nothing.
    Never,
    /// Findings that reach one of these levels.
    Levels(Vec<Level>),
}

/// One level: `[kind:]severity[,new][,verified]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The kind it is for; `None` = all.
    pub kind: Option<Kind>,
    /// The least severity.
    pub severity: Severity,
    /// Only findings that the baseline does not have.
    pub new: bool,
    /// Only secrets that were seen to work.
    pub verified: bool,
}

impl FailOn {
    /// Whether the finding makes a scan fail. A suppressed one never does, whatever suppressed it.
    #[must_use]
    pub fn fails(&self, finding: &Finding) -> bool {
        if finding.suppressed_by.is_some() || finding.confidence < Confidence::Medium {
            return false;
        }
        match self {
            Self::Never => false,
            Self::Default => finding.kind == Kind::Credential || is_door(&finding.rule),
            Self::Levels(levels) => levels.iter().any(|level| level.reached_by(finding)),
        }
    }

    /// Joins what several options say: `never` is for itself, levels add up.
    pub fn join(all: impl IntoIterator<Item = Self>) -> Result<Self, String> {
        let mut joined = Self::Default;
        for next in all {
            joined = match (joined, next) {
                (Self::Default, next) => next,
                (joined, Self::Default) => joined,
                (Self::Never, Self::Never) => Self::Never,
                (Self::Levels(mut levels), Self::Levels(more)) => {
                    levels.extend(more);
                    Self::Levels(levels)
                }
                _ => return Err("`never` excludes every other level".to_owned()),
            };
        }
        Ok(joined)
    }
}

fn is_door(rule: &str) -> bool {
    DOORS.iter().any(|door| rule.strip_prefix(door).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

impl Level {
    /// Nothing is verified in this version, so a level that asks for it is reached by nothing; everything that is not
    /// suppressed is new.
    fn reached_by(self, finding: &Finding) -> bool {
        !self.verified && self.kind.is_none_or(|kind| kind == finding.kind) && finding.severity >= self.severity
    }
}

/// A comma list of levels, or `never`.
impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let mut levels: Vec<Level> = Vec::new();
        for word in text.split(',').map(str::trim) {
            match (word, levels.last_mut()) {
                ("new", Some(level)) => level.new = true,
                // Taking the word and never failing would be a gate that is always open.
                ("verified", Some(_)) => {
                    return Err("`verified` needs live checks, which this version does not have".to_owned());
                }
                ("never", _) => return Err("`never` excludes every other level".to_owned()),
                _ => levels.push(level(word)?),
            }
        }
        Ok(Self::Levels(levels))
    }
}

fn level(word: &str) -> Result<Level, String> {
    let (kind, severity) = match word.split_once(':') {
        Some((kind, severity)) => {
            let words = Kind::ALL.iter().map(|kind| kind.word());
            (Some(kind.parse().map_err(|error| value::with_nearest(error, kind, words))?), severity)
        }
        None => (None, word),
    };
    if kind.is_none() && severity.parse::<Kind>().is_ok() {
        return Err(format!("`{word}` is a kind; for all of its findings write `{word}:info`"));
    }
    if matches!(severity, "new" | "verified") {
        return Err(format!("`{severity}` narrows a severity: write it behind one, as in `high,{severity}`"));
    }
    let words = Severity::ALL.iter().map(|severity| severity.word()).chain(["never"]);
    let severity = severity.parse().map_err(|error| value::with_nearest(error, severity, words))?;
    Ok(Level { kind, severity, new: false, verified: false })
}

/// The exit status of a scan: 130 if it was interrupted, else 1 with findings to fail on, else 3 if the report is not
/// complete, else 0.
#[must_use]
pub fn exit_status(report: &Report, fail_on: &FailOn, interrupted: bool) -> u8 {
    if interrupted {
        INTERRUPTED
    } else if report.findings.iter().any(|finding| fail_on.fails(finding)) {
        FOUND
    } else if !report.complete {
        INCOMPLETE
    } else {
        CLEAN
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::coverage::Coverage;
    use crate::finding::{Fingerprint, SuppressedBy, Suppression};

    fn finding(rule: &str, kind: Kind, severity: Severity, confidence: Confidence) -> Finding {
        Finding {
            fingerprint: Fingerprint([0; 16]),
            previous: Vec::new(),
            rule: rule.to_owned(),
            also: Vec::new(),
            kind,
            title: String::new(),
            severity,
            confidence,
            score: None,
            cwe: Vec::new(),
            secret: None,
            attributes: BTreeMap::new(),
            checksum: false,
            structure: None,
            parts: Vec::new(),
            occurrences: Vec::new(),
            history: None,
            suppressed_by: None,
        }
    }

    fn report(findings: Vec<Finding>, complete: bool) -> Report {
        Report {
            targets: Vec::new(),
            findings,
            coverage: Coverage::default(),
            complete,
            started: 0,
            duration_ms: 0,
            rules_digest: String::new(),
        }
    }

    #[test]
    fn all_combinations_of_found_complete_and_interrupted() {
        let key = finding("a.b", Kind::Credential, Severity::Info, Confidence::Medium);
        for (found, complete, interrupted, status) in [
            (false, true, false, 0),
            (true, true, false, 1),
            (true, false, false, 1),
            (false, false, false, 3),
            (false, true, true, 130),
            (true, true, true, 130),
            (true, false, true, 130),
            (false, false, true, 130),
        ] {
            let report = report(if found { vec![key.clone()] } else { Vec::new() }, complete);
            let got = exit_status(&report, &FailOn::Default, interrupted);
            assert_eq!(got, status, "found {found}, complete {complete}, interrupted {interrupted}");
            if !interrupted {
                let never = exit_status(&report, &FailOn::Never, false);
                assert_eq!(never, if complete { 0 } else { 3 }, "never still tells an incomplete scan");
            }
        }
    }

    #[test]
    fn every_kind_severity_and_confidence_against_every_level() {
        for &kind in Kind::ALL {
            for &severity in Severity::ALL {
                for &confidence in Confidence::ALL {
                    let finding = finding("x.y", kind, severity, confidence);
                    let sure = confidence >= Confidence::Medium;
                    assert_eq!(FailOn::Default.fails(&finding), sure && kind == Kind::Credential);
                    assert!(!FailOn::Never.fails(&finding));
                    for &least in Severity::ALL {
                        let any: FailOn = least.word().parse().unwrap();
                        assert_eq!(any.fails(&finding), sure && severity >= least);
                        for &of in Kind::ALL {
                            let one: FailOn = format!("{of}:{least}").parse().unwrap();
                            assert_eq!(one.fails(&finding), sure && severity >= least && kind == of);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn suppressed_findings_never_fail() {
        let mut accepted = finding("a.b", Kind::Credential, Severity::Critical, Confidence::High);
        for by in [SuppressedBy::Inline, SuppressedBy::Config, SuppressedBy::Rules, SuppressedBy::Baseline] {
            accepted.suppressed_by = Some(Suppression { by, reason: None });
            assert!(!FailOn::Default.fails(&accepted));
            assert!(!"info".parse::<FailOn>().unwrap().fails(&accepted));
        }
    }

    #[test]
    fn weaknesses_that_open_a_door_fail_by_default_and_others_do_not() {
        let weakness = |rule| finding(rule, Kind::AuthLogic, Severity::High, Confidence::High);
        assert!(FailOn::Default.fails(&weakness("auth.jwt-none")));
        assert!(FailOn::Default.fails(&weakness("auth.jwt-none.python")));
        assert!(!FailOn::Default.fails(&weakness("auth.jwt-nonesuch")));
        assert!(!FailOn::Default.fails(&weakness("auth.tls-verify-off.go")));
    }

    #[test]
    fn levels_are_read_and_joined() {
        let level = |kind, severity, new| Level { kind, severity, new, verified: false };
        assert_eq!(
            "credential:high,new,endpoint:medium".parse(),
            Ok(FailOn::Levels(vec![
                level(Some(Kind::Credential), Severity::High, true),
                level(Some(Kind::Endpoint), Severity::Medium, false)
            ]))
        );
        let joined = FailOn::join(["high".parse().unwrap(), "endpoint:low".parse().unwrap()]).unwrap();
        assert!(matches!(joined, FailOn::Levels(levels) if levels.len() == 2));
        assert!(FailOn::join([FailOn::Never, "high".parse().unwrap()]).is_err());
        assert_eq!(FailOn::join([FailOn::Never, FailOn::Never]), Ok(FailOn::Never));
        assert_eq!(FailOn::join([]), Ok(FailOn::Default));
    }

    #[test]
    fn wrong_levels_say_what_is_right() {
        for (wrong, says) in [
            ("hihg", "did you mean `high`?"),
            ("credentail:high", "did you mean `credential`?"),
            ("credential", "write `credential:info`"),
            ("new", "write it behind one"),
            ("high,verified", "live checks"),
            ("never,high", "excludes"),
            ("high,never", "excludes"),
            ("", "is none of"),
            ("high,,low", "is none of"),
        ] {
            let error = wrong.parse::<FailOn>().unwrap_err();
            assert!(error.contains(says), "{wrong}: {error}");
        }
    }
}
