//! Deltas that are damaged or go in circles.

use gix::objs::Kind;

use super::pack::{BLOB, Pack, Repo, Step, applied, blob_id, delta, made_up, zlib};
use super::{assert_complete, assert_found, leak, says, scanned, skipped, usual};

#[test]
fn circles_of_deltas_end() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let good = pack.blob(&leak(1));
    let names: Vec<_> = (0..7).map(made_up).collect();
    let turn = delta(9, 9, &[Step::Copy(0, 9)]);
    // One of itself, two and three of each other, and one that hangs from a circle.
    for (of, base) in [(0, 0), (1, 2), (2, 1), (3, 4), (4, 5), (5, 3), (6, 5)] {
        pack.by_id(names[of], names[base], &turn);
    }
    pack.write(&repo.packs(), "circles");
    repo.commit(&[vec![good], names.clone()].concat());
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("corrupt-object", 7)]);
    assert!(names.iter().all(|name| says(&report, &name.to_string())));
    assert_found(&report, &[good]);
}

#[test]
fn wrong_sizes_cost_the_entry_and_what_is_made_from_it() {
    let base = leak(1);
    let len = base.len() as u64;
    let whole = [Step::Copy(0, base.len())];
    let twice = [whole[0].clone(), whole[0].clone()];
    let bad = [
        delta(len + 1, len, &whole),
        delta(len - 1, len, &whole),
        delta(len, len + 1, &whole),
        delta(len, len - 1, &whole),
        delta(len, len, &twice),
        delta(len, len, &[]),
        delta(len, len, &[Step::Copy(1, base.len())]),
        delta(len, 5, &[Step::Insert(b"abc"), Step::Insert(b"abc")]),
        // A copy without its operands, a reserved instruction, no sizes, and sizes without an end.
        [delta(len, 9, &[]), vec![0xff]].concat(),
        [delta(len, 9, &[]), vec![0]].concat(),
        Vec::new(),
        vec![0xff; 30],
    ];
    let repo = Repo::new();
    let mut pack = Pack::default();
    let mut blobs = vec![pack.blob(&base)];
    let offset = pack.rows[0].offset;
    for (at, delta_bytes) in bad.iter().enumerate() {
        let id = made_up(at as u32);
        let broken = pack.ofs(id, offset, delta_bytes);
        let child = made_up(100 + at as u32);
        pack.ofs(child, broken, &delta(len, len, &whole));
        blobs.extend([id, child]);
    }
    pack.write(&repo.packs(), "sizes");
    repo.commit(&blobs);
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("corrupt-object", 2 * bad.len() as u64)]);
    assert_found(&report, &blobs[..1]);
}

#[test]
fn entries_that_are_not_what_they_say_cost_themselves() {
    let text = leak(1);
    let len = text.len() as u64;
    let good = zlib(&text);
    let mut bad_adler = good.clone();
    *bad_adler.last_mut().unwrap() ^= 1;
    let none: &[u8] = &[];
    let entries: [(u8, u64, &[u8], &[u8]); 11] = [
        (BLOB, len + 1, none, &good),
        (BLOB, len - 1, none, &good),
        (BLOB, 0, none, &good),
        (BLOB, len, none, &good[..good.len() / 2]),
        (BLOB, len, none, none),
        (BLOB, len, none, &bad_adler),
        (BLOB, len, none, b"no zlib at all, and long enough to be some"),
        // Kinds that do not exist, and deltas of nothing: before the pack, of themselves, into an entry, past it.
        (0, len, none, &good),
        (5, len, none, &good),
        (6, 9, &[0xff, 0xff, 0x7f], &zlib(&delta(len, 9, &[Step::Copy(0, 9)]))),
        (6, 9, &[0], &zlib(&delta(len, 9, &[Step::Copy(0, 9)]))),
    ];
    let repo = Repo::new();
    let mut pack = Pack::default();
    let mut blobs = vec![pack.blob(&leak(2))];
    for (at, (kind, size, base, bytes)) in entries.iter().enumerate() {
        blobs.push(made_up(at as u32));
        pack.entry(blobs[at + 1], *kind, *size, base, bytes);
    }
    let inside = made_up(50);
    pack.ofs(inside, pack.rows[0].offset + 2, &delta(len, 9, &[Step::Copy(0, 9)]));
    let nowhere = made_up(51);
    pack.by_id(nowhere, made_up(52), &delta(len, 9, &[Step::Copy(0, 9)]));
    let other = pack.blob(&leak(3));
    blobs.extend([inside, nowhere, other]);
    pack.write(&repo.packs(), "entries");
    repo.commit(&blobs);
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("corrupt-object", entries.len() as u64 + 2)]);
    assert_found(&report, &[blobs[0], other]);
}

#[test]
fn bytes_that_are_not_those_of_the_index_cost_what_is_made_of_them() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let (base, other) = (leak(1), leak(2));
    let mut blobs = vec![pack.blob(&base), pack.blob(&other)];
    let middle = pack.version(&base, &[Step::Insert(b"a\n"), Step::Copy(0, base.len())]);
    let last = pack.version(&middle, &[Step::Insert(b"b\n"), Step::Copy(0, middle.len())]);
    blobs.extend([blob_id(&middle), blob_id(&last)]);
    // What is damaged would still be well formed: only the checksum tells.
    pack.row(&blobs[2]).crc ^= 1;
    pack.write(&repo.packs(), "crc");
    repo.commit(&blobs);
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("corrupt-object", 2)]);
    assert_found(&report, &blobs[..2]);
}

#[test]
fn damaged_trees_and_commits_cost_themselves() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let good = pack.blob(&leak(1));
    let (lost_tree, lost_commit) = (made_up(1), made_up(2));
    let turn = delta(9, 9, &[Step::Copy(0, 9)]);
    pack.by_id(lost_tree, lost_tree, &turn);
    pack.by_id(lost_commit, lost_commit, &turn);
    pack.write(&repo.packs(), "trees");
    let root = [super::pack::tree(&[good]), b"40000 z\0".to_vec(), lost_tree.as_bytes().to_vec()].concat();
    let root = repo.loose(Kind::Tree, &root);
    let text = String::from_utf8(super::pack::commit(root)).unwrap();
    let text = text.replacen("author", &format!("parent {lost_commit}\nauthor"), 1);
    let head = repo.loose(Kind::Commit, text.as_bytes());
    std::fs::write(repo.path().join("refs/heads/main"), format!("{head}\n")).unwrap();
    std::fs::write(repo.path().join("refs/heads/lost"), format!("{lost_commit}\n")).unwrap();
    let report = scanned(&repo, &usual());
    assert!(says(&report, &lost_tree.to_string()) && says(&report, &lost_commit.to_string()), "{report:#}");
    assert_found(&report, &[good]);
}

#[test]
fn a_tree_that_had_an_entry_twice_keeps_it_once() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let blob = pack.blob(&leak(1));
    let once = super::pack::tree(&[blob]);
    let len = once.len();
    let other = [b"100644 other\0".as_slice(), blob.as_bytes()].concat();
    let twice = [once.clone(), once.clone()].concat();
    let last = [once.clone(), other.clone()].concat();
    let base = pack.object(Kind::Tree, &once);
    let id = |tree: &[u8]| gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Tree, tree).unwrap();
    let steps = [Step::Copy(0, len), Step::Copy(0, len)];
    pack.by_id(id(&twice), base, &delta(len as u64, 2 * len as u64, &steps));
    let steps = [Step::Copy(0, len), Step::Insert(&other)];
    pack.by_id(id(&last), id(&twice), &delta(2 * len as u64, last.len() as u64, &steps));
    pack.write(&repo.packs(), "twice");
    let head = repo.loose(Kind::Commit, &super::pack::commit(id(&last)));
    std::fs::write(repo.path().join("refs/heads/main"), format!("{head}\n")).unwrap();
    let report = scanned(&repo, &usual());
    assert_complete(&report);
    let paths = report["findings"][0]["occurrences"].as_array().unwrap().iter().map(|place| place["path"].as_str());
    assert_eq!(paths.collect::<Vec<_>>(), [Some("f0.env"), Some("other")]);
}

/// Chains deeper than any that git writes (4,095): along offsets, and by ids with each base behind what is made from it, so
/// that nothing read in the order of the pack finds its base made before.
#[test]
fn chains_of_ten_thousand_are_read_in_linear_time() {
    const DEPTH: usize = 10_000;
    for backwards in [false, true] {
        let repo = Repo::new();
        let mut versions = vec![leak(1)];
        let mut deltas = Vec::new();
        for number in 1..DEPTH {
            let base = &versions[number - 1];
            let line = format!("{number:05}");
            let steps = [Step::Insert(line.as_bytes()), Step::Copy(5, base.len() - 5)];
            let next = applied(base, &steps);
            deltas.push(delta(base.len() as u64, next.len() as u64, &steps));
            versions.push(next);
        }
        let ids: Vec<_> = versions.iter().map(|version| blob_id(version)).collect();
        let mut pack = Pack::default();
        if backwards {
            for number in (1..DEPTH).rev() {
                pack.by_id(ids[number], ids[number - 1], &deltas[number - 1]);
            }
            pack.blob(&versions[0]);
        } else {
            pack.blob(&versions[0]);
            for number in 1..DEPTH {
                let base = pack.rows[number - 1].offset;
                pack.ofs(ids[number], base, &deltas[number - 1]);
            }
        }
        pack.write(&repo.packs(), "deep");
        repo.commit(&ids);
        let report = scanned(&repo, &usual());
        assert_complete(&report);
        assert_eq!(report["coverage"]["blobs"], DEPTH);
        assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    }
}

/// What is made from a base with much below it is shared out among threads.
#[test]
fn sixty_four_threads_see_what_one_sees() {
    let mut state = 1_u64;
    let mut noise = || {
        let mut next = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 33) as u8 | 0x80
        };
        (0..1_100_000).map(|_| next()).collect::<Vec<u8>>()
    };
    let repo = Repo::new();
    let mut pack = Pack::default();
    let base = leak(1);
    let mut blobs = vec![pack.blob(&base)];
    for heavy in 0..3 {
        let much = noise();
        let arm = pack.version(&base, &[Step::Copy(0, base.len()), Step::Insert(&much)]);
        blobs.push(blob_id(&arm));
        for number in 0..2 {
            let other = leak(100 * heavy + number);
            let steps = [Step::Copy(0, 20), Step::Insert(&other), Step::Copy(20, arm.len() - 20)];
            let next = pack.version(&arm, &steps);
            blobs.push(blob_id(&next));
            blobs.push(blob_id(&pack.version(&next, &[Step::Copy(5, next.len() - 5)])));
        }
    }
    pack.write(&repo.packs(), "heavy");
    repo.commit(&blobs);
    let report = super::engines::both(repo.path(), &super::How { jobs: 64, ..usual() });
    assert_complete(&report);
    assert_found(&report, &blobs);
}
