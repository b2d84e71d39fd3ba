//! Takes blob ids, gives their content to a sink; must never decode a blob over the size limit.

use rayon::prelude::*;

use crate::blob::{Blob, ObjectId};
use crate::coverage::SkipReason;
use crate::provenance::Provenance;
use crate::source::{Sink, SizeLimit};

/// From this many blobs on the work is shared between threads; starting them costs more than a few blobs do.
const PARALLEL: usize = 64;

/// Reads blobs and hands each out once with [`Provenance::History`], in no certain order and from many threads if there
/// are many. What is missing, damaged, too large or no blob is reported.
pub fn read_blobs(repo: &gix::Repository, ids: &[ObjectId], size: SizeLimit, sink: &dyn Sink) {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < PARALLEL {
        for &blob_id in &ids {
            read_blob(repo, blob_id, size, sink);
        }
    } else {
        let shared = repo.clone().into_sync();
        ids.par_iter()
            .for_each_init(|| shared.to_thread_local(), |repo, &blob_id| read_blob(repo, blob_id, size, sink));
    }
}

fn read_blob(repo: &gix::Repository, blob_id: ObjectId, size: SizeLimit, sink: &dyn Sink) {
    if sink.cancelled() {
        return;
    }
    let skip = |reason, why: &str| sink.skip(reason, format!("blob {blob_id}{why}"));
    match repo.try_find_header(blob_id) {
        Ok(None) => return skip(absence(repo), ""),
        Err(error) => return skip(SkipReason::CorruptObject, &format!(": {error}")),
        Ok(Some(header)) if header.kind() != gix::object::Kind::Blob => {
            return skip(SkipReason::CorruptObject, &format!(": it is a {}", header.kind()));
        }
        Ok(Some(header)) if header.size() > size.bytes => {
            return skip(size.reason(), &format!(": {} bytes", header.size()));
        }
        Ok(Some(_)) => {}
    }
    match repo.try_find_object(blob_id) {
        Ok(Some(object)) => sink.blob(Blob { bytes: &object.data, provenance: &Provenance::History(blob_id) }),
        Ok(None) => skip(absence(repo), ""),
        Err(error) => skip(SkipReason::CorruptObject, &format!(": {error}")),
    }
}

/// Why an object may be absent: in a partial clone, it was never fetched.
pub(super) fn absence(repo: &gix::Repository) -> SkipReason {
    let config = repo.config_snapshot();
    let is_partial = config.string("extensions.partialClone").is_some()
        || config
            .sections_by_name("remote")
            .is_some_and(|mut remotes| remotes.any(|remote| remote.value("promisor").is_some()));
    if is_partial { SkipReason::PromisedObject } else { SkipReason::MissingObject }
}
