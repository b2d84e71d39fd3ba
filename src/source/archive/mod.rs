//! Takes the bytes of an archive or compressed file, gives its members one at a time; must never write to disk, follow a
//! member's name anywhere, or use more memory and time than its [`Limits`] allow.
//!
//! [`sniff`] tells the format by its content, [`expand_all`] opens archives in archives and joins their paths as
//! `a.zip!/b.tar.gz!/c`. A compressed tar is one level: `x.tar.gz!/member`. Whatever could not be read is reported; what
//! could be read before the damage is handed out.

mod expand;
mod sniff;
mod stream;
mod tar;
mod zip;

pub use expand::{expand, expand_all};
pub use sniff::{sniff, unsupported};

/// A kind of archive or compressed file that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// zip and everything built on it: jar, war, apk, whl, docx, epub.
    Zip,
    /// tar: POSIX, GNU and the older one without a magic number.
    Tar,
    /// gzip, perhaps of a tar.
    Gzip,
    /// xz, perhaps of a tar.
    Xz,
    /// Zstandard, perhaps of a tar.
    Zstd,
    /// bzip2, perhaps of a tar.
    Bzip2,
}

/// One file inside an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its path as the archive spells it, without the archive's own path. A label only: it may be absolute, hold `..`,
    /// or be no text at all. Members of inner archives continue their archive's path: `b.zip!/c`.
    pub path: &'a [u8],
    /// Its content.
    pub bytes: &'a [u8],
}

/// What opening one archive may cost, all that is nested in it included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Archives inside one another, the outermost counted; 0 opens nothing.
    pub depth: u8,
    /// Members.
    pub members: u64,
    /// Bytes that come out, of inner archives and what is skipped in a stream included.
    pub total_bytes: u64,
    /// Bytes of one member.
    pub member_bytes: u64,
    /// Bytes of inner archives that lie in memory at the same time, the member being read included.
    pub held_bytes: u64,
    /// Bytes that may come out for each byte of the outermost archive. Source text rarely passes 20, deflate cannot pass
    /// 1,032: this keeps a folder of a thousand small bombs from costing a thousand times `total_bytes`.
    pub ratio: u64,
    /// Bytes that may come out whatever the ratio, so that small archives of blank or repetitive files pass.
    pub ratio_floor: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 5,
            members: 100_000,
            total_bytes: 1 << 30,
            member_bytes: 128 << 20,
            held_bytes: 256 << 20,
            ratio: 200,
            ratio_floor: 32 << 20,
        }
    }
}
