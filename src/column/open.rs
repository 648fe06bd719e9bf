//! Reading a column: any value by its rank, or all of them.
//!
//! Opening prepares what makes [`Column::get`] cheap (sums of deltas, ends of texts, ranks behind a split) and nothing
//! more; constant, fixed and raw number columns are read in place. Open a column only when a value of it is wanted.

use super::Class;
use super::decimal::{self, Digits};
use super::fixed;
use super::header::{Coder, Header};
use super::integers::Numbers;
use super::nudged;
use super::text::Rows;
use super::time::{self, Format};
use crate::error::{Corrupt, corrupt};

/// A column ready for reading.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    count: usize,
    pub(super) body: Body<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum Body<'a> {
    Constant(&'a [u8]),
    Enum { words: Box<Column<'a>>, indexes: &'a [u8] },
    Decimal { digits: Digits, each: &'a [u8], mantissas: Numbers<'a> },
    Time { format: Format<'a>, ticks: Numbers<'a> },
    Fixed { ids: fixed::Form, rows: &'a [u8] },
    Text { prefix: &'a [u8], rows: Rows<'a> },
    Runs { ends: Vec<u32>, heads: Box<Column<'a>> },
    Split { map: &'a [u8], ranks: Vec<u32>, main: Box<Column<'a>>, other: Box<Column<'a>> },
}

impl<'a> Column<'a> {
    /// Opens a column over the group's streams.
    pub fn open(header: &Header<'a>, streams: &[&'a [u8]; Class::COUNT]) -> Result<Column<'a>, Corrupt> {
        let count = header.count;
        let body = match &header.coder {
            Coder::Constant(value) => Body::Constant(value),
            Coder::Enum { words, indexes } => {
                Body::Enum { words: Box::new(Column::open(words, streams)?), indexes: indexes.of(streams)? }
            }
            Coder::Integer(integers) => {
                Body::Decimal { digits: Digits::Always(0), each: &[], mantissas: integers.open(streams)? }
            }
            Coder::Decimal { digits, each, mantissas } => Body::Decimal {
                digits: *digits,
                each: each.as_ref().map_or(Ok(&[][..]), |part| part.of(streams))?,
                mantissas: mantissas.open(streams)?,
            },
            Coder::Time { format, ticks } => Body::Time { format: *format, ticks: ticks.open(streams)? },
            Coder::Fixed(fixed) => Body::Fixed { ids: fixed.form(), rows: fixed.part.of(streams)? },
            Coder::Text(text) => Body::Text { prefix: text.prefix, rows: text.open(count, streams)? },
            Coder::Runs { lengths, heads } => Body::Runs {
                ends: ends_of_runs(&lengths.open(streams)?, heads.count, count)?,
                heads: Box::new(Column::open(heads, streams)?),
            },
            Coder::Split { map, main, other } => {
                let map = map.of(streams)?;
                let ranks = ranks_behind(map, main.count)?;
                Body::Split {
                    map,
                    ranks,
                    main: Box::new(Column::open(main, streams)?),
                    other: Box::new(Column::open(other, streams)?),
                }
            }
        };
        Ok(Column { count, body })
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without any value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends the value of a rank to `out`. After an error `out` may hold a part of it.
    pub fn get(&self, rank: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        if rank >= self.count {
            return Err(corrupt!("value {rank} of a column of {}", self.count));
        }
        match &self.body {
            Body::Constant(value) => out.extend_from_slice(value),
            Body::Enum { words, indexes } => words.get(usize::from(at(indexes, rank)?), out)?,
            Body::Decimal { digits, each, mantissas } => write_number(*digits, each, mantissas, rank, out)?,
            Body::Time { format, ticks } => {
                if !time::write(format, ticks.get(rank)?, out) {
                    return Err(corrupt!("time {rank} of a column lies outside the years 0 to 9999"));
                }
            }
            Body::Fixed { ids, rows } => ids.get(rows, rank, out)?,
            Body::Text { prefix, rows } => {
                out.extend_from_slice(prefix);
                out.extend_from_slice(rows.get(rank)?);
            }
            Body::Runs { ends, heads } => heads.get(ends.partition_point(|&end| end as usize <= rank), out)?,
            Body::Split { map, ranks, main, other } => {
                let behind = ranks.get(rank).ok_or_else(|| corrupt!("no rank {rank} behind a split"))?;
                let column = if at(map, rank)? == 0 { main } else { other };
                column.get(*behind as usize, out)?;
            }
        }
        Ok(())
    }

    /// Appends all values to `bytes` and the end of each to `ends`. More than `limit` bytes in all are refused: the caller
    /// knows how large the group was, a damaged header does not.
    pub fn decode_all(&self, limit: usize, bytes: &mut Vec<u8>, ends: &mut Vec<u32>) -> Result<(), Corrupt> {
        let start = bytes.len();
        for rank in 0..self.count {
            self.get(rank, bytes)?;
            if bytes.len() - start > limit {
                return Err(corrupt!("a column of more than the {limit} bytes expected"));
            }
            ends.push(u32::try_from(bytes.len()).map_err(|_| corrupt!("columns of more than 4 GiB"))?);
        }
        Ok(())
    }
}

fn at(bytes: &[u8], rank: usize) -> Result<u8, Corrupt> {
    bytes.get(rank).copied().ok_or_else(|| corrupt!("no byte of rank {rank}"))
}

fn write_number(digits: Digits, each: &[u8], mantissas: &Numbers<'_>, rank: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
    let mantissa = mantissas.get(rank)?;
    match digits {
        Digits::Always(digits) => decimal::write(mantissa, digits, out),
        Digits::Stripped { scale, least } => decimal::write_stripped(mantissa, scale, least, out),
        Digits::Each => decimal::write(mantissa, at(each, rank)?, out),
        Digits::Nudged { scale, least } => nudged::write(mantissa, scale, least, at(each, rank)? as i8, out),
    }
    Ok(())
}

/// For each place of a split its rank in the column it belongs to.
fn ranks_behind(map: &[u8], main_count: usize) -> Result<Vec<u32>, Corrupt> {
    let mut next = [0u32; 2];
    let ranks = map
        .iter()
        .map(|&byte| {
            let side = &mut next[usize::from(byte != 0)];
            *side += 1;
            *side - 1
        })
        .collect();
    if next[0] as usize == main_count { Ok(ranks) } else { Err(corrupt!("a split map names {} values of {main_count}", next[0])) }
}

/// The place behind each run; together they must cover the column.
fn ends_of_runs(lengths: &Numbers<'_>, runs: usize, count: usize) -> Result<Vec<u32>, Corrupt> {
    let mut end = 0u32;
    let mut ends = Vec::new();
    for run in 0..runs {
        let length = u32::try_from(lengths.get(run)?).ok();
        end = length
            .and_then(|length| end.checked_add(length))
            .ok_or_else(|| corrupt!("run {run} of a column has an impossible length"))?;
        ends.push(end);
    }
    if end as usize == count { Ok(ends) } else { Err(corrupt!("runs of {end} values in a column of {count}")) }
}
