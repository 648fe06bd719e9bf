//! The text of a condition becomes one.

use regex::Regex;

use super::value::moment;
use super::{Condition, Field, Operator, Value};
use crate::error::{Error, Result};

/// Nested deeper than this, a condition is refused.
const DEEPEST: usize = 64;

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
