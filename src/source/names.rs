//! How sources are called, and how they are found again.
//!
//! A name is an absolute path, a name given by the user, or `stdin:` and a hash. People type less: any ending of whole
//! components (`gw.log` for `/var/log/gw.log`), `@2` for a generation, and `:17` for a line, counted from 1.

use super::digest::StreamDigest;
use super::state::{SourceKind, SourceState};
use crate::error::{Error, Result};

/// A source as typed, perhaps with a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceQuery {
    /// The name or an ending of it.
    pub name: String,
    /// The generation asked for; nothing means the newest.
    pub generation: Option<u32>,
}

/// A source as typed, perhaps with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which source.
    pub source: SourceQuery,
    /// Which line, from 1.
    pub line: Option<u64>,
}

/// Reads `SOURCE`, `SOURCE@GEN`, `SOURCE:LINE` or `SOURCE@GEN:LINE`. What follows the last `:` is a line only when it is a
/// number, so names with colons work; where the name itself ends in a number, [`find`] it as a name first.
///
/// # Errors
/// [`Error::Usage`] for line 0 and for an empty name.
pub fn parse_place(text: &str) -> Result<Place> {
    let (source, line) = match text.rsplit_once(':') {
        Some((source, digits)) if is_number(digits) => (source, digits.parse().ok()),
        _ => (text, None),
    };
    // A number too large for a line is no line: let it be a name.
    let source = if line.is_none() { text } else { source };
    if line == Some(0) {
        return Err(Error::Usage(format!("{text}: lines count from 1")));
    }
    if source.is_empty() {
        return Err(Error::Usage(format!("{text}: a source is missing before the line")));
    }
    Ok(Place { source: parse_source(source), line })
}

/// Reads `SOURCE` or `SOURCE@GEN`.
#[must_use]
pub fn parse_source(text: &str) -> SourceQuery {
    if let Some((name, digits)) = text.rsplit_once('@')
        && is_number(digits)
        && !name.is_empty()
        && let Ok(generation @ 1..) = digits.parse()
    {
        return SourceQuery { name: name.to_string(), generation: Some(generation) };
    }
    SourceQuery { name: text.to_string(), generation: None }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Which of the names a query means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// None.
    Nothing,
    /// This one.
    One(&'a str),
    /// All of these, sorted: the user has to say more.
    Ambiguous(Vec<&'a str>),
}

/// Finds the name that `query` is, or else those that end in it by whole components. Names may come in any order and more
/// than once.
pub fn find<'a>(names: impl IntoIterator<Item = &'a str>, query: &str) -> Found<'a> {
    let query = query.strip_prefix("./").unwrap_or(query);
    let mut candidates: Vec<&str> = names.into_iter().filter(|name| is_ending(name, query)).collect();
    candidates.sort_unstable();
    candidates.dedup();
    match candidates[..] {
        [] => Found::Nothing,
        [name] => Found::One(name),
        _ => candidates.iter().find(|name| **name == query).map_or(Found::Ambiguous(candidates.clone()), |name| Found::One(name)),
    }
}

fn is_ending(name: &str, query: &str) -> bool {
    match name.strip_suffix(query) {
        Some("") => true,
        Some(before) => !query.is_empty() && before.ends_with('/'),
        None => false,
    }
}

/// Finds a source as typed. A name that itself looks as if it had a generation (`a@2`) is found when nothing else fits.
pub fn find_source<'a>(names: &[&'a str], text: &str) -> (Found<'a>, Option<u32>) {
    let query = parse_source(text);
    match find(names.iter().copied(), &query.name) {
        Found::Nothing => (find(names.iter().copied(), text), None),
        found => (found, query.generation),
    }
}

/// How much of an unnamed stream names it.
pub const STDIN_HEAD: usize = 1 << 20;

/// Digits of the hash in a name (chosen: 64 bits, as nobody attacks their own pipe).
const STDIN_DIGITS: usize = 16;

/// The name of an unnamed stream that starts with `head`: its first MiB, or all of it. 16 digits of its BLAKE3 or more, up to
/// the first letter, so that no name looks as if it ended in a line number.
#[must_use]
pub fn stdin_name(head: &[u8]) -> String {
    let hash = blake3::hash(&head[..head.len().min(STDIN_HEAD)]).to_hex();
    let letter = hash.bytes().position(|byte| byte.is_ascii_alphabetic()).unwrap_or(0);
    format!("stdin:{}", &hash[..(letter + 1).max(STDIN_DIGITS)])
}

/// The unnamed stream that one starting with `head` (its first MiB, or all of it) repeats or continues: it has the same name,
/// or it was shorter than a MiB and `head` begins with it.
#[must_use]
pub fn find_stdin<'a>(head: &[u8], known: impl IntoIterator<Item = &'a SourceState>) -> Option<&'a SourceState> {
    let name = stdin_name(head);
    let begins_with = |state: &SourceState| {
        let length = usize::try_from(state.stream_len()).ok().filter(|length| (1..STDIN_HEAD).contains(length));
        length.and_then(|length| head.get(..length)).is_some_and(|start| {
            let mut digest = StreamDigest::new();
            digest.update(start);
            digest.finish() == state.digest.finish()
        })
    };
    let stdin = known.into_iter().filter(|state| state.kind == SourceKind::Stdin);
    stdin.filter(|state| state.name == name || begins_with(state)).max_by_key(|state| (state.stream_len(), state.generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_colon_separates_a_line_and_an_at_sign_a_generation() {
        let place = |name: &str, generation, line| Place { source: SourceQuery { name: name.into(), generation }, line };
        for (text, expected) in [
            ("gw.log", place("gw.log", None, None)),
            ("gw.log:17", place("gw.log", None, Some(17))),
            ("gw.log@2:17", place("gw.log", Some(2), Some(17))),
            ("a:b/gw.log:1", place("a:b/gw.log", None, Some(1))),
            ("stdin:0f3c", place("stdin:0f3c", None, None)),
            ("gw.log:", place("gw.log:", None, None)),
            ("gw.log@0", place("gw.log@0", None, None)),
            ("me@home", place("me@home", None, None)),
            ("@3", place("@3", None, None)),
            ("x:99999999999999999999999", place("x:99999999999999999999999", None, None)),
        ] {
            assert_eq!(parse_place(text).unwrap(), expected, "{text}");
        }
        assert!(matches!(parse_place("gw.log:0"), Err(Error::Usage(_))));
        assert!(matches!(parse_place(":7"), Err(Error::Usage(_))));
    }

    #[test]
    fn a_name_is_found_by_any_ending_of_whole_components_and_ambiguity_lists_all() {
        let names = ["/var/log/gw.log", "/srv/b/gw.log", "/var/log/mygw.log", "gw", "/var/log/gw.log"];
        assert_eq!(find(names, "log/gw.log"), Found::One("/var/log/gw.log"));
        assert_eq!(find(names, "/var/log/gw.log"), Found::One("/var/log/gw.log"));
        assert_eq!(find(names, "gw.log"), Found::Ambiguous(vec!["/srv/b/gw.log", "/var/log/gw.log"]));
        assert_eq!(find(names, "./mygw.log"), Found::One("/var/log/mygw.log"));
        for query in ["w.log", "", "/gw.log", "var/log", "GW"] {
            assert_eq!(find(names, query), Found::Nothing, "{query}");
        }
        assert_eq!(find(["/a/gw", "gw"], "gw"), Found::One("gw"), "a name in full wins");
    }

    #[test]
    fn a_generation_is_split_off_unless_it_is_part_of_the_name() {
        let names = ["/l/gw.log", "/l/odd@2"];
        assert_eq!(find_source(&names, "gw.log@2"), (Found::One("/l/gw.log"), Some(2)));
        assert_eq!(find_source(&names, "odd@2"), (Found::One("/l/odd@2"), None));
        assert_eq!(find_source(&names, "odd@2@1"), (Found::One("/l/odd@2"), Some(1)));
    }

    #[test]
    fn an_unnamed_stream_is_found_again_when_it_repeats_or_continues() {
        let stdin = |id: u32, bytes: &[u8]| {
            let mut state = SourceState::new(id, &stdin_name(bytes), 1, SourceKind::Stdin);
            state.digest.update(bytes);
            state
        };
        let long = vec![b'x'; STDIN_HEAD + 10];
        let known = [stdin(1, b"a\n"), stdin(2, b"a\nb\n"), stdin(3, &long), stdin(4, b"")];
        let found = |head: &[u8]| find_stdin(head, &known).map(|state| state.id);
        assert_eq!(found(b"a\nb\n"), Some(2));
        assert_eq!(found(b"a\nb\nc\n"), Some(2), "the longest it continues");
        assert_eq!(found(b"a\nc\n"), Some(1));
        assert_eq!(found(&long[..STDIN_HEAD]), Some(3));
        assert_eq!(found(&vec![b'x'; STDIN_HEAD - 1]), None);
        assert_eq!(found(b"b\n"), None);
    }
}
