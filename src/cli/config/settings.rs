//! All configuration files of a scan as one. Takes the files that were found, gives [`Settings`]; of two that set the
//! same thing the later wins, and lists grow.

use std::path::{Component, Path, PathBuf};

use crate::cli::error::UserError;
use crate::cli::exit::FailOn;
use crate::cli::terminal::escape_path;
use crate::finding::suppress::Allow;
use crate::rule::Confidence;
use crate::source::history::Scope;

use super::find::{self, Found};
use super::read::{self, Mistake};
use super::{Config, FILE_NAME};

/// What the configuration files say; `None` and empty where they say nothing.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Part of the history.
    pub history: Option<Scope>,
    /// Size limit in bytes.
    pub max_file_size: Option<u64>,
    /// How deep archives are opened.
    pub archive_depth: Option<u8>,
    /// Path globs that are not scanned.
    pub exclude: Vec<String>,
    /// Findings below this are left out.
    pub min_confidence: Option<Confidence>,
    /// What fails.
    pub fail_on: Option<FailOn>,
    /// Files and folders of the user's rules.
    pub rule_paths: Vec<PathBuf>,
    /// Rules to switch on.
    pub enable: Vec<String>,
    /// Rules to switch off.
    pub disable: Vec<String>,
    /// Accepted findings.
    pub allows: Vec<Allow>,
    /// The files that were used, the first one first.
    pub files: Vec<PathBuf>,
}

/// Reads the user's file, then the one that `--config` names or else the one of the targets' repository.
///
/// `targets` are the folders and files to scan. They must have one configuration in common: accepting in one repository
/// what another one allows would hide findings.
pub fn load(
    user: Option<Found>,
    named: Option<&Path>,
    repository: bool,
    targets: &[&Path],
) -> Result<Settings, UserError> {
    let mut settings = Settings::default();
    if let Some(found) = user {
        settings.lay(&found)?;
    }
    if let Some(path) = named {
        settings.lay(&find::named(path)?)?;
    } else if repository && let Some(found) = common(targets)? {
        settings.lay(&found)?;
    }
    Ok(settings)
}

/// The one configuration that all targets have.
fn common(targets: &[&Path]) -> Result<Option<Found>, UserError> {
    let Some((first, others)) = targets.split_first() else { return Ok(None) };
    let found = find::repository(first)?;
    for other in others {
        if find::repository(other)? != found {
            return Err(UserError::with_help(
                format!("{} and {} do not have the same {FILE_NAME}", escape_path(first), escape_path(other)),
                "scan them one after the other, or say --config FILE or --no-repo-config",
            ));
        }
    }
    Ok(found)
}

impl Settings {
    /// Lays one file over what is there.
    fn lay(&mut self, found: &Found) -> Result<(), UserError> {
        let shown = |mistake: Mistake| mistake.shown(&display_name(found), &found.text);
        let config = read::parse(&found.text).map_err(shown)?;
        let paths = rule_paths(&config, found).map_err(shown)?;
        let Config { scan, rules, allow, .. } = config;
        set(&mut self.history, scan.history.map(|history| history.0));
        set(&mut self.max_file_size, scan.max_file_size.map(|size| size.0));
        set(&mut self.archive_depth, scan.archive_depth);
        set(&mut self.min_confidence, scan.min_confidence);
        set(&mut self.fail_on, scan.fail_on.map(|level| level.0));
        self.exclude.extend(scan.exclude.into_iter().map(|glob| glob.0));
        self.rule_paths.extend(paths);
        self.enable.extend(rules.enable.into_iter().map(|pattern| pattern.0));
        self.disable.extend(rules.disable.into_iter().map(|pattern| pattern.0));
        self.allows.extend(allow.into_iter().map(toml::Spanned::into_inner));
        self.files.push(found.path.clone());
        Ok(())
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

/// How errors name the file: a repository's from its root on, so that they read the same everywhere.
fn display_name(found: &Found) -> String {
    let root = found.confined_to.as_deref();
    let relative = root.and_then(|root| found.path.strip_prefix(root).ok()).unwrap_or(&found.path);
    escape_path(relative)
}

/// The rule files and folders a configuration names, resolved from where it stands.
fn rule_paths(config: &Config, found: &Found) -> Result<Vec<PathBuf>, Mistake> {
    let folder = found.path.parent().unwrap_or(Path::new("."));
    let mut paths = Vec::new();
    for named in config.rules.dirs.iter().chain(&config.rules.files) {
        let path = folder.join(named.get_ref());
        if let Some(root) = &found.confined_to {
            let outside = || {
                Mistake::new(named.span(), "a repository's configuration cannot name what lies outside of it")
                    .help("use --rules or your own configuration for rules that stand elsewhere")
            };
            // An absolute path is refused even if it leads back inside: on another machine it would not.
            if named.get_ref().is_absolute() || climbs_out(folder, named.get_ref(), root) {
                return Err(outside());
            }
            if path.canonicalize().is_ok_and(|real| !real.starts_with(root)) {
                return Err(outside());
            }
        }
        if !path.exists() {
            return Err(Mistake::new(named.span(), "no such file or folder").help("paths are relative to this file"));
        }
        paths.push(path);
    }
    Ok(paths)
}

/// Whether the `..` of a relative path lead above `root` anywhere on the way, whatever exists there.
fn climbs_out(folder: &Path, relative: &Path, root: &Path) -> bool {
    let mut depth = folder.strip_prefix(root).map_or(0, |inner| inner.components().count());
    for component in relative.components() {
        match component {
            Component::ParentDir => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(text: &str) -> Found {
        Found { path: PathBuf::from("config.toml"), text: text.to_owned(), confined_to: None }
    }

    fn repo(text: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".git")).unwrap();
        fs::write(dir.path().join(FILE_NAME), text).unwrap();
        dir
    }

    #[test]
    fn the_repository_wins_over_the_user_and_lists_grow() {
        let user = found("[scan]\nhistory = \"none\"\narchive-depth = 1\nexclude = [\"a\"]\n");
        let dir = repo("[scan]\nhistory = \"all-objects\"\nexclude = [\"b\"]\n");
        let settings = load(Some(user.clone()), None, true, &[dir.path()]).unwrap();
        assert_eq!(settings.history, Some(Scope::AllObjects));
        assert_eq!(settings.archive_depth, Some(1));
        assert_eq!(settings.exclude, ["a", "b"]);
        assert_eq!(settings.files.len(), 2);

        let without = load(Some(user), None, false, &[dir.path()]).unwrap();
        assert_eq!(without.history, Some(Scope::None));
        assert_eq!(without.exclude, ["a"]);
    }

    #[test]
    fn a_named_file_takes_the_place_of_the_repositorys() {
        let dir = repo("[scan]\nhistory = \"all-objects\"\n");
        let named = dir.path().join("other.toml");
        fs::write(&named, "[scan]\narchive-depth = 0\n").unwrap();
        let settings = load(None, Some(&named), true, &[dir.path()]).unwrap();
        assert_eq!((settings.history, settings.archive_depth), (None, Some(0)));
    }

    #[test]
    fn targets_with_different_configurations_are_refused() {
        let (one, two) = (repo("[scan]\nexclude = [\"**\"]\n"), repo(""));
        let bare = tempfile::tempdir().unwrap();
        assert!(load(None, None, true, &[one.path(), two.path()]).is_err());
        assert!(load(None, None, true, &[bare.path(), one.path()]).is_err());
        assert!(load(None, None, true, &[one.path(), one.path()]).is_ok());
        assert!(load(None, None, false, &[one.path(), two.path()]).is_ok());
    }

    #[test]
    fn a_repositorys_rules_must_lie_in_it() {
        let outside = tempfile::tempdir().unwrap();
        for wrong in ["..", "rules/../..", outside.path().to_str().unwrap(), "/"] {
            let dir = repo(&format!("[rules]\ndirs = [{wrong:?}]\n"));
            let error = load(None, None, true, &[dir.path()]).unwrap_err().to_string();
            assert!(error.contains("cannot name what lies outside"), "{wrong}: {error}");
            assert!(error.contains(".sekisho.toml:2:9"), "{error}");
        }
        let dir = repo("[rules]\ndirs = [\"rules\"]\n");
        assert!(load(None, None, true, &[dir.path()]).unwrap_err().to_string().contains("no such file"));
        fs::create_dir(dir.path().join("rules")).unwrap();
        assert_eq!(load(None, None, true, &[dir.path()]).unwrap().rule_paths.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_rules_outside_is_refused() {
        let outside = tempfile::tempdir().unwrap();
        let dir = repo("[rules]\ndirs = [\"rules\"]\n");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("rules")).unwrap();
        let error = load(None, None, true, &[dir.path()]).unwrap_err().to_string();
        assert!(error.contains("cannot name what lies outside"), "{error}");
    }
}
