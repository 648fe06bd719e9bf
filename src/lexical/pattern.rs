//! A query, compiled: one or more patterns with grep's options.

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::lexical::fold;
use crate::lexical::need;
use crate::lexical::quoted::{self, Quoted};

/// Memory a compiled expression may take: a literal of 10 KB without regard to case fits several times.
const COMPILED_BYTES: usize = 10 << 20;

/// How patterns are read and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Patterns are regular expressions.
    pub regex: bool,
    /// Case does not count.
    pub ignore_case: bool,
    /// Only whole words.
    pub words: bool,
    /// Neither case nor accents nor width count.
    pub fold: bool,
}

/// One or several patterns, any of which is wanted.
#[derive(Debug)]
pub struct Pattern {
    engine: Engine,
    folds: bool,
    literals: Vec<Vec<u8>>,
    longest: Option<usize>,
    needed: Option<Vec<Vec<u8>>>,
    either_case: bool,
    quoted: Quoted,
}

#[derive(Debug)]
enum Engine {
    Literal(Box<Finder<'static>>),
    Regex(Box<Regex>),
}

impl Pattern {
    /// Compiles patterns of which any is wanted.
    ///
    /// # Errors
    /// [`Error::Usage`] for an expression that is malformed or too large.
    pub fn any(patterns: &[&str], manner: Manner) -> Result<Pattern> {
        let folded: Vec<Cow<'_, str>> = patterns.iter().map(|pattern| prepare(pattern, manner)).collect();
        if manner.fold && folded.iter().zip(patterns).any(|(folded, given)| folded.is_empty() && !given.is_empty()) {
            return Err(Error::Usage("nothing is left of the pattern when case, accents and width are taken off".into()));
        }
        let simple = !manner.regex && !manner.words && !manner.ignore_case;
        let engine = match (&folded[..], simple) {
            ([one], true) => Engine::Literal(Box::new(Finder::new(one.as_bytes()).into_owned())),
            _ => Engine::Regex(Box::new(compile(&folded, manner)?)),
        };
        let needed = patterns.iter().map(|pattern| need::needed(pattern, manner)).collect();
        let plain = simple && !manner.fold;
        let literals = if plain { patterns.iter().map(|pattern| pattern.as_bytes().to_vec()).collect() } else { Vec::new() };
        let longest = longest(&engine).filter(|_| !manner.fold);
        let quoted = Quoted::of(&literals);
        // What may stand in an escaped form only must be found, too.
        let needed = match (quoted.tail(), &literals[..]) {
            (Some(tail), [one]) => need::of_tail(one, tail.rest()).map(|rest| vec![rest]),
            _ => needed,
        };
        Ok(Pattern { engine, folds: manner.fold, literals, longest, needed, either_case: manner.ignore_case, quoted })
    }

    /// True when a text holds a match.
    #[must_use]
    pub fn is_in(&self, text: &[u8]) -> bool {
        if self.folds {
            return self.found_in(&fold::folded(text));
        }
        self.found_in(text)
    }

    fn found_in(&self, text: &[u8]) -> bool {
        match &self.engine {
            Engine::Literal(finder) => finder.find(text).is_some(),
            Engine::Regex(regex) => regex.is_match(text),
        }
    }

    /// The first match of a text.
    #[must_use]
    pub fn first_in(&self, text: &[u8]) -> Option<Range<usize>> {
        if !self.folds {
            return self.place_in(text);
        }
        let found = self.place_in(&fold::folded(text))?;
        let start = fold::unfold_offset(text, found.start);
        // The end is where the character after the last matched one begins.
        let end = if found.is_empty() { start } else { fold::unfold_offset(text, found.end) };
        Some(start..end.max(start))
    }

    fn place_in(&self, text: &[u8]) -> Option<Range<usize>> {
        match &self.engine {
            Engine::Literal(finder) => finder.find(text).map(|at| at..at + finder.needle().len()),
            Engine::Regex(regex) => regex.find(text).map(|found| found.range()),
        }
    }

    /// Byte strings one of which every matched text holds as it is; none when that cannot be said. What is found is found in
    /// every text that holds one of them, too.
    #[must_use]
    pub fn literals(&self) -> &[Vec<u8>] {
        &self.literals
    }

    /// The most bytes a match can have, where there is such a bound.
    #[must_use]
    pub fn longest(&self) -> Option<usize> {
        self.longest
    }

    /// Byte strings one of which every matched text holds; `None` when nothing can be said.
    #[must_use]
    pub fn needed(&self) -> Option<&[Vec<u8>]> {
        self.needed.as_deref()
    }

    /// True when ASCII letters of what is needed may stand in either case.
    #[must_use]
    pub fn either_case(&self) -> bool {
        self.either_case
    }

    /// How JSON texts inside strings are judged by their strings.
    #[must_use]
    pub fn quoted(&self) -> &Quoted {
        &self.quoted
    }

    /// Where in some bytes matches of a single literal begin, overlapping ones too; `None` when it is no single literal or
    /// there are more than `most`.
    #[must_use]
    pub fn places(&self, bytes: &[u8], most: usize) -> Option<Vec<u32>> {
        match &self.engine {
            Engine::Literal(finder) if !self.folds && !finder.needle().is_empty() => quoted::places(finder, bytes, most),
            _ => None,
        }
    }
}

fn longest(engine: &Engine) -> Option<usize> {
    match engine {
        Engine::Literal(finder) => Some(finder.needle().len()),
        Engine::Regex(regex) => {
            // Without regard to case a character may be written with more bytes: three for one at most.
            let hir = regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex.as_str()).ok()?;
            hir.properties().maximum_len()?.checked_mul(3)
        }
    }
}

fn prepare<'p>(pattern: &'p str, manner: Manner) -> Cow<'p, str> {
    let fold = |text: &str| String::from_utf8_lossy(&fold::folded(text.as_bytes())).into_owned();
    match (manner.fold, manner.regex) {
        (false, _) => Cow::Borrowed(pattern),
        (true, false) => Cow::Owned(fold(pattern)),
        // Letters of escapes such as `\W` keep their case; the expression ignores it anyway.
        (true, true) => {
            let parts = pattern.chars().map(|c| if c.is_ascii() { c.to_string() } else { fold(c.encode_utf8(&mut [0; 4])) });
            Cow::Owned(parts.collect())
        }
    }
}

fn compile(patterns: &[Cow<'_, str>], manner: Manner) -> Result<Regex> {
    let part = |pattern: &Cow<'_, str>| if manner.regex { pattern.to_string() } else { regex::escape(pattern) };
    // Each expression is judged alone first: an unclosed bracket must not swallow the next one.
    if manner.regex {
        for pattern in patterns {
            build(pattern, manner).map_err(|error| refuse(pattern, &error))?;
        }
    }
    let joined = patterns.iter().map(|pattern| format!("(?:{})", part(pattern))).collect::<Vec<_>>().join("|");
    let joined = if manner.words { format!(r"\b{{start-half}}(?:{joined})\b{{end-half}}") } else { joined };
    build(&joined, manner).map_err(|error| refuse(&joined, &error))
}

fn build(pattern: &str, manner: Manner) -> std::result::Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .multi_line(true)
        .case_insensitive(manner.ignore_case || manner.fold && manner.regex)
        .size_limit(COMPILED_BYTES)
        .build()
}

fn refuse(pattern: &str, error: &regex::Error) -> Error {
    let shown: String = pattern.chars().take(200).collect();
    match error {
        regex::Error::CompiledTooBig(limit) => {
            Error::Usage(format!("the pattern {shown} needs more than {} MiB when compiled; use a smaller one", limit >> 20))
        }
        error => Error::Usage(format!("{shown} is no regular expression: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, manner: Manner, text: &str) -> Option<String> {
        let found = Pattern::any(&[pattern], manner).unwrap().first_in(text.as_bytes())?;
        Some(text[found].to_string())
    }

    #[test]
    fn a_literal_is_no_expression_and_options_do_what_grep_does() {
        let plain = Manner::default();
        assert_eq!(finds("a.c", plain, "abc a.c").as_deref(), Some("a.c"));
        assert_eq!(finds("a.c", Manner { regex: true, ..plain }, "abc a.c").as_deref(), Some("abc"));
        assert_eq!(finds("straße", Manner { ignore_case: true, ..plain }, "STRAßE").as_deref(), Some("STRAßE"));
        assert_eq!(finds("cat", Manner { words: true, ..plain }, "concat cat").as_deref(), Some("cat"));
        assert_eq!(finds("cat", Manner { words: true, ..plain }, "concat category"), None);
        // What begins with no letter needs no letter's border.
        assert_eq!(finds("-x", Manner { words: true, ..plain }, "a -x b").as_deref(), Some("-x"));
    }

    #[test]
    fn folding_finds_what_is_written_otherwise_and_shows_it_as_it_is() {
        let fold = Manner { fold: true, ..Manner::default() };
        assert_eq!(finds("cafe", fold, "un Café noir").as_deref(), Some("Café"));
        assert_eq!(finds("CAFÉ", fold, "cafe").as_deref(), Some("cafe"));
        assert_eq!(finds("strasse", fold, "die Straße dort").as_deref(), Some("Straße"));
        assert_eq!(finds(r"CAF\w\b", Manner { regex: true, ..fold }, "un Café noir").as_deref(), Some("Café"));
        assert!(matches!(Pattern::any(&["\u{301}"], fold), Err(Error::Usage(_))));
    }

    #[test]
    fn lines_have_ends_and_a_dot_is_no_newline() {
        let regex = Manner { regex: true, ..Manner::default() };
        assert_eq!(finds("^b.*$", regex, "a\nbc\nd").as_deref(), Some("bc"));
        assert_eq!(finds("a.b", regex, "a\nb"), None);
    }

    #[test]
    fn a_wrong_expression_is_refused_with_its_reason() {
        let regex = Manner { regex: true, ..Manner::default() };
        for wrong in ["(", "a{1000}{1000}{1000}", "[z-a]"] {
            let Err(Error::Usage(message)) = Pattern::any(&["fine", wrong], regex) else { panic!("{wrong}") };
            assert!(message.contains("expression") || message.contains("MiB"), "{message}");
        }
    }
}
