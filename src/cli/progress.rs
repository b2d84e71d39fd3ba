//! What a scan shows while it runs. Takes what [`crate::scan::Progress`] tells, gives one line on standard error that is
//! gone at the end; must cost a scanning thread two additions and no lock.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressState, ProgressStyle};

use crate::scan;

use super::terminal;

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// The progress line.
pub struct Progress {
    bar: ProgressBar,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    known: AtomicU64,
    done: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// A line on standard error if that is a terminal and `wanted`, else nothing.
    ///
    /// # Panics
    ///
    /// Never: the template is a constant.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        let counts = Arc::new(Counts::default());
        if !wanted || !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), counts };
        }
        let bar = ProgressBar::new_spinner();
        let shown = Arc::clone(&counts);
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {work}")
            .expect("the template is well formed")
            .with_key("work", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // A line that cannot be drawn is no reason to stop scanning.
                let _ = out.write_str(&shown.line(state.elapsed()));
            });
        bar.set_style(style);
        bar.enable_steady_tick(TICK);
        Self { bar, counts }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Counts {
    /// `1,204/9,871 blobs, 35.2 MiB/s`.
    fn line(&self, elapsed: Duration) -> String {
        let (known, done, bytes) = (self.known.load(Relaxed), self.done.load(Relaxed), self.bytes.load(Relaxed));
        let mut line = HumanCount(done).to_string();
        if known > done {
            let _ = write!(line, "/{}", HumanCount(known));
        }
        line.push_str(" blobs");
        let seconds = elapsed.as_secs_f64();
        if seconds > 0.0 {
            let _ = write!(line, ", {}/s", HumanBytes((bytes as f64 / seconds) as u64));
        }
        line
    }
}

impl scan::Progress for Progress {
    fn stage(&self, name: &str) {
        self.bar.set_message(terminal::escape(name).into_owned());
    }

    fn expect(&self, blobs: u64, _bytes: u64) {
        self.counts.known.fetch_add(blobs, Relaxed);
    }

    fn done(&self, blobs: u64, bytes: u64) {
        self.counts.done.fetch_add(blobs, Relaxed);
        self.counts.bytes.fetch_add(bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Progress as _;

    #[test]
    fn the_line_tells_work_done_and_known_and_speed() {
        let progress = Progress::new(false);
        progress.expect(2000, 0);
        progress.done(1204, 3 << 20);
        assert_eq!(progress.counts.line(Duration::from_secs(3)), "1,204/2,000 blobs, 1.00 MiB/s");
        progress.done(796, 0);
        assert_eq!(progress.counts.line(Duration::ZERO), "2,000 blobs");
    }
}
