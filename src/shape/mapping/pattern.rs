//! JSON Pointers with holes: `*` stands for any one step, `**` for any number of them.

use crate::shape::json::{Json, Kind, decode_key};

/// A pointer of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Any,
    Deep,
}

impl Pattern {
    /// Reads a pattern; it starts with `/`, or is empty for the record itself.
    pub(super) fn read(text: &str) -> Option<Pattern> {
        if !text.is_empty() && !text.starts_with('/') {
            return None;
        }
        let step = |token: &str| match token {
            "*" => Step::Any,
            "**" => Step::Deep,
            key => Step::Key(key.replace("~1", "/").replace("~0", "~")),
        };
        Some(Pattern(text.split('/').skip(1).map(step).collect()))
    }

    /// Whether the pattern leads exactly to `path`.
    pub(super) fn matches(&self, path: &[String]) -> bool {
        fits(&self.0, path)
    }

    /// The first value the pattern leads to, or all of them, in order.
    pub(super) fn values<'v>(&self, value: Json<'v>) -> Vec<Json<'v>> {
        let mut found = Vec::new();
        collect(&self.0, value, 0, &mut found);
        found
    }
}

fn fits(steps: &[Step], path: &[String]) -> bool {
    match (steps.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((Step::Deep, rest)), None) => fits(rest, path),
        (Some((Step::Deep, rest)), Some((_, deeper))) => fits(rest, path) || fits(steps, deeper),
        (Some((Step::Any, rest)), Some((_, deeper))) => fits(rest, deeper),
        (Some((Step::Key(key), rest)), Some((token, deeper))) => key == token && fits(rest, deeper),
        _ => false,
    }
}

/// A mapping wants a few values, never a million.
const MOST_VALUES: usize = 256;
/// As deep as the walk over a record goes.
const DEEPEST: usize = 96;

fn collect<'v>(steps: &[Step], value: Json<'v>, depth: usize, found: &mut Vec<Json<'v>>) {
    let Some((step, rest)) = steps.split_first() else {
        return found.push(value);
    };
    if depth == DEEPEST || found.len() >= MOST_VALUES {
        return;
    }
    match step {
        Step::Key(key) => {
            let inner = if value.kind() == Kind::Array { key.parse().ok().and_then(|at| value.at(at)) } else { value.get(key) };
            inner.into_iter().for_each(|inner| collect(rest, inner, depth + 1, found));
        }
        Step::Any => children(value).for_each(|(_, inner)| collect(rest, inner, depth + 1, found)),
        Step::Deep => {
            collect(rest, value, depth + 1, found);
            children(value).for_each(|(_, inner)| collect(steps, inner, depth + 1, found));
        }
    }
}

/// The values directly inside a value, with their path tokens.
pub(super) fn children<'v>(value: Json<'v>) -> impl Iterator<Item = (String, Json<'v>)> {
    let entries = value.entries().map(|(key, value)| (decode_key(key).into_owned(), value));
    entries.chain(value.items().enumerate().map(|(index, value)| (index.to_string(), value)))
}
