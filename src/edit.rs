//! How a version of a blob came from another one.

/// One run of a version, in the order of its bytes: copied from the version before it (its *base*), or inserted.
///
/// The runs of a version cover it without gaps; neighbouring runs that also follow each other in the base are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Bytes of the run; never 0.
    pub len: usize,
    /// Where the run begins in the base, if it is copied.
    pub from: Option<usize>,
}

impl Edit {
    /// Appends a run to the runs before it, joined with the last one where that is possible. Empty runs leave no trace.
    pub fn push(runs: &mut Vec<Self>, run: Self) {
        if run.len == 0 {
            return;
        }
        match runs.last_mut() {
            Some(last) if last.follows_on(run) => last.len += run.len,
            _ => runs.push(run),
        }
    }

    fn follows_on(&self, next: Self) -> bool {
        match (self.from, next.from) {
            (None, None) => true,
            (Some(from), Some(next)) => from + self.len == next,
            _ => false,
        }
    }
}
