//! Opens files and streams, compressed or not, by their first bytes.
//!
//! gzip with several members, zstd with several frames (skippable ones included), xz and bzip2 with several streams all read
//! as one stream. The name of a file is never believed: only its magic bytes are.
//!
//! A damaged compressed stream first yields what could be read and then an error that [`damage`] recognises, so that the
//! caller can keep the readable part and still say that something is missing. Errors of the system below pass unchanged.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;

/// Memory a decoder may use for its window unless the user allows more (from the format's promise: windows up to 128 MiB).
pub const DEFAULT_WINDOW: u64 = 128 << 20;

/// Longest magic looked at: bzip2's, up to and including its first block mark.
const MAGIC: usize = 10;

/// Compressed input is read in steps of this size (chosen: large enough that the system call does not show).
const INPUT_STEP: usize = 256 << 10;

/// Decoders are asked for this much at a time, because what a decoder produced in the very call that fails is lost.
const OUTPUT_STEP: usize = 32 << 10;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// zstd (RFC 8878).
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
}

impl Compression {
    /// The name people know it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "plain",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
        }
    }
}

/// A stream ready to be read, and what it was.
pub struct Opened {
    /// The decompressed bytes.
    pub reader: Box<dyn Read + Send>,
    /// How they were compressed.
    pub compression: Compression,
}

/// Why a compressed stream could not be read to its end. It travels inside an [`io::Error`]; see [`damage`].
#[derive(Debug)]
pub struct Damage {
    /// Which decoder gave up.
    pub compression: Compression,
    /// What happened.
    pub kind: DamageKind,
    detail: String,
}

/// The three ways a compressed stream fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// It ends in the middle.
    Truncated,
    /// Its bytes make no sense.
    Corrupt,
    /// It is fine, but asks for a larger window than allowed.
    NeedsMemory,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.compression.name();
        match self.kind {
            DamageKind::Truncated => write!(f, "the {name} stream ends in the middle"),
            DamageKind::Corrupt => write!(f, "the {name} stream is damaged: {}", self.detail),
            DamageKind::NeedsMemory => {
                write!(f, "the {name} stream needs a larger window than allowed; raise --memory-limit")
            }
        }
    }
}

impl std::error::Error for Damage {}

/// The damage behind an error, or nothing where the system itself failed.
#[must_use]
pub fn damage(error: &io::Error) -> Option<&Damage> {
    error.get_ref()?.downcast_ref()
}

/// Opens a file. A plain one is the bare file, so that large reads go straight to the caller's buffer.
///
/// # Errors
/// When the file cannot be opened or its first bytes cannot be read.
pub fn open(path: &Path, window: u64) -> io::Result<Opened> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return wrap(file, window);
    }
    let magic = read_magic(&mut file)?;
    file.rewind()?;
    decoder(file, recognise(&magic), window)
}

/// Wraps any stream, such as standard input. Only as many bytes are waited for as the question needs, so that a first short
/// line of a slow pipe is not held back.
///
/// # Errors
/// When the first bytes cannot be read.
pub fn wrap(mut reader: impl Read + Send + 'static, window: u64) -> io::Result<Opened> {
    let magic = read_magic(&mut reader)?;
    let compression = recognise(&magic);
    decoder(Cursor::new(magic).chain(reader), compression, window)
}

/// Which compression a stream that starts with these bytes has.
#[must_use]
pub fn recognise(start: &[u8]) -> Compression {
    match start {
        [0x1f, 0x8b, 0x08, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Compression::Bzip2,
        _ => Compression::None,
    }
}

/// Whether bytes to come could still make a magic of `start`.
fn is_open_question(start: &[u8]) -> bool {
    let could_be = |magic: &[u8]| start.len() < magic.len() && magic.starts_with(start);
    let bzip2 = match start {
        [] | [b'B'] | [b'B', b'Z'] | [b'B', b'Z', b'h'] => true,
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] => {
            rest.len() < 6 && (b"\x31\x41\x59\x26\x53\x59".starts_with(rest) || b"\x17\x72\x45\x38\x50\x90".starts_with(rest))
        }
        _ => false,
    };
    let skippable = matches!(start, [0x50..=0x5f] | [0x50..=0x5f, 0x2a] | [0x50..=0x5f, 0x2a, 0x4d]);
    bzip2 || skippable || could_be(b"\x1f\x8b\x08") || could_be(b"\x28\xb5\x2f\xfd") || could_be(b"\xfd7zXZ\0")
}

fn read_magic(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut magic = Vec::with_capacity(MAGIC);
    let mut byte = [0];
    while is_open_question(&magic) {
        match reader.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => magic.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(magic)
}

fn decoder(inner: impl Read + Send + 'static, compression: Compression, window: u64) -> io::Result<Opened> {
    if compression == Compression::None {
        return Ok(Opened { reader: Box::new(inner), compression });
    }
    let input = BufReader::with_capacity(INPUT_STEP, Tap(inner));
    let decoder: Box<dyn Read + Send> = match compression {
        Compression::None | Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(window, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            decoder.window_log_max(window_log(window))?;
            Box::new(decoder)
        }
    };
    Ok(Opened { reader: Box::new(Guarded { decoder, compression, over: false }), compression })
}

/// The largest window exponent that fits the allowance, within what zstd can express.
fn window_log(window: u64) -> u32 {
    window.max(1).ilog2().clamp(10, 31)
}

/// Marks errors of the system, so that they can be told from those of the decoder above.
struct Tap<R>(R);

#[derive(Debug)]
struct SystemError(io::Error);

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SystemError {}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io::Error::new(error.kind(), SystemError(error))),
                read => return read,
            }
        }
    }
}

/// A decoder whose errors say what they are; after one it stays at its end.
struct Guarded {
    decoder: Box<dyn Read + Send>,
    compression: Compression,
    over: bool,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over {
            return Ok(0);
        }
        let step = buffer.len().min(OUTPUT_STEP);
        self.decoder.read(&mut buffer[..step]).map_err(|error| {
            self.over = true;
            explain(self.compression, error)
        })
    }
}

fn explain(compression: Compression, error: io::Error) -> io::Error {
    if error.get_ref().is_some_and(|inner| inner.is::<SystemError>()) {
        let kind = error.kind();
        let inner = error.into_inner().and_then(|inner| inner.downcast::<SystemError>().ok());
        return inner.map_or_else(|| kind.into(), |inner| inner.0);
    }
    let detail = error.to_string();
    // Neither library has a code for this that survives the way up: their words are all there is.
    let memory = detail.contains("too much memory") || detail.contains("memory limit") || detail.contains("memory usage");
    let kind = match error.kind() {
        _ if memory => DamageKind::NeedsMemory,
        io::ErrorKind::UnexpectedEof => DamageKind::Truncated,
        _ => DamageKind::Corrupt,
    };
    io::Error::new(io::ErrorKind::InvalidData, Damage { compression, kind, detail })
}

#[cfg(test)]
mod tests;
