//! Few bytes that are to become many.

use super::pack::{BLOB, OFS_DELTA, Pack, Repo, Step, delta, made_up, zlib};
use super::{How, assert_found, leak, scanned, skipped, usual};

/// What blobs may be large in these tests, so that the plain engine need not scan gigabytes.
const SMALL: u64 = 1 << 20;

fn small() -> How {
    How { limit: SMALL, ..usual() }
}

/// A chain in which each version is twice the one before: `levels` of them from 1 KiB.
fn doubling(pack: &mut Pack, levels: u32) -> Vec<sekisho::blob::ObjectId> {
    let base = vec![b'x'; 1024];
    let mut blobs = vec![pack.blob(&base)];
    let (mut offset, mut len) = (pack.rows.last().unwrap().offset, 1024_usize);
    for level in 0..levels {
        blobs.push(made_up(1000 + level));
        let twice = delta(len as u64, 2 * len as u64, &[Step::Copy(0, len), Step::Copy(0, len)]);
        offset = pack.ofs(blobs[blobs.len() - 1], offset, &twice);
        len *= 2;
    }
    blobs
}

#[test]
fn deltas_that_double_end_at_the_size_limit() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let good = pack.blob(&leak(1));
    // Up to a gibibyte.
    let mut blobs = doubling(&mut pack, 20);
    blobs.push(good);
    pack.write(&repo.packs(), "doubling");
    repo.commit(&blobs);
    let report = scanned(&repo, &small());
    assert_eq!(skipped(&report), [("over-default-size", 10)]);
    assert_eq!(report["coverage"]["blobs"], 12);
    assert_found(&report, &[good]);
}

#[test]
fn sizes_that_only_the_header_has_allocate_nothing() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let good = pack.blob(&leak(1));
    let base = pack.rows[0].offset;
    let mut blobs = vec![good];
    for (at, size) in [SMALL + 1, 1 << 40, u64::MAX >> 4].into_iter().enumerate() {
        blobs.push(made_up(at as u32));
        pack.entry(blobs[blobs.len() - 1], BLOB, size, &[], &zlib(b"small"));
        blobs.push(made_up(10 + at as u32));
        let distance = super::pack::distance_bytes(pack.bytes.len() as u64 - base);
        pack.entry(blobs[blobs.len() - 1], OFS_DELTA, size, &distance, &zlib(b"small"));
        blobs.push(made_up(20 + at as u32));
        pack.ofs(blobs[blobs.len() - 1], base, &delta(leak(1).len() as u64, size, &[Step::Copy(0, 5)]));
    }
    pack.write(&repo.packs(), "sizes");
    repo.commit(&blobs);
    let report = scanned(&repo, &small());
    assert_eq!(skipped(&report).iter().map(|skip| skip.1).sum::<u64>(), 9, "{report:#}");
    assert_found(&report, &[good]);
}

#[test]
fn streams_longer_than_they_say_are_not_inflated_to_their_end() {
    let repo = Repo::new();
    let mut pack = Pack::default();
    let good = pack.blob(&leak(1));
    let base = pack.rows[0].offset;
    let bomb = zlib(&vec![0; 64 << 20]);
    let (blob, delta_of) = (made_up(1), made_up(2));
    pack.entry(blob, BLOB, 1000, &[], &bomb);
    let distance = super::pack::distance_bytes(pack.bytes.len() as u64 - base);
    pack.entry(delta_of, OFS_DELTA, 1000, &distance, &bomb);
    let truly = made_up(3);
    pack.entry(truly, BLOB, 64 << 20, &[], &bomb);
    pack.write(&repo.packs(), "zlib");
    repo.commit(&[good, blob, delta_of, truly]);
    let report = scanned(&repo, &small());
    assert_eq!(skipped(&report), [("corrupt-object", 2), ("over-default-size", 1)]);
    assert_found(&report, &[good]);
}

/// Streams that begin one in the other and share the bomb at their end: each would be inflated by itself.
#[test]
fn entries_that_overlap_are_not_inflated_past_their_end() {
    const ENTRIES: usize = 200;
    let repo = Repo::new();
    let mut pack = Pack::default();
    let mut blobs = vec![pack.blob(&leak(1))];
    // A stored block up to where the last stream ends its own, then what makes the megabyte.
    let tail = zlib(&vec![0; 1 << 20]);
    let size = 1 << 19;
    let entry_len = 4 + 2 + 5;
    for number in 0..ENTRIES {
        blobs.push(made_up(number as u32));
        let covered = ((ENTRIES - 1 - number) * entry_len) as u16;
        let block = [[0x78, 0x01, 0].as_slice(), &covered.to_le_bytes(), &(!covered).to_le_bytes()].concat();
        pack.entry(blobs[blobs.len() - 1], BLOB, size, &[], &block);
    }
    pack.bytes.extend(&tail[2..]);
    pack.write(&repo.packs(), "overlap");
    repo.commit(&blobs);
    let report = scanned(&repo, &small());
    assert_eq!(skipped(&report), [("corrupt-object", ENTRIES as u64)]);
    assert_found(&report, &blobs[..1]);
}
