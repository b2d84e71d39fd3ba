//! From the command line, the environment and configuration files to one plan. The only place where flags become
//! options; takes what was asked for, gives what to do, and refuses what cannot be meant.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::blob::RepoPath;
use crate::finding::fingerprint::PUBLIC_KEY;
use crate::report::ReportOptions;
use crate::rule::Confidence;
use crate::scan::{Options, Target};
use crate::source::SizeLimit;
use crate::source::history::{Engine, Scope};

use super::args::{Global, ScanArgs};
use super::config::{self, Settings};
use super::date;
use super::error::UserError;
use super::exit::FailOn;
use super::output::{self, Sink};
use super::terminal::{self, escape_path};
use super::value;

/// How deep archives in archives are opened where nobody says otherwise: a jar in a war in an ear.
const ARCHIVE_DEPTH: u8 = 3;

/// Names the keys that users derive from words of their own.
const KEY_CONTEXT: &str = "sekisho fingerprint v1";

/// What a scan is to do.
#[derive(Debug)]
pub struct Plan {
    /// What to scan.
    pub targets: Vec<Target>,
    /// How.
    pub options: Options,
    /// With which rules.
    pub rules: RuleChoice,
    /// What makes it fail.
    pub fail_on: FailOn,
    /// Where the reports go.
    pub sinks: Vec<Sink>,
    /// How they are written.
    pub report: ReportOptions,
    /// The configuration files that were used.
    pub config_files: Vec<PathBuf>,
    /// Where to remember what was scanned.
    pub state: Option<PathBuf>,
    /// Whether to say what it took.
    pub stats: bool,
}

/// Which rules to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleChoice {
    /// Files and folders of rules beside the built-in ones.
    pub paths: Vec<PathBuf>,
    /// Only rules that one of these names; empty = all.
    pub only: Vec<String>,
    /// Rules to switch on that are off by themselves.
    pub enable: Vec<String>,
    /// Rules to switch off.
    pub disable: Vec<String>,
}

/// What the surroundings say.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `SEKISHO_HISTORY`. Not read by clap, for which it would be in conflict with `--staged`.
    pub history: Option<String>,
    /// `SEKISHO_FINGERPRINT_KEY`.
    pub fingerprint_key: Option<String>,
    /// Whether `SOURCE_DATE_EPOCH` is set.
    pub source_date_epoch: bool,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// Folder for clones of URL targets: below `XDG_CACHE_HOME` or `~/.cache`.
    pub cache: Option<PathBuf>,
    /// Seconds since 1970-01-01 UTC.
    pub now: i64,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            history: text("SEKISHO_HISTORY"),
            fingerprint_key: text("SEKISHO_FINGERPRINT_KEY"),
            source_date_epoch: std::env::var_os("SOURCE_DATE_EPOCH").is_some(),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            cache: path("XDG_CACHE_HOME")
                .or_else(|| {
                    std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".cache"))
                })
                .map(|cache| cache.join("sekisho").join("mirrors")),
            home: std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            now: now.map_or(0, |since| since.as_secs().cast_signed()),
        }
    }
}

/// Makes the plan.
pub fn make(args: ScanArgs, global: &Global, env: &Environment) -> Result<Plan, UserError> {
    let targets = targets(&args)?;
    let settings = settings(&args, &targets, env)?;
    let history = history(&args, env, settings.history)?;
    if args.no_tree && history == Scope::None {
        return Err(UserError::with_help(
            "nothing is left to scan without a tree and without a history",
            "leave out --no-tree or --no-history",
        ));
    }
    if args.state.is_some() && !matches!(history, Scope::Reachable | Scope::AllObjects) {
        return Err(UserError::with_help(
            "--state remembers whole histories, and this scan looks at none",
            "leave out --state, or ask for --history=reachable or --history=all-objects",
        ));
    }
    let since = args.since.as_deref().map(|date| date::parse(date, env.now)).transpose();
    let since = since.map_err(|error| UserError::new(format!("wrong date for --since: {error}")))?;
    let max_file_size = args.max_file_size.or(settings.max_file_size);
    let fail_on = FailOn::join(args.fail_on).map_err(|error| UserError::new(format!("wrong --fail-on: {error}")))?;
    let honour_ignores = !args.no_ignore;
    let options = Options {
        tree: !args.no_tree,
        history,
        engine: if args.plain_history { Engine::Plain } else { Engine::Delta },
        history_asked: args.history.is_some() || since.is_some() || args.no_tree || args.reflog,
        all_occurrences: args.all_occurrences,
        today: crate::report::day(env.now),
        cache: env.cache.clone(),
        since,
        reflog: args.reflog,
        staged: args.staged,
        max_file_size: max_file_size.map_or(SizeLimit::DEFAULT, |bytes| SizeLimit { bytes, by_user: true }),
        archive_depth: args.archive_depth.or(settings.archive_depth).unwrap_or(ARCHIVE_DEPTH),
        honour_ignores,
        jobs: args.jobs,
        min_confidence: args.min_confidence.or(settings.min_confidence).unwrap_or(Confidence::Low),
        allows: if honour_ignores { settings.allows } else { Vec::new() },
        exclude: if honour_ignores { settings.exclude } else { Vec::new() },
        fingerprint_key: fingerprint_key(env.fingerprint_key.as_deref()),
        allow_incomplete: args.allow_incomplete,
    };
    let mut rule_paths = settings.rule_paths;
    for path in args.rules {
        if !path.exists() {
            return Err(UserError::new(format!("the rules {} do not exist", escape_path(&path))));
        }
        rule_paths.push(path);
    }
    let mut disable = settings.disable;
    disable.extend(args.exclude_rule);
    Ok(Plan {
        targets,
        options,
        rules: RuleChoice { paths: rule_paths, only: args.rule, enable: settings.enable, disable },
        fail_on: if fail_on == FailOn::Default { settings.fail_on.unwrap_or_default() } else { fail_on },
        sinks: output::sinks(&args.output, args.format, global.quiet)?,
        report: ReportOptions {
            reveal: args.reveal,
            reproducible: args.reproducible || env.source_date_epoch,
            all_occurrences: args.all_occurrences,
            show_suppressed: args.show_suppressed,
            color: terminal::color_on_stdout(),
            width: terminal::width(),
            // Known after the scan.
            fail: BTreeSet::new(),
        },
        config_files: settings.files,
        state: args.state,
        stats: args.stats,
    })
}

/// Which part of the history: what is staged and a diff have none.
fn history(args: &ScanArgs, env: &Environment, configured: Option<Scope>) -> Result<Scope, UserError> {
    if args.no_history || args.staged || args.diff.is_some() {
        return Ok(Scope::None);
    }
    if let Some(asked) = &args.history {
        return Ok(asked.clone());
    }
    match env.history.as_deref().map(value::history).transpose() {
        Ok(asked) => Ok(asked.or(configured).unwrap_or_default()),
        Err(error) => Err(UserError::new(format!("wrong value in SEKISHO_HISTORY: {error}"))),
    }
}

/// The targets, with those that cannot be scanned refused.
fn targets(args: &ScanArgs) -> Result<Vec<Target>, UserError> {
    if let Some(file) = &args.diff {
        if file.as_os_str() != "-" {
            return Err(UserError::with_help(
                "--diff reads standard input only",
                "write `--diff - < FILE`, or pipe `git diff` into it",
            ));
        }
        return Ok(vec![Target::Diff]);
    }
    let mut targets = Vec::new();
    for path in &args.targets {
        targets.push(target(path, args.stdin_name.as_deref())?);
    }
    if targets.is_empty() {
        targets.push(Target::Path(PathBuf::from(".")));
    }
    let stdin = targets.iter().filter(|target| matches!(target, Target::Stdin(_))).count();
    if stdin > 1 {
        return Err(UserError::new("standard input can be scanned only once"));
    }
    if stdin == 0 && args.stdin_name.is_some() {
        return Err(UserError::with_help("--stdin-name names standard input", "add the target `-`"));
    }
    if args.staged && !targets.iter().all(|target| matches!(target, Target::Path(_))) {
        return Err(UserError::new("--staged is for repositories on this machine"));
    }
    Ok(targets)
}

fn target(path: &Path, stdin_name: Option<&str>) -> Result<Target, UserError> {
    if path.as_os_str() == "-" {
        return Ok(Target::Stdin(stdin_name.map(RepoPath::from)));
    }
    // What exists is a path, whatever it looks like.
    if std::fs::symlink_metadata(path).is_ok() {
        return Ok(Target::Path(path.to_owned()));
    }
    if let Some(url) = path.to_str().filter(|text| is_url(text)) {
        return Ok(Target::Url(url.to_owned()));
    }
    let message = format!("{} does not exist", escape_path(path));
    Err(match path.to_str() {
        Some(text) if text.contains("..") && !text.contains(['/', '\\']) => {
            UserError::with_help(message, format!("for a range of commits write --history={}", terminal::escape(text)))
        }
        _ => UserError::new(message),
    })
}

/// `https://host/repo`, `ssh://...`, or what git reads as `ssh`: `user@host:path`.
#[must_use]
pub fn is_url(text: &str) -> bool {
    let schemes = ["https://", "http://", "ssh://", "git://", "file://"];
    if schemes.iter().any(|scheme| text.starts_with(scheme)) {
        return true;
    }
    let Some((host, path)) = text.split_once(':') else { return false };
    !path.is_empty() && host.contains('@') && !host.contains('/') && !host.starts_with('-')
}

fn settings(args: &ScanArgs, targets: &[Target], env: &Environment) -> Result<Settings, UserError> {
    let user = config::user(env.xdg_config_home.as_deref(), env.home.as_deref())?;
    // What comes on standard input belongs to the folder that the command runs in.
    let places: Vec<&Path> = targets
        .iter()
        .filter_map(|target| match target {
            Target::Path(path) => Some(path.as_path()),
            Target::Stdin(_) | Target::Diff => Some(Path::new(".")),
            Target::Url(_) => None,
        })
        .collect();
    let repository = !args.no_repo_config && !args.no_ignore;
    config::load(user, args.config.as_deref(), repository, &places)
}

/// The key of the fingerprints: a public constant, or one derived from what the user set. With the constant anyone who
/// guesses a secret can check the guess against a fingerprint; a key of one's own prevents that.
fn fingerprint_key(own: Option<&str>) -> [u8; 32] {
    own.map_or(PUBLIC_KEY, |own| blake3::derive_key(KEY_CONTEXT, own.as_bytes()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn plan_in(dir: &Path, args: &[&str]) -> Result<Plan, UserError> {
        let mut line = vec!["sekisho", "scan"];
        line.extend(args);
        if !args.contains(&"-") && !args.contains(&"--diff") && !args.iter().any(|arg| arg.starts_with("https:")) {
            line.push(dir.to_str().unwrap());
        }
        let cli = Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        let Some(Command::Scan(scan)) = cli.command else { panic!("not a scan") };
        make(*scan, &cli.global, &Environment { now: 1_800_000_000, ..Environment::default() })
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan_in(dir.path(), &[]).unwrap();
        assert_eq!(plan.targets, [Target::Path(dir.path().to_owned())]);
        assert_eq!(plan.options.history, Scope::Reachable);
        assert_eq!(plan.options.max_file_size, SizeLimit::DEFAULT);
        assert_eq!(plan.options.min_confidence, Confidence::Low);
        assert!(plan.options.tree && plan.options.honour_ignores && !plan.report.reveal);
        assert_eq!(plan.fail_on, FailOn::Default);
    }

    #[test]
    fn options_win_over_the_configuration_and_lists_grow() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join(config::FILE_NAME),
            "[scan]\nhistory = \"none\"\nmax-file-size = 5\nfail-on = \"never\"\n[rules]\ndisable = [\"a.*\"]\n",
        )
        .unwrap();
        let plan = plan_in(dir.path(), &[]).unwrap();
        assert_eq!((plan.options.history, plan.fail_on), (Scope::None, FailOn::Never));
        assert_eq!(plan.options.max_file_size, SizeLimit { bytes: 5, by_user: true });

        let plan =
            plan_in(dir.path(), &["--history=a..b", "--max-file-size=1k", "--fail-on=high", "--exclude-rule", "b.*"])
                .unwrap();
        assert_eq!(plan.options.history, Scope::Range("a..b".to_owned()));
        assert_eq!(plan.options.max_file_size.bytes, 1024);
        assert!(matches!(plan.fail_on, FailOn::Levels(_)));
        assert_eq!(plan.rules.disable, ["a.*", "b.*"]);

        let plan = plan_in(dir.path(), &["--no-repo-config"]).unwrap();
        assert_eq!(plan.options.history, Scope::Reachable);
    }

    #[test]
    fn no_ignore_switches_off_what_a_repository_accepts_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join(config::FILE_NAME),
            "[scan]\nexclude = [\"**\"]\n[[allow]]\nreason = \"x\"\nrules = [\"*\"]\n",
        )
        .unwrap();
        let plan = plan_in(dir.path(), &[]).unwrap();
        assert_eq!((plan.options.exclude.len(), plan.options.allows.len()), (1, 1));
        let plan = plan_in(dir.path(), &["--no-ignore"]).unwrap();
        assert_eq!((plan.options.exclude.len(), plan.options.allows.len()), (0, 0));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (args, says) in [
            (&["--no-tree", "--no-history"][..], "nothing is left"),
            (&["--no-tree", "--history=none"], "nothing is left"),
            (&["--since=soon"], "wrong date"),
            (&["--stdin-name=x"], "names standard input"),
            (&["-", "-"], "only once"),
            (&["--staged", "-"], "on this machine"),
            (&["--diff", "x"], "standard input only"),
            (&["--fail-on=never", "--fail-on=high"], "excludes"),
            (&["--state=s", "--history=a..b"], "whole histories"),
            (&["--state=s", "--history=none"], "whole histories"),
            (&["main..topic"], "does not exist"),
            (&["--rules=missing"], "do not exist"),
        ] {
            let error = plan_in(dir.path(), args).unwrap_err().to_string();
            assert!(error.contains(says), "{args:?}: {error}");
        }
    }

    #[test]
    fn targets_are_paths_standard_input_and_urls() {
        let dir = tempfile::tempdir().unwrap();
        let targets = |args: &[&str]| plan_in(dir.path(), args).unwrap().targets;
        assert_eq!(targets(&["-", "--stdin-name=a.py"]), [Target::Stdin(Some(RepoPath::from("a.py")))]);
        assert_eq!(targets(&["--diff", "-"]), [Target::Diff]);
        assert_eq!(targets(&["https://forge.example/a.git"]), [Target::Url("https://forge.example/a.git".to_owned())]);
        assert!(is_url("git@forge.example:a/b.git"));
        assert!(!is_url("a:b") && !is_url("./a@b:c") && !is_url("C:\\x@y"));
    }

    #[test]
    fn a_key_of_ones_own_changes_the_fingerprints() {
        assert_eq!(fingerprint_key(None), fingerprint_key(None));
        assert_ne!(fingerprint_key(None), fingerprint_key(Some("mine")));
    }
}
