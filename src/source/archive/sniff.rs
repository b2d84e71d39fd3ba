//! Takes the first and last bytes of a blob, gives the archive format they show; must never trust a file's name.

use super::Format;
use super::tar;

const GZIP: &[u8] = b"\x1f\x8b\x08";
const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// What follows `BZh` and the level digit: the first six digits of pi, or for an empty stream the square root of pi.
const BZIP2_BLOCKS: [&[u8]; 2] = [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"];
/// Bytes of the record that ends a zip without a comment.
const ZIP_END: usize = 22;

/// The format of `bytes`, by their content alone.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    if is_zip(bytes) {
        Some(Format::Zip)
    } else if bytes.starts_with(GZIP) {
        Some(Format::Gzip)
    } else if bytes.starts_with(XZ) {
        Some(Format::Xz)
    } else if bytes.starts_with(ZSTD) || is_skippable_zstd(bytes) {
        Some(Format::Zstd)
    } else if is_bzip2(bytes) {
        Some(Format::Bzip2)
    } else if tar::is_header(bytes) {
        Some(Format::Tar)
    } else {
        None
    }
}

/// The name of the archive format of `bytes`, if it is one that is known but cannot be opened.
#[must_use]
pub fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 5] = [
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"MSCF\0\0\0\0", "Cabinet"),
        (b"\x04\x22\x4d\x18", "LZ4"),
        (b"LZIP\x01", "lzip"),
    ];
    KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|&(_, name)| name)
}

/// Whether `bytes` go on with another stream of the same format, as concatenated `.gz` files do.
pub(super) fn continues(format: Format, bytes: &[u8]) -> bool {
    match format {
        Format::Gzip => bytes.starts_with(GZIP),
        Format::Xz => bytes.starts_with(XZ),
        Format::Zstd => bytes.starts_with(ZSTD) || is_skippable_zstd(bytes),
        Format::Bzip2 => is_bzip2(bytes),
        Format::Zip | Format::Tar => false,
    }
}

/// A zip begins with a member, or with its end if it is empty; one with a program before it (a self-extracting file, a
/// Python zipapp) is known by its end.
fn is_zip(bytes: &[u8]) -> bool {
    let end = bytes.len().checked_sub(ZIP_END).map(|at| &bytes[at..]);
    bytes.starts_with(b"PK\x03\x04")
        || bytes.starts_with(b"PK\x05\x06")
        || bytes.starts_with(b"PK\x07\x08PK\x03\x04")
        || end.is_some_and(|end| end.starts_with(b"PK\x05\x06") && end.ends_with(b"\0\0"))
}

fn is_bzip2(bytes: &[u8]) -> bool {
    bytes.len() >= 10
        && bytes.starts_with(b"BZh")
        && matches!(bytes[3], b'1'..=b'9')
        && BZIP2_BLOCKS.contains(&&bytes[4..10])
}

pub(super) fn is_skippable_zstd(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && bytes[0] & 0xf0 == 0x50 && bytes[1..4] == [0x2a, 0x4d, 0x18]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_short_input_are_no_archives() {
        for bytes in [&b""[..], b"P", b"PK", b"BZh9 is a header", b"plain text", &[0; 600], b"\x1f\x8b"] {
            assert_eq!(sniff(bytes), None, "{bytes:?}");
            assert_eq!(unsupported(bytes), None, "{bytes:?}");
        }
        let mut about_tar = vec![b'x'; 1024];
        about_tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(sniff(&about_tar), None, "text that mentions ustar has no valid checksum");
    }

    #[test]
    fn names_formats_by_their_magic() {
        assert_eq!(sniff(b"PK\x03\x04...."), Some(Format::Zip));
        assert_eq!(sniff(b"\x1f\x8b\x08\0"), Some(Format::Gzip));
        assert_eq!(sniff(b"\xfd7zXZ\0\0"), Some(Format::Xz));
        assert_eq!(sniff(b"\x28\xb5\x2f\xfd"), Some(Format::Zstd));
        assert_eq!(sniff(b"BZh9\x31\x41\x59\x26\x53\x59"), Some(Format::Bzip2));
        assert_eq!(unsupported(b"Rar!\x1a\x07\x01\0"), Some("RAR"));
        let zipapp = [b"#!/usr/bin/env python3\n".as_slice(), b"PK\x05\x06", &[0; 18]].concat();
        assert_eq!(sniff(&zipapp), Some(Format::Zip));
    }
}
