//! Where a walk starts. Takes refs, HEADs and reflogs, gives the commits, trees and blobs they name and the annotated tags
//! on the way; must never follow a tag in circles.

use std::collections::BTreeSet;

use gix::objs::Kind;

use super::kinds::Kinds;
use super::parse;
use super::reader::Reader;
use super::store::{Number, Store};
use super::trouble::{Named, Troubles};
use crate::blob::ObjectId;
use crate::coverage::SkipReason;
use crate::source::Sink;
use crate::source::repository::Repository;

/// What is known of a commit, as bits.
pub(super) mod flag {
    /// Its tree is part of what is asked for.
    pub const IN_SCOPE: u8 = 1;
    /// A ref reaches it.
    pub const REACHABLE: u8 = 2;
    /// Something other than a ref of notes reaches it.
    pub const HISTORY: u8 = 4;
    /// A ref of notes reaches it.
    pub const NOTE: u8 = 8;
    /// A remote-tracking ref reaches it.
    pub const PUSHED: u8 = 16;
}

/// A name for an object.
pub(super) struct Tip {
    pub id: ObjectId,
    /// The ref's full name, or what else it is, for messages.
    pub name: String,
    /// The path that a blob has which this names directly.
    pub place: Vec<u8>,
    pub flags: u8,
    /// Whether a ref, rather than a reflog, names it.
    pub is_ref: bool,
}

/// A tree or blob that a tip names directly, without a commit.
pub(super) struct Direct {
    pub number: Number,
    pub is_tree: bool,
    /// The innermost tag that names it, or it itself, and that tag's date.
    pub by: (i64, ObjectId),
    pub place: Vec<u8>,
    pub flags: u8,
}

/// What the tips lead to.
#[derive(Default)]
pub(super) struct Starts {
    pub commits: Vec<(Number, u8)>,
    pub directs: Vec<Direct>,
    /// Annotated tags, each once.
    pub tags: BTreeSet<Number>,
}

/// All names of a repository.
pub(super) fn all(repository: &Repository, reflog: bool, sink: &dyn Sink) -> Vec<Tip> {
    let folders = repository.ref_folders();
    let refs = repository.refs();
    for what in refs.broken {
        sink.skip(SkipReason::BrokenRef, what);
    }
    if !repository.refs_in_files() {
        sink.skip(SkipReason::GitRefused, "refs are kept in a form other than files".to_owned());
    }
    let mut tips: Vec<Tip> = refs.all.iter().map(|(name, &id)| tip(name, id, true)).collect();
    let head = refs.head.map(|id| ("HEAD".to_owned(), id));
    for (name, id) in head.into_iter().chain(refs.other_heads) {
        let flags = flag::REACHABLE | flag::HISTORY;
        tips.push(Tip { id, place: name.clone().into_bytes(), name, flags, is_ref: true });
    }
    for (name, id) in folders.reflogs(reflog) {
        let mut tip = tip(&name, id, false);
        // A stash entry is as good as a ref: `git stash list` shows it.
        let stash = name == b"refs/stash";
        tip.flags = if stash { tip.flags } else { tip.flags & !(flag::REACHABLE | flag::PUSHED) };
        tips.push(tip);
    }
    if reflog {
        for (name, id) in folders.pseudo_refs() {
            tips.push(Tip { id, place: name.clone().into_bytes(), name, flags: flag::HISTORY, is_ref: false });
        }
    }
    tips
}

fn tip(name: &[u8], id: ObjectId, is_ref: bool) -> Tip {
    let kind = if name.starts_with(b"refs/notes/") { flag::NOTE } else { flag::HISTORY };
    let pushed = if name.starts_with(b"refs/remotes/") { flag::PUSHED } else { 0 };
    let short = name.strip_prefix(b"refs/tags/").or(name.strip_prefix(b"refs/heads/")).unwrap_or(name);
    let label = if is_ref { "" } else { "reflog of " };
    Tip {
        id,
        name: format!("{label}{}", name.escape_ascii()),
        place: short.to_vec(),
        flags: flag::REACHABLE | kind | pushed,
        is_ref,
    }
}

/// Follows each tip through its tags. What `kinds` knows to be a commit is not read; it may know nothing.
pub(super) fn peel(tips: &[Tip], store: &Store, kinds: &Kinds, reader: &mut Reader<'_>, troubles: &Troubles) -> Starts {
    let mut starts = Starts::default();
    for tip in tips {
        match store.find(&tip.id) {
            Some(number) if kinds.get(number) == Some(Kind::Commit) => starts.commits.push((number, tip.flags)),
            Some(number) => starts.follow(tip, number, store, reader, troubles),
            None if tip.id.is_empty_tree() => {}
            None if tip.is_ref => {
                troubles.add(SkipReason::BrokenRef, format!("{}: names {}, which is not here", tip.name, tip.id));
            }
            None => troubles.add(SkipReason::MissingObject, format!("object {} named by {}", tip.id, tip.name)),
        }
    }
    starts
}

impl Starts {
    fn follow(&mut self, tip: &Tip, mut number: Number, store: &Store, reader: &mut Reader<'_>, troubles: &Troubles) {
        let mut on_the_way = BTreeSet::new();
        let mut by = (0, store.id(number));
        loop {
            let id = store.id(number);
            // Blobs are not inflated to learn what they are: they may be large.
            let target = match reader.read_unless_blob(number) {
                Ok(Some((Kind::Tag, bytes))) => parse::tag(bytes),
                Ok(Some((Kind::Commit, _))) => return self.commits.push((number, tip.flags)),
                Ok(other) => {
                    let is_tree = other.is_some();
                    return self.directs.push(Direct {
                        number,
                        is_tree,
                        by,
                        place: tip.place.clone(),
                        flags: tip.flags,
                    });
                }
                Err(error) => {
                    let what = format!("object {id} named by {}", tip.name);
                    return troubles.add(error.reason(store.limit), what);
                }
            };
            let Some(target) = target else {
                return troubles.add(SkipReason::CorruptObject, format!("tag {id}: damaged"));
            };
            self.tags.insert(number);
            by = (target.time, id);
            match store.find(&target.target) {
                Some(next) if on_the_way.insert(next) => number = next,
                Some(_) => return troubles.add(SkipReason::CorruptObject, format!("tag {id}: names itself")),
                None if target.target.is_empty_tree() => return,
                None => return troubles.absent(target.target, Named::Object, (Named::Tag, id)),
            }
        }
    }
}
