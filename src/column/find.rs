//! Whether a column can hold some bytes at all, told from its coded form: a look-up skips most columns without decoding them.

use memchr::{memchr, memmem};

use super::open::{Body, Column};
use crate::error::{Corrupt, corrupt};

impl Column<'_> {
    /// True when every value is a number: nothing else is coded so.
    #[must_use]
    pub fn holds_only_numbers(&self) -> bool {
        match &self.body {
            Body::Decimal { .. } => true,
            Body::Runs { heads, .. } => heads.holds_only_numbers(),
            Body::Split { main, other, .. } => main.holds_only_numbers() && other.holds_only_numbers(),
            Body::Constant(_) | Body::Enum { .. } | Body::Time { .. } | Body::Fixed { .. } | Body::Text { .. } => false,
        }
    }

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

    /// False only when no value holds `needle` anywhere in it, neither plainly nor behind JSON escapes.
    #[must_use]
    pub fn may_hold(&self, needle: &[u8]) -> bool {
        match &self.body {
            Body::Constant(value) => memchr(b'\\', value).is_some() || memmem::find(value, needle).is_some(),
            Body::Enum { words, .. } => words.may_hold(needle),
            Body::Decimal { .. } => is_of(needle, b"+-.eE"),
            // The suffix of a time is a zone.
            Body::Time { format, .. } => {
                is_of(needle, b"+-.: TtZz") || memchr(b'\\', format.suffix).is_some() || has_letter(format.suffix)
            }
            Body::Fixed { ids, rows } => ids.is_escaped() || ids.may_hold(rows, needle),
            Body::Text { prefix, rows } => {
                let rows = rows.bytes();
                memchr(b'\\', prefix).is_some()
                    || memchr(b'\\', rows).is_some()
                    || memmem::find(prefix, needle).is_some()
                    || (0..needle.len()).any(|cut| {
                        let (head, tail) = needle.split_at(cut);
                        prefix.ends_with(head) && memmem::find(rows, tail).is_some()
                    })
            }
            Body::Runs { heads, .. } => heads.may_hold(needle),
            Body::Split { main, other, .. } => main.may_hold(needle) || other.may_hold(needle),
        }
    }
}

fn is_of(needle: &[u8], others: &[u8]) -> bool {
    needle.iter().all(|byte| byte.is_ascii_digit() || others.contains(byte))
}

fn has_letter(suffix: &[u8]) -> bool {
    suffix.iter().any(|byte| byte.is_ascii_alphabetic() && !b"TtZz".contains(byte))
}

#[cfg(test)]
mod tests {
    use crate::bytes::Reader;
    use crate::column::{Column, Header, Offsets, Streams, Values, encode};

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
            let parsed = Header::read(&mut Reader::new(&header), column.len(), &mut Offsets::default()).unwrap();
            let opened = Column::open(&parsed, &streams.slices()).unwrap();
            for value in &column {
                for from in 0..value.len() {
                    for to in from + 1..=value.len() {
                        assert!(opened.may_hold(&value.as_bytes()[from..to]), "{:?} in {value:?}", &value[from..to]);
                    }
                }
            }
            assert!(!opened.may_hold(b"zebra-crossing"), "{:?}", column[0]);
        }
    }
}
