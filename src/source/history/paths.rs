//! The paths that blobs stand at, each as its parent and a name. Takes names by number, gives paths by number; must stay
//! within its limits, whatever trees a repository holds.

use std::collections::HashMap;

use super::skeleton::Skeleton;

/// Longest path that is followed, in bytes: four times what the usual file systems can hold.
const MAX_PATH_BYTES: u32 = 16 << 10;

/// Most paths remembered.
const MAX_PATHS: usize = 2_000_000;

/// Path of the root of a commit's tree.
pub const ROOT: u32 = 0;

/// Path of the root of a tree of notes.
pub const NOTES: u32 = 1;

/// Paths as parent and name.
#[derive(Default)]
pub struct Paths {
    nodes: Vec<(u32, u32, u32)>,
    known: HashMap<(u32, u32), u32>,
}

impl Paths {
    /// The two roots.
    pub fn new() -> Self {
        Self { nodes: vec![(ROOT, u32::MAX, 0), (NOTES, u32::MAX, 0)], known: HashMap::new() }
    }

    /// The path of an entry; `None` where it is longer than the limit, or there are too many.
    pub fn join(&mut self, folder: u32, name: u32, skeleton: &Skeleton) -> Option<u32> {
        if let Some(&known) = self.known.get(&(folder, name)) {
            return Some(known);
        }
        let len = self.nodes[folder as usize].2 + 1 + skeleton.names[name as usize].len() as u32;
        if len > MAX_PATH_BYTES || self.nodes.len() >= MAX_PATHS {
            return None;
        }
        let path = self.nodes.len() as u32;
        self.nodes.push((folder, name, len));
        self.known.insert((folder, name), path);
        Some(path)
    }

    /// The names from the root to a path, and which root.
    pub fn names(&self, mut path: u32) -> (Vec<u32>, u32) {
        let mut names = Vec::new();
        while path > NOTES {
            let (folder, name, _) = self.nodes[path as usize];
            names.push(name);
            path = folder;
        }
        names.reverse();
        (names, path)
    }
}
