//! A history as others see it. Takes a repository and a scope, gives blobs, messages, changes and places; must never stop at a
//! damaged object. It reads along the deltas of packs, and blob by blob what cannot be read so, or all if that is asked for.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use gix::objs::Kind;
use rayon::prelude::*;

use super::attribution::{Attribution, Builder};
use super::bits::Bits;
use super::census::Census;
use super::changes::Changes;
use super::commits::{self, Commits};
use super::graph::{self, Graph};
use super::kinds::Kinds;
use super::reader::{Reader, Readers};
use super::skeleton::Skeleton;
use super::store::{Number, Place, Store};
use super::tips::{self, Starts, flag};
use super::trees::{Reached, Trees, cannot_read};
use super::trouble::{Named, Troubles};
use super::versions::{self, guarded};
use super::{Engine, HistoryError, HistoryOptions, Scope, parse, revisions};
use crate::blob::{Blob, ObjectId, RepoPath};
use crate::coverage::SkipReason;
use crate::provenance::{Commit, Provenance};
use crate::source::repository::Repository;
use crate::source::{Change, Sink};

/// Objects read by one task: enough that neighbours in the pack find their delta bases in the cache.
const CHUNK: usize = 512;

/// The history of a repository, or a part of it.
pub struct History {
    store: Store,
    /// Empty for ranges, which look at few objects.
    kinds: Kinds,
    scope: Scope,
    engine: Engine,
    /// Whether only what some commits bring is asked for.
    is_range: bool,
    graph: Graph,
    starts: Starts,
    head: Option<Number>,
    troubles: Troubles,
    /// All trees, if they could be read at once.
    census: OnceLock<Option<Census>>,
    reached: OnceLock<Reached>,
    changed: Bits,
}

impl History {
    /// Opens the objects of a repository and walks the commits of the scope. Damage is told to `sink`; an error is only
    /// what the user wrote wrong.
    pub fn open(repository: &Repository, options: HistoryOptions, sink: &dyn Sink) -> Result<Self, HistoryError> {
        let store = Store::open(repository.object_dirs(), repository.object_hash(), options.size, sink);
        let troubles = Troubles::new(store.promisor_packs || repository.has_promisor());
        let shallow = shallow_commits(repository, &troubles);
        let mut kinds = Kinds::default();
        let (starts, graph) = {
            let readers = Readers::new(&store);
            let with = Commits { store: &store, readers: &readers, troubles: &troubles, shallow: &shallow };
            match &options.scope {
                Scope::None => (Starts::default(), Graph::default()),
                Scope::Range(range) => {
                    let ends = revisions::resolve(range, repository)?;
                    range_graph(&ends, options.since, with)?
                }
                scope => {
                    let tips = tips::all(repository, options.reflog, sink);
                    store.plant(&troubles);
                    kinds = store.kinds();
                    let mut starts = readers.with(|reader| tips::peel(&tips, &store, &kinds, reader, &troubles));
                    let unreachable = *scope == Scope::AllObjects;
                    if unreachable {
                        starts.tags.extend(kinds.all(Kind::Tag));
                    }
                    match commits::all_rows(&kinds, with, options.engine, sink) {
                        Some(rows) => {
                            let graph = graph::full(&starts.commits, unreachable, options.since, rows, with);
                            (starts, graph)
                        }
                        None => (Starts::default(), Graph::default()),
                    }
                }
            }
        };
        let head = head_tree(repository, &store);
        troubles.tell(sink);
        let is_range = matches!(options.scope, Scope::Range(_)) || options.since.is_some();
        let changed = Bits::new(if is_range { store.len() } else { 0 });
        let (census, reached) = (OnceLock::new(), OnceLock::new());
        let HistoryOptions { scope, engine, .. } = options;
        Ok(Self { store, kinds, scope, engine, is_range, graph, starts, head, troubles, census, reached, changed })
    }

    /// Walks the trees of a full scope. What hands out and places blobs does so by itself, if it was not done before.
    pub fn walk(&self, sink: &dyn Sink) {
        if !self.is_range && self.scope != Scope::None {
            self.reached(sink);
        }
    }

    /// Hands out each unique blob of a full scope once, from the threads of the current pool, unless the sink knows it. For
    /// ranges, and with `since`, nothing: see [`History::changes`].
    pub fn blobs(&self, sink: &dyn Sink) {
        if self.is_range || self.scope == Scope::None {
            return;
        }
        let blobs = self.unknown(&self.wanted(sink), sink);
        sink.expect(blobs.count(), 0);
        let mut others = match self.engine {
            Engine::Plain => blobs.to_vec(),
            Engine::Delta => versions::hand_out(&self.store, &blobs, &self.troubles, sink),
        };
        self.hand_out(&mut others, sink);
    }

    /// The blobs of a full scope.
    fn wanted(&self, sink: &dyn Sink) -> Bits {
        let reached = self.reached(sink);
        let wanted = Bits::new(self.store.len());
        wanted.extend(reached.blobs.to_vec());
        if self.scope == Scope::AllObjects {
            wanted.extend(self.kinds.all(Kind::Blob));
            // Objects whose kind cannot be told are tried as well, so that they are named as damaged.
            let unknown = self.kinds.unknown().into_iter();
            wanted.extend(unknown.filter(|&number| self.store.is_canonical(number)));
        }
        wanted
    }

    /// Those of some blobs that the sink does not know from before. One whose stored bytes are damaged, or were compared with
    /// no checksum, is read in any case: what is known of its id holds for other bytes.
    fn unknown(&self, blobs: &Bits, sink: &dyn Sink) -> Bits {
        let unknown = Bits::new(self.store.len());
        blobs.to_vec().par_iter().for_each(|&number| {
            let whole = match self.store.place(number) {
                Place::Packed { pack, position } => pack.is_damaged(position) == Some(false),
                Place::Loose { .. } => false,
            };
            if !(whole && sink.recalls(self.store.id(number))) {
                unknown.insert(number);
            }
        });
        unknown
    }

    /// Hands out these blobs, each once, as [`History::blobs`] does.
    pub fn read(&self, ids: &[ObjectId], sink: &dyn Sink) {
        let mut found = BTreeSet::new();
        for id in ids {
            match self.store.find(id) {
                Some(number) => drop(found.insert(number)),
                None => self.troubles.absent(*id, Named::Blob, (Named::Object, *id)),
            }
        }
        sink.expect(found.len() as u64, 0);
        self.hand_out(&mut found.into_iter().collect(), sink);
    }

    fn hand_out(&self, blobs: &mut Vec<Number>, sink: &dyn Sink) {
        self.store.sort_by_place(blobs);
        let readers = Readers::new(&self.store);
        blobs.par_chunks(CHUNK).for_each(|chunk| {
            readers.with(|reader| {
                for &number in chunk.iter().take_while(|_| !sink.cancelled()) {
                    self.hand_out_one(number, reader, sink);
                }
            });
        });
        self.troubles.tell(sink);
    }

    fn hand_out_one(&self, number: Number, reader: &mut Reader<'_>, sink: &dyn Sink) {
        let bytes = match reader.read_blob(number) {
            Ok((Kind::Blob, bytes)) => bytes,
            // Only objects of unknown kind get here as something else.
            Ok(_) => return,
            Err(error) => return cannot_read(&self.store, number, Named::Blob, error, &self.troubles),
        };
        let id = self.store.id(number);
        let is_loose = matches!(self.store.place(number), Place::Loose { .. });
        // Loose objects were compared with their id as they were read.
        if is_loose && sink.recalls(id) {
            return;
        }
        let provenance = Provenance::History(id);
        let blob = Blob { bytes, provenance: &provenance };
        guarded(&self.store, number, &self.troubles, || {
            sink.blob(blob);
            Some(())
        });
    }

    /// Hands out the messages of all commits in scope and of all annotated tags met on the way to them.
    pub fn messages(&self, sink: &dyn Sink) {
        let nodes = || self.graph.in_scope().map(|rank| &self.graph.nodes[rank as usize]);
        let blank =
            nodes().filter_map(|node| node.blank).fold((0, 0), |(n, bytes), blank| (n + 1, bytes + u64::from(blank)));
        sink.blank(blank.0, blank.1);
        let others = nodes().filter(|node| node.blank.is_none());
        let mut times: Vec<(Number, i64)> = others.map(|node| (node.number, node.time)).collect();
        times.sort_unstable();
        let mut numbers: Vec<Number> = times.iter().map(|&(number, _)| number).collect();
        numbers.extend(&self.starts.tags);
        self.store.sort_by_place(&mut numbers);
        let readers = Readers::new(&self.store);
        numbers.par_chunks(CHUNK).for_each(|chunk| {
            readers.with(|reader| {
                for &number in chunk.iter().take_while(|_| !sink.cancelled()) {
                    let time = times.binary_search_by_key(&number, |known| known.0).map_or(0, |at| times[at].1);
                    self.message(number, time, reader, sink);
                }
            });
        });
        self.troubles.tell(sink);
    }

    fn message(&self, number: Number, time: i64, reader: &mut Reader<'_>, sink: &dyn Sink) {
        let id = self.store.id(number);
        let (bytes, message, provenance): (&[u8], Range<usize>, Provenance) = match reader.read(number) {
            Ok((Kind::Commit, bytes)) => match parse::commit(bytes) {
                Some(commit) => (bytes, commit.message, Provenance::CommitMessage(Commit { time, id })),
                None => return,
            },
            Ok((Kind::Tag, bytes)) => match parse::tag(bytes) {
                Some(tag) => (bytes, tag.message, Provenance::Tag { object: id, name: RepoPath::new(tag.name) }),
                None => return self.troubles.add(SkipReason::CorruptObject, format!("tag {id}: damaged")),
            },
            // The walk has reported it.
            _ => return,
        };
        let blob = Blob { bytes: &bytes[message], provenance: &provenance };
        guarded(&self.store, number, &self.troubles, || {
            sink.blob(blob);
            Some(())
        });
    }

    /// What each commit in scope brings, sorted: a path whose version differs from that of every parent, and that was not
    /// just moved there. A damaged tree counts as empty and is told to `sink`.
    pub fn changes(&self, sink: &dyn Sink) -> Vec<Change> {
        let readers = Readers::new(&self.store);
        let ignored = Bits::new(if self.is_range { 0 } else { self.store.len() });
        let trees = if self.is_range { &self.changed } else { &ignored };
        let (graph, store, troubles) = (&self.graph, &self.store, &self.troubles);
        let changes = Changes { graph, store, readers: &readers, troubles, trees }.all(sink);
        self.troubles.tell(sink);
        changes
    }

    /// Where and when these blobs stood, by the commits in scope.
    pub fn attribute(&self, wanted: &BTreeSet<ObjectId>, sink: &dyn Sink) -> Attribution<'_> {
        if !self.is_range {
            self.reached(sink);
        }
        let wanted: BTreeSet<Number> = wanted.iter().filter_map(|id| self.store.find(id)).collect();
        let readers = Readers::new(&self.store);
        let (store, kinds, troubles) = (&self.store, &self.kinds, &self.troubles);
        let mut roots: Vec<Number> = self.roots().chain(self.head).collect();
        let mut seen = BTreeSet::new();
        roots.retain(|&root| seen.insert(root));
        let skeleton = match self.census(sink) {
            _ if wanted.is_empty() => Skeleton::empty(),
            Some(census) => {
                let bits = Bits::new(store.len());
                bits.extend(wanted.iter().copied());
                Skeleton::from_census(census, &roots, &bits)
            }
            None => Skeleton::build(&Trees { store, kinds, readers: &readers, troubles }, &roots, &wanted),
        };
        let builder = Builder { graph: &self.graph, store, troubles };
        let built = builder.build(skeleton, self.head, &self.starts.directs, &wanted);
        self.troubles.tell(sink);
        built
    }

    /// Commits in scope, and unique trees read for them.
    #[must_use]
    pub fn covered(&self) -> (u64, u64) {
        let trees = self.reached.get().map_or_else(|| self.changed.count(), |reached| reached.trees.count());
        let commits = self.graph.in_scope().filter(|&rank| !self.graph.nodes[rank as usize].is_unknown());
        (commits.count() as u64, trees)
    }

    /// Root trees by rank, and those that refs name directly.
    fn roots(&self) -> impl Iterator<Item = Number> + '_ {
        let commits = self.graph.nodes.iter().filter_map(graph::Node::tree);
        let directs = self.starts.directs.iter().filter(|direct| direct.is_tree).map(|direct| direct.number);
        commits.chain(directs)
    }

    /// All trees at once, for whole histories without damage.
    fn census(&self, sink: &dyn Sink) -> Option<&Census> {
        let at_once = self.engine == Engine::Delta && !self.is_range;
        self.census.get_or_init(|| at_once.then(|| Census::take(&self.store, &self.kinds, sink)).flatten()).as_ref()
    }

    /// The pass over all trees of the scope; runs once.
    fn reached(&self, sink: &dyn Sink) -> &Reached {
        self.reached.get_or_init(|| {
            let readers = Readers::new(&self.store);
            let (store, kinds, troubles) = (&self.store, &self.kinds, &self.troubles);
            let blobs: Vec<Number> =
                self.starts.directs.iter().filter(|direct| !direct.is_tree).map(|direct| direct.number).collect();
            let at_once = self.census(sink).and_then(|census| census.reach(store, self.roots(), &blobs, troubles));
            let trees = Trees { store, kinds, readers: &readers, troubles };
            let reached = at_once.unwrap_or_else(|| trees.reach(self.roots(), &blobs, sink));
            self.troubles.tell(sink);
            reached
        })
    }
}

/// Walks a range. Tags among its ends are peeled, and their messages are part of it.
fn range_graph(ends: &revisions::Ends, since: Option<i64>, with: Commits<'_>) -> Result<(Starts, Graph), HistoryError> {
    let peel = |ids: &[ObjectId]| {
        let tips: Vec<tips::Tip> = ids
            .iter()
            .map(|&id| tips::Tip {
                id,
                name: id.to_string(),
                place: id.to_string().into_bytes(),
                flags: flag::REACHABLE | flag::HISTORY,
                is_ref: false,
            })
            .collect();
        if let Some(missing) = ids.iter().find(|id| with.store.find(id).is_none()) {
            return Err(HistoryError::MissingRevision { id: *missing });
        }
        Ok(with.readers.with(|reader| tips::peel(&tips, with.store, &Kinds::default(), reader, with.troubles)))
    };
    let (include, exclude) = (peel(&ends.include)?, peel(&ends.exclude)?);
    let numbers = |starts: &Starts| -> Vec<Number> { starts.commits.iter().map(|&(number, _)| number).collect() };
    let graph = graph::range(&numbers(&include), &numbers(&exclude), since, with);
    let tags = include.tags.difference(&exclude.tags).copied().collect();
    Ok((Starts { tags, ..Starts::default() }, graph))
}

/// The tree of HEAD.
fn head_tree(repository: &Repository, store: &Store) -> Option<Number> {
    let head = store.find(&repository.refs().head?)?;
    match store.reader().read(head) {
        Ok((Kind::Commit, bytes)) => store.find(&parse::commit(bytes)?.tree),
        _ => None,
    }
}

/// Largest list of the commits at which a shallow clone ends: 400,000 of them.
const MOST_SHALLOW_BYTES: u64 = 16 << 20;

/// The commits at which a shallow clone ends. git refuses a repository whose list is damaged; its history is walked here.
fn shallow_commits(repository: &Repository, troubles: &Troubles) -> BTreeSet<ObjectId> {
    let path = repository.common_dir().join("shallow");
    let text = match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return BTreeSet::new(),
        Ok(meta) if !meta.is_file() || meta.len() > MOST_SHALLOW_BYTES => {
            troubles.add(SkipReason::GitRefused, "shallow: no file, or too large".to_owned());
            return BTreeSet::new();
        }
        _ => std::fs::read(&path).unwrap_or_else(|error| {
            troubles.add(SkipReason::Unreadable, format!("shallow: {}", error.kind()));
            Vec::new()
        }),
    };
    let hash = repository.object_hash();
    let id_of = |line: &[u8]| ObjectId::from_hex(line.trim_ascii()).ok().filter(|id| id.kind() == hash);
    let lines = || text.split(|&b| b == b'\n').filter(|line| !line.is_empty());
    let bad = lines().filter(|line| id_of(line).is_none()).count();
    if bad > 0 {
        troubles.add(SkipReason::GitRefused, format!("shallow: lines that are no object ids: {bad}"));
    }
    lines().filter_map(id_of).collect()
}
