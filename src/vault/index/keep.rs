//! Keeping the catalog: what a session brings is gathered while it works and written after its commits are published.
//!
//! Only where it pays. Its floor is 32 KB, its price a few bytes a record; in a small vault the packs themselves are searched in
//! milliseconds. And only as far as it is free: whatever goes wrong here leaves the catalog behind the head, which the next writer
//! makes good, and never fails an ingest.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::ThreadPool;

use crate::catalog::{Change, Covered, GroupPrints, Prints, Rows, Unusable, Writer, hash_print};
use crate::error::Result;
use crate::fsio;
use crate::pack::directory::GroupEntry;
use crate::pack::reader::PackReader;
use crate::record::cut::Cuts;
use crate::source::lines::Chunk;
use crate::vault::index::{Index, derive, snapshot_has, witness};
use crate::vault::layout::Layout;
use crate::vault::past;
use crate::vault::snapshot::Snapshot;

/// Bytes of all packs from which on a catalog pays.
const PAYS_FROM: u64 = 32 << 20;
/// Bytes of an open pack whose fingerprints are worth keeping, once a second session continues it: they are most of a catalog's
/// size, and a vault that is filled once and then read has no use for them.
const PRINTS_PAY_FROM: u64 = 2 << 20;
/// Bytes of unique text after which a session expects to leave a vault worth a catalog, and begins to gather for it.
const GATHER_AFTER: u64 = 80 << 20;
/// Gathered records after which they are written even though the session goes on.
const MOST_GATHERED: u64 = 1 << 18;
/// Records taken in one step when catching up: bounds memory.
const STEP: u64 = 1 << 18;
/// How often, 10 ms apart, a writer tries again while somebody reads the catalog.
const ATTEMPTS: usize = 20;

/// Rows of consecutive records, from a number on.
type Piece = (u64, Rows);

/// What a session gathers for the catalog.
pub struct Keeper {
    wanted: bool,
    /// This session continued a pack that took long to read: the next one will, too.
    continued: bool,
    pieces: Vec<Piece>,
    gathered: u64,
    under_way: usize,
    channel: (Sender<Piece>, Receiver<Piece>),
    /// Fingerprints of older groups that had to be read from the pack.
    unlisted: (usize, Vec<GroupPrints>),
}

impl Keeper {
    /// For a session that begins on a snapshot.
    #[must_use]
    pub fn new(snapshot: &Snapshot, index: &Index, unlisted: (usize, Vec<GroupPrints>)) -> Keeper {
        let continued = worth_prints(snapshot).is_some();
        Keeper { wanted: index.is_there() || continued || pays(snapshot), continued, unlisted, ..Keeper::idle() }
    }

    /// For a session that keeps none.
    #[must_use]
    pub fn idle() -> Keeper {
        Keeper {
            wanted: false,
            continued: false,
            pieces: Vec::new(),
            gathered: 0,
            under_way: 0,
            channel: unbounded(),
            unlisted: (0, Vec::new()),
        }
    }

    /// Takes the new ones of a chunk's records: those numbered from `first_new` on.
    pub fn chunk(
        &mut self,
        pool: &ThreadPool,
        chunk: &Arc<Chunk>,
        cuts: &Cuts,
        numbers: &[u64],
        first_new: u64,
        text_bytes: u64,
    ) {
        self.wanted |= text_bytes >= GATHER_AFTER;
        if !self.wanted || numbers.len() != chunk.lines.len() || numbers.len() != cuts.records.len() {
            return;
        }
        let mut next = first_new;
        let mut lines = Vec::new();
        for ((line, &number), &root) in chunk.lines.iter().zip(numbers).zip(&cuts.records) {
            if number == next {
                lines.push((line.clone(), hash_print(cuts.nodes[root as usize].hash)));
                next += 1;
            }
        }
        if lines.is_empty() {
            return;
        }
        self.gathered += lines.len() as u64;
        self.under_way += 1;
        let (sender, chunk) = (self.channel.0.clone(), Arc::clone(chunk));
        pool.spawn(move || {
            let mut rows = Rows::default();
            for (line, hash) in lines {
                let ids = derive::ids_of(&chunk.data[line.start as usize..line.end as usize]);
                rows.push(hash, Some(&ids));
            }
            let _ = sender.send((first_new, rows));
        });
    }

    /// Takes a new record that was too long to be held: its ids stay unknown, so that every question looks at it.
    pub fn long_record(&mut self, number: u64, hash: u128) {
        if self.wanted {
            let mut rows = Rows::default();
            rows.push(hash_print(hash), None);
            self.pieces.push((number, rows));
            self.gathered += 1;
        }
    }

    /// True when so much was gathered that it should be written now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.gathered >= MOST_GATHERED
    }

    /// True when a pause is a good time to write.
    #[must_use]
    pub fn has_some(&self) -> bool {
        self.gathered >= super::MOST_UNCOVERED / 4
    }

    /// Makes the catalog reflect the head, after everything was committed and while the write lock is held. `recent` knows the
    /// fingerprints of groups this session wrote.
    pub fn update(&mut self, layout: &Layout, pool: &ThreadPool, recent: &dyn Fn(&GroupEntry) -> Option<GroupPrints>) {
        let mut pieces = std::mem::take(&mut self.pieces);
        for _ in 0..std::mem::take(&mut self.under_way) {
            // A piece that a worker failed to send is made good from the pack.
            if let Ok(piece) = self.channel.1.recv_timeout(Duration::from_secs(60)) {
                pieces.push(piece);
            }
        }
        self.gathered = 0;
        pieces.sort_by_key(|piece| piece.0);
        let Ok(snapshot) = Snapshot::open(layout) else { return };
        if !layout.catalog().exists() && !self.continued && !pays(&snapshot) {
            return;
        }
        self.wanted = true;
        let known = Known { unlisted: &self.unlisted, recent, continued: self.continued, pool };
        // Not an error: see above.
        let _ = bring_up(layout, &snapshot, pieces, &known);
    }
}

/// Whether a vault is worth a catalog.
fn pays(snapshot: &Snapshot) -> bool {
    let stored: u64 = snapshot.packs.iter().map(|pack| pack.committed.length).sum();
    // What was compacted is small and no quicker to search.
    let text = snapshot.packs.iter().flat_map(|pack| &pack.directory().blocks).map(|block| u64::from(block.length)).sum::<u64>();
    stored > PAYS_FROM || text > GATHER_AFTER
}

/// The open pack, if a writer would take long to read it.
fn worth_prints(snapshot: &Snapshot) -> Option<&Arc<PackReader>> {
    let id = snapshot.open_pack()?;
    snapshot.packs.iter().find(|pack| pack.committed.pack == id && pack.committed.length > PRINTS_PAY_FROM)
}

/// Removes the catalog: before a purge, a rebuilt head, or where it does not pay.
///
/// # Errors
/// When the system refuses.
pub fn remove(layout: &Layout) -> Result<()> {
    fsio::remove(&layout.catalog())
}

/// Makes the catalog reflect the head from packs alone, or removes it where it does not pay: at the end of gc, compact and
/// reindex, under the write lock. Gives the reason when it could not be written; the next writer tries again.
///
/// # Errors
/// When packs are damaged or the old file cannot be removed.
pub fn refresh(layout: &Layout, pool: &ThreadPool) -> Result<Option<String>> {
    let snapshot = Snapshot::open(layout)?;
    if !pays(&snapshot) {
        remove(layout)?;
        return Ok(None);
    }
    let known = Known { unlisted: &(0, Vec::new()), recent: &|_| None, continued: false, pool };
    Ok(bring_up(layout, &snapshot, Vec::new(), &known).err().map(|why| why.to_string()))
}

/// Where fingerprints of groups come from.
struct Known<'k> {
    unlisted: &'k (usize, Vec<GroupPrints>),
    recent: &'k dyn Fn(&GroupEntry) -> Option<GroupPrints>,
    continued: bool,
    pool: &'k ThreadPool,
}

fn bring_up(layout: &Layout, snapshot: &Snapshot, pieces: Vec<Piece>, known: &Known<'_>) -> Result<(), Unusable> {
    let path = layout.catalog();
    match bring_up_file(&path, snapshot, pieces, known) {
        Err(Unusable::Broken(_)) if path.exists() => {
            // From what is left of it nothing can be learned: begin anew, from the packs.
            fsio::remove(&path).map_err(|error| Unusable::Broken(error.to_string()))?;
            let result = bring_up_file(&path, snapshot, Vec::new(), known);
            if matches!(result, Err(Unusable::Broken(_))) {
                let _ = fsio::remove(&path);
            }
            result
        }
        result => result,
    }
}

fn bring_up_file(path: &Path, snapshot: &Snapshot, pieces: Vec<Piece>, known: &Known<'_>) -> Result<(), Unusable> {
    let witness = witness(snapshot).ok_or_else(|| Unusable::Broken("no commit to rest on".into()))?;
    let mut writer = open(path)?;
    let old = writer.covered().copied();
    if old.is_some_and(|old| !snapshot_has(snapshot, &old)) {
        return Err(Unusable::Broken("it reflects another state of the vault".into()));
    }
    let head = &snapshot.head;
    let covered = Covered { vault_id: head.vault_id, generation: head.generation, witness, ..Covered::default() };
    let mut next = old.map_or(0, |old| old.next_record);
    let mut pieces = pieces.into_iter().peekable();
    loop {
        let rows = gather(snapshot, &mut pieces, next, known.pool)?;
        next += rows.len() as u64;
        if next >= head.next_record {
            let prints = prints(snapshot, &writer, known)?;
            writer.apply(Change { rows, prints, covered })?;
            return writer.close();
        }
        writer.apply(Change { rows, prints: Prints::Keep, covered })?;
    }
}

fn open(path: &Path) -> Result<Writer, Unusable> {
    let mut attempt = 0;
    loop {
        match Writer::open(path) {
            Err(Unusable::Busy) if attempt < ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// The next rows: as gathered, or from the packs where nothing was.
fn gather(
    snapshot: &Snapshot,
    pieces: &mut std::iter::Peekable<std::vec::IntoIter<Piece>>,
    from: u64,
    pool: &ThreadPool,
) -> Result<Rows, Unusable> {
    let mut rows = Rows::default();
    while (rows.len() as u64) < STEP {
        let next = from + rows.len() as u64;
        while pieces.next_if(|piece| piece.0 < next).is_some() {}
        if let Some((_, piece)) = pieces.next_if(|piece| piece.0 == next) {
            rows.append(&piece);
            continue;
        }
        let end = pieces.peek().map_or(u64::MAX, |piece| piece.0).min(snapshot.head.next_record).min(next + STEP);
        if end <= next {
            break;
        }
        let missing = derive::rows(snapshot, next..end, pool).map_err(|error| Unusable::Broken(error.to_string()))?;
        rows.append(&missing);
    }
    Ok(rows)
}

/// What changes in the fingerprints of the open pack.
fn prints(snapshot: &Snapshot, writer: &Writer, known: &Known<'_>) -> Result<Prints, Unusable> {
    let kept = writer.covered().map(|covered| covered.prints).unwrap_or_default();
    let wanted = worth_prints(snapshot).filter(|pack| known.continued || kept.pack == pack.committed.pack.0);
    let Some(pack) = wanted else {
        return Ok(if kept.pack == 0 { Prints::Keep } else { Prints::Drop });
    };
    let groups = &pack.directory().groups;
    let same = kept.pack == pack.committed.pack.0 && kept.groups as usize <= groups.len();
    let from = if same { kept.groups as usize } else { 0 };
    let at_hand = |(index, group): (usize, &GroupEntry)| {
        let listed = index.checked_sub(known.unlisted.0).and_then(|at| known.unlisted.1.get(at));
        (known.recent)(group).or_else(|| listed.cloned())
    };
    // What is at hand came last: only a beginning can be missing.
    let mut rest: Vec<GroupPrints> =
        groups.iter().enumerate().skip(from).rev().map_while(|(index, group)| at_hand((index, group))).collect();
    rest.reverse();
    let missing = past::group_prints(pack, from..groups.len() - rest.len(), known.pool);
    let mut prints = missing.map_err(|error| Unusable::Broken(error.to_string()))?;
    prints.append(&mut rest);
    Ok(if same { Prints::More(prints) } else { Prints::Of(pack.committed.pack.0, prints) })
}
