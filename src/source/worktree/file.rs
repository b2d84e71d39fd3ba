//! Takes a path, gives the content of the file there; must never wait for a pipe or read a device.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::blob::{Blob, RepoPath};
use crate::coverage::SkipReason;
use crate::provenance::Provenance;
use crate::source::{Sink, SizeLimit};

/// A buffer that grew beyond this for one file is given back, so that threads do not keep the largest file of each.
const KEEP: usize = 4 << 20;

/// Reads files into a buffer of its own, one after the other. Each thread has one.
pub(super) struct Reader {
    size: SizeLimit,
    /// As long as the longest file so far, so that it is not blanked for each.
    buffer: Vec<u8>,
}

impl Reader {
    pub(super) fn new(size: SizeLimit) -> Self {
        Self { size, buffer: Vec::new() }
    }

    /// Hands out the file at `disk` as the one at `path` in the tree.
    pub(super) fn tree_file(&mut self, disk: &Path, path: RepoPath, sink: &dyn Sink) {
        self.hand_out(disk, path, Provenance::Tree, sink);
    }

    /// Hands out the file at `disk`. A file that is gone by now is none of the tree's files.
    pub(super) fn hand_out(
        &mut self,
        disk: &Path,
        path: RepoPath,
        provenance: fn(RepoPath) -> Provenance,
        sink: &dyn Sink,
    ) {
        if sink.cancelled() {
            return;
        }
        match self.read(disk) {
            Ok(Content::Bytes(len)) => {
                let provenance = provenance(path);
                sink.blob(Blob { bytes: &self.buffer[..len], provenance: &provenance });
            }
            Ok(Content::TooLarge(len)) => sink.skip(self.size.reason(), format!("{path}: {len} bytes")),
            Ok(Content::Special) => sink.skip(SkipReason::SpecialFile, path.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => sink.skip(SkipReason::Unreadable, format!("{path}: {error}")),
        }
        if self.buffer.len() > KEEP {
            self.buffer.truncate(KEEP);
            self.buffer.shrink_to(KEEP);
        }
    }

    fn read(&mut self, disk: &Path) -> io::Result<Content> {
        let mut file = open(disk)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Ok(Content::Special);
        }
        if meta.len() > self.size.bytes {
            return Ok(Content::TooLarge(meta.len()));
        }
        // One byte more than the file has: a read that does not fill the buffer met the end, so one call is enough.
        let expected = usize::try_from(meta.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut len = 0;
        loop {
            if self.buffer.len() <= len.max(expected) {
                self.buffer.resize(len.max(expected) + 1 + len / 2, 0);
            }
            match file.read(&mut self.buffer[len..]) {
                Ok(0) => break,
                Ok(read) => len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if len == expected {
                break;
            }
            // The file grows while it is read, or is one of those in /proc that say they are empty.
            if len as u64 > self.size.bytes {
                return Ok(Content::TooLarge(len as u64));
            }
        }
        Ok(Content::Bytes(len))
    }
}

enum Content {
    /// This many bytes of the buffer.
    Bytes(usize),
    TooLarge(u64),
    Special,
}

/// Opens without following a link that the file was swapped for, and without waiting if it was swapped for a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}
