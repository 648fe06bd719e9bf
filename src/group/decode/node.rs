//! Nodes of a group, ready to be joined.

use super::columns::{Columns, TemplatePart};
use super::{ListPart, NodePart, element_slot};
use crate::error::{Corrupt, corrupt};
use crate::group::build::list_column;
use crate::record::template::Slot;

/// A node, ready to be joined.
#[derive(Clone, Copy)]
pub struct NodeView<'g> {
    pub(super) columns: &'g Columns,
    pub(super) references: &'g [u32],
    pub(super) lists: &'g [ListPart],
    pub(super) node: NodePart,
}

impl NodeView<'_> {
    /// Number of its template.
    #[must_use]
    pub fn template(&self) -> u32 {
        self.part().template
    }

    pub(super) fn part(&self) -> &TemplatePart {
        &self.columns.templates[self.node.dense as usize]
    }

    /// The number of the `index`th reference among the node's references.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn reference(&self, index: usize) -> Result<u32, Corrupt> {
        let at = self.node.first_reference as usize + index;
        self.references.get(at).copied().ok_or_else(|| corrupt!("a node without its reference"))
    }

    /// Appends the short value of slot `slot` of a fixed template.
    ///
    /// # Errors
    /// When the column is damaged.
    pub fn value(&self, slot: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let column = self.part().columns.get(slot).and_then(Option::as_ref).ok_or_else(|| corrupt!("a slot without column"))?;
        self.columns.value(column, self.node.rank as usize, out)
    }

    /// Number of elements of a list.
    ///
    /// # Errors
    /// When the node is none.
    pub fn list(&self) -> Result<ListView<'_>, Corrupt> {
        let list = self.lists.get(self.node.rank as usize).ok_or_else(|| corrupt!("a list without its length"))?;
        Ok(ListView { node: *self, list: *list, at: 0, references: 0, shorts: 0, tokens: 0 })
    }
}

/// Walks the elements of a list.
pub struct ListView<'g> {
    pub(super) node: NodeView<'g>,
    pub(super) list: ListPart,
    pub(super) at: u32,
    pub(super) references: usize,
    pub(super) shorts: u32,
    pub(super) tokens: u32,
}

/// An element of a list.
pub enum Element {
    /// A child node or segment.
    Reference(u32),
    /// A short value, appended to the output.
    Value,
}

impl ListView<'_> {
    /// How many elements there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.list.count
    }

    /// The slot of the next element; `common` is the template's.
    ///
    /// # Errors
    /// When a mixed list does not say.
    pub fn next_slot(&self, common: Option<Slot>) -> Result<Slot, Corrupt> {
        match common {
            Some(slot) => Ok(slot),
            None => element_slot(&self.node.part().kinds, self.list.first_kind + self.at),
        }
    }

    /// Steps over the next element; a short value is appended to `out`.
    ///
    /// # Errors
    /// When its column is damaged.
    pub fn next(&mut self, slot: Slot, out: &mut Vec<u8>) -> Result<Element, Corrupt> {
        self.at += 1;
        let column = list_column(slot.kind);
        let rank = match column {
            0 | 1 => {
                self.references += 1;
                return Ok(Element::Reference(self.node.reference(self.references - 1)?));
            }
            2 => {
                self.shorts += 1;
                self.list.short_at + self.shorts - 1
            }
            _ => {
                self.tokens += 1;
                self.list.token_at + self.tokens - 1
            }
        };
        let values = self.node.part().columns.get(column).and_then(Option::as_ref);
        let values = values.ok_or_else(|| corrupt!("a list without column"))?;
        self.node.columns.value(values, rank as usize, out)?;
        Ok(Element::Value)
    }
}
