//! What a text must hold for a pattern to be found in it.
//!
//! One byte string for each pattern, with ASCII letters in either case where case does not count. A need may ask for too little,
//! never for too much. Where case does not count, `k` and `s` also stand for letters outside of ASCII (the Kelvin sign, the long s),
//! so a literal is cut there.

use regex_syntax::hir::{Hir, HirKind};

use crate::lexical::grams::GRAM;
use crate::lexical::pattern::Manner;

/// Shorter ones tell nothing.
const SHORTEST: usize = GRAM;
/// Longer ones are not worth their look-up.
const LONGEST: usize = 64;

/// The literal a pattern needs, if there is one.
#[must_use]
pub fn needed(pattern: &str, manner: Manner) -> Option<Vec<u8>> {
    if manner.fold {
        return None;
    }
    let literals = match manner.regex {
        false => vec![pattern.as_bytes().to_vec()],
        true => {
            let parsed = regex_syntax::ParserBuilder::new().multi_line(true).utf8(false).build().parse(pattern).ok()?;
            let mut literals = Vec::new();
            of_hir(&parsed, &mut literals);
            literals
        }
    };
    let parts = literals.into_iter().flat_map(|literal| if manner.ignore_case { certain(&literal) } else { vec![literal] });
    // A whole literal is looked for across seams, a part of one would not do.
    parts.filter(|part| (SHORTEST..=LONGEST).contains(&part.len())).max_by_key(Vec::len)
}

/// The need of a literal of which the tail may stand alone.
#[must_use]
pub fn of_tail(literal: &[u8], rest: &[u8]) -> Option<Vec<u8>> {
    (rest.len() >= SHORTEST && literal.len() <= LONGEST).then(|| rest.to_vec())
}

/// The parts of a literal that have no other form than ASCII in both cases.
fn certain(literal: &[u8]) -> Vec<Vec<u8>> {
    let other = |byte: &u8| !byte.is_ascii() || b"kKsS".contains(byte);
    literal.split(other).map(<[u8]>::to_vec).collect()
}

/// Literals that are in every match.
fn of_hir(hir: &Hir, literals: &mut Vec<Vec<u8>>) {
    match hir.kind() {
        HirKind::Literal(literal) => literals.push(literal.0.to_vec()),
        HirKind::Capture(capture) => of_hir(&capture.sub, literals),
        HirKind::Repetition(repetition) if repetition.min > 0 => of_hir(&repetition.sub, literals),
        HirKind::Concat(parts) => parts.iter().for_each(|part| of_hir(part, literals)),
        // Of alternatives none is certain.
        HirKind::Alternation(_) | HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) | HirKind::Repetition(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str, manner: Manner) -> Option<String> {
        needed(pattern, manner).map(|literal| String::from_utf8(literal).unwrap())
    }

    #[test]
    fn the_longest_certain_literal_is_needed() {
        let plain = Manner::default();
        let regex = Manner { regex: true, ..plain };
        assert_eq!(of("a.cd", plain).as_deref(), Some("a.cd"));
        assert_eq!(of("abc", plain), None);
        assert_eq!(of("Errors: .*timeout", regex).as_deref(), Some("Errors: "));
        assert_eq!(of("(foobar)+x?", regex).as_deref(), Some("foobar"));
        for nothing in ["x*", ".*", "foo|bar", "(foo)?", "(?i)foo", "("] {
            assert_eq!(of(nothing, regex), None, "{nothing}");
        }
    }

    // `-i k` finds the Kelvin sign: what such a letter is part of must not be asked of the bytes.
    #[test]
    fn letters_with_forms_outside_ascii_are_not_asked_for() {
        let manner = Manner { ignore_case: true, ..Manner::default() };
        assert_eq!(of("Skyline", manner).as_deref(), Some("yline"));
        assert_eq!(of("großartig", manner).as_deref(), Some("artig"));
        assert_eq!(of("mask", manner), None);
        assert_eq!(of("café noir", Manner { fold: true, ..Manner::default() }), None);
    }
}
