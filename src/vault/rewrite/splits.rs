//! Where the user had strings split (`--context-delimiter`, `--max-segment-bytes`): a rewrite cuts records anew and keeps it so.
//!
//! A split string is a node of its own, a list of raw segments and nothing between them. Packs without such a template, nearly all, cost
//! a look at their templates.

use std::sync::Arc;

use crate::checksum::content_hash;
use crate::error::{Corrupt, Result};
use crate::pack::reader::PackReader;
use crate::record::cut::Splits;
use crate::record::template::{SlotKind, Template};
use crate::vault::view::PackView;

/// The splits of all strings in some packs.
///
/// # Errors
/// When one is damaged.
pub fn of(packs: &[Arc<PackReader>]) -> Result<Splits> {
    let mut splits = Splits::default();
    for pack in packs {
        let mut view = PackView::new(Arc::clone(pack))?;
        let templates = split_templates(&view);
        if !templates.is_empty() {
            collect(&mut view, &templates, &mut splits).map_err(|corrupt| pack.damaged(corrupt))?;
        }
    }
    Ok(splits)
}

fn split_templates(view: &PackView) -> Vec<u32> {
    let is_split = |number: &u32| match view.templates().get(*number) {
        Some(Template::List { element: Some(slot), open, separator, close }) => {
            slot.kind == SlotKind::RawSegment && open.is_empty() && separator.is_empty() && close.is_empty()
        }
        _ => false,
    };
    let count = view.pack().directory().templates.iter().map(|entry| entry.count).sum();
    (0..count).filter(is_split).collect()
}

fn collect(view: &mut PackView, templates: &[u32], splits: &mut Splits) -> Result<(), Corrupt> {
    let pack = Arc::clone(view.pack());
    let mut text = Vec::new();
    for (index, entry) in pack.directory().groups.iter().enumerate() {
        let group = view.open_group(index)?;
        let records: u64 = entry.records.iter().map(|run| run.count).sum();
        // The same template holds lines too long to be cut; those are records, and a split string never is.
        let mut roots: Vec<u32> = (0..records as usize).filter_map(|position| group.root(position)).collect();
        roots.sort_unstable();
        for number in entry.first_node..entry.first_node + entry.nodes {
            let node = group.node(number)?;
            if !templates.contains(&node.template()) || roots.binary_search(&number).is_ok() {
                continue;
            }
            let mut points = Vec::new();
            text.clear();
            for at in 0..node.list()?.count() as usize {
                if at > 0 {
                    points.push(text.len());
                }
                view.segment(node.reference(at)?, &mut text)?;
            }
            splits.insert(content_hash(&text), points.into());
        }
    }
    Ok(())
}
