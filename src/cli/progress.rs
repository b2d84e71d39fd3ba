//! What a scan shows while it runs. Takes what [`crate::scan::Progress`] tells, gives one line on standard error that is
//! gone at the end, and how long each stage took; must cost a scanning thread two additions and no lock.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressState, ProgressStyle};

use crate::scan;

use super::terminal;

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// The progress line.
pub struct Progress {
    bar: ProgressBar,
    counts: Arc<Counts>,
    stages: Mutex<Vec<Stage>>,
}

/// A part of a scan.
struct Stage {
    name: String,
    began: Instant,
    /// Blobs and bytes that were done before it.
    before: (u64, u64),
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
            return Self { bar: ProgressBar::hidden(), counts, stages: Mutex::default() };
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
        Self { bar, counts, stages: Mutex::default() }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.begin("");
        self.bar.finish_and_clear();
    }

    /// How long each stage took, and what was done in it; a line each.
    pub fn stats(&self) -> Vec<String> {
        let stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |pair: &[Stage]| {
            let (this, next) = (&pair[0], &pair[1]);
            let time = next.began - this.began;
            let (blobs, bytes) = (next.before.0 - this.before.0, next.before.1 - this.before.1);
            let mut line = format!("{:>9.3} s  {}", time.as_secs_f64(), terminal::escape(&this.name));
            if blobs > 0 {
                let speed = (bytes as f64 / time.as_secs_f64().max(1e-9)) as u64;
                let _ = write!(line, ": {} blobs, {}, {}/s", HumanCount(blobs), HumanBytes(bytes), HumanBytes(speed));
            }
            line
        };
        stages.windows(2).map(line).collect()
    }

    fn begin(&self, name: &str) {
        let before = (self.counts.done.load(Relaxed), self.counts.bytes.load(Relaxed));
        let stage = Stage { name: name.to_owned(), began: Instant::now(), before };
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).push(stage);
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
        self.begin(name);
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

    #[test]
    fn each_stage_has_what_was_done_in_it() {
        let progress = Progress::new(false);
        progress.stage("commits of \u{1b}x");
        progress.stage("blobs of x");
        progress.done(7, 2048);
        progress.finish();
        let stats = progress.stats();
        assert_eq!(stats.len(), 2);
        assert!(stats[0].ends_with(" s  commits of \\u{1b}x"), "{stats:?}");
        assert!(stats[1].contains(" s  blobs of x: 7 blobs, 2.00 KiB, "), "{stats:?}");
    }
}
