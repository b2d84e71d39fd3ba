//! What is remembered from one scan to the next. Takes the blobs and messages of a history that showed no match, gives them
//! back to the next scan, which then need not look at them; must never hold anything of their contents, or believe a file
//! that was made with other rules.
//!
//! Scanning a blob by itself is a pure function of its bytes, the rules and a few options, and a blob's id stands for its
//! bytes. So the id is all that has to be remembered, with what the blob added to the coverage. Blobs with matches are not
//! in the state: they are few, the next scan reads them again, and everything behind detection (places, judging,
//! suppressions, fingerprints) runs as in any other scan. That is why the report is that of a full scan, and why no secret
//! stands in the file. Nor is there anything to undo when a branch is deleted or rewritten: what is reached is found out
//! each time.

mod file;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub use file::{MAX_BYTES, StateError};

use super::options::Options;
use crate::blob::ObjectId;
use crate::coverage::SkipReason;
use crate::rule::{RuleIndex, RuleSet};

/// Names the digests of detection; a change of what they are made of needs another name.
const DETECTION_CONTEXT: &str = "sekisho state v1 detection";

/// What scans remember: see the module. Empty before the first one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Digest of all that detection depended on.
    detection: [u8; 32],
    /// By repository, as [`repository_key`] names it.
    tables: BTreeMap<[u8; 32], Table>,
    /// What the last scan made of it; not in the file.
    used: Used,
}

/// What a scan made of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Blobs that were not looked at because they are known.
    pub known: u64,
    /// Whether the state was of no use because rules or options are others now.
    pub outdated: bool,
}

/// What a blob, or a commit's message, without matches adds to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Bytes that were scanned, those of an archive's members included.
    pub bytes: u64,
    /// Why it was not scanned, if so; the report names it by its id.
    pub skipped: Option<SkipReason>,
}

/// The known blobs and commits of one repository, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table(Vec<(ObjectId, Record)>);

impl Table {
    fn new(mut rows: Vec<(ObjectId, Record)>) -> Self {
        rows.sort_unstable_by_key(|row| row.0);
        rows.dedup_by_key(|row| row.0);
        Self(rows)
    }

    fn get(&self, object: &ObjectId) -> Option<Record> {
        self.0.binary_search_by_key(object, |row| row.0).ok().map(|at| self.0[at].1)
    }
}

impl State {
    /// What the last scan made of it.
    #[must_use]
    pub const fn used(&self) -> Used {
        self.used
    }

    /// Makes ready for a scan with this detection: what another one found says nothing. Gives what is known, and leaves the
    /// state empty for what comes.
    pub(super) fn begin(&mut self, detection: [u8; 32]) -> Known {
        let outdated = !self.tables.is_empty() && self.detection != detection;
        let tables = std::mem::take(&mut self.tables);
        *self = Self { detection, tables: BTreeMap::new(), used: Used { known: 0, outdated } };
        Known(if outdated { BTreeMap::new() } else { tables })
    }

    /// Takes over what was seen of a repository; a second target may lie in the same one.
    pub(super) fn learn(&mut self, repository: [u8; 32], recall: Recall<'_>) {
        self.used.known += recall.known.into_inner();
        let mut rows = recall.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let table = self.tables.entry(repository).or_default();
        rows.append(&mut table.0);
        *table = Table::new(rows);
    }
}

/// What earlier scans knew.
pub(super) struct Known(BTreeMap<[u8; 32], Table>);

impl Known {
    /// What is known of a repository.
    pub fn of(&self, repository: &[u8; 32]) -> Recall<'_> {
        Recall { table: self.0.get(repository), seen: Mutex::default(), known: AtomicU64::new(0) }
    }
}

/// What is known of one repository, and what a scan learns of it. Used from many threads.
pub(super) struct Recall<'s> {
    table: Option<&'s Table>,
    seen: Mutex<Vec<(ObjectId, Record)>>,
    known: AtomicU64,
}

impl Recall<'_> {
    /// What a blob adds to the report if it need not be looked at. Asked for once.
    pub fn blob(&self, blob: ObjectId) -> Option<Record> {
        let record = self.get(blob)?;
        self.known.fetch_add(1, Ordering::Relaxed);
        Some(record)
    }

    /// Whether the message of a commit is known to show nothing. Asked for once.
    pub fn message(&self, commit: ObjectId) -> bool {
        self.get(commit).is_some()
    }

    fn get(&self, object: ObjectId) -> Option<Record> {
        let record = self.table?.get(&object)?;
        // What this scan meets is what the next one knows: a state does not grow with what is long gone.
        self.note(object, record);
        Some(record)
    }

    /// Remembers a blob or a commit.
    pub fn note(&self, object: ObjectId, record: Record) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push((object, record));
    }
}

/// The name of a repository in a state: a digest of where it lies, since the path itself is nobody's business.
///
/// One repository's blobs are never recalled for another one. Whoever builds a repository by hand can give a blob an id that
/// is not that of its bytes, and that must not hide what another repository has under this id.
pub(super) fn repository_key(folder: &std::path::Path) -> [u8; 32] {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    *blake3::hash(folder.as_os_str().as_encoded_bytes()).as_bytes()
}

/// A digest of all on which it depends what scanning a blob by itself gives.
pub(super) fn detection_digest(options: &Options, rules: &RuleSet, selected: &[RuleIndex]) -> [u8; 32] {
    // All options are named, so that whoever adds one has to say on which side it belongs. What decides where blobs are
    // looked for, and how matches are judged and shown, makes no difference to a blob by itself.
    let Options {
        max_file_size,
        archive_depth,
        honour_ignores,
        tree: _,
        history: _,
        history_asked: _,
        engine: _,
        since: _,
        reflog: _,
        staged: _,
        jobs: _,
        min_confidence: _,
        all_occurrences: _,
        allows: _,
        exclude: _,
        fingerprint_key: _,
        allow_incomplete: _,
        today: _,
        cache: _,
    } = options;
    let mut hasher = blake3::Hasher::new_derive_key(DETECTION_CONTEXT);
    // The version of this program is part of the rules' digest.
    hasher.update(rules.digest().as_bytes());
    hasher.update(&(selected.len() as u64).to_le_bytes());
    for &rule in selected {
        hasher.update(&rule.0.to_le_bytes());
    }
    hasher.update(&max_file_size.bytes.to_le_bytes());
    hasher.update(&[u8::from(max_file_size.by_user), *archive_depth, u8::from(*honour_ignores)]);
    *hasher.finalize().as_bytes()
}
