//! Finds the shape of a record: the precedence table of record-shapes §2, one file per tier, first match wins.
//!
//! Detection looks at top-level keys and a few nested probes, never at `type` alone: a dozen formats share its values.
//! Why the tiers stand in this order: agent lines embed provider objects, loggers embed requests and responses, and a
//! batch line carries a `response`; so the outer envelope must be asked first.

mod agents;
mod batches;
mod datasets;
pub(super) mod gateways;
mod providers;

use super::id::ShapeId;
use super::json::{Json, Object};
use super::mapping::{Mapping, Mappings};
use super::record::{Form, Record};

/// What the caller knows or wants beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'h> {
    /// Name of the source, for mappings that ask for it.
    pub source_name: Option<&'h str>,
    /// Use this shape, do not detect.
    pub forced: Option<ShapeId>,
    /// Ask no built-in rule: JSON is generic.
    pub generic_only: bool,
    /// The user's own shapes.
    pub mappings: Option<&'h Mappings>,
}

/// What detection found.
#[derive(Debug, Clone, Copy)]
pub struct Detection<'h> {
    /// The built-in shape; for a mapping the one it extends, or generic.
    pub shape: ShapeId,
    /// The record is an array of such objects.
    pub batch: bool,
    /// The user's mapping that claimed the record.
    pub mapping: Option<&'h Mapping>,
}

impl Detection<'_> {
    /// A detection without mapping.
    pub fn of(shape: ShapeId) -> Detection<'static> {
        Detection { shape, batch: false, mapping: None }
    }

    /// The name to show: the mapping's, or the shape's with `batch:` before it.
    pub fn name(&self) -> String {
        match self.mapping {
            Some(mapping) => mapping.name.clone(),
            None if self.batch => format!("batch:{}", self.shape),
            None => self.shape.to_string(),
        }
    }
}

/// Finds the shape of the record `line`.
pub fn detect<'h>(line: &[u8], hints: &Hints<'h>) -> Detection<'h> {
    Record::read(line).detect(hints)
}

impl Record<'_> {
    /// Finds the shape of the record.
    pub fn detect<'h>(&self, hints: &Hints<'h>) -> Detection<'h> {
        let mapped = |first: bool| hints.mappings?.claim(self, hints.source_name, first);
        if let Some(mapping) = mapped(true) {
            return Detection { shape: mapping.base(), batch: false, mapping: Some(mapping) };
        }
        let found = self.built_in(hints);
        match found.shape {
            ShapeId::Generic | ShapeId::PromptOnly | ShapeId::PromptCompletion | ShapeId::Text => match mapped(false) {
                Some(mapping) => Detection { shape: mapping.base(), batch: false, mapping: Some(mapping) },
                None => found,
            },
            _ => found,
        }
    }

    fn built_in<'h>(&self, hints: &Hints<'h>) -> Detection<'h> {
        let plain = |shape| Detection { shape, batch: false, mapping: None };
        let Some(value) = self.value() else {
            return plain(match self.form {
                Form::Blank => ShapeId::Blank,
                Form::StreamEnd => ShapeId::StreamEnd,
                _ => ShapeId::Raw,
            });
        };
        match (hints.forced, hints.generic_only) {
            (Some(shape), _) => Detection { shape, batch: value.is_array() && is_record_shape(shape), mapping: None },
            (None, true) => plain(ShapeId::Generic),
            (None, false) if value.is_array() => detect_array(value, self.object.as_ref()),
            (None, false) => plain(self.object.as_ref().map_or(ShapeId::Scalar, |object| detect_object(object, 0))),
        }
    }
}

/// Whether a shape describes objects, so that an array of it is a batch.
fn is_record_shape(shape: ShapeId) -> bool {
    !matches!(shape, ShapeId::MessagesArray | ShapeId::TokensArray | ShapeId::Generic | ShapeId::Raw)
}

fn detect_array<'h>(value: Json<'_>, first: Option<&Object<'_>>) -> Detection<'h> {
    let plain = |shape| Detection { shape, batch: false, mapping: None };
    if value.at(0).is_none() {
        return plain(ShapeId::Empty);
    }
    if is_messages(value) {
        return plain(ShapeId::MessagesArray);
    }
    if is_ints(value) {
        return plain(ShapeId::TokensArray);
    }
    let shape = first.map_or(ShapeId::Scalar, |object| detect_object(object, 1));
    Detection { shape, batch: true, mapping: None }
}

/// Asks the tiers in order. `depth` 0 is the record itself; inner objects of a wrapper are no pairs again.
pub(super) fn detect_object(object: &Object<'_>, depth: u8) -> ShapeId {
    let keys = Keys::of(object);
    agents::detect(&keys)
        .or_else(|| gateways::detect(&keys, depth))
        .or_else(|| batches::detect(&keys))
        .or_else(|| providers::detect(&keys))
        .or_else(|| datasets::detect(&keys))
        .unwrap_or(ShapeId::Generic)
}

/// The shape of an inner value, such as the body of a logged request.
pub(super) fn detect_inner(value: Json<'_>) -> ShapeId {
    if value.is_array() {
        return detect_array(value, value.at(0).and_then(Object::of).as_ref()).shape;
    }
    Object::of(value).map_or(ShapeId::Scalar, |object| detect_object(&object, 1))
}

/// The questions the table asks, in its own notation.
pub(super) struct Keys<'o, 'a> {
    object: &'o Object<'a>,
    kind: &'a [u8],
}

impl<'o, 'a> Keys<'o, 'a> {
    pub(super) fn of(object: &'o Object<'a>) -> Keys<'o, 'a> {
        Keys { object, kind: object.get("type").and_then(Json::raw_str).unwrap_or_default() }
    }

    /// `K(a,b)`: all keys are present.
    pub(super) fn all(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.object.has(key))
    }

    /// One of the keys is present.
    pub(super) fn any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.object.has(key))
    }

    pub(super) fn get(&self, key: &str) -> Option<Json<'a>> {
        self.object.get(key)
    }

    /// `O(key)`.
    pub(super) fn is_object(&self, key: &str) -> bool {
        self.get(key).is_some_and(Json::is_object)
    }

    /// `A(key)`.
    pub(super) fn is_array(&self, key: &str) -> bool {
        self.get(key).is_some_and(Json::is_array)
    }

    /// `S(key)`.
    pub(super) fn is_string(&self, key: &str) -> bool {
        self.get(key).is_some_and(Json::is_string)
    }

    /// `type ∈ {…}`.
    pub(super) fn type_in(&self, wanted: &[&str]) -> bool {
        wanted.iter().any(|wanted| self.kind == wanted.as_bytes())
    }

    /// The raw text of `type`.
    pub(super) fn kind(&self) -> &'a [u8] {
        self.kind
    }

    /// `key == text`.
    pub(super) fn is_text(&self, key: &str, text: &str) -> bool {
        self.get(key).is_some_and(|value| value.is_text(text))
    }

    /// Whether the string at `key` starts with `prefix`.
    pub(super) fn starts(&self, key: &str, prefix: &str) -> bool {
        self.get(key).and_then(Json::raw_str).is_some_and(|text| text.starts_with(prefix.as_bytes()))
    }

    /// A nested probe `key/…`, absent when `null`.
    pub(super) fn probe(&self, key: &str, pointer: &str) -> Option<Json<'a>> {
        self.get(key)?.pointer(pointer).filter(|value| !value.is_null())
    }

    pub(super) fn len(&self) -> usize {
        self.object.len()
    }

    pub(super) fn any_key(&self, test: impl Fn(&str, Json<'a>) -> bool) -> bool {
        self.object.entries().any(|(key, value)| test(&key, value))
    }
}

/// Whether the array holds messages: objects with a known role word (record-shapes §0.5 `MSGS`).
pub(super) fn is_messages(value: Json<'_>) -> bool {
    const ROLE_KEYS: [&str; 6] = ["role", "from", "author", "sender", "speaker", "type"];
    let has_role = |item: Json<'_>| {
        item.entries().any(|(key, value)| {
            ROLE_KEYS.iter().any(|role| key == role.as_bytes())
                && value.as_str().is_some_and(|word| super::roles::is_role_word(&word))
        })
    };
    // Twenty elements tell; a growing history of thousands must not be walked for a yes.
    let mut objects = 0;
    let mut seen = 0;
    let mut roles = false;
    for item in value.items().take(20) {
        seen += 1;
        objects += usize::from(item.is_object());
        roles = roles || has_role(item);
    }
    roles && objects * 10 >= seen * 6
}

/// Whether the array starts with integers and nothing else.
pub(super) fn is_ints(value: Json<'_>) -> bool {
    value.at(0).is_some() && value.items().take(64).all(|item| item.as_i64().is_some())
}

#[cfg(test)]
mod tests;
