//! A repository read by both engines, which must say the same and must not panic.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use sekisho::blob::{Blob, ObjectId};
use sekisho::coverage::SkipReason;
use sekisho::edit::Edit;
use sekisho::provenance::Provenance;
use sekisho::source::history::{Engine, History, HistoryOptions, Scope};
use sekisho::source::repository::Repository;
use sekisho::source::{Base, Memory, Sink, SizeLimit};

/// Larger blobs are not read.
const LIMIT: SizeLimit = SizeLimit { bytes: 1 << 20, by_user: false };

/// All that a history tells.
#[derive(Default)]
struct Told {
    /// What was handed out, by where it is from.
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    ids: Mutex<BTreeSet<ObjectId>>,
    /// Each thing that was skipped.
    skipped: Mutex<BTreeSet<(SkipReason, String)>>,
}

impl Sink for Told {
    fn blob(&self, blob: Blob<'_>) {
        self.version(blob, None, false);
    }

    fn version(&self, blob: Blob<'_>, base: Option<Base<'_>>, is_base: bool) -> Memory {
        if let Some(base) = base
            && let Some(memory) = base.memory.as_ref().and_then(|memory| memory.downcast_ref::<Vec<u8>>())
        {
            assert_eq!(edited(memory, base.edits, blob.bytes), blob.bytes, "the edits make the version of its base");
        }
        if let Provenance::History(id) = blob.provenance {
            self.ids.lock().unwrap().insert(*id);
        }
        self.blobs.lock().unwrap().insert(format!("{:?}", blob.provenance), blob.bytes.to_vec());
        is_base.then(|| Box::new(blob.bytes.to_vec()) as Box<_>)
    }

    fn skip(&self, reason: SkipReason, what: String) {
        assert_ne!(reason, SkipReason::Panic, "{what}");
        self.skipped.lock().unwrap().insert((reason, what));
    }

    fn cancelled(&self) -> bool {
        false
    }
}

/// What the edits make of a base; inserted bytes are those of the version.
fn edited(base: &[u8], edits: &[Edit], version: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    for edit in edits {
        let run = edit.from.map_or(&version[made.len()..], |from| &base[from..]);
        made.extend_from_slice(&run[..edit.len]);
    }
    made
}

/// What both engines say of everything in a repository.
pub fn compare(path: &Path) {
    let Ok(repository) = Repository::open(path) else { return };
    for scope in [Scope::Reachable, Scope::AllObjects] {
        let plain = tell(&repository, &scope, Engine::Plain);
        let delta = tell(&repository, &scope, Engine::Delta);
        assert_eq!(delta, plain);
    }
}

fn tell(repository: &Repository, scope: &Scope, engine: Engine) -> [String; 4] {
    let told = Told::default();
    let options = HistoryOptions { scope: scope.clone(), since: None, reflog: false, size: LIMIT, engine };
    let history = History::open(repository, options, &told).expect("a whole history has no words to be wrong");
    history.messages(&told);
    history.blobs(&told);
    let wanted = told.ids.lock().unwrap().clone();
    let attribution = history.attribute(&wanted, &told);
    let places: Vec<String> = wanted.iter().map(|id| format!("{:?}", attribution.places(id))).collect();
    [
        format!("{:?}", told.blobs.into_inner().unwrap()),
        format!("{:?}", told.skipped.into_inner().unwrap()),
        format!("{places:?}"),
        format!("{:?}", history.covered()),
    ]
}
