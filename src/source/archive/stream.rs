//! Takes a compressed file in memory, gives a reader of its content; must never let a header reserve memory beyond
//! [`WINDOW`].

use std::io::{self, Read};

use super::Format;
use super::sniff::{continues, is_skippable_zstd};

/// Largest dictionary or window: that of `xz -9` and of `zstd --long=27`, which decoders accept without being asked.
const WINDOW: u32 = 128 << 20;

/// The content of a compressed file: all its streams, one after the other.
pub(super) struct Streams<'a> {
    format: Format,
    current: Option<Decoder<'a>>,
}

enum Decoder<'a> {
    Gzip(Box<flate2::bufread::GzDecoder<&'a [u8]>>),
    Xz(Box<lzma_rust2::XzReader<&'a [u8]>>),
    Zstd(Box<ruzstd::decoding::StreamingDecoder<&'a [u8], ruzstd::decoding::FrameDecoder>>),
    Bzip2(Box<bzip2::bufread::BzDecoder<&'a [u8]>>),
}

impl<'a> Streams<'a> {
    /// A reader of `bytes`, which are of the compressed `format` ([`Format::Zip`] and [`Format::Tar`] are not).
    pub(super) fn open(format: Format, bytes: &'a [u8]) -> io::Result<Self> {
        Ok(Self { format, current: Decoder::open(format, bytes)? })
    }
}

impl Read for Streams<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.current {
            let read = decoder.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            let rest = self.current.take().map(Decoder::rest).unwrap_or_default();
            // Tapes and block devices leave zeros after the last stream, xz pads with them between streams.
            let zeros = rest.iter().take_while(|&&b| b == 0).count();
            let rest = &rest[zeros..];
            if !rest.is_empty() && !continues(self.format, rest) {
                return Err(io::Error::other("other bytes follow the compressed ones"));
            }
            self.current = Decoder::open(self.format, rest)?;
        }
        Ok(0)
    }
}

impl<'a> Decoder<'a> {
    /// `None` if there is nothing (left) to decode.
    fn open(format: Format, mut bytes: &'a [u8]) -> io::Result<Option<Self>> {
        while format == Format::Zstd && is_skippable_zstd(bytes) {
            let len = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
            bytes = bytes[8..].get(len..).ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(match format {
            Format::Gzip => Self::Gzip(Box::new(flate2::bufread::GzDecoder::new(bytes))),
            Format::Xz => Self::Xz(Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, false, (WINDOW >> 10) + 1024))),
            Format::Bzip2 => Self::Bzip2(Box::new(bzip2::bufread::BzDecoder::new(bytes))),
            Format::Zstd => Self::Zstd(Box::new(
                ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes, u64::from(WINDOW))
                    .map_err(io::Error::other)?,
            )),
            Format::Zip | Format::Tar => return Err(io::Error::other("not a compressed stream")),
        }))
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(out),
            Self::Xz(decoder) => decoder.read(out),
            Self::Zstd(decoder) => decoder.read(out),
            Self::Bzip2(decoder) => decoder.read(out),
        }
    }

    /// What follows the stream in the file.
    fn rest(self) -> &'a [u8] {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Xz(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder) => decoder.into_inner(),
        }
    }
}

/// A reader of a zip member's LZMA data: two bytes of version, two of the length of the properties, then five of those.
pub(super) fn zip_lzma(bytes: &[u8], size: u64) -> io::Result<impl Read> {
    let damaged = || io::Error::other("lzma properties are cut off");
    let properties = bytes.get(4..9).ok_or_else(damaged)?;
    let dictionary = u32::from_le_bytes([properties[1], properties[2], properties[3], properties[4]]);
    if dictionary > WINDOW {
        return Err(io::Error::other("lzma dictionary is too large"));
    }
    lzma_rust2::LzmaReader::new_with_props(&bytes[9..], size, properties[0], dictionary, None)
}
