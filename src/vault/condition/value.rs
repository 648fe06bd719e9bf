//! What a record has in a field, and how it compares.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::{Facts, Field, Operator, Value};
use crate::shape::json::{Json, Kind};
use crate::shape::{FIELDS, nearest};

/// What can be asked of every record besides the canonical fields: shorter names, and what no log carries.
const MORE_FIELDS: [&str; 5] = ["conversation", "app", "time", "shape", "bytes"];

/// What a record has in a field.
pub(super) enum Found {
    Text(String),
    Number(f64),
    Bool(bool),
    Time(i64),
    List(Vec<String>),
}

pub(super) fn compare(found: &Found, operator: Operator, value: &Value) -> Option<bool> {
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
pub(super) fn moment(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_microsecond());
    }
    let civil =
        text.parse::<DateTime>().ok().or_else(|| Some(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())));
    Some(civil?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

impl Field {
    pub(super) fn named(name: &str) -> Result<Field, String> {
        if name.starts_with('/') {
            return Ok(Field::Path(name.to_string()));
        }
        if let Some(parameter) = name.strip_prefix("params.") {
            return Ok(Field::Parameter(parameter.to_string()));
        }
        let all = || FIELDS.iter().chain(&MORE_FIELDS).copied();
        if let Some(known) = all().find(|known| *known == name) {
            return Ok(Field::Canonical(known));
        }
        let near = nearest(name, all());
        Err(format!("{name} is no field; the nearest is {near}. A JSON path begins with /, as in /metadata/tenant"))
    }

    pub(super) fn find(&self, facts: &Facts<'_>) -> Option<Found> {
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
