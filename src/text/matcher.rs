//! Copies of literals: finds where a text repeats what the literal stream already holds.
//!
//! A fixed table maps anchor hashes to addresses of the literal stream. A hit is only a hint: the bytes are compared, in both
//! directions, and what is long enough becomes a copy. The table forgets (newer anchors push older ones out of a bucket of
//! two) and the window may have moved on; both cost a copy, never correctness. The same calls give the same pieces.

use super::anchor::{Anchor, WINDOW};
use super::window::Window;
use std::ops::Range;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes of the text go to the literal stream.
    Literal(Range<usize>),
    /// These bytes are in the literal stream already.
    Copy {
        /// Where, in the literal stream.
        address: u32,
        /// How many bytes.
        len: u32,
    },
}

impl Piece {
    /// How many bytes of the text it stands for.
    #[must_use]
    pub fn text_len(&self) -> usize {
        match self {
            Piece::Literal(range) => range.len(),
            Piece::Copy { len, .. } => *len as usize,
        }
    }
}

/// What the table keeps of an anchor: the high half of its hash, and below it the address right behind its window. No window ends at
/// address 0, so 0 marks a free slot: a plain number, so that a new table is memory nobody has touched.
type Slot = u64;

fn slot(hash: u64, address: u32) -> Slot {
    u64::from(tag(hash)) << 32 | u64::from(address)
}

/// The address in a slot that has an anchor's hash.
fn address_of(slot: Slot, hash: u64) -> Option<u32> {
    (slot != 0 && (slot >> 32) as u32 == tag(hash)).then_some(slot as u32)
}

/// Slots of a bucket: the newest first.
const WAYS: usize = 2;

/// A match found: where the text begins to be equal, and where the literal stream does.
#[derive(Clone, Copy)]
struct Match {
    start: usize,
    address: u32,
    len: usize,
}

/// Finds copies; see the module.
#[derive(Debug)]
pub struct Matcher {
    buckets: Vec<[Slot; WAYS]>,
    min_match: usize,
}

impl Matcher {
    /// Copies shorter than this cost more than they save (measured: 192 loses a few percent on judge prompts and costs a
    /// third of the copies of 96).
    pub const MIN_MATCH: usize = 192;
    /// 2^21 slots of 8 bytes: 16 MiB, anchors of about 200 MB of literals.
    pub const TABLE_BITS: u32 = 21;
    /// More than this would be gigabytes.
    const MOST_BITS: u32 = 28;

    /// A matcher with a table of 2^`table_bits` slots (1 to 28; 8 bytes each) that takes copies of `min_match` bytes or more,
    /// at least [`WINDOW`].
    #[must_use]
    pub fn new(table_bits: u32, min_match: usize) -> Matcher {
        let buckets = 1 << (table_bits.clamp(1, Matcher::MOST_BITS) - 1);
        Matcher { buckets: vec![[0; WAYS]; buckets], min_match: min_match.max(WINDOW) }
    }

    /// Cuts a text into pieces, appended to `out` in order; together they are the whole text.
    pub fn pieces<W: Window + ?Sized>(&self, text: &[u8], anchors: &[Anchor], window: &W, out: &mut Vec<Piece>) {
        let mut done = 0;
        for anchor in anchors {
            if anchor.at as usize <= done || anchor.at as usize > text.len() {
                continue;
            }
            let Some(found) = self.best(text, anchor, done, window) else {
                continue;
            };
            if found.start > done {
                out.push(Piece::Literal(done..found.start));
            }
            out.push(Piece::Copy { address: found.address, len: found.len as u32 });
            done = found.start + found.len;
        }
        if done < text.len() {
            out.push(Piece::Literal(done..text.len()));
        }
    }

    /// The longest match through an anchor that does not reach back beyond `done` and is long enough.
    fn best<W: Window + ?Sized>(&self, text: &[u8], anchor: &Anchor, done: usize, window: &W) -> Option<Match> {
        let at = anchor.at as usize;
        let candidates = self.buckets[self.bucket(anchor.hash)].iter().filter_map(|&slot| address_of(slot, anchor.hash));
        let matches = candidates.map(|address| {
            let back = backward(&text[done..at], address, window);
            let forth = if back == 0 { 0 } else { forward(&text[at..], address, window) };
            Match { start: at - back, address: address - back as u32, len: back + forth }
        });
        let longest = matches.reduce(|best, next| if next.len > best.len { next } else { best });
        longest.filter(|found| found.len >= self.min_match)
    }

    /// Remembers the anchors of a text whose literals were appended to the literal stream one after another from `address`
    /// on. Anchors whose window is not wholly one literal are left out: no copy could use it.
    pub fn insert(&mut self, anchors: &[Anchor], pieces: &[Piece], address: u32) {
        let mut address = address as usize;
        let mut anchors = anchors.iter().peekable();
        let mut start = 0;
        for piece in pieces {
            let end = start + piece.text_len();
            while let Some(anchor) = anchors.next_if(|anchor| anchor.at as usize <= end) {
                let whole = (anchor.at as usize).checked_sub(WINDOW).is_some_and(|from| from >= start);
                if whole && matches!(piece, Piece::Literal(_)) {
                    self.remember(anchor.hash, address + (anchor.at as usize - start));
                }
            }
            if matches!(piece, Piece::Literal(_)) {
                address += end - start;
            }
            start = end;
        }
    }

    /// Puts an address first in its bucket; beyond 32 bits there are no addresses.
    fn remember(&mut self, hash: u64, address: usize) {
        let Ok(address) = u32::try_from(address) else {
            return;
        };
        let bucket = self.bucket(hash);
        let slots = &mut self.buckets[bucket];
        if (slots[0] >> 32) as u32 != tag(hash) {
            slots[1] = slots[0];
        }
        slots[0] = slot(hash, address);
    }

    fn bucket(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// How many bytes at the start of `text` equal the literals from `address` on, across the seams of the window.
fn forward<W: Window + ?Sized>(text: &[u8], mut address: u32, window: &W) -> usize {
    let mut equal = 0;
    loop {
        let literals = window.after(address);
        let run = common_prefix(&text[equal..], literals);
        equal += run;
        if run == 0 || run < literals.len() {
            return equal;
        }
        let Some(next) = address.checked_add(run as u32) else {
            return equal;
        };
        address = next;
    }
}

/// How many bytes at the end of `text` equal the literals right before `address`.
fn backward<W: Window + ?Sized>(text: &[u8], mut address: u32, window: &W) -> usize {
    let mut equal = 0;
    loop {
        let literals = window.before(address);
        let run = common_suffix(&text[..text.len() - equal], literals);
        equal += run;
        if run == 0 || run < literals.len() {
            return equal;
        }
        address -= run as u32;
    }
}

/// Bytes compared at once.
const WORD: usize = 8;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let (words_a, words_b) = (a.as_chunks::<WORD>().0, b.as_chunks::<WORD>().0);
    let words = words_a.iter().zip(words_b).take_while(|(a, b)| a == b).count();
    let rest = a[words * WORD..].iter().zip(&b[words * WORD..]).take_while(|(a, b)| a == b).count();
    words * WORD + rest
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let (words_a, words_b) = (a.as_rchunks::<WORD>().1, b.as_rchunks::<WORD>().1);
    let words = words_a.iter().rev().zip(words_b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (rest_a, rest_b) = (&a[..a.len() - words * WORD], &b[..b.len() - words * WORD]);
    words * WORD + rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::super::{Blocks, anchors};
    use super::*;
    use proptest::prelude::*;

    /// A literal stream in blocks, fed text by text as ingest would.
    struct Stream {
        literals: Vec<u8>,
        block: usize,
        matcher: Matcher,
    }

    impl Stream {
        fn new(block: usize, min_match: usize) -> Stream {
            Stream { literals: vec![0xff], block, matcher: Matcher::new(12, min_match) }
        }

        /// Cuts, checks and stores a text; returns its pieces.
        fn add(&mut self, text: &[u8]) -> Vec<Piece> {
            let (mut found, mut pieces) = (Vec::new(), Vec::new());
            anchors(text, &mut found);
            let mut blocks = Blocks::default();
            for (at, block) in self.literals.chunks(self.block).enumerate() {
                assert!(blocks.push((at * self.block) as u32, block));
            }
            self.matcher.pieces(text, &found, &blocks, &mut pieces);
            let address = self.literals.len() as u32;
            assert_eq!(self.rebuild(text, &pieces), text);
            for piece in &pieces {
                if let Piece::Literal(range) = piece {
                    self.literals.extend_from_slice(&text[range.clone()]);
                }
            }
            self.matcher.insert(&found, &pieces, address);
            pieces
        }

        fn rebuild(&self, text: &[u8], pieces: &[Piece]) -> Vec<u8> {
            let parts = pieces.iter().map(|piece| match piece {
                Piece::Literal(range) => &text[range.clone()],
                Piece::Copy { address, len } => {
                    assert!(*len as usize >= self.matcher.min_match);
                    &self.literals[*address as usize..(*address + *len) as usize]
                }
            });
            parts.collect::<Vec<_>>().concat()
        }
    }

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b' ' + (state >> 57) as u8 % 90
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn a_text_seen_before_is_one_copy_from_its_first_byte_to_its_last() {
        for block in [1 << 20, 700] {
            let mut stream = Stream::new(block, 192);
            let text = noise(1, 5_000);
            assert_eq!(stream.add(&text), [Piece::Literal(0..5_000)]);
            assert_eq!(stream.add(&text), [Piece::Copy { address: 1, len: 5_000 }]);
        }
    }

    #[test]
    fn an_insertion_splits_the_copy_and_only_the_new_bytes_are_literal() {
        let mut stream = Stream::new(1 << 20, 192);
        let text = noise(2, 6_000);
        stream.add(&text);
        let changed = [&text[..3_000], b"<< Alice >>", &text[3_000..]].concat();
        let copies =
            [Piece::Copy { address: 1, len: 3_000 }, Piece::Literal(3_000..3_011), Piece::Copy { address: 3_001, len: 3_000 }];
        assert_eq!(stream.add(&changed), copies);
        // The copy of a copy names the first literals: depth stays one.
        assert_eq!(stream.add(&changed)[0], copies[0]);
        // Literals behind a copy are remembered at their own address.
        let tail = noise(9, 2_000);
        let address = stream.literals.len() as u32;
        stream.add(&[&text[..3_000], &tail].concat());
        assert_eq!(stream.add(&tail), [Piece::Copy { address, len: 2_000 }]);
    }

    #[test]
    fn every_repetition_a_naive_search_finds_is_found_when_it_holds_an_anchor() {
        let mut stream = Stream::new(512, 192);
        let first = noise(3, 8_000);
        stream.add(&first);
        for (start, len) in [(0, 1_500), (1_234, 2_000), (6_400, 1_600), (3_000, 900)] {
            let text = [&noise(4, 321)[..], &first[start..start + len], &noise(5, 123)].concat();
            let at = memchr::memmem::find(&stream.literals, &text[321..321 + len]).expect("there");
            let copy = Piece::Copy { address: at as u32, len: len as u32 };
            assert!(stream.add(&text).contains(&copy), "{start}");
        }
    }

    #[test]
    fn shorter_repetitions_and_bytes_no_longer_at_hand_stay_literal() {
        let mut stream = Stream::new(1 << 20, 1_000);
        let text = noise(6, 3_000);
        stream.add(&text);
        assert_eq!(stream.add(&text[1_000..1_900]), [Piece::Literal(0..900)]);
        let (mut found, mut pieces) = (Vec::new(), Vec::new());
        anchors(&text, &mut found);
        stream.matcher.pieces(&text, &found, &Blocks::default(), &mut pieces);
        assert_eq!(pieces, [Piece::Literal(0..3_000)]);
    }

    #[test]
    fn wrong_hints_and_foreign_anchors_give_literals_and_no_panic() {
        let mut matcher = Matcher::new(4, 64);
        let text = noise(7, 500);
        let anchors: Vec<Anchor> = (0..40).map(|at| Anchor { at: at * 100, hash: u64::from(at % 3) }).collect();
        matcher.insert(&anchors, &[Piece::Literal(0..4_000)], u32::MAX - 2_000);
        matcher.insert(&anchors, &[Piece::Literal(0..4_000)], 100);
        let mut blocks = Blocks::default();
        let other = noise(8, 4_000);
        assert!(blocks.push(0, &other) && !blocks.push(10, &other) && !blocks.push(u32::MAX, &other));
        let mut pieces = Vec::new();
        matcher.pieces(&text, &anchors, &blocks, &mut pieces);
        assert_eq!(pieces, [Piece::Literal(0..500)]);
    }

    proptest! {
        #[test]
        fn pieces_always_rebuild_the_text(
            parts in proptest::collection::vec((0usize..6, 0usize..3_000, 1usize..1_500), 1..30), block in 1usize..3_000, min_match in 64usize..400,
        ) {
            let sources: Vec<Vec<u8>> = (0..6).map(|seed| if seed == 0 { vec![b'a'; 4_500] } else { noise(seed, 4_500) }).collect();
            let mut stream = Stream::new(block, min_match);
            for texts in parts.chunks(3) {
                let text: Vec<u8> = texts.iter().flat_map(|&(source, start, len)| sources[source][start..start + len].iter().copied()).collect();
                stream.add(&text);
            }
        }
    }
}
