//! Where and when blobs stood. Takes the commits of a walk and a skeleton of their trees, gives places and timelines by the
//! definitions of [`Place`] and [`Timeline`]; must never depend on the order of the walk, since committer dates may run
//! against ancestry.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::graph::Graph;
use super::paths::{NOTES, Paths, ROOT};
use super::presence::Presence;
use super::skeleton::Skeleton;
use super::store::{Number, Store};
use super::tips::{Direct, flag};
use super::trouble::Troubles;
use crate::blob::{ObjectId, RepoPath};
use crate::coverage::SkipReason;
use crate::provenance::{Commit, Place, SourceKind, Timeline};

/// Most entries looked at for one commit, and for all of them. Trees can be built in which one file has more paths than
/// atoms in the universe; of real repositories only folders with findings are looked at, and only once for each version.
const MAX_ENTRIES_OF_COMMIT: usize = 500_000;
const MAX_ENTRIES: usize = 16_000_000;

/// Any commit has it: what `last` is taken from.
const SEEN: u8 = 128;

/// Where and when the blobs that were asked for stood.
pub struct Attribution<'a> {
    pub(super) graph: &'a Graph,
    store: &'a Store,
    pub(super) skeleton: Skeleton,
    pub(super) paths: Paths,
    pairs: Vec<Pair>,
    by_blob: BTreeMap<ObjectId, Vec<u32>>,
    places: BTreeMap<ObjectId, Vec<Place>>,
    /// Flags of what trees and blobs without a commit are named by.
    direct: BTreeMap<ObjectId, u8>,
}

/// One blob at one path.
pub(super) struct Pair {
    pub(super) path: u32,
    pub(super) blob: Number,
    /// Greatest rank that has it.
    last: u32,
    flags: u8,
    in_head: bool,
    /// Ranks that have it and none of whose parents has it, ascending.
    introduced: Vec<u32>,
    /// Ranks that lack it and one of whose parents has it, ascending.
    removed: Vec<u32>,
}

/// A commit's root in the skeleton and the root of its paths.
fn root_path(flags: u8) -> u32 {
    if flags & flag::NOTE != 0 && flags & flag::HISTORY == 0 { NOTES } else { ROOT }
}

/// Builds an [`Attribution`].
pub(super) struct Builder<'a> {
    pub graph: &'a Graph,
    pub store: &'a Store,
    pub troubles: &'a Troubles,
}

impl<'a> Builder<'a> {
    /// `head` is the tree of HEAD; `directs` what tags name without a commit.
    pub fn build(
        &self,
        skeleton: Skeleton,
        head: Option<Number>,
        directs: &[Direct],
        wanted: &BTreeSet<Number>,
    ) -> Attribution<'a> {
        let mut paths = Paths::new();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut known: HashMap<(u32, Number), u32> = HashMap::new();
        let mut visits = Visits::new(self.troubles);
        for rank in self.graph.in_scope().rev() {
            let node = &self.graph.nodes[rank as usize];
            let flags = SEEN | node.flags;
            visits.blobs(
                root_path(node.flags),
                skeleton.root(node.tree()),
                flags,
                &skeleton,
                &mut paths,
                |path, blob| {
                    let pair = *known.entry((path, blob)).or_insert_with(|| {
                        pairs.push(Pair::new(path, blob, rank));
                        pairs.len() as u32 - 1
                    });
                    pairs[pair as usize].flags |= node.flags;
                },
            );
        }
        let mut in_head = Visits::new(self.troubles);
        in_head.blobs(ROOT, skeleton.root(head), SEEN, &skeleton, &mut paths, |path, blob| {
            if let Some(&pair) = known.get(&(path, blob)) {
                pairs[pair as usize].in_head = true;
            }
        });
        self.events(&skeleton, &mut paths, &known, &mut pairs);
        let mut built = Attribution {
            graph: self.graph,
            store: self.store,
            skeleton,
            paths,
            pairs,
            by_blob: BTreeMap::new(),
            places: BTreeMap::new(),
            direct: BTreeMap::new(),
        };
        built.place(&known, directs, wanted, self.troubles);
        built
    }

    /// Notes for each pair where it came and where it went.
    fn events(&self, skeleton: &Skeleton, paths: &mut Paths, known: &HashMap<(u32, Number), u32>, pairs: &mut [Pair]) {
        let mut left = MAX_ENTRIES;
        for rank in self.graph.in_scope() {
            let node = &self.graph.nodes[rank as usize];
            let (own, path) = (skeleton.root(node.tree()), root_path(node.flags));
            // A commit whose tree is not here shows nothing, and so took nothing away.
            if node.is_unknown() {
                continue;
            }
            let parents = self.graph.parents(rank);
            let tree = |&parent: &u32| self.graph.nodes[parent as usize].tree();
            let roots: Vec<u32> = parents.iter().map(|parent| skeleton.root(tree(parent))).collect();
            only_in(own, &roots, path, skeleton, paths, &mut left, |path, blob| {
                if let Some(&pair) = known.get(&(path, blob)) {
                    pairs[pair as usize].introduced.push(rank);
                }
            });
            for (&parent, &root) in parents.iter().zip(&roots) {
                let path = root_path(self.graph.nodes[parent as usize].flags);
                only_in(root, &[own], path, skeleton, paths, &mut left, |path, blob| {
                    if let Some(&pair) = known.get(&(path, blob)) {
                        let removed = &mut pairs[pair as usize].removed;
                        if removed.last() != Some(&rank) {
                            removed.push(rank);
                        }
                    }
                });
            }
        }
        if left == 0 {
            self.troubles.add(SkipReason::CorruptObject, too_many_paths());
        }
    }
}

fn too_many_paths() -> String {
    "trees with more or longer paths than can be listed: some places and dates are left out".to_owned()
}

impl Pair {
    fn new(path: u32, blob: Number, last: u32) -> Self {
        Self { path, blob, last, flags: 0, in_head: false, introduced: Vec::new(), removed: Vec::new() }
    }
}

/// Which (path, node) pairs were walked, and with which flags.
struct Visits<'a> {
    seen: HashMap<(u32, u32), u8>,
    left: usize,
    troubles: &'a Troubles,
}

impl<'a> Visits<'a> {
    fn new(troubles: &'a Troubles) -> Self {
        Self { seen: HashMap::new(), left: MAX_ENTRIES, troubles }
    }

    /// Calls `each` for all blobs below a node that were not yet seen with all of `flags`.
    fn blobs(
        &mut self,
        path: u32,
        node: u32,
        flags: u8,
        skeleton: &Skeleton,
        paths: &mut Paths,
        mut each: impl FnMut(u32, Number),
    ) {
        let mut budget = MAX_ENTRIES_OF_COMMIT.min(self.left);
        let mut todo = vec![(path, node)];
        while let Some((path, node)) = todo.pop() {
            if node == 0 {
                continue;
            }
            let seen = self.seen.entry((path, node)).or_insert(0);
            if flags & !*seen == 0 {
                continue;
            }
            *seen |= flags;
            let items = &skeleton.nodes[node as usize];
            let Some(rest) = budget.checked_sub(items.len()) else {
                return self.troubles.add(SkipReason::CorruptObject, too_many_paths());
            };
            self.left -= items.len();
            budget = rest;
            for item in items {
                let Some(path) = paths.join(path, item.name, skeleton) else {
                    self.troubles.add(SkipReason::CorruptObject, too_many_paths());
                    continue;
                };
                if item.is_tree {
                    todo.push((path, item.target));
                } else {
                    each(path, item.target);
                }
            }
        }
    }
}

/// Calls `each` for the blobs below `node` that none of `others` has at the same path.
fn only_in(
    node: u32,
    others: &[u32],
    path: u32,
    skeleton: &Skeleton,
    paths: &mut Paths,
    left: &mut usize,
    mut each: impl FnMut(u32, Number),
) {
    if node == 0 || others.contains(&node) {
        return;
    }
    let mut budget = MAX_ENTRIES_OF_COMMIT;
    let mut todo = vec![(path, node, others.to_vec())];
    while let Some((path, node, others)) = todo.pop() {
        let items = &skeleton.nodes[node as usize];
        let Some(rest) = budget.min(*left).checked_sub(items.len()) else {
            *left = 0;
            return;
        };
        budget = rest;
        *left -= items.len();
        for item in items {
            let same_name = || others.iter().flat_map(|&other| skeleton.named(other, item.name));
            if same_name().any(|other| other == item) {
                continue;
            }
            let Some(path) = paths.join(path, item.name, skeleton) else { continue };
            if item.is_tree {
                let below = same_name().filter(|other| other.is_tree).map(|other| other.target).collect();
                todo.push((path, item.target, below));
            } else {
                each(path, item.target);
            }
        }
    }
}

impl Attribution<'_> {
    /// Where a blob stands or stood, sorted; nothing for one that no commit and no tag names.
    ///
    /// A blob or tree that a tag or ref names without a commit has the tag, or itself, in place of a commit, dated by the
    /// tag or the epoch.
    #[must_use]
    pub fn places(&self, blob: &ObjectId) -> &[Place] {
        self.places.get(blob).map_or(&[], Vec::as_slice)
    }

    /// The life of what stands in all of these blobs: it is in a commit if any of them is.
    #[must_use]
    pub fn timeline(&self, blobs: &[ObjectId]) -> Timeline {
        let blobs: BTreeSet<ObjectId> = blobs.iter().copied().collect();
        let pairs: Vec<&Pair> =
            blobs.iter().filter_map(|id| self.by_blob.get(id)).flatten().map(|&at| &self.pairs[at as usize]).collect();
        let mut presence = Presence::new(self, &pairs);
        let introduced: BTreeSet<u32> = pairs.iter().flat_map(|pair| &pair.introduced).copied().collect();
        let removed: BTreeSet<u32> = pairs.iter().flat_map(|pair| &pair.removed).copied().collect();
        let first =
            introduced.into_iter().find(|&rank| !self.graph.parents(rank).iter().any(|&parent| presence.at(parent)));
        let removed_in = removed.into_iter().filter(|&rank| !presence.at(rank));
        let flags = pairs.iter().fold(0, |flags, pair| flags | pair.flags)
            | blobs.iter().filter_map(|id| self.direct.get(id)).fold(0, |flags, more| flags | more);
        Timeline {
            first: first.map(|rank| self.commit(rank)),
            last: pairs.iter().map(|pair| pair.last).max().map(|rank| self.commit(rank)),
            removed_in: removed_in.map(|rank| self.commit(rank)).collect(),
            in_head: pairs.iter().any(|pair| pair.in_head),
            versions: blobs.iter().map(|id| self.places(id).len() as u64).sum(),
            reachable: flags & flag::REACHABLE != 0,
            pushed: flags & flag::PUSHED != 0,
        }
    }

    fn commit(&self, rank: u32) -> Commit {
        self.graph.commit(rank, self.store)
    }

    /// Turns pairs into places.
    fn place(
        &mut self,
        known: &HashMap<(u32, Number), u32>,
        directs: &[Direct],
        wanted: &BTreeSet<Number>,
        troubles: &Troubles,
    ) {
        let mut places: BTreeMap<(ObjectId, RepoPath, SourceKind), (Commit, Commit, bool)> = BTreeMap::new();
        for (at, pair) in self.pairs.iter().enumerate() {
            let id = self.store.id(pair.blob);
            self.by_blob.entry(id).or_default().push(at as u32);
            let (path, source) = self.path(pair.path);
            let last = self.commit(pair.last);
            // Only forged commits that are each other's parents have none that came first.
            let first = pair.introduced.first().map_or(last, |&rank| self.commit(rank));
            // Notes of one object at two fan-outs are one place.
            let place = places.entry((id, path, source)).or_insert((first, last, pair.in_head));
            *place = (place.0.min(first), place.1.max(last), place.2 || pair.in_head);
        }
        for direct in directs {
            let by = Commit { time: direct.by.0, id: direct.by.1 };
            let mut add = |blob: Number, path: RepoPath| {
                let id = self.store.id(blob);
                *self.direct.entry(id).or_default() |= direct.flags;
                places.entry((id, path, SourceKind::History)).or_insert((by, by, false));
            };
            if !direct.is_tree && wanted.contains(&direct.number) {
                add(direct.number, RepoPath::new(direct.place.clone()));
            } else if direct.is_tree {
                let mut visits = Visits::new(troubles);
                let mut found = Vec::new();
                let root = self.skeleton.root(Some(direct.number));
                visits.blobs(ROOT, root, SEEN, &self.skeleton, &mut self.paths, |path, blob| found.push((path, blob)));
                for (path, blob) in found {
                    // With a commit that has it there, the tag tells nothing new.
                    match known.get(&(path, blob)) {
                        Some(&pair) => self.pairs[pair as usize].flags |= direct.flags & !flag::HISTORY,
                        None => add(blob, join(&self.paths, &self.skeleton, path).0),
                    }
                }
            }
        }
        for ((id, path, source), (first, last, in_head)) in places {
            self.places.entry(id).or_default().push(Place { path, source, first, last, in_head });
        }
    }

    fn path(&self, path: u32) -> (RepoPath, SourceKind) {
        let (path, root) = join(&self.paths, &self.skeleton, path);
        if root == ROOT {
            return (path, SourceKind::History);
        }
        // Trees of notes are named after the annotated object, its id cut up by slashes once there are many.
        let flat: Vec<u8> = path.as_bytes().iter().copied().filter(|&b| b != b'/').collect();
        let is_id = ObjectId::from_hex(&flat).is_ok();
        (if is_id { RepoPath::new(flat) } else { path }, SourceKind::Note)
    }
}

fn join(paths: &Paths, skeleton: &Skeleton, path: u32) -> (RepoPath, u32) {
    let (names, root) = paths.names(path);
    let names: Vec<&[u8]> = names.iter().map(|&name| &*skeleton.names[name as usize]).collect();
    (RepoPath::new(names.join(&b'/')), root)
}
