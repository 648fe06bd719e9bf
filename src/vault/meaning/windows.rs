//! Lines of sources, cut into runs that are read at one go.

use crate::vault::sources::{Source, State};
use std::ops::Range;

/// Lines of a source, counted from 0.
#[derive(Clone)]
pub(crate) struct Part<'s> {
    /// The source.
    pub(crate) source: &'s Source,
    /// Which lines.
    pub(crate) lines: Range<u64>,
}

impl<'s> Part<'s> {
    /// All lines of a source.
    pub(crate) fn whole(source: &'s Source) -> Part<'s> {
        Part { source, lines: 0..source.occurrences() }
    }

    /// Line (from 1) and record number of each line.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (u64, u64)> + use<'s> {
        let (mut at, lines) = (0, self.lines.clone());
        self.source.runs.iter().flat_map(move |run| {
            let from = lines.start.clamp(at, at + run.count) - at;
            let to = lines.end.clamp(at, at + run.count) - at;
            let first_line = at + 1;
            at += run.count;
            let first = run.first;
            (from..to.max(from)).map(move |offset| (first_line + offset, first + offset))
        })
    }

    /// The same without removed lines.
    pub(crate) fn live<'t>(&self, state: &'t State) -> impl Iterator<Item = (u64, u64)> + use<'s, 't> {
        let id = self.source.state.id;
        self.numbers().filter(move |(line, number)| !state.is_removed(id, *line, *number))
    }
}

/// Cuts sources into windows.
pub(super) fn windows<'s>(sources: &[&'s Source], most: u64) -> Vec<Vec<Part<'s>>> {
    let mut windows = vec![Vec::new()];
    let mut room = most;
    for source in sources {
        let (mut from, end) = (0, source.occurrences());
        while from < end {
            let to = end.min(from + room);
            if let Some(window) = windows.last_mut() {
                window.push(Part { source, lines: from..to });
            }
            room -= to - from;
            from = to;
            if room == 0 {
                windows.push(Vec::new());
                room = most;
            }
        }
    }
    windows
}
