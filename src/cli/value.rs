//! Values that options and configuration files share. Takes words, gives checked values or a sentence that says what was
//! expected; must never look at anything but the word (and, for dates, the clock it is given).

use crate::rule::Kind;
use crate::source::history::Scope;

use super::suggest;

const WORDS: [&str; 3] = ["reachable", "all-objects", "none"];

/// `reachable`, `all-objects`, `none` or a range `A..B`.
pub fn history(word: &str) -> Result<Scope, String> {
    match word {
        "reachable" => Ok(Scope::Reachable),
        "all-objects" => Ok(Scope::AllObjects),
        "none" => Ok(Scope::None),
        range if range.contains("..") && !range.starts_with('-') => Ok(Scope::Range(range.to_owned())),
        other => Err(match suggest::nearest(other, WORDS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "expected reachable, all-objects, none or a range such as main..topic".to_owned(),
        }),
    }
}

/// `10MB`, `512KiB`, `4096`: bytes. `K`, `M`, `G` alone and `KiB`, `MiB`, `GiB` are powers of 1024, `kB`, `MB`, `GB`
/// powers of 1000.
pub fn byte_size(word: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 10MB, 512KiB or 4096".to_owned();
    let text = word.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| expected())?;
    let unit: u64 = match text[digits..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(expected()),
    };
    match number.checked_mul(unit) {
        Some(0) => Err("a limit of 0 would leave out every file".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err(expected()),
    }
}

/// A rule id, a glob over ids, or `kind:KIND`; given back as it was.
pub fn rule_pattern(word: &str) -> Result<String, String> {
    if let Some(kind) = word.strip_prefix("kind:") {
        kind.parse::<Kind>().map_err(|error| with_nearest(error, kind, Kind::ALL.iter().map(|kind| kind.word())))?;
    } else {
        glob(word)?;
    }
    Ok(word.to_owned())
}

/// A glob; given back as it was.
pub fn glob(word: &str) -> Result<String, String> {
    if word.is_empty() {
        return Err("an empty glob matches nothing".to_owned());
    }
    match globset::Glob::new(word) {
        Ok(_) => Ok(word.to_owned()),
        Err(error) => Err(error.kind().to_string()),
    }
}

/// Adds the nearest right word to an error about a wrong one.
pub fn with_nearest<'a>(error: String, word: &str, right: impl IntoIterator<Item = &'a str>) -> String {
    match suggest::nearest(word, right) {
        Some(near) => format!("{error}; did you mean `{near}`?"),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories() {
        assert_eq!(history("reachable"), Ok(Scope::Reachable));
        assert_eq!(history("all-objects"), Ok(Scope::AllObjects));
        assert_eq!(history("none"), Ok(Scope::None));
        assert_eq!(history("main..topic"), Ok(Scope::Range("main..topic".to_owned())));
        assert_eq!(history("all-object"), Err("did you mean `all-objects`?".to_owned()));
        assert!(history("-x..y").is_err());
        assert!(history("everything").is_err_and(|error| error.contains("a range such as")));
    }

    #[test]
    fn sizes() {
        assert_eq!(byte_size("4096"), Ok(4096));
        assert_eq!(byte_size("10MB"), Ok(10_000_000));
        assert_eq!(byte_size("10 MiB"), Ok(10 << 20));
        assert_eq!(byte_size("2g"), Ok(2 << 30));
        for wrong in ["", "MB", "1.5MB", "-1", "10 parsecs", "99999999999GB", "0"] {
            assert!(byte_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rule_patterns() {
        assert!(rule_pattern("github.*").is_ok());
        assert!(rule_pattern("kind:auth-logic").is_ok());
        assert!(rule_pattern("kind:credentials").is_err_and(|error| error.contains("did you mean `credential`?")));
        assert!(rule_pattern("a[").is_err());
        assert!(rule_pattern("").is_err());
    }
}
