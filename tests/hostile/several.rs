//! Objects in more than one place.

use std::fs;

use gix::objs::Kind;

use super::pack::{Pack, Repo, Step, applied, blob_id, delta};
use super::{assert_complete, assert_found, leak, says, scanned, skipped, usual};
use sekisho::blob::ObjectId;

/// Adds a delta of an object that is not in the pack, and one of that in turn.
fn thin(pack: &mut Pack, base: &[u8]) -> Vec<ObjectId> {
    let steps = [Step::Insert(b"thin\n"), Step::Copy(0, base.len())];
    let next = applied(base, &steps);
    pack.by_id(blob_id(&next), blob_id(base), &delta(base.len() as u64, next.len() as u64, &steps));
    let last = pack.version(&next, &[Step::Copy(0, next.len()), Step::Insert(b"last\n")]);
    vec![blob_id(&next), blob_id(&last)]
}

#[test]
fn bases_in_another_pack_and_in_loose_objects_are_found() {
    let repo = Repo::new();
    let mut other = Pack::default();
    let in_pack = other.blob(&leak(1));
    other.write(&repo.packs(), "other");
    let loose = repo.loose(Kind::Blob, &leak(2));
    let mut pack = Pack::default();
    let mut blobs = vec![in_pack, loose];
    blobs.extend(thin(&mut pack, &leak(1)));
    blobs.extend(thin(&mut pack, &leak(2)));
    let lost = thin(&mut pack, &leak(3));
    pack.write(&repo.packs(), "thin");
    repo.commit(&[blobs.clone(), lost].concat());
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("corrupt-object", 2)]);
    assert_found(&report, &blobs);
}

#[test]
fn packs_that_are_made_of_each_other_in_circles_end() {
    let repo = Repo::new();
    let (a, b) = (super::pack::made_up(1), super::pack::made_up(2));
    let turn = delta(9, 9, &[Step::Copy(0, 9)]);
    for (name, of, base) in [("a", a, b), ("b", b, a)] {
        let mut pack = Pack::default();
        pack.by_id(of, base, &turn);
        pack.write(&repo.packs(), name);
    }
    let good = repo.loose(Kind::Blob, &leak(1));
    repo.commit(&[a, b, good]);
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("corrupt-object", 2)]);
    assert_found(&report, &[good]);
}

#[test]
fn of_two_copies_the_whole_one_is_read() {
    // Which byte of the entry is harmed: its kind (a blob becomes a tree, or nothing), its size, its stream.
    for (at, flip) in [(0, 0x10), (0, 0x70), (0, 0x01), (1, 0x40), (9, 0xff)] {
        for harmed in ["a", "b"] {
            for kept in [true, false] {
                let repo = Repo::new();
                let mut blobs = Vec::new();
                for name in ["a", "b"] {
                    let mut pack = Pack::default();
                    let base = leak(1);
                    let first = pack.blob(&base);
                    let next = pack.version(&base, &[Step::Insert(b"next\n"), Step::Copy(0, base.len())]);
                    blobs = vec![first, blob_id(&next)];
                    // Each has something that the other lacks, and either may be the larger one.
                    let extra = if (name == "a") == kept { 2 } else { 1 };
                    blobs.extend((0..extra).map(|seed| pack.blob(&leak(10 + seed))));
                    let commit_tree = super::pack::tree(&blobs[..2]);
                    pack.object(Kind::Tree, &commit_tree);
                    if name == harmed {
                        let offset = pack.rows[0].offset as usize;
                        pack.bytes[offset + at] ^= flip;
                        let tree = pack.rows.last().unwrap().offset as usize;
                        pack.bytes[tree] ^= 0x10;
                    }
                    pack.write(&repo.packs(), name);
                }
                let all: Vec<ObjectId> = vec![blobs[0], blobs[1]];
                repo.commit(&all);
                fs::remove_dir_all(repo.loose_path(&tree_id(&all)).parent().unwrap()).unwrap();
                let report = scanned(&repo, &usual());
                assert_complete(&report);
                assert_found(&report, &all);
            }
        }
    }
}

fn tree_id(blobs: &[ObjectId]) -> ObjectId {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Tree, &super::pack::tree(blobs)).unwrap()
}

#[test]
fn commits_and_tags_of_which_one_copy_is_harmed_are_walked() {
    for harmed in ["a", "b"] {
        for flip in [0x10, 0x20, 0x70] {
            let repo = Repo::new();
            let mut good = Vec::new();
            for name in ["a", "b"] {
                let mut pack = Pack::default();
                good = vec![pack.blob(&leak(1))];
                let tree = pack.object(Kind::Tree, &super::pack::tree(&good));
                let commit = pack.object(Kind::Commit, &super::pack::commit(tree));
                if name == harmed {
                    let offset = pack.rows[2].offset as usize;
                    pack.bytes[offset] ^= flip;
                }
                fs::write(repo.path().join("refs/heads/main"), format!("{commit}\n")).unwrap();
                pack.write(&repo.packs(), name);
            }
            let report = scanned(&repo, &usual());
            assert_complete(&report);
            assert_found(&report, &good);
            assert_eq!(report["coverage"]["commits"], 1, "{harmed} {flip}");
        }
    }
}

#[test]
fn files_beside_a_pack_change_nothing_but_the_name_of_what_is_missing() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let good = pack.blob(&leak(1));
    let path = pack.write(&repo.packs(), "kept");
    let absent = super::pack::made_up(1);
    repo.commit(&[good, absent]);
    for ending in ["keep", "bitmap", "rev", "mtimes"] {
        fs::write(path.with_extension(ending), "garbage").unwrap();
    }
    fs::write(repo.packs().join("multi-pack-index"), "MIDX garbage").unwrap();
    fs::write(repo.packs().join("tmp_pack_x"), "PACK garbage").unwrap();
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("missing-object", 1)]);
    assert_found(&report, &[good]);
    fs::write(path.with_extension("promisor"), "").unwrap();
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("promised-object", 1)]);
    assert_found(&report, &[good]);
}

#[test]
fn alternates_lend_their_objects_and_their_damage_is_named() {
    let (repo, lender) = (Repo::new(), Repo::new());
    let mut lent = Pack::default();
    let mut blobs = vec![lent.blob(&leak(1)), lent.blob(&leak(2))];
    lent.row(&blobs[1]).crc ^= 1;
    lent.write(&lender.packs(), "lent");
    let mut pack = Pack::default();
    blobs.extend(thin(&mut pack, &leak(1)));
    pack.write(&repo.packs(), "own");
    fs::create_dir_all(repo.objects().join("info")).unwrap();
    fs::write(repo.objects().join("info/alternates"), format!("{}\n", lender.objects().display())).unwrap();
    repo.commit(&blobs);
    let report = scanned(&repo, &usual());
    assert_eq!(skipped(&report), [("corrupt-object", 1)]);
    assert!(says(&report, &blobs[1].to_string()));
    assert_found(&report, &[blobs[0], blobs[2], blobs[3]]);
}
