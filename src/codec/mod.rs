//! Compression of payloads: zstd frames without magic, content size or checksum, since the pack's frame has all three.

mod gradual;
pub mod ppmd;
pub mod vocabulary;

use std::cell::RefCell;

use zstd::zstd_safe::{CCtx, CParameter, DCtx, DParameter, FrameFormat};

use crate::error::{Corrupt, corrupt};
pub use gradual::{Gradual, Needs, Resting};

thread_local! {
    static COMPRESSOR: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
    /// Where results arrive before their length is known: fresh memory for each would cost more than compressing small blocks.
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static DECOMPRESSOR: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// How hard to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength {
    /// zstd's level.
    pub level: i32,
    /// PPMd where it is smaller: slow to read.
    pub cold: bool,
}

impl Strength {
    /// Not at all: what it becomes part of is compressed.
    pub const NONE: Strength = Strength { level: 0, cold: false };
}

/// How something is packed. Numbers are never reused.
pub mod packing {
    /// As it is.
    pub const RAW: u8 = 0;
    /// zstd.
    pub const ZSTD: u8 = 1;
    /// PPMd.
    pub const PPMD: u8 = 2;
}

/// Packs with what makes it smallest: its [`packing`], and the bytes unless they are as they were.
#[must_use]
pub fn pack(raw: &[u8], strength: Strength) -> (u8, Option<Vec<u8>>) {
    if strength == Strength::NONE {
        return (packing::RAW, None);
    }
    let zstd = compress(raw, strength.level);
    let ppmd = if strength.cold { ppmd::compress(raw) } else { None };
    match (zstd, ppmd) {
        (zstd, Some(ppmd)) if zstd.as_ref().is_none_or(|zstd| ppmd.len() < zstd.len()) => (packing::PPMD, Some(ppmd)),
        (Some(zstd), _) => (packing::ZSTD, Some(zstd)),
        (None, _) => (packing::RAW, None),
    }
}

/// Undoes [`pack`].
///
/// # Errors
/// When the packing is unknown or the data damaged.
pub fn unpack(packing: u8, bytes: &[u8], length: usize) -> Result<Vec<u8>, Corrupt> {
    match packing {
        packing::RAW => Ok(bytes.to_vec()),
        packing::ZSTD => decompress(bytes, length, None),
        packing::PPMD => ppmd::decompress(bytes, length),
        other => Err(corrupt!("packing {other} is unknown")),
    }
}

/// Compresses at `level`; `None` when that does not make it smaller.
#[must_use]
pub fn compress(raw: &[u8], level: i32) -> Option<Vec<u8>> {
    compress_with_prefix(raw, level, None)
}

/// Compresses with `prefix` as what came before; `None` when that does not make it smaller.
#[must_use]
pub fn compress_with_prefix(raw: &[u8], level: i32, prefix: Option<&[u8]>) -> Option<Vec<u8>> {
    if raw.len() < 16 {
        return None;
    }
    COMPRESSOR.with_borrow_mut(|context| {
        let reach = raw.len() + prefix.map_or(0, <[u8]>::len);
        let window = (usize::BITS - reach.leading_zeros()).clamp(10, 27);
        // The parameters fail only when out of range, and these are not.
        let set = |context: &mut CCtx<'static>, parameter| context.set_parameter(parameter).ok();
        context.reset(zstd::zstd_safe::ResetDirective::SessionAndParameters).ok()?;
        set(context, CParameter::CompressionLevel(level))?;
        set(context, CParameter::Format(FrameFormat::Magicless))?;
        set(context, CParameter::ContentSizeFlag(false))?;
        set(context, CParameter::ChecksumFlag(false))?;
        set(context, CParameter::DictIdFlag(false))?;
        if prefix.is_some() {
            set(context, CParameter::WindowLog(window))?;
        }
        let mut out = OUTPUT.take();
        out.clear();
        out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        match prefix {
            None => context.compress2(&mut out, raw).ok()?,
            Some(prefix) => {
                // The prefix is referenced for this one call only: a context of its own keeps the lifetimes plain.
                let mut own = CCtx::create();
                own.set_parameter(CParameter::CompressionLevel(level)).ok()?;
                own.set_parameter(CParameter::Format(FrameFormat::Magicless)).ok()?;
                own.set_parameter(CParameter::ContentSizeFlag(false)).ok()?;
                own.set_parameter(CParameter::ChecksumFlag(false)).ok()?;
                own.set_parameter(CParameter::DictIdFlag(false)).ok()?;
                own.set_parameter(CParameter::WindowLog(window)).ok()?;
                own.set_parameter(CParameter::DeterministicRefPrefix(true)).ok()?;
                own.ref_prefix(prefix).ok()?;
                own.compress2(&mut out, raw).ok()?
            }
        };
        let packed = (out.len() < raw.len()).then(|| out.as_slice().to_vec());
        OUTPUT.set(out);
        packed
    })
}

/// A dictionary of at most `size` bytes for bytes like the samples; `None` when they are too few.
#[must_use]
pub fn train_dictionary(samples: &[&[u8]], size: usize) -> Option<Vec<u8>> {
    zstd::dict::from_samples(samples, size).ok()
}

/// Compresses with a dictionary; `None` when that does not make it smaller.
#[must_use]
pub fn compress_with_dictionary(raw: &[u8], level: i32, dictionary: &[u8]) -> Option<Vec<u8>> {
    let mut own = CCtx::create();
    own.set_parameter(CParameter::CompressionLevel(level)).ok()?;
    own.set_parameter(CParameter::Format(FrameFormat::Magicless)).ok()?;
    own.set_parameter(CParameter::ContentSizeFlag(false)).ok()?;
    own.set_parameter(CParameter::ChecksumFlag(false)).ok()?;
    own.set_parameter(CParameter::DictIdFlag(false)).ok()?;
    own.load_dictionary(dictionary).ok()?;
    let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(raw.len()));
    own.compress2(&mut out, raw).ok()?;
    (out.len() < raw.len()).then_some(out)
}

/// Decompresses exactly `length` bytes that were compressed with a dictionary.
///
/// # Errors
/// When the data is damaged or of another length.
pub fn decompress_with_dictionary(data: &[u8], length: usize, dictionary: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let mut out = Vec::with_capacity(length + 1);
    let mut own = DCtx::create();
    let done =
        prepare(&mut own).and_then(|()| own.load_dictionary(dictionary).map(drop)).and_then(|()| own.decompress(&mut out, data));
    match done {
        Ok(_) if out.len() == length => Ok(out),
        Ok(_) => Err(corrupt!("decompresses to {} bytes instead of {length}", out.len())),
        Err(code) => Err(corrupt!("zstd: {}", zstd::zstd_safe::get_error_name(code))),
    }
}

/// Prefixes up to this length are copied into the decoder.
const SHORT_PREFIX: usize = 64 << 10;
/// What begins so is taken for a dictionary and not for text (RFC 8878, §5).
const DICTIONARY_MAGIC: [u8; 4] = 0xEC30_A437u32.to_le_bytes();

/// Decompresses exactly `length` bytes.
///
/// # Errors
/// When the data is damaged or of another length.
pub fn decompress(data: &[u8], length: usize, prefix: Option<&[u8]>) -> Result<Vec<u8>, Corrupt> {
    let mut out = Vec::new();
    decompress_to(data, length, prefix, &mut out)?;
    Ok(out)
}

/// Decompresses exactly `length` bytes in place of what `out` holds: memory that was used before is sooner at hand than new.
///
/// # Errors
/// When the data is damaged or of another length.
pub fn decompress_to(data: &[u8], length: usize, prefix: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Corrupt> {
    out.clear();
    // One byte more than expected, so that a longer result is noticed without being allocated.
    out.reserve_exact(length + 1);
    let done = match prefix {
        None => DECOMPRESSOR.with_borrow_mut(|context| {
            prepare(context)?;
            context.decompress(out, data)
        }),
        // Copied: that costs less than a context, which must not outlive what it refers to.
        Some(prefix) if prefix.len() <= SHORT_PREFIX && !prefix.starts_with(&DICTIONARY_MAGIC) => {
            DECOMPRESSOR.with_borrow_mut(|context| {
                prepare(context)?;
                context.load_dictionary(prefix)?;
                context.decompress(out, data)
            })
        }
        Some(prefix) => {
            let mut own = DCtx::create();
            prepare(&mut own).and_then(|()| own.ref_prefix(prefix).map(drop)).and_then(|()| own.decompress(out, data))
        }
    };
    match done {
        Ok(_) if out.len() == length => Ok(()),
        Ok(_) => Err(corrupt!("decompresses to {} bytes instead of {length}", out.len())),
        Err(code) => Err(corrupt!("zstd: {}", zstd::zstd_safe::get_error_name(code))),
    }
}

fn failed(code: usize) -> Corrupt {
    corrupt!("zstd: {}", zstd::zstd_safe::get_error_name(code))
}

fn prepare(context: &mut DCtx<'_>) -> Result<(), usize> {
    context.reset(zstd::zstd_safe::ResetDirective::SessionAndParameters)?;
    context.set_parameter(DParameter::Format(FrameFormat::Magicless))?;
    context.set_parameter(DParameter::WindowLogMax(27))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_bytes_come_back_with_and_without_prefix() {
        let raw: Vec<u8> =
            (0..5000u32).flat_map(|i| format!("{:08x} of text; ", i.wrapping_mul(0x9e37_79b1)).into_bytes()).collect();
        let plain = compress(&raw, 3).unwrap();
        assert_eq!(decompress(&plain, raw.len(), None).unwrap(), raw);
        // A copy: zstd gives up a prefix that lies where its input does.
        let with = compress_with_prefix(&raw, 19, Some(&raw.clone())).unwrap();
        assert!(with.len() < plain.len() / 4, "{} against {}", with.len(), plain.len());
        // Short ones take another way, but for those that look like a dictionary.
        for first in [&b"text"[..], &DICTIONARY_MAGIC] {
            let prefix = [first, &raw[..9_000]].concat();
            let with = compress_with_prefix(&raw[..9_500], 19, Some(&prefix)).unwrap();
            assert_eq!(decompress(&with, 9_500, Some(&prefix)).unwrap(), raw[..9_500]);
            assert_eq!(decompress(&plain, raw.len(), None).unwrap(), raw);
        }
        assert_eq!(decompress(&with, raw.len(), Some(&raw)).unwrap(), raw);
        assert!(decompress(&plain, raw.len() - 1, None).is_err());
        assert!(decompress(&plain[..plain.len() / 2], raw.len(), None).is_err());
        assert!(compress(b"tiny", 3).is_none());
    }
}
