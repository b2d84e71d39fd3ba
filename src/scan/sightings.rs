//! From matches to matches at places: a blob of the history stands wherever attribution says, a new version where its
//! change says, everything else where it was read.

use std::collections::{BTreeMap, HashSet};

use super::collector::Hit;
use super::target::Looked;
use crate::blob::{ObjectId, RepoPath};
use crate::finding::Sighting;
use crate::provenance::{Commit, Provenance, SourceKind};
use crate::source::Change;

/// All matches of one target at all their places.
pub fn of<'l>(target: usize, looked: &'l Looked<'_>) -> Vec<Sighting<'l>> {
    let changes = Changes::new(looked);
    let mut sightings = Vec::new();
    for hit in &looked.hits {
        for place in places(hit, looked, &changes) {
            for (found, line_hash) in hit.matches.iter().zip(&hit.line_hashes) {
                if place.old.as_ref().is_some_and(|old| old.contains(found.secret.expose())) {
                    continue;
                }
                let path = place.path.as_ref().map(|path| match &hit.member {
                    Some(member) => path.member(member.as_bytes()),
                    None => path.clone(),
                });
                sightings.push(Sighting {
                    target,
                    source: place.source,
                    path,
                    object: place.object,
                    commit: place.commit,
                    in_head: place.in_head,
                    line_hash: line_hash.clone(),
                    found,
                });
            }
        }
    }
    sightings
}

/// Where a blob stands.
struct Place<'l> {
    source: SourceKind,
    path: Option<RepoPath>,
    object: Option<ObjectId>,
    commit: Option<Commit>,
    in_head: bool,
    /// Secrets that were there before and are not new.
    old: Option<HashSet<&'l [u8]>>,
}

impl Place<'_> {
    const fn new(source: SourceKind, path: Option<RepoPath>) -> Self {
        Self { source, path, object: None, commit: None, in_head: false, old: None }
    }
}

impl Place<'_> {
    fn with_object(self, object: ObjectId) -> Self {
        Self { object: Some(object), ..self }
    }
}

fn places<'l>(hit: &Hit, looked: &'l Looked<'_>, changes: &Changes<'l>) -> Vec<Place<'l>> {
    match &hit.provenance {
        Provenance::Tree(path) => vec![Place::new(SourceKind::Tree, Some(path.clone()))],
        Provenance::Index(path) => vec![Place::new(SourceKind::Index, Some(path.clone()))],
        Provenance::Config(path) => vec![Place::new(SourceKind::Config, Some(path.clone()))],
        Provenance::Stdin => vec![Place::new(SourceKind::Stdin, looked.stdin_name.clone())],
        // A line of a diff on standard input, with its commit if the diff names one.
        Provenance::Version { path, commit, object } => {
            let commit = Some(*commit).filter(|commit| !commit.id.is_null());
            vec![Place { object: *object, commit, ..Place::new(SourceKind::Stdin, Some(path.clone())) }]
        }
        Provenance::CommitMessage(commit) => {
            vec![Place { commit: Some(*commit), ..Place::new(SourceKind::CommitMessage, None) }]
        }
        Provenance::Tag { object, name } => vec![Place::new(SourceKind::Tag, Some(name.clone())).with_object(*object)],
        Provenance::History(id) if looked.changes.is_some() => changes.places(*id),
        Provenance::History(id) => attributed(*id, looked),
    }
}

fn attributed<'l>(id: ObjectId, looked: &'l Looked<'_>) -> Vec<Place<'l>> {
    let places = looked.attribution.as_ref().map(|attribution| attribution.places(&id)).unwrap_or_default();
    if places.is_empty() && looked.unreachable {
        return vec![Place::new(SourceKind::History, None).with_object(id)];
    }
    let place = |place: &crate::provenance::Place| Place {
        object: Some(id),
        commit: Some(place.first),
        in_head: place.in_head,
        ..Place::new(place.source, Some(place.path.clone()))
    };
    places.iter().map(place).collect()
}

/// New versions, and the secrets of the versions before them.
struct Changes<'l> {
    by_object: BTreeMap<ObjectId, Vec<&'l Change>>,
    secrets: BTreeMap<ObjectId, HashSet<&'l [u8]>>,
}

impl<'l> Changes<'l> {
    fn new(looked: &'l Looked<'_>) -> Self {
        let mut by_object: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut secrets: BTreeMap<_, HashSet<_>> = BTreeMap::new();
        for change in looked.changes.iter().flatten() {
            by_object.entry(change.object).or_default().push(change);
        }
        if looked.changes.is_some() {
            for hit in &looked.hits {
                if let Provenance::History(id) = hit.provenance {
                    secrets.entry(id).or_default().extend(hit.matches.iter().map(|found| found.secret.expose()));
                }
            }
        }
        Self { by_object, secrets }
    }

    fn places(&self, id: ObjectId) -> Vec<Place<'l>> {
        let changes = self.by_object.get(&id).map(Vec::as_slice).unwrap_or_default();
        let place = |change: &&'l Change| {
            let bases = change.bases.iter().filter_map(|base| self.secrets.get(base));
            Place {
                object: Some(id),
                commit: change.commit,
                old: Some(bases.flatten().copied().collect()),
                ..Place::new(
                    if change.commit.is_some() { SourceKind::History } else { SourceKind::Index },
                    Some(change.path.clone()),
                )
            }
        };
        changes.iter().map(place).collect()
    }
}
