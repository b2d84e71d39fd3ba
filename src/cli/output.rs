//! Where reports go. Takes what `-o` says, finds out before the scan whether it can be written, and writes whole files
//! only: a reader never sees half a report.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::report::Format;

use super::args;
use super::error::UserError;
use super::terminal::escape_path;

/// What is written, in messages.
pub const REPORT: &str = "a report";

/// One `-o [FORMAT=]FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The format before `=`.
    pub format: Option<Format>,
    /// The file; `-` is standard output.
    pub path: PathBuf,
}

/// A report to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// In which format.
    pub format: Format,
    /// Where to; `None` is standard output.
    pub file: Option<PathBuf>,
}

impl Output {
    /// Reads `[FORMAT=]FILE`. What stands before `=` and looks like a word must be a format; a file with such a name is
    /// written `./name=x`.
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        if let Some((word, file)) = text.to_str().and_then(|text| text.split_once('='))
            && !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-'))
        {
            let format = args::format(word).map_err(|error| format!("`{word}` is no format: {error}"))?;
            return Self::new(Some(format), file.into());
        }
        Self::new(None, text.into())
    }

    fn new(format: Option<Format>, path: PathBuf) -> Result<Self, String> {
        if path.as_os_str().is_empty() {
            Err("the file's name is missing".to_owned())
        } else {
            Ok(Self { format, path })
        }
    }
}

/// The reports to write: those of `-o`, and one on standard output unless `-o -` is among them or `quiet` holds back
/// what would only repeat the files.
pub fn sinks(outputs: &[Output], format: Option<Format>, quiet: bool) -> Result<Vec<Sink>, UserError> {
    let mut sinks: Vec<Sink> = Vec::new();
    let mut format_used = false;
    for output in outputs {
        let own = output.format.or_else(|| Format::from_path(&output.path));
        format_used |= own.is_none();
        let file = (output.path.as_os_str() != "-").then(|| output.path.clone());
        if sinks.iter().any(|sink| sink.file == file) {
            return Err(UserError::new(format!("-o names {} twice", escape_path(&output.path))));
        }
        sinks.push(Sink { format: own.or(format).unwrap_or(Format::Text), file });
    }
    let stdout_taken = sinks.iter().any(|sink| sink.file.is_none());
    if sinks.is_empty() || !(stdout_taken || quiet) {
        // A --format that a file took its format from does not also speak for standard output.
        let own = format.filter(|_| !format_used).unwrap_or(Format::Text);
        sinks.push(Sink { format: own, file: None });
    }
    Ok(sinks)
}

/// Finds out whether something can be written to `path`, and leaves nothing behind: scans take long, and one whose result
/// is lost at the end took long for nothing.
///
/// `what` is to be written, for messages.
pub fn check(path: &Path, what: &str) -> anyhow::Result<()> {
    match fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            return Err(UserError::with_help(
                format!("cannot write {what} to {}: it is a folder", escape_path(path)),
                "name a file in it",
            )
            .into());
        }
        Ok(about) if about.permissions().readonly() => {
            return Err(UserError::new(format!("cannot write {what} to {}: it is read-only", escape_path(path))).into());
        }
        // A pipe or device is opened when it is written: opening it twice would show its reader an end.
        Ok(about) if !about.is_file() => return Ok(()),
        Ok(_) | Err(_) => {}
    }
    let parent = parent(path);
    if !parent.is_dir() {
        return Err(UserError::with_help(
            format!("cannot write {what} to {}: its folder does not exist", escape_path(path)),
            format!("create {} first", escape_path(parent)),
        )
        .into());
    }
    let (file, temporary) =
        create_beside(path, false).with_context(|| format!("cannot write {what} to {}", escape_path(path)))?;
    drop(file);
    fs::remove_file(&temporary).with_context(|| format!("failed to remove {}", escape_path(&temporary)))
}

/// Writes a file whole: beside it first, then in its place. Pipes and devices are written as they are.
///
/// `private`: a new file can be read by its owner only.
pub fn write_file(
    path: &Path,
    what: &str,
    private: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let failed = || format!("failed to write {what} to {}", escape_path(path));
    // The place of a link is where it points to.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let existing = fs::metadata(&path).ok();
    if existing.as_ref().is_some_and(|about| !about.is_file()) {
        let mut out = BufWriter::new(fs::OpenOptions::new().write(true).open(&path).with_context(failed)?);
        return write(&mut out).and_then(|()| out.flush()).with_context(failed);
    }
    let (file, temporary) = create_beside(&path, private).with_context(failed)?;
    let written = (|| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        if let Some(existing) = existing.filter(|_| !private) {
            file.set_permissions(existing.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&temporary, &path)
    })();
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(failed)
}

/// Writes to standard output. A reader that went away (`| head`) is no error: it has what it wanted.
pub fn write_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is still in the buffer would be tried again when it is dropped.
            let _ = out.into_parts();
            Ok(())
        }
        result => result.context("failed to write to standard output"),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A new, empty file in the same folder, with its name.
fn create_beside(path: &Path, private: bool) -> io::Result<(fs::File, PathBuf)> {
    let name = path.file_name().unwrap_or(OsStr::new("report"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    if private {
        owner_only(&mut options);
    }
    for attempt in 0..100 {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = parent(path).join(temporary);
        match options.open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (file, temporary)),
        }
    }
    Err(io::Error::other("no free name for a temporary file"))
}

#[cfg(unix)]
fn owner_only(options: &mut fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn owner_only(_: &mut fs::OpenOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(text: &str) -> Output {
        Output::parse(OsStr::new(text)).unwrap()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn formats_stand_before_the_equals_sign() {
        assert_eq!(output("sarif:full=out"), Output { format: Some(Format::SarifFull), path: "out".into() });
        assert_eq!(output("json=-"), Output { format: Some(Format::Json), path: "-".into() });
        assert_eq!(output("./a=b.json"), Output { format: None, path: "./a=b.json".into() });
        assert!(Output::parse(OsStr::new("jsno=x")).unwrap_err().contains("did you mean `json`?"));
        assert!(Output::parse(OsStr::new("json=")).is_err());
        assert!(Output::parse(OsStr::new("")).is_err());
    }

    #[test]
    fn text_goes_to_standard_output_unless_it_is_taken_or_quiet() {
        let sink = |format, file: Option<&str>| Sink { format, file: file.map(PathBuf::from) };
        let all = |outputs: &[&str], format, quiet| {
            sinks(&outputs.iter().map(|text| output(text)).collect::<Vec<_>>(), format, quiet).unwrap()
        };
        let (text, json, sarif) = (Format::Text, Format::Json, Format::Sarif);
        assert_eq!(all(&[], None, false), [sink(text, None)]);
        assert_eq!(all(&[], None, true), [sink(text, None)]);
        assert_eq!(all(&[], Some(json), true), [sink(json, None)]);
        assert_eq!(all(&["a.json"], None, false), [sink(json, Some("a.json")), sink(text, None)]);
        assert_eq!(all(&["a.json"], None, true), [sink(json, Some("a.json"))]);
        assert_eq!(all(&["a.json", "sarif=b"], Some(sarif), false)[2], sink(sarif, None));
        assert_eq!(all(&["out"], Some(sarif), false), [sink(sarif, Some("out")), sink(text, None)]);
        assert_eq!(all(&["json=-"], None, false), [sink(json, None)]);
        assert_eq!(all(&["-"], Some(json), false), [sink(json, None)]);
        assert!(sinks(&[output("a.json"), output("sarif=a.json")], None, false).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_found_out_before() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check(&dir.path().join("a.json"), "a report").is_ok());
        assert_eq!(names(dir.path()), [""; 0], "checking leaves nothing behind");
        assert!(
            check(&dir.path().join("missing/a.json"), "a report").unwrap_err().to_string().contains("does not exist")
        );
        assert!(check(dir.path(), "a report").unwrap_err().to_string().contains("it is a folder"));
        let old = dir.path().join("old");
        fs::write(&old, "x").unwrap();
        let mut permissions = fs::metadata(&old).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&old, permissions).unwrap();
        assert!(check(&old, "a report").unwrap_err().to_string().contains("read-only"));
    }

    #[test]
    fn a_failed_report_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_file(&path, "a report", false, |out| out.write_all(b"one")).unwrap();
        let failed = write_file(&path, "a report", false, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write_file(&path, "a report", false, |out| out.write_all(b"two")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[cfg(unix)]
    #[test]
    fn revealed_secrets_are_for_their_owner_and_links_are_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        write_file(&link, "a report", true, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
