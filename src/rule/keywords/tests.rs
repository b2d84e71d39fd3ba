//! Keywords of single regexes, and the property that no match avoids them.

use super::*;
use crate::rule::pattern;

fn derived(regex: &str) -> (Vec<String>, u32, u32) {
    let derived = derive(&pattern::parse(regex).unwrap().hir).expect("this regex requires a literal");
    (derived.keywords, derived.window.before, derived.window.after)
}

#[test]
fn prefixes() {
    assert_eq!(derived(r"\b(?<secret>ghp_[A-Za-z0-9]{36})\b"), (vec!["ghp_".into()], 0, 36));
    let (keywords, before, after) = derived(r"\b(?<secret>gh[pous]_[A-Za-z0-9]{36})\b");
    assert_eq!(keywords, ["gho_", "ghp_", "ghs_", "ghu_"]);
    assert_eq!((before, after), (0, 36));
}

#[test]
fn case_folds_to_one_literal() {
    assert_eq!(derived(r"(?i)ACME-[a-z]{4}"), (vec!["acme-".into()], 0, 4));
    assert_eq!(derived(r"AcMe-[a-z]{4}"), (vec!["acme-".into()], 0, 4));
}

#[test]
fn alternation_is_a_union_and_optional_parts_are_covered() {
    let (keywords, ..) = derived(r"(?:A3T[A-Z0-9]|AKIA|ASIA)[A-Z2-7]{16}");
    assert_eq!(keywords, ["a3t", "akia", "asia"]);
    let (keywords, before, after) = derived(r#"["']?zzyx["']?[:=]\d{4}"#);
    assert_eq!((keywords, before, after), (vec!["zzyx".into()], 1, 6));
}

#[test]
fn rare_literals_win_over_common_words() {
    let (keywords, before, _) = derived(r"(?:key|token)[a-z ]{0,20}xq9z[0-9]{8}");
    assert_eq!((keywords, before), (vec!["xq9z".into()], 25));
}

#[test]
fn a_repetition_needs_a_round() {
    assert_eq!(derived(r"(?:abc){2}x\d"), (vec!["abcabcx".into()], 0, 1));
    assert_eq!(derived(r"(?:wxyz[0-9]{2}){1,3}"), (vec!["wxyz".into()], 0, 14));
    assert!(derive(&pattern::parse(r"(?:abc){0,3}\d{4}").unwrap().hir).is_none());
    assert!(derive(&pattern::parse(r"(?:abc|\d)x").unwrap().hir).is_none());
    assert!(derive(&pattern::parse(r"[a-f0-9]{32}").unwrap().hir).is_none());
}

#[test]
fn long_literals_are_cut_and_the_window_knows() {
    let (keywords, before, after) = derived(&format!("{}[0-9]{{5}}", "q".repeat(50)));
    assert_eq!((keywords[0].len() as u32 + before + after, keywords.len()), (55, 1));
}

use proptest::prelude::*;

/// A regex that texts can be made for.
#[derive(Clone, Debug)]
enum Sample {
    Text(String),
    /// A class and its members.
    Class(&'static str, &'static [u8]),
    Times(Box<Sample>, u32, u32),
    Either(Vec<Sample>),
    All(Vec<Sample>),
}

impl Sample {
    fn regex(&self) -> String {
        let join = |list: &[Self], between: &str| list.iter().map(Self::regex).collect::<Vec<_>>().join(between);
        match self {
            Self::Text(text) => text.clone(),
            Self::Class(class, _) => (*class).to_owned(),
            Self::Times(inner, least, most) => format!("(?:{}){{{least},{most}}}", inner.regex()),
            Self::Either(list) => format!("(?:{})", join(list, "|")),
            Self::All(list) => join(list, ""),
        }
    }

    /// A text that the regex matches; `choices` decides between the possible ones.
    fn text(&self, choices: &mut impl FnMut(usize) -> usize, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => out.extend(text.bytes().map(|b| match choices(2) {
                0 => b.to_ascii_uppercase(),
                _ => b,
            })),
            Self::Class(_, members) => out.push(members[choices(members.len())]),
            Self::Times(inner, least, most) => {
                let rounds = *least as usize + choices((most - least + 1) as usize);
                (0..rounds).for_each(|_| inner.text(choices, out));
            }
            Self::Either(list) => list[choices(list.len())].text(choices, out),
            Self::All(list) => list.iter().for_each(|part| part.text(choices, out)),
        }
    }
}

fn samples() -> impl Strategy<Value = Sample> {
    let leaf = prop_oneof![
        4 => "[a-d_]{1,6}".prop_map(Sample::Text),
        1 => Just(Sample::Text("key".to_owned())),
        1 => Just(Sample::Text("q".repeat(40))),
        1 => Just(Sample::Class("[xyz]", b"xyzXYZ")),
        1 => Just(Sample::Class("[0-9a-f]", b"0123456789abcdefABCDEF")),
        1 => Just(Sample::Class("[^;]", b"a!\xff\n")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let times = (inner.clone(), 0..3_u32, 0..3_u32);
        prop_oneof![
            times.prop_map(|(inner, least, more)| Sample::Times(Box::new(inner), least, least + more)),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Sample::Either),
            proptest::collection::vec(inner, 1..5).prop_map(Sample::All),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Every match holds a keyword, and reaches no further from it than the window.
    #[test]
    fn matches_hold_a_keyword_within_the_window(sample in samples(), seed in any::<u64>()) {
        let regex = format!("(?i){}", sample.regex());
        let hir = pattern::parse(&regex).unwrap().hir;
        if let Some(Derived { keywords, window }) = derive(&hir) {
            let mut state = seed;
            let mut choices = |limit: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % limit
            };
            for _ in 0..8 {
                let mut text = Vec::new();
                sample.text(&mut choices, &mut text);
                text.make_ascii_lowercase();
                let inside = keywords.iter().any(|keyword| {
                    stands_in(&text, keyword.as_bytes(), window)
                });
                prop_assert!(inside, "{regex}: {keywords:?} {window:?} {:?}", String::from_utf8_lossy(&text));
            }
            for keyword in &keywords {
                prop_assert!(keyword.len() >= MIN_LEN && keyword.len() <= MAX_LEN);
            }
            prop_assert!(keywords.len() <= MAX_KEYWORDS);
        }
    }
}

fn stands_in(text: &[u8], keyword: &[u8], window: Window) -> bool {
    (0..text.len()).any(|at| {
        text[at..].starts_with(keyword)
            && at <= window.before as usize
            && text.len() - at - keyword.len() <= window.after as usize
    })
}
