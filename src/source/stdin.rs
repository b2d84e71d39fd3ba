//! Takes standard input (or any reader), gives it as one blob; must never hold more of it than the size limit.

use std::io::{self, Read};

use crate::blob::Blob;
use crate::provenance::Provenance;
use crate::source::{Sink, SizeLimit};

/// Bytes asked for at a time; between two reads a cancelled scan stops.
const CHUNK: u64 = 1 << 20;

/// Reads `input` to its end and hands it to `sink` as one blob with [`Provenance::Stdin`].
///
/// Of an input over the limit the part within it is scanned, and the rest is reported as skipped. A read that fails is
/// an error only if nothing could be read before it; otherwise that part is scanned and the error reported.
pub fn read(input: &mut dyn Read, size: SizeLimit, sink: &dyn Sink) -> io::Result<()> {
    let bytes = read_bytes(input, size, sink)?;
    sink.blob(Blob { bytes: &bytes, provenance: &Provenance::Stdin });
    Ok(())
}

/// As [`read`], and gives the bytes to the caller instead.
pub fn read_bytes(input: &mut dyn Read, size: SizeLimit, sink: &dyn Sink) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if sink.cancelled() {
            return Ok(bytes);
        }
        let room = size.bytes - bytes.len() as u64;
        match input.take(CHUNK.min(room)).read_to_end(&mut bytes) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if bytes.is_empty() => return Err(error),
            Err(error) => {
                sink.skip(crate::coverage::SkipReason::Unreadable, format!("standard input: {error}"));
                break;
            }
        }
    }
    if bytes.len() as u64 == size.bytes && goes_on(input) {
        sink.skip(size.reason(), format!("standard input: all after the first {} bytes", size.bytes));
    }
    Ok(bytes)
}

fn goes_on(input: &mut dyn Read) -> bool {
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Ok(read) => return read > 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}
