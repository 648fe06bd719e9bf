//! Templates: what is constant in a node.
//!
//! A template is the bytes of an object or array with markers where values go. Bytes 1 to 7 are markers, every other byte is
//! itself; a node whose own bytes (keys, white space) contain one of them is not cut but kept raw. A list, whose length varies,
//! has one template for all lengths:
//!
//! ```text
//! fixed   (byte ≥ 8 | 0 | marker [style])*      {"role":⟨5⟩,"content":⟨3⟩⟨style⟩}
//! list    7 · element marker or 0 · style · len open · len separator · len close    each length a varint
//! ```

use crate::bytes::{Put, Reader};
use crate::error::{Corrupt, corrupt};
use crate::record::escape::Style;

/// What stands in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// A child node.
    Node,
    /// A string whose decoded text is a child node: JSON inside a string, or a string split into several segments.
    NodeInString,
    /// A string kept decoded as a segment.
    Segment,
    /// Raw bytes kept as a segment: number arrays, strings that no style reproduces, subtrees nested too deep.
    RawSegment,
    /// The raw inside of a short string; the quotes belong to the slot.
    ShortString,
    /// A raw token: a number, `true`, `null`, a tiny array.
    Token,
}

/// First marker byte that is no slot: it begins a list template.
const LIST: u8 = 7;

/// A slot: its kind and, where a string is decoded, its escape style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// What stands here.
    pub kind: SlotKind,
    /// How the string was escaped (only for strings that are decoded).
    pub style: Style,
}

impl Slot {
    /// A slot without style.
    #[must_use]
    pub fn plain(kind: SlotKind) -> Slot {
        Slot { kind, style: Style::MINIMAL }
    }

    /// The marker byte.
    #[must_use]
    pub fn marker(self) -> u8 {
        match self.kind {
            SlotKind::Node => 1,
            SlotKind::NodeInString => 2,
            SlotKind::Segment => 3,
            SlotKind::RawSegment => 4,
            SlotKind::ShortString => 5,
            SlotKind::Token => 6,
        }
    }

    /// True when a style byte follows the marker.
    fn has_style(kind: SlotKind) -> bool {
        matches!(kind, SlotKind::NodeInString | SlotKind::Segment)
    }

    fn from_marker(marker: u8) -> Option<SlotKind> {
        Some(match marker {
            1 => SlotKind::Node,
            2 => SlotKind::NodeInString,
            3 => SlotKind::Segment,
            4 => SlotKind::RawSegment,
            5 => SlotKind::ShortString,
            6 => SlotKind::Token,
            _ => return None,
        })
    }

    /// Appends marker and style as they stand in a template.
    pub fn put(self, out: &mut Vec<u8>) {
        out.push(self.marker());
        if Slot::has_style(self.kind) {
            out.push(self.style.0);
        }
    }

    /// A marker and style byte pair as it stands for each element of a mixed list.
    pub fn from_pair(marker: u8, style: u8) -> Result<Slot, Corrupt> {
        let kind = Slot::from_marker(marker).ok_or_else(|| corrupt!("slot marker {marker} is unknown"))?;
        Ok(Slot { kind, style: Style(style) })
    }
}

/// True for bytes that a template cannot hold as themselves.
#[must_use]
#[inline]
pub fn is_marker(byte: u8) -> bool {
    byte.wrapping_sub(1) < LIST
}

/// Writes a list template.
pub fn put_list(element: Option<Slot>, open: &[u8], separator: &[u8], close: &[u8], out: &mut Vec<u8>) {
    out.push(LIST);
    out.push(element.map_or(0, Slot::marker));
    out.push(element.map_or(0, |slot| slot.style.0));
    out.put_bytes(open);
    out.put_bytes(separator);
    out.put_bytes(close);
}

/// One step of a fixed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Constant bytes.
    Literal(Vec<u8>),
    /// A value.
    Slot(Slot),
}

/// A template, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    /// Constant bytes and slots in order.
    Fixed(Vec<Part>),
    /// Any number of elements.
    List {
        /// The slot of every element; `None` where elements differ and each names its own.
        element: Option<Slot>,
        /// Bytes before the first element.
        open: Vec<u8>,
        /// Bytes between elements.
        separator: Vec<u8>,
        /// Bytes after the last element.
        close: Vec<u8>,
    },
}

impl Template {
    /// Parses the stored form.
    ///
    /// # Errors
    /// When a marker is unknown or cut off.
    pub fn parse(bytes: &[u8]) -> Result<Template, Corrupt> {
        if bytes.first() == Some(&LIST) {
            let mut reader = Reader::new(bytes);
            reader.u8()?;
            let (marker, style) = (reader.u8()?, reader.u8()?);
            let element = if marker == 0 { None } else { Some(Slot::from_pair(marker, style)?) };
            let [open, separator, close] = [reader.bytes()?.to_vec(), reader.bytes()?.to_vec(), reader.bytes()?.to_vec()];
            reader.finish()?;
            return Ok(Template::List { element, open, separator, close });
        }
        let mut parts = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            // Groups open with hundreds of templates: literals are taken as runs.
            let (literal, slot) = rest.split_at(rest.iter().position(|&byte| is_marker(byte)).unwrap_or(rest.len()));
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_vec()));
            }
            let Some((&marker, after)) = slot.split_first() else { break };
            let kind = Slot::from_marker(marker).ok_or_else(|| corrupt!("marker {marker} inside a fixed template"))?;
            let (style, after) = match after.split_first() {
                Some((&style, after)) if Slot::has_style(kind) => (style, after),
                None if Slot::has_style(kind) => return Err(corrupt!("template ends inside a slot")),
                _ => (0, after),
            };
            parts.push(Part::Slot(Slot { kind, style: Style(style) }));
            rest = after;
        }
        Ok(Template::Fixed(parts))
    }

    /// The slots of a fixed template in order; none for a list.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let parts: &[Part] = match self {
            Template::Fixed(parts) => parts,
            Template::List { .. } => &[],
        };
        parts.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(*slot),
            Part::Literal(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_come_back_from_their_bytes() {
        let mut fixed = b"{\"a\":".to_vec();
        Slot { kind: SlotKind::Segment, style: Style(5) }.put(&mut fixed);
        fixed.extend_from_slice(b", \"b\":");
        Slot::plain(SlotKind::Token).put(&mut fixed);
        fixed.push(b'}');
        let parsed = Template::parse(&fixed).unwrap();
        assert_eq!(
            parsed.slots().map(|s| (s.kind, s.style.0)).collect::<Vec<_>>(),
            [(SlotKind::Segment, 5), (SlotKind::Token, 0)]
        );

        let mut list = Vec::new();
        put_list(Some(Slot::plain(SlotKind::Node)), b"[", b", ", b"]", &mut list);
        assert!(matches!(Template::parse(&list).unwrap(), Template::List { element: Some(_), .. }));
    }

    #[test]
    fn cut_off_or_unknown_templates_are_errors() {
        assert!(Template::parse(b"{\x03").is_err());
        assert!(Template::parse(b"{\x07}").is_err());
        assert!(Template::parse(b"\x07\x09\x00").is_err());
        assert!(Template::parse(b"\x07\x01\x00\x05[").is_err());
    }
}
