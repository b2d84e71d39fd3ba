//! The kinds of objects, one byte each. Takes what headers say, gives the kind of every object by number; must never ask for
//! more memory than that.

use gix::objs::Kind;

use super::store::Number;

/// The kind of an object in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KindCode(u8);

impl KindCode {
    /// Of objects whose header cannot be read.
    pub const UNKNOWN: Self = Self(0);

    /// The code of a kind.
    pub fn of(kind: Option<Kind>) -> Self {
        Self(match kind {
            None => 0,
            Some(Kind::Commit) => 1,
            Some(Kind::Tree) => 2,
            Some(Kind::Blob) => 3,
            Some(Kind::Tag) => 4,
        })
    }

    /// The kind of a code.
    pub fn kind(self) -> Option<Kind> {
        match self.0 {
            1 => Some(Kind::Commit),
            2 => Some(Kind::Tree),
            3 => Some(Kind::Blob),
            4 => Some(Kind::Tag),
            _ => None,
        }
    }
}

/// The kind of every object by number.
#[derive(Default)]
pub(super) struct Kinds(pub(super) Vec<KindCode>);

impl Kinds {
    /// The kind of an object; `None` for damaged ones and second copies.
    pub fn get(&self, number: Number) -> Option<Kind> {
        self.0.get(number as usize).copied().unwrap_or(KindCode::UNKNOWN).kind()
    }

    /// All objects of a kind, ascending.
    pub fn all(&self, kind: Kind) -> Vec<Number> {
        (0..self.0.len() as u32).filter(|&number| self.get(number) == Some(kind)).collect()
    }

    /// Numbers without a kind, ascending.
    pub fn unknown(&self) -> Vec<Number> {
        (0..self.0.len() as u32).filter(|&number| self.get(number).is_none()).collect()
    }
}
