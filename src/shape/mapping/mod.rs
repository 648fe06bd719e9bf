//! Shapes the user describes in TOML (record-shapes §11.1): which records, which parts are what, where the canonical fields
//! stand. A mapping only labels; whatever it says, no byte of storage depends on it.
//!
//! Mappings of positive priority are asked before the built-in shapes, the others only when no built-in shape of
//! substance claims the record. What a mapping says nothing about is labelled by the generic rules.

mod apply;
mod parse;
mod pattern;

use std::fmt;

use globset::GlobSet;
use regex::bytes::Regex;

use self::pattern::Pattern;
use super::id::ShapeId;
use super::record::Record;
use super::roles::SegmentType;

/// All mappings in force, highest priority first.
#[derive(Debug, Clone, Default)]
pub struct Mappings {
    shapes: Vec<Mapping>,
}

/// Why a mapping file is not usable: what, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingError(pub String);

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MappingError {}

/// One shape of the user.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Its name, shown like the name of a built-in shape.
    pub name: String,
    /// Above 0 it is asked before the built-in shapes.
    pub priority: i64,
    files: Option<GlobSet>,
    has: Vec<String>,
    equals: Vec<(String, toml::Value)>,
    matches: Vec<(String, Regex)>,
    extends: Option<(ShapeId, String)>,
    segments: Vec<(Pattern, Rule)>,
    meta: Vec<(String, FieldRule)>,
}

/// What to do with a part.
#[derive(Debug, Clone, Default)]
struct Rule {
    /// No type: the part stays unlabelled.
    kind: Option<SegmentType>,
    role: Option<String>,
    role_from: Option<String>,
    roles: Vec<(String, String)>,
    json: bool,
    split: bool,
}

/// Where a canonical field comes from.
#[derive(Debug, Clone, Default)]
struct FieldRule {
    paths: Vec<Pattern>,
    unit: Option<String>,
    constant: Option<String>,
    file_scope: bool,
}

impl Mappings {
    /// Reads a mapping file; an error names the entry and what would be right.
    pub fn parse(text: &str) -> Result<Mappings, MappingError> {
        let mut shapes = parse::file(text)?;
        shapes.sort_by_key(|shape| std::cmp::Reverse(shape.priority));
        Ok(Mappings { shapes })
    }

    /// The mappings, highest priority first.
    pub fn shapes(&self) -> &[Mapping] {
        &self.shapes
    }

    /// The first mapping that claims a record: those before (`first`) or after the built-in shapes.
    pub(super) fn claim(&self, record: &Record<'_>, source: Option<&str>, first: bool) -> Option<&Mapping> {
        self.shapes.iter().filter(|shape| (shape.priority > 0) == first).find(|shape| shape.claims(record, source))
    }
}

#[cfg(test)]
mod tests;
