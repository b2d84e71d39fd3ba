//! An index and a pack of any bytes. The input is the length of the index (two bytes), the index, and the pack.

#![no_main]

#[path = "both.rs"]
mod both;
#[expect(dead_code, reason = "tests need more of it")]
#[path = "../../tests/hostile/pack.rs"]
mod pack;

use std::cell::LazyCell;
use std::fs;

use libfuzzer_sys::fuzz_target;

thread_local! {
    /// A repository whose only commit has the first objects that `pack` makes up.
    static REPO: LazyCell<pack::Repo> = LazyCell::new(|| {
        let repo = pack::Repo::new();
        let blobs: Vec<_> = (0..8).map(pack::made_up).collect();
        repo.commit(&blobs);
        repo
    });
}

fuzz_target!(|data: &[u8]| {
    let Some((len, rest)) = data.split_first_chunk::<2>() else { return };
    let (index, bytes) = rest.split_at(rest.len().min(usize::from(u16::from_le_bytes(*len))));
    REPO.with(|repo| {
        fs::write(repo.packs().join("pack-x.idx"), index).unwrap();
        fs::write(repo.packs().join("pack-x.pack"), bytes).unwrap();
        both::compare(repo.path());
    });
});
