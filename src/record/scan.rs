//! The first look at a line: where its containers begin and end.
//!
//! One pass, no grammar: only strings and brackets count. What the cutter will not open (a subtree seen before) is never looked
//! at again, which is what makes a request that resends its history cheap.

use wide::u8x16;

/// Bytes of a vector.
const LANES: usize = 16;
/// Bytes looked at together for brackets.
const BLOCK: usize = 64;
/// Bytes looked at together for the end of a string, most of which are short.
const STEP: usize = 32;

/// An object or array: its bytes are `start..end`; `next` is the index of the first container after it that is not inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// Offset of the bracket that opens it.
    pub start: u32,
    /// Offset after the bracket that closes it.
    pub end: u32,
    /// Index into the list of containers, past all that it holds.
    pub next: u32,
}

/// Appends the container that starts at `start` and all inside it to `out`, in the order they open, and gives the offset after
/// it. `None` (and `out` as before) when brackets do not match or a string does not end.
pub fn containers(bytes: &[u8], start: usize, out: &mut Vec<Container>) -> Option<usize> {
    let first = out.len();
    let end = scan(bytes, start, out, first);
    if end.is_none() {
        out.truncate(first);
    }
    end
}

/// Where the bytes that matter stand in a block of 64: bit `n` for byte `n`.
struct Marks {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
}

impl Marks {
    #[inline]
    fn of(block: &[u8; BLOCK]) -> Marks {
        let (lanes, _) = block.as_chunks::<LANES>();
        let mut marks = Marks { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        for (index, &lane) in lanes.iter().enumerate() {
            let bytes = u8x16::new(lane);
            // Square and curly brackets differ in this bit only, and nothing else becomes one of them by it.
            let curly = bytes | u8x16::splat(b'[' ^ b'{');
            let bits = |mask: u8x16| u64::from(mask.to_bitmask()) << (index * LANES);
            marks.quotes |= bits(bytes.simd_eq(u8x16::splat(b'"')));
            marks.backslashes |= bits(bytes.simd_eq(u8x16::splat(b'\\')));
            marks.opens |= bits(curly.simd_eq(u8x16::splat(b'{')));
            marks.closes |= bits(curly.simd_eq(u8x16::splat(b'}')));
        }
        marks
    }

    /// The bytes behind an odd number of backslashes; `carry` says that the block before ended with such a number.
    #[inline]
    fn escaped(&self, carry: &mut bool) -> u64 {
        let mut escaped = u64::from(std::mem::take(carry));
        let mut rest = self.backslashes & !escaped;
        while rest != 0 {
            let start = rest.trailing_zeros();
            let run = (rest >> start).trailing_ones();
            let after = start + run;
            if run % 2 == 1 {
                match 1u64.checked_shl(after) {
                    Some(bit) => escaped |= bit,
                    None => *carry = true,
                }
            }
            rest &= u64::MAX.checked_shl(after + 1).unwrap_or(0);
        }
        escaped
    }
}

/// For each bit, whether the number of set bits up to it is odd.
#[inline]
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// Blocks of 64 bytes at a time: quotes tell what is inside a string, brackets outside of strings are what counts (the first
/// stage of Langdale and Lemire, *Parsing gigabytes of JSON per second*, 2019, on 128-bit vectors). A backslash outside of a string means nothing; such
/// a line is no JSON, and read byte by byte.
fn scan(bytes: &[u8], start: usize, out: &mut Vec<Container>, first: usize) -> Option<usize> {
    let mut nest = Nest { out, innermost: u32::MAX };
    let (mut escape, mut inside) = (false, 0u64);
    let mut at = start;
    while at < bytes.len() {
        let marks = match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(block) => Marks::of(block),
            None => {
                let mut block = [b' '; BLOCK];
                let rest = bytes.get(at..)?;
                block.get_mut(..rest.len())?.copy_from_slice(rest);
                Marks::of(&block)
            }
        };
        let quotes = marks.quotes & !marks.escaped(&mut escape);
        let strings = parity(quotes) ^ inside;
        inside = (strings >> 63).wrapping_neg();
        let stray = (marks.backslashes & !strings).trailing_zeros();
        let mut brackets = (marks.opens | marks.closes) & !strings;
        while brackets != 0 {
            let place = brackets.trailing_zeros();
            if place > stray {
                break;
            }
            brackets &= brackets - 1;
            let here = at + place as usize;
            if marks.opens >> place & 1 == 1 {
                nest.open(here);
            } else if nest.close(bytes, here)? {
                return Some(here + 1);
            }
        }
        if stray < u64::BITS {
            nest.out.truncate(first);
            return scan_bytes(bytes, start, nest.out);
        }
        at += BLOCK;
    }
    None
}

/// The containers found so far, and which of them is open.
struct Nest<'o> {
    out: &'o mut Vec<Container>,
    /// Index of the innermost open container; that of the one around it is kept in its `next` until it closes.
    innermost: u32,
}

impl Nest<'_> {
    #[inline]
    fn open(&mut self, at: usize) {
        let index = self.out.len() as u32;
        self.out.push(Container { start: at as u32, end: u32::MAX, next: self.innermost });
        self.innermost = index;
    }

    /// Closes the innermost; true when it was the outermost, `None` when the bracket does not match.
    #[inline]
    fn close(&mut self, bytes: &[u8], at: usize) -> Option<bool> {
        let length = self.out.len() as u32;
        let open = self.out.get_mut(self.innermost as usize)?;
        // '[' + 2 is ']' and '{' + 2 is '}'.
        if bytes[open.start as usize] + 2 != bytes[at] {
            return None;
        }
        self.innermost = open.next;
        open.end = at as u32 + 1;
        open.next = length;
        Some(self.innermost == u32::MAX)
    }
}

/// The same, a byte at a time.
fn scan_bytes(bytes: &[u8], start: usize, out: &mut Vec<Container>) -> Option<usize> {
    let mut nest = Nest { out, innermost: u32::MAX };
    let mut at = start;
    loop {
        match *bytes.get(at)? {
            b'"' => at = string_end(bytes, at + 1)?,
            b'{' | b'[' => {
                nest.open(at);
                at += 1;
            }
            b'}' | b']' => {
                if nest.close(bytes, at)? {
                    return Some(at + 1);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// The offset after the quote that ends the string whose inside starts at `from`.
#[inline]
#[must_use]
pub fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // Escapes often stand close together (JSON in strings): all of a step are passed before the next one is read.
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.first_chunk::<STEP>()) {
        let (lanes, _) = step.as_chunks::<LANES>();
        let (mut quotes, mut backslashes) = (0u32, 0u32);
        for (index, &lane) in lanes.iter().enumerate() {
            let lane = u8x16::new(lane);
            quotes |= lane.simd_eq(u8x16::splat(b'"')).to_bitmask() << (index * LANES);
            backslashes |= lane.simd_eq(u8x16::splat(b'\\')).to_bitmask() << (index * LANES);
        }
        let mut hits = quotes | backslashes;
        let mut passed = STEP;
        while hits != 0 {
            let place = hits.trailing_zeros();
            if quotes >> place & 1 == 1 {
                return Some(at + place as usize + 1);
            }
            // The backslash and what it escapes.
            passed = passed.max(place as usize + 2);
            hits &= u32::MAX.checked_shl(place + 2).unwrap_or(0);
        }
        at += passed;
    }
    loop {
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Option<Vec<&str>> {
        let mut out = Vec::new();
        containers(text.as_bytes(), 0, &mut out)?;
        Some(out.iter().map(|c| &text[c.start as usize..c.end as usize]).collect())
    }

    #[test]
    fn brackets_inside_strings_do_not_count() {
        let text = r#"{"a":["}\"]",{}],"b":"\\"} tail"#;
        assert_eq!(spans(text).unwrap(), [r#"{"a":["}\"]",{}],"b":"\\"}"#, r#"["}\"]",{}]"#, "{}"]);
    }

    #[test]
    fn next_skips_everything_inside() {
        let mut out = Vec::new();
        containers(br#"[[1,[2]],{"a":[3]}]"#, 0, &mut out).unwrap();
        assert_eq!(out.iter().map(|c| c.next).collect::<Vec<_>>(), [5, 3, 3, 5, 5]);
    }

    #[test]
    fn unbalanced_or_open_ended_is_refused_and_leaves_nothing() {
        for text in [r#"{"a":1"#, r#"{"a":1]"#, r#"["abc]"#, r#"["abc\"]"#, "[", ""] {
            assert_eq!(spans(text), None, "{text}");
        }
    }

    #[test]
    fn long_strings_end_where_a_plain_loop_says() {
        for length in 0..200 {
            for quote in 0..=length {
                let mut text = vec![b'x'; length];
                text.insert(quote, b'"');
                assert_eq!(string_end(&text, 0), Some(quote + 1));
            }
        }
    }

    /// The end of a string, found the simplest way.
    fn plain_end(bytes: &[u8], mut at: usize) -> Option<usize> {
        loop {
            match *bytes.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    proptest::proptest! {
        /// Blocks, carries and escapes at their borders: whatever the bytes, vectors find what a look at each byte finds.
        #[test]
        fn blocks_find_what_single_bytes_do(text in r#"[\[{][\[{}\],":a\\]{0,80}"#, long in r#"\{"[a"\\{}]{0,400}"\}"#) {
            for text in [text.clone(), long.clone(), format!("{long}{text}"), format!("[{},{text}", "\"x\\\\\",".repeat(23))] {
                let (mut blocks, mut single) = (vec![Container { start: 1, end: 2, next: 3 }], Vec::new());
                let bytes = text.as_bytes();
                let end = containers(bytes, 0, &mut blocks);
                let expected = scan_bytes(bytes, 0, &mut single);
                proptest::prop_assert_eq!(end, expected, "{}", text);
                // Both count their places in the list they add to.
                let shifted: Vec<Container> = single.iter().map(|c| Container { next: c.next.wrapping_add(1), ..*c }).collect();
                proptest::prop_assert_eq!(&blocks[1..], if expected.is_some() { shifted.as_slice() } else { &[] }, "{}", text);
                for from in 0..bytes.len() {
                    proptest::prop_assert_eq!(string_end(bytes, from), plain_end(bytes, from));
                }
            }
        }
    }
}
