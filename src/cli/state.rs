//! The file of `--state`. Takes its name, gives what the last scan remembered and writes what this one does; must never
//! replace a file that is something else.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use anyhow::Context as _;

use super::args::Global;
use super::error::UserError;
use super::terminal::escape_path;
use super::{note, output};
use crate::finding::Report;
use crate::scan::{MAX_STATE_BYTES, State, StateError};

/// What is written, in messages.
const STATE: &str = "the state";

/// Reads what the last scan remembered; nothing if there is no file yet, or one that cannot be used. Found out here, before
/// the scan, is also whether the file can be written after it.
pub fn load(path: &Path, quiet: bool) -> anyhow::Result<State> {
    output::check(path, STATE)?;
    // A pipe is not even opened: that would wait for its other end.
    let decoded = if path.exists() && !path.is_file() {
        Err(StateError::Foreign)
    } else {
        State::decode(&read(path).with_context(|| format!("failed to read the state {}", escape_path(path)))?)
    };
    match decoded {
        Err(StateError::Foreign) => {
            let message = format!("{} is no state file, and would be overwritten", escape_path(path));
            Err(UserError::with_help(message, "name a file that does not exist yet").into())
        }
        Err(error @ (StateError::Damaged | StateError::OtherVersion)) => {
            if !quiet {
                note(&format!("the state {} is {error}: everything is scanned", escape_path(path)));
            }
            Ok(State::default())
        }
        Ok(state) => Ok(state),
    }
}

/// The bytes of a file; none if it is not there.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        // One byte more than a state may have, so that a longer file is seen to be one.
        Ok(file) => file.take(MAX_STATE_BYTES + 1).read_to_end(&mut bytes).map(|_| bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(bytes),
        Err(error) => Err(error),
    }
}

/// Writes what this scan remembers: whole or not at all, for its owner only.
pub fn store(path: &Path, state: &State) -> anyhow::Result<()> {
    output::write_file(path, STATE, true, |out| out.write_all(&state.encode()))
}

/// Says what the state was good for.
pub fn explain(state: &State, report: &Report, global: &Global) {
    let used = state.used();
    if used.outdated && !global.quiet {
        note("rules or options are not those of the state: everything was scanned");
    }
    if global.verbose {
        note(&format!("{} of {} blobs of the history were known from before", used.known, report.coverage.blobs));
    }
}
