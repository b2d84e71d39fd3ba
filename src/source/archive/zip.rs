//! Takes a zip in memory, gives its files; must never drop a member because another has its name.
//!
//! A reader of its own: members that share a name are all handed out, and if the directory at the end is cut off, the
//! members are found by their own headers.

use std::io::Read;

use super::Format;
use super::expand::{Budget, Filled, OnMember};
use super::stream::{Streams, zip_lzma};
use crate::coverage::SkipReason;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END64: &[u8] = b"PK\x06\x06";
const END64_LOCATOR: &[u8] = b"PK\x06\x07";
/// The end record without its comment, and with the longest one.
const END_LEN: usize = 22;
const END_REACH: usize = END_LEN + 0xffff;

/// What one member's header says.
struct Entry<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Where its local header begins, as the directory counts.
    offset: u64,
}

/// Where the directory lies.
struct Directory {
    start: usize,
    /// What to add to offsets: the length of what was put before the zip.
    shift: u64,
    /// Members it should list, if the end record can say so many.
    count: Option<u64>,
}

/// Hands out the files of a zip.
pub(super) fn read(budget: &mut Budget<'_>, bytes: &[u8], on_member: OnMember<'_>) {
    let mut content = Vec::new();
    let Some(directory) = find_directory(bytes) else {
        budget.skip(SkipReason::ArchiveDamaged, b"", "the zip's directory is missing");
        return by_local_headers(budget, bytes, &mut content, on_member);
    };
    let mut at = directory.start;
    let mut listed = 0;
    while let Some((entry, next)) = central_entry(bytes, at) {
        if budget.stopped {
            return;
        }
        at = next;
        listed += 1;
        match local_data(bytes, &entry, directory.shift) {
            Some(data) => hand_out(budget, &entry, data, &mut content, on_member),
            None => budget.skip(SkipReason::ArchiveDamaged, entry.name, "its data lies outside the zip"),
        }
    }
    if directory.count.is_some_and(|count| count != listed) {
        budget.skip(SkipReason::ArchiveDamaged, b"", &format!("the zip's directory breaks off after {listed} members"));
    }
}

fn hand_out(budget: &mut Budget<'_>, entry: &Entry<'_>, data: &[u8], content: &mut Vec<u8>, on_member: OnMember<'_>) {
    let is_folder = entry.name.ends_with(b"/") && entry.size == 0;
    if is_folder || !budget.admit(entry.name) {
        return;
    }
    if entry.flags & 1 != 0 {
        return budget.skip(SkipReason::Encrypted, entry.name, "encrypted");
    }
    if entry.method == 0 {
        if budget.charge(data.len() as u64, entry.name) && budget.fits(data.len() as u64, entry.name) {
            on_member(budget, entry.name, data);
            check(budget, entry, data);
        }
        return;
    }
    let mut reader: Box<dyn Read + '_> = match entry.method {
        8 => Box::new(flate2::bufread::DeflateDecoder::new(data)),
        12 => return compressed(budget, entry, Format::Bzip2, data, content, on_member),
        93 | 20 => return compressed(budget, entry, Format::Zstd, data, content, on_member),
        95 => return compressed(budget, entry, Format::Xz, data, content, on_member),
        14 => match zip_lzma(data, if entry.flags & 2 == 0 { entry.size } else { u64::MAX }) {
            Ok(reader) => Box::new(reader),
            Err(error) => return budget.skip(SkipReason::ArchiveDamaged, entry.name, &error.to_string()),
        },
        other => {
            let why = format!("zip compression method {other} is not supported");
            return budget.skip(SkipReason::Binary, entry.name, &why);
        }
    };
    decode(budget, entry, &mut reader, content, on_member);
}

fn compressed(
    budget: &mut Budget<'_>,
    entry: &Entry<'_>,
    format: Format,
    data: &[u8],
    content: &mut Vec<u8>,
    on_member: OnMember<'_>,
) {
    match Streams::open(format, data) {
        Ok(mut stream) => decode(budget, entry, &mut stream, content, on_member),
        Err(error) => budget.skip(SkipReason::ArchiveDamaged, entry.name, &error.to_string()),
    }
}

fn decode(
    budget: &mut Budget<'_>,
    entry: &Entry<'_>,
    reader: &mut dyn Read,
    content: &mut Vec<u8>,
    on_member: OnMember<'_>,
) {
    let filled = budget.fill(reader, content, entry.name);
    if filled.is_of_use(content) {
        on_member(budget, entry.name, content);
    }
    if filled == Filled::Whole {
        check(budget, entry, content);
    }
}

fn check(budget: &mut Budget<'_>, entry: &Entry<'_>, content: &[u8]) {
    if crc32fast::hash(content) != entry.crc {
        budget.skip(SkipReason::ArchiveDamaged, entry.name, "its checksum is wrong");
    }
}

/// Finds the directory by the record at the end, and by that of zip64 before it.
fn find_directory(bytes: &[u8]) -> Option<Directory> {
    let reach = bytes.len().saturating_sub(END_REACH);
    // The comment may hold the magic too: the record whose comment ends the file is the right one.
    let end = memchr::memmem::rfind_iter(&bytes[reach..], END)
        .map(|at| reach + at)
        .find(|&at| u16_at(bytes, at + 20).is_some_and(|comment| at + END_LEN + usize::from(comment) == bytes.len()))
        .or_else(|| memchr::memmem::rfind(&bytes[reach..], END).map(|at| reach + at))?;
    let count = u16_at(bytes, end + 10)?;
    let (mut count, mut size, mut offset, mut after) =
        (Some(u64::from(count)), u64::from(u32_at(bytes, end + 12)?), u64::from(u32_at(bytes, end + 16)?), end);
    let locator = end.checked_sub(20).filter(|&at| bytes[at..].starts_with(END64_LOCATOR));
    if let Some(locator) = locator {
        let stated = u64_at(bytes, locator + 8)?;
        // The record stands right before its locator when something was put before the zip.
        let record = [usize::try_from(stated).ok(), locator.checked_sub(56)]
            .into_iter()
            .flatten()
            .find(|&at| bytes.get(at..).is_some_and(|rest| rest.starts_with(END64)))?;
        (count, size, offset, after) =
            (u64_at(bytes, record + 32), u64_at(bytes, record + 40)?, u64_at(bytes, record + 48)?, record);
    }
    let start = (after as u64).checked_sub(size)?;
    let shift = start.checked_sub(offset)?;
    let start = usize::try_from(start).ok()?;
    let is_there = count == Some(0) || bytes[start..].starts_with(CENTRAL);
    is_there.then_some(Directory { start, shift, count })
}

/// The directory's entry at `at`, and where the next one begins.
fn central_entry(bytes: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    let fixed = bytes.get(at..at + 46).filter(|fixed| fixed.starts_with(CENTRAL))?;
    let [name_len, extra_len, comment_len] = [28, 30, 32].map(|field| usize::from(u16_at(fixed, field).unwrap_or(0)));
    let name = bytes.get(at + 46..at + 46 + name_len)?;
    let extra = bytes.get(at + 46 + name_len..at + 46 + name_len + extra_len)?;
    let mut entry = Entry {
        name,
        flags: u16_at(fixed, 8)?,
        method: u16_at(fixed, 10)?,
        crc: u32_at(fixed, 16)?,
        packed: u64::from(u32_at(fixed, 20)?),
        size: u64::from(u32_at(fixed, 24)?),
        offset: u64::from(u32_at(fixed, 42)?),
    };
    widen(&mut [&mut entry.size, &mut entry.packed, &mut entry.offset], extra);
    Some((entry, at + 46 + name_len + extra_len + comment_len))
}

/// Replaces the fields that say "see zip64" by those of the zip64 record, which holds only them, in this order.
fn widen(fields: &mut [&mut u64], mut extra: &[u8]) {
    while let (Some(id), Some(len)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some(record) = extra.get(4..4 + usize::from(len)) else { return };
        if id == 1 {
            let mut at = 0;
            for field in fields.iter_mut().filter(|field| ***field == u64::from(u32::MAX)) {
                let Some(value) = u64_at(record, at) else { return };
                **field = value;
                at += 8;
            }
            return;
        }
        extra = &extra[4 + usize::from(len)..];
    }
}

/// The packed bytes of an entry: they follow its local header, whose name and extra field may differ in length.
fn local_data<'a>(bytes: &'a [u8], entry: &Entry<'_>, shift: u64) -> Option<&'a [u8]> {
    let at = usize::try_from(entry.offset.checked_add(shift)?).ok()?;
    let local = bytes.get(at..)?.get(..30).filter(|local| local.starts_with(LOCAL))?;
    let start = at + 30 + usize::from(u16_at(local, 26)?) + usize::from(u16_at(local, 28)?);
    bytes.get(start..)?.get(..usize::try_from(entry.packed).ok()?)
}

/// Reads a zip from its beginning, as far as its members' own headers lead.
fn by_local_headers(budget: &mut Budget<'_>, bytes: &[u8], content: &mut Vec<u8>, on_member: OnMember<'_>) {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memmem::find(rest, LOCAL)) {
        at += found;
        let Some((mut entry, start)) = local_entry(bytes, at).filter(|_| !budget.stopped) else { return };
        let rest = &bytes[start..];
        // A member written to a pipe has its length after its data: deflate knows where it ends itself.
        let open_ended = entry.flags & 8 != 0 && entry.packed == 0;
        let data = match usize::try_from(entry.packed) {
            Ok(packed) if !open_ended => &rest[..packed.min(rest.len())],
            _ => rest,
        };
        if open_ended && entry.method == 8 && budget.admit(entry.name) {
            let mut decoder = flate2::bufread::DeflateDecoder::new(data);
            if budget.fill(&mut decoder, content, entry.name).is_of_use(content) {
                on_member(budget, entry.name, content);
            }
            at = bytes.len() - decoder.into_inner().len();
        } else if open_ended {
            let end = memchr::memmem::find(data, b"PK\x07\x08").unwrap_or(data.len());
            entry.crc = u32_at(data, end + 4).unwrap_or(0);
            hand_out(budget, &entry, &data[..end], content, on_member);
            at = start + end;
        } else {
            hand_out(budget, &entry, data, content, on_member);
            at = start + data.len();
        }
    }
}

/// The member whose local header stands at `at`, and where its data begins.
fn local_entry(bytes: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    let fixed = bytes.get(at..at + 30)?;
    let name_end = at + 30 + usize::from(u16_at(fixed, 26)?);
    let start = name_end + usize::from(u16_at(fixed, 28)?);
    let mut entry = Entry {
        name: bytes.get(at + 30..name_end)?,
        flags: u16_at(fixed, 6)?,
        method: u16_at(fixed, 8)?,
        crc: u32_at(fixed, 14)?,
        packed: u64::from(u32_at(fixed, 18)?),
        size: u64::from(u32_at(fixed, 22)?),
        offset: at as u64,
    };
    widen(&mut [&mut entry.size, &mut entry.packed], bytes.get(name_end..start)?);
    Some((entry, start))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}
