use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::blob::{Blob, ObjectId};
use crate::coverage::SkipReason;
use crate::source::history::trouble::Troubles;
use crate::source::{Sink, SizeLimit};
use pack::{Repo, Step, applied, blob_id, delta};

#[path = "../../../../tests/hostile/pack.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod pack;

struct Strict;

impl Sink for Strict {
    fn blob(&self, _: Blob<'_>) {}

    fn skip(&self, reason: SkipReason, what: String) {
        panic!("{reason:?}: {what}");
    }

    fn cancelled(&self) -> bool {
        false
    }
}

/// Looks whether the edits of a version make it of its base, of which it remembers all.
#[derive(Default)]
struct Checker {
    stop: AtomicBool,
    /// Stops by itself after so many objects.
    patience: Option<usize>,
    seen: AtomicUsize,
}

/// Objects with their bytes.
type Seen = BTreeMap<Number, Vec<u8>>;

impl Visitor for Checker {
    type Memory = Vec<u8>;
    type Worker = Vec<(Number, Vec<u8>)>;

    fn visit(&self, worker: &mut Self::Worker, object: Visited<'_, Vec<u8>>) -> Vec<u8> {
        if let Some(Base { memory, edits }) = object.base {
            let mut made = Vec::new();
            for edit in edits {
                let run = edit.from.map_or(&object.bytes[made.len()..], |from| &memory[from..]);
                made.extend_from_slice(&run[..edit.len]);
            }
            assert_eq!(made, object.bytes);
        }
        if self.patience.is_some_and(|most| self.seen.fetch_add(1, Ordering::Relaxed) + 1 >= most) {
            self.stop.store(true, Ordering::Relaxed);
        }
        worker.push((object.number, object.bytes.to_vec()));
        object.bytes.to_vec()
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn store(at: &Path) -> Store {
    let store = Store::open(&[at.to_owned()], gix::hash::Kind::Sha1, SizeLimit::DEFAULT, &Strict);
    let troubles = Troubles::new(false);
    store.plant(&troubles);
    troubles.tell(&Strict);
    store
}

fn descended(store: &Store, limits: Limits, threads: usize) -> Seen {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let workers = pool.install(|| descend(store, Kind::Blob, None, limits, &Checker::default()));
    let mut seen = Seen::new();
    for (number, bytes) in workers.into_iter().flatten() {
        assert!(seen.insert(number, bytes).is_none(), "each object is visited once");
    }
    seen
}

/// A pack with one tree of deltas: `parents[n]` is the base of version `n + 1`, each with a few bytes that no other has.
fn tree_of(parents: &[usize], len: usize) -> (Repo, BTreeMap<ObjectId, Vec<u8>>) {
    let repo = Repo::new();
    let mut pack = pack::Pack::default();
    let noise = |seed: usize, len: usize| -> Vec<u8> {
        let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..len).map(|_| next()).collect()
    };
    let mut versions = vec![noise(0, len)];
    pack.blob(&versions[0]);
    for (at, &parent) in parents.iter().enumerate() {
        let base = &versions[parent];
        let (new, cut) = (noise(at + 1, 40), (at * 37) % len);
        let steps = [Step::Copy(0, cut), Step::Insert(&new), Step::Copy(cut, base.len() - cut)];
        let next = applied(base, &steps);
        let offset = pack.rows[parent].offset;
        pack.ofs(blob_id(&next), offset, &delta(base.len() as u64, next.len() as u64, &steps));
        versions.push(next);
    }
    pack.write(&repo.packs(), "tree");
    let versions = versions.into_iter().map(|version| (blob_id(&version), version)).collect();
    (repo, versions)
}

/// Trees of deltas of different shapes.
fn shapes() -> [Vec<usize>; 4] {
    let chain = (0..400).collect();
    let star = vec![0; 400];
    let binary = (0..400).map(|at| at / 2).collect();
    // A spine with a leaf at each place: sharing every fork would go as deep as it is long.
    let comb = (0..1000).map(|at| if at % 2 == 0 { at } else { at - 1 }).collect();
    [chain, star, binary, comb]
}

#[test]
fn every_object_is_made_once_however_little_room_there_is_and_whoever_does_it() {
    for parents in shapes() {
        let (repo, versions) = tree_of(&parents, 600);
        let store = store(&repo.objects());
        for budget in [0, 1, 700, 5000, usize::MAX] {
            for heavy in [0, 500, u64::MAX] {
                for threads in [1, 64] {
                    let seen = descended(&store, Limits { budget, heavy }, threads);
                    let by_id = |(number, bytes)| (store.id(number), bytes);
                    let seen: BTreeMap<ObjectId, Vec<u8>> = seen.into_iter().map(by_id).collect();
                    assert!(seen == versions, "budget {budget}, heavy {heavy}, {threads} threads");
                }
            }
        }
    }
}

#[test]
fn who_stops_is_left_alone() {
    let (repo, versions) = tree_of(&shapes()[2], 600);
    let store = store(&repo.objects());
    for heavy in [0, u64::MAX] {
        let checker = Checker { patience: Some(5), ..Checker::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        pool.install(|| descend(&store, Kind::Blob, None, Limits { budget: 5000, heavy }, &checker));
        assert!(checker.seen.into_inner() < versions.len() / 4);
    }
}

#[test]
fn tasks_hold_all_roots_in_order_and_are_neither_small_nor_few() {
    let repo = Repo::new();
    let mut pack = pack::Pack::default();
    for number in 0_u32..200 {
        let text: Vec<u8> =
            (0..1600_u32).flat_map(|at| (at + number * 1600).wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        pack.blob(&text);
    }
    pack.write(&repo.packs(), "roots");
    let store = store(&repo.objects());
    let forest = store.packs[0].forest();
    let tasks = tasks(forest.roots(), forest);
    assert!(tasks.len() > 2);
    assert_eq!(tasks.concat(), forest.roots());
    let weight = |task: &&[u32]| task.iter().map(|&root| forest.weight(root)).sum::<u64>();
    assert!(tasks[..tasks.len() - 1].iter().all(|task| weight(task) >= TASK && weight(task) < 2 * TASK));
}
