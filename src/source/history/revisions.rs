//! What a range such as `main..topic` names. Takes the words a user wrote, gives commits to include and to exclude; must
//! never take a word it does not know for an empty range.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gix::revision::plumbing::Spec;

use super::HistoryError;
use crate::blob::ObjectId;
use crate::source::repository::Repository;

/// The ends of a range.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub include: Vec<ObjectId>,
    pub exclude: Vec<ObjectId>,
}

/// Resolves the words of a range: revisions, `^a`, `a..b`, `a...b`, `--not`, `--all`, `--branches`, `--tags` and
/// `--remotes[=NAME]`, as `git rev-list` takes them. Words before `--not` alone mean all of their history.
pub(super) fn resolve(range: &str, repository: &Repository) -> Result<Ends, HistoryError> {
    let mut ends = Ends::default();
    let mut not = false;
    let mut words = 0;
    for word in range.split_whitespace() {
        words += 1;
        let mut found = Ends::default();
        if word == "--not" {
            not = !not;
        } else if let Some(option) = word.strip_prefix("--") {
            found.include = refs(option, repository).ok_or_else(|| HistoryError::option(word))?;
        } else {
            revision(word, repository, &mut found)?;
        }
        if not {
            std::mem::swap(&mut found.include, &mut found.exclude);
        }
        ends.include.append(&mut found.include);
        ends.exclude.append(&mut found.exclude);
    }
    if words == 0 {
        return Err(HistoryError::EmptyRange);
    }
    Ok(ends)
}

fn refs(option: &str, repository: &Repository) -> Option<Vec<ObjectId>> {
    let (option, value) = option.split_once('=').map_or((option, None), |(option, value)| (option, Some(value)));
    let prefix = match (option, value) {
        ("all", None) => "refs/".to_owned(),
        ("branches", None) => "refs/heads/".to_owned(),
        ("tags", None) => "refs/tags/".to_owned(),
        ("remotes", None) => "refs/remotes/".to_owned(),
        ("remotes", Some(name)) => format!("refs/remotes/{}/", name.trim_end_matches('/')),
        _ => return None,
    };
    let refs = repository.refs();
    let head = refs.head.filter(|_| option == "all");
    let named = refs.all.into_iter().filter(|(name, _)| name.starts_with(prefix.as_bytes()));
    Some(named.map(|(_, id)| id).chain(head).collect())
}

fn revision(word: &str, repository: &Repository, ends: &mut Ends) -> Result<(), HistoryError> {
    let unknown = || HistoryError::UnknownRevision { revision: word.to_owned() };
    // Defaults as in git: a side of a range that is left out is HEAD.
    let local = repository.handle().to_thread_local();
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let spec = local.rev_parse(word).ok()?.detach();
        let bases = match spec {
            Spec::Merge { theirs, ours } => {
                local.merge_bases_many(theirs, &[ours]).ok()?.iter().map(|id| id.detach()).collect()
            }
            _ => Vec::new(),
        };
        Some((spec, bases))
    }));
    let (spec, bases): (Spec, Vec<ObjectId>) = parsed.ok().flatten().ok_or_else(unknown)?;
    let parents = |id: ObjectId| -> Result<Vec<ObjectId>, HistoryError> {
        let commit = local.find_commit(id).map_err(|_| unknown())?;
        Ok(commit.parent_ids().map(gix::Id::detach).collect())
    };
    match spec {
        Spec::Include(id) => ends.include.push(id),
        Spec::Exclude(id) => ends.exclude.push(id),
        Spec::Range { from, to } => {
            ends.exclude.push(from);
            ends.include.push(to);
        }
        Spec::Merge { theirs, ours } => {
            ends.include.extend([theirs, ours]);
            ends.exclude.extend(bases);
        }
        Spec::IncludeOnlyParents(id) => ends.include.extend(parents(id)?),
        Spec::ExcludeParents(id) => {
            ends.include.push(id);
            ends.exclude.extend(parents(id)?);
        }
    }
    Ok(())
}
