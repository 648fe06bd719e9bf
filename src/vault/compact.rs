//! `compact`: packs are written anew, large and hard pressed.
//!
//! A pack that compact made says so in its header and is left alone, so that a second run writes nothing. Small ones are taken up
//! again once at least half as much has come after them, all that one run made together: a log that is compacted every night is
//! rewritten a few times in all, not every night. Packs go in batches of at most one full pack, each published by itself: that is
//! all the extra space it takes, and where the next run goes on.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::error::Result;
use crate::ids::PackId;
use crate::interrupt::Interrupt;
use crate::pack::Mark;
use crate::pack::reader::PackReader;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::vault::api::{CompactOptions, CompactReport, PackPlan, Tier};
use crate::vault::head::disk_bytes;
use crate::vault::logbook;
use crate::vault::rewrite::live::{self, Removed};
use crate::vault::rewrite::{Maintenance, Profile, Request};
use crate::vault::snapshot::Snapshot;
use crate::vault::view::CACHE_BYTES;
use crate::vault::write::assemble::Shape;
use crate::vault::write::encode::Levels;

/// zstd's level unless another is asked for: beyond it blocks take several times as long for a percent.
const LEVEL: u8 = 19;
/// A finished pack is taken up again when what came after it has at least this share of its size: 1/2.
const TAKE_UP_AGAIN: u64 = 2;

/// Packs of less text are written in larger blocks: they have few others to learn from, and one takes the larger share of the size.
const FEW_BLOCKS: u64 = 32 << 20;

/// How compact writes small packs at a level.
#[must_use]
pub fn profile(level: u8) -> Profile {
    profile_of(Mark::compacted(level), 0)
}

/// How compact writes packs that say this of themselves and have so much text. Sizes are measured, see `docs/decisions`.
#[must_use]
pub fn profile_of(mark: Mark, text: u64) -> Profile {
    let level = i32::from(mark.compact_level().unwrap_or(LEVEL));
    Profile {
        levels: Levels { text: level, dense: level, group: level, cold: mark.is_cold() },
        shape: shape_of(mark, text),
        mark,
        vocabulary: true,
        apart: Some(shape_of),
        reorder: true,
        cache_bytes: CACHE_BYTES,
        table_bytes: u64::MAX,
    }
}

/// Sizes of packs with so much text.
fn shape_of(mark: Mark, text: u64) -> Shape {
    let (block_bytes, star, rest_bytes, group_bytes) = match (mark.is_cold(), text >= FEW_BLOCKS) {
        // PPMd has no prefix.
        (true, _) => (16 << 20, 1, 0, 1 << 20),
        (false, true) => (2 << 20, 32, 1 << 20, 512 << 10),
        (false, false) => (4 << 20, 16, 4 << 20, 1 << 20),
    };
    Shape {
        block_bytes,
        group_bytes,
        pack_bytes: 1 << 30,
        window_bytes: 128 << 20,
        ring_bytes: 128 << 20,
        min_match: 512,
        star,
        rest_bytes,
    }
}

/// Packs that are rewritten together.
struct Batch {
    packs: Vec<PackId>,
    bytes: u64,
    text: u64,
}

/// What is to be done with all packs.
struct Plan {
    batches: Vec<Batch>,
    rows: Vec<PackPlan>,
}

impl Vault {
    /// Rewrites packs for size.
    ///
    /// # Errors
    /// When the vault cannot be read or written.
    pub fn compact(&self, options: &CompactOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<CompactReport> {
        let started = Instant::now();
        let level = options.level.unwrap_or(LEVEL);
        let mark = if options.tier == Some(Tier::Cold) { Mark::cold(level) } else { Mark::compacted(level) };
        let profile = profile_of(mark, 0);
        let before = disk_bytes(self.layout.dir())?;
        let mut report =
            CompactReport { dry_run: options.dry_run, complete: true, vault_bytes_before: before, ..CompactReport::default() };
        if options.dry_run {
            let plan = plan(&self.snapshot()?, &profile, options.tier);
            report.count(plan.rows);
            report.vault_bytes_after = before;
            return Ok(report);
        }
        let maintenance = Maintenance::begin(&self.layout, self.pool()?, self.options.lock_timeout, progress, interrupt)?
            .within(self.options.memory_limit);
        let plan = plan(&self.snapshot()?, &profile, options.tier);
        report.count(plan.rows);
        for batch in &plan.batches {
            let late = options.max_runtime.is_some_and(|most| started.elapsed() >= most);
            if late || interrupt.is_raised() || !rewrite(&maintenance, batch, &profile_of(mark, batch.text), &mut report)? {
                report.complete = false;
                break;
            }
        }
        drop(maintenance);
        if report.packs_rewritten > 0 {
            self.refresh_catalog()?;
        }
        report.vault_bytes_after = disk_bytes(self.layout.dir())?;
        report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }
}

impl CompactReport {
    fn count(&mut self, rows: Vec<PackPlan>) {
        let rewrite = rows.iter().filter(|row| row.action == "rewrite").count() as u64;
        self.packs_kept = rows.len() as u64 - rewrite;
        if self.dry_run {
            self.packs_rewritten = rewrite;
        }
        self.packs = rows;
    }
}

/// Rewrites one batch; false when it was interrupted.
fn rewrite(maintenance: &Maintenance<'_>, batch: &Batch, profile: &Profile, report: &mut CompactReport) -> Result<bool> {
    maintenance.make_sure_of_space(batch.bytes)?;
    let (snapshot, first) = maintenance.reserve(&batch.packs)?;
    let live = live::live(&snapshot, &Removed::default())?;
    let snapshot = snapshot.forgetting();
    let counts = [("packs", batch.packs.len() as u64), ("bytes_before", batch.bytes)];
    let request = Request {
        packs: batch.packs.clone(),
        live: &live,
        purged: &Default::default(),
        log: Some(logbook::entry("compact", &counts, None)),
    };
    let outcome = maintenance.rewrite(&snapshot, first, profile, &request)?;
    if !outcome.done {
        return Ok(false);
    }
    report.packs_rewritten += batch.packs.len() as u64;
    let after: u64 = outcome.written.iter().map(|pack| pack.committed.length).sum();
    for row in &mut report.packs {
        if batch.packs.iter().any(|id| row.pack == id.to_string()) {
            // Merged packs share what they became by the sizes they had.
            row.bytes_after = Some((u128::from(after) * u128::from(row.bytes_before) / u128::from(batch.bytes.max(1))) as u64);
        }
    }
    Ok(true)
}

/// Decides for each pack, oldest first.
fn plan(snapshot: &Snapshot, profile: &Profile, tier: Option<Tier>) -> Plan {
    let level = profile.mark.compact_level().unwrap_or_default();
    let sealed = |pack: &PackReader| snapshot.head.pack(pack.committed.pack).is_some_and(|live| live.sealed);
    // Without a tier asked for, packs stay in the one they are in.
    let other_tier = |pack: &PackReader| pack.mark.is_cold() != profile.mark.is_cold();
    let finished = |pack: &PackReader| {
        let pressed = pack.mark.compact_level().is_some_and(|have| have >= level);
        sealed(pack) && pressed && (tier.is_none() || !other_tier(pack))
    };
    let mut taken: Vec<bool> = snapshot.packs.iter().map(|pack| !finished(pack)).collect();
    let length = |at: &usize| snapshot.packs[*at].committed.length;
    let mut bytes: u64 = (0..taken.len()).filter(|&at| taken[at]).map(|at| length(&at)).sum();
    for set in sets(snapshot, |pack| finished(pack) && pack.text_bytes() < profile.shape.pack_bytes / 2 && !other_tier(pack)) {
        let of_set: u64 = set.iter().map(length).sum();
        if bytes > 0 && of_set <= bytes * TAKE_UP_AGAIN {
            set.iter().for_each(|&at| taken[at] = true);
            bytes += of_set;
        }
    }
    let mut plan = Plan { batches: Vec::new(), rows: Vec::new() };
    let mut text = u64::MAX;
    for (pack, taken) in snapshot.packs.iter().zip(taken) {
        plan.rows.push(row(pack, taken, finished(pack)));
        if !taken {
            continue;
        }
        let own = pack.text_bytes();
        if text.saturating_add(own) > profile.shape.pack_bytes {
            plan.batches.push(Batch { packs: Vec::new(), bytes: 0, text: 0 });
            text = 0;
        }
        if let Some(batch) = plan.batches.last_mut() {
            text += own;
            batch.text += own;
            batch.packs.push(pack.committed.pack);
            batch.bytes += pack.committed.length;
        }
    }
    plan
}

/// Packs of each rewrite, the latest first: what it divided by kinds is small or large together.
fn sets(snapshot: &Snapshot, is_candidate: impl Fn(&PackReader) -> bool) -> Vec<Vec<usize>> {
    let mut sets: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, pack) in snapshot.packs.iter().enumerate().filter(|(_, pack)| is_candidate(pack)) {
        sets.entry(pack.generation).or_default().push(at);
    }
    sets.into_values().rev().collect()
}

fn row(pack: &PackReader, taken: bool, finished: bool) -> PackPlan {
    let reason = match (taken, finished) {
        (true, false) if pack.mark.compact_level().is_some() => "compacted otherwise",
        (true, false) => "not compacted yet",
        (true, true) => "small, and much has come since",
        (false, _) => "finished",
    };
    PackPlan {
        pack: pack.committed.pack.to_string(),
        action: if taken { "rewrite" } else { "keep" }.into(),
        reason: reason.into(),
        bytes_before: pack.committed.length,
        bytes_after: None,
    }
}
