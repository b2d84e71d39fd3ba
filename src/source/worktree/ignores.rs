//! What gitignore files leave out. Takes paths, tells whether they are ignored; must never read an ignore file that git would
//! not: a link (to `/dev/zero`, say, which any repository can hold) or a pipe would be read forever.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ignore::{IncrementalIgnore, WalkBuilder};

/// Longest ignore file that is read. The longest in use have some thousand lines; every line becomes a compiled pattern.
const LONGEST: u64 = 1 << 20;

/// The ignore files of one tree.
pub(super) struct Ignores {
    matcher: IncrementalIgnore,
    root: PathBuf,
    /// Whether the ignore files of a folder and of those above it can be read.
    sound: BTreeMap<PathBuf, bool>,
}

impl Ignores {
    /// The ignore files of the tree at `root`; `None` if those of the root itself are no files. Then nothing is ignored,
    /// which costs time and loses nothing.
    pub(super) fn new(root: &Path) -> Option<Self> {
        if !are_files(root) {
            return None;
        }
        // `.ignore` files are not git's: what they leave out is still pushed.
        let mut builder = WalkBuilder::new(root);
        let matcher = builder.hidden(false).ignore(false).build_matchers().pop()?;
        Some(Self { matcher, root: root.to_owned(), sound: BTreeMap::new() })
    }

    /// Whether a path relative to the root is ignored, all folders above it having been asked about before.
    pub(super) fn is_ignored(&mut self, relative: &Path, is_dir: bool) -> bool {
        let folder = relative.parent().unwrap_or(Path::new(""));
        self.is_sound(folder) && self.matcher.matched(relative, is_dir).is_ignore()
    }

    /// The matcher reads the ignore files of all folders above a path, so one that is none spoils all below.
    fn is_sound(&mut self, folder: &Path) -> bool {
        if folder.as_os_str().is_empty() {
            return true;
        }
        if let Some(&known) = self.sound.get(folder) {
            return known;
        }
        let sound = self.is_sound(folder.parent().unwrap_or(Path::new(""))) && are_files(&self.root.join(folder));
        self.sound.insert(folder.to_owned(), sound);
        sound
    }
}

/// Whether the ignore files of a folder that are there are files of a sensible size, and no links.
fn are_files(folder: &Path) -> bool {
    [".gitignore", ".git/info/exclude"].iter().all(|name| {
        std::fs::symlink_metadata(folder.join(name)).map_or(true, |meta| meta.is_file() && meta.len() <= LONGEST)
    })
}
