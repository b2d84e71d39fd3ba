//! Takes the lines of a diff, gives its files; must never end a hunk before its header says so.

use super::header::{self, Hunk, Names};
use super::{DiffError, DiffFile, DiffLine, SEPARATOR};
use crate::blob::ObjectId;

/// Reads a unified diff. An input that is not empty and holds no diff at all is an error: nothing in it would be scanned.
pub fn parse(bytes: &[u8]) -> Result<Vec<DiffFile>, DiffError> {
    let mut parser = Parser::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        parser.line_number += 1;
        parser.line(line)?;
    }
    parser.end(bytes)
}

#[derive(Default)]
struct Parser {
    files: Vec<DiffFile>,
    line_number: u64,
    commit: Option<ObjectId>,
    names: Names,
    /// The file that hunks go to; one is begun by the first hunk after its headers.
    file: Option<DiffFile>,
    hunk: Option<Hunk>,
    /// A hunk ended with the line before: a further line of content would belong to it.
    after_hunk: bool,
    /// The last line of content stands on the new side: a missing newline at its end is the new side's.
    last_was_new: bool,
    /// Anything that belongs to a diff was seen.
    recognised: bool,
}

impl Parser {
    fn line(&mut self, line: &[u8]) -> Result<(), DiffError> {
        match self.hunk.take() {
            Some(hunk) if !hunk.is_done() => self.content(hunk, line),
            _ => self.header(line),
        }
    }

    /// A line between hunks.
    fn header(&mut self, line: &[u8]) -> Result<(), DiffError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let after_hunk = std::mem::take(&mut self.after_hunk);
        if line.starts_with(b"\\") && after_hunk {
            // "\ No newline at end of file", in whatever language.
            self.after_hunk = true;
            self.drop_last_newline();
        } else if line.starts_with(b"@@") {
            self.begin_hunk(line)?;
        } else if let Some(rest) = line.strip_prefix(b"diff --git ") {
            self.begin_file();
            self.names.git = Some(rest.to_vec());
        } else if let Some(rest) = line.strip_prefix(b"diff --cc ").or_else(|| line.strip_prefix(b"diff --combined ")) {
            self.begin_file();
            self.names.combined = Some(header::name(rest));
        } else if let Some(commit) = header::commit(line) {
            self.begin_file();
            self.commit = Some(commit);
        } else if let Some(rest) = line.strip_prefix(b"rename to ").or_else(|| line.strip_prefix(b"copy to ")) {
            self.names.target = self.names.git.is_some().then(|| header::name(rest));
        } else if let Some(rest) = line.strip_prefix(b"--- ") {
            // Without git's own header, this line begins a file. The "-- " that ends a mailed patch is shorter.
            if self.file.is_some() || self.names.old.is_some() || self.names.git.is_none() {
                let combined = self.names.combined.take().filter(|_| self.file.is_none());
                self.begin_file();
                self.names.combined = combined;
            }
            self.names.old = Some(header::name(rest));
        } else if let Some(rest) = line.strip_prefix(b"+++ ").filter(|_| self.names.old.is_some()) {
            self.names.new = Some(header::name(rest));
        } else if (line.starts_with(b"Binary files ") && line.ends_with(b"differ")) || line == b"GIT binary patch" {
            self.binary(line);
        } else if after_hunk && matches!(line.first(), Some(b'+' | b'-' | b' ')) && line.trim_ascii_end() != b"--" {
            return self.fail("a hunk goes on after the number of lines that its header says");
        }
        Ok(())
    }

    fn begin_file(&mut self) {
        self.recognised = true;
        self.files.extend(self.file.take().filter(|file| file.binary || !file.text.is_empty()));
        self.names = Names::default();
    }

    /// A file of which the diff only says that it differs.
    fn binary(&mut self, line: &[u8]) {
        self.recognised = true;
        let names = line.strip_prefix(b"Binary files ").and_then(|rest| rest.strip_suffix(b" differ"));
        let new = names.and_then(|names| Some(&names[memchr::memmem::rfind(names, b" and ")? + 5..]));
        if self.names.git.is_none() && self.names.combined.is_none() {
            // Plain `diff -r` has no header for such a file.
            self.begin_file();
        }
        if self.names.new.is_none() {
            self.names.new = new.map(header::name);
        }
        if let Some(path) = self.names.path().filter(|_| self.file.is_none()) {
            let commit = self.commit;
            self.file = Some(DiffFile { path, commit, text: Vec::new(), lines: Vec::new(), binary: true });
        }
    }

    fn begin_hunk(&mut self, line: &[u8]) -> Result<(), DiffError> {
        let Some(hunk) = Hunk::read(line) else { return self.fail("a hunk's header that cannot be read") };
        self.recognised = true;
        if self.file.is_none() {
            let path = self.names.path();
            let deleted = self.names.new.as_deref() == Some(b"/dev/null");
            if path.is_none() && !deleted {
                return self.fail("a hunk without a file name before it");
            }
            let (path, commit) = (path.unwrap_or_default(), self.commit);
            self.file = Some(DiffFile { path, commit, text: Vec::new(), lines: Vec::new(), binary: false });
        }
        if let Some(file) = &mut self.file
            && let Some(last) = file.lines.last()
            && last.number.checked_add(1) != Some(hunk.number)
            && hunk.new_left > 0
        {
            if !file.text.ends_with(b"\n") {
                file.text.push(b'\n');
            }
            file.text.extend_from_slice(SEPARATOR);
            file.lines.push(DiffLine { number: 0, added: false });
        }
        self.after_hunk = hunk.is_done();
        self.hunk = Some(hunk);
        Ok(())
    }

    /// A line of a hunk that expects more.
    fn content(&mut self, mut hunk: Hunk, line: &[u8]) -> Result<(), DiffError> {
        let columns = hunk.old_left.len();
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        if line.starts_with(b"\\") {
            self.drop_last_newline();
            self.hunk = Some(hunk);
            return Ok(());
        }
        // Mail programs strip the blank of an empty context line.
        let is_blank = bare.is_empty() || bare == b"\r";
        let (marks, text) = if is_blank { (&b""[..], line) } else { line.split_at(columns.min(bare.len())) };
        if !is_blank && (marks.len() < columns || !marks.iter().all(|mark| matches!(mark, b' ' | b'+' | b'-'))) {
            return self.fail("a hunk ends before the number of lines that its header says");
        }
        let removed = marks.contains(&b'-');
        for (column, left) in hunk.old_left.iter_mut().enumerate() {
            let mark = marks.get(column).copied().unwrap_or(b' ');
            let on_this_side = if removed { mark == b'-' } else { mark == b' ' };
            if on_this_side && !take_one(left) {
                return self.fail("more old lines than the hunk's header says");
            }
        }
        self.last_was_new = !removed;
        if !removed {
            if !take_one(&mut hunk.new_left) {
                return self.fail("more new lines than the hunk's header says");
            }
            let added = !is_blank && marks.iter().all(|&mark| mark == b'+');
            if let Some(file) = &mut self.file {
                file.text.extend_from_slice(text);
                file.lines.push(DiffLine { number: hunk.number, added });
            }
            hunk.number = hunk.number.saturating_add(1);
        }
        self.after_hunk = hunk.is_done();
        self.hunk = Some(hunk);
        Ok(())
    }

    fn drop_last_newline(&mut self) {
        if let Some(file) = self.file.as_mut().filter(|file| self.last_was_new && file.text.ends_with(b"\n")) {
            file.text.pop();
        }
    }

    fn end(mut self, input: &[u8]) -> Result<Vec<DiffFile>, DiffError> {
        if self.hunk.as_ref().is_some_and(|hunk| !hunk.is_done()) {
            return self.fail("the diff ends inside a hunk");
        }
        let recognised = self.recognised || input.trim_ascii().is_empty();
        self.begin_file();
        if recognised { Ok(self.files) } else { self.fail("no unified diff found") }
    }

    fn fail<T>(&self, message: &str) -> Result<T, DiffError> {
        Err(DiffError { line: self.line_number, message: message.to_owned() })
    }
}

fn take_one(left: &mut u32) -> bool {
    match left.checked_sub(1) {
        Some(fewer) => {
            *left = fewer;
            true
        }
        None => false,
    }
}
