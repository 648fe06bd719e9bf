//! A list of integers as byte planes: the high bytes of all numbers, then the next bytes, and so on.
//!
//! ```text
//! header = kind u8 · base signed · first signed (deltas only) · divisor varint · width u8
//! part   = width planes of `count` bytes (`count` - 1 for deltas), high plane first
//! ```
//!
//! A stored number times the divisor plus the base is the value, or the step from the value before. Planes keep equal
//! digits of neighbours together, which an entropy coder likes better than varints, and make raw numbers random access.
//! The arithmetic wraps on purpose: every i64 is reached, and hostile headers give wrong numbers but no panic.

use super::header::{Offsets, Part};
use super::{Class, Streams};
use crate::bytes::{Put, Reader, unzigzag, zigzag};
use crate::error::{Corrupt, corrupt};

/// What the stored numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// Value minus the smallest value.
    Raw = 0,
    /// Step minus the smallest step; for lists that mostly rise.
    Rising = 1,
    /// Zigzag of the step.
    Steps = 2,
}

/// A coded list of integers: its parameters and where its bytes are.
#[derive(Clone, Debug)]
pub(super) struct Integers {
    kind: Kind,
    base: i64,
    first: i64,
    divisor: u64,
    width: usize,
    part: Part,
}

/// A list about to be coded: what would be stored, before division.
struct Plan {
    kind: Kind,
    base: i64,
    stored: Vec<u64>,
    bits: u64,
}

/// Rough cost in bits: a repetition is nearly free, other numbers cost their length.
fn cost(stored: &[u64]) -> u64 {
    let mut before = 0;
    stored
        .iter()
        .map(|&number| {
            let bits = if number == before { 1 } else { 65 - u64::from(number.leading_zeros()) };
            before = number;
            bits
        })
        .sum()
}

impl Plan {
    fn new(kind: Kind, base: i64, stored: Vec<u64>) -> Plan {
        let bits = cost(&stored);
        Plan { kind, base, stored, bits }
    }

    fn raw(values: &[i64]) -> Plan {
        let base = values.iter().copied().min().unwrap_or(0);
        Plan::new(Kind::Raw, base, values.iter().map(|value| value.wrapping_sub(base) as u64).collect())
    }

    fn deltas(values: &[i64]) -> Plan {
        let steps = || values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
        let smallest = steps().min().unwrap_or(0);
        let wraps = values.windows(2).any(|pair| pair[1].checked_sub(pair[0]).is_none());
        if smallest >= 0 && !wraps {
            return Plan::new(Kind::Rising, smallest, steps().map(|step| (step - smallest) as u64).collect());
        }
        if steps().all(|step| step == smallest) {
            return Plan::new(Kind::Rising, smallest, vec![0; values.len().saturating_sub(1)]);
        }
        Plan::new(Kind::Steps, 0, steps().map(zigzag).collect())
    }

    /// The greatest common divisor of all stored numbers; zigzag numbers are divided only when their steps can be.
    fn divisor(&self) -> u64 {
        let mut divisor = 0;
        for &number in &self.stored {
            let magnitude = if self.kind == Kind::Steps { unzigzag(number).unsigned_abs() } else { number };
            divisor = greatest_common_divisor(magnitude, divisor);
            if divisor == 1 {
                break;
            }
        }
        // A divisor beyond i64 could not be multiplied back as signed arithmetic; it saves nothing then.
        if divisor == 0 || divisor > i64::MAX as u64 { 1 } else { divisor }
    }

    fn divided(&self, number: u64, divisor: u64) -> u64 {
        match (divisor, self.kind) {
            (1, _) => number,
            (_, Kind::Steps) => zigzag(unzigzag(number) / divisor as i64),
            _ => number / divisor,
        }
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The cheaper of raw numbers and deltas, with its cost in bits.
fn plan(values: &[i64]) -> Plan {
    let raw = Plan::raw(values);
    let deltas = Plan::deltas(values);
    // An even race goes to raw numbers: they need no scan to be read.
    if deltas.bits + deltas.bits / 8 < raw.bits { deltas } else { raw }
}

/// Estimated bits of [`encode`].
pub(super) fn estimate(values: &[i64]) -> u64 {
    plan(values).bits
}

/// Codes a list; its planes go to the stream of `class`.
pub(super) fn encode(values: &[i64], class: Class, header: &mut Vec<u8>, streams: &mut Streams) {
    let mut plan = plan(values);
    let divisor = plan.divisor();
    if divisor != 1 {
        plan.stored = plan.stored.iter().map(|&number| plan.divided(number, divisor)).collect();
    }
    let most = plan.stored.iter().copied().max().unwrap_or(0);
    let width = (64 - most.leading_zeros() as usize).div_ceil(8);
    header.put_u8(plan.kind as u8);
    header.put_signed(plan.base);
    if plan.kind != Kind::Raw {
        header.put_signed(values.first().copied().unwrap_or(0));
    }
    header.put_varint(divisor);
    header.put_u8(width as u8);
    let out = streams.of(class);
    for plane in (0..width).rev() {
        out.extend(plan.stored.iter().map(|number| (number >> (8 * plane)) as u8));
    }
}

impl Integers {
    /// Reads the parameters of a list of `count` integers and takes its part of the class stream.
    pub(super) fn read(reader: &mut Reader<'_>, count: usize, class: Class, offsets: &mut Offsets) -> Result<Integers, Corrupt> {
        let at = reader.position();
        let kind = match reader.u8()? {
            0 => Kind::Raw,
            1 => Kind::Rising,
            2 => Kind::Steps,
            other => return Err(corrupt!("unknown kind of integers {other} at offset {at}")),
        };
        let base = reader.signed()?;
        let first = if kind == Kind::Raw { 0 } else { reader.signed()? };
        let divisor = reader.varint()?;
        let width = usize::from(reader.u8()?);
        if width > 8 {
            return Err(corrupt!("integers of {width} bytes at offset {at}"));
        }
        let stored = if kind == Kind::Raw { count } else { count.saturating_sub(1) };
        let part = offsets.take_rows(class, stored, width)?;
        Ok(Integers { kind, base, first, divisor, width, part })
    }

    /// Which stream the planes are in.
    pub(super) fn class(&self) -> Class {
        self.part.class
    }

    /// Opens the list; deltas are summed up at once, raw numbers stay where they are.
    pub(super) fn open<'a>(&self, streams: &[&'a [u8]; Class::COUNT]) -> Result<Numbers<'a>, Corrupt> {
        let planes = Planes { bytes: self.part.of(streams)?, width: self.width };
        let step = |stored: u64| match self.kind {
            Kind::Steps => unzigzag(stored).wrapping_mul(self.divisor as i64),
            Kind::Raw | Kind::Rising => self.base.wrapping_add(stored.wrapping_mul(self.divisor) as i64),
        };
        if self.kind == Kind::Raw {
            return Ok(Numbers::Raw { planes, base: self.base, divisor: self.divisor });
        }
        if self.width == 0 {
            return Ok(Numbers::Even { first: self.first, step: step(0) });
        }
        let stored = planes.all();
        let mut values = Vec::with_capacity(stored.len() + 1);
        let mut value = self.first;
        values.push(value);
        for number in stored {
            value = value.wrapping_add(step(number));
            values.push(value);
        }
        Ok(Numbers::Summed(values))
    }
}

/// Byte planes of equal length.
#[derive(Clone, Debug)]
pub(super) struct Planes<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl Planes<'_> {
    fn get(&self, rank: usize) -> Option<u64> {
        if self.width == 0 {
            return Some(0);
        }
        let rows = self.bytes.len() / self.width;
        if rank >= rows {
            return None;
        }
        let column = self.bytes.iter().skip(rank).step_by(rows).take(self.width);
        Some(column.fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn all(&self) -> Vec<u64> {
        let rows = self.bytes.len().checked_div(self.width).unwrap_or(0);
        let mut numbers = vec![0u64; rows];
        if rows == 0 {
            return numbers;
        }
        for plane in self.bytes.chunks_exact(rows) {
            for (number, &byte) in numbers.iter_mut().zip(plane) {
                *number = *number << 8 | u64::from(byte);
            }
        }
        numbers
    }
}

/// An opened list of integers.
#[derive(Clone, Debug)]
pub(super) enum Numbers<'a> {
    /// Read from the planes on demand.
    Raw { planes: Planes<'a>, base: i64, divisor: u64 },
    /// Equal steps: nothing stored.
    Even { first: i64, step: i64 },
    /// Deltas, summed up.
    Summed(Vec<i64>),
}

impl Numbers<'_> {
    /// The value of a rank.
    pub(super) fn get(&self, rank: usize) -> Result<i64, Corrupt> {
        let value = match self {
            Numbers::Raw { planes, base, divisor } => {
                planes.get(rank).map(|stored| base.wrapping_add(stored.wrapping_mul(*divisor) as i64))
            }
            Numbers::Even { first, step } => Some(first.wrapping_add(step.wrapping_mul(rank as i64))),
            Numbers::Summed(values) => values.get(rank).copied(),
        };
        value.ok_or_else(|| corrupt!("no integer of rank {rank}"))
    }
}
