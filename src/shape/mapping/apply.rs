//! Uses a mapping on a record: does it claim it, what are its parts, what are its fields.

use super::pattern::children;
use super::{FieldRule, Mapping, Rule};
use crate::shape::id::ShapeId;
use crate::shape::json::{Json, Kind, Object};
use crate::shape::meta::{FileState, Metadata, scalar, time};
use crate::shape::record::Record;
use crate::shape::roles::{SegmentType, type_of_role};
use crate::shape::segments::{Tag, Walker};

impl Mapping {
    /// The built-in shape it extends as a whole record, or generic.
    pub(in crate::shape) fn base(&self) -> ShapeId {
        self.extends.as_ref().filter(|(_, pointer)| pointer.is_empty()).map_or(ShapeId::Generic, |(shape, _)| *shape)
    }

    pub(super) fn claims(&self, record: &Record<'_>, source: Option<&str>) -> bool {
        let Some(value) = record.value().filter(|value| value.is_object()) else {
            return false;
        };
        let by_name = self.files.as_ref().is_none_or(|files| source.is_some_and(|source| files.is_match(source)));
        by_name
            && self.has.iter().all(|path| value.pointer(path).is_some())
            && self.equals.iter().all(|(path, wanted)| value.pointer(path).is_some_and(|found| equals(found, wanted)))
            && self.matches.iter().all(|(path, regex)| {
                value.pointer(path).is_some_and(|found| match found.as_str() {
                    Some(text) => regex.is_match(text.as_bytes()),
                    None => regex.is_match(found.raw()),
                })
            })
    }

    /// Labels a record.
    pub(in crate::shape) fn walk(&self, walker: &mut Walker<'_>, value: Json<'_>) {
        self.walk_at(walker, value, value, &mut Vec::new());
    }

    fn walk_at(&self, walker: &mut Walker<'_>, record: Json<'_>, value: Json<'_>, path: &mut Vec<String>) {
        if let Some((_, rule)) = self.segments.iter().find(|(pattern, _)| pattern.matches(path)) {
            return rule.label(walker, record, value, path);
        }
        if let Some((shape, pointer)) = &self.extends
            && *pointer == pointer_of(path)
            && self.segments.is_empty() | !pointer.is_empty()
        {
            return walker.delegate(*shape, value);
        }
        if !matches!(value.kind(), Kind::Object | Kind::Array) {
            return walker.leaf(path.last().map_or("", String::as_str), value);
        }
        for (token, inner) in children(value) {
            path.push(token.clone());
            walker.step(&token, |walker| self.walk_at(walker, record, inner, path));
            path.pop();
        }
    }

    /// Sets the canonical fields of a record.
    pub(in crate::shape) fn fill(&self, metadata: &mut Metadata, value: Json<'_>, state: &mut FileState) {
        for (name, rule) in &self.meta {
            rule.set(name, metadata, value, state);
        }
        if let Some((shape, pointer)) = self.extends.as_ref().filter(|(_, pointer)| !pointer.is_empty())
            && let Some(object) = value.pointer(pointer).and_then(Object::of)
        {
            metadata.delegate(*shape, &object);
        }
    }
}

/// Whether a value of a record is the value a mapping names.
fn equals(found: Json<'_>, wanted: &toml::Value) -> bool {
    match wanted {
        toml::Value::String(text) => found.is_text(text),
        toml::Value::Integer(number) => found.as_i64() == Some(*number),
        toml::Value::Float(number) => found.as_f64() == Some(*number),
        toml::Value::Boolean(flag) => found.as_bool() == Some(*flag),
        _ => false,
    }
}

fn pointer_of(path: &[String]) -> String {
    path.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1"))).collect()
}

impl Rule {
    fn label(&self, walker: &mut Walker<'_>, record: Json<'_>, value: Json<'_>, path: &[String]) {
        let Some(kind) = self.kind else { return };
        if self.json && walker.follow(value) {
            return;
        }
        let said = self.role.clone().or_else(|| sister(record, path, self.role_from.as_deref()?));
        let role = said.map(|said| self.roles.iter().find(|(from, _)| *from == said).map_or(said, |(_, to)| to.clone()));
        let by_role = role.as_deref().filter(|_| kind == SegmentType::Text).and_then(type_of_role);
        let tag = Tag { kind: by_role.unwrap_or(kind), role: role.as_deref(), name: None, call_id: None, guessed: false };
        walker.mapped(tag, value, self.split);
    }
}

/// The text at `../who`, seen from `path`; or at an absolute pointer.
fn sister(record: Json<'_>, path: &[String], from: &str) -> Option<String> {
    let mut base = path;
    let mut rest = from;
    while let Some(deeper) = rest.strip_prefix("../") {
        base = base.split_last()?.1;
        rest = deeper;
    }
    let pointer = if from.starts_with('/') { from.to_owned() } else { format!("{}/{rest}", pointer_of(base)) };
    record.pointer(&pointer)?.as_str().map(String::from)
}

impl FieldRule {
    fn set(&self, name: &str, metadata: &mut Metadata, record: Json<'_>, state: &mut FileState) {
        if let Some(constant) = &self.constant {
            metadata.set_field(name, constant);
            return;
        }
        let values: Vec<Json<'_>> =
            self.paths.iter().flat_map(|path| path.values(record)).filter(|value| !value.is_null()).collect();
        match name {
            "timestamp" => {
                let Some(value) = values.first() else { return };
                let instant = match &self.unit {
                    Some(unit) => time::in_unit(*value, unit),
                    None => time::read(*value),
                };
                instant.into_iter().for_each(|instant| metadata.instant("mapping", instant));
            }
            "tags" => values.into_iter().filter_map(scalar).for_each(|tag| {
                metadata.set_field(name, &tag);
            }),
            _ => {
                let found = values.first().and_then(|value| scalar(*value)).map(|text| self.in_milliseconds(name, text));
                let found = if self.file_scope { state.remember(name, found) } else { found };
                found.into_iter().for_each(|text| {
                    metadata.set_field(name, &text);
                });
            }
        }
    }

    /// Durations are milliseconds in the canon; the record may count otherwise.
    fn in_milliseconds(&self, name: &str, text: String) -> String {
        let factor = match self.unit.as_deref() {
            Some("s") => 1e3,
            Some("us") => 1e-3,
            Some("ns") => 1e-6,
            _ => return text,
        };
        match text.parse::<f64>() {
            Ok(number) if name.ends_with("_ms") => (number * factor).to_string(),
            _ => text,
        }
    }
}
