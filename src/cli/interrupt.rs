//! Ctrl-C. The first one asks the scan to stop and report what it has, the second ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::{exit, note};

/// Set by the first Ctrl-C (or SIGTERM, SIGHUP); the scan looks at it.
static CANCELLED: AtomicBool = AtomicBool::new(false);

/// Starts listening; unless `quiet`, the first one is answered with a note.
pub fn listen(quiet: bool) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || {
        if CANCELLED.swap(true, SeqCst) {
            end_at_once();
        }
        if !quiet {
            note("stopping; Ctrl-C again ends at once, without a report");
        }
    })
}

/// The flag to hand to the scan.
#[must_use]
pub fn flag() -> &'static AtomicBool {
    &CANCELLED
}

/// Whether the user asked to stop.
#[must_use]
pub fn happened() -> bool {
    CANCELLED.load(SeqCst)
}

#[expect(clippy::exit, reason = "the scan did not listen, or not fast enough for the user")]
fn end_at_once() -> ! {
    std::process::exit(i32::from(exit::INTERRUPTED))
}
