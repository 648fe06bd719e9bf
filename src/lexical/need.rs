//! What a text must hold for a pattern to be found in it: folded literals, joined by *and* and *or*.
//!
//! A need may ask for too little, never for too much: text that fails it cannot match. It is told of folded text, so one need
//! serves patterns with and without regard to case.

use regex_syntax::hir::{Hir, HirKind};

use crate::lexical::fold::folded;

/// A condition on folded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Any text may match.
    Nothing,
    /// It must hold these bytes.
    Literal(Vec<u8>),
    /// It must meet all of these.
    All(Vec<Need>),
    /// It must meet one of these.
    Any(Vec<Need>),
}

impl Need {
    /// The need of a literal.
    #[must_use]
    pub fn of_literal(literal: &str) -> Need {
        let literal = folded(literal.as_bytes());
        if literal.is_empty() { Need::Nothing } else { Need::Literal(literal) }
    }

    /// The need of a regular expression; one that cannot be read needs nothing.
    #[must_use]
    pub fn of_regex(pattern: &str) -> Need {
        regex_syntax::ParserBuilder::new()
            .multi_line(true)
            .utf8(false)
            .build()
            .parse(pattern)
            .map_or(Need::Nothing, |hir| of_hir(&hir))
    }

    /// One of several.
    #[must_use]
    pub fn any(needs: impl Iterator<Item = Need>) -> Need {
        let mut all: Vec<Need> = needs.collect();
        match all.len() {
            1 => all.remove(0),
            _ if all.contains(&Need::Nothing) => Need::Nothing,
            _ => Need::Any(all),
        }
    }

    fn all(needs: Vec<Need>) -> Need {
        let mut all: Vec<Need> = needs.into_iter().filter(|need| *need != Need::Nothing).collect();
        match all.len() {
            0 => Need::Nothing,
            1 => all.remove(0),
            _ => Need::All(all),
        }
    }
}

fn of_hir(hir: &Hir) -> Need {
    match hir.kind() {
        HirKind::Literal(literal) => of_bytes(&literal.0),
        HirKind::Capture(capture) => of_hir(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of_hir(&repetition.sub),
        HirKind::Concat(parts) => Need::all(parts.iter().map(of_hir).collect()),
        HirKind::Alternation(parts) => Need::any(parts.iter().map(of_hir)),
        // A class of one character in both cases was a letter.
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) | HirKind::Repetition(_) => Need::Nothing,
    }
}

fn of_bytes(bytes: &[u8]) -> Need {
    match std::str::from_utf8(bytes) {
        Ok(text) => Need::of_literal(text),
        Err(_) => Need::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Need {
        Need::Literal(text.as_bytes().to_vec())
    }

    #[test]
    fn literals_are_taken_out_of_expressions() {
        assert_eq!(Need::of_regex("Error: .*timeout"), Need::All(vec![literal("error: "), literal("timeout")]));
        assert_eq!(Need::of_regex("(foo)+|bar"), Need::Any(vec![literal("foo"), literal("bar")]));
        assert_eq!(Need::of_regex("x*"), Need::Nothing);
        assert_eq!(Need::of_regex(".*"), Need::Nothing);
        assert_eq!(Need::of_regex("foo|.*"), Need::Nothing);
        assert_eq!(Need::of_regex("("), Need::Nothing);
        assert_eq!(Need::of_literal("É"), literal("e"));
    }
}
