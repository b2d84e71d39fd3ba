//! A pack and its index, made by a small program: whole checksums and streams, so that the fuzzer gets to the deltas.
//!
//! Each entry begins with a byte that says what it is, one that says whose delta, one that says how it lies, and one with
//! the length of its content: instructions for a delta, otherwise text, which may be repeated.

#![no_main]

#[path = "both.rs"]
mod both;
#[expect(dead_code, reason = "tests need more of it")]
#[path = "../../tests/hostile/pack.rs"]
mod pack;

use std::cell::LazyCell;
use std::fs;

use gix::objs::Kind;
use libfuzzer_sys::fuzz_target;
use pack::{OFS_DELTA, Pack, REF_DELTA, Repo, made_up, zlib};

thread_local! {
    static REPO: LazyCell<Repo> = LazyCell::new(Repo::new);
}

/// Lies about an entry, as bits of its third byte.
const OTHER_NAME: u8 = 1;
const WRONG_CRC: u8 = 2;
const WRONG_SIZE: u8 = 4;
const WRONG_OFFSET: u8 = 8;
const RAW_STREAM: u8 = 16;
const OTHER_PACK: u8 = 32;
const NO_SIZES: u8 = 64;
const LEFT_OUT: u8 = 128;

fuzz_target!(|data: &[u8]| {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let mut packs = [Pack::default(), Pack::default()];
    packs[0].version = if first & 1 == 0 { 2 } else { 1 };
    // Ids with the sizes of the objects, by order of making.
    let mut made: Vec<(gix::ObjectId, usize)> = Vec::new();
    while let Some((&[what, base, lies, len], after)) = rest.split_first_chunk::<4>() {
        let (content, after) = after.split_at(after.len().min(usize::from(len)));
        rest = after;
        let pack = &mut packs[usize::from(lies & OTHER_PACK != 0)];
        let name = made_up(made.len() as u32);
        match what % 8 {
            kind @ 5..=6 => {
                let to = made.get(usize::from(base)).copied().unwrap_or((made_up(u32::from(base)), 9));
                // Sizes that are right save the fuzzer from having to find them.
                let size = made_by(content).unwrap_or(u64::from(what >> 3));
                let mut delta = if lies & NO_SIZES == 0 { pack::delta(to.1 as u64, size, &[]) } else { Vec::new() };
                delta.extend(content);
                let stream = if lies & RAW_STREAM == 0 { zlib(&delta) } else { content.to_vec() };
                let declared = delta.len() as u64 ^ u64::from(lies & WRONG_SIZE);
                match pack.rows.iter().find(|row| row.id == to.0).map(|row| row.offset) {
                    Some(at) if kind == 5 => {
                        let distance = pack::distance_bytes((pack.bytes.len() as u64).saturating_sub(at));
                        pack.entry(name, OFS_DELTA, declared, &distance, &stream)
                    }
                    _ => pack.entry(name, REF_DELTA, declared, to.0.as_bytes(), &stream),
                };
                made.push((name, size as usize));
            }
            kind => {
                let kinds = [Kind::Blob, Kind::Tree, Kind::Commit, Kind::Tag];
                let kind = kinds[usize::from(kind % 4)];
                let text = object(kind, content, base, &made);
                made.push((add(pack, kind, &text, lies, name), text.len()));
            }
        }
        if let Some(row) = pack.rows.last_mut() {
            row.crc ^= u32::from(lies & WRONG_CRC);
            row.offset = row.offset.wrapping_add(u64::from(lies & WRONG_OFFSET));
        }
        if lies & LEFT_OUT != 0 && lies & OTHER_NAME != 0 {
            pack.rows.pop();
        }
    }
    REPO.with(|repo| {
        let _ = fs::remove_dir_all(repo.objects());
        fs::create_dir_all(repo.packs()).unwrap();
        let ids: Vec<_> = made.iter().map(|object| object.0).collect();
        for (at, id) in ids.iter().take(3).enumerate() {
            fs::write(repo.path().join(format!("refs/heads/r{at}")), format!("{id}\n")).unwrap();
        }
        let [first_pack, second] = packs;
        let is_used = !second.rows.is_empty();
        first_pack.write(&repo.packs(), "a");
        if is_used {
            second.write(&repo.packs(), "b");
        }
        repo.commit(&ids);
        both::compare(repo.path());
    });
});

/// Appends an object that is no delta.
fn add(pack: &mut Pack, kind: Kind, text: &[u8], lies: u8, name: gix::ObjectId) -> gix::ObjectId {
    let id = pack.object(kind, text);
    if lies & OTHER_NAME != 0
        && let Some(row) = pack.rows.last_mut()
    {
        row.id = name;
        return name;
    }
    id
}

/// The content of an object: text, or what names objects that were made before.
fn object(kind: Kind, content: &[u8], times: u8, made: &[(gix::ObjectId, usize)]) -> Vec<u8> {
    let id = |at: u8| made.get(usize::from(at)).map_or_else(|| made_up(u32::from(at)), |object| object.0);
    let first = content.first().copied().unwrap_or_default();
    match kind {
        Kind::Blob => content.repeat(1 + usize::from(times)),
        Kind::Tree => {
            let modes = ["100644", "40000", "160000", "120000"];
            let entry = |byte: &u8| {
                let name = format!("{} n{}\0", modes[usize::from(byte >> 6)], byte % 7);
                [name.as_bytes(), id(byte % 16).as_bytes()].concat()
            };
            content.iter().flat_map(entry).collect()
        }
        Kind::Commit => {
            let parents: String = content.iter().skip(1).map(|&byte| format!("parent {}\n", id(byte))).collect();
            let who = format!("author A <a> {times} +0000\ncommitter C <c> {times} +0000\n\nm\n");
            format!("tree {}\n{parents}{who}", id(first)).into_bytes()
        }
        Kind::Tag => format!("object {}\ntype commit\ntag t\ntagger T <t> 1 +0000\n\nm\n", id(first)).into_bytes(),
    }
}

/// How many bytes some instructions make, if they are any.
fn made_by(instructions: &[u8]) -> Option<u64> {
    let mut size = 0;
    let mut at = 0;
    while let Some(&instruction) = instructions.get(at) {
        at += 1;
        if instruction & 0x80 == 0 {
            size += u64::from(instruction);
            at += usize::from(instruction);
        } else {
            let mut len = 0;
            for bit in 0..7 {
                if instruction >> bit & 1 != 0 {
                    let byte = u64::from(*instructions.get(at)?);
                    len |= if bit >= 4 { byte << (8 * (bit - 4)) } else { 0 };
                    at += 1;
                }
            }
            size += if len == 0 { 0x1_0000 } else { len };
        }
    }
    Some(size)
}
