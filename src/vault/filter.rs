//! Which sources and records a command is about: [`Filter`] against sources by name and against records by meaning.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::error::{Error, Result};
use crate::shape::{Detection, Label, Metadata, Record, SegmentType};
use crate::vault::api::{Filter, Time};
use crate::vault::condition::{Condition, Facts};
use crate::vault::meaning::Meaning;
use crate::vault::sources::{Source, State};

/// A filter with its names looked up.
pub(crate) struct Sieve<'f> {
    filter: &'f Filter,
    types: TypeSet,
    deep: Option<Arc<Deep>>,
}

/// What can only be told with a record and all its fields at hand.
#[derive(Debug)]
pub(crate) struct Deep {
    roles: Vec<String>,
    tags: Vec<String>,
    condition: Option<Condition>,
}

impl Deep {
    /// What a filter asks beyond its columns; nothing mostly.
    ///
    /// # Errors
    /// [`Error::Usage`] for a condition that makes no sense.
    pub(crate) fn of(filter: &Filter) -> Result<Option<Arc<Deep>>> {
        let condition = filter.condition.as_deref().map(Condition::parse).transpose()?;
        let deep = Deep { roles: filter.roles.clone(), tags: filter.tags.clone(), condition };
        let asks = !deep.roles.is_empty() || !deep.tags.is_empty() || deep.condition.is_some();
        Ok(asks.then(|| Arc::new(deep)))
    }

    /// Judges a record.
    pub(crate) fn passes(&self, record: &Record<'_>, detection: &Detection<'_>, metadata: &Metadata) -> bool {
        let role = |label: &Label| label.role.as_ref().is_some_and(|role| self.roles.contains(role));
        (self.tags.is_empty() || metadata.tags.iter().any(|tag| self.tags.contains(tag)))
            && self
                .condition
                .as_ref()
                .is_none_or(|condition| condition.holds(&Facts { record, metadata, shape: &detection.name() }))
            && (self.roles.is_empty() || record.segments(detection).iter().any(role))
    }
}

/// Segment types as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TypeSet(u64);

impl TypeSet {
    /// One type.
    pub(crate) fn of(kind: SegmentType) -> TypeSet {
        let mut set = TypeSet::default();
        set.insert(kind);
        set
    }

    /// The set as a number.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The set of a number.
    pub(crate) fn from_bits(bits: u64) -> TypeSet {
        TypeSet(bits)
    }

    /// Adds a type.
    pub(crate) fn insert(&mut self, kind: SegmentType) {
        let place = SegmentType::ALL.iter().position(|known| *known == kind).unwrap_or(63);
        self.0 |= 1 << place;
    }

    /// True when both have one in common.
    pub(crate) fn meets(self, other: TypeSet) -> bool {
        self.0 & other.0 != 0
    }

    /// All of both.
    pub(crate) fn union(self, other: TypeSet) -> TypeSet {
        TypeSet(self.0 | other.0)
    }

    /// True without any.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Names of the types in it.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        SegmentType::ALL.iter().enumerate().filter(move |(place, _)| self.0 >> place & 1 == 1).map(|(_, kind)| kind.name())
    }

    /// The types with these names.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that is no type, with all that are.
    pub(crate) fn parse(names: &[String]) -> Result<TypeSet> {
        let mut set = TypeSet::default();
        for name in names {
            let kind = SegmentType::from_name(name).ok_or_else(|| {
                let known: Vec<&str> = SegmentType::ALL.iter().map(|kind| kind.name()).collect();
                Error::Usage(format!("{name} is no segment type; there are {}", known.join(", ")))
            })?;
            set.insert(kind);
        }
        Ok(set)
    }
}

/// What a filter says to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It passes.
    In,
    /// It does not.
    Out,
    /// It would but for its time, which it does not tell.
    WithoutTime,
}

impl<'f> Sieve<'f> {
    /// Checks the filter's names.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown type.
    pub(crate) fn new(filter: &'f Filter) -> Result<Sieve<'f>> {
        Ok(Sieve { filter, types: TypeSet::parse(&filter.types)?, deep: Deep::of(filter)? })
    }

    /// True when records need not be looked at: only sources are named.
    pub(crate) fn takes_whole_sources(&self) -> bool {
        *self.filter == Filter { sources: self.filter.sources.clone(), ..Filter::default() }
    }

    /// Segments of which records must hold one.
    pub(crate) fn segments(&self) -> &[String] {
        &self.filter.segments
    }

    /// What records must be asked themselves.
    pub(crate) fn deep(&self) -> Option<Arc<Deep>> {
        self.deep.clone()
    }

    /// True when segment types are asked for, which costs a walk of every record.
    pub(crate) fn looks_at_types(&self) -> bool {
        !self.types.is_empty()
    }

    /// Judges a record.
    pub(crate) fn judge(&self, meaning: &Meaning) -> Verdict {
        let filter = self.filter;
        let one_of = |wanted: &[String], found: &Option<Box<str>>| {
            wanted.is_empty() || found.as_deref().is_some_and(|found| wanted.iter().any(|wanted| wanted == found))
        };
        let fits = one_of(&filter.conversations, &meaning.conversation)
            && one_of(&filter.models, &meaning.model)
            && one_of(&filter.apps, &meaning.application)
            && !meaning.conversation.as_deref().is_some_and(|id| filter.not_conversations.iter().any(|not| not == id))
            && (!filter.errors || meaning.error)
            && !meaning.refused
            && (self.types.is_empty() || meaning.types.meets(self.types));
        match meaning.time {
            _ if !fits => Verdict::Out,
            None if filter.looks_at_time() => Verdict::WithoutTime,
            Some(Time(time)) if filter.since.is_some_and(|since| time < since.0) => Verdict::Out,
            Some(Time(time)) if filter.until.is_some_and(|until| time >= until.0) => Verdict::Out,
            _ => Verdict::In,
        }
    }
}

/// The sources a filter names, or all; in the order they came, each content once.
///
/// # Errors
/// [`Error::NotFound`] for a name that nothing has, [`Error::Usage`] for one that several have.
pub(crate) fn select<'s>(state: &'s State, filter: &Filter, every_generation: bool) -> Result<Vec<&'s Source>> {
    // Aliases lead to the source that holds their lines: content goes out once, however many names it has.
    let mut chosen: BTreeMap<u32, &Source> = BTreeMap::new();
    let mut choose = |source| {
        let origin = state.origin(source);
        chosen.insert(origin.state.id, origin);
    };
    if filter.sources.is_empty() {
        let newest = newest_generations(state);
        let wanted =
            |source: &&Source| every_generation || newest.get(source.state.name.as_str()) == Some(&source.state.generation);
        state.sources.values().filter(wanted).for_each(&mut choose);
    }
    for query in &filter.sources {
        choose(
            state
                .find(query)?
                .ok_or_else(|| Error::NotFound(format!("no source is called {query}; `turnpack ls` lists them")))?,
        );
    }
    Ok(chosen.into_values().collect())
}

/// The time zone that days are counted in; UTC where none is named.
///
/// # Errors
/// When there is no such zone.
pub(crate) fn zone_named(name: Option<&str>) -> Result<TimeZone> {
    let named = |name| TimeZone::get(name).map_err(|error| Error::Usage(format!("time zone {name}: {error}")));
    name.map_or(Ok(TimeZone::UTC), named)
}

/// The newest generation of each name.
pub(crate) fn newest_generations(state: &State) -> BTreeMap<&str, u32> {
    let mut newest = BTreeMap::new();
    for source in state.sources.values() {
        let generation = newest.entry(source.state.name.as_str()).or_insert(0);
        *generation = source.state.generation.max(*generation);
    }
    newest
}
