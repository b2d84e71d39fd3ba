//! The sources that are not the history, through their public interface: what they hand out, and what they say they
//! could not read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod clone;
mod diff;
mod index;
mod stdin;
mod support;
mod worktree;
