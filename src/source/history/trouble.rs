//! What the passes over a history could not read. Takes reports from many threads in any order, gives each thing once and
//! in a fixed order to a sink; must never depend on which thread was first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::parse::EntryKind;
use crate::blob::ObjectId;
use crate::coverage::SkipReason;
use crate::source::Sink;

/// The kinds of objects as messages name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    Commit,
    Tree,
    Blob,
    Tag,
    Object,
}

impl Named {
    fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
            Self::Object => "object",
        }
    }
}

impl From<EntryKind> for Named {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Tree => Self::Tree,
            EntryKind::Blob => Self::Blob,
            EntryKind::Link => Self::Commit,
        }
    }
}

impl From<gix::objs::Kind> for Named {
    fn from(kind: gix::objs::Kind) -> Self {
        match kind {
            gix::objs::Kind::Commit => Self::Commit,
            gix::objs::Kind::Tree => Self::Tree,
            gix::objs::Kind::Blob => Self::Blob,
            gix::objs::Kind::Tag => Self::Tag,
        }
    }
}

#[derive(Default)]
struct Lists {
    /// Absent object to what it is and the least object that names it.
    absent: BTreeMap<ObjectId, (Named, Named, ObjectId)>,
    other: BTreeSet<(SkipReason, String)>,
    told_absent: BTreeSet<ObjectId>,
    told_other: BTreeSet<(SkipReason, String)>,
}

/// Collects what could not be read.
pub(super) struct Troubles {
    /// Whether a remote promised to deliver missing objects on demand.
    promisor: bool,
    lists: Mutex<Lists>,
}

impl Troubles {
    pub fn new(promisor: bool) -> Self {
        Self { promisor, lists: Mutex::default() }
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `id`, a `kind` by the word of the `namer`, is not in the repository.
    pub fn absent(&self, id: ObjectId, kind: Named, namer: (Named, ObjectId)) {
        let this = (kind, namer.0, namer.1);
        self.lists().absent.entry(id).and_modify(|known| *known = this.min(*known)).or_insert(this);
    }

    /// Anything else.
    pub fn add(&self, reason: SkipReason, what: String) {
        self.lists().other.insert((reason, what));
    }

    /// Hands over what is new since the last call.
    pub fn tell(&self, sink: &dyn Sink) {
        let reason = if self.promisor { SkipReason::PromisedObject } else { SkipReason::MissingObject };
        let lists = &mut *self.lists();
        for (id, (kind, namer_kind, namer)) in &lists.absent {
            if lists.told_absent.insert(*id) {
                sink.skip(reason, format!("{} {id} named by {} {namer}", kind.word(), namer_kind.word()));
            }
        }
        for trouble in std::mem::take(&mut lists.other) {
            if lists.told_other.insert(trouble.clone()) {
                sink.skip(trouble.0, trouble.1);
            }
        }
    }
}
