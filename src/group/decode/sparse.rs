//! A group of which only some records are wanted.
//!
//! A record read by itself needs a few nodes of the tens of thousands in its group. [`Sparse`] resolves records one by one as they
//! are asked for; when they become many it resolves all, once, as [`Group`](super::Group) does.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::outline::Outlines;
use super::resolve::{Resolved, Resolver};
use super::segments::{Located, Segments};
use super::{Columns, Head, NodeView, Opening, Payload, Records, Shapes, resolve_all};
use crate::error::{Corrupt, corrupt};
use crate::group::stream;

/// Going back to the start more often than this costs more than resolving all.
const RESTARTS: u32 = 12;
/// Records resolved by themselves before all are: this many, and one in [`SHARE`].
const SEVERAL: usize = 24;
const SHARE: usize = 16;

/// A group, opened as far as records and texts of it are asked for: many are opened for one text.
pub struct Sparse {
    /// Number of its first node.
    pub first_node: u32,
    /// Number of its first segment.
    pub first_segment: u32,
    /// Where its frame lies, for messages.
    offset: u64,
    head: Head,
    templates: Rc<dyn Outlines>,
    records: OnceCell<Records>,
    nodes: OnceCell<Nodes>,
    segments: OnceCell<Segments>,
}

/// What is opened when the first node is asked for.
struct Nodes {
    columns: Columns,
    shapes: Shapes,
    references: Vec<u8>,
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
    /// Opens the payload of the frame at an offset; `templates` are those of the pack.
    ///
    /// # Errors
    /// When its head is damaged. What follows is checked when it is read.
    pub fn open(payload: Payload, offset: u64, templates: Rc<dyn Outlines>) -> Result<Sparse, Corrupt> {
        let head = Head::read(payload)?;
        Ok(Sparse {
            first_node: head.first_node,
            first_segment: head.first_segment,
            offset,
            head,
            templates,
            records: OnceCell::new(),
            nodes: OnceCell::new(),
            segments: OnceCell::new(),
        })
    }

    /// How many nodes, segments and records it has.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.head.nodes, self.head.segments, self.head.records)
    }

    /// Bytes it takes in memory, about, once all of it is in use.
    #[must_use]
    pub fn memory(&self) -> usize {
        let raw = |index: usize| self.head.streams.get(index).map_or(0, |(_, raw, _)| *raw);
        let columns = (stream::COLUMNS..stream::COUNT).map(|index| raw(index) * 3).sum::<usize>() + raw(stream::DIRECTORY) * 2;
        columns + self.head.nodes * 12 + raw(stream::REFERENCES) * 5 + self.head.segments * 4 + self.head.records * 4 + 4096
    }

    /// Root node of the record at a position of the group; `None` when there is no such record.
    ///
    /// # Errors
    /// When the table of records is damaged.
    pub fn root(&self, position: usize) -> Result<Option<u32>, Corrupt> {
        Ok(self.records()?.root(position))
    }

    /// What a cell holds; it is made when it is first asked for.
    fn made<'c, T>(&self, cell: &'c OnceCell<T>, make: impl FnOnce() -> Result<T, Corrupt>) -> Result<&'c T, Corrupt> {
        if let Some(made) = cell.get() {
            return Ok(made);
        }
        let made = make().map_err(|Corrupt(what)| corrupt!("group at offset {}: {what}", self.offset))?;
        Ok(cell.get_or_init(|| made))
    }

    fn records(&self) -> Result<&Records, Corrupt> {
        self.made(&self.records, || self.head.read_records())
    }

    fn segments(&self) -> Result<&Segments, Corrupt> {
        self.made(&self.segments, || {
            let (table, listed) = (self.head.unpack(stream::SEGMENTS)?, self.head.unpack(stream::PIECES)?);
            Segments::new(table, listed, self.head.segments, self.head.class_starts)
        })
    }

    fn nodes(&self) -> Result<&Nodes, Corrupt> {
        self.made(&self.nodes, || {
            let Opening { columns, cursors, shapes } = Opening::read(&self.head, &*self.templates)?;
            let references = self.head.unpack(stream::REFERENCES)?;
            let resolver = Resolver::new(cursors, self.first_segment, self.head.segments);
            let walk = Walk { resolver, position: 0, restarts: 0, known: FxHashMap::default(), all: None };
            Ok(Nodes { columns, shapes, references, walk: RefCell::new(walk) })
        })
    }

    /// Finds a node by its number in the pack, to be looked at with [`Sparse::node`].
    ///
    /// # Errors
    /// When the group does not hold it, or its record is damaged.
    pub fn find(&self, number: u32) -> Result<Found, Corrupt> {
        let index = number.checked_sub(self.first_node).filter(|&index| (index as usize) < self.head.nodes);
        let index = index.ok_or_else(|| corrupt!("node {number} is not in its group"))?;
        let (records, nodes) = (self.records()?, self.nodes()?);
        let position = records.of_node(index);
        let mut walk = nodes.walk.borrow_mut();
        if let Some(all) = &walk.all {
            return Ok(Found { resolved: Rc::clone(all), index: index as usize });
        }
        let start = records.nodes(position).start;
        if let Some(resolved) = walk.known.get(&position) {
            return Ok(Found { resolved: Rc::clone(resolved), index: index as usize - start });
        }
        let many = walk.known.len() >= SEVERAL + records.ends.len() / SHARE || walk.restarts >= RESTARTS;
        let resolved = if many { nodes.resolve_all(&mut walk, records) } else { nodes.resolve(&mut walk, records, position) };
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
        Ok(NodeView { columns: &self.nodes()?.columns, references, lists, node })
    }

    /// Where the text of a segment is, by its number in the pack.
    ///
    /// # Errors
    /// When the group does not hold it, or its table is damaged.
    pub fn segment(&self, number: u32) -> Result<Located, Corrupt> {
        let index = number.checked_sub(self.first_segment);
        self.segments()?.get(index.ok_or_else(|| corrupt!("segment {number} is not in its group"))? as usize)
    }
}

impl Nodes {
    fn resolve(&self, walk: &mut Walk, records: &Records, position: usize) -> Result<Resolved, Corrupt> {
        if position < walk.position {
            walk.restarts += 1;
            walk.restart();
        }
        let nodes = records.nodes(position);
        let before = records.nodes(walk.position).start..nodes.start;
        if !before.is_empty() {
            let counts = self.shapes.count(before, self.columns.templates.len());
            walk.resolver.skip(&counts, |template| self.columns.kinds(template), &self.references)?;
        }
        let mut resolved = Resolved::default();
        let numbers = records.first_node + nodes.start as u32..;
        for (number, shape) in numbers.zip(self.shapes.iter(nodes)) {
            let kinds = self.columns.kinds(shape as usize);
            walk.resolver.node(number, shape, kinds, &self.references, &mut resolved)?;
        }
        walk.resolver.end_record()?;
        walk.position = position + 1;
        Ok(resolved)
    }

    fn resolve_all(&self, walk: &mut Walk, records: &Records) -> Result<Resolved, Corrupt> {
        walk.restart();
        let mut all = Resolved::default();
        resolve_all(&mut walk.resolver, records, &self.shapes, &self.columns, &self.references, &mut all)?;
        Ok(all)
    }
}

impl Walk {
    fn restart(&mut self) {
        self.resolver.restart();
        self.position = 0;
    }
}
