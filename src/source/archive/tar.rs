//! Takes a tar stream, gives its files; must never believe a length in a header beyond the limits.
//!
//! A reader of its own: it goes on after a damaged header, keeps names as bytes, and bounds the long names that GNU and
//! POSIX put in members of their own.

use std::io::{self, Read};

use super::expand::{Budget, Filled, OnMember};
use crate::coverage::SkipReason;

/// A tar is made of blocks of this many bytes.
pub(super) const BLOCK: usize = 512;

/// Longest name or extended header that is read; no file system has longer paths.
const LONGEST_NAME: u64 = 64 << 10;

/// Whether `bytes` begin with a header whose checksum is right, which chance or text do not give.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<BLOCK>() else { return false };
    if header[0] == 0 && &header[257..262] != b"ustar" {
        return false;
    }
    let stored = octal(&header[148..156]);
    let blank = u64::from(b' ') * 8;
    let rest = || header[..148].iter().chain(&header[156..]);
    let unsigned: u64 = rest().map(|&b| u64::from(b)).sum::<u64>() + blank;
    // Some old programs added the bytes up as signed ones.
    let signed: i64 = rest().map(|&b| i64::from(b.cast_signed())).sum::<i64>() + blank.cast_signed();
    stored.is_some_and(|stored| stored == unsigned || i64::try_from(stored) == Ok(signed))
}

/// Hands out the files of a tar.
pub(super) fn read(budget: &mut Budget<'_>, stream: &mut dyn Read, on_member: OnMember<'_>) {
    let mut tar = Tar { stream, content: Vec::new(), next: Extended::default(), damage_told: false, failed: false };
    while !budget.stopped && !tar.failed {
        match tar.block() {
            Ok(Some(header)) => {
                if let Err(error) = tar.member(budget, &header, on_member) {
                    return budget.skip(SkipReason::ArchiveDamaged, b"", &error.to_string());
                }
            }
            Ok(None) => return,
            Err(error) => return budget.skip(SkipReason::ArchiveDamaged, b"", &error.to_string()),
        }
    }
}

struct Tar<'r> {
    stream: &'r mut dyn Read,
    content: Vec<u8>,
    next: Extended,
    damage_told: bool,
    /// The stream met damage, which was told: it would only fail again.
    failed: bool,
}

/// What members of their own say about the next file.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Tar<'_> {
    /// The next block, `None` at the end.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut len = 0;
        while len < BLOCK {
            match self.stream.read(&mut block[len..]) {
                Ok(0) if len == 0 => return Ok(None),
                Ok(0) => return Err(io::Error::other("the tar ends inside a block")),
                Ok(read) => len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(block))
    }

    fn member(&mut self, budget: &mut Budget<'_>, header: &[u8; BLOCK], on_member: OnMember<'_>) -> io::Result<()> {
        budget.charge(BLOCK as u64, b"");
        // Two blank blocks end a tar; joined tars go on after them.
        if header.iter().all(|&b| b == 0) {
            return Ok(());
        }
        let size = number(&header[124..136]).filter(|_| is_header(header));
        let Some(size) = size else {
            if !std::mem::replace(&mut self.damage_told, true) {
                budget.skip(SkipReason::ArchiveDamaged, b"", "damaged tar header");
            }
            return Ok(());
        };
        match header[156] {
            b'L' => {
                let name = self.extended(budget, size)?;
                self.next.path = Some(until_nul(&name).to_vec());
                Ok(())
            }
            b'x' | b'X' => {
                let records = self.extended(budget, size)?;
                self.next.read_records(&records);
                Ok(())
            }
            b'g' | b'K' | b'V' | b'M' => self.pass(budget, padded(size)),
            // Links, devices and folders have no content, whatever their size field says.
            b'1'..=b'6' => {
                self.next = Extended::default();
                Ok(())
            }
            kind => self.file(budget, header, kind, size, on_member),
        }
    }

    fn file(
        &mut self,
        budget: &mut Budget<'_>,
        header: &[u8; BLOCK],
        kind: u8,
        size: u64,
        on_member: OnMember<'_>,
    ) -> io::Result<()> {
        let extended = std::mem::take(&mut self.next);
        let path = extended.path.unwrap_or_else(|| header_path(header));
        let size = extended.size.unwrap_or(size);
        // A sparse file's map may go on in blocks of its own. The content that follows holds the data without its holes.
        let mut map_goes_on = kind == b'S' && header[482] != 0;
        while map_goes_on {
            if !budget.charge(BLOCK as u64, &path) {
                return Ok(());
            }
            map_goes_on = self.block()?.is_some_and(|block| block[504] != 0);
        }
        if size == 0 && path.ends_with(b"/") {
            return Ok(());
        }
        if !budget.admit(&path) {
            return Ok(());
        }
        let filled = budget.fill(&mut (&mut *self.stream).take(size), &mut self.content, &path);
        let read = self.content.len() as u64;
        if filled == Filled::Whole && read < size {
            budget.skip(SkipReason::ArchiveDamaged, &path, "the archive ends inside this member");
        }
        if filled.is_of_use(&self.content) {
            on_member(budget, &path, &self.content);
        }
        self.failed = filled == Filled::Part;
        if budget.stopped || self.failed {
            return Ok(());
        }
        if read < size && filled == Filled::Whole {
            return Ok(());
        }
        self.pass(budget, padded(size) - read)
    }

    /// The content of a member that speaks about the next one.
    fn extended(&mut self, budget: &mut Budget<'_>, size: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.stream.take(size.min(LONGEST_NAME)).read_to_end(&mut content)?;
        budget.charge(content.len() as u64, b"");
        if size > LONGEST_NAME {
            budget.skip(SkipReason::ArchiveDamaged, b"", "a member's name is too long");
        }
        self.pass(budget, padded(size) - content.len() as u64)?;
        Ok(content)
    }

    /// Reads over `count` bytes. That costs what decompressing them costs, and counts against the limit.
    fn pass(&mut self, budget: &mut Budget<'_>, count: u64) -> io::Result<()> {
        let mut scratch = [0; 8192];
        let mut left = count;
        while left > 0 {
            let read = self.stream.read(&mut scratch[..usize::try_from(left).map_or(8192, |left| left.min(8192))])?;
            if read == 0 || !budget.charge(read as u64, b"") {
                return Ok(());
            }
            left -= read as u64;
        }
        Ok(())
    }
}

impl Extended {
    /// POSIX extended header: `length key=value\n`, the length counting the whole record.
    fn read_records(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|&b| b == b' ') {
            let Some(len) = decimal(&records[..space]).and_then(|len| usize::try_from(len).ok()) else { return };
            let Some(record) = records.get(space + 1..len) else { return };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            match record.iter().position(|&b| b == b'=').map(|at| (&record[..at], &record[at + 1..])) {
                Some((b"path" | b"GNU.sparse.name", path)) => self.path = Some(path.to_vec()),
                Some((b"size", size)) => self.size = decimal(size).filter(|&size| size < 1 << 62),
                _ => {}
            }
            records = &records[len..];
        }
    }
}

/// The name field, after the prefix field if the header is a POSIX one (GNU keeps times there).
fn header_path(header: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_nul(&header[..100]);
    let prefix = until_nul(&header[345..500]);
    if &header[257..263] == b"ustar\0" && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or(bytes)
}

const fn padded(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64)
}

/// A size: octal digits, or if the top bit is set the number itself, big-endian.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    let (high, low) = field.split_at(field.len() - 8);
    let fits = high[0] == 0x80 && high[1..].iter().all(|&b| b == 0);
    let value = low.iter().fold(0, |value: u64, &b| value << 8 | u64::from(b));
    (fits && value < 1 << 62).then_some(value)
}

/// Octal digits between blanks and NULs; none at all are 0.
fn octal(field: &[u8]) -> Option<u64> {
    let text = until_nul(field).trim_ascii();
    let is_octal = text.len() <= 12 && text.iter().all(|b| matches!(b, b'0'..=b'7'));
    is_octal.then(|| text.iter().fold(0, |value, &b| value * 8 + u64::from(b - b'0')))
}

fn decimal(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}
