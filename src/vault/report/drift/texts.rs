//! Prompts and definitions of tools as texts: marks are replaced by what they stand for, definitions are laid out line by line.

use crate::checksum::content_hash;
use crate::error::{Corrupt, Result};
use crate::shape::json::{Json, Kind, decode_key};
use crate::vault::fetch::Fetcher;
use crate::vault::report::Material;
use crate::vault::report::bones::Heads;
use crate::vault::report::facts::{Facts, Piece};
use crate::vault::view::PackView;

/// Deeper than this a schema is not laid out.
const DEEPEST: usize = 32;

/// A text that was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    pub(super) text: String,
    pub(super) hash: u128,
    /// The tool's name.
    pub(super) tool: String,
}

/// The texts of all prompts and of all definitions, by their numbers in the facts.
///
/// # Errors
/// When the vault is damaged.
pub(super) fn resolve(material: &Material<'_>, facts: &Facts) -> Result<(Vec<Sent>, Vec<Sent>)> {
    let mut fetcher = Fetcher::new(material.snapshot);
    let mut each = |piece: &Piece| -> Result<Sent> {
        let (Some(heads), false) = (facts.heads.get(piece.pack), piece.text.is_empty()) else { return Ok(Sent::default()) };
        let view = fetcher.view(piece.pack)?;
        let sent = if piece.is_tool { definition(heads, view, piece) } else { prompt(heads, view, piece) };
        let sent = sent.map_err(|corrupt| view.pack().damaged(corrupt))?;
        // Texts that differ in secrets only are one from here on: neither slots nor differences can tell them then.
        let text = material.shown(sent.text)?;
        let hash = if material.redact { content_hash(text.as_bytes()) } else { sent.hash };
        Ok(Sent { text, hash, ..sent })
    };
    let prompts = facts.prompts.iter().map(&mut each).collect::<Result<Vec<_>>>()?;
    let definitions = facts.definitions.iter().map(&mut each).collect::<Result<Vec<_>>>()?;
    Ok((prompts, definitions))
}

fn prompt(heads: &Heads, view: &mut PackView, piece: &Piece) -> Result<Sent, Corrupt> {
    let text = heads.expand(view, &piece.text)?;
    Ok(Sent { hash: content_hash(text.as_bytes()), text, tool: String::new() })
}

fn definition(heads: &Heads, view: &mut PackView, piece: &Piece) -> Result<Sent, Corrupt> {
    let mut skeleton = Vec::new();
    match heads.node(&piece.text) {
        Some(node) => heads.of_node(view, node, &mut skeleton)?,
        None => skeleton.extend_from_slice(piece.text.as_bytes()),
    }
    let mut text = String::new();
    let mut tool = None;
    if let Some(value) = Json::parse(&skeleton) {
        // The wrapper that some providers want says nothing of the tool.
        let value = value.get("function").or_else(|| value.get("toolSpec")).filter(|inner| inner.is_object()).unwrap_or(value);
        lay_out(heads, view, value, 0, &mut text)?;
        tool = name_of(value);
    }
    let tool = match tool {
        Some(tool) => heads.expand(view, &tool)?,
        None => "(unnamed)".to_string(),
    };
    Ok(Sent { hash: content_hash(text.as_bytes()), text, tool })
}

/// The name of a tool; of several declared together all names, of one that the provider has its type.
fn name_of(value: Json<'_>) -> Option<String> {
    let word = |key: &str| value.get(key).and_then(|name| name.as_str()).map(|name| name.into_owned());
    let declared = || {
        let list = value.get("functionDeclarations").or_else(|| value.get("function_declarations"))?;
        let names: Vec<String> = list.items().filter_map(|item| Some(item.get("name")?.as_str()?.into_owned())).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    word("name").or_else(declared).or_else(|| word("type"))
}

/// A JSON value as lines: keys, and texts as they are.
fn lay_out(heads: &Heads, view: &mut PackView, value: Json<'_>, depth: usize, out: &mut String) -> Result<(), Corrupt> {
    let indent = "  ".repeat(depth);
    match value.kind() {
        Kind::Object if depth < DEEPEST => {
            for (key, value) in value.entries() {
                let nested = matches!(value.kind(), Kind::Object | Kind::Array) && !value.is_blank();
                out.push_str(&format!("{indent}{}:{}", decode_key(key), if nested { "\n" } else { " " }));
                lay_out(heads, view, value, depth + 1, out)?;
            }
        }
        Kind::Array if depth < DEEPEST && value.items().any(|item| item.is_object() || item.is_array()) => {
            for item in value.items() {
                out.push_str(&format!("{indent}-\n"));
                lay_out(heads, view, item, depth + 1, out)?;
            }
        }
        Kind::Array if depth < DEEPEST => {
            let mut items = Vec::new();
            for item in value.items() {
                items.push(scalar(heads, view, item)?);
            }
            out.push_str(&format!("{indent}{}\n", items.join(", ")));
        }
        _ => {
            let text = scalar(heads, view, value)?;
            out.push_str(&text);
            out.push('\n');
        }
    }
    Ok(())
}

fn scalar(heads: &Heads, view: &mut PackView, value: Json<'_>) -> Result<String, Corrupt> {
    match value.as_str() {
        Some(text) => heads.expand(view, &text),
        None => Ok(String::from_utf8_lossy(value.raw()).into_owned()),
    }
}
