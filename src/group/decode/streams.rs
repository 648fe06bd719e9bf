//! What a payload begins with, and its packed streams.

use std::ops::{Deref, Range};
use std::sync::Arc;

use super::SegmentPart;
use super::numbers::Numbers;
use super::records::Records;
use super::segments::read_segments;
use crate::bytes::Reader;
use crate::codec::{self, packing};
use crate::error::{Corrupt, corrupt};
use crate::group::{Piece, stream};
use crate::record::cut::class;

/// A payload as it lies in a pack, or decoded.
pub type Payload = Arc<dyn Deref<Target = [u8]> + Send + Sync>;

/// What a payload begins with, and the payload.
pub(super) struct Head {
    pub(super) payload: Payload,
    pub(super) first_node: u32,
    pub(super) nodes: usize,
    pub(super) first_segment: u32,
    pub(super) segments: usize,
    pub(super) records: usize,
    pub(super) class_starts: [u32; class::COUNT],
    pub(super) streams: Vec<Stream>,
}

/// How a stream is packed, its length unpacked, and where it is in the payload.
pub(super) type Stream = (u8, usize, Range<usize>);

impl Head {
    pub(super) fn read(payload: Payload) -> Result<Head, Corrupt> {
        let mut head = Reader::new(&payload);
        let Numbers { first_node, nodes, first_segment, segments, records, class_starts } = Numbers::read(&mut head)?;
        let streams = read_streams(&mut head)?;
        if streams[stream::PRINTS].1 != records * 2 {
            return Err(corrupt!("prints do not match the {records} records"));
        }
        Ok(Head { payload, first_node, nodes, first_segment, segments, records, class_starts, streams })
    }

    pub(super) fn unpack(&self, index: usize) -> Result<Vec<u8>, Corrupt> {
        unpack(&self.payload, &self.streams[index])
    }

    pub(super) fn read_records(&self) -> Result<Records, Corrupt> {
        Records::read(&self.unpack(stream::RECORDS)?, self.records, self.first_node, self.nodes)
    }

    pub(super) fn read_segments(&self) -> Result<(Vec<SegmentPart>, Vec<Piece>), Corrupt> {
        read_segments(&self.unpack(stream::SEGMENTS)?, &self.unpack(stream::PIECES)?, self.segments, self.class_starts)
    }
}

/// Whether each stream is compressed, and its raw and stored length.
pub(super) fn read_sizes(head: &mut Reader<'_>) -> Result<Vec<(u8, usize, usize)>, Corrupt> {
    let mut sizes = Vec::with_capacity(stream::COUNT);
    for _ in 0..stream::COUNT {
        let packed = head.u8()?;
        let raw = head.varint32()? as usize;
        let stored = if packed == packing::RAW { raw } else { head.varint32()? as usize };
        sizes.push((packed, raw, stored));
    }
    Ok(sizes)
}

/// For each stream how it is packed, its length unpacked, and where it is.
pub(super) fn read_streams(head: &mut Reader<'_>) -> Result<Vec<Stream>, Corrupt> {
    let sizes = read_sizes(head)?;
    let mut streams = Vec::with_capacity(stream::COUNT);
    for (packed, raw, stored) in sizes {
        let start = head.position();
        head.take(stored)?;
        streams.push((packed, raw, start..head.position()));
    }
    if !head.is_empty() {
        return Err(corrupt!("{} bytes after the last stream", head.remaining()));
    }
    Ok(streams)
}

/// The prints of a group's records (see [`crate::group::build::print_of`]), without opening anything else.
///
/// # Errors
/// When the payload is malformed.
pub fn record_prints(payload: &[u8]) -> Result<Vec<u16>, Corrupt> {
    let (_, records, bytes) = one_stream(payload, stream::PRINTS)?;
    if bytes.len() != records * 2 {
        return Err(corrupt!("{} bytes of prints for {records} records", bytes.len()));
    }
    Ok(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// The root nodes of a group's records, without opening anything else: a record's own nodes end with its root.
///
/// # Errors
/// When the payload is malformed.
pub fn record_roots(payload: &[u8]) -> Result<Vec<u32>, Corrupt> {
    let (mut next, records, bytes) = one_stream(payload, stream::RECORDS)?;
    let mut reader = Reader::new(&bytes);
    let mut roots = Vec::with_capacity(records.min(bytes.len()));
    for _ in 0..records {
        let new = reader.varint32()?;
        if new == 0 {
            roots.push(reader.varint32()?);
            continue;
        }
        next = next.checked_add(new).ok_or_else(|| corrupt!("node numbers overflow"))?;
        roots.push(next - 1);
    }
    reader.finish()?;
    Ok(roots)
}

/// Number of the first node, how many records, and the bytes of one stream.
pub(super) fn one_stream(payload: &[u8], index: usize) -> Result<(u32, usize, Vec<u8>), Corrupt> {
    let mut head = Reader::new(payload);
    let Numbers { first_node, records, .. } = Numbers::read(&mut head)?;
    let sizes = read_sizes(&mut head)?;
    head.take(sizes[..index].iter().map(|size| size.2).sum())?;
    let (packed, raw, stored) = sizes[index];
    let bytes = head.take(stored)?;
    let bytes = unpacked(packed, bytes, raw)?;
    Ok((first_node, records, bytes))
}

pub(super) fn unpack(payload: &[u8], (packed, raw, range): &Stream) -> Result<Vec<u8>, Corrupt> {
    let bytes = payload.get(range.clone()).ok_or_else(|| corrupt!("a stream outside its payload"))?;
    unpacked(*packed, bytes, *raw)
}

pub(super) fn unpacked(packed: u8, bytes: &[u8], raw: usize) -> Result<Vec<u8>, Corrupt> {
    // zstd packs at most about 1:130,000 (runs); more is a lie that would only cost memory.
    if raw > bytes.len().saturating_mul(1 << 17).saturating_add(1 << 16) {
        return Err(corrupt!("a stream of {} bytes that claims to hold {raw}", bytes.len()));
    }
    codec::unpack(packed, bytes, raw)
}
