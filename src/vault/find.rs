//! Finds the records that hold an id, as bytes somewhere in them, without joining any.
//!
//! An id stands in a short value, in a segment of its own, or in text that could not be cut, perhaps behind escapes. Columns of
//! short values tell from their coded form whether they can hold it, so most stay coded; segments are marked where an id may stand
//! in them ([`crate::record::naming`]) and have the length of an id that is one, so most are not read.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;

use crate::error::{Corrupt, Result};
use crate::group::decode::Links;
use crate::group::decode::probe::Wanted;
use crate::vault::ahead::in_order;
use crate::vault::fetch::Fetcher;
use crate::vault::holders::{Hits, Rising};
use crate::vault::search::strings::unescape;
use crate::vault::snapshot::Snapshot;
use crate::vault::view::PackView;

/// JSON in strings in strings: escapes are undone this often.
const ESCAPES: usize = 6;

/// An id behind all its escapes is not longer than this: what a text in pieces is read together with of the piece before.
const SEAM: usize = 4096;

/// Groups looked at in one go: handing each over by itself costs as much as looking at it.
const TOGETHER: usize = 8;

/// Records that may hold one of the needles; never too few.
///
/// # Errors
/// When groups are damaged.
pub(crate) fn records_with(snapshot: &Snapshot, needles: &[&[u8]], threads: usize) -> Result<Vec<u64>> {
    // What decoding replaces (broken text) is not in the stored bytes.
    let hidden = |needle: &&[u8]| needle.is_empty() || memmem::find(needle, "\u{fffd}".as_bytes()).is_some();
    if needles.iter().any(hidden) {
        return Ok(snapshot.places().iter().flat_map(|place| place.first..place.first + place.count).collect());
    }
    let finders = Finders::new(needles);
    let holds = |value: &[u8]| finders.in_value(value);
    let wanted = Wanted { needles, holds: &holds };
    let jobs = (0..snapshot.packs.len()).flat_map(|pack| {
        let groups = snapshot.packs[pack].directory().groups.len();
        (0..groups).step_by(TOGETHER).map(move |first| (pack, first..groups.min(first + TOGETHER)))
    });
    // Once there is a hit, whoever comes later may refer to it.
    let is_found = AtomicBool::new(false);
    let mut rising = Rising::new(snapshot, Hits::new(snapshot));
    let mut late = Fetcher::new(snapshot);
    in_order(
        snapshot,
        threads,
        jobs,
        |fetcher, (pack, groups)| {
            let view = fetcher.view(pack)?;
            view.pass_through();
            let mut found = Vec::with_capacity(groups.len());
            for group in groups {
                let of_group = in_group(view, group, &wanted, is_found.load(Ordering::Relaxed));
                let of_group = of_group.map_err(|corrupt| snapshot.packs[pack].damaged(corrupt))?;
                if !of_group.nodes.is_empty() || !of_group.segments.is_empty() {
                    is_found.store(true, Ordering::Relaxed);
                }
                found.push((group, of_group));
            }
            Ok((pack, found))
        },
        |(pack, found)| {
            for (group, of_group) in found {
                rising.add(pack, of_group.nodes, of_group.segments);
                if rising.is_empty(pack) {
                    continue;
                }
                let links = match of_group.links {
                    Some(links) => links,
                    // It was probed before the hit was known.
                    None => {
                        let view = late.view(pack)?;
                        view.open_group(group).map_err(|corrupt| view.pack().damaged(corrupt))?.into_links()
                    }
                };
                rising.follow(pack, group, &links);
            }
            Ok(())
        },
    )?;
    Ok(rising.finish())
}

/// What a group holds of the needles.
struct InGroup {
    nodes: Vec<u32>,
    segments: Vec<u32>,
    links: Option<Links>,
}

fn in_group(view: &mut PackView, group: usize, wanted: &Wanted<'_>, links: bool) -> Result<InGroup, Corrupt> {
    let probed = view.probe(group, wanted, links)?;
    let mut found = InGroup { nodes: probed.nodes, segments: Vec::new(), links: probed.links };
    for segment in probed.texts {
        if in_pieces(view, &[segment], wanted.holds)? {
            found.segments.push(segment);
        }
    }
    for (node, pieces) in probed.raw {
        if in_pieces(view, &pieces, wanted.holds)? {
            found.nodes.push(node);
        }
    }
    Ok(found)
}

/// True when a text that consists of these segments holds what is looked for; no more than one of them is in memory.
fn in_pieces(view: &mut PackView, segments: &[u32], holds: &dyn Fn(&[u8]) -> bool) -> Result<bool, Corrupt> {
    let mut text = Vec::new();
    for &segment in segments {
        let seam = text.len().saturating_sub(SEAM);
        text.drain(..seam);
        view.segment(segment, &mut text)?;
        if holds(&text) {
            return Ok(true);
        }
    }
    Ok(false)
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
