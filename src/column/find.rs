//! Whether a column can hold some bytes at all, told from its coded form: a look-up skips most columns without decoding them, and
//! where the header tells enough, without unpacking the stream it stands in.

use std::cell::OnceCell;

use memchr::memmem::{self, Finder};

use super::header::{Coder, Header};
use super::open::{Body, Column};
use super::{Class, time};
use crate::error::{Corrupt, corrupt};

/// Byte strings, any of which is looked for in values that may be written with JSON escapes.
pub struct Needles<'n> {
    finders: Vec<Finder<'n>>,
    /// Finds what every escape has that can hide one of them.
    hiding: Finder<'static>,
}

impl<'n> Needles<'n> {
    /// Prepares the search.
    #[must_use]
    pub fn new(needles: &[&'n [u8]]) -> Needles<'n> {
        // Most characters are hidden only by their numbers, which are rare: most texts need not be unescaped.
        let plain = |byte: &u8| (b' '..0x7f).contains(byte) && !matches!(byte, b'"' | b'\\' | b'/');
        let all = |is: &dyn Fn(&u8) -> bool| needles.iter().all(|needle| needle.iter().all(is));
        let hiding: &[u8] = match () {
            () if all(&plain) => br"\u00",
            () if all(&|byte| plain(byte) || !byte.is_ascii()) => br"\u",
            () => br"\",
        };
        Needles { finders: needles.iter().map(|needle| Finder::new(*needle)).collect(), hiding: Finder::new(hiding) }
    }

    /// True when nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.finders.is_empty()
    }

    /// The needles.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.finders.iter().map(Finder::needle)
    }

    /// True when one stands in these bytes as it is.
    #[must_use]
    pub fn stands_in(&self, bytes: &[u8]) -> bool {
        self.finders.iter().any(|finder| finder.find(bytes).is_some())
    }

    /// True when an escape in these bytes may hide one.
    #[must_use]
    pub fn may_hide_in(&self, bytes: &[u8]) -> bool {
        self.hiding.find(bytes).is_some()
    }

    fn may_be_in(&self, bytes: &[u8]) -> bool {
        self.stands_in(bytes) || self.may_hide_in(bytes)
    }

    /// True when one begins in `head` and ends in one of the values of `rows`, or an escape does that may hide one.
    fn may_cross(&self, head: &[u8], rows: &[u8]) -> bool {
        let crosses = |needle: &[u8]| {
            let cuts = 1..needle.len().min(head.len() + 1);
            cuts.into_iter().any(|cut| head.ends_with(&needle[..cut]) && memmem::find(rows, &needle[cut..]).is_some())
        };
        self.iter().any(crosses) || crosses(self.hiding.needle())
    }
}

/// Gives the bytes of a group's class stream.
type ClassStream<'f, 's> = dyn Fn(Class) -> Result<&'s [u8], Corrupt> + 'f;

/// A search in the columns of one group.
pub struct Sought<'f, 's> {
    needles: &'f Needles<'f>,
    stream: &'f ClassStream<'f, 's>,
    /// Whether a needle may be in a whole class stream: searching it once is cheaper than each column's part.
    in_stream: [OnceCell<bool>; Class::COUNT],
}

impl<'f, 's> Sought<'f, 's> {
    /// Nothing is read yet; `stream` gives a class stream when a column's header does not tell enough.
    pub fn new(needles: &'f Needles<'f>, stream: &'f ClassStream<'f, 's>) -> Sought<'f, 's> {
        Sought { needles, stream, in_stream: Default::default() }
    }

    fn may_be_in_stream(&self, class: Class) -> Result<bool, Corrupt> {
        let cell = &self.in_stream[class as usize];
        if let Some(known) = cell.get() {
            return Ok(*known);
        }
        let found = self.needles.may_be_in((self.stream)(class)?);
        Ok(*cell.get_or_init(|| found))
    }

    fn part(&self, part: &super::header::Part) -> Result<&'s [u8], Corrupt> {
        part.of_stream((self.stream)(part.class)?)
    }
}

impl Header<'_> {
    /// True when every value is a number: nothing else is coded so.
    #[must_use]
    pub fn holds_only_numbers(&self) -> bool {
        match &self.coder {
            Coder::Integer(_) | Coder::Decimal { .. } => true,
            Coder::Runs { heads, .. } => heads.holds_only_numbers(),
            Coder::Split { main, other, .. } => main.holds_only_numbers() && other.holds_only_numbers(),
            Coder::Constant(_) | Coder::Enum { .. } | Coder::Time { .. } | Coder::Fixed(_) | Coder::Text(_) => false,
        }
    }

    /// False only when no value holds a needle anywhere in it, neither plainly nor behind JSON escapes.
    ///
    /// # Errors
    /// When a stream that must be read is damaged.
    pub fn may_hold(&self, sought: &Sought<'_, '_>) -> Result<bool, Corrupt> {
        let needles = sought.needles;
        Ok(match &self.coder {
            Coder::Constant(value) => needles.may_be_in(value),
            Coder::Enum { words, .. } => words.may_hold(sought)?,
            Coder::Integer(_) | Coder::Decimal { .. } => needles.iter().any(|needle| is_of(needle, b"+-.eE")),
            Coder::Time { format, .. } => {
                needles.may_hide_in(format.suffix) || needles.iter().any(|needle| time_may_hold(format, needle))
            }
            Coder::Fixed(fixed) => {
                let mut needles = needles.iter();
                needles.try_fold(false, |may, needle| match may {
                    true => Ok(true),
                    false => fixed.may_hold(needle, || sought.may_be_in_stream(fixed.part.class), || sought.part(&fixed.part)),
                })?
            }
            Coder::Text(text) => {
                needles.may_be_in(text.prefix)
                    || !text.prefix.is_empty() && needles.may_cross(text.prefix, sought.part(&text.part)?)
                    || sought.may_be_in_stream(text.part.class)? && needles.may_be_in(sought.part(&text.part)?)
            }
            Coder::Runs { heads, .. } => heads.may_hold(sought)?,
            Coder::Split { main, other, .. } => main.may_hold(sought)? || other.may_hold(sought)?,
        })
    }
}

/// Whether a time of a format may hold a needle. The suffix is a zone, or what else it is.
fn time_may_hold(format: &time::Format<'_>, needle: &[u8]) -> bool {
    is_of(needle, b"+-.: TtZz") || format.suffix.iter().any(|byte| byte.is_ascii_alphabetic() && !b"TtZz".contains(byte))
}

impl Column<'_> {
    /// Appends what `judge` says of each value. A value that the column holds once for many ranks is judged once.
    ///
    /// # Errors
    /// When the column is damaged.
    pub fn judge_all<T: Copy>(&self, judge: &mut dyn FnMut(&[u8]) -> T, out: &mut Vec<T>) -> Result<(), Corrupt> {
        match &self.body {
            Body::Constant(value) => out.extend(std::iter::repeat_n(judge(value), self.len())),
            Body::Enum { words, indexes } => {
                let mut said = Vec::new();
                words.judge_all(judge, &mut said)?;
                for index in *indexes {
                    let word = said.get(usize::from(*index)).ok_or_else(|| corrupt!("no word {index} in an enum column"))?;
                    out.push(*word);
                }
            }
            Body::Runs { ends, heads } => {
                let mut said = Vec::new();
                heads.judge_all(judge, &mut said)?;
                let mut from = 0;
                for (end, said) in ends.iter().zip(said) {
                    out.extend(std::iter::repeat_n(said, end.saturating_sub(from) as usize));
                    from = *end;
                }
            }
            Body::Text { .. } | Body::Fixed { .. } | Body::Time { .. } | Body::Decimal { .. } | Body::Split { .. } => {
                let mut value = Vec::new();
                for rank in 0..self.len() {
                    value.clear();
                    self.get(rank, &mut value)?;
                    out.push(judge(&value));
                }
            }
        }
        Ok(())
    }
}

fn is_of(needle: &[u8], others: &[u8]) -> bool {
    needle.iter().all(|byte| byte.is_ascii_digit() || others.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::{Needles, Sought};
    use crate::bytes::Reader;
    use crate::column::{Header, Offsets, Streams, Values, encode};

    #[test]
    fn what_a_column_holds_is_never_denied() {
        let ids: Vec<String> = (0..50u64).map(|n| format!("req_{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        let texts: Vec<String> = (0..50).map(|n| format!("shared head {n} and tail {}", n * 7919)).collect();
        let numbers: Vec<String> = (0..50).map(|n| format!("{}", 1000 + n * n)).collect();
        let times: Vec<String> = (10..60).map(|n| format!("2026-01-02T03:04:{n}.250Z")).collect();
        let words: Vec<String> = (0..50).map(|n| ["alpha", "beta", "gamma"][n % 3].to_string()).collect();
        let mixed: Vec<String> = (0..50).map(|n| if n % 9 == 0 { "null".into() } else { format!("{n}.5") }).collect();
        for column in [ids, texts, numbers, times, words, mixed, vec!["same".to_string(); 40]] {
            let mut values = Values::default();
            column.iter().for_each(|value| values.push(value.as_bytes()));
            let (mut header, mut streams) = (Vec::new(), Streams::default());
            encode(&values, &mut header, &mut streams);
            let slices = streams.slices();
            let parsed = Header::read(&mut Reader::new(&header), column.len(), &mut Offsets::default()).unwrap();
            let stream = |class| Ok(slices[class as usize]);
            let may_hold = |needle: &[u8]| parsed.may_hold(&Sought::new(&Needles::new(&[needle]), &stream)).unwrap();
            for value in &column {
                for from in 0..value.len() {
                    for to in from + 1..=value.len() {
                        assert!(may_hold(&value.as_bytes()[from..to]), "{:?} in {value:?}", &value[from..to]);
                    }
                }
            }
            assert!(!may_hold(b"zebra-crossing"), "{:?}", column[0]);
        }
    }
}
