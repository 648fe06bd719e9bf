//! From nodes and segments to the records that hold them.
//!
//! References only lead to what came before, so one pass over the links of all groups in order finds every parent of a hit, their
//! parents, and the roots. Groups are decoded ahead on all threads; values and text are not touched.

use rustc_hash::FxHashSet;

use crate::error::Result;
use crate::group::decode::Links;
use crate::group::decode::probe::Outside;
use crate::vault::ahead::in_order;
use crate::vault::snapshot::Snapshot;

/// Nodes and segments by pack.
pub(crate) struct Hits {
    nodes: Vec<FxHashSet<u32>>,
    segments: Vec<FxHashSet<u32>>,
}

impl Hits {
    /// None yet.
    pub(crate) fn new(snapshot: &Snapshot) -> Hits {
        let none = vec![FxHashSet::default(); snapshot.packs.len()];
        Hits { nodes: none.clone(), segments: none }
    }

    /// Adds a segment.
    pub(crate) fn add_segment(&mut self, pack: usize, segment: u32) {
        self.segments[pack].insert(segment);
    }

    /// True without any in a pack.
    fn is_empty(&self, pack: usize) -> bool {
        self.nodes[pack].is_empty() && self.segments[pack].is_empty()
    }

    /// The first group of a pack that can hold a parent of a hit, or the hit as a root.
    fn first_group(&self, snapshot: &Snapshot, pack: usize) -> usize {
        let groups = &snapshot.packs[pack].directory().groups;
        let node =
            self.nodes[pack].iter().min().map(|node| groups.partition_point(|group| group.first_node + group.nodes <= *node));
        let segment = self.segments[pack]
            .iter()
            .min()
            .map(|segment| groups.partition_point(|group| group.first_segment + group.segments <= *segment));
        node.into_iter().chain(segment).min().unwrap_or(groups.len())
    }
}

/// Follows hits upwards, group by group in order.
pub(crate) struct Rising<'s> {
    snapshot: &'s Snapshot,
    hits: Hits,
    records: Vec<u64>,
}

impl<'s> Rising<'s> {
    /// From some hits.
    pub(crate) fn new(snapshot: &'s Snapshot, hits: Hits) -> Rising<'s> {
        Rising { snapshot, hits, records: Vec::new() }
    }

    /// More hits, in the group that is followed next.
    pub(crate) fn add(&mut self, pack: usize, nodes: Vec<u32>, segments: Vec<u32>) {
        self.hits.nodes[pack].extend(nodes);
        self.hits.segments[pack].extend(segments);
    }

    /// True as long as nothing in a pack can refer to a hit.
    pub(crate) fn is_empty(&self, pack: usize) -> bool {
        self.hits.is_empty(pack)
    }

    /// False only when a group that refers to these in others holds no parent of a hit.
    pub(crate) fn concerns(&self, pack: usize, outside: &Outside) -> bool {
        outside.may_refer_to(&self.hits.nodes[pack], &self.hits.segments[pack])
    }

    /// Finds the parents of hits in the next group, and the records that hold them.
    pub(crate) fn follow(&mut self, pack: usize, group: usize, links: &Links) {
        let (nodes, segments) = (&mut self.hits.nodes[pack], &self.hits.segments[pack]);
        for (node, mut targets) in links.nodes() {
            if targets.any(|(to_node, target)| if to_node { nodes.contains(&target) } else { segments.contains(&target) }) {
                nodes.insert(node);
            }
        }
        let runs = &self.snapshot.packs[pack].directory().groups[group].records;
        let numbers = runs.iter().flat_map(|run| run.first..run.first + run.count);
        self.records.extend(numbers.zip(&links.roots).filter(|(_, root)| nodes.contains(root)).map(|(number, _)| number));
    }

    /// The records, sorted.
    pub(crate) fn finish(mut self) -> Vec<u64> {
        self.records.sort_unstable();
        self.records
    }
}

/// The records that hold one of the hits, sorted.
///
/// # Errors
/// When groups are damaged.
pub(crate) fn holders(snapshot: &Snapshot, hits: Hits, threads: usize) -> Result<Vec<u64>> {
    let groups: Vec<(usize, usize)> = (0..snapshot.packs.len())
        .filter(|pack| !hits.is_empty(*pack))
        .flat_map(|pack| {
            (hits.first_group(snapshot, pack)..snapshot.packs[pack].directory().groups.len()).map(move |group| (pack, group))
        })
        .collect();
    let mut rising = Rising::new(snapshot, hits);
    in_order(
        snapshot,
        threads,
        groups.into_iter(),
        |fetcher, (pack, group)| {
            let view = fetcher.view(pack)?;
            let links = view.open_group(group).map_err(|corrupt| view.pack().damaged(corrupt))?.into_links();
            Ok((pack, group, links))
        },
        |(pack, group, links)| {
            rising.follow(pack, group, &links);
            Ok(())
        },
    )?;
    Ok(rising.finish())
}
