//! The regexes of rules. Takes the text of a regex, gives its parsed form or an error with the place inside the text; must
//! never accept one whose match has no upper length.
//!
//! Unicode is off everywhere: `\w`, `\d`, `\b` and `(?i)` are ASCII, so that a prefilter that folds ASCII case is exact.

use std::ops::Range;

use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_syntax::ast::{self, Ast, RepetitionKind, RepetitionRange};
use regex_syntax::hir::{Hir, translate};

/// Bytes that the compiled NFA of one regex may take. Every worker thread keeps caches of the same order for each regex it
/// has used; the rules of real providers stay below a quarter of it.
pub const NFA_LIMIT: usize = 1 << 20;

/// The same where the rule says with `window` that its match is long: a count of thousands is as many states, and private
/// keys need a few such counts. There are a handful of these rules.
pub const WIDE_NFA_LIMIT: usize = 8 << 20;

/// Bytes that a match may be long. History scanning looks at this much around every keyword, and tokens are shorter.
pub const MATCH_LIMIT: usize = 4096;

/// Bytes that a match may be long where the rule says so with `window`: armoured private keys.
pub const WINDOW_LIMIT: usize = 65_536;

/// A regex that parsed.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The parsed form that keywords and windows are derived from.
    pub hir: Hir,
    /// Names of its groups.
    pub groups: Vec<String>,
    /// Where the first repetition without an upper limit stands.
    pub unbounded: Option<Range<usize>>,
}

/// Why a regex is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Bytes of the regex that are wrong, if the error has a place.
    pub span: Option<Range<usize>>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<&'static str>,
}

impl Pattern {
    /// Bytes of the longest match; `None` without a limit.
    #[must_use]
    pub fn max_len(&self) -> Option<usize> {
        self.hir.properties().maximum_len()
    }

    /// Bytes of the shortest match.
    #[must_use]
    pub fn min_len(&self) -> usize {
        self.hir.properties().minimum_len().unwrap_or(0)
    }
}

/// Parses a regex and checks what holds for all regexes of rules: no Unicode.
pub fn parse(regex: &str) -> Result<Pattern, PatternError> {
    let ast = ast::parse::Parser::new().parse(regex).map_err(|error| PatternError {
        span: Some(error.span().start.offset..error.span().end.offset),
        message: error.kind().to_string(),
        help: None,
    })?;
    let facts = ast::visit(&ast, Facts::default()).unwrap_or_default();
    if let Some(span) = facts.unicode {
        return Err(PatternError {
            span: Some(span),
            message: "Unicode is off in rules".to_owned(),
            help: Some("leave out the flag `u` and `\\p{...}`; write ASCII classes"),
        });
    }
    let hir = translate::TranslatorBuilder::new().unicode(false).utf8(false).build().translate(regex, &ast).map_err(
        |error| PatternError {
            span: Some(error.span().start.offset..error.span().end.offset),
            message: error.kind().to_string(),
            help: None,
        },
    )?;
    Ok(Pattern { hir, groups: facts.groups, unbounded: facts.unbounded })
}

/// Checks that the compiled form of a regex takes at most `limit` bytes.
pub fn check_size(pattern: &Pattern, limit: usize) -> Result<(), PatternError> {
    let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(limit));
    match thompson::Compiler::new().configure(config).build_from_hir(&pattern.hir) {
        Ok(_) => Ok(()),
        Err(_) => Err(PatternError {
            span: None,
            message: format!("the compiled regex is larger than {limit} bytes"),
            help: Some("use smaller counts; for long matches such as keys, say so with `window`"),
        }),
    }
}

/// Compiles a regex of a rule as every part of the program must: bytes, Unicode off.
pub fn compile(regex: &str) -> Result<meta::Regex, Box<meta::BuildError>> {
    meta::Builder::new()
        .configure(meta::Config::new().utf8_empty(false).nfa_size_limit(Some(WIDE_NFA_LIMIT)))
        .syntax(regex_automata::util::syntax::Config::new().unicode(false).utf8(false))
        .build(regex)
        .map_err(Box::new)
}

/// What the syntax tree shows and the HIR no longer does.
#[derive(Default)]
struct Facts {
    groups: Vec<String>,
    unicode: Option<Range<usize>>,
    unbounded: Option<Range<usize>>,
}

impl Facts {
    fn flags(&mut self, flags: &ast::Flags) {
        if flags.flag_state(ast::Flag::Unicode) == Some(true) {
            self.unicode.get_or_insert(flags.span.start.offset..flags.span.end.offset);
        }
    }
}

impl ast::Visitor for Facts {
    type Output = Self;
    type Err = std::convert::Infallible;

    fn finish(self) -> Result<Self, Self::Err> {
        Ok(self)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        let span = ast.span().start.offset..ast.span().end.offset;
        match ast {
            Ast::Flags(set) => self.flags(&set.flags),
            Ast::Group(group) => {
                if let ast::GroupKind::CaptureName { name, .. } = &group.kind {
                    self.groups.push(name.name.clone());
                }
                if let Some(flags) = group.flags() {
                    self.flags(flags);
                }
            }
            Ast::ClassUnicode(_) => {
                self.unicode.get_or_insert(span);
            }
            Ast::Repetition(repetition) => {
                let unlimited = matches!(
                    repetition.op.kind,
                    RepetitionKind::ZeroOrMore
                        | RepetitionKind::OneOrMore
                        | RepetitionKind::Range(RepetitionRange::AtLeast(_))
                );
                if unlimited {
                    let op = &repetition.op.span;
                    self.unbounded.get_or_insert(op.start.offset..op.end.offset);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), Self::Err> {
        if let ast::ClassSetItem::Unicode(class) = item {
            self.unicode.get_or_insert(class.span.start.offset..class.span.end.offset);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_is_refused_where_it_stands() {
        assert_eq!(parse("ab(?u)c").unwrap_err().span, Some(4..5));
        assert_eq!(parse("ab(?iu:c)").unwrap_err().span, Some(4..6));
        assert_eq!(parse(r"a\p{L}").unwrap_err().span, Some(1..6));
        assert_eq!(parse(r"a[x\p{L}]").unwrap_err().span, Some(3..8));
        assert!(parse("a(?-u:b)").is_ok());
    }

    #[test]
    fn lengths() {
        let pattern = parse(r"\b(?<secret>ghp_[a-z]{3,5})").unwrap();
        assert_eq!((pattern.min_len(), pattern.max_len()), (7, Some(9)));
        assert_eq!(pattern.groups, ["secret"]);
        assert_eq!(pattern.unbounded, None);
        let open = parse("key=a{2,}b").unwrap();
        assert_eq!((open.max_len(), open.unbounded), (None, Some(5..9)));
    }

    #[test]
    fn size_has_a_limit() {
        let pattern = parse("(?:[a-z]{500}){500}").unwrap();
        let error = check_size(&pattern, NFA_LIMIT).unwrap_err();
        assert!(error.message.contains("larger than"), "{error:?}");
    }

    #[test]
    fn classes_match_bytes_that_are_not_utf8() {
        let regex = compile(r"k=[^;]{1,4};").unwrap();
        assert!(regex.is_match(b"k=\xff\xfe;"));
        assert!(!compile(r"^\w$").unwrap().is_match("é"));
    }
}
