//! Samples of credentials, made from a description such as `ghp_{alnum:30}{check}`. Takes a template and a seed, gives the
//! same bytes every time; must never use a source of randomness, so that a failing sample can be made again.
//!
//! Samples exist so that no complete token has to stand in a committed file.

use regex_automata::meta;

use super::checksum;
use super::shape::passes_filters;
use super::types::Rule;

/// Longest run of one class, in bytes.
const RUN_LIMIT: usize = 20_000;

/// Seeds tried until a sample passes the filters of its rule.
const ATTEMPTS: u64 = 64;

/// A parsed sample description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Between so many and so many bytes of an alphabet.
    Run {
        alphabet: &'static [u8],
        least: usize,
        most: usize,
    },
    Choice(Vec<String>),
    Word,
    Uuid,
    Check,
}

/// Classes that `{class:N}` knows, with their bytes.
pub const CLASSES: &[(&str, &[u8])] = &[
    ("alnum", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
    ("alpha", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
    ("upper", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("lower", b"abcdefghijklmnopqrstuvwxyz"),
    ("upnum", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    ("lownum", b"abcdefghijklmnopqrstuvwxyz0123456789"),
    ("digit", b"0123456789"),
    ("hex", b"0123456789abcdef"),
    ("HEX", b"0123456789ABCDEF"),
    ("base64", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
    ("base64url", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
    ("b32", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    ("b58", b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"),
    ("word-char", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"),
];

const WORDS: &[&str] = &[
    "amber", "birch", "cobalt", "delta", "ember", "falcon", "garnet", "harbor", "indigo", "juniper", "kestrel",
    "lagoon", "maple", "nimbus", "onyx", "pepper", "quartz", "raven", "saffron", "tundra", "umber", "velvet", "willow",
    "zephyr",
];

/// Parses a sample description.
///
/// # Errors
/// What is wrong, as a sentence without its place.
pub fn parse(text: &str) -> Result<Template, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            literal.push(c);
            rest = after;
        } else if c == '{' {
            let end = rest.find('}').ok_or("a `{` without its `}` (write `{{` for a brace)")?;
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(piece(&rest[1..end])?);
            rest = &rest[end + 1..];
        } else if c == '}' {
            return Err("a `}` without its `{` (write `}}` for a brace)".to_owned());
        } else {
            literal.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(Template { pieces })
}

fn piece(text: &str) -> Result<Piece, String> {
    match text {
        "word" => return Ok(Piece::Word),
        "uuid" => return Ok(Piece::Uuid),
        "check" => return Ok(Piece::Check),
        _ if text.contains('|') => return Ok(Piece::Choice(text.split('|').map(str::to_owned).collect())),
        _ => {}
    }
    let known = || CLASSES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let (name, count) = text.split_once(':').ok_or_else(|| {
        format!(
            "`{{{text}}}` is none of word, uuid, check, a choice like `a|b`, or a class with a count like `alnum:20`"
        )
    })?;
    let alphabet = CLASSES
        .iter()
        .find(|(class, _)| *class == name)
        .map(|(_, alphabet)| *alphabet)
        .ok_or_else(|| format!("unknown class `{name}`; known are {}", known()))?;
    let (least, most) = count.split_once('-').unwrap_or((count, count));
    match (least.parse(), most.parse()) {
        (Ok(least), Ok(most)) if least <= most && most <= RUN_LIMIT => Ok(Piece::Run { alphabet, least, most }),
        _ => Err(format!("`{count}` is no count (write `20` or `20-40`, at most {RUN_LIMIT})")),
    }
}

impl Template {
    /// Whether `{check}` stands in it.
    #[must_use]
    pub fn has_check(&self) -> bool {
        self.pieces.contains(&Piece::Check)
    }

    /// One sample, with `check` in place of `{check}`.
    fn expand(&self, random: &mut Random, check: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Run { alphabet, least, most } => {
                    let count = least + random.below(most - least + 1);
                    out.extend((0..count).map(|_| alphabet[random.below(alphabet.len())]));
                }
                Piece::Choice(choices) => out.extend_from_slice(choices[random.below(choices.len())].as_bytes()),
                Piece::Word => out.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes()),
                Piece::Uuid => out.extend_from_slice(uuid(random).as_bytes()),
                Piece::Check => out.extend_from_slice(check),
            }
        }
        out
    }
}

fn uuid(random: &mut Random) -> String {
    let (a, b) = (random.next(), random.next());
    let variant = 0x8000 | (b >> 48 & 0x3fff);
    let (time, version) = (a >> 16 & 0xffff, 0x4000 | (a & 0x0fff));
    format!("{:08x}-{time:04x}-{version:04x}-{variant:04x}-{:012x}", a >> 32, b & 0xffff_ffff_ffff)
}

/// Where a sample can stand so that its rule's regex matches.
#[derive(Debug)]
pub struct Minter<'r> {
    template: &'r Template,
    rule: &'r Rule,
    regex: &'r meta::Regex,
    /// Texts with `\0` where the sample goes; the first is the bare sample.
    frames: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A sample and what of it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The reported part of them.
    pub target: std::ops::Range<usize>,
    /// Whether the regex matches the bytes, alone or in one of the examples.
    pub matched: bool,
    /// Whether it matches them alone.
    pub alone: bool,
}

impl<'r> Minter<'r> {
    /// Mints samples of `rule` from its template. `examples` are texts with `{{mint}}` in them, tried where the regex needs
    /// more around the sample than its own bytes.
    pub fn new(
        rule: &'r Rule,
        regex: &'r meta::Regex,
        template: &'r Template,
        examples: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut frames = vec![(Vec::new(), Vec::new())];
        frames.extend(examples.into_iter().filter_map(|text| {
            let (before, after) = text.split_once("{{mint}}")?;
            Some((before.as_bytes().to_vec(), after.as_bytes().to_vec()))
        }));
        Self { template, rule, regex, frames }
    }

    /// The sample of a seed: its checksum holds, and it passes the rule's entropy and charset filters unless no seed near
    /// by does.
    #[must_use]
    pub fn mint(&self, seed: u64) -> Sample {
        let attempt = |n: u64| self.once(&mut Random(seed.wrapping_mul(ATTEMPTS).wrapping_add(n)));
        let good = |sample: &Sample| passes_filters(self.rule, &sample.bytes[sample.target.clone()]);
        (0..ATTEMPTS).map(attempt).find(good).unwrap_or_else(|| attempt(0))
    }

    /// A sample whose checksum does not hold: its check value, or its last digit for [`checksum::Algorithm::Luhn`], is
    /// changed. The sample of the seed as it is, if nothing of it is a check value.
    #[must_use]
    pub fn mint_bad_check(&self, seed: u64) -> Vec<u8> {
        let mut sample = self.mint(seed).bytes;
        if let Some((of, equals)) = self.groups(&sample) {
            let at = equals.map_or(of.end.saturating_sub(1), |equals| equals.end.saturating_sub(1));
            // Another character of the same class, so that only the check can reject it.
            sample[at] = match sample[at] {
                b'9' => b'8',
                b'z' => b'y',
                b'Z' => b'Y',
                b'f' => b'e',
                b'F' => b'E',
                other => other + 1,
            };
        }
        sample
    }

    /// A sample in the first text in which the regex matches it, and its offset there; alone if there is none.
    #[must_use]
    pub fn in_place(&self, sample: &[u8]) -> (Vec<u8>, usize) {
        let fits = |frame: &&(Vec<u8>, Vec<u8>)| self.in_frame(frame, sample, self.rule.target_group()).is_some();
        let (before, after) = self.frames.iter().find(fits).unwrap_or(&self.frames[0]);
        ([before.as_slice(), sample, after].concat(), before.len())
    }

    fn once(&self, random: &mut Random) -> Sample {
        let len = self.rule.credential().and_then(|c| c.checksum.as_ref()).and_then(|c| c.algorithm.check_len());
        let mut bytes = self.template.expand(random, &vec![b'0'; len.unwrap_or(0)]);
        if self.template.has_check()
            && let Some(checksum) = self.rule.credential().and_then(|c| c.checksum.as_ref())
            && let Some((of, equals)) = self.groups(&bytes)
        {
            let (of, at) = match equals {
                Some(equals) => (of, equals),
                None => (of.start..of.end.saturating_sub(1), of.end.saturating_sub(1)..of.end),
            };
            if let Some(check) = checksum::solve(checksum.algorithm, &bytes[of], at.len()) {
                bytes[at].copy_from_slice(&check);
            }
        }
        match self.target(&bytes) {
            Some((target, alone)) => Sample { bytes, target, matched: true, alone },
            None => Sample { target: 0..bytes.len(), bytes, matched: false, alone: false },
        }
    }

    /// What of the sample is reported, and whether it matches alone.
    fn target(&self, sample: &[u8]) -> Option<(std::ops::Range<usize>, bool)> {
        self.frames.iter().enumerate().find_map(|(i, frame)| {
            let group = self.in_frame(frame, sample, self.rule.target_group())?;
            Some((group, i == 0))
        })
    }

    /// The groups of the checksum, relative to the sample.
    fn groups(&self, sample: &[u8]) -> Option<(std::ops::Range<usize>, Option<std::ops::Range<usize>>)> {
        let checksum = self.rule.credential()?.checksum.as_ref()?;
        self.frames.iter().find_map(|frame| {
            let of = self.in_frame(frame, sample, &checksum.of)?;
            let equals = match &checksum.equals {
                Some(name) => Some(self.in_frame(frame, sample, name)?),
                None => None,
            };
            Some((of, equals))
        })
    }

    /// The span of a group inside the sample, when the sample stands in a frame.
    fn in_frame(&self, frame: &(Vec<u8>, Vec<u8>), sample: &[u8], group: &str) -> Option<std::ops::Range<usize>> {
        let text = [frame.0.as_slice(), sample, &frame.1].concat();
        let within = frame.0.len()..frame.0.len() + sample.len();
        self.regex.captures_iter(text.as_slice()).find_map(|captures| {
            let span = captures.get_group_by_name(group)?;
            (within.start <= span.start && span.end <= within.end)
                .then(|| span.start - within.start..span.end - within.start)
        })
    }
}

/// `SplitMix64` (Steele, Lea and Flood, 2014): enough for samples, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(template: &str, seed: u64) -> String {
        String::from_utf8(parse(template).unwrap().expand(&mut Random(seed), b"")).unwrap()
    }

    #[test]
    fn templates() {
        let text = sample("a{{b}}-{digit:4}-{x|x}{HEX:2-3}", 7);
        assert!(text.starts_with("a{b}-"), "{text}");
        assert!(text.len() == 5 + 4 + 1 + 1 + 2 || text.len() == 5 + 4 + 1 + 1 + 3, "{text}");
        assert_eq!(sample("{alnum:40}", 1), sample("{alnum:40}", 1));
        assert_ne!(sample("{alnum:40}", 1), sample("{alnum:40}", 2));
        for seed in 0..50 {
            let id = sample("{uuid}", seed);
            assert_eq!(
                checksum::verify(checksum::Algorithm::Uuid4, id.as_bytes(), None),
                checksum::Verdict::Pass,
                "{id}"
            );
        }
    }

    #[test]
    fn template_errors() {
        for (template, part) in [
            ("{alnum}", "`{alnum}` is none of"),
            ("{alnun:3}", "unknown class `alnun`"),
            ("{alnum:x}", "`x` is no count"),
            ("{alnum:9-3}", "`9-3` is no count"),
            ("{alnum:999999}", "no count"),
            ("a{b", "without its `}`"),
            ("a}b", "without its `{`"),
        ] {
            let error = parse(template).unwrap_err();
            assert!(error.contains(part), "{template}: {error}");
        }
    }
}
