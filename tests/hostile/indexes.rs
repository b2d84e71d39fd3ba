//! Indexes that lie about their pack.

use std::fs;

use super::pack::{Pack, Repo, Step, blob_id};
use super::{assert_complete, assert_found, leak, says, scanned, skipped, usual};
use sekisho::blob::ObjectId;

/// Three blobs and a delta of the first.
fn pack() -> (Pack, Vec<ObjectId>) {
    let mut pack = Pack::default();
    let mut blobs: Vec<ObjectId> = (1..4).map(|seed| pack.blob(&leak(seed))).collect();
    let base = leak(1);
    blobs.push(blob_id(&pack.version(&base, &[Step::Insert(b"and\n"), Step::Copy(0, base.len())])));
    (pack, blobs)
}

fn report(pack: Pack, blobs: &[ObjectId]) -> serde_json::Value {
    let repo = Repo::new();
    pack.write(&repo.packs(), "lies");
    repo.commit(blobs);
    scanned(&repo, &usual())
}

#[test]
fn offsets_into_entries_and_past_the_end_cost_the_entry() {
    let whole = pack().0.bytes.len() as u64;
    for wrong in [0, 5, 13, 14, whole - 1, whole, whole + 19, whole + 20, whole + 21, 1 << 30, 1 << 40, u64::MAX] {
        let (mut pack, blobs) = pack();
        pack.row(&blobs[1]).offset = wrong;
        let report = report(pack, &blobs);
        assert!(says(&report, &blobs[1].to_string()), "{wrong}: {report:#}");
        let found = report.to_string();
        assert!(found.contains(&blobs[2].to_string()), "{wrong}: what is whole is scanned");
    }
}

#[test]
fn two_names_for_one_entry_hide_nothing() {
    let (mut pack, blobs) = pack();
    pack.row(&blobs[1]).offset = pack.row(&blobs[2]).offset;
    pack.row(&blobs[1]).crc = pack.row(&blobs[2]).crc;
    let report = report(pack, &blobs);
    assert!(says(&report, "leaves out some of its objects"), "{report:#}");
    assert!(report.to_string().contains(&blobs[3].to_string()));
}

#[test]
fn one_name_for_two_entries_is_read_as_far_as_it_can_be_found() {
    let (mut pack, blobs) = pack();
    pack.row(&blobs[1]).id = blobs[2];
    let report = report(pack, &blobs);
    assert!(says(&report, &blobs[1].to_string()), "{report:#}");
    assert!(report.to_string().contains(&blobs[3].to_string()));
}

#[test]
fn ids_that_are_not_sorted_are_missing_objects() {
    let (mut pack, blobs) = pack();
    pack.rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    pack.sorted = false;
    let report = report(pack, &blobs);
    assert!(skipped(&report).iter().any(|skip| skip.0 == "missing-object"), "{report:#}");
}

#[test]
fn an_entry_that_is_left_out_is_noticed() {
    for lie in [false, true] {
        for at in 0..4 {
            let (mut pack, mut blobs) = pack();
            if !lie {
                pack.count = Some(4);
            }
            pack.rows.remove(at);
            blobs.remove(at);
            let report = report(pack, &blobs);
            let words = if lie { "leaves out some of its objects" } else { "not the pack of its index" };
            assert!(says(&report, words), "{at}: {report:#}");
            for blob in &blobs {
                let is_lost = at == 0 && *blob == blobs[2];
                assert_eq!(says(&report, &blob.to_string()), is_lost, "{at}: {report:#}");
            }
        }
    }
}

#[test]
fn names_that_were_exchanged_are_told_by_no_checksum_and_lose_nothing() {
    let (mut pack, blobs) = pack();
    let (a, b) = (*pack.row(&blobs[1]), *pack.row(&blobs[2]));
    *pack.row(&blobs[1]) = super::pack::Row { id: a.id, ..b };
    pack.rows[2] = super::pack::Row { id: b.id, ..a };
    let report = report(pack, &blobs);
    assert_found(&report, &blobs);
}

#[test]
fn an_old_index_without_checksums_is_read_and_its_lies_are_told_by_the_ids() {
    let (mut whole, blobs) = pack();
    whole.version = 1;
    let report_of_whole = report(whole, &blobs);
    assert_complete(&report_of_whole);
    assert_found(&report_of_whole, &blobs);

    let (mut lying, blobs) = pack();
    lying.version = 1;
    let (a, b) = (lying.row(&blobs[1]).offset, lying.row(&blobs[2]).offset);
    lying.row(&blobs[1]).offset = b;
    lying.row(&blobs[2]).offset = a;
    let report = report(lying, &blobs);
    assert_eq!(skipped(&report), [("corrupt-object", 2)]);
    assert_found(&report, &[blobs[0], blobs[3]]);
}

#[test]
fn truncated_and_grown_files_cost_what_is_in_them() {
    for (ending, change) in [("idx", -1_i64), ("idx", 1), ("idx", -600), ("pack", -1), ("pack", 1), ("pack", -90)] {
        let repo = Repo::new();
        let (pack, blobs) = pack();
        let path = pack.write(&repo.packs(), "cut").with_extension(ending);
        let beside = repo.loose(gix::objs::Kind::Blob, &leak(9));
        repo.commit(&[blobs, vec![beside]].concat());
        let mut bytes = fs::read(&path).unwrap();
        bytes.resize(bytes.len().saturating_add_signed(change as isize), 0);
        fs::write(&path, bytes).unwrap();
        let report = scanned(&repo, &usual());
        assert!(says(&report, "pack pack-cut.pack"), "{ending} {change}: {report:#}");
        assert!(report.to_string().contains(&beside.to_string()), "{ending} {change}");
    }
}
