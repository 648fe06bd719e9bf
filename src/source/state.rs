//! What the vault remembers of one source: enough to tell, at the next look, growth from other content.
//!
//! One state per generation of a name. `decide` reads states, the catalog stores them; both are pure data here.
//!
//! ```text
//! state = u8 flags (bits 0–1 kind, 2 compressed, 3 stamp, 4 alias, 5 glue, 6 cut digest; the other zero)
//!         varint id · bytes name (UTF-8) · varint generation (from 1)
//!         stamp:  varint dev · varint ino · varint size · signed mtime in µs
//!         16 bytes head hash · 16 bytes tail hash (little-endian) · varint length of the open line
//!         alias:  varint id
//!         bytes digest (see `digest`)
//!         glue:   bytes (see `glue`)
//! ```

use super::digest::{Edges, StreamDigest};
use super::glue::Glue;
use crate::bytes::{Put, Reader};
use crate::error::{Corrupt, corrupt};

/// What kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A file of lines.
    File,
    /// Standard input under a name given by the user.
    Stream,
    /// Standard input without a name: named after its first MiB.
    Stdin,
    /// A file that is one JSON document.
    Document,
}

/// What the system says of a file without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the device.
    pub dev: u64,
    /// Number of the file on the device.
    pub ino: u64,
    /// Bytes on disk, compressed or not.
    pub size: u64,
    /// Microseconds since 1970 of the last change.
    pub mtime_us: i64,
}

/// One generation of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// Its number in the vault.
    pub id: u32,
    /// The absolute path, the name given, or `stdin:` and a hash.
    pub name: String,
    /// 1 for the first content seen under the name.
    pub generation: u32,
    /// What kind of source.
    pub kind: SourceKind,
    /// The stream came out of a decoder.
    pub compressed: bool,
    /// The file as it was when it was read; nothing for streams.
    pub stamp: Option<Stamp>,
    /// BLAKE3 of the (decompressed) stream, resumable; knows the stream's length.
    pub digest: StreamDigest,
    /// Hash of the first 64 KiB of the stream.
    pub head_hash: u128,
    /// Hash of the last 64 KiB of the stream.
    pub tail_hash: u128,
    /// Length of the last line when LF does not end it: it is provisional and superseded when the source grows. Else zero.
    pub open_line: u64,
    /// Its lines are those of that source.
    pub alias_of: Option<u32>,
    /// What stands around the elements of a document.
    pub glue: Option<Glue>,
}

impl SourceState {
    /// A source of which nothing was read yet.
    #[must_use]
    pub fn new(id: u32, name: &str, generation: u32, kind: SourceKind) -> Self {
        let edges = Edges::default();
        SourceState {
            id,
            name: name.to_string(),
            generation,
            kind,
            compressed: false,
            stamp: None,
            digest: StreamDigest::new(),
            head_hash: edges.head_hash(),
            tail_hash: edges.tail_hash(),
            open_line: 0,
            alias_of: None,
            glue: None,
        }
    }

    /// Bytes of the stream.
    #[must_use]
    pub fn stream_len(&self) -> u64 {
        self.digest.length()
    }

    /// The last line has no LF and is provisional.
    #[must_use]
    pub fn last_line_open(&self) -> bool {
        self.open_line > 0
    }

    /// Where a growth is read from: the start of the open line, or the end.
    #[must_use]
    pub fn settled_len(&self) -> u64 {
        self.stream_len() - self.open_line
    }

    /// The bytes of the stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u8(self.flags());
        out.put_varint(u64::from(self.id));
        out.put_bytes(self.name.as_bytes());
        out.put_varint(u64::from(self.generation));
        if let Some(stamp) = &self.stamp {
            out.put_varint(stamp.dev);
            out.put_varint(stamp.ino);
            out.put_varint(stamp.size);
            out.put_signed(stamp.mtime_us);
        }
        out.extend_from_slice(&self.head_hash.to_le_bytes());
        out.extend_from_slice(&self.tail_hash.to_le_bytes());
        out.put_varint(self.open_line);
        if let Some(id) = self.alias_of {
            out.put_varint(u64::from(id));
        }
        out.put_bytes(&if self.is_cut() { self.digest.save_cut() } else { self.digest.save() });
        if let Some(glue) = &self.glue {
            out.put_bytes(&glue.encode());
        }
        out
    }

    /// Whether the digest is kept without its last bytes: those of a plain file can be read there again when it grows, and each of
    /// many small growths would store them anew.
    fn is_cut(&self) -> bool {
        let is_plain = self.kind == SourceKind::File && !self.compressed && self.stamp.is_some();
        self.digest.missing().is_some() || is_plain && !self.digest.is_closed() && self.digest.open_bytes() > WORTH_CUTTING
    }

    fn flags(&self) -> u8 {
        let bit = |set: bool, flag: u8| if set { flag } else { 0 };
        self.kind as u8
            | bit(self.compressed, COMPRESSED)
            | bit(self.stamp.is_some(), STAMP)
            | bit(self.alias_of.is_some(), ALIAS)
            | bit(self.glue.is_some(), GLUE)
            | bit(self.is_cut(), CUT)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When the bytes are no state, or one that contradicts itself.
    pub fn decode(bytes: &[u8]) -> Result<SourceState, Corrupt> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8()?;
        if flags & !ALL_FLAGS != 0 {
            return Err(corrupt!("source state with unknown flags {flags:#04x}"));
        }
        let state = SourceState {
            kind: [SourceKind::File, SourceKind::Stream, SourceKind::Stdin, SourceKind::Document][usize::from(flags & KIND)],
            compressed: flags & COMPRESSED != 0,
            id: reader.varint32()?,
            name: reader.string()?.to_string(),
            generation: reader.varint32()?,
            stamp: if flags & STAMP != 0 { Some(decode_stamp(&mut reader)?) } else { None },
            head_hash: decode_hash(&mut reader)?,
            tail_hash: decode_hash(&mut reader)?,
            open_line: reader.varint()?,
            alias_of: if flags & ALIAS != 0 { Some(reader.varint32()?) } else { None },
            digest: match (flags & CUT, reader.bytes()?) {
                (0, saved) => StreamDigest::resume(saved)?,
                (_, saved) => StreamDigest::resume_cut(saved)?,
            },
            glue: if flags & GLUE != 0 { Some(Glue::decode(reader.bytes()?)?) } else { None },
        };
        reader.finish()?;
        if state.generation == 0 || state.open_line > state.stream_len() {
            let (generation, open) = (state.generation, state.open_line);
            return Err(corrupt!("source {} has generation {generation} and an open line of {open} bytes", state.name));
        }
        Ok(state)
    }
}

const KIND: u8 = 0b11;
const COMPRESSED: u8 = 1 << 2;
const STAMP: u8 = 1 << 3;
const ALIAS: u8 = 1 << 4;
const GLUE: u8 = 1 << 5;
const CUT: u8 = 1 << 6;
const ALL_FLAGS: u8 = KIND | COMPRESSED | STAMP | ALIAS | GLUE | CUT;

/// A cut digest has 32 bytes in their place.
const WORTH_CUTTING: usize = 64;

fn decode_stamp(reader: &mut Reader<'_>) -> Result<Stamp, Corrupt> {
    Ok(Stamp { dev: reader.varint()?, ino: reader.varint()?, size: reader.varint()?, mtime_us: reader.signed()? })
}

fn decode_hash(reader: &mut Reader<'_>) -> Result<u128, Corrupt> {
    let low = reader.u64()?;
    Ok(u128::from(low) | u128::from(reader.u64()?) << 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> SourceState {
        let mut state = SourceState::new(7, "/var/log/gw.log", 2, SourceKind::Document);
        state.compressed = true;
        state.stamp = Some(Stamp { dev: 66, ino: 1 << 40, size: 99, mtime_us: -5 });
        state.digest.update(&[b'x'; 5000]);
        state.head_hash = u128::MAX - 1;
        state.tail_hash = 1 << 90;
        state.open_line = 4999;
        state.alias_of = Some(3);
        state.glue = Some(Glue { open: b"[".to_vec(), separators: vec![], close: b"]".to_vec() });
        state
    }

    #[test]
    fn states_come_back_whole_with_and_without_their_optional_parts() {
        for kind in [SourceKind::File, SourceKind::Stream, SourceKind::Stdin, SourceKind::Document] {
            for state in [SourceState::new(0, "", 1, kind), SourceState { kind, ..full() }] {
                assert_eq!(SourceState::decode(&state.encode()), Ok(state));
            }
        }
    }

    #[test]
    fn a_plain_file_keeps_no_bytes_of_its_end_and_all_else() {
        let state = SourceState { kind: SourceKind::File, compressed: false, glue: None, ..full() };
        let stored = state.encode();
        assert!(stored.len() < 300 && !stored.windows(16).any(|bytes| bytes == [b'x'; 16]));
        let mut back = SourceState::decode(&stored).unwrap();
        assert_eq!(back.encode(), stored);
        assert!(back.digest.restore(&[b'x'; 5000 - 4096]));
        assert_eq!(back, state);
    }

    #[test]
    fn a_state_that_was_cut_extended_or_contradicts_itself_is_refused() {
        let stored = full().encode();
        for end in 0..stored.len() {
            assert!(SourceState::decode(&stored[..end]).is_err(), "{end}");
        }
        assert!(SourceState::decode(&[stored.clone(), vec![0]].concat()).is_err());
        assert!(SourceState::decode(&SourceState { open_line: 5001, ..full() }.encode()).is_err());
        assert!(SourceState::decode(&SourceState { generation: 0, ..full() }.encode()).is_err());
        assert!(SourceState::decode(&[&[stored[0] | 0x80], &stored[1..]].concat()).is_err());
    }
}
