//! Text hidden in text. Takes text, gives every encoded run in it as decoded text with a way back to the run's offsets;
//! must never give more bytes than it read, nor look at more than [`RUN_LIMIT`] of them at once.
//!
//! Base64 and hex runs count only if what they hide reads as text. Runs with escapes (percent, `\u`, HTML entities) are
//! taken with the words around them, since a secret may be escaped in one place only.

#[cfg(test)]
mod tests;

use memchr::memchr3;

use super::Encoding;
use crate::span::Span;

/// Longest run decoded at once: longer ones are decoded in pieces that overlap by [`OVERLAP`].
pub const RUN_LIMIT: usize = 64 << 10;

/// By how much the pieces of a long run overlap: more than any match but a key block needs.
const OVERLAP: usize = 8 << 10;

/// Shortest base64 run: 15 decoded bytes, less than any token worth hiding.
const BASE64_MIN: usize = 20;

/// Shortest hex run: 16 decoded bytes.
const HEX_MIN: usize = 32;

/// How far apart two escapes of one run may stand, and how much of the surrounding word comes along.
const ESCAPE_GAP: usize = 256;

/// One decoded run.
#[derive(Debug)]
pub struct Decoded {
    /// What the run hides.
    pub text: Vec<u8>,
    /// How it was hidden.
    pub encoding: Encoding,
    /// The run in the text it stands in.
    pub run: Span,
    map: Map,
}

#[derive(Debug)]
enum Map {
    /// Every 3 bytes come from 4.
    Base64,
    /// Every 3 pairs of bytes (UTF-16, high bytes dropped) come from 4.
    Base64Utf16,
    /// Every byte comes from 2.
    Hex,
    /// Where each byte starts, relative to the run, and where the last ends.
    Offsets(Vec<u32>),
}

impl Decoded {
    /// The part of the surrounding text that a span of [`Decoded::text`] comes from.
    #[must_use]
    pub fn outer_span(&self, span: Span) -> Span {
        let (start, end) = match &self.map {
            Map::Base64 => (span.start * 4 / 3, (span.end * 4).div_ceil(3)),
            Map::Base64Utf16 => (span.start * 8 / 3, (span.end * 8).div_ceil(3)),
            Map::Hex => (span.start * 2, span.end * 2),
            Map::Offsets(offsets) => (offsets[span.start] as usize, offsets[span.end] as usize),
        };
        Span::new(self.run.start + start, (self.run.start + end).min(self.run.end))
    }

    /// Whether a span of [`Decoded::text`] holds anything that was encoded: if not, the surrounding text shows it as well.
    #[must_use]
    pub fn changed(&self, span: Span) -> bool {
        !matches!(self.map, Map::Offsets(_)) || self.outer_span(span).len() != span.len()
    }
}

/// Calls `found` for every decoded run of the text, in no particular order.
pub fn each(text: &[u8], mut found: impl FnMut(Decoded)) {
    Near::new(text).each(Span::new(0, text.len()), &mut |decoded, _| found(decoded));
}

/// Decodes runs part by part, for texts that were looked at before.
pub struct Near<'t> {
    text: &'t [u8],
    /// How far runs of the alphabets, and lines with escapes, are done with.
    done: [usize; 2],
}

impl<'t> Near<'t> {
    /// Begins at the start of a text.
    pub const fn new(text: &'t [u8]) -> Self {
        Self { text, done: [0; 2] }
    }

    /// Calls `found(run, on)` for every decoded run that a part, or a byte next to it, has a share in, if no part before had.
    /// Parts must come in ascending order. What the run is, and that it is one, depends on the bytes of `on` and the byte on
    /// either side of it.
    pub fn each(&mut self, part: Span, found: &mut impl FnMut(Decoded, Span)) {
        let text = self.text;
        let in_alphabet = |at: &usize| BASE64[usize::from(text[*at])];
        let before = (self.done[0]..part.start).rev().take_while(in_alphabet).count();
        let after = (part.end..text.len()).take_while(in_alphabet).count();
        let runs = Span::new((part.start - before).max(self.done[0]), part.end + after);
        if runs.start < runs.end {
            alphabet_runs(text, runs, found);
            self.done[0] = runs.end;
        }
        let start = memchr::memrchr(b'\n', &text[..part.start]).map_or(0, |newline| newline + 1).max(self.done[1]);
        let end = memchr::memchr(b'\n', &text[part.end..]).map_or(text.len(), |newline| part.end + newline);
        if start < end {
            escape_runs(text, Span::new(start, end), found);
            self.done[1] = end;
        }
    }
}

// ---- base64 and hex -------------------------------------------------------------------------------------------------

const fn table(extra: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < extra.len() {
        table[extra[at] as usize] = true;
        at += 1;
    }
    table
}

static BASE64: [bool; 256] = table(b"+/-_");

/// Of a part that neither begins nor ends within a run.
fn alphabet_runs(text: &[u8], part: Span, found: &mut impl FnMut(Decoded, Span)) {
    let outside = |byte: &u8| !BASE64[usize::from(*byte)];
    let mut at = part.start;
    while at + BASE64_MIN <= part.end {
        // A run begins here, if at all. The last byte of the least length that is none of it rules out all that begin before.
        if let Some(last) = text[at..at + BASE64_MIN].iter().rposition(outside) {
            at += last + 1;
        } else {
            let end = text[at + BASE64_MIN..part.end].iter().position(outside);
            let run = Span::new(at, end.map_or(part.end, |more| at + BASE64_MIN + more));
            pieces(text, run, found);
            at = run.end;
        }
    }
}

/// Decodes a run, a long one piece by piece.
fn pieces(text: &[u8], run: Span, found: &mut impl FnMut(Decoded, Span)) {
    let mut start = run.start;
    loop {
        let end = run.end.min(start + RUN_LIMIT);
        let piece = Span::new(start, end);
        let bytes = &text[piece.range()];
        match decode_hex(bytes, piece).or_else(|| decode_base64(bytes, piece)) {
            Some(decoded) => found(decoded, run),
            // A run that does not begin as text is data, however long it is.
            None if start == run.start => return,
            None => {}
        }
        if end == run.end {
            return;
        }
        start = end - OVERLAP;
    }
}

fn decode_hex(bytes: &[u8], run: Span) -> Option<Decoded> {
    if bytes.len() < HEX_MIN || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    if !bytes[..HEX_MIN].chunks_exact(2).all(|two| pair(two).is_some_and(is_text_byte)) {
        return None;
    }
    let text: Option<Vec<u8>> = bytes.chunks_exact(2).map(pair).collect();
    let text = text.filter(|text| is_text(text))?;
    Some(Decoded { text, encoding: Encoding::Hex, run, map: Map::Hex })
}

fn decode_base64(bytes: &[u8], run: Span) -> Option<Decoded> {
    let head = base64_bytes(&bytes[..BASE64_MIN]);
    let utf16 = head.chunks_exact(2).all(|unit| unit[1] == 0 && is_text_byte(unit[0]));
    if !utf16 && text_prefix(&head) + 3 < head.len() {
        return None;
    }
    let mut text = base64_bytes(bytes);
    if utf16 {
        if !text.chunks_exact(2).all(|unit| unit[1] == 0) {
            return None;
        }
        text = text.chunks_exact(2).map(|unit| unit[0]).collect();
    }
    let map = if utf16 { Map::Base64Utf16 } else { Map::Base64 };
    // The last bytes of a cut run may be half a character.
    let valid = text_prefix(&text);
    if valid + 3 < text.len() {
        return None;
    }
    text.truncate(valid);
    Some(Decoded { text, encoding: Encoding::Base64, run, map })
}

/// Decodes both alphabets at once, without padding: what remains after whole quads gives one or two bytes.
fn base64_bytes(bytes: &[u8]) -> Vec<u8> {
    let value = |byte: u8| -> u32 {
        u32::from(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        })
    };
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    for quad in bytes.chunks(4) {
        let bits = quad.iter().enumerate().fold(0, |bits, (at, &byte)| bits | value(byte) << (18 - 6 * at));
        out.extend_from_slice(&bits.to_be_bytes()[1..quad.len().max(1)]);
    }
    out
}

fn is_text_byte(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r')
}

/// How many bytes from the start read as UTF-8 text.
fn text_prefix(bytes: &[u8]) -> usize {
    let readable = bytes.iter().position(|&byte| !is_text_byte(byte)).unwrap_or(bytes.len());
    match std::str::from_utf8(&bytes[..readable]) {
        Ok(_) => readable,
        Err(error) => error.valid_up_to(),
    }
}

fn is_text(bytes: &[u8]) -> bool {
    text_prefix(bytes) == bytes.len()
}

// ---- escapes --------------------------------------------------------------------------------------------------------

/// Of whole lines: a run never reaches over the end of its line.
fn escape_runs(text: &[u8], lines: Span, found: &mut impl FnMut(Decoded, Span)) {
    let mut at = lines.start;
    while let Some(first) = next_escape(text, at, lines.end) {
        let encoding = first.encoding;
        let mut end = first.span.end;
        let mut search = end;
        // Join the escapes of the same kind that follow closely in the same line.
        while let Some(next) = next_escape(text, search, lines.end) {
            let gap = &text[end.min(next.span.start)..next.span.start];
            if gap.len() > ESCAPE_GAP || gap.contains(&b'\n') || next.span.end - first.span.start > RUN_LIMIT {
                break;
            }
            search = next.span.end;
            if next.encoding == encoding {
                end = next.span.end;
            }
        }
        let run = Span::new(word_start(text, first.span.start), word_end(text, end));
        let start =
            memchr::memrchr(b'\n', &text[lines.start..run.start]).map_or(lines.start, |at| lines.start + at + 1);
        let line =
            Span::new(start, memchr::memchr(b'\n', &text[run.end..lines.end]).map_or(lines.end, |at| run.end + at));
        found(unescape(text, run, encoding), line);
        at = end;
    }
}

/// A stretch before and after an escape that may belong to the same assignment.
fn word_start(text: &[u8], at: usize) -> usize {
    let floor = at.saturating_sub(ESCAPE_GAP);
    text[floor..at].iter().rposition(|&b| b == b'\n').map_or(floor, |newline| floor + newline + 1)
}

fn word_end(text: &[u8], at: usize) -> usize {
    let ceiling = text.len().min(at + ESCAPE_GAP);
    text[at..ceiling].iter().position(|&b| b == b'\n').map_or(ceiling, |newline| at + newline)
}

struct Escape {
    span: Span,
    encoding: Encoding,
    c: char,
    /// The escape stands for this byte rather than a character.
    byte: Option<u8>,
}

fn next_escape(text: &[u8], from: usize, to: usize) -> Option<Escape> {
    let mut at = from;
    while let Some(offset) = memchr3(b'%', b'\\', b'&', &text[at..to]) {
        let start = at + offset;
        if let Some(escape) = escape_at(text, start) {
            return Some(escape);
        }
        at = start + 1;
    }
    None
}

fn escape_at(text: &[u8], start: usize) -> Option<Escape> {
    let rest = &text[start..text.len().min(start + 12)];
    let (encoding, c, byte, len) = match rest.first()? {
        b'%' => {
            let byte = hex_value(rest.get(1..3)?)?;
            (Encoding::Percent, None, u8::try_from(byte).ok(), 3)
        }
        b'\\' => match rest.get(1)? {
            b'u' if rest.get(2) == Some(&b'{') => {
                let close = rest.iter().position(|&b| b == b'}').filter(|&close| close > 3)?;
                (Encoding::Unicode, char::from_u32(hex_value(&rest[3..close])?), None, close + 1)
            }
            b'u' => (Encoding::Unicode, char::from_u32(hex_value(rest.get(2..6)?)?), None, 6),
            b'x' => (Encoding::Unicode, None, u8::try_from(hex_value(rest.get(2..4)?)?).ok(), 4),
            _ => return None,
        },
        b'&' => {
            let semicolon = rest.iter().position(|&b| b == b';')?;
            let c = match &rest[1..semicolon] {
                b"amp" => '&',
                b"lt" => '<',
                b"gt" => '>',
                b"quot" => '"',
                b"apos" => '\'',
                [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hex_value(digits)?)?,
                [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
                _ => return None,
            };
            (Encoding::HtmlEntity, Some(c), None, semicolon + 1)
        }
        _ => return None,
    };
    let span = Span::new(start, start + len);
    match byte {
        Some(_) => Some(Escape { span, encoding, c: '\0', byte }),
        None => Some(Escape { span, encoding, c: c?, byte }),
    }
}

fn hex_value(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn unescape(text: &[u8], run: Span, encoding: Encoding) -> Decoded {
    let mut out = Vec::with_capacity(run.len());
    let mut offsets = Vec::with_capacity(run.len() + 1);
    let relative = |at: usize| u32::try_from(at - run.start).expect("a run is shorter than 4 GiB, see RUN_LIMIT");
    let mut at = run.start;
    while at < run.end {
        let escape = match text[at] {
            b'%' | b'\\' | b'&' => escape_at(text, at).filter(|e| e.encoding == encoding && e.span.end <= run.end),
            _ => None,
        };
        let before = out.len();
        let next = if let Some(escape) = escape {
            match escape.byte {
                Some(byte) => out.push(byte),
                None => out.extend_from_slice(escape.c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            escape.span.end
        } else {
            out.push(text[at]);
            at + 1
        };
        offsets.extend(std::iter::repeat_n(relative(at), out.len() - before));
        at = next;
    }
    offsets.push(relative(run.end));
    Decoded { text: out, encoding, run, map: Map::Offsets(offsets) }
}
