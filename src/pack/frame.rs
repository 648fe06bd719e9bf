//! Frames: the unit of writing and of checksums.
//!
//! ```text
//! kind u8 · codec u8 · stored length u32 · raw length u32 · decoded checksum u32 · payload · checksum u64
//! ```
//! The checksum (xxh3-64) covers everything before it; the decoded checksum (low half of xxh3-64) covers the payload after
//! decompression, 0 where it is stored raw. The lengths come first so that a scan can step over kinds it does not know.

use std::borrow::Cow;

use crate::bytes::{Put, Reader};
use crate::checksum::{checksum, checksum32};
use crate::codec::{Gradual, Needs, Resting};
use crate::error::{Corrupt, corrupt};

/// Bytes before the payload.
pub const HEAD: usize = 14;
/// Bytes after it.
pub const TAIL: usize = 8;
/// No payload is longer, stored or decoded.
pub const MAX_PAYLOAD: usize = 1 << 30;

/// What a frame holds. Numbers are never reused; from 128 on a reader may step over kinds it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A piece of a literal stream.
    Block = 1,
    /// Nodes, segments and records, column by column.
    Group = 2,
    /// Templates.
    Templates = 3,
    /// Sources, tombstones, mappings, the log.
    Journal = 4,
    /// Ends a commit.
    Commit = 5,
    /// What blocks are coded with: one byte of [`form`], then a zstd dictionary or a vocabulary.
    Dictionary = 6,
}

impl Kind {
    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Kind> {
        [Kind::Block, Kind::Group, Kind::Templates, Kind::Journal, Kind::Commit, Kind::Dictionary]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

/// What a dictionary frame holds. Numbers are never reused.
pub mod form {
    /// A zstd dictionary for text.
    pub const ZSTD: u8 = 0;
    /// A vocabulary.
    pub const VOCABULARY: u8 = 1;
    /// A zstd dictionary for groups whose streams are stored as they are.
    pub const ZSTD_GROUPS: u8 = 2;
    /// Bytes that journals are compressed against: text, then earlier journals.
    pub const ZSTD_JOURNALS: u8 = 3;
}

/// How a payload is coded. Numbers are never reused.
pub mod codec {
    /// As it is.
    pub const RAW: u8 = 0;
    /// One zstd frame without magic, content size and checksum (the frame head has them).
    pub const ZSTD: u8 = 1;
    /// As 1, with the start of another block of the same class as prefix: that block's index and how many bytes of it, varints,
    /// stand before the data.
    pub const ZSTD_PREFIX: u8 = 2;
    /// As 1, with a dictionary: a varint with its number stands before the data.
    pub const ZSTD_DICTIONARY: u8 = 3;
    /// As 1; what comes out is text in the codes of a vocabulary.
    pub const CODED: u8 = 4;
    /// As 2; block and prefix are text in the codes of a vocabulary.
    pub const CODED_PREFIX: u8 = 5;
    /// PPMd.
    pub const PPMD: u8 = 6;
    /// PPMd of text in the codes of a vocabulary.
    pub const PPMD_CODED: u8 = 7;
    /// A journal, as 1, after a dictionary (its number and 1 as varint, 0 for none) and the journal before it in the pack.
    pub const ZSTD_AFTER: u8 = 8;

    /// True when another block must be at hand.
    #[must_use]
    pub fn has_prefix(codec: u8) -> bool {
        matches!(codec, ZSTD_PREFIX | CODED_PREFIX)
    }

    /// True when it can be decoded as far as needed.
    #[must_use]
    pub fn is_gradual(codec: u8) -> bool {
        matches!(codec, ZSTD | CODED) || has_prefix(codec)
    }

    /// True when what comes out is codes.
    #[must_use]
    pub fn is_coded(codec: u8) -> bool {
        matches!(codec, CODED | CODED_PREFIX | PPMD_CODED)
    }
}

/// A frame as it lies in the pack.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its kind's number.
    pub kind: u8,
    /// Its codec's number.
    pub codec: u8,
    /// Length after decoding.
    pub raw_length: u32,
    /// Checksum after decoding.
    pub decoded_checksum: u32,
    /// The stored payload.
    pub payload: &'a [u8],
    /// Bytes from its start to the next frame.
    pub length: u64,
    /// The checksum as stored.
    pub checksum: u64,
    /// The dictionary it was coded with, where a pack's reader has put it here.
    pub dictionary: Option<&'a [u8]>,
}

/// Builds a frame from a payload already coded.
#[must_use]
pub fn build(kind: Kind, codec: u8, raw: &[u8], stored: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + stored.len() + TAIL);
    out.put_u8(kind as u8);
    out.put_u8(codec);
    out.put_u32(stored.len() as u32);
    out.put_u32(raw.len() as u32);
    out.put_u32(if codec == codec::RAW { 0 } else { checksum32(raw) });
    out.extend_from_slice(stored);
    let sum = checksum(&out);
    out.put_u64(sum);
    out
}

/// A frame stored raw.
#[must_use]
pub fn build_raw(kind: Kind, payload: &[u8]) -> Vec<u8> {
    build(kind, codec::RAW, payload, payload)
}

impl<'a> Frame<'a> {
    /// Reads and verifies the frame at `offset` of a pack.
    ///
    /// # Errors
    /// When it is cut off or its checksum does not match.
    pub fn read(pack: &'a [u8], offset: u64) -> Result<Frame<'a>, Corrupt> {
        let bytes = usize::try_from(offset).ok().and_then(|at| pack.get(at..));
        let bytes = bytes.ok_or_else(|| corrupt!("frame at offset {offset} lies outside the pack"))?;
        Frame::parse(bytes).map_err(|Corrupt(what)| corrupt!("frame at offset {offset}: {what}"))
    }

    fn parse(bytes: &'a [u8]) -> Result<Frame<'a>, Corrupt> {
        let mut reader = Reader::new(bytes);
        let (kind, codec) = (reader.u8()?, reader.u8()?);
        let (stored, raw_length, decoded_checksum) = (reader.u32()? as usize, reader.u32()?, reader.u32()?);
        if stored > MAX_PAYLOAD || raw_length as usize > MAX_PAYLOAD {
            return Err(corrupt!("payload of {stored} bytes ({raw_length} decoded) is over the limit of {MAX_PAYLOAD}"));
        }
        let payload = reader.take(stored)?;
        let guarded = &bytes[..HEAD + stored];
        let sum = reader.u64()?;
        if sum != checksum(guarded) {
            return Err(corrupt!("checksum mismatch over {} bytes", guarded.len()));
        }
        Ok(Frame {
            kind,
            codec,
            raw_length,
            decoded_checksum,
            payload,
            length: (HEAD + stored + TAIL) as u64,
            checksum: sum,
            dictionary: None,
        })
    }

    /// Refuses another kind.
    ///
    /// # Errors
    /// When the kind differs.
    pub fn expect(self, kind: Kind) -> Result<Frame<'a>, Corrupt> {
        if self.kind == kind as u8 { Ok(self) } else { Err(corrupt!("a frame of kind {} where {kind:?} belongs", self.kind)) }
    }

    /// Refuses decoded bytes that are not what was written.
    ///
    /// # Errors
    /// When length or checksum differ.
    pub fn verify_decoded(&self, decoded: &[u8]) -> Result<(), Corrupt> {
        if decoded.len() != self.raw_length as usize {
            return Err(corrupt!("decodes to {} bytes instead of {}", decoded.len(), self.raw_length));
        }
        if self.codec != codec::RAW && checksum32(decoded) != self.decoded_checksum {
            return Err(corrupt!("decoded checksum mismatch"));
        }
        Ok(())
    }
}

/// A frame's decoded payload, at least what `needs` asks for; more follows with [`reach`], quickly unless it was to be had `once`.
/// What is decoded of a part cannot be held against the decoded checksum: the checksum over the stored bytes must do.
///
/// # Errors
/// As [`decode`], and those of `needs`.
pub fn decode_start(frame: &Frame<'_>, prefix: Option<&[u8]>, needs: &mut Needs<'_>, once: bool) -> Result<Gradual, Corrupt> {
    let length = frame.raw_length as usize;
    if !codec::is_gradual(frame.codec) {
        return Ok(Gradual::whole(decode(frame, prefix)?));
    }
    // Most of it costs as much as all of it.
    let all = needs(&[])? >= length / 4 * 3;
    let mut bytes = match all || once || codec::has_prefix(frame.codec) {
        true => Gradual::anew(length),
        false => Gradual::begin(length)?,
    };
    let mut everything = |_: &[u8]| Ok(length);
    reach(&mut bytes, frame, prefix, if all { &mut everything } else { needs })?;
    Ok(bytes)
}

/// Decodes the start of a payload, as much as `needs` asks for, to the start of `room`; gives how many bytes that are. The codec must
/// be [gradual](codec::is_gradual).
///
/// # Errors
/// When the frame is damaged, `room` too small, and those of `needs`.
pub fn decode_into<'p>(
    frame: &Frame<'_>,
    prefix: Option<&'p [u8]>,
    decoder: &mut Resting<'p>,
    room: &mut [u8],
    needs: &mut Needs<'_>,
) -> Result<usize, Corrupt> {
    let length = frame.raw_length as usize;
    let room = room.get_mut(..length).ok_or_else(|| corrupt!("no room for {length} bytes"))?;
    let done = decoder.start(room, needs, compressed(frame)?, prefix)?;
    if done == length {
        frame.verify_decoded(room)?;
    }
    Ok(done)
}

/// What is compressed of a payload that can be decoded as far as needed.
fn compressed<'a>(frame: &Frame<'a>) -> Result<&'a [u8], Corrupt> {
    if codec::has_prefix(frame.codec) { after_prefix(frame) } else { Ok(frame.payload) }
}

/// Decodes more of a payload that [`decode_start`] began.
///
/// # Errors
/// When the frame is damaged, and those of `needs`.
pub fn reach(bytes: &mut Gradual, frame: &Frame<'_>, prefix: Option<&[u8]>, needs: &mut Needs<'_>) -> Result<(), Corrupt> {
    let had = bytes.is_whole();
    bytes.reach(needs, compressed(frame)?, prefix)?;
    if bytes.is_whole() && !had { frame.verify_decoded(bytes.ready()) } else { Ok(()) }
}

/// What is compressed of a payload coded with a prefix: it begins with the other block's index and how many of its bytes count.
fn after_prefix<'a>(frame: &Frame<'a>) -> Result<&'a [u8], Corrupt> {
    let mut reader = Reader::new(frame.payload);
    reader.varint()?;
    reader.varint()?;
    reader.take(reader.remaining())
}

/// What a frame that stands alone decodes to, where it lies if it is stored as it is.
///
/// # Errors
/// As [`decode`].
pub fn content<'f>(frame: &Frame<'f>) -> Result<Cow<'f, [u8]>, Corrupt> {
    match frame.codec {
        codec::RAW => Ok(Cow::Borrowed(frame.payload)),
        _ => decode(frame, None).map(Cow::Owned),
    }
}

/// Decodes a frame's payload and verifies it, in place of what `out` holds. `prefix` must be given for frames coded with one.
///
/// # Errors
/// As [`decode`].
pub fn decode_to(frame: &Frame<'_>, prefix: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Corrupt> {
    if !codec::is_gradual(frame.codec) {
        *out = decode(frame, prefix)?;
        return Ok(());
    }
    if codec::has_prefix(frame.codec) && prefix.is_none() {
        return Err(corrupt!("coded with a prefix that is not at hand"));
    }
    crate::codec::decompress_to(compressed(frame)?, frame.raw_length as usize, prefix, out)?;
    frame.verify_decoded(out)
}

/// Decodes a frame's payload and verifies it. `prefix` must be given for frames coded with one.
///
/// # Errors
/// When the codec is unknown, the data is damaged, or length or checksum differ from what the frame says.
pub fn decode(frame: &Frame<'_>, prefix: Option<&[u8]>) -> Result<Vec<u8>, Corrupt> {
    let length = frame.raw_length as usize;
    let payload = match frame.codec {
        codec::RAW => frame.payload.to_vec(),
        codec::ZSTD | codec::CODED => crate::codec::decompress(frame.payload, length, None)?,
        codec::ZSTD_PREFIX | codec::CODED_PREFIX => {
            let prefix = prefix.ok_or_else(|| corrupt!("coded with a prefix that is not at hand"))?;
            crate::codec::decompress(after_prefix(frame)?, length, Some(prefix))?
        }
        codec::ZSTD_DICTIONARY => {
            let mut reader = Reader::new(frame.payload);
            reader.varint()?;
            let dictionary = frame.dictionary.ok_or_else(|| corrupt!("coded with a dictionary that is not at hand"))?;
            crate::codec::decompress_with_dictionary(reader.take(reader.remaining())?, length, dictionary)?
        }
        codec::ZSTD_AFTER => {
            let mut reader = Reader::new(frame.payload);
            reader.varint()?;
            let before = prefix.ok_or_else(|| corrupt!("coded after a journal that is not at hand"))?;
            let prefix = [frame.dictionary.unwrap_or_default(), before].concat();
            crate::codec::decompress(reader.take(reader.remaining())?, length, Some(&prefix))?
        }
        codec::PPMD | codec::PPMD_CODED => crate::codec::ppmd::decompress(frame.payload, length)?,
        codec => return Err(corrupt!("codec {codec} is unknown")),
    };
    frame.verify_decoded(&payload)?;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_byte_of_a_frame_is_noticed() {
        let good = build(Kind::Block, codec::ZSTD, b"raw bytes", b"stored");
        assert_eq!(Frame::read(&good, 0).unwrap().payload, b"stored");
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert!(Frame::read(&bad, 0).is_err(), "byte {at}");
            }
        }
        for end in 0..good.len() {
            assert!(Frame::read(&good[..end], 0).is_err());
        }
        assert!(Frame::read(&good, u64::MAX).is_err());
    }
}
