//! What to look for. Takes pattern files, gives a [`RuleSet`]; must never read anything while a scan runs.
//!
//! `syntax` mirrors the TOML, `read` parses it, `compile` turns it into [`Rule`]s and reports errors with their place,
//! `set` holds them. The built-in files are compiled by `build.rs` with this very code and embedded in a compact binary
//! form (`builtin`), so that start-up parses no TOML. No regex is compiled here beyond checking it.
//!
//! `build.rs` names these modules a second time: a module that it needs must use `super::` paths and no other part of
//! the crate.

pub mod assigned;
pub mod builtin;
pub mod check;
pub mod checksum;
pub mod compile;
pub mod error;
pub mod fields;
pub mod frequency;
pub mod glob;
pub mod keywords;
pub mod language;
pub mod mint;
pub mod pattern;
pub mod read;
pub mod set;
pub mod shape;
pub mod syntax;
mod types;

pub use set::{RuleIndex, RuleSet};
pub use types::*;
