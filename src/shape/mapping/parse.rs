//! Reads mapping files. The TOML must be exactly what the documentation shows: an unknown key, type, field or shape is an
//! error that names the nearest known one, because a mapping with a typing error would silently label nothing.

use globset::{Glob, GlobSetBuilder};
use regex::bytes::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::{FieldRule, Mapping, MappingError, Pattern, Rule};
use crate::shape::fields::{FIELDS, nearest};
use crate::shape::id::ShapeId;
use crate::shape::meta::Metadata;
use crate::shape::roles::SegmentType;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    shape: Vec<Shape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    name: String,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    when: When,
    #[serde(default)]
    priority: i64,
    extends: Option<String>,
    #[serde(default)]
    segments: BTreeMap<String, Segment>,
    #[serde(default)]
    meta: BTreeMap<String, Field>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct When {
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    equals: BTreeMap<String, toml::Value>,
    #[serde(default)]
    matches: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Segment {
    Type(String),
    Full(FullSegment),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullSegment {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    role_from: Option<String>,
    #[serde(default)]
    roles: BTreeMap<String, String>,
    #[serde(default)]
    json: bool,
    split: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Path(String),
    Paths(Vec<String>),
    Full(FullField),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullField {
    path: Option<String>,
    unit: Option<String>,
    #[serde(rename = "const")]
    constant: Option<String>,
    file_scope: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "accepted for clarity: a file-scoped value always comes from the first record that has it")]
    from_first_line: bool,
}

pub(super) fn file(text: &str) -> Result<Vec<Mapping>, MappingError> {
    let file: File = toml::from_str(text).map_err(|error| MappingError(format!("mapping file: {error}")))?;
    if file.shape.is_empty() {
        return Err(MappingError("mapping file: no [[shape]] in it".into()));
    }
    file.shape.into_iter().map(mapping).collect()
}

fn mapping(shape: Shape) -> Result<Mapping, MappingError> {
    let name = shape.name.clone();
    build(shape).map_err(|what| MappingError(format!("mapping `{name}`: {what}")))
}

fn build(shape: Shape) -> Result<Mapping, String> {
    if shape.name.is_empty() || ShapeId::from_name(&shape.name).is_some() {
        return Err("a mapping needs a name of its own, not that of a built-in shape".into());
    }
    let When { has, equals, matches } = shape.when;
    if has.is_empty() && equals.is_empty() && matches.is_empty() && shape.files.is_empty() {
        return Err("it would claim every record; give it `files` or `when`".into());
    }
    has.iter().chain(equals.keys()).chain(matches.keys()).try_for_each(|path| pattern(path).map(|_| ()))?;
    let regex = |(path, text): (String, String)| match Regex::new(&text) {
        Ok(regex) => Ok((path, regex)),
        Err(error) => Err(format!("when.matches \"{path}\": {error}")),
    };
    Ok(Mapping {
        name: shape.name,
        priority: shape.priority,
        files: globs(&shape.files)?,
        has,
        equals: equals.into_iter().collect(),
        matches: matches.into_iter().map(regex).collect::<Result<_, _>>()?,
        extends: shape.extends.map(|text| extends(&text)).transpose()?,
        segments: shape
            .segments
            .into_iter()
            .map(|(path, segment)| Ok((pattern(&path)?, rule(segment)?)))
            .collect::<Result<_, String>>()?,
        meta: shape.meta.into_iter().map(|(name, field)| field_rule(name, field)).collect::<Result<_, String>>()?,
    })
}

fn pattern(path: &str) -> Result<Pattern, String> {
    Pattern::read(path).ok_or_else(|| format!("\"{path}\" is no JSON Pointer; it starts with `/`, as in \"/{path}\""))
}

fn globs(files: &[String]) -> Result<Option<globset::GlobSet>, String> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for file in files {
        set.add(Glob::new(file).map_err(|error| format!("files: {error}"))?);
    }
    set.build().map(Some).map_err(|error| format!("files: {error}"))
}

/// `openai.chat.request@/io/in/payload`.
fn extends(text: &str) -> Result<(ShapeId, String), String> {
    let (name, pointer) = text.split_once('@').unwrap_or((text, ""));
    let names = || ShapeId::ALL.iter().map(|shape| shape.name());
    let shape = ShapeId::from_name(name).ok_or_else(|| unknown("extends: no built-in shape", name, names()))?;
    pattern(pointer)?;
    Ok((shape, pointer.to_owned()))
}

fn rule(segment: Segment) -> Result<Rule, String> {
    match segment {
        Segment::Type(name) if name == "skeleton" => Ok(Rule::default()),
        Segment::Type(name) => Ok(Rule { kind: Some(kind(&name)?), ..Rule::default() }),
        Segment::Full(full) => {
            if let Some(split) = full.split.as_deref().filter(|split| !matches!(*split, "chatml" | "auto")) {
                return Err(format!("split = \"{split}\" is not known; \"auto\" finds every chat template"));
            }
            let given = full.kind.as_deref().map(kind).transpose()?;
            let by_role = full.role.is_some() || full.role_from.is_some();
            if given.is_none() && !by_role && !full.json {
                return Err("a segment needs `type`, `role`, `role_from` or `json`".into());
            }
            Ok(Rule {
                kind: given.or(Some(SegmentType::Text)),
                role: full.role,
                role_from: full.role_from,
                roles: full.roles.into_iter().collect(),
                json: full.json,
                split: full.split.is_some(),
            })
        }
    }
}

fn kind(name: &str) -> Result<SegmentType, String> {
    let names = SegmentType::ALL.iter().map(|kind| kind.name()).chain(["skeleton"]);
    SegmentType::from_name(name).ok_or_else(|| unknown("no segment type", name, names))
}

fn field_rule(name: String, field: Field) -> Result<(String, FieldRule), String> {
    // Probed with a value every kind of field accepts.
    if !Metadata::default().set_field(&name, "1") {
        return Err(unknown("meta: no canonical field", &name, FIELDS.iter().copied()));
    }
    let paths = |paths: Vec<String>| paths.iter().map(|path| pattern(path)).collect::<Result<Vec<_>, _>>();
    let rule = match field {
        Field::Path(path) => FieldRule { paths: paths(vec![path])?, ..FieldRule::default() },
        Field::Paths(list) => FieldRule { paths: paths(list)?, ..FieldRule::default() },
        Field::Full(full) => {
            if let Some(unit) = full.unit.as_deref().filter(|unit| !matches!(*unit, "s" | "ms" | "us" | "ns")) {
                return Err(format!("meta.{name}: unit = \"{unit}\" is none of s, ms, us, ns"));
            }
            let file_scope = full.file_scope.is_some();
            let list: Vec<String> = full.file_scope.into_iter().chain(full.path).collect();
            if list.is_empty() && full.constant.is_none() {
                return Err(format!("meta.{name}: give it `path`, `file_scope` or `const`"));
            }
            FieldRule { paths: paths(list)?, unit: full.unit, constant: full.constant, file_scope }
        }
    };
    Ok((name, rule))
}

fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> String {
    format!("{what} `{name}`; the nearest is `{}`", nearest(name, known))
}
