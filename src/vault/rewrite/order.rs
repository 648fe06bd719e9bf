//! An order in which like records stand together: their text shares a block then, or a star.
//!
//! Answers of sixty models to one task, or the requests of one session between those of others, lie too far apart for a block to
//! hold two of them. What they have in common is some short value: a task's or session's id. So every place of a record's template
//! is tried as a key: one that groups many records which are scattered now. A trial on text decides: whole groups against
//! stretches as they are stored, compressed quickly.
//!
//! Records keep their numbers; only where they lie changes. It is done window by window, so that memory stays bounded and
//! what is fetched in the new order is still at hand.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::checksum::checksum;
use crate::codec;
use crate::error::Result;
use crate::interrupt::Interrupt;
use crate::pack::reader::PackReader;
use crate::record::cut::CutOptions;
use crate::record::known::Known;
use crate::record::template::{Part, SlotKind, Template};
use crate::vault::rewrite::stream::{self, Cutting, Lines, Means, Piece, Place, Unit, Units};

/// New text of a window at most.
const WINDOW_BYTES: usize = 96 << 20;
/// Records of a window at most.
const WINDOW_RECORDS: usize = 1 << 20;
/// Packs with less new text than this stay as they are: it lies together anyhow.
const LEAST_BYTES: usize = 8 << 20;
/// Places of templates looked at.
const FIELDS: usize = 256;
/// After so many records places that cannot be keys are forgotten.
const PROBATION: usize = 4096;
/// Keys that are tried on text.
const TRIALS: usize = 4;
/// Text of a trial.
const TRIAL_BYTES: usize = 6 << 20;
/// Level of a trial.
const TRIAL_LEVEL: i32 = 7;
/// Stretches that stand for the order as it is.
const STRETCHES: usize = 32;
/// A new order must save this share: 1/32.
const WORTH_IT: f64 = 1.0 - 1.0 / 32.0;
/// Records of a unit in the new order.
const UNIT_RECORDS: usize = 64;
/// Places in the filter of nodes met: 8 MiB.
const KNOWN_BITS: u32 = 20;

/// What may hold a key: a hash of the name before a value, in whatever template it stands.
pub(super) type Field = u64;

/// Some records with the text that came with them.
#[derive(Default)]
struct Window {
    places: Vec<Place>,
    /// Where each record's new text ends in `text`.
    ends: Vec<usize>,
    text: Vec<u8>,
    /// By place of a template: index of the record and hash of the value there.
    fields: FxHashMap<Field, Vec<(u32, u64)>>,
    closed: bool,
    /// By template: the name before each slot.
    names: FxHashMap<u64, Vec<Field>>,
}

/// The records, which have so much text, in the order they should be stored, and what is needed to fetch them in it.
///
/// # Errors
/// When records cannot be read.
pub fn by_likeness<'l>(
    packs: &[Arc<PackReader>],
    stored: Units<'l>,
    text: u64,
    means: Means,
    interrupt: &Interrupt,
) -> Result<(Units<'l>, Means)> {
    if text < LEAST_BYTES as u64 {
        return Ok((stored, means));
    }
    let mut windows = Windows { units: Vec::new(), window: Window::default(), changed: false };
    let segments = Known::new(KNOWN_BITS);
    let mut places = (0..stored.len()).flat_map(|index| stored.unit(packs, index).into_owned());
    // Every record is opened: the order must not depend on what was known when a thread came by.
    let cutting = Cutting { known: &Known::new(0), options: &CutOptions::default() };
    stream::in_order(packs, &stored, cutting, means, |piece| {
        match piece {
            Piece::Lines(lines) => windows.add(&lines, &mut places, &segments),
            Piece::LongPart(_) => {}
            Piece::LongEnd(..) => windows.window.places.extend(places.next()),
        }
        windows.window.pad();
        if windows.window.text.len() >= WINDOW_BYTES || windows.window.places.len() >= WINDOW_RECORDS {
            windows.close();
        }
        Ok(!interrupt.is_raised())
    })?;
    windows.close();
    if !windows.changed {
        return Ok((stored, means));
    }
    Ok((Units::Ordered(windows.units), Means { cache_bytes: means.cache_bytes.max(WINDOW_BYTES * 2), ..means }))
}

struct Windows {
    units: Vec<Unit>,
    window: Window,
    changed: bool,
}

impl Windows {
    fn add(&mut self, lines: &Lines, places: &mut impl Iterator<Item = Place>, segments: &Known) {
        let cuts = &lines.cuts;
        let (mut next_node, mut next_segment) = (0, 0);
        for &root in &cuts.records {
            let Some(place) = places.next() else { return };
            let record = self.window.places.len() as u32;
            self.window.places.push(place);
            self.window.keys(lines, root as usize, record);
            for index in next_node..(root as usize + 1).max(next_node) {
                let node = &cuts.nodes[index];
                for value in cuts.values_of(node) {
                    let is_segment = matches!(value.slot.kind, SlotKind::Segment | SlotKind::RawSegment);
                    if is_segment && value.index() >= next_segment {
                        next_segment = value.index() + 1;
                        let segment = cuts.segments[value.index()];
                        if !segments.contains(segment.hash) {
                            segments.insert(segment.hash);
                            self.window.text.extend_from_slice(cuts.bytes(&lines.bytes, segment.text));
                        }
                    }
                }
            }
            next_node = next_node.max(root as usize + 1);
            self.window.ends.push(self.window.text.len());
        }
    }

    fn close(&mut self) {
        let window = std::mem::take(&mut self.window);
        match window.best_order() {
            Some(order) => {
                self.changed = true;
                self.units
                    .extend(order.chunks(UNIT_RECORDS).map(|unit| unit.iter().map(|&at| window.places[at as usize]).collect()));
            }
            None => self.units.extend(window.places.chunks(UNIT_RECORDS).map(<[Place]>::to_vec)),
        }
    }
}

impl Window {
    /// Every record has an end.
    fn pad(&mut self) {
        self.ends.resize(self.places.len(), self.text.len());
    }

    /// Remembers what stands in the places of a record and of the objects right inside it.
    fn keys(&mut self, lines: &Lines, root: usize, record: u32) {
        let cuts = &lines.cuts;
        self.keys_of(lines, root, record);
        for value in cuts.values_of(&cuts.nodes[root]) {
            if value.slot.kind == SlotKind::Node {
                self.keys_of(lines, value.index(), record);
            }
        }
        if record as usize + 1 == PROBATION {
            self.fields.retain(|_, values| may_be_key(values));
            self.closed = true;
        }
    }

    fn keys_of(&mut self, lines: &Lines, node: usize, record: u32) {
        let cuts = &lines.cuts;
        let node = &cuts.nodes[node];
        if node.is_list {
            return;
        }
        let template = cuts.template(node.template);
        let names = self.names.entry(checksum(template)).or_insert_with(|| names(template));
        for (field, value) in names.iter().zip(cuts.values_of(node)) {
            let hash = match value.slot.kind {
                SlotKind::ShortString | SlotKind::Token => checksum(cuts.bytes(&lines.bytes, value.place)),
                SlotKind::Segment => cuts.segments[value.index()].hash as u64,
                _ => continue,
            };
            if let Some(values) = self.fields.get_mut(field) {
                if values.last().is_none_or(|(last, _)| *last != record) {
                    values.push((record, hash));
                }
            } else if !self.closed && self.fields.len() < FIELDS {
                self.fields.insert(*field, vec![(record, hash)]);
            }
        }
    }

    fn text_of(&self, record: u32) -> &[u8] {
        let start = (record as usize).checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.ends.get(record as usize).and_then(|end| self.text.get(start..*end)).unwrap_or_default()
    }

    /// The records by the key that pays most, if one does.
    fn best_order(&self) -> Option<Vec<u32>> {
        if self.text.len() < LEAST_BYTES {
            return None;
        }
        let mut keys: Vec<Key> =
            self.fields.iter().filter_map(|(field, values)| Key::new(*field, values, self.places.len())).collect();
        keys.sort_by(|a, b| b.scatter.total_cmp(&a.scatter).then(a.field.cmp(&b.field)));
        keys.dedup_by(|a, b| a.groups.len() == b.groups.len() && a.runs == b.runs);
        keys.truncate(TRIALS);
        let now = self.cost_now() * WORTH_IT;
        let costs = keys.into_iter().map(|key| (self.cost_grouped(&key), key));
        let (cost, best) = costs.min_by(|a, b| a.0.total_cmp(&b.0))?;
        (cost < now).then(|| self.grouped(&best))
    }

    /// Compressed size of text as a share of it, in the order it is stored.
    fn cost_now(&self) -> f64 {
        let length = (TRIAL_BYTES / STRETCHES).min(self.text.len());
        let starts = (0..STRETCHES).map(|index| (self.text.len() - length) / STRETCHES * index);
        cost(&starts.flat_map(|start| self.text[start..start + length].iter().copied()).collect::<Vec<u8>>())
    }

    /// The same of whole groups.
    fn cost_grouped(&self, key: &Key) -> f64 {
        let mut text = Vec::with_capacity(TRIAL_BYTES);
        let mut groups: Vec<(&u64, &Vec<u32>)> = key.groups.iter().filter(|(_, records)| records.len() > 1).collect();
        // In the order of hashes: a draw by lot.
        groups.sort_unstable();
        for record in groups.into_iter().flat_map(|(_, records)| records) {
            text.extend_from_slice(self.text_of(*record));
            if text.len() >= TRIAL_BYTES {
                break;
            }
        }
        if text.len() < TRIAL_BYTES / 4 { f64::INFINITY } else { cost(&text) }
    }

    /// All records: groups in the order of their first records, those without a key where they are.
    fn grouped(&self, key: &Key) -> Vec<u32> {
        let mut leads: Vec<(u32, u32)> = (0..self.places.len() as u32).map(|record| (record, record)).collect();
        for records in key.groups.values() {
            let first = records.first().copied().unwrap_or_default();
            records.iter().for_each(|record| leads[*record as usize].0 = first);
        }
        leads.sort_unstable();
        leads.into_iter().map(|(_, record)| record).collect()
    }
}

/// A place of a template whose values group records.
struct Key {
    field: Field,
    groups: FxHashMap<u64, Vec<u32>>,
    /// Runs of records with one value, as stored.
    runs: usize,
    /// Runs to a group: how scattered the groups are.
    scatter: f64,
}

impl Key {
    fn new(field: Field, values: &[(u32, u64)], records: usize) -> Option<Key> {
        let mut groups: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
        let mut runs = 0;
        let mut last = None;
        for &(record, value) in values {
            runs += usize::from(last != Some(value));
            last = Some(value);
            groups.entry(value).or_default().push(record);
        }
        let scatter = runs as f64 / groups.len().max(1) as f64;
        let many = groups.len() >= 16 && values.len() >= groups.len() * 2 && values.len() * 2 >= records;
        (many && scatter >= 1.5).then_some(Key { field, groups, runs, scatter })
    }
}

/// The name before each slot of a template: what stands there since the last comma or brace.
pub(super) fn names(template: &[u8]) -> Vec<Field> {
    let Ok(Template::Fixed(parts)) = Template::parse(template) else { return Vec::new() };
    let mut names = Vec::new();
    let mut before: &[u8] = &[];
    for part in &parts {
        match part {
            Part::Literal(bytes) => before = bytes,
            Part::Slot(_) => {
                let start = before.iter().rposition(|byte| matches!(byte, b',' | b'{')).map_or(0, |at| at + 1);
                names.push(checksum(&before[start..]));
                before = &[];
            }
        }
    }
    names
}

/// False when all values differ, or hardly any do.
fn may_be_key(values: &[(u32, u64)]) -> bool {
    let distinct = values.iter().map(|(_, value)| value).collect::<rustc_hash::FxHashSet<_>>().len();
    distinct >= 8 && (distinct < values.len() || values.len() < 64)
}

fn cost(text: &[u8]) -> f64 {
    codec::compress(text, TRIAL_LEVEL).map_or(text.len(), |packed| packed.len()) as f64 / text.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of some sessions, each with words of its own; `order` gives the session of each record.
    fn window(order: impl Iterator<Item = u64>) -> Window {
        let mut window = Window::default();
        let mut state = 1u64;
        for (record, session) in (0..).zip(order) {
            for _ in 0..500 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let word = (session * 1_000 + (state >> 33) % 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                window.text.extend_from_slice(format!("{word:016x} ").as_bytes());
            }
            window.places.push(Place { pack: 0, group: 0, position: record, number: u64::from(record) });
            window.ends.push(window.text.len());
            for (field, value) in [(1, session), (2, u64::from(record)), (3, u64::from(record) % 9)] {
                window.fields.entry(field).or_default().push((record, value));
            }
        }
        window
    }

    // Protects the gain on logs of many models answering the same tasks, and that every record stays exactly once.
    #[test]
    fn scattered_sessions_are_brought_together_and_a_log_in_order_stays_as_it_is() {
        let scattered = window((0..1_200).map(|record| record * 7 % 100));
        let order = scattered.best_order().unwrap();
        let sessions: Vec<u32> = order.iter().map(|record| record * 7 % 100).collect();
        assert_eq!(sessions.windows(2).filter(|pair| pair[0] != pair[1]).count(), 99);
        let mut all = order.clone();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1_200));
        assert!(window((0..1_200).map(|record| record / 12)).best_order().is_none());
    }

    // Protects keys that stand in several templates: they are one.
    #[test]
    fn a_slot_is_named_by_the_key_before_it_whatever_comes_before_that() {
        let template = |text: &[u8]| [text, &[5], b"\"}"].concat();
        assert_eq!(names(&template(b"{\"session\":\"")), names(&template(b"{\"a\":1,\"session\":\"")).as_slice());
        assert_ne!(names(&template(b"{\"session\":\"")), names(&template(b"{\"other\":\"")));
    }
}
