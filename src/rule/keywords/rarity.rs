//! How rare a literal is in source text. Takes bytes, gives an estimate from pairs of bytes and common words; must never decide whether a
//! literal is required.

use std::sync::LazyLock;

use super::super::frequency::surprise_after;

/// Words of source text with their number per million bytes, which pairs of bytes alone underestimate: one `word number` a
/// line, written by `tools/frequency.py --words` from the trees that its head names.
static WORDS: LazyLock<Vec<(&str, f64)>> = LazyLock::new(|| {
    let line = |line: &'static str| line.split_once(' ').and_then(|(word, number)| Some((word, number.parse().ok()?)));
    include_str!("words.txt").lines().filter_map(line).collect()
});

/// Pieces of words stand in at most so many times as many places as the model says.
const UNDERESTIMATED: f64 = 30.0;

/// The likeliest way to put a literal together from words and single bytes, but no less than the words that hold all of it.
pub(super) fn frequency(literal: &[u8]) -> f64 {
    let whole: f64 =
        WORDS.iter().filter(|(word, _)| holds(word.as_bytes(), literal)).map(|(_, number)| number / 1e6).sum();
    let mut best = vec![0.0_f64; literal.len() + 1];
    best[0] = 1.0;
    for at in 0..literal.len() {
        let before = at.checked_sub(1).map(|before| literal[before]);
        let byte = best[at] * (-f64::from(surprise_after(before, literal[at])) / 8.0).exp2();
        best[at + 1] = best[at + 1].max(byte);
        let rest = &literal[at..];
        for (word, per_million) in WORDS.iter() {
            // The literal may end within a word.
            let len = if rest.starts_with(word.as_bytes()) {
                word.len()
            } else if rest.len() > 2 && word.as_bytes().starts_with(rest) {
                rest.len()
            } else {
                continue;
            };
            // In the middle of a literal a word is likelier than in the middle of nowhere.
            let bonus = if at == 0 { 1.0 } else { 10.0 };
            best[at + len] = best[at + len].max(best[at] * (per_million * bonus / 1e6).min(0.2));
        }
    }
    let modelled = best[literal.len()].max(whole);
    modelled.max(at_least(literal).min(modelled * UNDERESTIMATED))
}

/// What letters alone must be expected to hit: pieces of words, each below the share at which the table begins, that are
/// together far more than their pairs of letters say. `ship` stands in five times as many places as that.
fn at_least(literal: &[u8]) -> f64 {
    if !literal.iter().all(u8::is_ascii_alphabetic) {
        return 0.0;
    }
    match literal.len() {
        ..=3 => 100e-6,
        4 => 20e-6,
        5 => 4e-6,
        6 => 1e-6,
        _ => 0.2e-6,
    }
}

fn holds(word: &[u8], part: &[u8]) -> bool {
    word.windows(part.len().max(1)).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_words_are_more_frequent_than_their_letters_say() {
        assert_eq!(WORDS.len(), include_str!("words.txt").lines().count());
        assert!(frequency(b"consumer") > frequency(b"ovh_c"));
        assert!(frequency(b"token") > frequency(b"ghp_"));
        assert!(frequency(b"consume") >= frequency(b"consumer") && frequency(b"ssword") >= frequency(b"password"));
    }
}
