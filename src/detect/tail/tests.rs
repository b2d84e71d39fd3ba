use std::collections::BTreeSet;
use std::sync::OnceLock;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::matcher::{Caches, Compiled, Lazy, search};
use super::*;
use crate::rule::{Detector, Rule, RuleSet};

fn tail(pattern: &str, keywords: &[&str], window: (u32, u32)) -> Tail {
    walking(Tail::new(pattern, &owned(keywords), Window { before: window.0, after: window.1 }))
}

/// A tail that does not ask for the run first.
fn walking(tail: Tail) -> Tail {
    tail.asked.store(RUNS_FIRST, Ordering::Relaxed);
    tail
}

fn owned(keywords: &[&str]) -> Vec<String> {
    keywords.iter().map(|&keyword| keyword.to_owned()).collect()
}

fn look(tail: &Tail, text: &str, keyword: (usize, usize)) -> Outlook {
    look_at(tail, text.as_bytes(), Span::new(keyword.0, keyword.1))
}

/// As the detector asks, which knows the keyword's number.
fn look_at(tail: &Tail, text: &[u8], keyword: Span) -> Outlook {
    tail.look(which(tail, text, keyword), text, keyword)
}

fn which(tail: &Tail, text: &[u8], keyword: Span) -> usize {
    let is = |known: &String| text[keyword.range()].eq_ignore_ascii_case(known.as_bytes());
    tail.keywords.iter().position(is).unwrap()
}

fn all(tail: &Tail, text: &[u8]) -> Vec<Span> {
    tail.keywords_in(text, Span::new(0, text.len()))
}

const PASSWORD: &str = r#"\b[a-z]{0,20}(?i:pass|pwd)(?:word)?[:=]"?(?<secret>[^\s"]{4,9})\b"#;

#[test]
fn it_tells_how_far_it_looked_and_how_far_a_match_may_reach() {
    let tail = tail(PASSWORD, &["pass", "pwd"], (20, 16));
    for (text, keyword, outlook) in [
        ("my pass is", (3, 7), Outlook::Gone { looked: 8 }),
        ("my PASS=abc ", (3, 7), Outlook::Gone { looked: 12 }),
        ("my password=abc", (3, 7), Outlook::Gone { looked: 16 }),
        ("my passwords", (3, 7), Outlook::Gone { looked: 13 }),
        ("my password=abcd x", (3, 7), Outlook::Alive { reach: 16 }),
        // What is behind a match is not looked at, nor how long it is: a longer one may not end there, but could.
        ("my password=abcd-efghij x", (3, 7), Outlook::Alive { reach: 25 }),
        ("mypass=abcd", (2, 6), Outlook::Alive { reach: 11 }),
        // The second keyword stands in the reach of the first, which is why it need not pass itself.
        ("pwd=pass1 ", (0, 3), Outlook::Alive { reach: 9 }),
        ("pwd=pass1 ", (4, 8), Outlook::Gone { looked: 9 }),
    ] {
        assert_eq!(look(&tail, text, keyword), outlook, "{text}");
    }
}

#[test]
fn the_byte_behind_a_keyword_decides_many() {
    let tail = tail(PASSWORD, &["pass", "pwd"], (20, 16));
    let follows = |byte: &u8| tail.built().next[1].contains(*byte);
    assert!(b"=:wx".iter().all(follows), "names go on in letters");
    assert!(!b" )\"_\n".iter().any(follows));
}

#[test]
fn what_is_not_decided_within_the_window_passes() {
    let text = format!("key={} ", "a".repeat(2 * STEPS));
    let open = |window| look(&tail("[a-z]{0,9}key=[a-z]{1,9999};", &["key"], window), &text, (0, 3));
    for after in [20, 10_000] {
        assert_eq!(open((0, after)), Outlook::Alive { reach: 3 });
        // A match with more keywords begins no later, and the last of them no later than the window allows.
        assert_eq!(open((9, after)), Outlook::Alive { reach: 12 });
    }
}

#[test]
fn an_automaton_that_gives_up_or_cannot_be_built_lets_everything_pass() {
    let window = Window { before: 4, after: 40 };
    let pattern = "key(?:[a-z]{3}|[a-f]{5}){4};";
    let full = walking(Tail::with_limit(pattern, &owned(&["key"]), window, 4));
    let roomy = walking(Tail::new(pattern, &owned(&["key"]), window));
    let passes_only_there = |text: String| {
        let keyword = Span::new(0, 3);
        let gone = matches!(roomy.look(0, text.as_bytes(), keyword), Outlook::Gone { .. });
        gone && matches!(full.look(0, text.as_bytes(), keyword), Outlook::Alive { .. })
    };
    let mut texts = (0..200_u32).map(|n| format!("key{}{n}", "abcdefgh".repeat(n as usize % 5)));
    assert!(texts.any(passes_only_there), "an automaton that is full gives no answer");

    let broken = Tail::new("(", &owned(&["key"]), window);
    assert_eq!(look(&broken, "a key .", (2, 5)), Outlook::Alive { reach: 7 });
}

#[test]
fn more_keywords_than_the_tree_has_nodes_only_add_states() {
    let keywords: Vec<String> = (0..60).map(|n| format!("{n:02}rather-long-keyword{n}")).collect();
    let pattern = format!("(?:{})=[a-z0-9]{{1,20}};", keywords.join("|"));
    let tail = Tail::new(&pattern, &keywords, Window { before: 0, after: 22 });
    assert_eq!(look(&tail, "59rather-long-keyword59=a;", (0, 23)), Outlook::Alive { reach: 26 });
    assert_eq!(look(&tail, "59rather-long-keyword59 a;", (0, 23)), Outlook::Gone { looked: 24 });
}

#[test]
fn the_built_in_rules_fit_into_their_trees() {
    for rule in RuleSet::builtin().rules {
        let beginnings: BTreeSet<&[u8]> =
            rule.keywords.iter().flat_map(|keyword| (1..keyword.len()).map(|len| &keyword.as_bytes()[..len])).collect();
        assert!(beginnings.len() < first::NODES, "{}: {} beginnings of keywords", rule.id, beginnings.len());
    }
}

/// A built-in rule with what is made of it.
struct Real {
    rule: &'static Rule,
    nfa: NFA,
    tail: Tail,
    compiled: Lazy,
}

impl Real {
    fn compiled(&self) -> &Compiled {
        self.compiled.get(self.rule).unwrap()
    }
}

/// A rule of the built-in set, made when first asked for.
fn real(number: usize) -> &'static Real {
    static RULES: OnceLock<Vec<(&Rule, &str, OnceLock<Real>)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        let set: &'static RuleSet = Box::leak(Box::new(RuleSet::builtin()));
        let with_regex = |rule: &'static Rule| match &rule.detector {
            Detector::Regex(pattern) => Some((rule, pattern.as_str(), OnceLock::new())),
            Detector::Builtin(_) => None,
        };
        set.rules.iter().filter_map(with_regex).collect()
    });
    let (rule, pattern, real) = &rules[number % rules.len()];
    real.get_or_init(|| Real {
        rule,
        nfa: compile(&parse(pattern).unwrap()).unwrap(),
        tail: walking(Tail::new(pattern, &rule.keywords, rule.window)),
        compiled: Lazy::default(),
    })
}

/// A text that the regex matches but for look-around: a walk through its automaton in which the choices say where to go.
/// Where they end, the walk takes what leads out of loops.
fn walk(nfa: &NFA, choices: &[u16]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut choices = choices.iter().map(|&choice| usize::from(choice));
    let mut state = nfa.start_anchored();
    for _ in 0..4000 {
        let mut ways = Vec::new();
        first::epsilons(nfa.state(state), |next| ways.push(next));
        if let Some(last) = ways.len().checked_sub(1) {
            // Loops are greedy: mostly the first way goes on, the last one leaves.
            state = ways[if last == 0 { 0 } else { choices.next().map_or(last, |choice| choice % ways.len()) }];
            continue;
        }
        let transitions = first::transitions(nfa.state(state));
        if transitions.is_empty() {
            break;
        }
        let choice = choices.next().unwrap_or(7);
        let transition = transitions[choice % transitions.len()];
        text.push(transition.start + (choice / 7 % (usize::from(transition.end - transition.start) + 1)) as u8);
        state = transition.next;
    }
    text
}

/// Pieces of text for a rule: matches, whole and cut, its keywords, and what stands around them.
#[derive(Clone, Debug)]
enum Piece {
    Walk(Vec<u16>),
    Cut(Vec<u16>, u16),
    Keyword(usize, bool),
    Around(&'static str),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let around = ["=", ":", "\"", "'", " ", "\n", "\r\n", "_", "x", "7", ".", ";", "/", "é", "aB3xQ9zL"];
    let choices = || vec(any::<u16>(), 0..120);
    let piece = prop_oneof![
        3 => choices().prop_map(Piece::Walk),
        2 => (choices(), any::<u16>()).prop_map(|(choices, cut)| Piece::Cut(choices, cut)),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(which, upper)| Piece::Keyword(which, upper)),
        4 => prop::sample::select(around.to_vec()).prop_map(Piece::Around),
    ];
    vec(piece, 1..8)
}

fn text_of(real: &Real, pieces: &[Piece]) -> Vec<u8> {
    let mut text = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Walk(choices) => text.extend(walk(&real.nfa, choices)),
            Piece::Cut(choices, cut) => {
                let whole = walk(&real.nfa, choices);
                text.extend(&whole[..usize::from(*cut) % (whole.len() + 1)]);
            }
            Piece::Keyword(which, upper) => {
                let keyword = &real.rule.keywords[which % real.rule.keywords.len()];
                text.extend(if *upper { keyword.to_ascii_uppercase() } else { keyword.clone() }.bytes());
            }
            Piece::Around(around) => text.extend(around.bytes()),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_keyword_that_the_search_finds_a_match_for_is_denied(number in any::<usize>(), pieces in pieces()) {
        let real = real(number);
        let text = text_of(real, &pieces);
        let mut caches = Caches::default();
        let mut reached = 0;
        for keyword in all(&real.tail, &text) {
            if let Outlook::Alive { reach } = look_at(&real.tail, &text, keyword) {
                reached = reached.max(reach);
            }
            if search(real.compiled(), 0, real.rule.window, &text, keyword, &mut caches).is_some() {
                prop_assert!(reached >= keyword.end, "{} denies {keyword:?}", real.rule.id);
            }
        }
    }

    #[test]
    fn what_it_did_not_look_at_changes_nothing(
        number in any::<usize>(),
        pieces in pieces(),
        before in vec(any::<u8>(), 0..4),
        after in vec(any::<u8>(), 0..40),
    ) {
        let real = real(number);
        let text = text_of(real, &pieces);
        for keyword in all(&real.tail, &text) {
            let outlook = look_at(&real.tail, &text, keyword);
            let Outlook::Gone { looked } = outlook else { continue };
            // Other bytes before the keyword, and where it did not see the end, others from there on.
            let kept = &text[keyword.start..looked.min(text.len())];
            let rest = if looked > text.len() { &[][..] } else { &after[..] };
            let other = [&before[..], kept, rest].concat();
            let shifted = Span::new(before.len(), before.len() + keyword.len());
            let which = which(&real.tail, &text, keyword);
            let again = real.tail.look(which, &other, shifted);
            // With less behind it, it may already miss what every match has.
            let gone = matches!(again, Outlook::Gone { .. } | Outlook::Bare);
            prop_assert!(gone, "{}: {again:?}", &real.rule.id);
        }
    }
}

#[test]
fn the_first_keywords_are_asked_for_the_run_alone() {
    let fresh = || Tail::new("key=[0-9a-f]{32}", &owned(&["key"]), Window { before: 0, after: 40 });
    let with_run = format!("keyk{}", "0123456789abcdef".repeat(2));
    let tail = fresh();
    assert_eq!(look(&tail, "key: none", (0, 3)), Outlook::Bare);
    assert!(tail.built.get().is_none());
    assert_eq!(look(&tail, &with_run, (0, 3)), Outlook::Gone { looked: 4 }, "with a run there is more to ask");
    assert!(tail.built.get().is_some());
    let tail = fresh();
    for _ in 0..RUNS_FIRST {
        assert_eq!(look(&tail, "key: none", (0, 3)), Outlook::Bare);
    }
    assert_eq!(look(&tail, "key: none", (0, 3)), Outlook::Gone { looked: 4 }, "by now it is worth building");
}

#[test]
fn rules_with_the_same_regex_share_a_tail() {
    let rules = RuleSet::builtin().rules;
    let tails = Tails::new(&rules);
    let of = |id: &str| tails.number(rules.iter().position(|rule| rule.id == id).unwrap());
    assert_eq!(of("password-config.file"), of("password-config.file-strong"));
    assert_ne!(of("password-config.file"), of("password-config.flag"));
}

#[test]
fn every_built_in_regex_has_an_automaton() {
    for number in 0..RuleSet::builtin().rules.len() {
        let real = real(number);
        assert!(real.tail.built().automaton.is_some(), "{}", real.rule.id);
    }
}
