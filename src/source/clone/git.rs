//! Takes git's arguments, gives its output; must never hand down an environment or configuration that runs something.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::CloneError;
use super::url::Remote;

/// How often a cancelled scan is noticed.
const POLL: Duration = Duration::from_millis(50);

/// Lines of git's that an error repeats.
const LAST_LINES: usize = 4;

/// Bytes of a line, or of an answer, that are kept.
const LONGEST: u64 = 1 << 20;

/// Variables that may reach git: who to trust and how to connect. All other `GIT_` variables could send it to another
/// repository, or make it write down what it sends.
const PASSED_ON: [&str; 7] = [
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_CERT",
    "GIT_SSL_KEY",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_EXEC_PATH",
];

/// Runs git for one remote.
pub(super) struct Git<'a> {
    pub(super) remote: &'a Remote,
    pub(super) progress: &'a mut dyn FnMut(&str),
    pub(super) cancelled: &'a dyn Fn() -> bool,
}

impl Git<'_> {
    /// Runs `git ARGUMENTS URL MORE` in `folder`, with the remote's credentials; gives its standard output.
    pub(super) fn run(&mut self, folder: &Path, arguments: &[&str], more: &[&str]) -> Result<String, CloneError> {
        let mut command = safe_command(folder, self.remote.protocol.name());
        command.args(arguments).arg(self.remote.for_git()).args(more);
        if let Some((key, value)) = self.remote.credentials() {
            command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", key).env("GIT_CONFIG_VALUE_0", value);
        }
        self.wait(command)
    }

    /// Runs git in `folder` without reaching the remote.
    pub(super) fn run_local(&mut self, folder: &Path, arguments: &[&str]) -> Result<String, CloneError> {
        let mut command = safe_command(folder, self.remote.protocol.name());
        command.args(arguments);
        self.wait(command)
    }

    fn wait(&mut self, mut command: Command) -> Result<String, CloneError> {
        let io_error = |source| CloneError::Io { path: "git".into(), source };
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(CloneError::NoGit),
            Err(error) => return Err(io_error(error)),
        };
        let answer = child.stdout.take().map(read_answer);
        let mut last_lines = Vec::new();
        if let Some(lines) = child.stderr.take().map(read_lines)
            && !self.follow(&lines, &mut last_lines)
        {
            end(&mut child);
            return Err(CloneError::Cancelled);
        }
        let status = loop {
            match child.try_wait().map_err(io_error)? {
                Some(status) => break status,
                None if (self.cancelled)() => {
                    end(&mut child);
                    return Err(CloneError::Cancelled);
                }
                None => std::thread::sleep(POLL / 5),
            }
        };
        if status.success() {
            return Ok(answer.and_then(|answer| answer.recv().ok()).unwrap_or_default());
        }
        let said = if last_lines.is_empty() { status.to_string() } else { last_lines.join("; ") };
        Err(CloneError::Git { url: self.remote.to_string(), message: self.remote.redact(&said) })
    }

    /// Passes on what git says until it says no more; `false` if the user asked to stop.
    fn follow(&mut self, lines: &Receiver<Line>, last_lines: &mut Vec<String>) -> bool {
        loop {
            if (self.cancelled)() {
                return false;
            }
            match lines.recv_timeout(POLL) {
                Ok(line) => {
                    (self.progress)(&self.remote.redact(&line.text));
                    if !line.is_progress {
                        last_lines.push(line.text);
                        let surplus = last_lines.len().saturating_sub(LAST_LINES);
                        last_lines.drain(..surplus);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }
}

fn safe_command(folder: &Path, protocol: &str) -> Command {
    let mut command = Command::new("git");
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.as_encoded_bytes().starts_with(b"GIT_")) {
        if !PASSED_ON.iter().any(|&passed| OsStr::new(passed) == name) {
            command.env_remove(name);
        }
    }
    let nothing = if cfg!(windows) { "NUL" } else { "/dev/null" };
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_GLOBAL", nothing)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("SSH_ASKPASS")
        .args(["-c", &format!("core.hooksPath={nothing}"), "-c", "core.fsmonitor=false", "-c", "core.askPass="])
        .args(["-c", "credential.helper=", "-c", "gc.auto=0", "-c", "maintenance.auto=false"])
        .args(["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"])
        .args(["-c", "protocol.allow=never", "-c", &format!("protocol.{protocol}.allow=always")]);
    if std::env::var_os("GIT_SSH_COMMAND").is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    }
    command
}

/// git's helpers end by themselves when git is gone.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

struct Line {
    text: String,
    /// Ended by a carriage return, to be written over by the next one.
    is_progress: bool,
}

/// Reads lines on a thread of its own, so that waiting for them can be broken off.
fn read_lines(mut stream: impl Read + Send + 'static) -> Receiver<Line> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut line, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = stream.read(&mut chunk) {
            for &byte in &chunk[..read] {
                if byte != b'\n' && byte != b'\r' {
                    if (line.len() as u64) < LONGEST {
                        line.push(byte);
                    }
                    continue;
                }
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                line.clear();
                if !text.is_empty() && sender.send(Line { text, is_progress: byte == b'\r' }).is_err() {
                    return;
                }
            }
        }
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if !text.is_empty() {
            let _ = sender.send(Line { text, is_progress: false });
        }
    });
    receiver
}

fn read_answer(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let _ = stream.by_ref().take(LONGEST).read_to_end(&mut answer);
        let _ = io::copy(&mut stream, &mut io::sink());
        let _ = sender.send(String::from_utf8_lossy(&answer).into_owned());
    });
    receiver
}
