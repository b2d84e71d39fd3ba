//! sekisho, the checkpoint of a source repository: finds credentials, endpoints and auth logic in working trees and in
//! git history.
//!
//! The crate in the order data flows:
//!
//! 1. [`rule`]: what to look for. Pattern files become a [`rule::RuleSet`], at build time for the built-in ones.
//! 2. [`source`]: where bytes come from. A source hands every [`blob::Blob`] once to a sink, from many threads.
//! 3. [`detect`]: from bytes to [`detect::Match`]es. It knows neither paths nor commits.
//! 4. [`finding`]: judges matches where they stand, joins them into one [`finding::Finding`] per secret, suppresses the
//!    accepted ones.
//! 5. [`scan`]: the only place where the stages meet; reads as the whole program on one screen.
//! 6. [`report`]: one emitter per format. Sees findings and rules, nothing else.
//! 7. [`cli`]: arguments, configuration, exit status. The only place that prints or exits.
//!
//! Everything scanned is hostile: a repository can at worst make a scan incomplete, and [`coverage`] then says so.

pub mod blob;
pub mod coverage;
pub mod edit;
pub mod provenance;
pub mod secret;
pub mod span;

pub mod cli;
pub mod detect;
pub mod finding;
pub mod report;
pub mod rule;
pub mod scan;
pub mod source;
