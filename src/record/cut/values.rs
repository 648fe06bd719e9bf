//! Objects, lists and what stands in them.

use std::ops::Range;

use memchr::memchr;

use super::parts::{Value, class};
use super::{Cutter, Frame, Odd, Text};
use crate::record::scan::{self, Container};
use crate::record::template::{self, Slot, SlotKind};
use crate::record::{MAX_DEPTH, NODE_BYTES};

impl Cutter<'_> {
    pub(super) fn object(
        &mut self,
        text: Text<'_>,
        cs: &[Container],
        next: &mut usize,
        depth: usize,
        nesting: usize,
    ) -> Result<(), Odd> {
        let bytes = text.bytes;
        let container = cs[*next];
        let (mut literal, end) = (container.start as usize, container.end as usize);
        *next += 1;
        let mut at = skip_space(bytes, literal + 1);
        if bytes[at] != b'}' {
            loop {
                if bytes[at] != b'"' {
                    return Err(Odd);
                }
                at = skip_space(bytes, scan::string_end(bytes, at + 1).ok_or(Odd)?);
                if at >= end || bytes[at] != b':' {
                    return Err(Odd);
                }
                at = skip_space(bytes, at + 1);
                self.literal(text, literal..at)?;
                at = self.value(text, cs, next, at, end, depth, nesting, false)?;
                literal = at;
                at = skip_space(bytes, at);
                match bytes.get(at) {
                    Some(b',') => at = skip_space(bytes, at + 1),
                    Some(b'}') if at + 1 == end => break,
                    _ => return Err(Odd),
                }
                if at >= end {
                    return Err(Odd);
                }
            }
        } else if at + 1 != end {
            return Err(Odd);
        }
        self.literal(text, literal..end)
    }

    pub(super) fn list(
        &mut self,
        text: Text<'_>,
        cs: &[Container],
        next: &mut usize,
        depth: usize,
        nesting: usize,
        frame: Frame,
    ) -> Result<(), Odd> {
        let bytes = text.bytes;
        let container = cs[*next];
        let (start, end) = (container.start as usize, container.end as usize);
        *next += 1;
        let first = skip_space(bytes, start + 1);
        let open = start..first;
        let mut separator: Option<Range<usize>> = None;
        let mut at = first;
        let close;
        loop {
            if at + 1 >= end {
                // `[]` with space inside, or a comma at the end.
                return Err(Odd);
            }
            let after = self.value(text, cs, next, at, end, depth, nesting, true)?;
            let comma = skip_space(bytes, after);
            match bytes.get(comma) {
                Some(b',') => {
                    at = skip_space(bytes, comma + 1);
                    match &separator {
                        None => separator = Some(after..at),
                        Some(known) if bytes[known.clone()] == bytes[after..at] => {}
                        Some(_) => return Err(Odd),
                    }
                }
                Some(b']') if comma + 1 == end => {
                    close = after..end;
                    break;
                }
                _ => return Err(Odd),
            }
        }
        let values = &self.cuts.stack[frame.values..];
        let slot = values[0].slot;
        let element = values.iter().all(|value| value.slot == slot).then_some(slot);
        let separator = separator.map_or_else(|| likely_separator(&bytes[start..end]), |range| &bytes[range]);
        template::put_list(element, &bytes[open], separator, &bytes[close], &mut self.cuts.template);
        Ok(())
    }

    /// Cuts the value at `at`; gives the offset after it. In a list every object is a node, so that elements look alike.
    #[allow(clippy::too_many_arguments, reason = "one recursive walk; a struct of the same eight would only hide them")]
    fn value(
        &mut self,
        text: Text<'_>,
        cs: &[Container],
        next: &mut usize,
        at: usize,
        end: usize,
        depth: usize,
        nesting: usize,
        in_list: bool,
    ) -> Result<usize, Odd> {
        let bytes = text.bytes;
        let first = *bytes.get(at).ok_or(Odd)?;
        match first {
            b'"' => {
                let after = scan::string_end(bytes, at + 1).ok_or(Odd)?;
                self.string(text, at + 1..after - 1, nesting, in_list);
                Ok(after)
            }
            b'{' | b'[' => {
                let container = cs.get(*next).filter(|c| c.start as usize == at).ok_or(Odd)?;
                let range = at..container.end as usize;
                let inner_end = range.end;
                let small = range.len() < NODE_BYTES;
                if first == b'[' && (small || is_numeric(bytes, cs, *next)) || range.len() == 2 {
                    *next = container.next as usize;
                    if small {
                        self.slot(Value { slot: Slot::plain(SlotKind::Token), place: text.place(range) }, in_list);
                    } else {
                        let segment = self.segment(text, range, class::RAW);
                        self.slot(Value::indexed(Slot::plain(SlotKind::RawSegment), segment), in_list);
                    }
                } else if small && !in_list && depth + 1 < MAX_DEPTH {
                    self.object(text, cs, next, depth + 1, nesting)?;
                } else {
                    let index = *next;
                    *next = container.next as usize;
                    let node = self.container(text, cs, index, depth + 1, nesting, None);
                    self.slot(Value::child(Slot::plain(SlotKind::Node), node, text.place(range)), in_list);
                }
                Ok(inner_end)
            }
            _ => {
                let length = bytes[at..end]
                    .iter()
                    .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'{' | b'['));
                let after = at + length.ok_or(Odd)?;
                if after == at {
                    return Err(Odd);
                }
                if after - at < 4096 {
                    self.slot(Value { slot: Slot::plain(SlotKind::Token), place: text.place(at..after) }, in_list);
                } else {
                    let segment = self.segment(text, at..after, class::RAW);
                    self.slot(Value::indexed(Slot::plain(SlotKind::RawSegment), segment), in_list);
                }
                Ok(after)
            }
        }
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// What would stand between the elements of a list that has only one: guessed from its colons, so that lists of one and of many
/// mostly share a template. Any answer is correct.
fn likely_separator(list: &[u8]) -> &'static [u8] {
    match memchr(b':', list) {
        Some(at) if list.get(at + 1) == Some(&b' ') => b", ",
        _ => b",",
    }
}

/// An array of numbers only: no brackets, strings or words inside its first part, and no container or string anywhere.
pub(super) fn is_numeric(bytes: &[u8], cs: &[Container], index: usize) -> bool {
    let container = cs[index];
    let inside = &bytes[container.start as usize + 1..container.end as usize - 1];
    container.next as usize == index + 1
        && bytes[container.start as usize] == b'['
        && matches!(inside.trim_ascii_start().first(), Some(b'0'..=b'9' | b'-'))
        && memchr(b'"', inside).is_none()
}

/// Base64 and its like: no byte of the middle is outside the alphabet.
pub(super) fn is_dense(text: &[u8]) -> bool {
    if text.len() < 256 {
        return false;
    }
    let middle = text.len() / 2;
    let sample = &text[middle - 100..middle + 100];
    sample.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
}
