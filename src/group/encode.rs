//! A collected group becomes a frame's payload.

use crate::bytes::Put;
use crate::codec::{self, Strength};
use crate::column::{self, Class, Streams};
use crate::group::build::{GroupBuilder, SlotColumn, TemplateColumns};
use crate::group::stream;

/// Codes a group.
#[must_use]
pub fn encode(group: &GroupBuilder, strength: Strength) -> Vec<u8> {
    let mut streams: Vec<Vec<u8>> = vec![Vec::new(); stream::COLUMNS];
    let mut columns = Streams::default();
    put_shapes(group, &mut streams[stream::SHAPES]);
    streams[stream::DIRECTORY].put_varint(group.templates.len() as u64);
    for template in &group.templates {
        put_template(template, &mut streams, &mut columns);
    }
    streams[stream::SEGMENTS].extend_from_slice(&group.segment_kinds);
    streams[stream::SEGMENTS].extend_from_slice(&group.segment_lengths);
    streams[stream::PIECES].extend_from_slice(&group.pieces);
    streams[stream::RECORDS].extend_from_slice(&group.records);
    streams[stream::PRINTS].extend_from_slice(&group.prints);

    let mut head = Vec::new();
    for number in [group.first_node, group.nodes(), group.first_segment, group.segments] {
        head.put_varint(u64::from(number));
    }
    head.put_varint(group.record_count);
    for start in group.class_starts {
        head.put_varint(u64::from(start));
    }
    let mut body = Vec::new();
    let all = streams.iter().map(Vec::as_slice).chain(Class::ALL.map(|class| columns.get(class)));
    for raw in all {
        let (packing, packed) = codec::pack(raw, strength);
        head.put_u8(packing);
        head.put_varint(raw.len() as u64);
        if let Some(packed) = &packed {
            head.put_varint(packed.len() as u64);
        }
        body.extend_from_slice(packed.as_deref().unwrap_or(raw));
    }
    head.extend_from_slice(&body);
    head
}

/// One byte a node where the group has few templates, else a low and a high plane.
fn put_shapes(group: &GroupBuilder, out: &mut Vec<u8>) {
    out.extend(group.shapes.iter().map(|&shape| shape as u8));
    if group.templates.len() > 256 {
        out.extend(group.shapes.iter().map(|&shape| (shape >> 8) as u8));
    }
}

fn put_template(template: &TemplateColumns, streams: &mut [Vec<u8>], columns: &mut Streams) {
    streams[stream::DIRECTORY].put_varint(u64::from(template.template));
    if template.is_list {
        for count in &template.counts {
            streams[stream::COUNTS].put_varint(u64::from(*count));
        }
        streams[stream::COUNTS].extend_from_slice(&template.kinds);
    }
    for column in &template.columns {
        put_column(column, streams, columns);
    }
}

/// A column is values or references, never both; which one, the reader knows from the template.
fn put_column(column: &SlotColumn, streams: &mut [Vec<u8>], columns: &mut Streams) {
    if !column.values.is_empty() {
        column::encode(&column.values, &mut streams[stream::DIRECTORY], columns);
    } else if !column.references.is_empty() {
        let named = if column.named { column.references.as_slice() } else { &[] };
        streams[stream::DIRECTORY].put_varint(named.len() as u64);
        streams[stream::REFERENCES].extend_from_slice(named);
    }
}
