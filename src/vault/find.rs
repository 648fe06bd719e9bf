//! Finds the records that hold an id, as bytes somewhere in them, without joining any.
//!
//! An id stands in a short value or in a segment, perhaps behind escapes. Columns of short values tell from their coded form
//! whether they can hold it, so most stay coded. Segments must be read: JSON kept as it is may hold ids of any length. Strings
//! may be split, but none shorter than a segment is: longer ids cost a reading of all records.

use std::borrow::Cow;

use memchr::memmem;

use crate::error::Result;
use crate::record::NODE_BYTES;
use crate::vault::ahead::in_order;
use crate::vault::holders::{Hits, holders};
use crate::vault::search::strings::unescape;
use crate::vault::snapshot::Snapshot;

/// JSON in strings in strings: escapes are undone this often.
const ESCAPES: usize = 6;

/// Records that may hold one of the needles; never too few.
///
/// # Errors
/// When groups are damaged.
pub(crate) fn records_with(snapshot: &Snapshot, needles: &[&[u8]], threads: usize) -> Result<Vec<u64>> {
    // What decoding replaces (broken text) is not in the stored bytes.
    let hidden =
        |needle: &&[u8]| needle.len() >= NODE_BYTES || needle.is_empty() || memmem::find(needle, "\u{fffd}".as_bytes()).is_some();
    if needles.iter().any(hidden) {
        return Ok(snapshot.places().iter().flat_map(|place| place.first..place.first + place.count).collect());
    }
    let finders = Finders::new(needles);
    let holds = |value: &[u8]| finders.in_value(value);
    let groups = (0..snapshot.packs.len())
        .flat_map(|pack| (0..snapshot.packs[pack].directory.groups.len()).map(move |group| (pack, group)));
    let mut hits = Hits::new(snapshot);
    in_order(
        snapshot,
        threads,
        groups,
        |fetcher, (pack, group)| {
            let view = fetcher.view(pack)?;
            let damaged = |corrupt| snapshot.packs[pack].damaged(corrupt);
            let nodes = view.open_group(group).and_then(|group| group.nodes_with(needles, &holds)).map_err(damaged)?;
            let entry = &snapshot.packs[pack].directory.groups[group];
            let (mut segments, mut text) = (Vec::new(), Vec::new());
            for segment in entry.first_segment..entry.first_segment + entry.segments {
                text.clear();
                view.segment(segment, &mut text).map_err(damaged)?;
                if holds(&text) {
                    segments.push(segment);
                }
            }
            Ok((pack, nodes, segments))
        },
        |(pack, nodes, segments)| {
            nodes.into_iter().for_each(|node| hits.add_node(pack, node));
            segments.into_iter().for_each(|segment| hits.add_segment(pack, segment));
            Ok(())
        },
    )?;
    holders(snapshot, hits, threads)
}

/// Looks for needles in values.
struct Finders<'n> {
    needles: Vec<memmem::Finder<'n>>,
    /// Finds what every escape has that can hide one of them.
    hiding: memmem::Finder<'static>,
}

impl<'n> Finders<'n> {
    fn new(needles: &[&'n [u8]]) -> Finders<'n> {
        // Letters, digits and the like are hidden only by their numbers, which are rare: most texts need not be unescaped.
        let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/');
        let by_number = needles.iter().all(|needle| needle.iter().all(plain));
        let hiding: &[u8] = if by_number { br"\u00" } else { br"\" };
        Finders {
            needles: needles.iter().map(|needle| memmem::Finder::new(*needle)).collect(),
            hiding: memmem::Finder::new(hiding),
        }
    }

    /// True when a value holds a needle, plainly or behind escapes.
    fn in_value(&self, value: &[u8]) -> bool {
        let mut value = Cow::Borrowed(value);
        for _ in 0..ESCAPES {
            if self.needles.iter().any(|finder| finder.find(&value).is_some()) {
                return true;
            }
            if self.hiding.find(&value).is_none() {
                return false;
            }
            match unescape(&value) {
                // A backslash at the end stays.
                Cow::Owned(plain) if *plain != *value => value = Cow::Owned(plain),
                _ => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(value: &str, needle: &str) -> bool {
        Finders::new(&[needle.as_bytes()]).in_value(value.as_bytes())
    }

    #[test]
    fn an_id_is_seen_behind_every_kind_of_escape() {
        for value in ["a/b", r"a\/b", r"\u0061/b", r"x a\/b y", r#"{\"id\":\"a\\/b\"}"#, r"\\\\u0061/b", r"\n\ta/b"] {
            assert!(has(value, "a/b"), "{value}");
        }
        for value in ["r-1", r"\u0072-1", r"x\ty \u0072-1", r#"{\"a\":\"\\u0072-1\"}"#, r"\\u005cu0072-1"] {
            assert!(has(value, "r-1"), "{value}");
        }
        assert!(!has(r"r\n-1 \u0041 r\\-1", "r-1"));
        assert!(has(r"\ud83d\ude00-7", "\u{1f600}-7"));
        for value in ["a-b", r"a\\b", "", r"\", r"\u00", r"a\u002"] {
            assert!(!has(value, "a/b"), "{value}");
        }
    }
}
