//! Where sources deliver: opens archives and LFS pointers, runs the detector, keeps what matched. Called from many threads;
//! takes a lock only for a blob that has matches or could not be scanned.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::options::{Options, Progress};
use super::state::{Recall, Record};
use crate::blob::{Blob, ObjectId, RepoPath};
use crate::coverage::{Coverage, SkipReason};
use crate::detect::{Detected, Detector, Match, Remembered, Scratch};
use crate::edit::Edit;
use crate::finding::line_hash::LineHashes;
use crate::provenance::Provenance;
use crate::source::repository::Repository;
use crate::source::{Base, Memory, Sink, archive, lfs};

/// The matches of one blob, or of one member of an archive.
#[derive(Debug)]
pub struct Hit {
    /// Where the blob comes from.
    pub provenance: Provenance,
    /// Path inside the archive, if it is a member of one.
    pub member: Option<RepoPath>,
    /// The matches, by span; at least one.
    pub matches: Vec<Match>,
    /// GitHub's line hash of each match; for files of the tree only.
    pub line_hashes: Vec<Option<String>>,
}

/// What scanning one text gave.
#[derive(Default)]
struct Seen {
    matches: Vec<Match>,
    skipped: Option<SkipReason>,
    memory: Option<Remembered>,
}

/// The sink of one target.
pub struct Collector<'a> {
    detector: &'a Detector<'a>,
    options: &'a Options,
    repository: Option<&'a Repository>,
    progress: &'a dyn Progress,
    cancel: &'a AtomicBool,
    blobs: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    hits: Mutex<Vec<Hit>>,
    skipped: Mutex<Coverage>,
    /// What earlier scans know of the repository's blobs, and what this one learns.
    recall: Option<&'a Recall<'a>>,
}

thread_local! {
    /// What the detector keeps between blobs, with the detector it belongs to: regex caches are of no use to another.
    static SCRATCH: RefCell<(usize, Scratch)> = RefCell::default();
}

impl<'a> Collector<'a> {
    /// An empty collector.
    pub fn new(
        detector: &'a Detector<'a>,
        options: &'a Options,
        repository: Option<&'a Repository>,
        progress: &'a dyn Progress,
        cancel: &'a AtomicBool,
    ) -> Self {
        Self {
            recall: None,
            detector,
            options,
            repository,
            progress,
            cancel,
            blobs: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            hits: Mutex::default(),
            skipped: Mutex::default(),
        }
    }

    /// Passes over what earlier scans know, and remembers for later ones.
    pub fn with_recall(self, recall: Option<&'a Recall<'a>>) -> Self {
        Self { recall, ..self }
    }

    /// Takes out what matched so far, in an order of its own that no thread can change.
    pub fn take_hits(&self) -> Vec<Hit> {
        let mut hits = std::mem::take(&mut *lock(&self.hits));
        hits.sort_by(|a, b| (&a.provenance, &a.member).cmp(&(&b.provenance, &b.member)));
        hits
    }

    /// What was covered.
    pub fn into_coverage(self) -> Coverage {
        let mut coverage = self.skipped.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        coverage.blobs = self.blobs.into_inner();
        coverage.files = self.files.into_inner();
        coverage.bytes = self.bytes.into_inner();
        coverage
    }

    /// Counts a file whose text goes to [`Collector::detect`].
    pub fn count_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    /// Scans text that is no blob of a source, such as the hunks of a diff.
    pub fn detect(&self, bytes: &[u8], what: &dyn Fn() -> String) -> Vec<Match> {
        self.detect_version(bytes, None, false, what).matches
    }

    fn detect_version(
        &self,
        bytes: &[u8],
        base: Option<(&Remembered, &[Edit])>,
        remember: bool,
        what: &dyn Fn() -> String,
    ) -> Seen {
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let seen = match self.guarded(bytes, base, remember) {
            Some((Detected { matches, skipped, .. }, memory)) => Seen { matches, skipped, memory },
            None => Seen { skipped: Some(SkipReason::Panic), ..Seen::default() },
        };
        if let Some(reason) = seen.skipped {
            self.skip(reason, what());
        }
        seen
    }

    /// `None` if it panicked.
    fn guarded(
        &self,
        bytes: &[u8],
        base: Option<(&Remembered, &[Edit])>,
        remember: bool,
    ) -> Option<(Detected, Option<Remembered>)> {
        // A panic is a bug of ours in one object: that object counts as not scanned, the rest goes on.
        let detected = catch_unwind(AssertUnwindSafe(|| {
            SCRATCH.with_borrow_mut(|(owner, scratch)| {
                let detector = std::ptr::from_ref(self.detector).addr();
                if *owner != detector {
                    (*owner, *scratch) = (detector, Scratch::default());
                }
                self.detector.detect_version(bytes, base, remember, scratch)
            })
        }));
        if detected.is_err() {
            SCRATCH.with_borrow_mut(|scratch| *scratch = (0, Scratch::default()));
        }
        detected.ok()
    }

    /// Whether there was nothing to see.
    fn scan(&self, bytes: &[u8], provenance: &Provenance, member: Option<&[u8]>) -> bool {
        let Seen { matches, skipped, .. } = self.detect_version(bytes, None, false, &|| describe(provenance, member));
        let blank = matches.is_empty() && skipped.is_none();
        self.keep(matches, bytes, provenance, member);
        blank
    }

    /// Remembers what a blob of the history added to the report, for the next scan.
    fn note(&self, provenance: &Provenance, record: Record) {
        if let (Some(recall), Provenance::History(id)) = (self.recall, provenance) {
            recall.note(*id, record);
        }
    }

    fn keep(&self, matches: Vec<Match>, bytes: &[u8], provenance: &Provenance, member: Option<&[u8]>) {
        if matches.is_empty() {
            return;
        }
        let line_hashes = if matches!(provenance, Provenance::Tree(_)) && member.is_none() {
            let hashes = LineHashes::for_lines(bytes, matches.iter().map(|found| found.location.line));
            matches.iter().map(|found| hashes.get(found.location.line).map(str::to_owned)).collect()
        } else {
            vec![None; matches.len()]
        };
        let member = member.map(RepoPath::new);
        lock(&self.hits).push(Hit { provenance: provenance.clone(), member, matches, line_hashes });
    }

    /// Opens an archive as far as the limits allow. Gives the bytes of its members if there was nothing to see in it.
    fn scan_archive(&self, bytes: &[u8], provenance: &Provenance) -> Option<u64> {
        let limits = archive::Limits { depth: self.options.archive_depth, ..archive::Limits::default() };
        let name = describe(provenance, None);
        let (mut blank, mut skipped, mut total) = (true, false, 0);
        archive::expand_all(
            name.as_bytes(),
            bytes,
            &limits,
            &mut |member| {
                total += member.bytes.len() as u64;
                blank &= self.scan(member.bytes, provenance, Some(member.path));
            },
            &mut |reason, what| {
                skipped = true;
                self.skip(reason, format!("{name}: {what}"));
            },
        );
        (blank && !skipped).then_some(total)
    }

    /// The content behind an LFS pointer, if it is here.
    fn scan_pointer(&self, pointer: &lfs::Pointer, provenance: &Provenance) {
        let what = || describe(provenance, None);
        let Some(path) = self.repository.and_then(|repository| repository.lfs_object(&pointer.oid_hex)) else {
            return self.skip(SkipReason::LfsPointer, what());
        };
        // What the pointer says of the size need not be true.
        match std::fs::metadata(&path) {
            Ok(file) if file.len() > self.options.max_file_size.bytes => {
                return self.skip(self.options.max_file_size.reason(), what());
            }
            _ => {}
        }
        match std::fs::read(path) {
            Ok(bytes) => self.scan_any(&bytes, provenance),
            Err(error) => self.skip(SkipReason::Unreadable, format!("LFS content of {}: {error}", what())),
        }
    }

    fn scan_any(&self, bytes: &[u8], provenance: &Provenance) {
        if self.options.archive_depth > 0 && archive::sniff(bytes).is_some() {
            self.scan_archive(bytes, provenance);
        } else {
            self.scan(bytes, provenance, None);
        }
    }
}

impl Sink for Collector<'_> {
    fn blob(&self, blob: Blob<'_>) {
        self.version(blob, None, false);
    }

    fn version(&self, blob: Blob<'_>, base: Option<Base<'_>>, is_base: bool) -> Memory {
        let Blob { bytes, provenance } = blob;
        let counter = match provenance {
            Provenance::Tree(_) | Provenance::Config(_) | Provenance::Stdin => Some(&self.files),
            Provenance::History(_) | Provenance::Index(_) | Provenance::Version { .. } => Some(&self.blobs),
            Provenance::CommitMessage(_) | Provenance::Tag { .. } => None,
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.progress.done(1, bytes.len() as u64);
        if let Some(pointer) = lfs::parse_pointer(bytes) {
            // Never remembered: what it points to may come later, or go.
            self.scan_pointer(&pointer, provenance);
            return None;
        }
        if self.options.archive_depth > 0 && archive::sniff(bytes).is_some() {
            if let Some(bytes) = self.scan_archive(bytes, provenance) {
                self.note(provenance, Record { bytes, skipped: None });
            }
            return None;
        }
        let base = base.and_then(|base| Some((base.memory.as_ref()?.downcast_ref::<Remembered>()?, base.edits)));
        let Seen { matches, skipped, memory } =
            self.detect_version(bytes, base, is_base, &|| describe(provenance, None));
        // A bug of ours is worth another try.
        if matches.is_empty() && skipped != Some(SkipReason::Panic) {
            self.note(provenance, Record { bytes: bytes.len() as u64, skipped });
        }
        self.keep(matches, bytes, provenance, None);
        memory.map(|memory| Box::new(memory) as Box<dyn Any + Send + Sync>)
    }

    fn is_blank(&self, commit: ObjectId, message: &[u8]) -> bool {
        if self.recall.is_some_and(|recall| recall.message(commit)) {
            return true;
        }
        let shows_nothing = |(found, _): (Detected, _)| found.skipped.is_none() && found.matches.is_empty();
        let is_blank = lfs::parse_pointer(message).is_none()
            && archive::sniff(message).is_none()
            && self.guarded(message, None, false).is_some_and(shows_nothing);
        if let Some(recall) = self.recall.filter(|_| is_blank) {
            recall.note(commit, Record { bytes: message.len() as u64, skipped: None });
        }
        is_blank
    }

    fn recalls(&self, blob: ObjectId) -> bool {
        let Some(Record { bytes, skipped }) = self.recall.and_then(|recall| recall.blob(blob)) else { return false };
        self.blobs.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(reason) = skipped {
            self.skip(reason, describe(&Provenance::History(blob), None));
        }
        true
    }

    fn blank(&self, blobs: u64, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.progress.done(blobs, bytes);
    }

    fn skip(&self, reason: SkipReason, what: String) {
        lock(&self.skipped).skip(reason, what);
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    fn expect(&self, blobs: u64, bytes: u64) {
        self.progress.expect(blobs, bytes);
    }
}

/// A lock whose holder panicked still guards whole values: every change under it is one push or one count.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A blob's place in a few words, for coverage.
fn describe(provenance: &Provenance, member: Option<&[u8]>) -> String {
    let place = match provenance {
        Provenance::Tree(path)
        | Provenance::Index(path)
        | Provenance::Config(path)
        | Provenance::Version { path, .. } => path.to_string(),
        Provenance::History(id) => format!("blob {id}"),
        Provenance::CommitMessage(commit) => format!("message of commit {}", commit.id),
        Provenance::Tag { name, .. } => format!("tag {name}"),
        Provenance::Stdin => "standard input".to_owned(),
    };
    match member {
        Some(member) => format!("{place}!/{}", RepoPath::new(member)),
        None => place,
    }
}
