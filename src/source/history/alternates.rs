//! Object folders that others name. Takes folders, gives them and all they name, each once; must end, whatever they name.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::coverage::SkipReason;
use crate::source::Sink;

/// How deep alternates may name further alternates, as in git.
const MAX_ALTERNATE_DEPTH: usize = 5;

/// Largest alternates file that is read.
const MAX_ALTERNATES_BYTES: u64 = 1 << 20;

/// The folders and all they name in `info/alternates`, each once.
pub fn with_alternates(objects: &[PathBuf], sink: &dyn Sink) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut todo: Vec<(PathBuf, usize)> = objects.iter().rev().map(|folder| (folder.clone(), 0)).collect();
    while let Some((folder, depth)) = todo.pop() {
        let Ok(real) = folder.canonicalize() else {
            sink.skip(SkipReason::MissingObject, format!("alternate object folder {}", folder.display()));
            continue;
        };
        if !seen.insert(real) {
            continue;
        }
        let list = folder.join("info/alternates");
        found.push(folder);
        let Ok(meta) = fs::metadata(&list) else { continue };
        if !meta.is_file() || meta.len() > MAX_ALTERNATES_BYTES || depth >= MAX_ALTERNATE_DEPTH {
            sink.skip(SkipReason::CorruptObject, "info/alternates: no file, too large or nested too deep".to_owned());
            continue;
        }
        let Ok(text) = fs::read(&list) else {
            sink.skip(SkipReason::Unreadable, "info/alternates".to_owned());
            continue;
        };
        let base = found.last().expect("the folder was just pushed").clone();
        for line in text.split(|&b| b == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#")).rev() {
            let line = if line.starts_with(b"\"") { unquote(line) } else { line.to_vec() };
            if let Ok(path) = gix::path::from_byte_slice(&line) {
                todo.push((base.join(path), depth + 1));
            }
        }
    }
    found
}

fn unquote(line: &[u8]) -> Vec<u8> {
    use gix::bstr::ByteSlice;
    gix::quote::ansi_c::undo(line.as_bstr()).map_or_else(|_| line.to_vec(), |(text, _)| text.to_vec())
}
