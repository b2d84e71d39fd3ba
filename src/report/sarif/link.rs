//! URIs. Takes paths and remote addresses as raw as they are, gives what RFC 3986 allows; must never give an absolute
//! path, a `//` or a password.

use std::fmt::Write as _;

use crate::blob::RepoPath;

/// The name of the root that the paths of a target are relative to.
pub(super) fn base_id(target: usize) -> String {
    if target == 0 { "%SRCROOT%".to_owned() } else { format!("%SRCROOT_{}%", target + 1) }
}

/// The path as a relative reference, without `./` and without `//`, which GitHub does not resolve. git and archives allow
/// names that say `..`; as a URI these would leave the root, so their dots are spelled out.
pub(super) fn relative(path: &RepoPath) -> String {
    let mut uri = String::with_capacity(path.as_bytes().len() + 8);
    for part in path.as_bytes().split(|&b| b == b'/').filter(|part| !part.is_empty() && *part != b".") {
        if !uri.is_empty() {
            uri.push('/');
        }
        if part == b".." {
            uri.push_str("%252E%252E");
        } else {
            encode(part, |b| matches!(b, b'!' | b'@' | b'+' | b','), &mut uri);
        }
    }
    if uri.is_empty() {
        uri.push_str("%20");
    }
    uri
}

/// An absolute URI for the address of a remote; `None` if it names a folder of some machine.
///
/// git also takes `host:path`, which means ssh.
pub(super) fn repository_uri(address: &str) -> Option<String> {
    let Some((scheme, rest)) = address.split_once("://") else {
        let (host, path) = address.split_once(':').filter(|(host, _)| host.len() > 1 && !host.contains('/'))?;
        return Some(uri("ssh", &format!("{host}/{}", path.trim_start_matches('/'))));
    };
    let is_remote = matches!(scheme, "https" | "http" | "ssh" | "git" | "git+ssh");
    (is_remote && !rest.is_empty()).then(|| uri(scheme, rest))
}

fn uri(scheme: &str, rest: &str) -> String {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // A user name may be a token.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let mut uri = format!("{scheme}://");
    encode(host.as_bytes(), |b| matches!(b, b':' | b'[' | b']'), &mut uri);
    uri.push('/');
    encode(path.as_bytes(), |b| matches!(b, b'/' | b'@' | b'+' | b',' | b':'), &mut uri);
    uri
}

fn encode(bytes: &[u8], also_plain: impl Fn(u8) -> bool, uri: &mut String) {
    for &b in bytes {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') || also_plain(b) {
            uri.push(char::from(b));
        } else {
            let _ = write!(uri, "%{b:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_relative_references() {
        let of = |path: &[u8]| relative(&RepoPath::new(path));
        assert_eq!(of(b"src/a b#c?.rs"), "src/a%20b%23c%3F.rs");
        assert_eq!(of("ü%41.rs".as_bytes()), "%C3%BC%2541.rs");
        assert_eq!(of(b"a\xff"), "a%FF");
        assert_eq!(of(b"c:/x"), "c%3A/x");
        assert_eq!(of(b"a.zip!//etc/./../b"), "a.zip!/etc/%252E%252E/b");
        assert_eq!(of(b"//h/x"), "h/x");
    }

    #[test]
    fn remotes_become_absolute_uris_without_user_and_password() {
        let of = repository_uri;
        assert_eq!(of("https://example.org/o/r.git").as_deref(), Some("https://example.org/o/r.git"));
        let password = "pass";
        let address = format!("https://user:{password}@example.org:8443/o/a b");
        assert_eq!(of(&address).as_deref(), Some("https://example.org:8443/o/a%20b"));
        assert_eq!(of("git@example.org:o/r.git").as_deref(), Some("ssh://example.org/o/r.git"));
        assert_eq!(of("/srv/git/r.git"), None);
        assert_eq!(of("../r.git"), None);
        assert_eq!(of("file:///srv/r.git"), None);
        assert_eq!(of("C:/r.git"), None);
    }
}
