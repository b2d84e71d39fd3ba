//! The keyword search beside what there is to have: the same keywords, the same text, every overlapping occurrence without
//! regard to ASCII case.
//!
//!     SEKISHO_BENCH_CORPUS=DIR cargo bench --bench prefilter
//!
//! daachorse and the packed search of aho-corasick know no case: they get text that was folded before, which is not measured.

use std::collections::BTreeSet;
use std::hint::black_box;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, packed};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use daachorse::DoubleArrayAhoCorasick;
use sekisho::detect::prefilter::Prefilter;
use sekisho::rule::RuleSet;
use sekisho::span::Span;

#[path = "corpus.rs"]
mod corpus;

/// The most patterns that the packed search takes.
const PACKED: usize = 64;

/// All keywords of the built-in rules.
fn keywords() -> Vec<String> {
    let rules = RuleSet::builtin();
    let words: BTreeSet<String> = rules.rules.iter().flat_map(|rule| rule.keywords.iter().cloned()).collect();
    words.into_iter().collect()
}

fn search(criterion: &mut Criterion) {
    let files = corpus::files();
    let folded: Vec<Vec<u8>> = files.iter().map(|file| file.to_ascii_lowercase()).collect();
    let bytes: usize = files.iter().map(Vec::len).sum();
    let keywords = keywords();
    let mut group = criterion.benchmark_group(format!("prefilter, {} keywords", keywords.len()));
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(10);

    let ours = Prefilter::new(&keywords);
    group.bench_function("sekisho", |bencher| {
        bencher.iter(|| {
            let mut count = 0_u64;
            for file in &files {
                ours.each(file, Span::new(0, file.len()), |_, _, _| {
                    count += 1;
                    true
                });
            }
            black_box(count)
        });
    });
    for (name, kind) in [
        ("aho-corasick DFA", AhoCorasickKind::DFA),
        ("aho-corasick contiguous NFA", AhoCorasickKind::ContiguousNFA),
        ("aho-corasick noncontiguous NFA", AhoCorasickKind::NoncontiguousNFA),
    ] {
        let automaton = AhoCorasick::builder()
            .kind(Some(kind))
            .ascii_case_insensitive(true)
            .build(&keywords)
            .expect("the keywords should fit");
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                let count = |file: &Vec<u8>| automaton.find_overlapping_iter(Input::new(file)).count();
                black_box(files.iter().map(count).sum::<usize>())
            });
        });
    }
    let packed: Vec<packed::Searcher> = keywords
        .chunks(PACKED)
        .map(|chunk| packed::Searcher::new(chunk).expect("this processor should have SSSE3"))
        .collect();
    group.bench_function("Teddy, 64 keywords at a time", |bencher| {
        bencher.iter(|| {
            let count = |file: &Vec<u8>| packed.iter().map(|searcher| searcher.find_iter(file).count()).sum::<usize>();
            black_box(folded.iter().map(count).sum::<usize>())
        });
    });
    let automaton = DoubleArrayAhoCorasick::<u32>::new(&keywords).expect("the keywords should fit");
    group.bench_function("daachorse", |bencher| {
        bencher.iter(|| {
            let count = |file: &Vec<u8>| automaton.find_overlapping_iter(file).count();
            black_box(folded.iter().map(count).sum::<usize>())
        });
    });
    let escaped: Vec<String> =
        keywords.iter().map(|keyword| format!("(?i-u:{})", regex_syntax::escape(keyword))).collect();
    let regex = regex_automata::meta::Regex::new_many(&escaped).expect("the keywords should fit");
    group.bench_function("regex-automata meta", |bencher| {
        bencher.iter(|| {
            let count = |file: &Vec<u8>| regex.find_iter(file).count();
            black_box(files.iter().map(count).sum::<usize>())
        });
    });
    group.finish();
}

criterion_group!(benches, search);
criterion_main!(benches);
