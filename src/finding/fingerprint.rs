//! Stable names of findings. Takes an identity, gives 128 bits of keyed BLAKE3; knows no line and no commit, so that moves,
//! rebases and squashes keep it.

use std::fmt;
use std::str::FromStr;

/// Key where the user sets none. It is public: such fingerprints hide nothing that can be guessed, which is why
/// low-entropy secrets take only a short tag of themselves into their identity.
pub const PUBLIC_KEY: [u8; 32] = *b"sekisho fingerprint v1, public .";

/// Stable name of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// What makes two matches the same finding.
#[derive(Clone, Copy, Debug)]
pub enum Identity<'i> {
    /// The secret itself, whatever rule found it.
    Secret(&'i [u8]),
    /// A low-entropy secret: where it stands, under which name, and a short tag that changes with it.
    Place {
        /// Path, or the name of the source where there is none.
        path: &'i [u8],
        /// Name of the key it is assigned to.
        name: &'i [u8],
        /// The secret, of which 16 bits are taken.
        secret: &'i [u8],
    },
    /// A normalised host.
    Host(&'i [u8]),
    /// Auth code: what, where, and in which function.
    Code {
        /// Rule id.
        rule: &'i [u8],
        /// Path.
        path: &'i [u8],
        /// The code that was matched, white space folded.
        site: &'i [u8],
    },
}

impl Fingerprint {
    /// The fingerprint of an identity under a key.
    #[must_use]
    pub fn new(key: &[u8; 32], identity: Identity<'_>) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        // Every part is preceded by its length, so that no two identities run together.
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        match identity {
            Identity::Secret(secret) => {
                part(b"secret");
                part(secret);
            }
            Identity::Place { path, name, secret } => {
                let tag = blake3::keyed_hash(key, secret);
                part(b"place");
                part(path);
                part(name);
                part(&tag.as_bytes()[..2]);
            }
            Identity::Host(host) => {
                part(b"host");
                part(host);
            }
            Identity::Code { rule, path, site } => {
                part(b"code");
                part(rule);
                part(path);
                part(site);
            }
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Self(bytes)
    }
}

/// 32 hex digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no fingerprint: 32 hex digits");
        let hex =
            Some(text).filter(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(wrong)?;
        let mut bytes = [0; 16];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_reads_back() {
        let fingerprint = Fingerprint::new(&PUBLIC_KEY, Identity::Secret(b"x"));
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        assert!("12".parse::<Fingerprint>().is_err());
    }

    #[test]
    fn parts_do_not_run_together_and_keys_matter() {
        let place = |path: &'static str, name: &'static str, key| {
            Fingerprint::new(key, Identity::Place { path: path.as_bytes(), name: name.as_bytes(), secret: b"s" })
        };
        assert_ne!(place("a", "bc", &PUBLIC_KEY), place("ab", "c", &PUBLIC_KEY));
        assert_ne!(place("a", "b", &PUBLIC_KEY), place("a", "b", &[7; 32]));
    }
}
