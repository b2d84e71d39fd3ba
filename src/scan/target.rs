//! One target: what it is, which of its parts are scanned, and what was seen there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::collector::{Collector, Hit};
use super::options::{Options, Progress, ScanError, Target};
use crate::blob::{ObjectId, RepoPath};
use crate::coverage::SkipReason;
use crate::finding::TargetInfo;
use crate::provenance::{Commit, Provenance, Timeline};
use crate::source::history::{Attribution, History, HistoryOptions, Scope};
use crate::source::index::{self, Tracked};
use crate::source::repository::{DiscoverOptions, Repository, RepositoryError, without_credentials};
use crate::source::worktree::{Worktree, WorktreeOptions, scan_git_config};
use crate::source::{Change, Sink as _, SizeLimit, clone, diff, stdin};

/// A target, opened.
pub struct Opened {
    /// What reports say of it.
    pub info: TargetInfo,
    kind: Kind,
    /// Why its repository could not be opened. Its files are scanned all the same.
    damaged: Option<String>,
    /// Opened when it is looked at.
    history: OnceLock<History>,
}

enum Kind {
    /// Files, and the repository they belong to.
    Files {
        root: PathBuf,
        repository: Option<Repository>,
        whole: bool,
    },
    /// A repository without a working tree, or one of which only the history is looked at.
    Git(Repository),
    Stdin(Option<RepoPath>),
    Diff,
}

/// What was seen in a target.
#[derive(Default)]
pub struct Looked<'t> {
    /// Matches, in a fixed order.
    pub hits: Vec<Hit>,
    /// Where the blobs of the history stand.
    pub attribution: Option<Attribution<'t>>,
    /// New versions, if only those were asked for.
    pub changes: Option<Vec<Change>>,
    /// Whether blobs without a place count.
    pub unreachable: bool,
    /// Commits and trees walked.
    pub covered: (u64, u64),
    /// Name of standard input.
    pub stdin_name: Option<RepoPath>,
}

impl Looked<'_> {
    /// The life of a secret, from the blobs that hold it.
    pub fn timeline(&self, objects: &[ObjectId]) -> Option<Timeline> {
        self.attribution.as_ref().map(|attribution| attribution.timeline(objects))
    }
}

impl Opened {
    /// Finds out what a target is. Clones a URL.
    pub fn open(
        target: &Target,
        options: &Options,
        progress: &dyn Progress,
        cancel: &AtomicBool,
    ) -> Result<Self, ScanError> {
        match target {
            Target::Path(path) => Self::open_path(path, options),
            Target::Url(url) => Self::open_url(url, options, progress, cancel),
            Target::Stdin(name) => Ok(Self::without_git("-", Kind::Stdin(name.clone()))),
            Target::Diff => Ok(Self::without_git("-", Kind::Diff)),
        }
    }

    fn without_git(name: &str, kind: Kind) -> Self {
        let info = TargetInfo { name: name.to_owned(), path: RepoPath::default(), is_url: false, git: None };
        Self { info, kind, damaged: None, history: OnceLock::new() }
    }

    fn open_path(path: &Path, options: &Options) -> Result<Self, ScanError> {
        let name = path.to_string_lossy().into_owned();
        let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ScanError::NoTarget(name.clone()),
            _ => ScanError::Setup(format!("failed to look at {name}: {error}")),
        })?;
        if !metadata.is_dir() && !metadata.is_file() {
            return Err(ScanError::SpecialFile(name));
        }
        let folder = if metadata.is_dir() {
            path
        } else {
            path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
        };
        let same = |a: &Path| a.canonicalize().ok() == path.canonicalize().ok();
        let needs_repository = options.staged || (options.history_asked && options.history != Scope::None);
        let (repository, damaged) =
            match Repository::discover_with(folder, DiscoverOptions { from_environment: options.staged }) {
                Ok(repository) => (repository, None),
                // The files around a damaged repository can be read, and the report says that its history was not.
                Err(RepositoryError::Damaged { path: git, reason }) if !needs_repository && !same(&git) => {
                    (None, Some(format!("the repository at {}: {reason}", git.display())))
                }
                Err(error) => {
                    return Err(ScanError::Setup(format!("failed to open the repository of {name}: {error}")));
                }
            };
        let git = repository.as_ref().map(Repository::info);
        let whole = repository.as_ref().and_then(Repository::workdir).is_some_and(same);
        let is_git_dir =
            repository.as_ref().is_some_and(|repository| same(repository.git_dir()) || same(repository.common_dir()));
        let kind = match repository {
            Some(repository) if is_git_dir => Kind::Git(repository),
            repository => Kind::Files { root: path.to_owned(), repository, whole },
        };
        if needs_repository && matches!(kind, Kind::Files { repository: None, .. }) {
            return Err(ScanError::NoRepository(name));
        }
        let info = TargetInfo { name, path: own_path(path, &kind), is_url: false, git };
        Ok(Self { info, kind, damaged, history: OnceLock::new() })
    }

    fn open_url(url: &str, options: &Options, progress: &dyn Progress, cancel: &AtomicBool) -> Result<Self, ScanError> {
        let shown = without_credentials(url);
        let cache = options
            .cache
            .as_deref()
            .ok_or_else(|| ScanError::Setup(format!("{shown} is a URL, and there is no cache folder for it")))?;
        let path = clone::clone_url(url, cache, &mut |line| progress.stage(line), &|| cancel.load(Ordering::Relaxed))
            .map_err(|error| ScanError::Setup(error.to_string()))?;
        let repository = Repository::discover(&path)
            .map_err(|error| ScanError::Setup(format!("failed to open the clone of {shown}: {error}")))?
            .ok_or_else(|| ScanError::NoRepository(shown.clone()))?;
        Ok(Self {
            info: TargetInfo { name: shown, path: RepoPath::default(), is_url: true, git: Some(repository.info()) },
            kind: Kind::Git(repository),
            damaged: None,
            history: OnceLock::new(),
        })
    }

    /// The repository, if it is one.
    pub const fn repository(&self) -> Option<&Repository> {
        match &self.kind {
            Kind::Files { repository, .. } => repository.as_ref(),
            Kind::Git(repository) => Some(repository),
            Kind::Stdin(_) | Kind::Diff => None,
        }
    }

    /// Scans what the options ask for.
    pub fn look<'t>(
        &'t self,
        collector: &Collector<'_>,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Looked<'t>, ScanError> {
        if let Some(reason) = &self.damaged {
            collector.skip(SkipReason::GitRefused, reason.clone());
        }
        match &self.kind {
            Kind::Stdin(name) => {
                stdin::read(&mut std::io::stdin().lock(), options.max_file_size, collector)
                    .map_err(|error| no_stdin(&error))?;
                Ok(Looked { hits: collector.take_hits(), stdin_name: name.clone(), ..Looked::default() })
            }
            Kind::Diff => look_at_diff(collector, options),
            Kind::Files { repository: Some(repository), .. } | Kind::Git(repository) if options.staged => {
                progress.stage(&format!("staged changes of {}", self.info.name));
                look_at_staged(repository, collector, options.max_file_size)
            }
            Kind::Git(repository) => {
                if options.tree {
                    // A bare repository has no tree, but its configuration may hold tokens in the addresses of remotes.
                    scan_git_config(repository.common_dir(), &RepoPath::default(), options.max_file_size, collector);
                }
                self.look_at_history(repository, collector, options, progress)
            }
            Kind::Files { root, repository, whole } => {
                if options.tree {
                    progress.stage(&format!("working tree of {}", self.info.name));
                    look_at_tree(root, &self.info.path, repository.as_ref(), collector, options)?;
                }
                match repository {
                    Some(repository) if *whole || options.history_asked => {
                        self.look_at_history(repository, collector, options, progress)
                    }
                    _ => Ok(Looked { hits: collector.take_hits(), ..Looked::default() }),
                }
            }
        }
    }

    fn look_at_history<'t>(
        &'t self,
        repository: &Repository,
        collector: &Collector<'_>,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Looked<'t>, ScanError> {
        if options.history == Scope::None {
            return Ok(Looked { hits: collector.take_hits(), ..Looked::default() });
        }
        progress.stage(&format!("history of {}", self.info.name));
        let asked = HistoryOptions {
            scope: options.history.clone(),
            since: options.since,
            reflog: options.reflog,
            size: options.max_file_size,
            engine: options.engine,
        };
        let opened =
            History::open(repository, asked, collector).map_err(|error| ScanError::Setup(error.to_string()))?;
        let history = self.history.get_or_init(|| opened);
        history.messages(collector);
        let mut looked = Looked { unreachable: options.history == Scope::AllObjects, ..Looked::default() };
        if options.since.is_some() || matches!(options.history, Scope::Range(_)) {
            let changes = history.changes(collector);
            looked.hits = scan_changes(&changes, collector, &|ids| history.read(ids, collector));
            looked.changes = Some(changes);
        } else {
            history.blobs(collector);
            looked.hits = collector.take_hits();
            progress.stage(&format!("commits of {}", self.info.name));
            looked.attribution = Some(history.attribute(&objects_of(&looked.hits), collector));
        }
        looked.covered = history.covered();
        Ok(looked)
    }
}

/// Scans files. Below the top of a working tree paths are those of the repository, whatever folder was named: so a finding
/// keeps its name, and the rules of ignoring hold.
fn look_at_tree(
    root: &Path,
    own: &RepoPath,
    repository: Option<&Repository>,
    collector: &Collector<'_>,
    options: &Options,
) -> Result<(), ScanError> {
    let failed = |error: std::io::Error| ScanError::Setup(format!("failed to look at {}: {error}", root.display()));
    let top = repository.and_then(|repository| top_around(root, repository));
    let asked = WorktreeOptions {
        honour_ignores: options.honour_ignores,
        tracked: repository.filter(|_| top.is_some()).and_then(|repository| tracked(repository, collector)),
        size: options.max_file_size,
        exclude: if options.honour_ignores { globs(&options.exclude)? } else { globset::GlobSet::empty() },
        only: Some(own).filter(|own| top.is_some() && !own.as_bytes().is_empty()).into_iter().cloned().collect(),
        threads: options.jobs.unwrap_or(0),
    };
    Worktree::new(top.as_deref().unwrap_or(root), asked).map_err(failed)?.scan(collector);
    Ok(())
}

/// The top of the working tree, if the repository's working tree is the one that `path` lies in.
fn top_around(path: &Path, repository: &Repository) -> Option<PathBuf> {
    let top = repository.workdir()?.canonicalize().ok()?;
    path.canonicalize().ok()?.starts_with(&top).then_some(top)
}

/// What a target is called in the paths of its occurrences.
fn own_path(path: &Path, kind: &Kind) -> RepoPath {
    let Kind::Files { repository, .. } = kind else { return RepoPath::default() };
    if let Some(top) = repository.as_ref().and_then(|repository| top_around(path, repository)) {
        let resolved = path.canonicalize().unwrap_or_default();
        return RepoPath::new(slashes(resolved.strip_prefix(top).unwrap_or(Path::new(""))));
    }
    match path.file_name().filter(|_| !path.is_dir()) {
        Some(name) => RepoPath::new(name.as_encoded_bytes()),
        None => RepoPath::default(),
    }
}

/// A relative path with `/` between its components.
fn slashes(path: &Path) -> Vec<u8> {
    let components: Vec<&[u8]> = path.components().map(|component| component.as_os_str().as_encoded_bytes()).collect();
    components.join(&b'/')
}

/// What git tracks.
fn tracked(repository: &Repository, collector: &Collector<'_>) -> Option<Tracked> {
    match index::tracked_paths_in(&repository.handle().to_thread_local(), repository.index_path()) {
        Ok(all) => Some(all),
        Err(error) => {
            collector.skip(SkipReason::CorruptIndex, error.to_string());
            None
        }
    }
}

fn globs(patterns: &[String]) -> Result<globset::GlobSet, ScanError> {
    let mut builder = globset::GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(globset::Glob::new(pattern).map_err(|error| ScanError::Setup(error.to_string()))?);
    }
    builder.build().map_err(|error| ScanError::Setup(error.to_string()))
}

fn look_at_staged(
    repository: &Repository,
    collector: &Collector<'_>,
    size: SizeLimit,
) -> Result<Looked<'static>, ScanError> {
    let git = repository.handle().to_thread_local();
    let changes = index::staged_changes_in(&git, repository.index_path(), collector)
        .map_err(|error| ScanError::Setup(error.to_string()))?;
    let hits = scan_changes(&changes, collector, &|ids| index::read_blobs(&git, ids, size, collector));
    Ok(Looked { hits, changes: Some(changes), ..Looked::default() })
}

/// Scans new versions, and of those with matches the versions before them, to tell what is new.
fn scan_changes(changes: &[Change], collector: &Collector<'_>, read: &dyn Fn(&[ObjectId])) -> Vec<Hit> {
    let new: BTreeSet<ObjectId> = changes.iter().map(|change| change.object).collect();
    read(&new.iter().copied().collect::<Vec<_>>());
    let mut hits = collector.take_hits();
    let matched = objects_of(&hits);
    let bases = changes.iter().filter(|change| matched.contains(&change.object)).flat_map(|change| &change.bases);
    let bases: BTreeSet<ObjectId> = bases.filter(|base| !new.contains(*base)).copied().collect();
    read(&bases.into_iter().collect::<Vec<_>>());
    hits.extend(collector.take_hits());
    hits
}

fn objects_of(hits: &[Hit]) -> BTreeSet<ObjectId> {
    let object = |hit: &Hit| match hit.provenance {
        Provenance::History(id) => Some(id),
        _ => None,
    };
    hits.iter().filter_map(object).collect()
}

fn no_stdin(error: &std::io::Error) -> ScanError {
    ScanError::Setup(format!("failed to read standard input: {error}"))
}

/// Scans the new side of each file of a diff and keeps what touches an added line.
fn look_at_diff(collector: &Collector<'_>, options: &Options) -> Result<Looked<'static>, ScanError> {
    let text = stdin::read_bytes(&mut std::io::stdin().lock(), options.max_file_size, collector)
        .map_err(|error| no_stdin(&error))?;
    let files = diff::parse(&text).map_err(|error| ScanError::Setup(format!("standard input is no diff: {error}")))?;
    let mut hits: BTreeMap<(RepoPath, Option<ObjectId>, usize), Hit> = BTreeMap::new();
    for (number, file) in files.into_iter().enumerate() {
        if file.binary {
            collector.skip(SkipReason::Binary, format!("{}: the diff does not show what changed", file.path));
        }
        collector.count_file();
        let mut matches = collector.detect(&file.text, &|| file.path.to_string());
        matches.retain(|found| file.adds(found.location.line, found.location.end_line));
        for found in &mut matches {
            let number = |line: u32| file.number(line).unwrap_or(line);
            (found.location.line, found.location.end_line) =
                (number(found.location.line), number(found.location.end_line));
        }
        if matches.is_empty() {
            continue;
        }
        let commit =
            Commit { time: Commit::UNDATED, id: file.commit.unwrap_or_else(|| ObjectId::null(gix::hash::Kind::Sha1)) };
        let provenance = Provenance::Version { path: file.path.clone(), commit, object: None };
        let line_hashes = vec![None; matches.len()];
        hits.insert((file.path, file.commit, number), Hit { provenance, member: None, matches, line_hashes });
    }
    if collector.cancelled() {
        collector.skip(SkipReason::Interrupted, "the rest of the diff".to_owned());
    }
    Ok(Looked { hits: hits.into_values().collect(), ..Looked::default() })
}
