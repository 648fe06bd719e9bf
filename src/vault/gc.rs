//! `gc`: drops what no live record needs.
//!
//! Dead are records all lines of which were removed longer ago than the grace period, and records that a growing last line
//! superseded. Packs are judged by what they would lose: wholly dead ones go first, since they free space and need none; others
//! are rewritten where it pays.

use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::error::Result;
use crate::ids::PackId;
use crate::interrupt::Interrupt;
use crate::pack::reader::PackReader;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::vault::api::{GcCandidate, GcOptions, GcReport};
use crate::vault::compact;
use crate::vault::head::disk_bytes;
use crate::vault::logbook;
use crate::vault::rewrite::carry::Purged;
use crate::vault::rewrite::live::{self, Removed};
use crate::vault::rewrite::{Maintenance, Numbers, Profile, Request};
use crate::vault::snapshot::Snapshot;
use crate::vault::view::CACHE_BYTES;
use crate::vault::write::assemble::Shape;
use crate::vault::write::encode::Levels;

mod garbage;

/// Packs up to this size are always rewritten: it takes a second.
const SMALL_PACK: u64 = 16 << 20;
/// Larger ones are when at least 1/20 of their bytes is dead.
const WORTH_IT: u64 = 20;

/// A pack with something dead in it.
struct Candidate {
    id: PackId,
    bytes: u64,
    records: u64,
    segments: u64,
    dead_bytes: u64,
    action: Action,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Keep,
    Rewrite,
    Drop,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Rewrite => "rewrite",
            Action::Drop => "drop",
        }
    }
}

/// What is dead, and what is still in its grace period.
struct Verdict {
    live: Numbers,
    in_grace: u64,
}

impl Vault {
    /// Drops what no live record needs.
    ///
    /// # Errors
    /// When the vault cannot be read or written.
    pub fn gc(&self, options: &GcOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<GcReport> {
        let before = disk_bytes(self.layout.dir())?;
        let mut report = GcReport {
            dry_run: options.dry_run,
            vault_bytes_before: before,
            vault_bytes_after: before,
            complete: true,
            ..GcReport::default()
        };
        let maintenance = match options.dry_run {
            true => None,
            false => Some(
                Maintenance::begin(&self.layout, self.pool()?, self.options.lock_timeout, progress, interrupt)?
                    .within(self.options.memory_limit),
            ),
        };
        let mut candidates = {
            let snapshot = self.snapshot()?;
            let verdict = judge(&snapshot, options.grace)?;
            report.in_grace = verdict.in_grace;
            candidates(&snapshot, &verdict.live)?
        };
        candidates.sort_by_key(|candidate| (candidate.action != Action::Drop, candidate.id));
        report.candidates = candidates.iter().map(Candidate::row).collect();
        let Some(maintenance) = maintenance else {
            report.expect(&candidates);
            return Ok(report);
        };
        for candidate in candidates.iter().filter(|candidate| candidate.action != Action::Keep) {
            if interrupt.is_raised() || !collect(&maintenance, candidate, options.grace, &mut report)? {
                report.complete = false;
                break;
            }
        }
        // One that was killed may have dropped records and left their vectors.
        crate::vault::embed::keep::prune(&self.snapshot()?, progress)?;
        drop(maintenance);
        if report.records > 0 {
            self.refresh_catalog()?;
        }
        report.vault_bytes_after = disk_bytes(self.layout.dir())?;
        Ok(report)
    }
}

impl GcReport {
    fn expect(&mut self, candidates: &[Candidate]) {
        for candidate in candidates.iter().filter(|candidate| candidate.action != Action::Keep) {
            self.records += candidate.records;
            self.segments += candidate.segments;
            self.vault_bytes_after = self.vault_bytes_after.saturating_sub(candidate.dead_bytes);
        }
    }
}

impl Candidate {
    fn row(&self) -> GcCandidate {
        let action = self.action.name().to_string();
        GcCandidate { pack: self.id.to_string(), records: self.records, bytes: self.dead_bytes, action }
    }
}

/// Rewrites one pack without its dead records; false when it was interrupted.
fn collect(maintenance: &Maintenance<'_>, candidate: &Candidate, grace: Duration, report: &mut GcReport) -> Result<bool> {
    if candidate.action == Action::Rewrite {
        maintenance.make_sure_of_space(candidate.bytes.saturating_sub(candidate.dead_bytes))?;
    }
    let (snapshot, first) = maintenance.reserve(&[candidate.id])?;
    // Judged anew: what was planned may have been brought back since.
    let (verdict, profile) = (judge(&snapshot, grace)?, profile_like(&snapshot, candidate.id));
    let snapshot = snapshot.forgetting();
    let counts = [("records", candidate.records), ("segments", candidate.segments), ("bytes", candidate.dead_bytes)];
    let request = Request {
        packs: vec![candidate.id],
        live: &verdict.live,
        purged: &Purged::default(),
        log: Some(logbook::entry("gc", &counts, None)),
    };
    let outcome = maintenance.rewrite(&snapshot, first, &profile, &request)?;
    if outcome.done {
        report.records += outcome.dropped;
        report.segments += candidate.segments;
    }
    Ok(outcome.done)
}

/// A pack that compact made stays as hard pressed as it was.
pub(super) fn profile_like(snapshot: &Snapshot, id: PackId) -> Profile {
    let pack = snapshot.packs.iter().find(|pack| pack.committed.pack == id);
    match pack.filter(|pack| pack.mark.compact_level().is_some()) {
        // Its records were told apart when it was made.
        Some(pack) => Profile { apart: None, ..compact::profile_of(pack.mark, pack.text_bytes()) },
        None => Profile {
            levels: Levels::INGEST,
            shape: Shape::ingest(),
            mark: Default::default(),
            vocabulary: false,
            apart: None,
            reorder: false,
            cache_bytes: CACHE_BYTES,
            table_bytes: u64::MAX,
        },
    }
}

fn judge(snapshot: &Snapshot, grace: Duration) -> Result<Verdict> {
    let state = snapshot.state()?;
    let all = Removed::of(&state.removals);
    let mut old = Removed::of(&state.removals);
    let times = removal_times(snapshot)?;
    let limit = i64::try_from(grace.as_micros()).map_or(i64::MIN, |grace| logbook::now_us().saturating_sub(grace));
    old.retain(|generation| grace.is_zero() || times.get(&generation).is_some_and(|time| *time <= limit));
    let live = live::live(snapshot, &old)?;
    let without_grace = live::live(snapshot, &all)?;
    Ok(Verdict { in_grace: live.count() - without_grace.count(), live })
}

/// When the removals of a generation were made: they are logged in the same commit.
fn removal_times(snapshot: &Snapshot) -> Result<FxHashMap<u64, i64>> {
    let log = snapshot.state()?.log.iter();
    Ok(log.map(|(stamp, json)| (stamp.generation, logbook::read(*stamp, json).time.0)).collect())
}

fn candidates(snapshot: &Snapshot, live: &Numbers) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for pack in &snapshot.packs {
        let runs = pack.directory().groups.iter().flat_map(|group| &group.records);
        let dead = runs.flat_map(|run| run.first..run.first + run.count).filter(|number| !live.contains(*number)).count() as u64;
        if dead == 0 {
            continue;
        }
        let found = garbage::measure(pack, live)?;
        let bytes = pack.committed.length;
        candidates.push(Candidate {
            id: pack.committed.pack,
            bytes,
            records: dead,
            segments: found.segments,
            dead_bytes: found.bytes,
            action: action(pack, dead, found.bytes),
        });
    }
    Ok(candidates)
}

fn action(pack: &PackReader, dead: u64, dead_bytes: u64) -> Action {
    let bytes = pack.committed.length;
    if dead == pack.directory().record_count() {
        Action::Drop
    } else if bytes <= SMALL_PACK || dead_bytes.saturating_mul(WORTH_IT) >= bytes {
        Action::Rewrite
    } else {
        Action::Keep
    }
}
