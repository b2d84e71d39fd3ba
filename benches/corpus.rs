//! Source text to measure with: the files of `SEKISHO_BENCH_CORPUS`, a folder of checked-out repositories; else this
//! repository's own sources.

use std::fs;
use std::path::{Path, PathBuf};

/// More text says nothing new.
const MOST: usize = 64 << 20;

/// Files with a NUL byte among the first are no source.
const PROBE: usize = 8 << 10;

/// Every file of text, in the order of the paths, every nth one where there is more than is needed.
pub fn files() -> Vec<Vec<u8>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roots = match std::env::var_os("SEKISHO_BENCH_CORPUS") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => ["src", "tests", "patterns"].map(|folder| own.join(folder)).to_vec(),
    };
    let mut paths: Vec<(PathBuf, usize)> = ignore::WalkBuilder::new(&roots[0])
        .hidden(false)
        .git_ignore(false)
        .build()
        .chain(roots[1..].iter().flat_map(|root| ignore::WalkBuilder::new(root).build()))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .filter_map(|entry| Some((entry.path().to_owned(), entry.metadata().ok()?.len() as usize)))
        .collect();
    paths.sort();
    let total: usize = paths.iter().map(|(_, len)| len).sum();
    let every = total.div_ceil(MOST).max(1);
    let files = paths.iter().step_by(every).filter_map(|(path, _)| fs::read(path).ok());
    files.filter(|bytes| !bytes[..bytes.len().min(PROBE)].contains(&0)).collect()
}
