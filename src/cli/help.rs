//! What stands below the options in help texts. Lines stay under 98 columns: clap wraps at 100.

macro_rules! top_examples {
    () => {
        "\
Examples:
  sekisho scan                  the repository here: working tree and whole history
  sekisho scan --staged         what the next commit would bring
  sekisho rules list            what is looked for
"
    };
}

macro_rules! scan_examples {
    () => {
        "\
Examples:
  sekisho scan                                  the repository here, with its whole history
  sekisho scan --no-history src                 one folder as it is
  sekisho scan --history=main..topic --no-tree  what a branch brings
  sekisho scan -o report.json -o scan.sarif     two reports in files, text on standard output
  sekisho scan --state .git/sekisho.state       remembers; the next scan reads only what is new
  git diff main | sekisho scan --diff -         the added lines of a diff
  sekisho scan --fail-on critical,endpoint:high --allow-incomplete=shallow-boundary
"
    };
}

/// Below `sekisho -h`.
pub const TOP: &str = concat!(top_examples!(), "\n`sekisho help scan` says more, exit statuses included.");

/// Below `sekisho --help`.
pub const TOP_LONG: &str = concat!(
    top_examples!(),
    "
Exit status:
  0    everything asked for was scanned, and nothing at or above the fail level was found
  1    there are findings at or above the fail level
  2    usage or configuration error, or a report could not be written
  3    nothing to fail on, but the scan is incomplete
  130  stopped by Ctrl-C; the report is partial

`sekisho help scan` says more."
);

/// Below `sekisho scan -h`.
pub const SCAN: &str = concat!(
    scan_examples!(),
    "
Exit status: 0 clean, 1 findings, 2 usage error, 3 incomplete, 130 interrupted; see --help."
);

/// Below `sekisho scan --help`.
pub const SCAN_LONG: &str = concat!(
    scan_examples!(),
    "
Exit status:
  0    Everything asked for was scanned, and nothing at or above the fail level was found.
  1    There are findings at or above the fail level. By default these are credentials of any
       severity and weaknesses that open a door by themselves; --fail-on chooses others.
       Findings of low confidence and accepted ones never fail a scan. 1 wins over 3: the
       report then says that it is incomplete.
  2    Usage or configuration error, or a report could not be written.
  3    Nothing to fail on, but something could not be scanned: an object is missing or damaged,
       a file is unreadable, the clone is shallow, a default limit was hit. The report names
       each reason with examples. What is left out by design (binary files, LFS pointers,
       submodules that are not checked out, what your own limits and excludes leave out) is
       counted in the report and does not give 3.
  130  Stopped by Ctrl-C. The report of what was found until then is written; a second Ctrl-C
       ends at once.

Reasons for --allow-incomplete:
  missing-object, promised-object, corrupt-object, broken-ref, corrupt-index,
  shallow-boundary, unreadable, git-refused, over-default-size, archive-limit,
  archive-damaged, decode-limit, match-limit, internal-error, interrupted

Configuration, the later wins:
  built-in values
  $XDG_CONFIG_HOME/sekisho/config.toml
  the nearest .sekisho.toml at or above the target, up to its repository's root
  environment: SEKISHO_HISTORY, SEKISHO_MAX_FILE_SIZE, SEKISHO_ARCHIVE_DEPTH,
    SEKISHO_MIN_CONFIDENCE, SEKISHO_FAIL_ON, SEKISHO_CONFIG, SEKISHO_NO_REPO_CONFIG,
    SEKISHO_JOBS, SEKISHO_FINGERPRINT_KEY, NO_COLOR, CLICOLOR, SOURCE_DATE_EPOCH
  options

A finding is accepted by a comment `sekisho:allow [rule] [-- reason]` in its line, or by an
[[allow]] entry of the configuration."
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::{SkipClass, SkipReason};

    #[test]
    fn help_names_every_reason_that_can_be_accepted() {
        let listed: Vec<&str> = SCAN_LONG
            .split_once("Reasons for --allow-incomplete:\n")
            .and_then(|(_, rest)| rest.split_once("\n\n"))
            .map(|(list, _)| list.split([',', '\n', ' ']).filter(|word| !word.is_empty()).collect())
            .expect("the list stands in the long help");
        let reasons: Vec<&str> = SkipReason::ALL
            .iter()
            .filter(|reason| reason.class() == SkipClass::Incomplete)
            .map(|reason| reason.slug())
            .collect();
        assert_eq!(listed, reasons);
    }

    #[test]
    fn no_line_is_wrapped() {
        for text in [TOP, TOP_LONG, SCAN, SCAN_LONG] {
            assert_eq!(text.lines().find(|line| line.len() > 98), None);
        }
    }
}
