//! Content-defined anchors: about one position in 96 of any text, chosen by a rolling hash of the 64 bytes before it.
//!
//! The hash is a gear hash: shift left by one, add a random number for the byte. After 64 bytes a byte has left the top
//! bit, so the hash is a function of exactly [`WINDOW`] bytes, and costs an addition and a table look-up a byte. It runs over
//! every unique byte of the input. Nothing on disk depends on it: other anchors find other copies, all are readable.

/// How many bytes an anchor's hash depends on.
pub const WINDOW: usize = 64;

/// Hashes below this are anchors: one in 96, between the one in 64 and one in 128 at which longer matches are hardly ever
/// missed and the table stays small.
const SAMPLED: u64 = u64::MAX / 96;

/// Spreads the hash over the bits that a table takes; odd, from the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A position worth remembering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The offset right behind the window.
    pub at: u32,
    /// A hash of the [`WINDOW`] bytes before, well mixed in all bits.
    pub hash: u64,
}

/// A random number for each byte (splitmix64 from a fixed start).
static GEAR: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut number = SPREAD.wrapping_mul(byte as u64 + 1);
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[byte] = number ^ number >> 31;
        byte += 1;
    }
    table
};

/// Folds the halves together first: the low bits of a gear hash know only the last few bytes.
fn spread(hash: u64) -> u64 {
    (hash ^ hash >> 32).wrapping_mul(SPREAD)
}

fn roll(hash: u64, byte: u8) -> u64 {
    (hash << 1).wrapping_add(GEAR[usize::from(byte)])
}

/// Appends the anchors of a text, in order. A run of one byte (or of a repeated word) gives one anchor a hash, not hundreds.
/// Offsets are 32 bits: text beyond 4 GiB gets none.
pub fn anchors(text: &[u8], out: &mut Vec<Anchor>) {
    /// Bytes hashed between two tests; the sampled are rare, so one test for several hashes saves most branches.
    const STRIDE: usize = 8;
    let text = &text[..text.len().min(u32::MAX as usize)];
    let Some((first, rest)) = text.split_at_checked(WINDOW - 1) else {
        return;
    };
    let mut hash = first.iter().fold(0, |hash, &byte| roll(hash, byte));
    let mut last = 0;
    let mut add = |at: usize, hash: u64| {
        if hash < SAMPLED && hash != last {
            last = hash;
            out.push(Anchor { at: at as u32, hash: spread(hash) });
        }
    };
    let (strides, tail) = rest.as_chunks::<STRIDE>();
    let mut at = WINDOW;
    for stride in strides {
        let mut hashes = [0; STRIDE];
        for (place, &byte) in hashes.iter_mut().zip(stride) {
            hash = roll(hash, byte);
            *place = hash;
        }
        if hashes.iter().fold(false, |any, &hash| any | (hash < SAMPLED)) {
            hashes.iter().enumerate().for_each(|(offset, &hash)| add(at + offset, hash));
        }
        at += STRIDE;
    }
    for (offset, &byte) in tail.iter().enumerate() {
        hash = roll(hash, byte);
        add(at + offset, hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    fn of(text: &[u8]) -> Vec<Anchor> {
        let mut out = Vec::new();
        anchors(text, &mut out);
        out
    }

    #[test]
    fn anchors_are_those_of_a_hash_computed_afresh_at_every_position() {
        let long = noise(40_000);
        let mut found = 0;
        // All lengths, so that anchors fall into every place of a stride and into the tail behind the last.
        for (at, length) in (WINDOW..400).chain([5_003]).enumerate() {
            let text = &long[at * 100..][..length];
            let mut naive: Vec<Anchor> = Vec::new();
            for (start, window) in text.windows(WINDOW).enumerate() {
                let hash = window.iter().fold(0, |hash, &byte| roll(hash, byte));
                if hash < SAMPLED {
                    naive.push(Anchor { at: (start + WINDOW) as u32, hash: spread(hash) });
                }
            }
            assert_eq!(of(text), naive);
            found += naive.len();
        }
        assert!((300..1_000).contains(&found), "{found}");
    }

    #[test]
    fn equal_text_has_equal_anchors_wherever_it_stands() {
        let text = noise(4_000);
        let moved: Vec<u8> = noise(777).into_iter().rev().chain(text.iter().copied()).collect();
        let shifted: Vec<Anchor> = of(&text).iter().map(|anchor| Anchor { at: anchor.at + 777, ..*anchor }).collect();
        assert_eq!(of(&moved)[of(&moved).len() - shifted.len()..], shifted);
    }

    #[test]
    fn a_run_of_one_byte_has_one_anchor_at_most() {
        for byte in 0..=255 {
            assert!(of(&[byte; 10_000]).len() <= 1);
        }
        assert!(of(&[7; WINDOW - 1]).is_empty());
    }
}
