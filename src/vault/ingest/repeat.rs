//! Whether a stream repeats what is known of its source.
//!
//! A stream passes only once: its lines are stored as they come, and their list is kept back until it is clear whether they are the
//! lines the source has already. Lines are compared by number, and where the same line got another number (what it was stored
//! in is sealed) by hash. A line that differs ends the waiting at once. What a removed line was may not be known any more; then
//! the digest up to the end of what is known decides.

use crate::checksum::content_hash;
use crate::error::Result;
use crate::pack::directory::RecordRun;
use crate::vault::fetch::Fetcher;
use crate::vault::ingest::feed::skip_first;
use crate::vault::journal;
use crate::vault::session::Session;
use crate::vault::sources::Source;

/// What is known so far of a stream that may repeat a source.
pub struct Undecided {
    /// Hashes of its lines.
    pub hashes: Vec<u128>,
    source: u32,
    compared: usize,
    /// The numbers its compared lines have in the source, or their own where that is not sure.
    agreed: Vec<RecordRun>,
    unsure: bool,
}

impl Undecided {
    /// Nothing is known yet.
    #[must_use]
    pub fn against(source: u32) -> Undecided {
        Undecided { hashes: Vec::new(), source, compared: 0, agreed: Vec::new(), unsure: false }
    }

    /// True when every line compared was there to be compared with.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        !self.unsure
    }

    /// Compares the lines that came since the last time with those of the source, as far as it is settled.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn repeats(&mut self, session: &Session, source: u32, origin: &Source, settled: u64, runs: &[RecordRun]) -> Result<bool> {
        // Somebody else gave the source another generation meanwhile: what was compared no longer counts.
        if source != self.source {
            return Ok(false);
        }
        let end = usize::try_from(settled).unwrap_or(usize::MAX).min(self.hashes.len());
        let own = runs.iter().flat_map(|run| run.first..run.first + run.count).skip(self.compared);
        let pairs: Vec<(u64, u64)> = origin.numbers().take(end).skip(self.compared).zip(own).collect();
        let snapshot = if pairs.iter().any(|(known, own)| known != own) { Some(session.snapshot()?) } else { None };
        let mut fetcher = snapshot.as_ref().map(Fetcher::new);
        let mut line = Vec::new();
        for (known, own) in pairs {
            let hash = self.hashes[self.compared];
            let mut number = known;
            if known != own && session.state.removed_hashes.get(&hash) != Some(&known) {
                line.clear();
                let is_there = match &mut fetcher {
                    Some(fetcher) => fetcher.record(known, &mut line)?,
                    None => false,
                };
                match is_there {
                    true if content_hash(&line) != hash => return Ok(false),
                    true => {}
                    false => (self.unsure, number) = (true, own),
                }
            }
            journal::push_run(&mut self.agreed, number);
            self.compared += 1;
        }
        Ok(true)
    }

    /// Of a stream that turned out to repeat: numbers its compared lines got while it was not clear that others stand for them.
    #[must_use]
    pub fn superseded(&self, own: &[RecordRun]) -> Vec<RecordRun> {
        let mut superseded = Vec::new();
        let agreed = self.agreed.iter().flat_map(|run| run.first..run.first + run.count);
        let own = own.iter().flat_map(|run| run.first..run.first + run.count);
        own.zip(agreed).filter(|(own, agreed)| own != agreed).for_each(|(own, _)| journal::push_run(&mut superseded, own));
        superseded
    }

    /// The list of a stream that turned out to be another one: lines it shares with the source have the source's numbers, which
    /// nobody collects while it waits.
    #[must_use]
    pub fn numbers(self, mut own: Vec<RecordRun>) -> Vec<RecordRun> {
        skip_first(&mut own, self.compared as u64);
        let mut all = self.agreed;
        own.iter().flat_map(|run| run.first..run.first + run.count).for_each(|number| journal::push_run(&mut all, number));
        all
    }
}
