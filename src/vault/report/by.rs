//! Stored bytes told apart by type, tool, model, application, source or day.

use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::Material;
use super::charge::{Charge, For, NOBODY, charge};
use super::facts::{Fact, NO_TYPE};
use crate::error::Result;
use crate::shape::SegmentType;
use crate::vault::api::{ByteDimension, ByteGroup, ByteGroups};
use crate::vault::filter::{Verdict, newest_generations, zone_named};
use crate::vault::get::shown_name;
use crate::vault::meaning::Part;

/// Groups while bytes are added. Millions of bytes' worth of nodes and segments ask for theirs: a name is made once for each kind of
/// segment, and for records that follow one another.
struct Groups<'k> {
    keys: Keys<'k>,
    places: FxHashMap<Option<String>, usize>,
    of_kinds: FxHashMap<Option<u32>, usize>,
    last: Option<(u64, usize)>,
    groups: Vec<ByteGroup>,
}

impl<'k> Groups<'k> {
    fn new(keys: Keys<'k>) -> Groups<'k> {
        Groups { keys, places: FxHashMap::default(), of_kinds: FxHashMap::default(), last: None, groups: Vec::new() }
    }

    fn place(&mut self, key: Option<String>) -> usize {
        let next = self.groups.len();
        let place = *self.places.entry(key.clone()).or_insert(next);
        if place == next {
            self.groups.push(ByteGroup { key, occurrences: 0, distinct: 0, content_bytes: 0, stored_bytes: 0 });
        }
        place
    }

    fn structure(&mut self) -> &mut ByteGroup {
        let place = self.place(Some("(structure)".into()));
        &mut self.groups[place]
    }

    fn of_segment(&mut self, pack: usize, segment: u32) -> &mut ByteGroup {
        let kind = self.keys.kind_of(pack, segment);
        let place = match self.of_kinds.get(&kind) {
            Some(place) => *place,
            None => {
                let place = self.place(self.keys.of_kind(kind));
                self.of_kinds.insert(kind, place);
                place
            }
        };
        &mut self.groups[place]
    }

    fn of_record(&mut self, number: u64) -> &mut ByteGroup {
        let place = match self.last {
            Some((last, place)) if last == number => place,
            _ => self.place(self.keys.of_record(number)),
        };
        self.last = Some((number, place));
        &mut self.groups[place]
    }
}

/// Tells the vault's bytes apart; `shared` are those that are in no block, group or template.
///
/// # Errors
/// When the vault is damaged.
pub(super) fn by(material: &Material<'_>, by: ByteDimension, time_zone: Option<&str>, shared: u64) -> Result<ByteGroups> {
    let keys = Keys::new(material, by, zone_named(time_zone)?);
    let of_segments = keys.of_segments();
    let mut groups = Groups::new(keys);
    let mut report = ByteGroups { by, groups: Vec::new(), left_out_bytes: 0, unneeded_bytes: 0, shared_bytes: shared };
    let mut structure = 0;
    for (pack, census) in material.censuses.iter().enumerate() {
        let occurrences = |number: u64| material.occurrences(number);
        match by {
            ByteDimension::Type | ByteDimension::Tool => {
                let (_, said) = census.hand_down(0u64, occurrences, u64::saturating_add);
                for (segment, (stored, said)) in (0u32..).zip(census.segments.iter().zip(said)).filter(|(_, (_, said))| *said > 0)
                {
                    let group = groups.of_segment(pack, segment);
                    group.distinct += 1;
                    group.occurrences += said;
                    group.content_bytes += said.saturating_mul(u64::from(stored.length));
                }
            }
            _ => {
                let whole = census.whole_bytes();
                let taken = census.records.iter().filter(|(number, _)| material.passes(*number) && occurrences(*number) > 0);
                for &(number, root) in taken {
                    let group = groups.of_record(number);
                    group.distinct += 1;
                    group.occurrences += occurrences(number);
                    group.content_bytes += occurrences(number) * whole.get(root as usize).copied().unwrap_or_default();
                }
            }
        }
        charge(material.snapshot, pack, census, &|number| occurrences(number) > 0, &mut |Charge { owner, of, bytes }| match (
            owner, of,
        ) {
            _ if bytes == 0 => {}
            (NOBODY, _) => report.unneeded_bytes += bytes,
            (owner, _) if !material.passes(owner) => report.left_out_bytes += bytes,
            (_, For::Segment(segment)) if of_segments => groups.of_segment(pack, segment).stored_bytes += bytes,
            (_, For::Structure) if of_segments => structure += bytes,
            (owner, _) => groups.of_record(owner).stored_bytes += bytes,
        })?;
    }
    if structure > 0 {
        groups.structure().stored_bytes += structure;
    }
    report.groups = groups.groups;
    if by == ByteDimension::Day {
        report.groups.sort_by(|a, b| a.key.cmp(&b.key));
    } else {
        report.groups.sort_by(|a, b| b.stored_bytes.cmp(&a.stored_bytes).then_with(|| a.key.cmp(&b.key)));
    }
    Ok(report)
}

/// What a record or a segment is counted under.
struct Keys<'m> {
    material: &'m Material<'m>,
    by: ByteDimension,
    zone: TimeZone,
    sources: FxHashMap<u64, usize>,
    names: Vec<String>,
}

impl<'m> Keys<'m> {
    fn new(material: &'m Material<'m>, by: ByteDimension, zone: TimeZone) -> Keys<'m> {
        let (mut sources, mut names) = (FxHashMap::default(), Vec::new());
        if by == ByteDimension::Source {
            let newest = newest_generations(material.state);
            for source in &material.sources {
                let place = names.len();
                names.push(shown_name(source, &newest));
                for (_, number) in Part::whole(source).live(material.state) {
                    sources.entry(number).or_insert(place);
                }
            }
        }
        Keys { material, by, zone, sources, names }
    }

    fn of_segments(&self) -> bool {
        matches!(self.by, ByteDimension::Type | ByteDimension::Tool)
    }

    /// The type of a segment, or the name of its tool, as a number.
    fn kind_of(&self, pack: usize, segment: u32) -> Option<u32> {
        let facts = self.material.facts.as_ref()?;
        if self.by == ByteDimension::Tool {
            return facts.tool_of.get(pack)?.get(&segment).copied();
        }
        facts.types.get(pack)?.get(segment as usize).copied().filter(|kind| *kind != NO_TYPE).map(u32::from)
    }

    fn of_kind(&self, kind: Option<u32>) -> Option<String> {
        if self.by == ByteDimension::Tool {
            return self.material.facts.as_ref()?.name(kind?).map(String::from);
        }
        SegmentType::ALL.get(kind? as usize).map(|kind| kind.name().to_string())
    }

    fn of_record(&self, number: u64) -> Option<String> {
        if self.by == ByteDimension::Source {
            return self.sources.get(&number).and_then(|place| self.names.get(*place)).cloned();
        }
        let facts = self.material.facts.as_ref()?;
        let fact: &Fact = facts.get(number)?;
        match self.by {
            ByteDimension::Model => facts.name(fact.model).map(String::from),
            ByteDimension::App => facts.name(fact.app).map(String::from),
            _ => {
                let moment = jiff::Timestamp::from_microsecond(fact.time?).ok()?;
                Some(moment.to_zoned(self.zone.clone()).date().to_string())
            }
        }
    }
}

impl Material<'_> {
    /// Live occurrences of a record.
    pub(super) fn occurrences(&self, number: u64) -> u64 {
        self.occurrences.get(&number).copied().unwrap_or_default()
    }

    /// Whether the filter takes a record.
    pub(super) fn passes(&self, number: u64) -> bool {
        match (&self.only, &self.facts) {
            (Some(only), _) => only.contains(&number),
            (None, Some(facts)) if self.filtered => facts.get(number).is_some_and(|fact| fact.verdict == Verdict::In),
            _ => true,
        }
    }

    /// Stored bytes that no record needs that `live` takes, and those that one does.
    ///
    /// # Errors
    /// When the vault is damaged.
    pub(super) fn needed(&self, live: &dyn Fn(u64) -> bool) -> Result<(u64, u64)> {
        let (mut unneeded, mut needed) = (0, 0);
        for (pack, census) in self.censuses.iter().enumerate() {
            charge(self.snapshot, pack, census, live, &mut |charge| {
                *if charge.owner == NOBODY { &mut unneeded } else { &mut needed } += charge.bytes;
            })?;
        }
        Ok((unneeded, needed))
    }
}
