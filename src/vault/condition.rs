//! `--where`: comparisons of canonical fields and JSON paths, joined by `and`, `or`, `not` and brackets.
//!
//! ```text
//! '/metadata/tenant = "acme" and (latency_ms > 2000 or error is not null) and not model ~ "mini"'
//! ```
//!
//! Logic has three values: what is said of an absent field is unknown, unknown stays unknown under `not`, and only what is
//! true passes. So an absent field matches `is null` and nothing else.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use regex::Regex;

use crate::error::{Error, Result};
use crate::shape::json::{Json, Kind};
use crate::shape::{Metadata, Record};

/// Nested deeper than this, a condition is refused.
const DEEPEST: usize = 64;

/// What can be asked of every record, whatever its shape.
const FIELDS: [&str; 34] = [
    "record_id",
    "request_id",
    "response_id",
    "parent_id",
    "trace_id",
    "conversation",
    "conversation_id",
    "application",
    "app",
    "agent",
    "end_user",
    "model",
    "model_requested",
    "provider",
    "timestamp",
    "time",
    "latency_ms",
    "ttft_ms",
    "tokens_in",
    "tokens_in_cached",
    "tokens_in_cache_write",
    "tokens_out",
    "tokens_reasoning",
    "tokens_total",
    "cost_usd",
    "status",
    "stop_reason",
    "error",
    "quality_score",
    "tags",
    "title",
    "project",
    "shape",
    "bytes",
];

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

/// What a record has in a field.
enum Found {
    Text(String),
    Number(f64),
    Bool(bool),
    Time(i64),
    List(Vec<String>),
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`Error::Usage`] with the place where it stops making sense.
    pub(crate) fn parse(text: &str) -> Result<Condition> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, text };
        let condition = parser.either(0)?;
        match parser.peek() {
            None => Ok(condition),
            Some(token) => Err(parser.wrong(&format!("{token} where the condition should end"))),
        }
    }

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

fn compare(found: &Found, operator: Operator, value: &Value) -> Option<bool> {
    use std::cmp::Ordering;
    if let Found::List(list) = found {
        // Of a list one element is enough; "unequal" says that none is equal.
        let positive = match operator {
            Operator::Unequal => Operator::Equal,
            Operator::MatchesNot => Operator::Matches,
            other => other,
        };
        let any = list.iter().any(|element| compare(&Found::Text(element.clone()), positive, value) == Some(true));
        return Some(any == (positive == operator));
    }
    if let Value::Regex(regex) = value {
        let text = match found {
            Found::Text(text) => text.clone(),
            Found::Number(number) => number.to_string(),
            Found::Bool(truth) => truth.to_string(),
            Found::Time(_) | Found::List(_) => return None,
        };
        return Some(regex.is_match(&text) == (operator == Operator::Matches));
    }
    let order = match (found, value) {
        (Found::Text(text), Value::Text(wanted)) => text.as_str().cmp(wanted),
        (Found::Text(text), Value::Number(wanted)) => text.parse::<f64>().ok()?.partial_cmp(wanted)?,
        (Found::Number(number), Value::Number(wanted)) => number.partial_cmp(wanted)?,
        (Found::Number(number), Value::Text(wanted)) => number.partial_cmp(&wanted.parse().ok()?)?,
        (Found::Time(time), Value::Text(wanted)) => time.cmp(&moment(wanted)?),
        (Found::Time(time), Value::Number(wanted)) => (*time as f64).partial_cmp(wanted)?,
        (Found::Bool(truth), Value::Bool(wanted)) => truth.cmp(wanted),
        (Found::Bool(truth), Value::Text(wanted)) => truth.to_string().as_str().cmp(wanted),
        _ => return None,
    };
    Some(match operator {
        Operator::Equal => order == Ordering::Equal,
        Operator::Unequal => order != Ordering::Equal,
        Operator::Less => order == Ordering::Less,
        Operator::AtMost => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        Operator::AtLeast => order != Ordering::Less,
        Operator::Matches | Operator::MatchesNot => return None,
    })
}

/// A time as text: RFC 3339, or a date with or without time in UTC.
fn moment(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_microsecond());
    }
    let civil =
        text.parse::<DateTime>().ok().or_else(|| Some(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())));
    Some(civil?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

impl Field {
    fn named(name: &str) -> Result<Field, String> {
        if name.starts_with('/') {
            return Ok(Field::Path(name.to_string()));
        }
        if let Some(parameter) = name.strip_prefix("params.") {
            return Ok(Field::Parameter(parameter.to_string()));
        }
        if let Some(known) = FIELDS.iter().find(|known| **known == name) {
            return Ok(Field::Canonical(known));
        }
        let near = FIELDS.iter().min_by_key(|known| distance(known, name)).unwrap_or(&"model");
        Err(format!("{name} is no field; the nearest is {near}. A JSON path begins with /, as in /metadata/tenant"))
    }

    fn find(&self, facts: &Facts<'_>) -> Option<Found> {
        let meta = facts.metadata;
        let text = |text: &Option<String>| text.clone().map(Found::Text);
        let count = |count: Option<u64>| count.map(|count| Found::Number(count as f64));
        let name = match self {
            Field::Canonical(name) => *name,
            Field::Parameter(name) => {
                let value = &meta.params.iter().find(|(known, _)| known == name)?.1;
                return Some(value.parse().map_or_else(|_| Found::Text(value.clone()), Found::Number));
            }
            Field::Path(pointer) => return json(facts.record.values.iter().find_map(|value| value.pointer(pointer))?),
        };
        match name {
            "record_id" => text(&meta.record_id),
            "request_id" => text(&meta.request_id),
            "response_id" => text(&meta.response_id),
            "parent_id" => text(&meta.parent_id),
            "trace_id" => text(&meta.trace_id),
            "conversation" | "conversation_id" => text(&meta.conversation_id),
            "application" | "app" => text(&meta.application),
            "agent" => text(&meta.agent),
            "end_user" => text(&meta.end_user),
            "model" => text(&meta.model),
            "model_requested" => text(&meta.model_requested),
            "provider" => text(&meta.provider),
            "timestamp" | "time" => meta.timestamp_us.map(Found::Time),
            "latency_ms" => meta.latency_ms.map(Found::Number),
            "ttft_ms" => meta.ttft_ms.map(Found::Number),
            "tokens_in" => count(meta.tokens_in),
            "tokens_in_cached" => count(meta.tokens_in_cached),
            "tokens_in_cache_write" => count(meta.tokens_in_cache_write),
            "tokens_out" => count(meta.tokens_out),
            "tokens_reasoning" => count(meta.tokens_reasoning),
            "tokens_total" => count(meta.tokens_total),
            "cost_usd" => meta.cost_usd.map(Found::Number),
            "status" => text(&meta.status),
            "stop_reason" => text(&meta.stop_reason),
            "error" => text(&meta.error),
            "quality_score" => meta.quality_score.map(Found::Number),
            "tags" => (!meta.tags.is_empty()).then(|| Found::List(meta.tags.clone())),
            "title" => text(&meta.title),
            "project" => text(&meta.project),
            "shape" => Some(Found::Text(facts.shape.to_string())),
            "bytes" => Some(Found::Number(facts.record.line.len() as f64)),
            _ => None,
        }
    }
}

fn json(value: Json<'_>) -> Option<Found> {
    Some(match value.kind() {
        Kind::Null => return None,
        Kind::Bool => Found::Bool(value.as_bool()?),
        Kind::Number => Found::Number(value.as_f64()?),
        Kind::String => Found::Text(value.as_str()?.into_owned()),
        Kind::Array => {
            Found::List(value.items().map(|item| item.as_str().map_or_else(|| raw(item), |text| text.into_owned())).collect())
        }
        Kind::Object => Found::Text(raw(value)),
    })
}

fn raw(value: Json<'_>) -> String {
    String::from_utf8_lossy(value.raw()).into_owned()
}

/// How many letters must change to make one word of another.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// A word of a condition.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Word(word) => write!(f, "{word}"),
            Token::Quoted(text) => write!(f, "{text:?}"),
            Token::Sign(sign) => write!(f, "{sign}"),
        }
    }
}

const SIGNS: [&str; 12] = ["==", "!=", "<>", "<=", ">=", "!~", "=", "<", ">", "~", "(", ")"];

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == '"' || first == '\'' {
            let (value, after) = quoted(&rest[1..], first)
                .ok_or_else(|| Error::Usage(format!("--where {text:?}: the quote before {:.20?} is not closed", &rest[1..])))?;
            tokens.push(Token::Quoted(value));
            rest = after;
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "=!<>~()\"'".contains(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(Error::Usage(format!("--where {text:?}: {first} is no part of a condition")));
            }
            tokens.push(Token::Word(rest[..end].to_string()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// The text up to the closing quote, and what follows it.
fn quoted(rest: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.push(characters.next()?.1),
            c if c == quote => return Some((value, &rest[at + c.len_utf8()..])),
            c => value.push(c),
        }
    }
    None
}

struct Parser<'t> {
    tokens: Vec<Token>,
    at: usize,
    text: &'t str,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn wrong(&self, what: &str) -> Error {
        Error::Usage(format!("--where {:?}: {what}; an example is 'model = \"m\" and latency_ms > 2000'", self.text))
    }

    /// Takes a word of the language, whatever its case.
    fn takes(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn either(&mut self, depth: usize) -> Result<Condition> {
        let mut parts = vec![self.both(depth)?];
        while self.takes("or") {
            parts.push(self.both(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Or(parts) })
    }

    fn both(&mut self, depth: usize) -> Result<Condition> {
        let mut parts = vec![self.one(depth)?];
        while self.takes("and") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::And(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Condition> {
        if depth > DEEPEST {
            return Err(self.wrong("it is nested too deep"));
        }
        if self.takes("not") {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        match self.next() {
            Some(Token::Sign("(")) => {
                let inner = self.either(depth + 1)?;
                match self.next() {
                    Some(Token::Sign(")")) => Ok(inner),
                    _ => Err(self.wrong("a bracket is not closed")),
                }
            }
            Some(Token::Word(name)) => {
                let field = Field::named(&name).map_err(|why| self.wrong(&why))?;
                self.rest(field, &name)
            }
            Some(token) => Err(self.wrong(&format!("{token} where a field should stand"))),
            None => Err(self.wrong("a field is missing at the end")),
        }
    }

    /// What follows a field.
    fn rest(&mut self, field: Field, name: &str) -> Result<Condition> {
        if self.takes("is") {
            let not = self.takes("not");
            if !self.takes("null") {
                return Err(self.wrong("`is` goes with `null` or `not null` only"));
            }
            let null = Condition::IsNull(field);
            return Ok(if not { Condition::Not(Box::new(null)) } else { null });
        }
        let operator = match self.next() {
            Some(Token::Sign("=" | "==")) => Operator::Equal,
            Some(Token::Sign("!=" | "<>")) => Operator::Unequal,
            Some(Token::Sign("<")) => Operator::Less,
            Some(Token::Sign("<=")) => Operator::AtMost,
            Some(Token::Sign(">")) => Operator::Greater,
            Some(Token::Sign(">=")) => Operator::AtLeast,
            Some(Token::Sign("~")) => Operator::Matches,
            Some(Token::Sign("!~")) => Operator::MatchesNot,
            _ => return Err(self.wrong(&format!("after {name} one of = != < <= > >= ~ !~ and `is null` is expected"))),
        };
        let value = match self.next() {
            Some(Token::Quoted(text)) => Value::Text(text),
            Some(Token::Word(word)) => match (word.as_str(), word.parse::<f64>()) {
                ("true", _) => Value::Bool(true),
                ("false", _) => Value::Bool(false),
                (_, Ok(number)) => Value::Number(number),
                _ => Value::Text(word),
            },
            _ => return Err(self.wrong(&format!("nothing to compare {name} with"))),
        };
        let value = match (operator, value) {
            (Operator::Matches | Operator::MatchesNot, value) => {
                let pattern = match value {
                    Value::Text(text) => text,
                    Value::Number(number) => number.to_string(),
                    Value::Bool(truth) => truth.to_string(),
                    Value::Regex(regex) => regex.to_string(),
                };
                Value::Regex(
                    Regex::new(&pattern).map_err(|error| self.wrong(&format!("{pattern} is no regular expression: {error}")))?,
                )
            }
            (_, value) => value,
        };
        if let (Field::Canonical("timestamp" | "time"), Value::Text(text)) = (&field, &value)
            && moment(text).is_none()
        {
            return Err(self.wrong(&format!("{text:?} is no time; RFC 3339 or a date is expected")));
        }
        Ok(Condition::Compare(field, operator, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
