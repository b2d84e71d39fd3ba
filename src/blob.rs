//! Bytes with an identity, and paths inside a target.

use std::fmt;

/// A git object id (SHA-1 or SHA-256).
pub type ObjectId = gix::ObjectId;

/// One piece of content to scan, borrowed from the source that read it.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    /// The whole content.
    pub bytes: &'a [u8],
    /// Where it comes from.
    pub provenance: &'a crate::provenance::Provenance,
}

/// A path relative to its target, `/`-separated, as raw bytes: git knows no encoding.
///
/// Members of archives continue the path of the archive: `a.zip!/b`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RepoPath(Vec<u8>);

impl RepoPath {
    /// A path from `/`-separated bytes without a leading `./` or `/`.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last component, or the whole path if there is only one.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|&b| b == b'/').next().unwrap_or(&self.0)
    }

    /// What follows the last dot of the file name, lower-cased; empty if there is none.
    #[must_use]
    pub fn extension(&self) -> Vec<u8> {
        let name = self.file_name();
        match name.iter().rposition(|&b| b == b'.') {
            Some(dot) if dot + 1 < name.len() => name[dot + 1..].to_ascii_lowercase(),
            _ => Vec::new(),
        }
    }

    /// The path of a member of the archive at this path: `self!/member`.
    #[must_use]
    pub fn member(&self, member: &[u8]) -> Self {
        let mut bytes = self.0.clone();
        bytes.extend_from_slice(b"!/");
        bytes.extend_from_slice(member);
        Self(bytes)
    }
}

impl From<&str> for RepoPath {
    fn from(path: &str) -> Self {
        Self(path.as_bytes().to_vec())
    }
}

/// As reports write it: bytes that are not UTF-8 percent-escaped, everything else as it is (and so not yet safe for a
/// terminal).
impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            for byte in chunk.invalid() {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}
