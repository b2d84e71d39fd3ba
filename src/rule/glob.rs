//! Path globs of rules and of `allow.toml`. Takes a path's bytes, gives whether one of the globs matches.
//!
//! A glob without `/` is about the file's name at any depth (`*.lock`); one with `/` is about the whole path
//! (`**/vendor/**`), in which `*` does not cross a `/`. Case counts.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A list of path globs.
#[derive(Clone, Debug)]
pub struct PathGlobs {
    names: GlobSet,
    paths: GlobSet,
}

impl PathGlobs {
    /// The globs of a rule. One that does not parse matches nothing; the compiler has refused it.
    #[must_use]
    pub fn new(globs: &[String]) -> Self {
        let build = |with_slash: bool| {
            let mut set = GlobSetBuilder::new();
            for glob in globs.iter().filter(|glob| glob.contains('/') == with_slash) {
                if let Ok(glob) = GlobBuilder::new(glob).literal_separator(true).build() {
                    set.add(glob);
                }
            }
            set.build().unwrap_or_default()
        };
        Self { names: build(false), paths: build(true) }
    }

    /// Whether one of them matches the path.
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        let text = String::from_utf8_lossy(path);
        let name = text.rsplit('/').next().unwrap_or_default();
        self.paths.is_match(text.as_ref()) || self.names.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_any_depth_and_whole_paths() {
        let globs = PathGlobs::new(&["*.lock".to_owned(), "docs/*.md".to_owned(), "**/vendor/**".to_owned()]);
        for path in ["Cargo.lock", "a/b/yarn.lock", "docs/a.md", "vendor/x", "a/vendor/b/c.js"] {
            assert!(globs.is_match(path.as_bytes()), "{path}");
        }
        for path in ["a.lock.txt", "docs/a/b.md", "x/docs/a.md", "vendor"] {
            assert!(!globs.is_match(path.as_bytes()), "{path}");
        }
        assert!(!PathGlobs::new(&[]).is_match(b"a"));
    }
}
