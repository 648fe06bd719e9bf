//! `--where`: comparisons of canonical fields and JSON paths, joined by `and`, `or`, `not` and brackets.
//!
//! ```text
//! '/metadata/tenant = "acme" and (latency_ms > 2000 or error is not null) and not model ~ "mini"'
//! ```
//!
//! Logic has three values: what is said of an absent field is unknown, unknown stays unknown under `not`, and only what is
//! true passes. So an absent field matches `is null` and nothing else.

mod parse;
mod value;

use regex::Regex;

use crate::shape::{Metadata, Record};
use value::compare;

/// A condition, parsed.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// All of them.
    And(Vec<Condition>),
    /// One of them.
    Or(Vec<Condition>),
    /// The contrary.
    Not(Box<Condition>),
    /// A field against a value.
    Compare(Field, Operator, Value),
    /// The field is absent.
    IsNull(Field),
}

/// What is compared.
#[derive(Debug, Clone)]
pub(crate) enum Field {
    /// A canonical field.
    Canonical(&'static str),
    /// A sampling parameter.
    Parameter(String),
    /// A JSON Pointer into the record.
    Path(String),
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Matches,
    MatchesNot,
}

/// With what.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Number(f64),
    Bool(bool),
    Regex(Regex),
}

/// A record, as conditions see it.
pub(crate) struct Facts<'r> {
    /// The record.
    pub(crate) record: &'r Record<'r>,
    /// Its canonical fields.
    pub(crate) metadata: &'r Metadata,
    /// Name of its shape.
    pub(crate) shape: &'r str,
}

impl Condition {
    /// True only when it is certain.
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> bool {
        self.judge(facts) == Some(true)
    }

    fn judge(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Condition::And(parts) => decided(parts.iter().map(|part| part.judge(facts)), false),
            Condition::Or(parts) => decided(parts.iter().map(|part| part.judge(facts)), true),
            Condition::Not(part) => part.judge(facts).map(|held| !held),
            Condition::IsNull(field) => Some(field.find(facts).is_none()),
            Condition::Compare(field, operator, value) => compare(&field.find(facts)?, *operator, value),
        }
    }
}

/// What several judgements come to: one of `decisive` is enough, otherwise one that is unknown leaves all unknown.
fn decided(judged: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut unknown = false;
    for one in judged {
        match one {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(!decisive) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::shape::{FileState, Hints};

    const LINE: &[u8] = br#"{"model":"gpt-5","latency_ms":250,"request_id":"r1","timestamp":"2026-01-02T03:04:05Z","metadata":{"tenant":"acme","n":7,"ok":true,"list":["a","b"]}}"#;

    fn holds(condition: &str) -> bool {
        let record = Record::read(LINE);
        let detection = record.detect(&Hints::default());
        let metadata = record.metadata(&detection, &mut FileState::default());
        Condition::parse(condition).unwrap().holds(&Facts { record: &record, metadata: &metadata, shape: "x" })
    }

    #[test]
    fn comparisons_and_logic_do_what_they_say() {
        for yes in [
            "model = 'gpt-5'",
            "model=gpt-5",
            "latency_ms > 200 and latency_ms <= 250",
            "/metadata/tenant = \"acme\"",
            "not model = other",
            "/metadata/n = 7",
            "/metadata/ok = true",
            "/metadata/list = b",
            "/metadata/list != c",
            "model ~ '^gpt'",
            "model !~ mini",
            "(model = x or latency_ms = 250) and request_id = r1",
            "timestamp >= 2026-01-02",
            "time < '2026-01-03'",
            "error is null",
            "model is not null",
            "NOT error IS NOT NULL",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in ["model = other", "latency_ms < 250", "model != gpt-5", "/metadata/list != b", "timestamp < 2026-01-02"] {
            assert!(!holds(no), "{no}");
        }
    }

    #[test]
    fn what_is_absent_matches_only_is_null() {
        for no in ["error = x", "error != x", "not error = x", "/none > 1", "not /none > 1", "error = x and model = gpt-5"] {
            assert!(!holds(no), "{no}");
        }
        assert!(holds("error = x or model = gpt-5"));
        assert!(holds("/metadata/none is null"));
    }

    #[test]
    fn mistakes_are_told_with_the_nearest_name() {
        let message = |text: &str| match Condition::parse(text) {
            Err(Error::Usage(message)) => message,
            other => panic!("{text}: {other:?}"),
        };
        assert!(message("latencyms > 3").contains("nearest is latency_ms"));
        for wrong in [
            "",
            "model",
            "model =",
            "model = 'x",
            "model = x)",
            "(model = x",
            "model = x y",
            "model ~ '('",
            "time > soon",
            "= 3",
            "model & x",
        ] {
            message(wrong);
        }
        message(&"(".repeat(10_000));
        message(&"not ".repeat(10_000));
    }
}
