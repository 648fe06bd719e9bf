//! What the header of a column says: its coder, the parameters, and which bytes of which stream are its own.
//!
//! ```text
//! 0 constant  value bytes
//! 1 enum      distinct varint · column of the distinct values               part: an index byte a value   (numbers)
//! 2 integer   integers                                                      part: planes                  (numbers)
//! 3 decimal   style u8 · scale u8 · integers                                parts: digits or steps, planes  (numbers)
//! 4 time      separator u8 · digits u8 · suffix bytes · integers            part: planes                  (times)
//! 5 fixed     see `fixed`                                                   part: rows                    (hex or ids)
//! 6 text      see `text`                                                    part: values                  (text, hex or ids)
//! 7 split     main count varint · main column · other column                part: a byte a value, 0 main  (numbers)
//! 8 runs      runs varint · lengths as integers · column of the runs' values part: planes                  (numbers)
//! ```
//!
//! Coder numbers are never reused. A part is found by adding up lengths in column order, so headers are read from the
//! first of a group on; that needs no stream. Only the streams a wanted column [reads](Header::reads) must be decompressed.

use super::Class;
use super::decimal::{self, Digits};
use super::fixed::Fixed;
use super::integers::Integers;
use super::text::Text;
use super::time::{self, Format};
use crate::bytes::Reader;
use crate::error::{Corrupt, corrupt};

pub(super) const CONSTANT: u8 = 0;
pub(super) const ENUM: u8 = 1;
pub(super) const INTEGER: u8 = 2;
pub(super) const DECIMAL: u8 = 3;
pub(super) const TIME: u8 = 4;
pub(super) const FIXED: u8 = 5;
pub(super) const TEXT: u8 = 6;
pub(super) const SPLIT: u8 = 7;
pub(super) const RUNS: u8 = 8;

/// Styles of fraction digits in the header of a decimal column.
pub(super) const ALWAYS: u8 = 0;
pub(super) const STRIPPED_TO_ONE: u8 = 1;
pub(super) const STRIPPED_TO_NONE: u8 = 2;
pub(super) const EACH: u8 = 3;
pub(super) const NUDGED_TO_ONE: u8 = 4;
pub(super) const NUDGED_TO_NONE: u8 = 5;

/// Columns inside columns: the encoder nests far less, a hostile header must not exhaust the stack.
const DEEPEST: usize = 16;

/// How far each class stream is taken by the columns read so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offsets([u32; Class::COUNT]);

impl Offsets {
    /// Bytes of a stream that belong to the columns read so far. After the last column of a group it must be the stream's
    /// length: the caller checks, for a column alone cannot know.
    #[must_use]
    pub fn of(&self, class: Class) -> usize {
        self.0[class as usize] as usize
    }

    pub(super) fn take(&mut self, class: Class, length: u64) -> Result<Part, Corrupt> {
        let start = self.0[class as usize];
        let end = u32::try_from(length).ok().and_then(|length| start.checked_add(length));
        let end = end.ok_or_else(|| corrupt!("a column part of {length} bytes at {start}"))?;
        self.0[class as usize] = end;
        let (start, end) = (start as usize, end as usize);
        Ok(Part { class, start, end })
    }

    pub(super) fn take_rows(&mut self, class: Class, rows: usize, width: usize) -> Result<Part, Corrupt> {
        self.take(class, (rows as u64).saturating_mul(width as u64))
    }
}

/// A range of a class stream.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub class: Class,
    start: usize,
    end: usize,
}

impl Part {
    /// The bytes, if the stream has them.
    pub(super) fn of<'a>(&self, streams: &[&'a [u8]; Class::COUNT]) -> Result<&'a [u8], Corrupt> {
        self.of_stream(streams[self.class as usize])
    }

    /// The bytes of the stream of its class, if it has them.
    pub(super) fn of_stream<'a>(&self, stream: &'a [u8]) -> Result<&'a [u8], Corrupt> {
        stream.get(self.start..self.end).ok_or_else(|| {
            corrupt!("a column wants bytes {}..{} of a {:?} stream of {}", self.start, self.end, self.class, stream.len())
        })
    }
}

/// A column's header, read but not opened.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    pub(super) count: usize,
    pub(super) coder: Coder<'a>,
}

/// The coders and their parameters.
#[derive(Clone, Debug)]
pub(super) enum Coder<'a> {
    Constant(&'a [u8]),
    Enum { words: Box<Header<'a>>, indexes: Part },
    Integer(Integers),
    Decimal { digits: Digits, each: Option<Part>, mantissas: Integers },
    Time { format: Format<'a>, ticks: Integers },
    Fixed(Fixed<'a>),
    Text(Text<'a>),
    Runs { lengths: Integers, heads: Box<Header<'a>> },
    Split { map: Part, main: Box<Header<'a>>, other: Box<Header<'a>> },
}

impl<'a> Header<'a> {
    /// Reads the header of a column of `count` values. `offsets` is the same for all columns of a group, in their order.
    /// `count` must come from a checked place: memory in proportion to it may be used on opening.
    pub fn read(reader: &mut Reader<'a>, count: usize, offsets: &mut Offsets) -> Result<Header<'a>, Corrupt> {
        Header::read_inner(reader, count, offsets, DEEPEST)
    }

    fn read_inner(reader: &mut Reader<'a>, count: usize, offsets: &mut Offsets, depth: usize) -> Result<Header<'a>, Corrupt> {
        let at = reader.position();
        let Some(depth) = depth.checked_sub(1) else {
            return Err(corrupt!("columns nested too deep at offset {at}"));
        };
        let coder = match reader.u8()? {
            CONSTANT => Coder::Constant(reader.bytes()?),
            ENUM => {
                let distinct =
                    usize::from(u8::try_from(reader.varint()?).map_err(|_| corrupt!("too large an enum at offset {at}"))?);
                let words = Box::new(Header::read_inner(reader, distinct, offsets, depth)?);
                Coder::Enum { words, indexes: offsets.take_rows(Class::Number, count, 1)? }
            }
            INTEGER => Coder::Integer(Integers::read(reader, count, Class::Number, offsets)?),
            DECIMAL => {
                let digits = read_digits(reader)?;
                let each = matches!(digits, Digits::Each | Digits::Nudged { .. })
                    .then(|| offsets.take_rows(Class::Number, count, 1))
                    .transpose()?;
                Coder::Decimal { digits, each, mantissas: Integers::read(reader, count, Class::Number, offsets)? }
            }
            TIME => Coder::Time { format: read_format(reader)?, ticks: Integers::read(reader, count, Class::Time, offsets)? },
            FIXED => Coder::Fixed(Fixed::read(reader, count, offsets)?),
            TEXT => Coder::Text(Text::read(reader, count, offsets)?),
            RUNS => {
                let runs = part_of(reader.varint()?, count, at)?;
                Coder::Runs {
                    lengths: Integers::read(reader, runs, Class::Number, offsets)?,
                    heads: Box::new(Header::read_inner(reader, runs, offsets, depth)?),
                }
            }
            SPLIT => {
                let main = part_of(reader.varint()?, count, at)?;
                Coder::Split {
                    map: offsets.take_rows(Class::Number, count, 1)?,
                    main: Box::new(Header::read_inner(reader, main, offsets, depth)?),
                    other: Box::new(Header::read_inner(reader, count - main, offsets, depth)?),
                }
            }
            other => return Err(corrupt!("unknown column coder {other} at offset {at}")),
        };
        Ok(Header { count, coder })
    }

    /// How many values the column has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True for a column without values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the column has bytes in the stream of a class: [`super::Column::open`] may be given an empty one otherwise.
    #[must_use]
    pub fn reads(&self, class: Class) -> bool {
        match &self.coder {
            Coder::Constant(_) => false,
            Coder::Enum { words, .. } => class == Class::Number || words.reads(class),
            Coder::Integer(integers) | Coder::Time { ticks: integers, .. } => class == integers.class(),
            Coder::Decimal { .. } => class == Class::Number,
            Coder::Fixed(fixed) => class == fixed.part.class,
            Coder::Text(text) => text.classes().any(|read| read == class),
            Coder::Runs { heads, .. } => class == Class::Number || heads.reads(class),
            Coder::Split { main, other, .. } => class == Class::Number || main.reads(class) || other.reads(class),
        }
    }

    /// The coder's name, for reports and tests.
    #[must_use]
    pub fn coder_name(&self) -> &'static str {
        match &self.coder {
            Coder::Constant(_) => "constant",
            Coder::Enum { .. } => "enum",
            Coder::Integer(_) => "integer",
            Coder::Decimal { .. } => "decimal",
            Coder::Time { .. } => "time",
            Coder::Fixed(_) => "fixed",
            Coder::Text(_) => "text",
            Coder::Runs { .. } => "runs",
            Coder::Split { .. } => "split",
        }
    }
}

/// A count of some of a column's values.
fn part_of(some: u64, count: usize, at: usize) -> Result<usize, Corrupt> {
    let some_of_all = usize::try_from(some).ok().filter(|&some| some <= count);
    some_of_all.ok_or_else(|| corrupt!("{some} of {count} values at offset {at}"))
}

fn read_digits(reader: &mut Reader<'_>) -> Result<Digits, Corrupt> {
    let at = reader.position();
    let (style, scale) = (reader.u8()?, reader.u8()?);
    if scale > decimal::FRACTION_DIGITS {
        return Err(corrupt!("decimals of {scale} fraction digits at offset {at}"));
    }
    match (style, scale) {
        (EACH, 0) => Ok(Digits::Each),
        (ALWAYS, _) => Ok(Digits::Always(scale)),
        (STRIPPED_TO_ONE, _) => Ok(Digits::Stripped { scale, least: 1 }),
        (STRIPPED_TO_NONE, _) => Ok(Digits::Stripped { scale, least: 0 }),
        (NUDGED_TO_ONE, _) => Ok(Digits::Nudged { scale, least: 1 }),
        (NUDGED_TO_NONE, _) => Ok(Digits::Nudged { scale, least: 0 }),
        _ => Err(corrupt!("decimals of style {style} and scale {scale} at offset {at}")),
    }
}

fn read_format<'a>(reader: &mut Reader<'a>) -> Result<Format<'a>, Corrupt> {
    let at = reader.position();
    let (separator, digits) = (reader.u8()?, reader.u8()?);
    if digits > time::FRACTION {
        return Err(corrupt!("times of {digits} fraction digits at offset {at}"));
    }
    Ok(Format { separator, digits, suffix: reader.bytes()? })
}
