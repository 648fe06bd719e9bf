//! What one group has to say to its part, and what leads from it to others.

use rustc_hash::FxHashSet;

use crate::column::Needles;
use crate::error::Corrupt;
use crate::group::Piece;
use crate::group::decode::Links;
use crate::group::decode::scan::{Judged, Skip, Standing, is_in_pieces};
use crate::lexical::grams::{SeamPrints, Seen, seam_prints};
use crate::lexical::part::GroupLinks;
use crate::record::cut::class;
use crate::record::template::SlotKind;
use crate::shape::json::Json;
use crate::vault::search::hits::Bits;
use crate::vault::search::strings::{each_in, each_string, unescape};
use crate::vault::snapshot::Snapshot;
use crate::vault::view::PackView;

/// What the groups of a unit have.
pub(super) struct Gathering {
    /// Grams of short values.
    pub(super) values: Seen,
    /// Of strings in pieces and of texts that are kept as they stand.
    pub(super) pieces: Seen,
    /// Of strings that are JSON.
    pub(super) inner: Seen,
    /// JSON texts that were read already: the same one is often in many places.
    done: FxHashSet<u32>,
}

/// What a group leads to.
pub(super) struct Gathered {
    seams: Vec<SeamPrints>,
    links: Links,
    odd_nodes: Vec<u32>,
    split: Vec<u32>,
    inner: Vec<u32>,
    blocks: Vec<u32>,
}

impl Gathering {
    /// Nothing yet; `finest` as [`Seen::new`] has it.
    pub(super) fn new(finest: u8) -> Gathering {
        let seen = || Seen::new(finest);
        Gathering { values: seen(), pieces: seen(), inner: seen(), done: FxHashSet::default() }
    }

    /// Reads all of a group.
    pub(super) fn group(
        &mut self,
        view: &mut PackView,
        index: usize,
        places: &[Vec<usize>; class::COUNT],
    ) -> Result<Gathered, Corrupt> {
        let group = view.open_group(index)?;
        let mut add = |text: &[u8]| {
            each_in(text, &mut |text| self.values.add(text));
        };
        let mut judge = |kind: SlotKind, standing: Standing, value: &[u8]| match (kind, standing) {
            (SlotKind::ShortString, _) => {
                add(&unescape(value));
                Judged::No
            }
            (_, Standing::Beside) if value.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(value).trim_ascii().is_empty() => Judged::No,
            (_, Standing::Beside) => Judged::Odd,
            _ => add_json(value, &mut add),
        };
        let skip = |kind: SlotKind, standing: Standing| match (kind, standing) {
            (SlotKind::Token, Standing::Inside) => Skip::Numbers,
            _ => Skip::Never,
        };
        let needles = Needles::new(&[]);
        let mut nodes = group.judge_values(|number| view.templates().get(number), &needles, &skip, &mut judge)?;
        let specials = group.specials(|number| view.templates().get(number))?;
        let mut text = Vec::new();
        for special in specials {
            text.clear();
            match (special.slot.kind, special.standing) {
                (SlotKind::NodeInString, _) => {
                    if self.done.insert(special.target) {
                        view.node(special.target, &mut text)?;
                        let in_pieces = is_in_pieces(view.template_of(special.target)?);
                        let seen = if in_pieces { &mut self.pieces } else { &mut self.inner };
                        each_in(&text, &mut |text| seen.add(text));
                    }
                }
                (_, Standing::Beside) => nodes.push((special.node, Judged::Odd)),
                _ => {
                    view.segment(special.target, &mut text)?;
                    let mut add = |text: &[u8]| each_in(text, &mut |text| self.pieces.add(text));
                    nodes.push((special.node, add_json(&text, &mut add)));
                }
            }
        }
        let split = group.split_nodes(|number| view.templates().get(number))?.into_iter().collect();
        let (mut inner, mut blocks, mut seams) = (Vec::new(), Vec::new(), Vec::new());
        let (_, segments, _) = group.sizes();
        for number in group.first_segment..group.first_segment + segments as u32 {
            let located = group.segment(number)?;
            let borders = borders(view, located.class, located.pieces, &places[located.class as usize], &mut blocks);
            text.clear();
            // What has no seam and does not begin as JSON need not be read.
            view.segment_start(number, STARTS, &mut text)?;
            let may_be_json = matches!(text.trim_ascii_start().first(), None | Some(b'{' | b'['));
            if borders.is_empty() && !may_be_json {
                continue;
            }
            text.clear();
            view.segment(number, &mut text)?;
            seams.extend(borders.into_iter().map(|border| seam_prints(&text, border)));
            let is_json = matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) && memchr::memchr(b'\\', &text).is_some();
            if is_json && Json::parse(&text).is_some() {
                each_in(&text, &mut |text| self.inner.add(text));
                inner.push(number);
            }
        }
        blocks.sort_unstable();
        blocks.dedup();
        let odd_nodes = nodes.into_iter().filter(|(_, judged)| *judged == Judged::Odd).map(|(node, _)| node).collect();
        Ok(Gathered { seams, links: group.into_links(), odd_nodes, split, inner, blocks })
    }
}

/// The first bytes of a text tell whether it begins as JSON does.
const STARTS: u32 = 16;

/// Adds the strings of what should be one JSON value.
fn add_json(value: &[u8], add: &mut dyn FnMut(&[u8])) -> Judged {
    if Json::parse(value).is_none() {
        return Judged::Odd;
    }
    each_string(value, &mut |text| {
        add(text.text);
        false
    });
    Judged::No
}

/// Where in a segment's text one part of it ends and the next begins, at ends of pieces and of blocks; the blocks go to `found`.
fn borders(view: &PackView, class: u8, pieces: &[Piece], places: &[usize], found: &mut Vec<u32>) -> Vec<usize> {
    let directory = &view.pack().directory().blocks;
    let block = |place: &usize| directory.get(*place).filter(|block| block.class == class);
    let mut borders = Vec::new();
    let mut length = 0usize;
    for piece in pieces {
        let (mut at, end) = (u64::from(piece.start), u64::from(piece.start) + u64::from(piece.length));
        let first = places.partition_point(|place| block(place).is_some_and(|block| block.start + block.length <= piece.start));
        for place in places.get(first..).unwrap_or_default() {
            let Some(block) = block(place).filter(|_| at < end) else { break };
            found.push(*place as u32);
            let upto = end.min(u64::from(block.start) + u64::from(block.length));
            length += (upto - at) as usize;
            borders.push(length);
            at = upto;
        }
    }
    borders.pop();
    borders
}

/// What makes records odd, by node.
#[derive(Default)]
pub(super) struct Odd {
    nodes: Bits,
    /// Texts in pieces: odd when they are a whole record.
    split: Bits,
}

/// What leads from a group to others and to records; odd nodes are remembered for those after it.
pub(super) fn connect(snapshot: &Snapshot, pack: usize, group: usize, gathered: Gathered, odd: &mut Odd) -> GroupLinks {
    let groups = &snapshot.packs[pack].directory().groups;
    let own = &groups[group];
    gathered.odd_nodes.iter().for_each(|node| odd.nodes.insert(u64::from(*node)));
    gathered.split.iter().for_each(|node| odd.split.insert(u64::from(*node)));
    let mut referred = Vec::new();
    for (node, targets) in gathered.links.nodes() {
        let mut is_odd = false;
        for (to_node, target) in targets {
            is_odd |= to_node && odd.nodes.has(u64::from(target));
            let outside = if to_node { target < own.first_node } else { target < own.first_segment };
            if outside {
                let at = match to_node {
                    true => groups.partition_point(|group| group.first_node + group.nodes <= target),
                    false => groups.partition_point(|group| group.first_segment + group.segments <= target),
                };
                referred.push(at as u32);
            }
        }
        if is_odd {
            odd.nodes.insert(u64::from(node));
        }
    }
    // A record may have no node of its own: its root is that of an earlier one.
    let earlier = gathered.links.roots.iter().filter(|root| **root < own.first_node);
    referred.extend(earlier.map(|root| groups.partition_point(|group| group.first_node + group.nodes <= *root) as u32));
    referred.sort_unstable();
    referred.dedup();
    let is_odd = |root: &u32| odd.nodes.has(u64::from(*root)) || odd.split.has(u64::from(*root));
    let positions = (0u32..).zip(&gathered.links.roots).filter(|(_, root)| is_odd(root)).map(|(position, _)| position);
    GroupLinks {
        groups: referred,
        blocks: gathered.blocks,
        odd: positions.collect(),
        inner: gathered.inner,
        seams: gathered.seams,
    }
}
