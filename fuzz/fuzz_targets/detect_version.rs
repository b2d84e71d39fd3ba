//! Versions of a text, each made from the one before by edits: looking at what an edit touches must show what looking at all
//! of it shows.
//!
//! A byte above 127 stands for a piece of what rules look for, so that no token need stand in a kept input.

#![no_main]

#[path = "../../tests/scan/mint.rs"]
mod mint;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sekisho::detect::{Detected, Detector, Scratch};
use sekisho::edit::Edit;
use sekisho::rule::RuleSet;

/// Longest version.
const MOST: usize = 32 << 10;

static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::builtin);

static DETECTOR: LazyLock<Detector<'static>> = LazyLock::new(|| {
    let all = RULES.select(&[], &[]).expect("no names are no wrong names");
    Detector::new(&RULES, &all, true)
});

static PIECES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let token = mint::mint(1);
    let other = mint::mint(2);
    let base64 = |text: &str| {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits = |chunk: &[u8]| chunk.iter().fold(0_usize, |bits, &byte| bits << 8 | usize::from(byte));
        let chunks = text.as_bytes().chunks_exact(3);
        chunks.flat_map(|c| [18, 12, 6, 0].map(|by| ALPHABET[bits(c) >> by & 63])).collect::<Vec<u8>>()
    };
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let mut pieces: Vec<Vec<u8>> =
        vec![base64(&token), base64(&base64_text(&token)), hex(&token).into(), percent(&other).into()];
    pieces.extend([&token[..10], &token[10..], &token[..4], &other, &other[..30], &other[30..]].map(Vec::from));
    let texts = [
        "password",
        "pass",
        "secret",
        " = \"",
        "\": \"",
        "\"",
        "'",
        "key",
        "api",
        "_",
        "token",
        "TOKEN=",
        ":",
        "=",
        "\n",
        "\r\n",
        "https://",
        "user:",
        "@",
        "example.com",
        "sekisho:allow",
        "AKIA",
        "aws",
        "-----BEGIN ",
        "PRIVATE KEY-----\n",
        "-----END ",
        "MIIEpAIBAAKC",
        "eyJhbGciOiJIUzI1NiJ9",
        ".",
        "eyJzdWIiOiIxIn0",
        "xoxb-",
        "sk_live_",
        "Bearer ",
        "Basic ",
        "\\u00",
        "\\x41",
        "&#65;",
        "%41",
        "QUJD",
        "\0",
        "q7w2e9r4t1y6u3i8",
        "4f9c2a71be0d",
        "ABCDEFGHIJKLMNOP",
        "(",
        ")",
        "{",
        "}",
        ";",
        "#",
        "//",
    ];
    pieces.extend(texts.map(Vec::from));
    pieces.push(b"filler text that is nothing of the kind\n".repeat(8));
    pieces.push(b"x".repeat(300));
    pieces
});

fn base64_text(text: &str) -> String {
    format!("token {text} ")
}

/// What input bytes stand for.
fn text(bytes: &[u8]) -> Vec<u8> {
    let piece = |&byte: &u8| match byte.checked_sub(128) {
        Some(number) => PIECES[usize::from(number) % PIECES.len()].clone(),
        None => vec![byte],
    };
    bytes.iter().flat_map(piece).collect()
}

fuzz_target!(|data: &[u8]| {
    let mut scratch = Scratch::default();
    let Some((&len, mut rest)) = data.split_first() else { return };
    let start;
    (start, rest) = rest.split_at(rest.len().min(usize::from(len)));
    let mut version = text(start);
    version.truncate(MOST);
    let mut memory = DETECTOR.detect_version(&version, None, true, &mut scratch).1;
    while let Some((&[steps], after)) = rest.split_first_chunk::<1>() {
        rest = after;
        let (mut next, mut edits) = (Vec::new(), Vec::new());
        for _ in 0..=steps % 8 {
            let Some((&[what, a, b, len], after)) = rest.split_first_chunk::<4>() else { break };
            rest = after;
            let from = if what & 1 == 0 {
                // Copies, by fractions of the base and some bytes.
                let start = (version.len() * usize::from(a) / 255).saturating_sub(usize::from(what >> 4));
                let end = (start + version.len() * usize::from(b) / 255 + usize::from(len)).min(version.len());
                next.extend_from_slice(&version[start..end]);
                Edit::push(&mut edits, Edit { len: end - start, from: Some(start) });
                continue;
            } else {
                let (inserted, after) = rest.split_at(rest.len().min(usize::from(len % 16)));
                rest = after;
                text(&[&[a, b][..usize::from(what >> 1 & 1) + 1], inserted].concat())
            };
            Edit::push(&mut edits, Edit { len: from.len(), from: None });
            next.extend(from);
        }
        if next.len() > MOST {
            return;
        }
        let base = memory.as_ref().map(|memory| (memory, &edits[..]));
        let (along, remembered) = DETECTOR.detect_version(&next, base, true, &mut scratch);
        let whole = DETECTOR.detect(&next, &mut scratch);
        let parts = |detected: Detected| (detected.class, detected.matches, detected.skipped);
        assert_eq!(parts(along), parts(whole), "{:?}", String::from_utf8_lossy(&next));
        (version, memory) = (next, remembered);
    }
});
