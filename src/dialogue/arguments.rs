//! The arguments of calls: JSON as it stood, on one line, and an object, which all consumers ask for.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

/// Keys a call may have beside its arguments.
const AROUND: [&str; 14] = [
    "id",
    "type",
    "name",
    "function",
    "function_name",
    "toolName",
    "tool",
    "call_id",
    "status",
    "index",
    "toolUseId",
    "toolCallId",
    "namespace",
    "caller",
];
const ARGUMENTS: [&str; 5] = ["arguments", "input", "args", "parameters", "rawArgs"];

/// JSON without the white space between its tokens; nothing when it is no JSON that every reader takes.
pub(super) fn compact(json: &str) -> Option<Box<RawValue>> {
    // Checks depth and surrogates too, which the raw form would let through.
    serde_json::from_str::<Value>(json).ok()?;
    let mut out = String::with_capacity(json.len());
    let (mut inside, mut escaped) = (false, false);
    for c in json.chars() {
        if inside || !matches!(c, ' ' | '\t' | '\n' | '\r') {
            out.push(c);
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = inside,
            '"' => inside = !inside,
            _ => {}
        }
    }
    RawValue::from_string(out).ok()
}

/// The arguments as a JSON object in one line, and whether they had to be put into one.
pub(super) fn as_object(text: &str, name: Option<&str>) -> (String, bool) {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) if is_bare_call(&object, name) => ("{}".into(), false),
        Ok(Value::Object(_)) => (compact(text).map_or("{}".into(), |json| json.get().to_owned()), false),
        Ok(Value::Null) => ("{}".into(), false),
        _ if text.trim().is_empty() => ("{}".into(), false),
        Ok(value @ (Value::Array(_) | Value::Number(_) | Value::Bool(_))) => (wrapped(value), true),
        _ => (wrapped(Value::String(text.to_owned())), true),
    }
}

fn wrapped(value: Value) -> String {
    Value::Object([("input".to_owned(), value)].into_iter().collect()).to_string()
}

/// A call without arguments is handed on as it stands: what is in it are not its arguments.
fn is_bare_call(object: &serde_json::Map<String, Value>, name: Option<&str>) -> bool {
    let blank = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let names_itself = name.is_some()
        && ["name", "function_name", "toolName", "tool"].iter().any(|key| object.get(*key).and_then(Value::as_str) == name);
    names_itself
        && object.iter().all(|(key, value)| AROUND.contains(&key.as_str()) || ARGUMENTS.contains(&key.as_str()) && blank(value))
}

/// Equal for arguments that mean the same, however they are written.
pub(super) fn canonical<'t>(text: &'t str, name: Option<&str>) -> Cow<'t, str> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) if is_bare_call(&object, name) => Cow::Borrowed("{}"),
        Ok(value) => Cow::Owned(value.to_string()),
        Err(_) if text.trim().is_empty() => Cow::Borrowed("{}"),
        Err(_) => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Arguments go out as they came in: digits, order and escapes are the model's words.
    #[test]
    fn arguments_lose_only_their_spacing() {
        let (object, wrapped) = as_object("{ \"b\": 1.10,\n \"a\": \"x \\\" y\" }", Some("f"));
        assert_eq!((object.as_str(), wrapped), (r#"{"b":1.10,"a":"x \" y"}"#, false));
    }

    // A consumer asks for an object; whatever else a call had is kept inside one.
    #[test]
    fn what_is_no_object_is_put_into_one() {
        assert_eq!(as_object("ls -l", None), (r#"{"input":"ls -l"}"#.into(), true));
        assert_eq!(as_object("[1]", None), (r#"{"input":[1]}"#.into(), true));
        assert_eq!(as_object("", None), ("{}".into(), false));
        assert_eq!(as_object(r#"{"id":"c1","name":"now","arguments":""}"#, Some("now")), ("{}".into(), false));
        assert_eq!(as_object(r#"{"name":"Ada"}"#, Some("greet")), (r#"{"name":"Ada"}"#.into(), false));
    }

    // A lone surrogate is refused by strict readers of JSON: one such call must not spoil the file.
    #[test]
    fn json_that_strict_readers_refuse_becomes_text() {
        assert!(compact(r#"{"a":"\ud83d"}"#).is_none());
        assert!(as_object(r#"{"a":"\ud83d"}"#, None).1);
    }
}
