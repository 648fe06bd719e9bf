//! Finds the records that hold an id, as bytes somewhere in them, without joining any.
//!
//! An id stands in a short value, in a segment of its own, or in text that could not be cut, perhaps behind escapes. Columns of
//! short values tell from their coded form whether they can hold it, so most stay coded; segments are marked where an id may stand
//! in them ([`crate::record::naming`]) and have the length of an id that is one, so most are not read.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;

use crate::column::Needles;
use crate::error::{Corrupt, Result};
use crate::group::decode::Links;
use crate::group::decode::probe::{Outside, Wanted};
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
    let needles = Needles::new(needles);
    let holds = |value: &[u8]| holds(&needles, value);
    let wanted = Wanted { needles: &needles, holds: &holds };
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
                let view = late.view(pack)?;
                let damaged = |corrupt| snapshot.packs[pack].damaged(corrupt);
                let links = match (of_group.links, of_group.outside) {
                    (Some(links), _) => links,
                    (None, outside) => {
                        // Without what it refers to, it was probed before the hit was known.
                        let outside = outside.map_or_else(|| view.outside(group).map_err(damaged), Ok)?;
                        if !rising.concerns(pack, &outside) {
                            continue;
                        }
                        view.open_group(group).map_err(damaged)?.into_links()
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
    outside: Option<Outside>,
}

fn in_group(view: &mut PackView, group: usize, wanted: &Wanted<'_>, outside: bool) -> Result<InGroup, Corrupt> {
    let probed = view.probe(group, wanted, outside)?;
    let mut found = InGroup { nodes: probed.nodes, segments: Vec::new(), links: probed.links, outside: probed.outside };
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
    if !found.segments.is_empty() && found.links.is_none() {
        found.links = Some(view.open_group(group)?.into_links());
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

/// True when a value holds a needle, plainly or behind escapes.
fn holds(needles: &Needles<'_>, value: &[u8]) -> bool {
    let mut value = Cow::Borrowed(value);
    for _ in 0..ESCAPES {
        if needles.stands_in(&value) {
            return true;
        }
        if !needles.may_hide_in(&value) {
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

#[cfg(test)]
mod tests {
    use rustc_hash::FxHashSet;

    use super::*;
    use crate::interrupt::Interrupt;
    use crate::progress::Silent;
    use crate::vault::Vault;
    use crate::vault::api::{IngestOptions, Input, OpenOptions};

    fn has(value: &str, needle: &str) -> bool {
        holds(&Needles::new(&[needle.as_bytes()]), value.as_bytes())
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

    /// A line with a growing list of messages, as gateways write them; the first is never the same.
    fn turn(conversation: usize, turn: usize) -> String {
        let message = |at: usize| {
            let text =
                format!("message {at} of conversation {conversation}: {}", "some words that are said once ".repeat(at % 7));
            match at % 5 {
                0 => format!("[{at}, {{\"type\": \"text\", \"text\": \"{text}\"}}, \"{text}\"]"),
                _ => format!("{{\"role\": \"user\", \"content\": \"{text}\"}}"),
            }
        };
        let first = format!(
            "{{\"role\": \"system\", \"content\": \"these are the rules of turn {turn} of conversation {conversation}\"}}"
        );
        let messages: Vec<String> = std::iter::once(first).chain((0..=turn).map(message)).collect();
        format!("{{\"id\":\"r-{conversation}-{turn}\",\"messages\":[{}]}}\n", messages.join(","))
    }

    // Protects what a look-up passes over: a group that refers to a hit and does not say so hides its records.
    #[test]
    fn a_group_says_what_it_refers_to_in_others() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_or_open(&dir.path().join("v"), &OpenOptions::default()).unwrap();
        let lines: String = (0..60).flat_map(|turns| (0..120).map(move |conversation| turn(conversation, turns))).collect();
        // The same again from another place, in other groups.
        for source in ["a", "b"] {
            let stream = std::io::Cursor::new(lines.clone().into_bytes());
            let options = IngestOptions { source: Some(source.into()), ..IngestOptions::default() };
            vault.ingest(&options, vec![Input::Stream(Box::new(stream))], &Silent, &Interrupt::default()).unwrap();
        }
        let snapshot = vault.snapshot().unwrap();
        let mut fetcher = Fetcher::new(&snapshot);
        let (mut older, mut concerned) = (0, 0);
        for pack in 0..snapshot.packs.len() {
            let view = fetcher.view(pack).unwrap();
            for (index, entry) in snapshot.packs[pack].directory().groups.iter().enumerate() {
                let outside = view.outside(index).unwrap();
                let links = view.open_group(index).unwrap().into_links();
                let only = |number: u32| FxHashSet::from_iter([number]);
                let (mut nodes, mut segments) = (FxHashSet::default(), FxHashSet::default());
                nodes.extend(links.roots.iter().copied());
                for (_, targets) in links.nodes() {
                    for (to_node, target) in targets {
                        if to_node { &mut nodes } else { &mut segments }.insert(target);
                    }
                }
                nodes.retain(|node| *node < entry.first_node);
                segments.retain(|segment| *segment < entry.first_segment);
                assert!(nodes.iter().all(|node| outside.may_refer_to(&only(*node), &FxHashSet::default())), "group {index}");
                assert!(
                    segments.iter().all(|segment| outside.may_refer_to(&FxHashSet::default(), &only(*segment))),
                    "group {index}"
                );
                older += nodes.len() + segments.len();
                // Steps from nodes whose numbers are not known may name nodes that are not meant; of segments none is.
                let others = (0..entry.first_segment).filter(|segment| !segments.contains(segment));
                concerned += others.filter(|segment| outside.may_refer_to(&FxHashSet::default(), &only(*segment))).count();
            }
        }
        assert!(older > 100 && concerned == 0, "{older} older references, {concerned} that are none");
    }
}
