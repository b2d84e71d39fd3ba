//! Takes an index and HEAD's tree, gives the entries that differ; must never read a file's content, nor a folder's tree
//! that the index knows to be unchanged.

use std::collections::BTreeMap;
use std::ops::Range;

use gix::bstr::ByteSlice;
use gix::index::entry::Mode;
use gix::index::extension::Tree as CachedTree;
use gix::objs::TreeRefIter;

use super::{has_content, report_tree};
use crate::blob::{ObjectId, RepoPath};
use crate::source::{Change, Sink};

/// A folder still to compare.
struct Folder<'i> {
    /// Its entries.
    entries: Range<usize>,
    /// Length of its path with the last `/`, which all its entries begin with.
    prefix: usize,
    /// Its tree in HEAD.
    head: Option<ObjectId>,
    /// What the index knows of it.
    cached: Option<&'i CachedTree>,
}

/// What HEAD has under a name: `true` for a tree.
type HeadEntries = BTreeMap<Vec<u8>, (bool, ObjectId)>;

/// The entries of `index` that `head` does not have in the same place, unsorted. `head` is a tree.
pub(super) fn against_tree(
    repo: &gix::Repository,
    index: &gix::index::File,
    head: Option<ObjectId>,
    sink: &dyn Sink,
) -> Vec<Change> {
    let mut comparison = Comparison { repo, index, sink, changes: Vec::new(), gone: Vec::new() };
    let whole = Folder { entries: 0..index.entries().len(), prefix: 0, head, cached: index.tree() };
    let mut todo = vec![whole];
    while let Some(folder) = todo.pop() {
        if sink.cancelled() {
            break;
        }
        comparison.folder(&folder, &mut todo);
    }
    comparison.find_renames();
    comparison.changes
}

struct Comparison<'i> {
    repo: &'i gix::Repository,
    index: &'i gix::index::File,
    sink: &'i dyn Sink,
    changes: Vec<Change>,
    /// What HEAD has and the index has not: `true` for a tree.
    gone: Vec<(bool, ObjectId)>,
}

impl<'i> Comparison<'i> {
    fn folder(&mut self, folder: &Folder<'i>, todo: &mut Vec<Folder<'i>>) {
        // The index keeps the id of each folder's tree until something in the folder is staged.
        let is_unchanged = folder.head.is_some()
            && folder.cached.is_some_and(|cached| cached.num_entries.is_some() && Some(cached.id) == folder.head);
        if is_unchanged {
            return;
        }
        let mut in_head = folder.head.map(|tree| self.tree(tree)).unwrap_or_default();
        let mut at = folder.entries.start;
        while at < folder.entries.end {
            let entry = self.index.entry(at);
            let path: &'i [u8] = entry.path(self.index);
            let Some(name) = path.get(folder.prefix..) else {
                at += 1;
                continue;
            };
            if let Some(slash) = name.find_byte(b'/').filter(|&slash| slash + 1 < name.len()) {
                let prefix = folder.prefix + slash + 1;
                let end = self.end_of(at..folder.entries.end, &path[..prefix]);
                let head = match in_head.remove(&name[..slash]) {
                    Some((true, tree)) => Some(tree),
                    Some(file) => {
                        self.gone.push(file);
                        None
                    }
                    None => None,
                };
                let cached = folder.cached.and_then(|cached| child(cached, &name[..slash]));
                if head.is_some() {
                    todo.push(Folder { entries: at..end, prefix, head, cached });
                } else {
                    (at..end).for_each(|at| self.entry(at, None));
                }
                at = end;
            } else {
                // The stages of a conflict stand one after the other, under the same name.
                let same = |at: &usize| self.index.entry(*at).path(self.index) == path;
                let end = (at..folder.entries.end).take_while(same).count() + at;
                let base = in_head.remove(name.strip_suffix(b"/").unwrap_or(name));
                (at..end).for_each(|at| self.entry(at, base));
                at = end;
            }
        }
        self.gone.extend(in_head.into_values());
    }

    /// One entry, with what HEAD has at its path.
    fn entry(&mut self, at: usize, base: Option<(bool, ObjectId)>) {
        let entry = self.index.entry(at);
        let path = RepoPath::new(entry.path(self.index).as_bytes());
        if entry.mode == Mode::DIR {
            self.sparse_folder(&path, entry.id, base.filter(|base| base.0).map(|base| base.1));
        } else if has_content(entry) && base != Some((false, entry.id)) {
            let bases = base.filter(|base| !base.0).map(|base| base.1).into_iter().collect();
            self.changes.push(Change { path, object: entry.id, commit: None, bases });
            self.gone.extend(base.filter(|base| base.0));
        }
    }

    /// A folder outside a sparse checkout stands in the index as its tree, under its path with a `/` at the end.
    fn sparse_folder(&mut self, path: &RepoPath, tree: ObjectId, head: Option<ObjectId>) {
        let mut todo = vec![(path.as_bytes().strip_suffix(b"/").unwrap_or(path.as_bytes()).to_vec(), tree, head)];
        while let Some((path, tree, head)) = todo.pop().filter(|_| !self.sink.cancelled()) {
            if Some(tree) == head {
                continue;
            }
            let mut in_head = head.map(|head| self.tree(head)).unwrap_or_default();
            for (name, (is_tree, object)) in self.tree(tree) {
                let path = [path.as_slice(), b"/", &name].concat();
                let base = in_head.remove(&name);
                let same_kind = base.filter(|base| base.0 == is_tree).map(|base| base.1);
                if is_tree {
                    todo.push((path, object, same_kind));
                } else if same_kind != Some(object) {
                    let bases = same_kind.into_iter().collect();
                    self.changes.push(Change { path: RepoPath::new(path), object, commit: None, bases });
                }
            }
            self.gone.extend(in_head.into_values());
        }
    }

    /// Where the entries that begin with `prefix` end, in a range that begins with one.
    fn end_of(&self, range: Range<usize>, prefix: &[u8]) -> usize {
        let entries = &self.index.entries()[range.clone()];
        range.start + entries.partition_point(|entry| entry.path(self.index).starts_with(prefix)).max(1)
    }

    /// The files, links and folders of a tree; nothing, and a report, if it cannot be read.
    fn tree(&self, tree: ObjectId) -> HeadEntries {
        let mut entries = HeadEntries::new();
        let object = match self.repo.try_find_object(tree) {
            Ok(Some(object)) => object,
            Ok(None) => {
                report_tree(self.sink, self.repo, tree, None);
                return entries;
            }
            Err(error) => {
                report_tree(self.sink, self.repo, tree, Some(&error));
                return entries;
            }
        };
        for entry in TreeRefIter::from_bytes(&object.data, self.repo.object_hash()) {
            match entry {
                Ok(entry) if entry.mode.is_commit() => {}
                Ok(entry) => {
                    entries.insert(entry.filename.to_vec(), (entry.mode.is_tree(), entry.oid.to_owned()));
                }
                Err(error) => {
                    report_tree(self.sink, self.repo, tree, Some(&error));
                    break;
                }
            }
        }
        entries
    }

    /// A new path with the content of one that went away is that one, renamed.
    fn find_renames(&mut self) {
        if self.gone.is_empty() || self.changes.iter().all(|change| !change.bases.is_empty()) {
            return;
        }
        let mut gone_files = std::collections::HashSet::new();
        while let Some((is_tree, object)) = self.gone.pop().filter(|_| !self.sink.cancelled()) {
            if is_tree {
                self.gone.extend(self.tree(object).into_values());
            } else {
                gone_files.insert(object);
            }
        }
        for change in self.changes.iter_mut().filter(|change| change.bases.is_empty()) {
            if gone_files.contains(&change.object) {
                change.bases.push(change.object);
            }
        }
    }
}

fn child<'t>(tree: &'t CachedTree, name: &[u8]) -> Option<&'t CachedTree> {
    tree.children.iter().find(|child| child.name.as_slice() == name)
}
