//! Work on records by several threads, results in order.
//!
//! Each worker has a [`Fetcher`] of its own, whose caches live as long as the run: neighbouring records share groups and blocks.
//! No more than a few jobs a worker are in flight, so that one slow job does not let the others fill the memory.

use std::collections::BTreeMap;

use crossbeam_channel::{bounded, unbounded};

use crate::error::{Error, Result};
use crate::vault::fetch::Fetcher;
use crate::vault::snapshot::Snapshot;

/// Jobs in flight for each worker: one at work, one waiting, one done that waits for its turn.
const IN_FLIGHT: u64 = 3;

/// Does `work` for each job on `threads` threads and hands the results to `sink` in the order of the jobs.
///
/// # Errors
/// The first error in that order.
pub(crate) fn in_order<'s, J: Send, T: Send>(
    snapshot: &'s Snapshot,
    threads: usize,
    jobs: impl Iterator<Item = J>,
    work: impl Fn(&mut Fetcher<'s>, J) -> Result<T> + Sync,
    mut sink: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut jobs = jobs.peekable();
    let Some(first) = jobs.next() else { return Ok(()) };
    if threads <= 1 || jobs.peek().is_none() {
        let mut fetcher = Fetcher::new(snapshot);
        return std::iter::once(first).chain(jobs).try_for_each(|job| sink(work(&mut fetcher, job)?));
    }
    let mut jobs = (0..).zip(std::iter::once(first).chain(jobs));
    std::thread::scope(|scope| {
        let limit = IN_FLIGHT * threads as u64;
        let (hand_out, take) = bounded::<(u64, J)>(limit as usize);
        let (give, collect) = unbounded();
        for _ in 0..threads {
            let (take, give, work) = (take.clone(), give.clone(), &work);
            scope.spawn(move || {
                let mut fetcher = Fetcher::new(snapshot);
                for (at, job) in take {
                    if give.send((at, work(&mut fetcher, job))).is_err() {
                        break;
                    }
                }
            });
        }
        drop((take, give));
        let (mut sent, mut next) = (0, 0);
        let mut early = BTreeMap::new();
        loop {
            while sent - next < limit
                && let Some(job) = jobs.next()
            {
                sent += 1;
                hand_out.send(job).map_err(|_| lost())?;
            }
            if next == sent {
                return Ok(());
            }
            let (at, result) = collect.recv().map_err(|_| lost())?;
            early.insert(at, result);
            while let Some(result) = early.remove(&next) {
                next += 1;
                sink(result?)?;
            }
        }
    })
}

fn lost() -> Error {
    Error::Internal("a worker thread ended early".into())
}
