//! The files of an objects folder. Takes the folder, gives its opened packs and the ids of its loose objects; must never
//! open a pipe or a device, which would block or have no end, or pass over in silence what cannot be read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gix::odb::pack::{data, index};

use crate::blob::ObjectId;
use crate::coverage::SkipReason;
use crate::source::Sink;

/// The packs of one or more folders.
pub(super) struct OpenPacks {
    /// File name, for messages, with index and pack.
    pub packs: Vec<(String, index::File, data::File)>,
    /// Whether a `.promisor` file stands beside one.
    pub promisor: bool,
    hash: gix::hash::Kind,
    /// What decoding one object may allocate.
    allocation: Option<usize>,
}

impl OpenPacks {
    pub fn new(hash: gix::hash::Kind, allocation: Option<usize>) -> Self {
        Self { packs: Vec::new(), promisor: false, hash, allocation }
    }

    /// Opens the packs of a folder.
    pub fn add(&mut self, folder: &Path, sink: &dyn Sink) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return sink.skip(SkipReason::Unreadable, format!("objects/pack: {}", error.kind())),
        };
        let paths: BTreeSet<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        self.promisor |= paths.iter().any(|path| path.extension().is_some_and(|ext| ext == "promisor"));
        let is_pack = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"pack-"));
        for path in paths.iter().filter(|path| is_pack(path)) {
            let corrupt = |what: String| sink.skip(SkipReason::CorruptObject, what);
            let name = path.with_extension("pack").file_name().unwrap_or_default().to_string_lossy().into_owned();
            match path.extension().and_then(|ext| ext.to_str()) {
                Some("pack") if !paths.contains(&path.with_extension("idx")) => {
                    corrupt(format!("pack {name}: no index"));
                }
                Some("idx") => match self.open(path) {
                    Ok((index, data)) => {
                        if index.num_objects() != data.num_objects() || index.pack_checksum() != data.checksum() {
                            corrupt(format!("pack {name}: truncated, or not the pack of its index"));
                        }
                        self.packs.push((name, index, data));
                    }
                    Err(error) => corrupt(format!("pack {name}: {error}")),
                },
                _ => {}
            }
        }
    }

    /// gix's messages hold paths, which differ from machine to machine: these are our own words.
    fn open(&self, path: &Path) -> Result<(index::File, data::File), &'static str> {
        let pack = path.with_extension("pack");
        if !path.is_file() {
            return Err("its index is not a file");
        }
        match fs::metadata(&pack) {
            Ok(meta) if meta.is_file() => {}
            Ok(_) => return Err("not a file"),
            Err(_) => return Err("an index without its pack"),
        }
        // The parser of a hostile file may have a bug; one pack must not end the scan.
        let opened = std::panic::catch_unwind(|| index::File::at(path, self.hash).ok());
        let index = opened.ok().flatten().ok_or("its index is damaged")?;
        let data = data::File::at(pack, self.hash).map_err(|_| "damaged or not readable")?;
        Ok((index, data.with_alloc_limit_bytes(self.allocation)))
    }
}

/// Appends the loose objects of a folder, as those of folder number `at`.
pub(super) fn list_loose(
    folder: &Path,
    at: u16,
    hash: gix::hash::Kind,
    into: &mut Vec<(ObjectId, u16)>,
    sink: &dyn Sink,
) {
    for byte in 0..=255u8 {
        let prefix = format!("{byte:02x}");
        let entries = match fs::read_dir(folder.join(&prefix)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                sink.skip(SkipReason::Unreadable, format!("objects/{prefix}: {}", error.kind()));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(rest) = name.to_str().filter(|rest| rest.len() + 2 == hash.len_in_hex()) else { continue };
            let Ok(id) = ObjectId::from_hex(format!("{prefix}{rest}").as_bytes()) else { continue };
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                into.push((id, at));
            } else {
                sink.skip(SkipReason::CorruptObject, format!("object {id}: a link, pipe or folder and not a file"));
            }
        }
    }
}
