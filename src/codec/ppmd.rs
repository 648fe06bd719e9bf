//! PPMd, for what is kept rather than read: smaller than zstd at its strongest, and much slower to read.
//!
//! ```text
//! data = order u8 · memory u8 (a power of two) · PPMd7 (var. H) with the range coder of 7z, without end mark
//! ```
//! Shkarin, *PPM: one step to practicality* (2002), through the crate `ppmd-rust`.

use std::io::{Read, Write};

use ppmd_rust::{Ppmd7Decoder, Ppmd7Encoder};

use crate::error::{Corrupt, corrupt};

/// Bytes that a prediction looks back: words are one or two bytes, so this is most of a sentence.
const ORDER: u8 = 8;
/// The model's memory: between 1 MiB and 128 MiB, by length.
const MEMORY: std::ops::RangeInclusive<u32> = 20..=27;
/// Readers do not allocate more: 128 MiB.
const MOST_MEMORY: u8 = 27;
/// The model needs about so many bytes for each of the text.
const MODEL_SHARE: usize = 16;

/// Compresses; `None` when that does not make it smaller.
#[must_use]
pub fn compress(raw: &[u8]) -> Option<Vec<u8>> {
    let memory = raw.len().saturating_mul(MODEL_SHARE).next_power_of_two().trailing_zeros();
    let memory = memory.clamp(*MEMORY.start(), *MEMORY.end());
    let mut encoder = Ppmd7Encoder::new(vec![ORDER, memory as u8], u32::from(ORDER), 1 << memory).ok()?;
    encoder.write_all(raw).ok()?;
    let packed = encoder.finish(false).ok()?;
    (packed.len() < raw.len()).then_some(packed)
}

/// Decompresses exactly `length` bytes.
///
/// # Errors
/// When the head is malformed or the data ends early; other damage is found by checksums.
pub fn decompress(data: &[u8], length: usize) -> Result<Vec<u8>, Corrupt> {
    let (&[order, memory], data) = data.split_first_chunk().ok_or_else(|| corrupt!("PPMd data without its head"))?;
    if memory > MOST_MEMORY || memory < *MEMORY.start() as u8 {
        return Err(corrupt!("PPMd with 2^{memory} bytes of memory"));
    }
    let decoder = Ppmd7Decoder::new(data, u32::from(order), 1 << memory).map_err(|error| corrupt!("PPMd: {error}"))?;
    let mut out = Vec::new();
    decoder.take(length as u64).read_to_end(&mut out).map_err(|error| corrupt!("PPMd: {error}"))?;
    if out.len() == length { Ok(out) } else { Err(corrupt!("decompresses to {} bytes instead of {length}", out.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_damage_gives_errors_or_other_bytes_but_no_panic() {
        let raw: Vec<u8> =
            (0..20_000u32).flat_map(|i| format!("{:x} words; ", i.wrapping_mul(0x9e37_79b1) >> 20).into_bytes()).collect();
        let packed = compress(&raw).unwrap();
        assert_eq!(decompress(&packed, raw.len()).unwrap(), raw);
        for at in 0..200 {
            let mut bad = packed.clone();
            let place = at * 6007 % bad.len();
            bad[place] ^= 0x41;
            assert!(decompress(&bad, raw.len()).map_or(true, |other| other != raw || place == 1), "{place}");
            let _ = decompress(&packed[..place], raw.len());
        }
        for head in [[0, 20], [1, 20], [65, 20], [8, 4], [8, 40], [255, 255]] {
            assert!(decompress(&[&head, &packed[2..]].concat(), raw.len()).is_err());
        }
        assert!(compress(b"tiny").is_none() && decompress(b"", 0).is_err());
    }
}
