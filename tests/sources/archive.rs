use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use proptest::prelude::*;
use sekisho::coverage::SkipReason;
use sekisho::source::archive::{Format, Limits, expand, expand_all, sniff};
use zip::write::SimpleFileOptions;

type Skips = Vec<(SkipReason, String)>;

fn members(name: &str, bytes: &[u8], limits: &Limits) -> (Vec<(String, Vec<u8>)>, Skips) {
    let (mut members, mut skips) = (Vec::new(), Vec::new());
    let opened = expand_all(
        name.as_bytes(),
        bytes,
        limits,
        &mut |member| members.push((String::from_utf8_lossy(member.path).into_owned(), member.bytes.to_vec())),
        &mut |reason, what| skips.push((reason, what)),
    );
    assert!(opened || members.is_empty() && skips.is_empty());
    (members, skips)
}

fn text_members(name: &str, bytes: &[u8]) -> BTreeMap<String, String> {
    let (members, skips) = members(name, bytes, &Limits::default());
    assert_eq!(skips, [], "{name}");
    members.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect()
}

fn expected<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if name.contains("..") || name.starts_with('/') {
            // The writer refuses such names.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        } else {
            builder.append_data(&mut header, name, *content).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

#[test]
fn opens_every_format_and_joins_paths() {
    let inner = gzip(&tar_of(&[("c.txt", b"deep"), ("../../etc/x", b"label"), ("/abs", b"label too")]));
    let archive = zip_of(&[("a.txt", b"top"), ("b.tar.gz", &inner), ("notes.txt.xz", &xz(b"noted")), ("empty", b"")]);
    assert_eq!(
        text_members("a.zip", &archive),
        expected([
            ("a.txt", "top"),
            ("b.tar.gz!/c.txt", "deep"),
            ("b.tar.gz!/../../etc/x", "label"),
            ("b.tar.gz!//abs", "label too"),
            ("notes.txt.xz!/notes.txt", "noted"),
            ("empty", ""),
        ])
    );
    let tar = tar_of(&[("c", b"1"), (&"long/".repeat(60), b""), (&format!("{}d", "long/".repeat(60)), b"2")]);
    let long = format!("{}d", "long/".repeat(60));
    for (name, bytes) in [
        ("t.tar", tar.clone()),
        ("t.tgz", gzip(&tar)),
        ("t.tar.bz2", bzip2(&tar)),
        ("t.tar.zst", zstd(&tar)),
        ("t.tar.xz", xz(&tar)),
    ] {
        assert_eq!(text_members(name, &bytes), expected([("c", "1"), (&long, "2")]), "{name}");
    }
    for (name, bytes) in
        [("s.sql.gz", gzip(b"x")), ("s.sql.bz2", bzip2(b"x")), ("s.sql.zst", zstd(b"x")), ("s.sql.xz", xz(b"x"))]
    {
        assert_eq!(text_members(name, &bytes), expected([("s.sql", "x")]), "{name}");
    }
}

#[test]
fn expand_opens_one_level_only() {
    let inner = zip_of(&[("b", b"x")]);
    let archive = tar_of(&[("a.zip", &inner)]);
    let mut seen = Vec::new();
    expand(
        Format::Tar,
        b"",
        &archive,
        &Limits::default(),
        &mut |member| seen.push((member.path.to_vec(), member.bytes.to_vec())),
        &mut |reason, what| panic!("{reason:?} {what}"),
    );
    assert_eq!(seen, [(b"a.zip".to_vec(), inner)]);
}

#[test]
fn joined_and_padded_streams_are_read_to_the_end() {
    for (format, part) in [("gz", gzip as fn(&[u8]) -> Vec<u8>), ("bz2", bzip2), ("zst", zstd), ("xz", xz)] {
        let joined = [part(b"one "), part(b"two"), vec![0; 512]].concat();
        assert_eq!(text_members(&format!("j.{format}"), &joined), expected([("j", "one two")]), "{format}");
        let (members, skips) = members("j", &[part(b"one"), b"rubbish".to_vec()].concat(), &Limits::default());
        assert_eq!(members, [("j".to_owned(), b"one".to_vec())], "{format}");
        assert_eq!(skips[0].0, SkipReason::ArchiveDamaged, "{format}");
    }
    let tars = [tar_of(&[("a", b"1")]), tar_of(&[("b", b"2")])].concat();
    assert_eq!(text_members("t.tar", &tars), expected([("a", "1"), ("b", "2")]));
    let framed = [b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), zstd(b"x")].concat();
    assert_eq!(text_members("s.zst", &framed), expected([("s", "x")]));
}

#[test]
fn zips_with_equal_names_prefixes_and_descriptors() {
    let mut twice = zip_of(&[("aa", b"first"), ("ab", b"second")]);
    for at in memchr::memmem::find_iter(&twice.clone(), b"ab") {
        twice[at + 1] = b'a';
    }
    let (found, skips) = members("z", &twice, &Limits::default());
    assert_eq!(found, [("aa".to_owned(), b"first".to_vec()), ("aa".to_owned(), b"second".to_vec())]);
    assert_eq!(skips, []);
    let prefixed = [b"#!/usr/bin/env python3\n".to_vec(), zip_of(&[("m.py", b"x = 1")])].concat();
    assert_eq!(text_members("z", &prefixed), expected([("m.py", "x = 1")]));

    let mut stream = zip::ZipWriter::new_stream(Vec::new());
    stream.start_file("piped", SimpleFileOptions::default()).unwrap();
    stream.write_all(b"of unknown length").unwrap();
    stream.start_file("large", SimpleFileOptions::default().large_file(true)).unwrap();
    stream.write_all(b"zip64").unwrap();
    let mut piped = stream.finish().unwrap().into_inner();
    let whole = expected([("piped", "of unknown length"), ("large", "zip64")]);
    assert_eq!(text_members("z", &piped), whole);
    // Without its directory, the members are found by their own headers.
    let directory = memchr::memmem::find(&piped, b"PK\x01\x02").unwrap();
    piped.truncate(directory);
    let (found, skips) = members("z", &piped, &Limits::default());
    let found: BTreeMap<_, _> = found.into_iter().map(|(path, b)| (path, String::from_utf8(b).unwrap())).collect();
    assert_eq!(found, whole);
    assert_eq!(skips, [(SkipReason::ArchiveDamaged, "the zip's directory is missing".to_owned())]);
}

#[test]
fn damage_is_told_and_the_rest_read() {
    // A wrong checksum.
    let mut archive = zip_of(&[("a", b"stored text that is long enough to be deflated deflated"), ("b", b"second")]);
    let crc = memchr::memmem::rfind(&archive, b"PK\x01\x02").unwrap() + 16;
    archive[crc] ^= 1;
    let (found, skips) = members("z", &archive, &Limits::default());
    assert_eq!(found.len(), 2);
    assert_eq!(skips, [(SkipReason::ArchiveDamaged, "b: its checksum is wrong".to_owned())]);

    // A tar with a spoiled header in the middle, and one that breaks off.
    let mut tar = tar_of(&[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    tar[1024] ^= 0xff;
    let (found, skips) = members("t", &tar, &Limits::default());
    assert_eq!(found, [("a".to_owned(), b"1".to_vec()), ("c".to_owned(), b"3".to_vec())]);
    assert_eq!(skips, [(SkipReason::ArchiveDamaged, "damaged tar header".to_owned())]);
    let cut = &tar_of(&[("a", b"1"), ("b", &[b'x'; 600])])[..1024 + 512 + 300];
    let (found, skips) = members("t", cut, &Limits::default());
    assert_eq!(found[1], ("b".to_owned(), vec![b'x'; 300]));
    assert_eq!(skips, [(SkipReason::ArchiveDamaged, "b: the archive ends inside this member".to_owned())]);

    // A compressed stream that breaks off, by itself and around a tar.
    let noise: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let packed = gzip(&noise);
    let (found, skips) = members("n.gz", &packed[..packed.len() / 2], &Limits::default());
    assert!(found[0].1.len() > 1000 && noise.starts_with(&found[0].1));
    assert_eq!(skips[0].0, SkipReason::ArchiveDamaged);
    let packed = gzip(&tar_of(&[("a", b"first"), ("noise", &noise), ("z", b"last")]));
    let (found, skips) = members("n.tgz", &packed[..packed.len() / 2], &Limits::default());
    assert_eq!(found[0], ("a".to_owned(), b"first".to_vec()));
    assert_eq!((found.len(), skips.len()), (2, 1));

    // An inner archive of which nothing can be read is handed out as it is.
    let broken = b"\x1f\x8b\x08 but not really";
    let (found, skips) = members("z", &zip_of(&[("x.gz", broken)]), &Limits::default());
    assert_eq!(found, [("x.gz".to_owned(), broken.to_vec())]);
    assert_eq!(skips[0].0, SkipReason::ArchiveDamaged);
}

#[test]
fn encrypted_and_unsupported_members_are_named() {
    let mut archive = zip_of(&[("open", b"1"), ("locked", b"2"), ("old.rar", b"Rar!\x1a\x07\x00rest")]);
    let headers = |magic: &[u8]| memchr::memmem::find_iter(&archive, magic).nth(1).unwrap();
    let (local, central) = (headers(b"PK\x03\x04"), headers(b"PK\x01\x02"));
    archive[local + 6] |= 1;
    archive[central + 8] |= 1;
    let (found, skips) = members("z", &archive, &Limits::default());
    assert_eq!(found, [("open".to_owned(), b"1".to_vec())]);
    assert_eq!(
        skips,
        [
            (SkipReason::Encrypted, "locked: encrypted".to_owned()),
            (SkipReason::Binary, "old.rar: RAR archives are not opened".to_owned()),
        ]
    );
}

#[test]
fn limits_hold() {
    let small = Limits { ratio_floor: 1 << 20, ..Limits::default() };
    let told = |bytes: &[u8], limits: &Limits| {
        let (found, skips) = members("bomb", bytes, limits);
        assert!(skips.iter().any(|(reason, _)| *reason == SkipReason::ArchiveLimit), "{skips:?}");
        found
    };
    // One stream of zeros, by itself, in a tar, in a zip.
    let zeros = vec![0; 8 << 20];
    assert!(told(&bzip2(&zeros), &small).is_empty());
    assert!(told(&gzip(&zeros), &small).is_empty());
    assert_eq!(told(&bzip2(&tar_of(&[("a", b"1"), ("zeros", &zeros), ("z", b"2")])), &small).len(), 1);
    assert_eq!(told(&zip_of(&[("a", b"1"), ("zeros", &zeros)]), &small).len(), 1);
    // The limit of one member: the others are still read.
    let one = Limits { member_bytes: 1000, ..Limits::default() };
    let found = told(&gzip(&tar_of(&[("a", b"1"), ("big", &[b'x'; 5000]), ("z", b"2")])), &one);
    assert_eq!(found.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a", "z"]);
    // Members, and depth.
    let many: Vec<(String, &[u8])> = (0..50).map(|i| (i.to_string(), &b""[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, content)| (name.as_str(), *content)).collect();
    let few = Limits { members: 10, ..Limits::default() };
    assert_eq!(told(&zip_of(&many), &few).len(), 10);
    assert_eq!(told(&tar_of(&many), &few).len(), 10);
    let mut nested = zip_of(&[("end", b"deep")]);
    for _ in 0..5 {
        nested = zip_of(&[("beside", b"1"), ("n.zip", &nested)]);
    }
    let found = told(&nested, &Limits::default());
    assert_eq!(found.len(), 5);
    assert!(members("n", &nested, &Limits { depth: 6, ..Limits::default() }).0.iter().any(|m| m.1 == b"deep"));
    assert_eq!(members("n", &nested, &Limits { depth: 0, ..Limits::default() }), (vec![], vec![]));
}

#[test]
fn a_zip_whose_members_share_their_data_stops_at_the_limit() {
    // One megabyte, named by a thousand directory entries.
    let one = zip_of(&[("k", &vec![b'k'; 1 << 20])]);
    let central = memchr::memmem::find(&one, b"PK\x01\x02").unwrap();
    let end = memchr::memmem::find(&one, b"PK\x05\x06").unwrap();
    let mut bomb = one[..central].to_vec();
    (0..1000).for_each(|_| bomb.extend_from_slice(&one[central..end]));
    let mut tail = one[end..].to_vec();
    tail[8..10].copy_from_slice(&1000u16.to_le_bytes());
    tail[10..12].copy_from_slice(&1000u16.to_le_bytes());
    tail[12..16].copy_from_slice(&(1000 * (end - central) as u32).to_le_bytes());
    bomb.extend_from_slice(&tail);
    let limits = Limits { ratio_floor: 8 << 20, ratio: 10, ..Limits::default() };
    let (found, skips) = members("z", &bomb, &limits);
    assert_eq!(found.len(), 8);
    assert_eq!(skips.iter().filter(|(reason, _)| *reason == SkipReason::ArchiveLimit).count(), 1, "{skips:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever bytes are spoiled or cut off: no panic, no more than the limits.
    #[test]
    fn spoiled_archives_stay_within_the_limits(
        which in 0usize..7,
        spoil in proptest::collection::vec((0usize..4000, any::<u8>()), 0..12),
        cut in 0usize..4000,
    ) {
        let tar = tar_of(&[("a.txt", b"some text"), (&"n".repeat(150), &[b'y'; 700]), ("b", b"")]);
        let inner = zip_of(&[("x", &[b'z'; 3000]), ("t.tar", &tar)]);
        let mut bytes = match which {
            0 => tar,
            1 => inner,
            2 => gzip(&tar),
            3 => xz(&tar),
            4 => zstd(&tar),
            5 => bzip2(&tar),
            _ => zip_of(&[("i.zip", &inner), ("t.xz", &xz(&tar)), ("t.gz", &gzip(&tar))]),
        };
        let format = sniff(&bytes).unwrap();
        for (at, byte) in spoil {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut % bytes.len()));
        let limits = Limits { members: 20, member_bytes: 2048, total_bytes: 16 << 10, depth: 2, ..Limits::default() };
        let (mut total, mut count) = (0, 0);
        expand(format, b"n", &bytes, &limits, &mut |member| {
            assert!(member.bytes.len() <= 2048);
            total += member.bytes.len();
            count += 1;
        }, &mut |_, _| {});
        prop_assert!(total <= 16 << 10 && count <= 20);
        let (found, _) = members("n", &bytes, &limits);
        prop_assert!(found.len() <= 20);
    }

    /// What goes in comes out.
    #[test]
    fn archives_round_trip(files in proptest::collection::btree_map("[a-z]{1,8}(/[a-z]{1,60}){0,3}\\.x", proptest::collection::vec(any::<u8>(), 0..2000), 0..8)) {
        let list: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        prop_assume!(list.iter().all(|(_, content)| sniff(content).is_none()));
        let wanted: Vec<(String, Vec<u8>)> = files.clone().into_iter().collect();
        let tar = tar_of(&list);
        let zip = zip_of(&list);
        prop_assert_eq!(&members("z", &zip, &Limits::default()), &(wanted.clone(), vec![]));
        if !files.is_empty() {
            prop_assert_eq!(&members("t", &tar, &Limits::default()), &(wanted.clone(), vec![]));
            prop_assert_eq!(&members("t", &xz(&tar), &Limits::default()), &(wanted, vec![]));
        }
    }
}
