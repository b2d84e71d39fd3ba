//! The stages of a scan, each by itself, in bytes of what it gives or looks at.
//!
//!     SEKISHO_BENCH_CORPUS=DIR SEKISHO_BENCH_REPO=REPO cargo bench --bench stages
//!
//! Text is that of `corpus.rs`, the history that of a repository, by default this one's.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::Read as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sekisho::blob::{Blob, ObjectId};
use sekisho::coverage::SkipReason;
use sekisho::detect::prefilter::Prefilter;
use sekisho::detect::{Detector, Scratch};
use sekisho::edit::Edit;
use sekisho::provenance::Provenance;
use sekisho::rule::RuleSet;
use sekisho::source::history::{Engine, History, HistoryOptions, Scope, delta};
use sekisho::source::repository::Repository;
use sekisho::source::{Sink, SizeLimit};
use sekisho::span::Span;

#[path = "corpus.rs"]
mod corpus;

/// One blob in so many is one with findings.
const WITH_FINDINGS: usize = 50;

fn text(criterion: &mut Criterion) {
    let files = corpus::files();
    let bytes: usize = files.iter().map(Vec::len).sum();
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(10);

    let packed: Vec<Vec<u8>> = files.iter().map(|file| deflated(file)).collect();
    group.bench_function("inflate", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            for stream in &packed {
                out.clear();
                flate2::read::ZlibDecoder::new(&stream[..]).read_to_end(&mut out).expect("a whole stream");
                black_box(&out);
            }
        });
    });

    let deltas: Vec<(Vec<u8>, usize)> = files.iter().map(|file| one_line_added(file)).collect();
    group.bench_function("apply", |bencher| {
        let (mut out, mut edits) = (Vec::new(), Vec::new());
        bencher.iter(|| {
            for (file, (instructions, size)) in files.iter().zip(&deltas) {
                let made = delta::apply(file, instructions, *size, &mut out, &mut edits);
                assert!(black_box(made).is_some());
            }
        });
    });

    let rules = RuleSet::builtin();
    let keywords: BTreeSet<&String> = rules.rules.iter().flat_map(|rule| &rule.keywords).collect();
    let prefilter = Prefilter::new(&keywords.into_iter().collect::<Vec<_>>());
    group.bench_function("prefilter", |bencher| {
        bencher.iter(|| {
            let mut count = 0_u64;
            for file in &files {
                prefilter.each(file, Span::new(0, file.len()), |_, _, _| {
                    count += 1;
                    true
                });
            }
            black_box(count)
        });
    });

    let all = rules.select(&[], &[]).expect("no names are no wrong names");
    let detector = Detector::new(&rules, &all, true);
    let mut scratch = Scratch::default();
    group.bench_function("match (prefilter, decode, search)", |bencher| {
        bencher.iter(|| {
            for file in &files {
                black_box(detector.detect(file, &mut scratch));
            }
        });
    });

    let versions: Vec<Vec<u8>> = files.iter().map(|file| [file.as_slice(), b"one more line\n"].concat()).collect();
    let remembered: Vec<_> =
        files.iter().map(|file| detector.detect_version(file, None, true, &mut scratch).1).collect();
    group.bench_function("match of a version with one more line", |bencher| {
        bencher.iter(|| {
            for ((file, version), memory) in files.iter().zip(&versions).zip(&remembered) {
                let mut edits = Vec::new();
                Edit::push(&mut edits, Edit { len: file.len(), from: Some(0) });
                Edit::push(&mut edits, Edit { len: version.len() - file.len(), from: None });
                let base = memory.as_ref().map(|memory| (memory, &edits[..]));
                black_box(detector.detect_version(version, base, false, &mut scratch));
            }
        });
    });

    // What stands in configuration and tests: long runs that decode to text.
    let encoded: Vec<Vec<u8>> = files.iter().map(|file| base64_lines(file)).collect();
    let bytes: usize = encoded.iter().map(Vec::len).sum();
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("match in base64", |bencher| {
        bencher.iter(|| {
            for file in &encoded {
                black_box(detector.detect(file, &mut scratch));
            }
        });
    });
    group.finish();
}

fn history(criterion: &mut Criterion) {
    let path = std::env::var_os("SEKISHO_BENCH_REPO").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let repository = Repository::open(&path).expect("a repository to measure with");
    let open = |sink: &dyn Sink| {
        let size = SizeLimit { bytes: 4 << 20, by_user: false };
        let options =
            HistoryOptions { scope: Scope::AllObjects, since: None, reflog: false, size, engine: Engine::Delta };
        History::open(&repository, options, sink).expect("a whole history has no words to be wrong")
    };
    let counter = Counter::default();
    open(&counter).blobs(&counter);
    let mut ids = counter.ids.into_inner().expect("no thread panicked");
    ids.sort_unstable();
    let mut group = criterion.benchmark_group("history");
    group.throughput(Throughput::Bytes(counter.bytes.into_inner())).sample_size(10);

    group.bench_function("commits and trees", |bencher| {
        let sink = Counter::default();
        bencher.iter(|| open(&sink).walk(&sink));
    });
    group.bench_function("blobs (inflate, apply)", |bencher| {
        bencher.iter(|| {
            let sink = Counter::default();
            open(&sink).blobs(&sink);
            black_box(sink.bytes.into_inner())
        });
    });
    for (name, every) in [("attribute no blob", usize::MAX), ("attribute one blob in 50", WITH_FINDINGS)] {
        let wanted: BTreeSet<ObjectId> =
            ids.iter().step_by(every).skip(usize::from(every == usize::MAX)).copied().collect();
        let sink = Counter::default();
        let history = open(&sink);
        history.walk(&sink);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let attribution = history.attribute(&wanted, &sink);
                black_box(wanted.iter().map(|id| attribution.places(id).len()).sum::<usize>())
            });
        });
    }
    group.finish();
}

/// A sink that counts.
#[derive(Default)]
struct Counter {
    bytes: AtomicU64,
    ids: Mutex<Vec<ObjectId>>,
}

impl Sink for Counter {
    fn blob(&self, blob: Blob<'_>) {
        self.bytes.fetch_add(blob.bytes.len() as u64, Ordering::Relaxed);
        if let Provenance::History(id) = blob.provenance {
            self.ids.lock().expect("no thread panicked").push(*id);
        }
    }

    fn skip(&self, _: SkipReason, _: String) {}

    fn cancelled(&self) -> bool {
        false
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// Instructions that copy the first half of a file, insert a line and copy the rest, and the size of what they make.
fn one_line_added(file: &[u8]) -> (Vec<u8>, usize) {
    const LINE: &[u8] = b"one more line\n";
    let mut instructions = Vec::new();
    let copy = |from: usize, to: usize| {
        let mut runs = Vec::new();
        for start in (from..to).step_by(0xffff) {
            let len = (to - start).min(0xffff);
            runs.push(0xbf);
            runs.extend(&(start as u32).to_le_bytes());
            runs.extend(&(len as u16).to_le_bytes());
        }
        runs
    };
    instructions.extend(copy(0, file.len() / 2));
    instructions.push(LINE.len() as u8);
    instructions.extend(LINE);
    instructions.extend(copy(file.len() / 2, file.len()));
    (instructions, file.len() + LINE.len())
}

/// Each line of a file in base64.
fn base64_lines(file: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let line = |line: &[u8]| base64::engine::general_purpose::STANDARD.encode(line) + "\n";
    file.split(|&byte| byte == b'\n').flat_map(|text| line(text).into_bytes()).collect()
}

criterion_group!(benches, text, history);
criterion_main!(benches);
