//! A group of which only some records are wanted.
//!
//! A record read by itself needs a few nodes of the tens of thousands in its group. [`Sparse`] resolves records one by one as they
//! are asked for; when they become many it resolves all, once, as [`Group`](super::Group) does.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::resolve::{Resolved, Resolver};
use super::segments::{Located, Segments};
use super::{Columns, NodeView, Opening, Payload, Records, Shapes, resolve_all};
use crate::error::{Corrupt, corrupt};
use crate::group::stream;
use crate::record::template::Template;

/// Going back to the start more often than this costs more than resolving all.
const RESTARTS: u32 = 12;
/// Records resolved by themselves before all are: this many, and one in [`SHARE`].
const SEVERAL: usize = 24;
const SHARE: usize = 16;

/// A group, opened as far as records of it are asked for.
pub struct Sparse {
    /// Number of its first node.
    pub first_node: u32,
    /// Number of its first segment.
    pub first_segment: u32,
    columns: Columns,
    shapes: Shapes,
    references: Vec<u8>,
    records: Records,
    segments: Segments,
    walk: RefCell<Walk>,
}

/// What is resolved, and where the resolver stands.
struct Walk {
    resolver: Resolver,
    /// Before the record at this position.
    position: usize,
    restarts: u32,
    known: FxHashMap<usize, Rc<Resolved>>,
    all: Option<Rc<Resolved>>,
}

/// A node that is resolved.
pub struct Found {
    resolved: Rc<Resolved>,
    index: usize,
}

impl Found {
    /// What the node refers to, in order: whether a node, and the number.
    pub fn links(&self) -> impl Iterator<Item = (bool, u32)> + '_ {
        let Resolved { nodes, references, to_node, .. } = &*self.resolved;
        let start = nodes.get(self.index).map_or(references.len(), |node| node.first_reference as usize);
        let end = nodes.get(self.index + 1).map_or(references.len(), |node| node.first_reference as usize);
        let (kinds, targets) = (to_node.get(start..end), references.get(start..end));
        kinds.unwrap_or_default().iter().copied().zip(targets.unwrap_or_default().iter().copied())
    }
}

impl Sparse {
    /// Opens a payload; `template` gives the pack's templates by number.
    ///
    /// # Errors
    /// When its tables do not add up. References are checked when they are resolved.
    pub fn open<'t>(payload: Payload, template: impl Fn(u32) -> Option<&'t Template>) -> Result<Sparse, Corrupt> {
        let opening = Opening::read(payload, &template)?;
        let records = opening.read_records()?;
        let references = opening.table(stream::REFERENCES)?;
        let (segments, pieces) = (opening.table(stream::SEGMENTS)?, opening.table(stream::PIECES)?);
        let resolver = Resolver::new(opening.cursors, opening.first_segment, opening.segments);
        Ok(Sparse {
            first_node: opening.first_node,
            first_segment: opening.first_segment,
            records,
            columns: opening.columns,
            shapes: opening.shapes,
            references,
            segments: Segments::new(segments, pieces, opening.segments, opening.class_starts)?,
            walk: RefCell::new(Walk { resolver, position: 0, restarts: 0, known: FxHashMap::default(), all: None }),
        })
    }

    /// How many nodes, segments and records it has.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.shapes.nodes, self.segments.len(), self.records.ends.len())
    }

    /// Bytes it takes in memory, about.
    #[must_use]
    pub fn memory(&self) -> usize {
        let tables = self.shapes.nodes * 12 + self.references.len() * 5 + self.segments.len() * 4 + self.records.ends.len() * 4;
        self.columns.memory() + tables + 4096
    }

    /// Root node of the record at a position of the group.
    #[must_use]
    pub fn root(&self, position: usize) -> Option<u32> {
        self.records.root(position)
    }

    /// Finds a node by its number in the pack, to be looked at with [`Sparse::node`].
    ///
    /// # Errors
    /// When the group does not hold it, or its record is damaged.
    pub fn find(&self, number: u32) -> Result<Found, Corrupt> {
        let index = number.checked_sub(self.first_node).filter(|&index| (index as usize) < self.shapes.nodes);
        let index = index.ok_or_else(|| corrupt!("node {number} is not in its group"))?;
        let position = self.records.of_node(index);
        let mut walk = self.walk.borrow_mut();
        if let Some(all) = &walk.all {
            return Ok(Found { resolved: Rc::clone(all), index: index as usize });
        }
        let start = self.records.nodes(position).start;
        if let Some(resolved) = walk.known.get(&position) {
            return Ok(Found { resolved: Rc::clone(resolved), index: index as usize - start });
        }
        let many = walk.known.len() >= SEVERAL + self.records.ends.len() / SHARE || walk.restarts >= RESTARTS;
        let resolved = if many { self.resolve_all(&mut walk) } else { self.resolve(&mut walk, position) };
        // After an error it stands in the middle of something.
        let resolved = Rc::new(resolved.inspect_err(|_| walk.restart())?);
        if many {
            walk.known = FxHashMap::default();
            walk.all = Some(Rc::clone(&resolved));
            return Ok(Found { resolved, index: index as usize });
        }
        walk.known.insert(position, Rc::clone(&resolved));
        Ok(Found { resolved, index: index as usize - start })
    }

    /// A node that was found.
    ///
    /// # Errors
    /// When it was found in another group.
    pub fn node<'g>(&'g self, found: &'g Found) -> Result<NodeView<'g>, Corrupt> {
        let Resolved { nodes, references, lists, .. } = &*found.resolved;
        let node = *nodes.get(found.index).ok_or_else(|| corrupt!("a node of another group"))?;
        Ok(NodeView { columns: &self.columns, references, lists, node })
    }

    /// Where the text of a segment is, by its number in the pack.
    ///
    /// # Errors
    /// When the group does not hold it, or its table is damaged.
    pub fn segment(&self, number: u32) -> Result<Located, Corrupt> {
        let index = number.checked_sub(self.first_segment);
        self.segments.get(index.ok_or_else(|| corrupt!("segment {number} is not in its group"))? as usize)
    }

    fn resolve(&self, walk: &mut Walk, position: usize) -> Result<Resolved, Corrupt> {
        if position < walk.position {
            walk.restarts += 1;
            walk.restart();
        }
        let nodes = self.records.nodes(position);
        let before = self.records.nodes(walk.position).start..nodes.start;
        if !before.is_empty() {
            let counts = self.shapes.count(before, self.columns.templates.len());
            walk.resolver.skip(&counts, |template| self.columns.kinds(template), &self.references)?;
        }
        let mut resolved = Resolved::default();
        let numbers = self.first_node + nodes.start as u32..;
        for (number, shape) in numbers.zip(self.shapes.iter(nodes)) {
            let kinds = self.columns.kinds(shape as usize);
            walk.resolver.node(number, shape, kinds, &self.references, &mut resolved)?;
        }
        walk.resolver.end_record()?;
        walk.position = position + 1;
        Ok(resolved)
    }

    fn resolve_all(&self, walk: &mut Walk) -> Result<Resolved, Corrupt> {
        walk.restart();
        let mut all = Resolved::default();
        resolve_all(&mut walk.resolver, &self.records, &self.shapes, &self.columns, &self.references, &mut all)?;
        Ok(all)
    }
}

impl Walk {
    fn restart(&mut self) {
        self.resolver.restart();
        self.position = 0;
    }
}
