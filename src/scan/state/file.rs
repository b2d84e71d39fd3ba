//! The file of a state. Takes bytes, gives a state; must never take another file for one, believe a damaged one, or
//! allocate more than a few times what it reads.
//!
//! One line names the format, 32 bytes are the BLAKE3 of what follows, and the rest is [`Body`] as postcard writes it. The
//! checksum tells damage, not forgery: whoever can write the file can hide findings.

use std::collections::BTreeMap;

use gix::hash::Kind;
use serde::{Deserialize, Serialize};

use super::{Record, State, Table, Used};
use crate::blob::ObjectId;
use crate::coverage::SkipReason;

/// How every format's line begins.
const FAMILY: &[u8] = b"sekisho state ";

/// The line of this format.
const LINE: &[u8] = b"sekisho state 1\n";

/// Larger files are not read: the blobs of the largest repositories known fill a tenth of it.
pub const MAX_BYTES: u64 = 1 << 30;

/// Why bytes are not the state of an earlier scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Something else.
    #[error("not a state file")]
    Foreign,
    /// A state as another version of this program writes it.
    #[error("of another version")]
    OtherVersion,
    /// A state, but its bytes are not those that were written.
    #[error("damaged")]
    Damaged,
}

#[derive(Serialize, Deserialize)]
struct Body<'b> {
    detection: [u8; 32],
    #[serde(borrow)]
    tables: Vec<Rows<'b>>,
}

/// A table in columns.
#[derive(Serialize, Deserialize)]
struct Rows<'b> {
    repository: [u8; 32],
    /// Bytes of an id.
    width: u8,
    /// All ids, one after the other, ascending.
    #[serde(borrow)]
    ids: &'b [u8],
    /// Of each id the bytes that were scanned.
    bytes: Vec<u64>,
    /// By reason, the places of those ids that were skipped.
    #[serde(borrow)]
    skipped: BTreeMap<&'b str, Vec<u32>>,
}

impl State {
    /// The state that [`State::encode`] wrote. An empty file is the state before the first scan.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let Some(rest) = bytes.strip_prefix(LINE) else {
            return Err(if bytes.starts_with(FAMILY) { StateError::OtherVersion } else { StateError::Foreign });
        };
        let (checksum, body) = rest.split_first_chunk::<32>().ok_or(StateError::Damaged)?;
        if bytes.len() as u64 > MAX_BYTES || blake3::hash(body) != *checksum {
            return Err(StateError::Damaged);
        }
        let (body, rest) = postcard::take_from_bytes::<Body<'_>>(body).map_err(|_| StateError::Damaged)?;
        let tables = body.tables.iter().map(|rows| Some((rows.repository, table(rows)?)));
        let tables: BTreeMap<_, _> = tables.collect::<Option<_>>().ok_or(StateError::Damaged)?;
        let whole = rest.is_empty() && tables.len() == body.tables.len();
        if whole {
            Ok(Self { detection: body.detection, tables, used: Used::default() })
        } else {
            Err(StateError::Damaged)
        }
    }

    /// The bytes of a file.
    ///
    /// # Panics
    /// Never: plain numbers and bytes always encode.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let ids: Vec<Vec<u8>> = self.tables.values().map(|table| ids(&table.0)).collect();
        let tables = self.tables.iter().zip(&ids).map(|((repository, table), ids)| rows(*repository, &table.0, ids));
        let body = Body { detection: self.detection, tables: tables.collect() };
        let body = postcard::to_stdvec(&body).expect("a state should encode because it is plain data");
        [LINE, blake3::hash(&body).as_bytes(), &body].concat()
    }
}

fn ids(rows: &[(ObjectId, Record)]) -> Vec<u8> {
    rows.iter().flat_map(|(id, _)| id.as_slice()).copied().collect()
}

fn rows<'b>(repository: [u8; 32], table: &[(ObjectId, Record)], ids: &'b [u8]) -> Rows<'b> {
    let mut skipped: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (at, (_, record)) in table.iter().enumerate() {
        if let Some(reason) = record.skipped {
            skipped.entry(reason.slug()).or_default().push(at as u32);
        }
    }
    let width = table.first().map_or(0, |(id, _)| id.as_slice().len() as u8);
    Rows { repository, width, ids, bytes: table.iter().map(|(_, record)| record.bytes).collect(), skipped }
}

/// The table of some rows; `None` if they cannot be those of one.
fn table(rows: &Rows<'_>) -> Option<Table> {
    if rows.bytes.is_empty() {
        return (rows.ids.is_empty() && rows.skipped.is_empty()).then(Table::default);
    }
    let width = usize::from(rows.width);
    let known = width == Kind::Sha1.len_in_bytes() || width == Kind::Sha256.len_in_bytes();
    if !known || rows.ids.len() != width.checked_mul(rows.bytes.len())? {
        return None;
    }
    let row = |(id, &bytes): (&[u8], _)| (ObjectId::from_bytes_or_panic(id), Record { bytes, skipped: None });
    let mut table: Vec<_> = rows.ids.chunks_exact(width).zip(&rows.bytes).map(row).collect();
    if !table.is_sorted_by(|a, b| a.0 < b.0) {
        return None;
    }
    for (slug, places) in &rows.skipped {
        let reason = SkipReason::from_slug(slug)?;
        for &at in places {
            table.get_mut(at as usize)?.1.skipped = Some(reason);
        }
    }
    Some(Table(table))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn states() -> impl Strategy<Value = State> {
        let reason = prop_oneof![
            4 => Just(None),
            1 => Just(Some(SkipReason::Binary)),
            1 => Just(Some(SkipReason::DecodeLimit)),
        ];
        let record = (any::<u64>(), reason).prop_map(|(bytes, skipped)| Record { bytes, skipped });
        let of_width = |width: usize| {
            let id = prop::collection::vec(any::<u8>(), width);
            let rows = prop::collection::btree_map(id, record.clone(), 0..20);
            let row = |(id, record): (Vec<u8>, _)| (ObjectId::from_bytes_or_panic(&id), record);
            rows.prop_map(move |rows| Table::new(rows.into_iter().map(row).collect()))
        };
        let table = prop_oneof![of_width(20), of_width(32)];
        let tables = prop::collection::btree_map(any::<[u8; 32]>(), table, 0..3);
        (any::<[u8; 32]>(), tables).prop_map(|(detection, tables)| State { detection, tables, used: Used::default() })
    }

    fn sealed(body: &[u8]) -> Vec<u8> {
        [LINE, blake3::hash(body).as_bytes(), body].concat()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(state in states()) {
            prop_assert_eq!(State::decode(&state.encode()), Ok(state));
        }

        #[test]
        fn a_cut_or_changed_file_is_never_believed(state in states(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let bytes = state.encode();
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= 1 << bit;
            prop_assert!(State::decode(&changed).is_err());
            let cut = &bytes[..at.index(bytes.len())];
            prop_assert!(cut.is_empty() || State::decode(cut).is_err());
        }

        #[test]
        fn a_file_with_a_right_checksum_around_anything_is_read_without_harm(
            state in states(),
            at in any::<prop::sample::Index>(),
            put in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            let mut body = state.encode()[LINE.len() + 32..].to_vec();
            let at = at.index(body.len());
            let end = (at + put.len()).min(body.len());
            body.splice(at..end, put);
            if let Ok(state) = State::decode(&sealed(&body)) {
                prop_assert!(state.tables.values().all(|table| table.0.is_sorted_by(|a, b| a.0 < b.0)));
            }
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_damage_and_takes_no_memory() {
        // A detection, then 2^63 tables.
        let mut body = vec![0; 32];
        body.extend([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
        assert_eq!(State::decode(&sealed(&body)), Err(StateError::Damaged));
    }

    #[test]
    fn other_files_are_told_from_ones_own() {
        assert_eq!(State::decode(b""), Ok(State::default()));
        for (bytes, error) in [
            (&b"[package]\n"[..], StateError::Foreign),
            (b"sekisho", StateError::Foreign),
            (b"sekisho state 2\nx", StateError::OtherVersion),
            (b"sekisho state 1\n", StateError::Damaged),
            (b"sekisho state 1\nx", StateError::Damaged),
        ] {
            assert_eq!(State::decode(bytes), Err(error), "{}", bytes.escape_ascii());
        }
    }
}
