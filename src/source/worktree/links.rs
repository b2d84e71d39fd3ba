//! Takes a symbolic link, tells whether what it names is part of the tree; must never look at what it names.
//!
//! A link inside the tree names something that the walk meets itself. The decision is made on the text of the link alone:
//! should that text lead over a second link that leaves the tree, the second one is judged when the walk meets it.

use std::path::{Component, Path, PathBuf};

/// Whether the link at `link`, whose folder is no link itself, stays below `root`. Both are absolute.
pub(super) fn stays_inside(root: &Path, link: &Path) -> bool {
    let (Ok(target), Some(folder)) = (std::fs::read_link(link), link.parent()) else { return false };
    let joined = folder.join(target);
    let mut resolved = PathBuf::new();
    for component in joined.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            other => resolved.push(other),
        }
    }
    resolved.starts_with(root)
}
