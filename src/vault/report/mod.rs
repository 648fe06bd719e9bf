//! `dedup-report`: where the bytes go, what repeats, and when a prompt changed.
//!
//! | file | what |
//! |---|---|
//! | `census` | everything a pack stores, as arrays of numbers |
//! | `waterfall` | from the bytes taken in to the bytes on disk |
//! | `charge`, `by` | whose bytes they are |
//! | `bones`, `facts` | what records say of themselves, read without their text |
//! | `near` | segments that are nearly the same |
//! | `drift` | prompts and tools in their versions |
//! | `witness` | how requests went |
//! | `repeats` | the segments that repeat most, and who holds one |

mod bones;
mod by;
mod census;
mod charge;
mod drift;
mod facts;
mod near;
mod repeats;
mod waterfall;
mod witness;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Result;
use crate::redact::{redact_alone, redact_cut, redact_text};
use crate::shape::LONGEST_WORD;
use crate::vault::Vault;
use crate::vault::api::{ByteDimension, DedupOptions, DedupReport, Filter, Time, WhatIf, Witness};
use crate::vault::filter::{Sieve, Verdict, select};
use crate::vault::meaning::{Part, Scan};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};
use census::Census;
use facts::Facts;
use waterfall::{Files, Totals};

/// What reports are made of.
struct Material<'m> {
    snapshot: &'m Snapshot,
    state: &'m State,
    /// Sources that the filter names, or all.
    sources: Vec<&'m Source>,
    /// Live occurrences of each record that has any.
    occurrences: FxHashMap<u64, u64>,
    censuses: Vec<Census>,
    facts: Option<Facts>,
    /// The records that the filter takes, where facts cannot tell.
    only: Option<FxHashSet<u64>>,
    /// The filter asks about records and not only about sources.
    filtered: bool,
    without_time: u64,
    /// Secrets are not shown.
    redact: bool,
}

impl Material<'_> {
    /// The beginning of a text in one line.
    fn preview(&self, text: &[u8]) -> Result<String> {
        Ok(if self.redact { repeats::preview(&redact_alone(text)?) } else { repeats::preview(text) })
    }

    /// A text as it may be shown and compared.
    fn shown(&self, text: String) -> Result<String> {
        Ok(if self.redact { redact_text(&text)?.into_owned() } else { text })
    }
}

impl Vault {
    /// Tells where the bytes go and what repeats.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn dedup_report(&self, options: &DedupOptions) -> Result<DedupReport> {
        let snapshot = self.snapshot()?;
        let state = snapshot.state()?;
        let sieve = Sieve::new(&options.filter)?;
        let sources = select(state, &options.filter, true)?;
        let mut material = self.material(&snapshot, state, options, &sieve, sources)?;
        let mut totals = Totals::default();
        for (pack, census) in material.censuses.iter().enumerate() {
            totals.add(&snapshot, pack, census, &|number| material.occurrences(number))?;
        }
        let files = Files::look(&snapshot, totals.stored())?;
        let bytes_in = state.in_order().map(|source| source.state.stream_len()).sum();
        let aliases = state.in_order().filter(|source| source.state.alias_of.is_some());
        let repeated = aliases.map(|source| source.state.stream_len()).sum();
        let mut report = DedupReport {
            bytes_in,
            vault_bytes: files.lengths,
            du_bytes: files.du,
            du_allocated_bytes: files.allocated,
            waterfall: waterfall::layers(bytes_in, repeated, &totals, &files),
            without_time: material.without_time,
            ..DedupReport::default()
        };
        if let Some(dimension) = options.by {
            let shared = files.du.saturating_sub(totals.stored());
            report.by = Some(by::by(&material, dimension, options.time_zone.as_deref(), shared)?);
        }
        if let (Some(top), None) = (options.top, &material.facts) {
            // Times and types of a few segments: only their records are read.
            let numbers = repeats::records_of_top(&material, top, options.min_refs);
            material.facts = Some(self.facts(&material, &sieve, &numbers, true)?);
        }
        if let Some(top) = options.top {
            report.top = Some(repeats::top(&material, top, options.min_refs)?);
        }
        if let Some(hash) = &options.segment {
            report.segment = Some(repeats::holders(&material, hash, self.threads())?);
        }
        if let Some(threshold) = options.near {
            let (mut near, canonical) = near::near(&material, threshold, self.threads(), options.min_refs)?;
            if material.facts.is_none() {
                let numbers = repeats::records_of(&material, &canonical);
                material.facts = Some(self.facts(&material, &sieve, &numbers, true)?);
            }
            for (cluster, (pack, segment)) in near.clusters.iter_mut().zip(canonical) {
                cluster.kind = repeats::kind(&material, pack, segment);
            }
            report.near = Some(near);
        }
        if options.prompts || options.drift {
            report.drift = Some(drift::drift(&material, options.time_zone.as_deref())?);
        }
        if options.witness {
            let mut witness = witness::witness(&material);
            if self.options.redact {
                witness.errors.iter_mut().try_for_each(|(kind, _)| redact_cut(kind, LONGEST_WORD).map(|shown| *kind = shown))?;
            }
            report.witness = Some(witness);
        }
        if let Some(keep_since) = options.keep_since {
            report.what_if = Some(what_if(&material, keep_since)?);
        }
        report.files = files.purposes;
        Ok(report)
    }

    /// Tells how the requests went that a filter takes.
    pub(crate) fn witness(&self, filter: &Filter) -> Result<Witness> {
        let options = DedupOptions { filter: filter.clone(), witness: true, ..DedupOptions::default() };
        Ok(self.dedup_report(&options)?.witness.unwrap_or_default())
    }

    fn material<'m>(
        &self,
        snapshot: &'m Snapshot,
        state: &'m State,
        options: &DedupOptions,
        sieve: &Sieve<'_>,
        sources: Vec<&'m Source>,
    ) -> Result<Material<'m>> {
        let mut occurrences: FxHashMap<u64, u64> = FxHashMap::default();
        for source in state.in_order() {
            for (_, number) in Part::whole(source).live(state) {
                *occurrences.entry(number).or_default() += 1;
            }
        }
        let censuses =
            (0..snapshot.packs.len()).map(|pack| Census::take(snapshot, pack, self.threads())).collect::<Result<Vec<_>>>()?;
        let asks_facts = options.by.is_some_and(|by| by != ByteDimension::Source)
            || options.keep_since.is_some()
            || options.prompts
            || options.drift
            || options.witness
            || !sieve.takes_whole_sources();
        let filtered = !sieve.takes_whole_sources();
        let mut material = Material {
            snapshot,
            state,
            sources,
            occurrences,
            censuses,
            facts: None,
            only: None,
            filtered,
            without_time: 0,
            redact: self.options.redact,
        };
        if asks_facts {
            let mut numbers: Vec<u64> = material.occurrences.keys().copied().collect();
            numbers.sort_unstable();
            // What parts of records are, beyond who, when and how, only some questions need.
            let of_parts = matches!(options.by, Some(ByteDimension::Type | ByteDimension::Tool)) || sieve.looks_at_types();
            let of_parts = of_parts || options.top.is_some() || options.near.is_some() || options.prompts || options.drift;
            material.facts = Some(self.facts(&material, sieve, &numbers, of_parts)?);
        }
        self.narrow(&mut material, options, sieve)?;
        Ok(material)
    }

    fn facts(&self, material: &Material<'_>, sieve: &Sieve<'_>, numbers: &[u64], of_parts: bool) -> Result<Facts> {
        Facts::read(material.snapshot, material.state, self.threads(), numbers, sieve, &material.censuses, of_parts)
    }

    /// Which records the filter takes: as facts tell, unless it asks for something that only whole records or sources know.
    fn narrow(&self, material: &mut Material<'_>, options: &DedupOptions, sieve: &Sieve<'_>) -> Result<()> {
        if sieve.deep().is_some() || !sieve.segments().is_empty() {
            let (mut only, mut without_time) = (FxHashSet::default(), 0);
            Scan::for_filter(material.snapshot, self.threads(), false, sieve)?.lines(&material.sources, |line| {
                match sieve.judge(line.meaning) {
                    Verdict::In => drop(only.insert(line.number)),
                    Verdict::WithoutTime => without_time += 1,
                    Verdict::Out => {}
                }
                Ok(())
            })?;
            (material.only, material.without_time) = (Some(only), without_time);
            return Ok(());
        }
        if !options.filter.sources.is_empty() {
            let lines = material.sources.iter().flat_map(|source| Part::whole(source).live(material.state));
            let numbers: FxHashSet<u64> = lines.map(|(_, number)| number).collect();
            material.only = Some(numbers.into_iter().filter(|number| material.passes(*number)).collect());
        }
        if let Some(facts) = &material.facts {
            let untimed = |(number, count): (&u64, &u64)| {
                facts.get(*number).filter(|fact| fact.verdict == Verdict::WithoutTime).map_or(0, |_| *count)
            };
            material.without_time = material.occurrences.iter().map(untimed).sum();
        }
        Ok(())
    }
}

/// What removing what is older would bring.
fn what_if(material: &Material<'_>, keep_since: Time) -> Result<WhatIf> {
    let goes = |number: u64| {
        let time = material.facts.as_ref().and_then(|facts| facts.get(number)?.time);
        material.passes(number) && time.is_some_and(|time| time < keep_since.0)
    };
    let (now, _) = material.needed(&|number| material.occurrences(number) > 0)?;
    let (then, kept) = material.needed(&|number| material.occurrences(number) > 0 && !goes(number))?;
    let going = material.occurrences.iter().filter(|(number, _)| goes(**number));
    let (records, occurrences) = going.fold((0, 0), |(records, all), (_, count)| (records + 1, all + count));
    Ok(WhatIf { keep_since, records, occurrences, freed_bytes: then.saturating_sub(now), kept_bytes: kept })
}
