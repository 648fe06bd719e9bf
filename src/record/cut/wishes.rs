//! Where strings are split: as the user wishes, or as they were before.

use rustc_hash::FxHashMap;

use crate::checksum::content_hash;

/// Where strings were split before, by the hash of their text.
pub type Splits = FxHashMap<u128, Box<[usize]>>;

/// User's wishes for splitting strings.
#[derive(Clone, Debug, Default)]
pub struct CutOptions {
    /// Strings are split before each occurrence of this text.
    pub context_delimiter: Option<Vec<u8>>,
    /// Strings longer than this are split.
    pub max_segment_bytes: Option<usize>,
    /// Strings that are split whatever the other wishes say.
    pub splits: Splits,
}

/// Where the user wants a string split; `None` for not at all. Never inside a UTF-8 sequence.
pub(super) fn split_points(text: &[u8], options: &CutOptions) -> Option<Vec<usize>> {
    if !options.splits.is_empty()
        && let Some(points) = options.splits.get(&content_hash(text))
    {
        // Whatever they say, the cut stays within the text and each piece has something.
        let fits = points.iter().try_fold(0, |before, &at| (before < at && at < text.len()).then_some(at)).is_some();
        return (fits && !points.is_empty()).then(|| points.to_vec());
    }
    if options.context_delimiter.is_none() && options.max_segment_bytes.is_none_or(|most| text.len() <= most) {
        return None;
    }
    let mut points = Vec::new();
    if let Some(delimiter) = options.context_delimiter.as_ref().filter(|d| !d.is_empty()) {
        points.extend(memchr::memmem::find_iter(text, delimiter).filter(|&at| at > 0));
    }
    if let Some(most) = options.max_segment_bytes {
        let most = most.max(64);
        let mut from = 0;
        let mut all = Vec::new();
        for to in points.drain(..).chain([text.len()]) {
            while to - from > most {
                let mut at = from + most;
                while at > from + 1 && text[at] & 0xc0 == 0x80 {
                    at -= 1;
                }
                all.push(at);
                from = at;
            }
            if to < text.len() {
                all.push(to);
            }
            from = to;
        }
        points = all;
    }
    (!points.is_empty()).then_some(points)
}
