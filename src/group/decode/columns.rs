//! The short values of a group: class streams are unpacked when the first value in them is asked for, and a column asked for often is
//! decoded whole.

use std::cell::{Cell, OnceCell, RefCell};

use super::streams::{Payload, Stream, unpack};
use crate::bytes::Reader;
use crate::column::{Class, Column, Header, Offsets};
use crate::error::{Corrupt, corrupt};

/// No value makes a group's column longer than this, decoded.
pub(super) const COLUMN_LIMIT: usize = 1 << 28;

/// The short values of a group.
pub(super) struct Columns {
    pub(super) payload: Payload,
    /// The stream of each class.
    pub(super) streams: Vec<Stream>,
    pub(super) unpacked: Vec<OnceCell<Vec<u8>>>,
    /// Columns that were asked often, with the ends of their values.
    pub(super) decoded: RefCell<Vec<(Vec<u8>, Vec<u32>)>>,
    pub(super) directory: Vec<u8>,
    pub(super) templates: Vec<TemplatePart>,
}

/// Columns of one template.
pub(super) struct TemplatePart {
    pub(super) template: u32,
    pub(super) is_list: bool,
    pub(super) columns: Vec<Option<ValueColumn>>,
    pub(super) kinds: Vec<u8>,
}

/// A column of short values. A group has thousands, most of which nobody asks: they are small.
pub(super) struct ValueColumn {
    pub(super) header_at: u32,
    pub(super) count: u32,
    pub(super) offsets: Offsets,
    pub(super) state: Cell<ColumnState>,
}

/// A column is opened so many times before it is decoded whole: opening costs about a fifth of that, and a record alone asks little.
pub(super) const OPENINGS: u8 = 6;

#[derive(Clone, Copy)]
pub(super) enum ColumnState {
    /// Opened so many times.
    Opened(u8),
    /// By its place among the decoded.
    Decoded(u32),
}

impl Columns {
    /// Markers and styles of the elements of a mixed list template.
    pub(super) fn kinds(&self, template: usize) -> &[u8] {
        self.templates.get(template).map_or(&[], |part| &part.kinds)
    }

    pub(super) fn class_stream(&self, class: Class) -> Result<&[u8], Corrupt> {
        let cell = &self.unpacked[class as usize];
        if let Some(bytes) = cell.get() {
            return Ok(bytes);
        }
        let bytes = unpack(&self.payload, &self.streams[class as usize])?;
        Ok(cell.get_or_init(|| bytes))
    }

    pub(super) fn value(&self, column: &ValueColumn, rank: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        match column.state.get() {
            ColumnState::Decoded(index) => {
                let decoded = self.decoded.borrow();
                let (bytes, ends) = decoded.get(index as usize).ok_or_else(|| corrupt!("a column that is not there"))?;
                let start = rank.checked_sub(1).map_or(0, |before| ends.get(before).copied().unwrap_or(0));
                let end = ends.get(rank).ok_or_else(|| corrupt!("value {rank} of a column of {}", ends.len()))?;
                out.extend_from_slice(bytes.get(start as usize..*end as usize).unwrap_or_default());
                Ok(())
            }
            ColumnState::Opened(times) if times < OPENINGS => {
                column.state.set(ColumnState::Opened(times + 1));
                self.open(column, |column| column.get(rank, out))
            }
            ColumnState::Opened(_) => {
                let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(column.count as usize));
                self.open(column, |column| column.decode_all(COLUMN_LIMIT, &mut bytes, &mut ends))?;
                column.state.set(ColumnState::Decoded(self.decoded.borrow().len() as u32));
                self.decoded.borrow_mut().push((bytes, ends));
                self.value(column, rank, out)
            }
        }
    }

    pub(super) fn open<T>(
        &self,
        column: &ValueColumn,
        use_it: impl FnOnce(&Column<'_>) -> Result<T, Corrupt>,
    ) -> Result<T, Corrupt> {
        use_it(&self.open_header(&self.header(column)?)?)
    }

    pub(super) fn header(&self, column: &ValueColumn) -> Result<Header<'_>, Corrupt> {
        let header = self.directory.get(column.header_at as usize..);
        let header = header.ok_or_else(|| corrupt!("column header outside the directory"))?;
        Header::read(&mut Reader::new(header), column.count as usize, &mut { column.offsets })
    }

    /// Unpacks the streams that a column stands in.
    pub(super) fn open_header<'c>(&'c self, header: &Header<'c>) -> Result<Column<'c>, Corrupt> {
        let mut streams: [&[u8]; Class::COUNT] = [&[]; Class::COUNT];
        for class in Class::ALL {
            if header.reads(class) {
                streams[class as usize] = self.class_stream(class)?;
            }
        }
        Column::open(header, &streams)
    }
}
