//! What a secret's bytes look like: entropy and kinds of characters. Takes bytes alone.

use super::types::{Charset, Rule};

/// Whether a secret has the entropy and the characters that its rule asks for.
#[must_use]
pub fn passes_filters(rule: &Rule, secret: &[u8]) -> bool {
    rule.value.entropy.is_none_or(|floor| entropy(secret) >= floor) && has_charset(rule.value.charset, secret)
}

/// Whether a secret has the least numbers of characters.
#[must_use]
pub fn has_charset(least: Charset, secret: &[u8]) -> bool {
    if least == Charset::default() {
        return true;
    }
    let count = |class: fn(&u8) -> bool| secret.iter().filter(|&b| class(b)).count();
    let mut seen = [false; 256];
    for &byte in secret {
        seen[usize::from(byte)] = true;
    }
    count(u8::is_ascii_digit) >= least.digits.into()
        && count(u8::is_ascii_uppercase) >= least.upper.into()
        && count(u8::is_ascii_lowercase) >= least.lower.into()
        && count(|b| !b.is_ascii_alphanumeric()) >= least.special.into()
        && seen.iter().filter(|&&seen| seen).count() >= least.distinct.into()
}

/// Shannon entropy of the bytes, in bits per byte.
#[must_use]
pub fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let total = bytes.len() as f32;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| count as f32 / total)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_known_texts() {
        assert!((entropy(b"abcd") - 2.0).abs() < 1e-6);
        assert!(entropy(b"aaaa").abs() < 1e-6);
        assert!(entropy(b"").abs() < 1e-6);
    }

    #[test]
    fn charset_asks_for_least_numbers() {
        let least = Charset { digits: 2, upper: 1, ..Charset::default() };
        assert!(has_charset(least, b"aB12"));
        assert!(!has_charset(least, b"ab12"));
        assert!(!has_charset(least, b"aB1x"));
        assert!(!has_charset(Charset { distinct: 3, ..Charset::default() }, b"abab"));
    }
}
