//! A vocabulary for the packs to be written, found in a sample of the records that stay.
//!
//! The sample is of live records only: what is purged must not live on in a word. Groups are taken evenly over all packs, so that
//! every source that is stored together has its share.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::codec;
use crate::codec::vocabulary::{self, Coder};
use crate::error::Result;
use crate::pack::reader::PackReader;
use crate::record::cut::{CutOptions, class};
use crate::record::known::Known;
use crate::vault::rewrite::stream::{self, Cutting, Means, Piece, Units};

/// Text that is enough to find the words of: more hardly changes them.
const SAMPLE: usize = 8 << 20;
/// Of the sample, what is compressed both ways to see whether a vocabulary pays.
const TRIAL: usize = 1 << 20;
/// A word must save this many bytes in all: about what it costs to store it.
const LEAST_USES: u64 = 10;

/// A vocabulary for records with so much text; `None` where none pays.
///
/// # Errors
/// When records cannot be read.
pub fn find(packs: &[Arc<PackReader>], units: &Units<'_>, all: u64, means: Means, level: i32) -> Result<Option<Coder>> {
    let samples = sample(packs, units, all, means)?;
    let sampled: usize = samples.iter().map(Vec::len).sum();
    if sampled == 0 {
        return Ok(None);
    }
    let share = (sampled as f64 / all.max(1) as f64).min(1.0);
    let least = ((LEAST_USES as f64 * share) as u64).max(3);
    let texts: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
    let coder = Coder::new(vocabulary::train(&texts, least));
    let trial: Vec<u8> = samples.iter().flat_map(|text| text.iter().copied().take(TRIAL / samples.len().max(1) + 1)).collect();
    Ok(pays(&coder, &trial, all, level).then_some(coder))
}

/// True when the whole text is expected to be smaller with the vocabulary than without.
fn pays(coder: &Coder, trial: &[u8], all: u64, level: i32) -> bool {
    let size = |bytes: &[u8]| codec::compress(bytes, level).map_or(bytes.len(), |packed| packed.len()) as u64;
    let scaled = |bytes: u64| u128::from(bytes) * u128::from(all) / trial.len().max(1) as u128;
    scaled(size(&coder.code(trial, 0))) + u128::from(size(&coder.vocabulary().encode())) < scaled(size(trial))
}

/// Text of every n-th group, without repetitions.
fn sample(packs: &[Arc<PackReader>], units: &Units<'_>, all: u64, means: Means) -> Result<Vec<Vec<u8>>> {
    let step = (all as usize / SAMPLE).clamp(1, units.len().max(1));
    let units = Units::Ordered((0..units.len()).step_by(step).map(|index| units.unit(packs, index).into_owned()).collect());
    let mut seen = FxHashSet::default();
    let (mut samples, mut bytes) = (Vec::new(), 0);
    let cutting = Cutting { known: &Known::new(0), options: &CutOptions::default() };
    stream::in_order(packs, &units, cutting, means, |piece| {
        let Piece::Lines(lines) = piece else { return Ok(true) };
        let mut text = Vec::new();
        for segment in lines.cuts.segments.iter().filter(|segment| segment.class != class::DENSE) {
            if seen.insert(segment.hash) {
                text.extend_from_slice(lines.cuts.bytes(&lines.bytes, segment.text));
            }
        }
        bytes += text.len();
        if !text.is_empty() {
            samples.push(text);
        }
        Ok(bytes < SAMPLE * 2)
    })?;
    Ok(samples)
}
