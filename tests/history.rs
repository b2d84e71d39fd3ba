//! The history engine beside git itself: what git lists must be handed out, what a naive walk of every tree finds must be
//! where attribution places it, and what is damaged must be named and nothing else lost.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::format_push_string, clippy::format_collect, reason = "shorter, and nothing here is hot")]

mod git_fixture;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use git_fixture::{Collected, Fixture, git, git_with, writable};
use sekisho::blob::{ObjectId, RepoPath};
use sekisho::coverage::SkipReason;
use sekisho::provenance::SourceKind;
use sekisho::source::SizeLimit;
use sekisho::source::history::{Engine, History, HistoryError, HistoryOptions, Scope};
use sekisho::source::repository::{DiscoverOptions, Repository};

fn options(scope: Scope) -> HistoryOptions {
    HistoryOptions { scope, since: None, reflog: false, size: SizeLimit::DEFAULT, engine: Engine::Delta }
}

fn repository(fixture: &Fixture) -> Repository {
    Repository::discover(&fixture.path).unwrap().expect("the fixture is a repository")
}

/// Hands out blobs and messages.
fn scan(repository: &Repository, options: HistoryOptions) -> (History, Collected) {
    let collected = Collected::default();
    let history = History::open(repository, options, &collected).unwrap();
    history.blobs(&collected);
    history.messages(&collected);
    (history, collected)
}

fn reachable(fixture: &Fixture) -> (History, Collected) {
    scan(&repository(fixture), options(Scope::Reachable))
}

fn hex(text: &str) -> ObjectId {
    ObjectId::from_hex(text.as_bytes()).unwrap()
}

/// Ids of all objects of a kind among those that `git rev-list --objects` gives for these arguments.
fn listed(fixture: &Fixture, kind: &str, args: &[&str]) -> BTreeSet<ObjectId> {
    let mut all = vec!["rev-list", "--objects", "--no-object-names"];
    all.extend(args);
    of_kind(fixture, kind, &fixture.git(&all))
}

fn of_kind(fixture: &Fixture, kind: &str, ids: &str) -> BTreeSet<ObjectId> {
    let checked = git_with(
        &fixture.path,
        &["cat-file", "--batch-check=%(objectname) %(objecttype)"],
        format!("{ids}\n").as_bytes(),
    );
    checked.lines().filter_map(|line| line.strip_suffix(&format!(" {kind}"))).map(hex).collect()
}

fn all_objects(fixture: &Fixture, kind: &str) -> BTreeSet<ObjectId> {
    let args = ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"];
    of_kind(fixture, kind, &fixture.git(&args))
}

fn assert_complete(collected: &Collected) {
    assert_eq!(*collected.skipped.lock().unwrap(), BTreeSet::new());
}

// --- what is handed out ---

#[test]
fn blobs_are_those_that_git_lists() {
    for name in ["linear", "merges", "sha256", "unreachable"] {
        let fixture = Fixture::build(name);
        for packed in [false, true] {
            if packed {
                fixture.git(&["repack", "-q", "-a", "-d"]);
            }
            let (history, collected) = reachable(&fixture);
            assert_eq!(collected.ids(), listed(&fixture, "blob", &["--all"]), "{name}, packed: {packed}");
            let commits = listed(&fixture, "commit", &["--all"]);
            let trees = listed(&fixture, "tree", &["--all"]);
            assert_eq!(history.covered(), (commits.len() as u64, trees.len() as u64), "{name}");
            let messages: BTreeSet<ObjectId> = collected.commit_messages.lock().unwrap().keys().copied().collect();
            assert_eq!(messages, commits);
            assert_complete(&collected);
        }
    }
}

#[test]
fn contents_and_messages_are_gits() {
    for name in ["linear", "sha256"] {
        let fixture = Fixture::build(name);
        let (_, collected) = reachable(&fixture);
        for (id, copies) in collected.blobs.lock().unwrap().iter() {
            let text: String = copies[0].iter().map(|&b| char::from(b)).collect();
            assert_eq!(text.strip_suffix('\n').unwrap_or(&text), fixture.git(&["cat-file", "blob", &id.to_string()]));
        }
        for (id, message) in collected.commit_messages.lock().unwrap().iter() {
            let expected = fixture.git(&["log", "-1", "--format=%B", &id.to_string()]);
            assert_eq!(String::from_utf8_lossy(message).trim_end(), expected.trim_end());
        }
    }
}

#[test]
fn all_objects_are_the_whole_database_and_unreachable_commits_are_walked() {
    let fixture = Fixture::build("unreachable");
    let (history, collected) = scan(&repository(&fixture), options(Scope::AllObjects));
    assert_eq!(collected.ids(), all_objects(&fixture, "blob"));
    assert_complete(&collected);
    let messages = collected.commit_messages.lock().unwrap();
    assert!(messages.values().any(|message| message == b"to be amended\n"));

    let leaked = hex(&git_with(&fixture.path, &["hash-object", "--stdin"], b"leaked and amended away\n"));
    let lone = hex(&git_with(&fixture.path, &["hash-object", "--stdin"], b"lone blob\n"));
    let attribution = history.attribute(&BTreeSet::from([leaked, lone]), &collected);
    assert_eq!(attribution.places(&leaked)[0].path, RepoPath::from("a.txt"));
    assert_eq!(attribution.places(&lone), []);
    assert!(!attribution.timeline(&[leaked]).reachable);
    assert!(attribution.timeline(&[lone]).first.is_none());

    let (_, reachable) = reachable(&fixture);
    for id in [leaked, lone] {
        assert!(!reachable.ids().contains(&id));
    }
    assert!(!reachable.texts().contains("only staged"), "the index is not history");

    let (_, with_reflog) = scan(&repository(&fixture), HistoryOptions { reflog: true, ..options(Scope::Reachable) });
    assert!(with_reflog.ids().contains(&leaked) && !with_reflog.ids().contains(&lone));
}

#[test]
fn every_kind_of_ref_is_walked() {
    let fixture = Fixture::build("refs");
    let (history, collected) = reachable(&fixture);
    assert_complete(&collected);
    let texts = collected.texts();
    for text in [
        "a",
        "b",
        "stashed first",
        "stashed second",
        "untracked in a stash",
        "note of head",
        "note of the parent",
        "blob that only a tag names",
        "blob that only a light tag names",
        "blob in a tagged tree",
        "only in the linked worktree",
        "only on the detached head",
        "pushed",
    ] {
        assert!(texts.contains(text), "{text:?} is missing");
    }
    let tags = collected.tags.lock().unwrap();
    let names: Vec<&[u8]> = tags.keys().map(Vec::as_slice).collect();
    assert_eq!(names, [&b"blob-tag"[..], b"nested", b"tree-tag", b"v1"]);
    assert_eq!(tags[&b"nested"[..]], b"message of nested\n");

    let info = repository(&fixture).info();
    assert_eq!(info.head, Some(fixture.id("HEAD")));
    assert_eq!(info.branch, None);
    assert_eq!(info.refs, fixture.git(&["for-each-ref"]).lines().count() as u64);
    assert_eq!(info.origin.as_deref(), Some("https://example.com/a.git"));
    assert!(!info.bare && !info.shallow);

    let place = |revision: &str| {
        let id = fixture.id(revision);
        let attribution = history.attribute(&BTreeSet::from([id]), &collected);
        (attribution.places(&id).to_vec(), attribution.timeline(&[id]))
    };
    let (note, _) = place(&format!("refs/notes/commits:{}", fixture.id("main")));
    assert_eq!((note[0].source, note[0].path.to_string()), (SourceKind::Note, fixture.id("main").to_string()));
    let (tagged, timeline) = place("blob-tag^{}");
    assert_eq!((tagged[0].path.clone(), tagged[0].first.id), (RepoPath::from("blob-tag"), fixture.id("blob-tag")));
    assert!(timeline.reachable && timeline.first.is_none());
    assert_eq!(place("light-blob").0[0].path, RepoPath::from("light-blob"));
    assert_eq!(place("tree-tag:in-tree.txt").0[0].path, RepoPath::from("in-tree.txt"));
    let (_, timeline) = place("refs/remotes/origin/gone:pushed.txt");
    assert!(timeline.pushed && timeline.reachable && !timeline.in_head);
    assert!(!place("HEAD:detached.txt").1.pushed);
    assert!(place("HEAD:detached.txt").1.in_head);
}

#[test]
fn a_linked_worktree_shows_the_same_history_with_its_own_head() {
    let fixture = Fixture::build("refs");
    let linked = fixture.path.with_file_name("repo-linked");
    let repository = Repository::discover(&linked).unwrap().unwrap();
    assert_eq!(repository.workdir(), Some(linked.as_path()));
    assert_eq!(repository.common_dir().canonicalize().unwrap(), fixture.path.join(".git"));
    assert_eq!(repository.info().head, Some(hex(&git(&linked, &["rev-parse", "HEAD"]))));
    let (_, collected) = scan(&repository, options(Scope::Reachable));
    assert_complete(&collected);
    assert_eq!(collected.ids(), reachable(&fixture).1.ids());
}

#[test]
fn bare_empty_alternates_and_submodules() {
    let fixture = Fixture::build("linear");
    let at = fixture.path.parent().unwrap();
    git(at, &["clone", "-q", "--bare", "repo", "bare.git"]);
    let bare = Repository::discover(&at.join("bare.git")).unwrap().unwrap();
    assert!(bare.info().bare && bare.workdir().is_none());
    assert_eq!(scan(&bare, options(Scope::Reachable)).1.ids(), reachable(&fixture).1.ids());

    git(at, &["clone", "-q", "--shared", "repo", "shared"]);
    assert_eq!(fs::read_dir(at.join("shared/.git/objects/pack")).unwrap().count(), 0);
    let shared = Repository::discover(&at.join("shared")).unwrap().unwrap();
    let (_, collected) = scan(&shared, options(Scope::Reachable));
    assert_complete(&collected);
    assert_eq!(collected.ids(), reachable(&fixture).1.ids());

    git(at, &["-c", "protocol.file.allow=always", "init", "-q", "outer"]);
    git(&at.join("outer"), &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../repo", "sub"]);
    git(&at.join("outer"), &["commit", "-q", "-m", "with a submodule"]);
    let outer = Repository::discover(&at.join("outer")).unwrap().unwrap();
    let (_, collected) = scan(&outer, options(Scope::Reachable));
    assert_complete(&collected);
    let modules: Vec<_> = outer.config_files();
    assert_eq!(modules, [at.join("outer/.git/config"), at.join("outer/.git/modules/sub/config")]);
    let sub = Repository::discover(&at.join("outer/sub")).unwrap().unwrap();
    assert_eq!(scan(&sub, options(Scope::Reachable)).1.ids(), reachable(&fixture).1.ids());

    git(at, &["init", "-q", "empty"]);
    let empty = Repository::discover(&at.join("empty")).unwrap().unwrap();
    for scope in [Scope::Reachable, Scope::AllObjects, Scope::None] {
        let (history, collected) = scan(&empty, options(scope));
        assert_complete(&collected);
        assert_eq!(history.covered(), (0, 0));
        assert_eq!(history.changes(&collected), []);
    }
    assert!(Repository::discover(at).unwrap().is_none());
}

#[test]
fn an_alternate_that_is_gone_is_named() {
    let fixture = Fixture::build("linear");
    let at = fixture.path.parent().unwrap();
    git(at, &["clone", "-q", "--shared", "repo", "shared"]);
    fs::rename(&fixture.path, at.join("moved")).unwrap();
    let shared = Repository::discover(&at.join("shared")).unwrap().unwrap();
    let (_, collected) = scan(&shared, options(Scope::Reachable));
    assert!(collected.skips(SkipReason::MissingObject).iter().any(|what| what.contains("alternate")));
    assert!(!collected.skips(SkipReason::BrokenRef).is_empty(), "the refs name nothing now");
}

#[test]
fn a_shallow_clone_says_where_it_ends() {
    let fixture = Fixture::build("linear");
    let at = fixture.path.parent().unwrap();
    let url = format!("file://{}", fixture.path.display());
    git(at, &["clone", "-q", "--depth", "2", &url, "shallow"]);
    let shallow = Repository::discover(&at.join("shallow")).unwrap().unwrap();
    assert!(shallow.info().shallow);
    let (history, collected) = scan(&shallow, options(Scope::Reachable));
    assert_eq!(history.covered().0, 2);
    assert_eq!(collected.reasons(), [SkipReason::ShallowBoundary]);
}

#[test]
fn a_partial_clone_names_what_was_promised() {
    let fixture = Fixture::build("linear");
    fixture.git(&["config", "uploadpack.allowFilter", "true"]);
    let at = fixture.path.parent().unwrap();
    let url = format!("file://{}", fixture.path.display());
    git(at, &["clone", "-q", "--bare", "--filter=blob:none", &url, "partial"]);
    let partial = Repository::discover(&at.join("partial")).unwrap().unwrap();
    let (_, collected) = scan(&partial, options(Scope::Reachable));
    assert_eq!(collected.ids(), BTreeSet::new());
    let promised: BTreeSet<ObjectId> = collected
        .skips(SkipReason::PromisedObject)
        .iter()
        .map(|what| hex(what.split(' ').nth(1).expect("a kind and an id")))
        .collect();
    assert_eq!(promised, listed(&fixture, "blob", &["--all"]));
    assert!(collected.reasons().iter().all(|&reason| reason == SkipReason::PromisedObject));
}

#[test]
fn blobs_over_the_size_limit_are_named_by_whose_limit_it_is() {
    let fixture = Fixture::build("linear");
    for (by_user, reason) in [(true, SkipReason::OverSizeLimit), (false, SkipReason::OverDefaultSize)] {
        let size = SizeLimit { bytes: 4, by_user };
        for _ in 0..2 {
            let (_, collected) = scan(&repository(&fixture), HistoryOptions { size, ..options(Scope::Reachable) });
            assert_eq!(collected.texts(), ["one", "two"].map(str::to_owned).into());
            assert_eq!(collected.reasons(), [reason]);
            fixture.git(&["repack", "-q", "-a", "-d"]);
        }
    }
}

#[test]
fn the_environment_counts_only_when_asked() {
    let fixture = Fixture::build("linear");
    let plain = Repository::discover_with(&fixture.path, DiscoverOptions::default()).unwrap().unwrap();
    assert_eq!(plain.index_path().canonicalize().unwrap(), fixture.path.join(".git/index"));
    assert!(plain.lfs_object(&"a".repeat(64)).is_none());
    let folder = fixture.path.join(".git/lfs/objects/aa/aa");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a".repeat(64)), "content").unwrap();
    assert_eq!(plain.lfs_object(&"a".repeat(64)), Some(folder.join("a".repeat(64))));
    assert!(plain.lfs_object("../../../../etc/passwd").is_none());
}

// --- damage ---

#[test]
fn a_missing_blob_and_a_missing_tree_are_named_and_the_rest_is_read() {
    let fixture = Fixture::build("linear");
    let all = reachable(&fixture).1.ids();
    let blob = fixture.id("HEAD:b.txt");
    fs::remove_file(fixture.loose(&blob)).unwrap();
    let (_, collected) = reachable(&fixture);
    assert_eq!(collected.skips(SkipReason::MissingObject).len(), 1);
    assert!(collected.skips(SkipReason::MissingObject)[0].starts_with(&format!("blob {blob} named by tree ")));
    assert_eq!(collected.ids(), all.iter().copied().filter(|&id| id != blob).collect());

    let tree = fixture.id("HEAD:dir");
    fs::remove_file(fixture.loose(&tree)).unwrap();
    let (history, collected) = reachable(&fixture);
    let missing = collected.skips(SkipReason::MissingObject);
    assert!(missing.iter().any(|what| what.starts_with(&format!("tree {tree} named by tree "))), "{missing:?}");
    assert_eq!(history.covered().0, 6);
}

#[test]
fn a_missing_and_a_damaged_commit_cost_only_themselves() {
    for damage in [None, Some(&b"garbage"[..])] {
        let fixture = Fixture::build("merges");
        let commit = fixture.id("two");
        let file = fixture.loose(&commit);
        writable(&file);
        match damage {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let (history, collected) = reachable(&fixture);
        let named = collected.skipped.lock().unwrap().iter().any(|skip| skip.1.contains(&commit.to_string()));
        assert!(named);
        // All other commits have a branch or a child left that is whole.
        assert_eq!(history.covered().0, 8, "{damage:?}");
        assert!(collected.texts().contains("two"), "the octopus merge has the file too");
    }
}

#[test]
fn a_corrupt_loose_object_is_named_and_a_good_copy_is_found() {
    let fixture = Fixture::build("linear");
    let all = reachable(&fixture).1.ids();
    let blob = fixture.id("HEAD:b.txt");
    let file = fixture.loose(&blob);
    let good = fs::read(&file).unwrap();
    writable(&file);
    // Nothing, no zlib, half, and a whole object that is another one.
    let other = fs::read(fixture.loose(&fixture.id("HEAD~5:a.txt"))).unwrap();
    for bad in [&b""[..], b"not zlib", &good[..good.len() / 2], &other] {
        fs::write(&file, bad).unwrap();
        let (_, collected) = reachable(&fixture);
        assert_eq!(collected.skips(SkipReason::CorruptObject), [format!("blob {blob}: cannot be decoded")]);
        assert_eq!(collected.ids().len(), all.len() - 1);
    }
    fs::write(&file, good).unwrap();
    fixture.git(&["repack", "-q", "-a"]);
    fs::write(&file, "not zlib").unwrap();
    let (_, collected) = reachable(&fixture);
    assert_complete(&collected);
    assert_eq!(collected.ids(), all);
}

#[test]
fn truncated_packs_and_garbage_indexes_cost_only_what_was_in_them() {
    type Damage = fn(&mut Vec<u8>);
    let damage: [(&str, Damage); 5] = [
        ("pack", |bytes| bytes.truncate(bytes.len() / 2)),
        ("pack", |bytes| bytes.truncate(5)),
        ("pack", |bytes| bytes[200..].fill(0xff)),
        ("idx", |bytes| bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(7))),
        ("idx", |bytes| bytes.truncate(1100)),
    ];
    for (extension, damage) in damage {
        let fixture = Fixture::build("linear");
        fixture.git(&["repack", "-q", "-a", "-d"]);
        let file = fixture.pack(extension);
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        // A second history beside it, in loose objects.
        let blob = git_with(&fixture.path, &["hash-object", "-w", "--stdin"], b"beside\n");
        let tree = git_with(&fixture.path, &["mktree", "--missing"], format!("100644 blob {blob}\tf\n").as_bytes());
        let commit = git(&fixture.path, &["commit-tree", "-m", "beside", &tree]);
        fs::write(fixture.path.join(".git/refs/heads/beside"), commit).unwrap();
        let (_, collected) = reachable(&fixture);
        let corrupt = collected.skips(SkipReason::CorruptObject);
        assert!(corrupt.iter().any(|what| what.starts_with("pack pack-")), "{extension}: {corrupt:?}");
        assert!(collected.texts().contains("beside"));
        let (_, all) = scan(&repository(&fixture), options(Scope::AllObjects));
        assert!(all.texts().contains("beside"));
    }
}

#[test]
fn flipped_bytes_never_panic_and_never_pass_unnoticed_in_packs() {
    let fixture = Fixture::build("sha256");
    fixture.git(&["repack", "-q", "-a", "-d"]);
    let file = fixture.pack("pack");
    let good = fs::read(&file).unwrap();
    let whole = reachable(&fixture).1;
    let (all, texts) = (whole.ids(), whole.texts());
    for step in 0..60 {
        let mut bytes = good.clone();
        let at = 12 + step * (good.len() - 50) / 60;
        bytes[at] ^= 0x41;
        fs::write(&file, bytes).unwrap();
        let (_, collected) = reachable(&fixture);
        // A flip in the trailing checksum of a stream that came out whole harms nothing.
        let noticed = !collected.skipped.lock().unwrap().is_empty();
        assert!(noticed || collected.texts() == texts, "byte {at} of {}", good.len());
        assert!(collected.ids().is_subset(&all));
    }
}

#[test]
fn broken_refs_are_named_and_the_others_walked() {
    let fixture = Fixture::build("linear");
    let all = reachable(&fixture).1.ids();
    let refs = fixture.path.join(".git/refs/heads");
    fs::write(refs.join("nothing"), format!("{}\n", "1".repeat(40))).unwrap();
    fs::write(refs.join("garbage"), "\0\u{1}garbage").unwrap();
    fs::write(refs.join("empty"), "").unwrap();
    fs::write(refs.join("dangling"), "ref: refs/heads/absent\n").unwrap();
    fs::create_dir(fixture.path.join(".git/objects/info")).ok();
    fs::write(fixture.path.join(".git/objects/info/commit-graph"), "CGPH garbage").unwrap();
    let (_, collected) = reachable(&fixture);
    assert_eq!(collected.ids(), all);
    let broken = collected.skips(SkipReason::BrokenRef);
    assert_eq!(collected.reasons().len(), broken.len());
    for name in ["nothing", "garbage", "empty", "dangling"] {
        assert_eq!(broken.iter().filter(|what| what.starts_with(&format!("refs/heads/{name}:"))).count(), 1, "{name}");
    }
}

#[test]
fn a_stale_commit_graph_replacements_and_grafts_change_nothing() {
    let fixture = Fixture::build("linear");
    fixture.git(&["commit-graph", "write", "--reachable"]);
    let before = reachable(&fixture).1.ids();
    // A replacement that hides the history, and a graft that cuts it.
    let head = fixture.git(&["rev-parse", "HEAD"]);
    let orphan = fixture.git(&["commit-tree", "-m", "orphan", "HEAD^{tree}"]);
    fixture.git(&["replace", &head, &orphan]);
    fs::write(fixture.path.join(".git/info/grafts"), format!("{head}\n")).unwrap();
    let (history, collected) = reachable(&fixture);
    assert_eq!(collected.ids(), before);
    assert_eq!(history.covered().0, 7, "six commits and the replacement, which a ref names");
}

#[test]
fn odd_names_modes_and_duplicate_entries_are_read() {
    let fixture = Fixture::build("names");
    let (history, collected) = reachable(&fixture);
    assert_complete(&collected);
    let expected: BTreeSet<String> = ["odd", "first", "second", "newline"].map(str::to_owned).into();
    assert_eq!(collected.texts(), expected);
    let ids = collected.ids();
    let attribution = history.attribute(&ids, &collected);
    let paths: BTreeSet<Vec<u8>> =
        ids.iter().flat_map(|id| attribution.places(id)).map(|place| place.path.as_bytes().to_vec()).collect();
    let expected: BTreeSet<Vec<u8>> = [&b"a\nb"[..], b"dup", b"odd", b"\xff\xfe"].map(<[u8]>::to_vec).into();
    assert_eq!(paths, expected);
}

#[test]
fn deeply_nested_and_exploding_trees_end() {
    let fixture = Fixture::empty();
    fs::create_dir(&fixture.path).unwrap();
    fixture.git(&["init", "-q"]);
    let blob = git_with(&fixture.path, &["hash-object", "-w", "--stdin"], b"bomb\n");
    let tree_of = |lines: String| git_with(&fixture.path, &["mktree"], lines.as_bytes());
    let mut bomb = tree_of((0..10).map(|i| format!("100644 blob {blob}\tf{i}\n")).collect());
    for _ in 0..12 {
        bomb = tree_of((0..10).map(|i| format!("040000 tree {bomb}\td{i}\n")).collect());
    }
    let commit = fixture.git(&["commit-tree", "-m", "bomb", &bomb]);
    fixture.git(&["update-ref", "refs/heads/main", &commit]);
    let (history, collected) = reachable(&fixture);
    assert_complete(&collected);
    assert_eq!(history.covered(), (1, 13));
    let attribution = history.attribute(&collected.ids(), &collected);
    assert!(!attribution.places(&hex(&blob)).is_empty());
    assert_eq!(collected.reasons(), [SkipReason::CorruptObject]);
}

// --- attribution ---

/// What the definitions of DESIGN.md say, computed from whole trees of every commit.
struct Naive {
    /// Commits in the order of (date, id).
    commits: Vec<(i64, ObjectId)>,
    parents: BTreeMap<ObjectId, Vec<ObjectId>>,
    files: BTreeMap<ObjectId, BTreeSet<(Vec<u8>, ObjectId)>>,
}

impl Naive {
    fn read(fixture: &Fixture) -> Self {
        let log = fixture.git(&["log", "--all", "--format=%H %ct %P"]);
        let mut naive = Self { commits: Vec::new(), parents: BTreeMap::new(), files: BTreeMap::new() };
        for line in log.lines() {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            let id = hex(words.next().unwrap());
            naive.commits.push((words.next().unwrap().parse().unwrap(), id));
            naive.parents.insert(id, words.map(hex).collect());
            let list = fixture.git(&["ls-tree", "-r", "-z", &id.to_string()]);
            let files = list.split('\0').filter(|line| !line.is_empty()).map(|line| {
                let (meta, path) = line.split_once('\t').unwrap();
                (path.bytes().collect(), hex(meta.split(' ').nth(2).unwrap()))
            });
            naive.files.insert(id, files.collect());
        }
        naive.commits.sort_unstable();
        naive
    }

    /// First, last and all removing commits of what `has` says.
    fn life(&self, has: impl Fn(&BTreeSet<(Vec<u8>, ObjectId)>) -> bool) -> (ObjectId, ObjectId, Vec<ObjectId>) {
        let has = |id: &ObjectId| has(&self.files[id]);
        let ids = || self.commits.iter().map(|commit| commit.1);
        let first = ids().find(|id| has(id) && !self.parents[id].iter().any(has)).unwrap();
        let last = ids().rev().find(|id| has(id)).unwrap();
        (first, last, ids().filter(|id| !has(id) && self.parents[id].iter().any(has)).collect())
    }

    fn pairs(&self) -> BTreeSet<(Vec<u8>, ObjectId)> {
        self.files.values().flatten().cloned().collect()
    }
}

fn assert_attribution(fixture: &Fixture, sets: impl Iterator<Item = Vec<ObjectId>>) {
    let naive = Naive::read(fixture);
    let (history, collected) = reachable(fixture);
    let wanted: BTreeSet<ObjectId> = naive.pairs().into_iter().map(|pair| pair.1).collect();
    let attribution = history.attribute(&wanted, &collected);
    let head = naive.files.get(&fixture.id("HEAD"));
    let found: BTreeSet<(Vec<u8>, ObjectId)> = wanted
        .iter()
        .flat_map(|id| attribution.places(id).iter().map(|place| (place.path.as_bytes().to_vec(), *id)))
        .collect();
    assert_eq!(found, naive.pairs());
    for pair in naive.pairs() {
        let place = attribution.places(&pair.1).iter().find(|place| place.path.as_bytes() == pair.0).unwrap();
        let (first, last, _) = naive.life(|files| files.contains(&pair));
        assert_eq!((place.first.id, place.last.id), (first, last), "{pair:?}");
        assert_eq!(place.in_head, head.is_some_and(|files| files.contains(&pair)));
    }
    for set in sets {
        let timeline = attribution.timeline(&set);
        let (first, last, removed) = naive.life(|files| files.iter().any(|file| set.contains(&file.1)));
        assert_eq!(timeline.first.unwrap().id, first, "{set:?}");
        assert_eq!(timeline.last.unwrap().id, last);
        assert_eq!(timeline.removed_in.iter().map(|commit| commit.id).collect::<Vec<_>>(), removed);
        assert_eq!(timeline.in_head, head.is_some_and(|files| files.iter().any(|file| set.contains(&file.1))));
        assert_eq!(timeline.versions, naive.pairs().iter().filter(|pair| set.contains(&pair.1)).count() as u64);
        assert!(timeline.reachable && !timeline.pushed);
    }
    assert_complete(&collected);
}

/// A small generator of numbers, the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % n
    }
}

/// Builds a repository of random commits: merges and octopus merges, files that come, go, come back and move, few contents
/// so that many paths share one, dates that run backwards.
fn random(seed: u64) -> Fixture {
    let fixture = Fixture::empty();
    fs::create_dir(&fixture.path).unwrap();
    fixture.git(&["init", "-q", "-b", "main"]);
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut files: Vec<BTreeMap<String, u64>> = Vec::new();
    let mut stream = String::new();
    let commits = 8 + dice.below(10) as usize;
    for commit in 0..commits {
        let mut parents: BTreeSet<usize> = BTreeSet::new();
        for _ in 0..[0, 1, 1, 1, 2, 2, 3][dice.below(7) as usize] {
            if commit > 0 {
                parents.insert(commit - 1 - dice.below(commit.min(4) as u64) as usize);
            }
        }
        let mut own = BTreeMap::new();
        for &parent in &parents {
            own.extend(files[parent].clone());
        }
        for _ in 0..dice.below(4) {
            let path = |dice: &mut Dice| {
                let folders = ["", "a/", "a/b/", "c/"];
                format!("{}f{}", folders[dice.below(4) as usize], dice.below(3))
            };
            let (from, to) = (path(&mut dice), path(&mut dice));
            match dice.below(4) {
                0 => drop(own.remove(&from)),
                1 => drop(own.remove(&from).map(|content| own.insert(to, content))),
                _ => drop(own.insert(from, dice.below(5))),
            }
        }
        let time = 1_600_000_000 + commit as u64 * 100 - [0, 0, 150, 700][dice.below(4) as usize];
        stream += &format!("commit refs/heads/b{commit}\nmark :{}\n", commit + 1);
        stream += &format!("committer C <c@example.com> {time} +0000\ndata 1\n{}\n", commit % 10);
        for (at, parent) in parents.iter().enumerate() {
            stream += &format!("{} :{}\n", if at == 0 { "from" } else { "merge" }, parent + 1);
        }
        stream += "deleteall\n";
        for (path, content) in &own {
            stream += &format!("M 100644 inline {path}\ndata 2\n{content}\n\n");
        }
        files.push(own);
    }
    git_with(&fixture.path, &["fast-import", "--quiet", "--force"], stream.as_bytes());
    fixture.git(&["update-ref", "refs/heads/main", &format!("refs/heads/b{}", commits - 1)]);
    fixture
}

#[test]
fn attribution_agrees_with_a_walk_of_every_tree_on_random_repositories() {
    for seed in 1..=25 {
        let fixture = random(seed);
        let blobs: Vec<ObjectId> = all_objects(&fixture, "blob").into_iter().collect();
        let present: BTreeSet<ObjectId> = Naive::read(&fixture).pairs().into_iter().map(|pair| pair.1).collect();
        let blobs: Vec<ObjectId> = blobs.into_iter().filter(|id| present.contains(id)).collect();
        let single = blobs.iter().map(|&id| vec![id]);
        let pairs = blobs.windows(2).map(<[ObjectId]>::to_vec);
        assert_attribution(&fixture, single.chain(pairs).chain((!blobs.is_empty()).then(|| blobs.clone())));
    }
}

#[test]
fn attribution_agrees_with_a_walk_of_every_tree_on_the_fixtures() {
    for name in ["linear", "merges", "sha256"] {
        let fixture = Fixture::build(name);
        let blobs = listed(&fixture, "blob", &["--all"]);
        assert_attribution(&fixture, blobs.into_iter().map(|id| vec![id]));
    }
}

#[test]
fn a_linear_history_agrees_with_find_object() {
    let fixture = Fixture::build("linear");
    let one = hex(&git_with(&fixture.path, &["hash-object", "--stdin"], b"two\n"));
    let (history, collected) = reachable(&fixture);
    let attribution = history.attribute(&BTreeSet::from([one]), &collected);
    let timeline = attribution.timeline(&[one]);
    let log = fixture.git(&["log", "--reverse", "--format=%H", &format!("--find-object={one}")]);
    let touching: Vec<ObjectId> = log.lines().map(hex).collect();
    assert_eq!(touching, [timeline.first.unwrap().id, timeline.removed_in[0].id]);
}

#[test]
fn what_is_found_does_not_depend_on_the_number_of_threads() {
    let fixture = random(77);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (history, collected) = reachable(&fixture);
            let ids = collected.ids();
            let attribution = history.attribute(&ids, &collected);
            let places: Vec<_> = ids.iter().map(|id| attribution.places(id).to_vec()).collect();
            (places, history.changes(&collected))
        })
    };
    assert_eq!(run(1), run(7));
}

// --- ranges ---

/// The changes of a range as (path, text, commit subject), sorted.
fn changes(fixture: &Fixture, range: &str, since: Option<i64>) -> BTreeSet<(String, String, String)> {
    let repository = repository(fixture);
    let collected = Collected::default();
    let scope = if range.is_empty() { Scope::Reachable } else { Scope::Range(range.to_owned()) };
    let history = History::open(&repository, HistoryOptions { since, ..options(scope) }, &collected).unwrap();
    history.blobs(&collected);
    assert_eq!(collected.ids(), BTreeSet::new(), "a range hands out changes, not blobs");
    let changes = history.changes(&collected);
    assert_complete(&collected);
    assert!(changes.is_sorted());
    let mut objects: Vec<ObjectId> = changes.iter().map(|change| change.object).collect();
    history.read(&objects, &collected);
    objects.sort_unstable();
    objects.dedup();
    assert_eq!(collected.ids().into_iter().collect::<Vec<_>>(), objects);
    let described = changes.iter().map(|change| {
        let text = fixture.git(&["cat-file", "blob", &change.object.to_string()]);
        let subject = fixture.git(&["log", "-1", "--format=%s", &change.commit.unwrap().id.to_string()]);
        (change.path.to_string(), text, subject)
    });
    described.collect()
}

fn set<const N: usize>(changes: [(&str, &str, &str); N]) -> BTreeSet<(String, String, String)> {
    changes.map(|(path, text, subject)| (path.to_owned(), text.to_owned(), subject.to_owned())).into()
}

#[test]
fn ranges_bring_what_no_parent_has() {
    let fixture = Fixture::build("merges");
    let evil = [("base.txt", "base, changed in the merge", "evil merge"), ("evil.txt", "evil", "evil merge")];
    assert_eq!(changes(&fixture, "main ^side ^main~1", None), set(evil));
    assert_eq!(changes(&fixture, "main~1..main", None), set([evil[0], evil[1], ("side.txt", "side", "side")]));
    let topics = [("two.txt", "two", "two"), ("three.txt", "three", "three")];
    assert_eq!(changes(&fixture, "main~2..main~1", None), set(topics));
    assert_eq!(changes(&fixture, "main~1 ^main~2", None), set(topics));
    assert_eq!(changes(&fixture, "main~1 --not main~2", None), set(topics));
    assert_eq!(changes(&fixture, "two...three", None), set(topics));
    assert_eq!(changes(&fixture, "main..main", None), set([]));
    let all = changes(&fixture, "main", None);
    assert_eq!(all, changes(&fixture, "--branches", None));
    assert!(all.contains(&("base.txt".to_owned(), "base".to_owned(), "base".to_owned())));
}

#[test]
fn moved_files_are_no_change_and_edits_have_their_old_version_as_base() {
    let fixture = Fixture::build("linear");
    assert_eq!(changes(&fixture, "HEAD~2..HEAD~1", None), set([]), "a was only moved");
    fixture.git(&["mv", "dir/copy.txt", "copy.txt"]);
    fs::write(fixture.path.join("copy.txt"), "one\nand more\n").unwrap();
    fs::write(fixture.path.join("b.txt"), "changed\n").unwrap();
    fixture.git(&["commit", "-q", "-a", "-m", "move and edit"]);
    let collected = Collected::default();
    let history =
        History::open(&repository(&fixture), options(Scope::Range("HEAD~1..HEAD".to_owned())), &collected).unwrap();
    let found: Vec<_> =
        history.changes(&collected).into_iter().map(|change| (change.path.to_string(), change.bases)).collect();
    let bases = |revision: &str| vec![fixture.id(revision)];
    assert_eq!(
        found,
        [("b.txt".to_owned(), bases("HEAD~1:b.txt")), ("copy.txt".to_owned(), bases("HEAD~1:dir/copy.txt"))]
    );
    assert_eq!(history.covered(), (1, 4), "both roots, and the folder before and after");
}

#[test]
fn since_is_a_range_with_older_parents_as_its_boundary() {
    let fixture = Fixture::build("linear");
    let date = |revision: &str| -> i64 { fixture.git(&["log", "-1", "--format=%ct", revision]).parse().unwrap() };
    assert_eq!(changes(&fixture, "", Some(date("HEAD"))), set([("b.txt", "last", "add b")]));
    assert_eq!(changes(&fixture, "", Some(date("HEAD") + 1)), set([]));
    let back = ("a.txt", "one", "bring the first version back");
    assert_eq!(changes(&fixture, "", Some(date("HEAD~2"))), set([("b.txt", "last", "add b"), back]));
    assert_eq!(changes(&fixture, "HEAD", Some(date("HEAD"))), set([("b.txt", "last", "add b")]));
}

#[test]
fn ranges_hold_the_commits_that_git_lists_whatever_their_dates() {
    for seed in 100..120 {
        let fixture = random(seed);
        for range in ["b2..main", "b5 b6 ^b3 ^b4", "main", "--branches --not b6"] {
            let collected = Collected::default();
            let scope = Scope::Range(range.to_owned());
            let history = History::open(&repository(&fixture), options(scope), &collected).unwrap();
            history.messages(&collected);
            let args: Vec<&str> = std::iter::once("rev-list").chain(range.split(' ')).collect();
            let expected: BTreeSet<ObjectId> = fixture.git(&args).lines().map(hex).collect();
            let found: BTreeSet<ObjectId> = collected.commit_messages.lock().unwrap().keys().copied().collect();
            assert_eq!(found, expected, "{range} of {seed}");
        }
    }
}

#[test]
fn changes_agree_with_a_comparison_of_whole_trees() {
    for seed in 200..215 {
        let fixture = random(seed);
        let naive = Naive::read(&fixture);
        let (history, collected) = reachable(&fixture);
        let found: BTreeSet<(ObjectId, Vec<u8>, ObjectId)> = history
            .changes(&collected)
            .into_iter()
            .map(|change| (change.commit.unwrap().id, change.path.as_bytes().to_vec(), change.object))
            .collect();
        let mut expected = BTreeSet::new();
        for (commit, files) in &naive.files {
            let paths: BTreeSet<&Vec<u8>> = files.iter().map(|file| &file.0).collect();
            let parents: Vec<_> = naive.parents[commit].iter().map(|parent| &naive.files[parent]).collect();
            for file in files {
                let same = parents.iter().any(|parent| parent.contains(file));
                let moved = parents
                    .iter()
                    .any(|parent| parent.iter().any(|theirs| theirs.1 == file.1 && !paths.contains(&theirs.0)));
                if !same && !moved {
                    expected.insert((*commit, file.0.clone(), file.1));
                }
            }
        }
        // A move is looked for only where a path is new to some parent.
        let new_path = |commit: &ObjectId, path: &Vec<u8>| {
            naive.parents[commit].iter().any(|parent| !naive.files[parent].iter().any(|file| file.0 == *path))
        };
        let unexpected: Vec<_> = found.difference(&expected).filter(|(c, path, _)| new_path(c, path)).collect();
        assert_eq!(unexpected, Vec::<&(ObjectId, Vec<u8>, ObjectId)>::new(), "seed {seed}");
        assert!(expected.is_subset(&found), "seed {seed}");
    }
}

#[test]
fn words_that_name_nothing_are_errors() {
    let fixture = Fixture::build("linear");
    let error = |range: &str| {
        let scope = Scope::Range(range.to_owned());
        History::open(&repository(&fixture), options(scope), &Collected::default()).err().map(|e| e.to_string())
    };
    assert_eq!(error("nowhere..main").as_deref(), Some("unknown revision `nowhere..main`"));
    assert!(error("--bogus").unwrap().contains("--bogus"));
    assert_eq!(error("  "), Some(HistoryError::EmptyRange.to_string()));
    let absent = "1".repeat(40);
    assert!(error(&format!("{absent}..main")).unwrap().contains(&absent));
    assert_eq!(error("main~1..main"), None);
}
