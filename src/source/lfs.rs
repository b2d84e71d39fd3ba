//! Takes a blob's bytes, gives the Git LFS pointer they are; must never take an ordinary file for one.

/// A pointer is at most this long: git-lfs itself reads no further.
const MAX_LEN: usize = 1024;

/// The first line of a pointer, by the two names the specification has had.
const VERSIONS: [&[u8]; 2] = [b"https://git-lfs.github.com/spec/v1", b"https://hawser.github.com/spec/v1"];

/// Stands in git for a file whose content lies in the LFS store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// SHA-256 of the content, 64 lower-case hex digits.
    pub oid_hex: String,
    /// Bytes of the content.
    pub size: u64,
}

/// The pointer that `bytes` are, if they are one: `version` first, then `key value` lines with `oid sha256:...` and
/// `size`. Lines may end in CRLF.
#[must_use]
pub fn parse_pointer(bytes: &[u8]) -> Option<Pointer> {
    if bytes.len() > MAX_LEN || !bytes.starts_with(b"version ") {
        return None;
    }
    let (mut oid_hex, mut size) = (None, None);
    for (number, line) in bytes.trim_ascii_end().split(|&b| b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let space = line.iter().position(|&b| b == b' ')?;
        let (key, value) = (&line[..space], &line[space + 1..]);
        match (number, key) {
            (0, b"version") if VERSIONS.contains(&value) => {}
            (0, _) => return None,
            (_, b"oid") => oid_hex = Some(sha256(value)?),
            (_, b"size") => size = Some(number_of(value)?),
            _ => {}
        }
    }
    Some(Pointer { oid_hex: oid_hex?, size: size? })
}

fn sha256(value: &[u8]) -> Option<String> {
    let hex = value.strip_prefix(b"sha256:")?;
    let is_hex = hex.len() == 64 && hex.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| String::from_utf8_lossy(hex).to_ascii_lowercase())
}

fn number_of(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(ending: &str, extra: &str) -> String {
        let oid = "4d7a".repeat(16);
        format!("version https://git-lfs.github.com/spec/v1{ending}{extra}oid sha256:{oid}{ending}size 12345{ending}")
    }

    #[test]
    fn reads_pointers_with_either_line_ending_and_extensions() {
        let expected = Some(Pointer { oid_hex: "4d7a".repeat(16), size: 12345 });
        assert_eq!(parse_pointer(pointer("\n", "").as_bytes()), expected);
        assert_eq!(parse_pointer(pointer("\r\n", "").as_bytes()), expected);
        let extension = format!("ext-0-foo sha256:{}\n", "ab".repeat(32));
        assert_eq!(parse_pointer(pointer("\n", &extension).as_bytes()), expected);
        assert_eq!(parse_pointer(pointer("\n", "").trim_end().as_bytes()), expected);
    }

    #[test]
    fn refuses_what_is_no_pointer() {
        let good = pointer("\n", "");
        for bad in [
            String::new(),
            "version 2\n".to_owned(),
            good.replace("git-lfs.github.com", "example.com"),
            good.replace("sha256:4d", "sha256:zz"),
            good.replace("sha256:4d7a", "sha256:"),
            good.replace("12345", "-1"),
            good.replace("12345", "99999999999999999999999"),
            good.replace("size 12345\n", ""),
            good.replace("size ", "\nsize "),
            format!("{good}{}", "x y\n".repeat(300)),
        ] {
            assert_eq!(parse_pointer(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
