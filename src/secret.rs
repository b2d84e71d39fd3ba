//! Secret bytes that no log, error or `{:?}` can show.

use std::fmt;

/// The bytes of a credential. `Debug` never shows them; [`Secret::masked`] is what people see.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes over the bytes of a secret.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The secret itself. Callers are few on purpose: fingerprints, checks of its structure, `--reveal`, verification.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret with its middle replaced by `****`: enough to recognise one's own key, too little to use it.
    ///
    /// At most a quarter of the characters is shown, four at either end at most; a short secret shows nothing.
    #[must_use]
    pub fn masked(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        if let Some(header) =
            text.lines().next().filter(|line| line.starts_with("-----BEGIN ") && text.len() > line.len())
        {
            // The header of a key block says what it is and nothing of the key. A block on one line shows its header alone.
            let end = header[11..].find("-----").map_or(0, |dashes| 11 + dashes + 5);
            let label =
                header[..end].chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, ' ' | '-'));
            return if label && end > 0 && end < 64 { format!("{} ****", &header[..end]) } else { "****".to_owned() };
        }
        let first_line = text.trim().lines().next().unwrap_or_default();
        let chars: Vec<char> = first_line.chars().collect();
        let whole = text.chars().count();
        let shown = (whole / 4).min(8).min(chars.len() / 2);
        let (head, tail) = (shown.div_ceil(2), shown / 2);
        if shown < 2 {
            return "****".to_owned();
        }
        let visible =
            |part: &[char]| -> String { part.iter().map(|&c| if c.is_control() { '?' } else { c }).collect() };
        format!("{}****{}", visible(&chars[..head]), visible(&chars[chars.len() - tail..]))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secrets_show_nothing_and_long_ones_at_most_eight_characters() {
        assert_eq!(Secret::new(*b"hunter2").masked(), "****");
        assert_eq!(Secret::new(*b"abcdefgh12345678").masked(), "ab****78");
        assert_eq!(Secret::new(vec![b'x'; 80]).masked(), "xxxx****xxxx");
        assert_eq!(format!("{:?}", Secret::new(*b"hunter2")), "Secret(7 bytes)");
    }
}
