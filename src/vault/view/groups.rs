//! Groups of a pack, opened as far as they are needed.

use std::ops::{Deref, Range};
use std::rc::Rc;
use std::sync::Arc;

use super::PackView;
use crate::error::{Corrupt, corrupt};
use crate::group::decode::outline::Outlines;
use crate::group::decode::probe::{self, Outside, Probed};
use crate::group::decode::sparse::Sparse;
use crate::group::decode::{Group, Payload};
use crate::pack::directory::GroupEntry;
use crate::pack::frame::{self, Kind};
use crate::pack::reader::PackReader;
use crate::record::template::{SlotKind, Template};

/// First node, first segment, and how many nodes, segments and records.
pub(super) type Sizes = (u32, u32, usize, usize, u64);

pub(super) const NOT_THAT: &str = "is not the group the directory describes";

pub(super) fn sizes(first_node: u32, first_segment: u32, (nodes, segments, records): (usize, usize, usize)) -> Sizes {
    (first_node, first_segment, nodes, segments, records as u64)
}

pub(super) fn sizes_of(entry: &GroupEntry) -> Sizes {
    let records = entry.records.iter().map(|run| run.count).fold(0, u64::wrapping_add);
    (entry.first_node, entry.first_segment, entry.nodes as usize, entry.segments as usize, records)
}

/// Part of a pack's bytes that outlives the borrow of the pack.
pub(super) struct InPack {
    pub(super) pack: Arc<PackReader>,
    pub(super) range: Range<usize>,
}

impl Deref for InPack {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.pack.bytes().get(self.range.clone()).unwrap_or_default()
    }
}

impl PackView {
    /// The group at an index of the directory, to be read as far as needed.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn group(&mut self, index: usize) -> Result<Rc<Sparse>, Corrupt> {
        if let Some(group) = self.group_cache.get(index as u64) {
            return Ok(group);
        }
        let offset = self.pack.directory().groups.get(index).map_or(0, |entry| entry.offset);
        let opened = self.open_with(
            index,
            |payload| Sparse::open(payload, offset, Rc::clone(&self.templates) as Rc<dyn Outlines>),
            |group| sizes(group.first_node, group.first_segment, group.sizes()),
        );
        let group = Rc::new(opened?);
        self.group_cache.insert(index as u64, Rc::clone(&group), group.memory());
        Ok(group)
    }

    /// The group at an index of the directory, whole and not kept: for passes over all groups.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn open_group(&self, index: usize) -> Result<Group, Corrupt> {
        self.open_with(
            index,
            |payload| Group::decode(payload, |number| self.templates.get(number)),
            |group| sizes(group.first_node, group.first_segment, group.sizes()),
        )
    }

    /// Looks for something in a group without opening more of it than it may stand in (see [`probe`]).
    ///
    /// # Errors
    /// When it is damaged.
    pub fn probe(&self, index: usize, wanted: &probe::Wanted<'_>, outside: bool) -> Result<Probed, Corrupt> {
        self.open_with(
            index,
            |payload| probe::probe(payload, &*self.templates, |number| self.templates.get(number), wanted, outside),
            |probed| sizes(probed.sizes.0, probed.sizes.1, probed.sizes.2),
        )
    }

    /// What a group refers to in others (see [`probe::outside`]).
    ///
    /// # Errors
    /// When it is damaged.
    pub fn outside(&self, index: usize) -> Result<Outside, Corrupt> {
        let found = self.open_with(
            index,
            |payload| probe::outside(payload, &*self.templates),
            |(counts, _)| sizes(counts.0, counts.1, counts.2),
        );
        Ok(found?.1)
    }

    pub(super) fn open_with<G>(
        &self,
        index: usize,
        open: impl FnOnce(Payload) -> Result<G, Corrupt>,
        sizes: impl FnOnce(&G) -> Sizes,
    ) -> Result<G, Corrupt> {
        let entry = self.pack.directory().groups.get(index).ok_or_else(|| corrupt!("no group {index}"))?;
        let frame = self.pack.frame(entry.offset, Kind::Group)?;
        // Groups compress their streams themselves: the frame is nearly always stored as it is, and read where it lies.
        let payload: Payload = if frame.codec == frame::codec::RAW {
            let start = entry.offset as usize + frame::HEAD;
            Arc::new(InPack { pack: Arc::clone(&self.pack), range: start..start + frame.payload.len() })
        } else {
            Arc::new(frame::decode(&frame, None)?)
        };
        open(payload)
            .and_then(|group| if sizes(&group) == sizes_of(entry) { Ok(group) } else { Err(corrupt!("{NOT_THAT}")) })
            .map_err(|Corrupt(what)| corrupt!("group at offset {}: {what}", entry.offset))
    }

    pub(super) fn group_of_node(&mut self, node: u32) -> Result<Rc<Sparse>, Corrupt> {
        let groups = &self.pack.directory().groups;
        let index = groups.partition_point(|group| group.first_node + group.nodes <= node);
        self.group(index)
    }

    pub(super) fn group_of_segment(&mut self, segment: u32) -> Result<Rc<Sparse>, Corrupt> {
        let groups = &self.pack.directory().groups;
        let index = groups.partition_point(|group| group.first_segment + group.segments <= segment);
        self.group(index)
    }

    /// Root node of a record, by the index of its group and its position in it.
    ///
    /// # Errors
    /// When the group is damaged or has no such record.
    pub fn root(&mut self, group: usize, position: usize) -> Result<u32, Corrupt> {
        self.group(group)?.root(position)?.ok_or_else(|| corrupt!("group {group} has no record {position}"))
    }

    /// Length and segments of a record that is nothing but segments one after another: how lines too long for memory are kept.
    ///
    /// # Errors
    /// When what it needs is damaged.
    pub fn pieces(&mut self, group: usize, position: usize) -> Result<Option<(u64, Vec<u32>)>, Corrupt> {
        let root = self.root(group, position)?;
        let group = self.group_of_node(root)?;
        let found = group.find(root)?;
        let node = group.node(&found)?;
        let Some(Template::List { element: Some(slot), open, separator, close }) = self.templates.get(node.template()) else {
            return Ok(None);
        };
        if slot.kind != SlotKind::RawSegment || !(open.is_empty() && separator.is_empty() && close.is_empty()) {
            return Ok(None);
        }
        let count = node.list()?.count() as usize;
        let segments = (0..count).map(|index| node.reference(index)).collect::<Result<Vec<u32>, Corrupt>>()?;
        let mut length = 0;
        for &segment in &segments {
            let group = self.group_of_segment(segment)?;
            length += u64::from(group.segment(segment)?.length);
        }
        Ok(Some((length, segments)))
    }
}
