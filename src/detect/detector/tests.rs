use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::detect::{Encoding, matcher};
use crate::rule::compile::{SourceFile, compile_file};

/// Rules from regexes alone.
fn rules(regexes: &[&str]) -> RuleSet {
    let mut text = String::from("provider = \"Acme\"\n");
    for (number, regex) in regexes.iter().enumerate() {
        write!(
            text,
            "[[rule]]\nid = \"acme.r{number}\"\nkind = \"credential\"\ntitle = \"t\"\ndescription = \"d\"\n\
             severity = \"high\"\nconfidence = \"high\"\ncwe = [798]\nstatus = \"preview\"\nregex = '''{regex}'''\n"
        )
        .unwrap();
    }
    let file = compile_file(&SourceFile { name: "patterns/providers/acme.toml".to_owned(), text });
    RuleSet::assemble(&[file.unwrap_or_else(|errors| panic!("{errors:?}"))]).unwrap()
}

fn everything(rules: &RuleSet) -> Vec<RuleIndex> {
    (0..rules.rules.len()).map(|number| RuleIndex(u32::try_from(number).unwrap())).collect()
}

fn spans(rules: &RuleSet, text: &[u8]) -> BTreeSet<(u32, usize, usize)> {
    let detector = Detector::new(rules, &everything(rules), true);
    let detected = detector.detect(text, &mut Scratch::default());
    detected.matches.iter().map(|found| (found.rule.0, found.span.start, found.span.end)).collect()
}

/// The local definition, word for word: every keyword of every rule at every place, each for itself.
fn by_definition(rules: &RuleSet, text: &[u8]) -> BTreeSet<(u32, usize, usize)> {
    let mut found = BTreeSet::new();
    for (number, rule) in rules.rules.iter().enumerate() {
        let lazy = Lazy::default();
        let compiled = lazy.get(rule).unwrap();
        for keyword in &rule.keywords {
            for (start, window) in text.windows(keyword.len()).enumerate() {
                if window.eq_ignore_ascii_case(keyword.as_bytes()) {
                    let at = Span::new(start, start + keyword.len());
                    let hit = matcher::search(compiled, 0, rule.window, text, at, &mut Caches::default());
                    found.extend(hit.map(|hit| (u32::try_from(number).unwrap(), hit.target.start, hit.target.end)));
                }
            }
        }
    }
    found
}

const REGEXES: &[&str] = &[
    r"\bkey=(?<secret>[a-z0-9]{2,6})\b",
    r"(?i:pass|token)[a-z_]{0,6}[:=]{1,2}(?<secret>[a-z0-9]{1,5})",
    r"(?<secret>[a-z]{0,9}tok[a-z]{1,9})",
    r"(?:^|[^a-z])(?<secret>pas[s=]{1,3}[a-z]{2})(?:[^a-z]|$)",
    r"(?<secret>(?s:key.{0,12}key))",
];

proptest! {
    #[test]
    fn looking_at_tails_first_gives_what_the_local_definition_says(
        pieces in proptest::collection::vec(
            prop::sample::select(vec![
                "key=", "key", "pass", "PASS", "token", "=", ":", "ab", "x9", "_", " ", "\n", ".", "tok", "y",
            ]),
            0..60,
        ),
    ) {
        let text = pieces.concat();
        let rules = rules(REGEXES);
        // Placeholders are matches too; nothing else is filtered here.
        prop_assert_eq!(spans(&rules, text.as_bytes()), by_definition(&rules, text.as_bytes()));
    }
}

/// One step from a version to the next.
#[derive(Clone, Debug)]
enum Step {
    /// Shares of the base between two points, which are shares of 1000.
    Copy(usize, usize),
    /// Pieces of text.
    Insert(Vec<&'static str>),
}

/// Fragments of what rules look for, in clear and encoded, and what may keep them apart.
const PIECES: &[&str] = &[
    "key=",
    "key",
    "ab12",
    "pass",
    "PASS",
    "token",
    "=",
    ":",
    "x9",
    "_",
    " ",
    "\n",
    "\r\n",
    ".",
    "tok",
    "y",
    "\"",
    "'",
    "api_key = \"",
    "q7w2e9r4t1y6u3i8",
    "password: ",
    "hunter22x",
    "secret",
    "need-this",
    "sekisho:allow",
    // `key=ab12cd` and more of it, as base64, hex, percent, unicode and entities.
    "a2V5PWFiMTJjZCBrZXk9YWIxMmNk",
    "6b65793d61623132206b65793d61623132206b65",
    "key%3Dab1",
    "key\\u003dab2",
    "key&#61;ab3",
    "a2V5",
    "PWFi",
    "6b65",
    "%3D",
    "\\u00",
    "3d",
    "&#6",
    "1;",
    "the quick brown fox jumps over the lazy dog and then goes on for quite a while, so that runs are long enough. ",
    "0123456789 ............................................................................................ ",
    "xxxxxxxxxxxx",
];

fn pieces(most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(prop::sample::select(PIECES.to_vec()), 0..most)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let copy = (0_usize..=1000, 0_usize..=1000).prop_map(|(a, b)| Step::Copy(a.min(b), a.max(b)));
    let most = (0_usize..=300, 700_usize..=1000).prop_map(|(a, b)| Step::Copy(a, b));
    proptest::collection::vec(prop_oneof![3 => copy, 2 => most, 3 => pieces(4).prop_map(Step::Insert)], 0..6)
}

fn applied(base: &[u8], steps: &[Step]) -> (Vec<u8>, Vec<Edit>) {
    let (mut text, mut edits) = (Vec::new(), Vec::new());
    for step in steps {
        let (run, from) = match step {
            Step::Copy(start, end) => {
                let (start, end) = (base.len() * start / 1000, base.len() * end / 1000);
                (base[start..end].to_vec(), Some(start))
            }
            Step::Insert(pieces) => (pieces.concat().into_bytes(), None),
        };
        text.extend_from_slice(&run);
        Edit::push(&mut edits, Edit { len: run.len(), from });
    }
    (text, edits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The point of it all: whatever is remembered, a version shows what it shows to someone who never saw another one.
    #[test]
    fn versions_show_what_they_show_by_themselves(
        first in pieces(60),
        chain in proptest::collection::vec(steps(), 1..8),
        binary in prop::bool::weighted(0.1),
    ) {
        let mut rules = rules(REGEXES);
        rules.rules[1].requires = vec!["need-this".to_owned()];
        rules.rules[2].unless = vec!["hunter".to_owned()];
        rules.rules[2].unless_lines = 4;
        let detector = Detector::new(&rules, &everything(&rules), true);
        let (mut scratch, mut fresh) = (Scratch::default(), Scratch::default());
        let mut text = first.concat().into_bytes();
        if binary {
            text.insert(0, 0);
        }
        let mut memory = detector.detect_version(&text, None, true, &mut scratch).1;
        for steps in &chain {
            let (next, edits) = applied(&text, steps);
            let base = memory.as_ref().map(|memory| (memory, edits.as_slice()));
            let (version, remembered) = detector.detect_version(&next, base, true, &mut scratch);
            let alone = detector.detect(&next, &mut fresh);
            prop_assert_eq!(version.class, alone.class);
            prop_assert_eq!(version.skipped, alone.skipped);
            prop_assert_eq!(version.matches, alone.matches, "{:?}", String::from_utf8_lossy(&next));
            (text, memory) = (next, remembered);
        }
    }
}

#[test]
fn a_version_of_too_many_matches_is_cut_where_it_would_be_by_itself() {
    let rules = rules(&[r"(?<secret>key[0-9]{1,3})"]);
    let detector = Detector::new(&rules, &everything(&rules), true);
    let base = "key1 ".repeat(MATCH_LIMIT - 100).into_bytes();
    let mut scratch = Scratch::default();
    let memory = detector.detect_version(&base, None, true, &mut scratch).1.unwrap();
    let more = "key2 ".repeat(200).into_bytes();
    let text = [&more[..], &base].concat();
    let edits = [Edit { len: more.len(), from: None }, Edit { len: base.len(), from: Some(0) }];
    let (version, remembered) = detector.detect_version(&text, Some((&memory, &edits)), true, &mut scratch);
    let alone = detector.detect(&text, &mut Scratch::default());
    assert_eq!((version.skipped, version.matches), (Some(SkipReason::MatchLimit), alone.matches));
    assert!(remembered.is_none());
}

#[test]
fn secrets_in_every_encoding_are_found_where_they_stand() {
    use base64::Engine as _;
    let rules = rules(&[r"\bacme_(?<secret>[a-z0-9]{12})\b"]);
    let secret = "q7w2e9r4".to_owned() + "t1y6";
    let plain = format!("say acme_{secret} now");
    let detector = Detector::new(&rules, &everything(&rules), true);
    let encoded = base64::engine::general_purpose::STANDARD.encode(&plain);
    let twice = base64::engine::general_purpose::STANDARD.encode(format!("data: {encoded}"));
    let hex = plain.bytes().fold(String::new(), |text, b| text + &format!("{b:02X}"));
    for (text, layers) in [
        (plain.clone(), vec![]),
        (format!("a = \"{encoded}\""), vec![Encoding::Base64]),
        (format!("b: {twice}"), vec![Encoding::Base64, Encoding::Base64]),
        (hex, vec![Encoding::Hex]),
        (plain.replace('_', "%5F"), vec![Encoding::Percent]),
        (plain.replace('_', "\\u005f"), vec![Encoding::Unicode]),
        (plain.replace('_', "&#95;"), vec![Encoding::HtmlEntity]),
    ] {
        let detected = detector.detect(text.as_bytes(), &mut Scratch::default());
        assert_eq!(detected.matches.len(), 1, "{text}");
        let found = &detected.matches[0];
        assert_eq!((found.secret.expose(), &found.decoded_from), (secret.as_bytes(), &layers), "{text}");
        assert!(!found.snippet.contains(&secret), "{}", found.snippet);
    }
}

#[test]
fn utf16_is_searched_and_mapped_back() {
    let rules = rules(&[r"\bacme_(?<secret>[a-z0-9]{12})\b"]);
    let text = "é\r\n漢 acme_q7w2e9r4t1y6\r\n".repeat(3);
    let detector = Detector::new(&rules, &everything(&rules), true);
    for (mark, big_endian) in [(&b""[..], false), (b"\xff\xfe", false), (b"\xfe\xff", true)] {
        let units = text.encode_utf16().flat_map(|u| if big_endian { u.to_be_bytes() } else { u.to_le_bytes() });
        let bytes: Vec<u8> = mark.iter().copied().chain(units).collect();
        let detected = detector.detect(&bytes, &mut Scratch::default());
        assert_eq!(detected.matches.len(), 3);
        let second = &detected.matches[1];
        assert_eq!((second.location.line, second.span.len()), (4, 24));
        assert_eq!(bytes[second.span.start + usize::from(big_endian)], b'q');
    }
}

#[test]
fn a_file_of_nothing_but_candidates_ends_and_says_so() {
    let rules = rules(&[r"(?<secret>key[0-9]{1,3})"]);
    let text = "key1 ".repeat(MATCH_LIMIT + 100);
    let detector = Detector::new(&rules, &everything(&rules), true);
    let detected = detector.detect(text.as_bytes(), &mut Scratch::default());
    assert_eq!(detected.skipped, Some(SkipReason::MatchLimit));
    assert_eq!(detected.matches.len(), MATCH_LIMIT);
}

#[test]
fn a_sample_of_the_documentation_is_a_placeholder_even_if_its_check_passes() {
    let rules = RuleSet::builtin();
    let selected = rules.select(&["aws.access-key-id".to_owned()], &[]).unwrap();
    let detector = Detector::new(&rules, &selected, true);
    let text = ["AWS_ACCESS_KEY_ID=AKIA", "IOSFODNN7", "EXAMPLE"].concat();
    let detected = detector.detect(text.as_bytes(), &mut Scratch::default());
    assert_eq!(detected.matches.len(), 1);
    assert!(detected.matches[0].evidence.checksum && detected.matches[0].placeholder.is_some());
}

#[test]
fn conditions_reach_as_many_lines_as_they_say() {
    let mut rules = rules(&[r"\bacme_(?<secret>[a-z0-9]{12})\b"]);
    rules.rules[0].unless = vec!["sandbox".to_owned()];
    let found = |rules: &RuleSet, lines: usize| {
        let text = format!("sandbox\n{}acme_q7w2e9r4t1y6\n", "filler of some length\n".repeat(lines));
        spans(rules, text.as_bytes()).len()
    };
    assert_eq!(found(&rules, 0), 1);
    rules.rules[0].unless_lines = 20;
    assert_eq!((found(&rules, 19), found(&rules, 20)), (0, 1));
}
