//! What kind of bytes a blob is. Takes its first bytes, gives a [`Class`]; UTF-16 becomes UTF-8 with a way back to the
//! source's offsets. Must decide from the first 8 KiB alone, so that every engine decides alike.

use crate::span::Span;

/// How much of a blob decides its class.
const HEAD: usize = 8 << 10;

/// What kind of bytes a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// ASCII-compatible text: UTF-8, Latin-1 and their like. Scanned as it is.
    Text,
    /// UTF-16, little endian.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
    /// Has NUL bytes. Scanned for tokens that cannot be mistaken; names and passwords mean nothing there.
    Binary,
    /// Images, sound, fonts, compressed data: no rule can match in it.
    Opaque,
}

/// First bytes of formats whose content is compressed.
const OPAQUE_MAGIC: &[&[u8]] = &[
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"wOFF",
    b"wOF2",
    b"OggS",
    b"ID3",
    b"fLaC",
    b"\x1a\x45\xdf\xa3",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\0\0\x01\0",
    b"\0\x01\0\0\0",
    b"OTTO",
];

impl Class {
    /// The class of a blob.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let head = &bytes[..bytes.len().min(HEAD)];
        if head.starts_with(b"\xff\xfe") {
            return Self::Utf16Le;
        }
        if head.starts_with(b"\xfe\xff") {
            return Self::Utf16Be;
        }
        if OPAQUE_MAGIC.iter().any(|magic| head.starts_with(magic))
            || (head.starts_with(b"RIFF") && head.get(8..12).is_some_and(|form| form == b"WEBP" || form == b"WAVE"))
            || head.get(4..8).is_some_and(|kind| kind == b"ftyp")
        {
            return Self::Opaque;
        }
        if memchr::memchr(0, head).is_none() {
            return Self::Text;
        }
        utf16_without_bom(head).unwrap_or(Self::Binary)
    }
}

/// UTF-16 of mostly ASCII text has its zero bytes on one side of each unit and hardly any on the other.
fn utf16_without_bom(head: &[u8]) -> Option<Class> {
    let units = head.len() / 2;
    if units < 4 {
        return None;
    }
    let (mut even, mut odd) = (0_usize, 0_usize);
    for unit in head.chunks_exact(2) {
        even += usize::from(unit[0] == 0);
        odd += usize::from(unit[1] == 0);
    }
    let (most, few) = (units * 7 / 10, units / 20);
    match (even, odd) {
        (even, odd) if odd >= most && even <= few => Some(Class::Utf16Le),
        (even, odd) if even >= most && odd <= few => Some(Class::Utf16Be),
        _ => None,
    }
}

/// UTF-16 text as UTF-8, with a way back.
#[derive(Debug, Default)]
pub struct Transcoded {
    /// The text. Lone surrogates become U+FFFD.
    pub text: Vec<u8>,
    /// Source offset for every [`STEP`]th byte of `text` or the next character after it: (text offset, source offset).
    marks: Vec<(usize, usize)>,
    big_endian: bool,
}

/// Distance of the marks: a look-up decodes at most so much again.
const STEP: usize = 1 << 10;

impl Transcoded {
    /// Decodes UTF-16. An odd last byte is dropped.
    #[must_use]
    pub fn new(bytes: &[u8], big_endian: bool) -> Self {
        let mut this = Self { text: Vec::with_capacity(bytes.len() / 2 + 16), marks: vec![(0, 0)], big_endian };
        let mut next_mark = STEP;
        let mut buffer = [0; 4];
        for (at, c) in this.chars(bytes, 0) {
            if this.text.len() >= next_mark {
                this.marks.push((this.text.len(), at));
                next_mark = this.text.len() + STEP;
            }
            this.text.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
        this
    }

    /// The span of the source that a span of the text comes from.
    #[must_use]
    pub fn source_span(&self, bytes: &[u8], span: Span) -> Span {
        Span::new(self.source_offset(bytes, span.start), self.source_offset(bytes, span.end))
    }

    fn source_offset(&self, bytes: &[u8], offset: usize) -> usize {
        let mark = self.marks.partition_point(|&(text, _)| text <= offset).saturating_sub(1);
        let (mut text, source) = self.marks[mark];
        for (at, c) in self.chars(bytes, source) {
            if text >= offset {
                return at;
            }
            text += c.len_utf8();
        }
        bytes.len() & !1
    }

    fn chars<'b>(&self, bytes: &'b [u8], from: usize) -> impl Iterator<Item = (usize, char)> + use<'b> {
        let big_endian = self.big_endian;
        let units = bytes[from..].chunks_exact(2).map(move |pair| {
            if big_endian { u16::from_be_bytes([pair[0], pair[1]]) } else { u16::from_le_bytes([pair[0], pair[1]]) }
        });
        let mut at = from;
        char::decode_utf16(units).map(move |decoded| {
            let here = at;
            let c = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
            at += 2 * c.len_utf16();
            (here, c)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|u| if big_endian { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    #[test]
    fn utf16_is_told_from_binary_without_a_mark() {
        let text = "password = \"naïve\"\nuser = x\n";
        assert_eq!(Class::of(&utf16(text, false)), Class::Utf16Le);
        assert_eq!(Class::of(&utf16(text, true)), Class::Utf16Be);
        assert_eq!(Class::of(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"), Class::Binary);
        assert_eq!(Class::of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Class::Opaque);
        assert_eq!(Class::of("naïve".as_bytes()), Class::Text);
        assert_eq!(Class::of(b""), Class::Text);
    }

    #[test]
    fn every_offset_finds_its_way_back() {
        let text: String = "aé漢😀\n".chars().cycle().take(4000).collect();
        for big_endian in [false, true] {
            let source = utf16(&text, big_endian);
            let transcoded = Transcoded::new(&source, big_endian);
            assert_eq!(transcoded.text, text.as_bytes());
            let mut units = 0;
            for (offset, c) in text.char_indices() {
                assert_eq!(transcoded.source_offset(&source, offset), 2 * units);
                units += c.len_utf16();
            }
            assert_eq!(transcoded.source_offset(&source, text.len()), source.len());
        }
    }
}
