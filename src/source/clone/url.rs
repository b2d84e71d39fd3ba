//! Takes what a user wrote as URL, gives what git may be told of it and the credentials apart; must never keep a
//! password in what is shown, stored or passed as an argument.

use std::fmt;

use base64::Engine as _;

use crate::secret::Secret;

/// Why a URL is not fetched. Never shows the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another protocol: unencrypted, or one that runs programs.
    #[error("only https://, ssh://, user@host:path and file:// URLs can be fetched")]
    Protocol,
    /// Blanks, control characters, a leading dash, no host.
    #[error("the URL is not well-formed")]
    Malformed,
}

/// How git reaches a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Https,
    Ssh,
    File,
}

impl Protocol {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Ssh => "ssh",
            Self::File => "file",
        }
    }
}

/// A repository elsewhere. `Display` and `Debug` show no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    pub(super) protocol: Protocol,
    /// Without user and password, but for the user of ssh, who is no secret.
    clean: String,
    /// `user:password` as it was written.
    userinfo: Option<Secret>,
}

impl Remote {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        if url.starts_with('-') || url.is_empty() || url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(UrlError::Malformed);
        }
        let Some((scheme, rest)) = url.split_once("://") else { return Self::scp_like(url) };
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "https" => Protocol::Https,
            "ssh" => Protocol::Ssh,
            "file" => Protocol::File,
            _ => return Err(UrlError::Protocol),
        };
        let path_at = rest.find('/').ok_or(UrlError::Malformed)?;
        let (authority, path) = rest.split_at(path_at);
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority),
        };
        let has_host = !host.is_empty() && !host.starts_with('-');
        if (protocol == Protocol::File) == has_host
            || path.len() < 2
            || (protocol == Protocol::File && userinfo.is_some())
        {
            return Err(UrlError::Malformed);
        }
        let user = userinfo.map(|userinfo| userinfo.split(':').next().unwrap_or_default());
        let at_user = match user.filter(|_| protocol == Protocol::Ssh) {
            Some(user) if user.starts_with('-') => return Err(UrlError::Malformed),
            Some(user) => format!("{user}@"),
            None => String::new(),
        };
        let userinfo = userinfo.map(|userinfo| Secret::new(userinfo.as_bytes()));
        Ok(Self { protocol, clean: format!("{}://{at_user}{host}{path}", protocol.name()), userinfo })
    }

    /// `git@host:owner/name`.
    fn scp_like(url: &str) -> Result<Self, UrlError> {
        let (user_host, path) = url.split_once(':').ok_or(UrlError::Protocol)?;
        let (user, host) = user_host.split_once('@').ok_or(UrlError::Protocol)?;
        let plain = |text: &str| {
            let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            starts_well && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        // `transport::address` runs a program.
        if !plain(user) || !plain(host) || path.is_empty() || path.starts_with(['-', ':']) {
            return Err(UrlError::Malformed);
        }
        Ok(Self { protocol: Protocol::Ssh, clean: url.to_owned(), userinfo: None })
    }

    /// The name of the mirror: a hash of the URL without credentials, 32 hex digits.
    #[must_use]
    pub fn key(&self) -> String {
        blake3::hash(self.clean.as_bytes()).to_hex()[..32].to_owned()
    }

    /// What git is told.
    pub(super) fn for_git(&self) -> &str {
        &self.clean
    }

    /// The configuration that gives git the credentials: a name and a value, for the environment only.
    pub(super) fn credentials(&self) -> Option<(String, String)> {
        let userinfo = self.userinfo.as_ref().filter(|_| self.protocol == Protocol::Https)?;
        let host_end = self.clean["https://".len()..].find('/')? + "https://".len();
        let (user, password) = self.user_and_password(userinfo);
        let basic = base64::engine::general_purpose::STANDARD.encode([&user, b":".as_slice(), &password].concat());
        Some((format!("http.{}/.extraHeader", &self.clean[..host_end]), format!("Authorization: Basic {basic}")))
    }

    #[expect(clippy::unused_self, reason = "the credentials are this remote's, and are read nowhere else")]
    fn user_and_password(&self, userinfo: &Secret) -> (Vec<u8>, Vec<u8>) {
        let text = userinfo.expose();
        let colon = text.iter().position(|&b| b == b':').unwrap_or(text.len());
        (unescape(&text[..colon]), unescape(text.get(colon + 1..).unwrap_or_default()))
    }

    /// `text` without this remote's user and password, should a server or git repeat them.
    pub(super) fn redact(&self, text: &str) -> String {
        let Some(userinfo) = &self.userinfo else { return text.to_owned() };
        let written = String::from_utf8_lossy(userinfo.expose()).into_owned();
        let (user, password) = self.user_and_password(userinfo);
        let written_password = written.split_once(':').map(|(_, password)| password.to_owned());
        let mut secrets = vec![written, String::from_utf8_lossy(&password).into_owned()];
        secrets.extend(written_password);
        secrets.extend(self.credentials().and_then(|(_, header)| header.rsplit(' ').next().map(str::to_owned)));
        // A token may stand alone, in the place of the user.
        if password.is_empty() {
            secrets.push(String::from_utf8_lossy(&user).into_owned());
        }
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "****"))
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.clean)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.clean)
    }
}

/// Undoes percent-escapes; a `%` that begins none stands for itself.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.first_chunk::<2>().filter(|_| byte == b'%').and_then(|digits| {
            let digit = |at: usize| char::from(digits[at]).to_digit(16);
            u8::try_from(digit(0)? * 16 + digit(1)?).ok()
        });
        plain.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_credentials_out() {
        let remote = Remote::parse("https://me:p%40ss@git.example.com:8443/o/r.git").unwrap();
        assert_eq!(remote.to_string(), "https://git.example.com:8443/o/r.git");
        assert!(!format!("{remote:?}").contains("ss@"));
        let (key, value) = remote.credentials().unwrap();
        assert_eq!(key, "http.https://git.example.com:8443/.extraHeader");
        assert_eq!(value, "Authorization: Basic bWU6cEBzcw==");
        let said = "fatal: p@ss, p%40ss and bWU6cEBzcw== at https://me:p%40ss@git.example.com";
        assert_eq!(remote.redact(said), "fatal: ****, **** and **** at https://****@git.example.com");
        let same = Remote::parse("https://git.example.com:8443/o/r.git").unwrap();
        assert_eq!(remote.key(), same.key());
        assert_eq!(same.credentials(), None);
        assert_eq!(Remote::parse("ssh://git:pw@h.example/o/r").unwrap().to_string(), "ssh://git@h.example/o/r");
    }

    #[test]
    fn refuses_what_could_run_or_leak() {
        for (url, error) in [
            ("http://h/p", UrlError::Protocol),
            ("git://h/p", UrlError::Protocol),
            ("ext::sh -c x", UrlError::Malformed),
            ("ext::sh", UrlError::Protocol),
            ("a@ext::sh", UrlError::Malformed),
            ("--upload-pack=x", UrlError::Malformed),
            ("ssh://-oProxyCommand=x/p", UrlError::Malformed),
            ("ssh://-o@h/p", UrlError::Malformed),
            ("git@-h:p", UrlError::Malformed),
            ("git@h:-p", UrlError::Malformed),
            ("https:///p", UrlError::Malformed),
            ("https://h", UrlError::Malformed),
            ("https://h/p\nq", UrlError::Malformed),
            ("file://host/p", UrlError::Malformed),
            ("/some/path", UrlError::Protocol),
            ("", UrlError::Malformed),
        ] {
            assert_eq!(Remote::parse(url), Err(error), "{url}");
        }
        for url in ["https://h/p", "git@h.example:o/r.git", "file:///srv/r.git", "ssh://h:22/p"] {
            assert_eq!(Remote::parse(url).unwrap().for_git(), url);
        }
    }
}
