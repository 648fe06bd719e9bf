//! What is stored depends on the input alone.

use std::sync::Arc;

use crate::error::Result;
use crate::record::cut::{CutOptions, Cutter};
use crate::record::known::{KNOWN_BYTES, Known};
use crate::vault::write::assemble::{Assembler, CutChunk, Past, Shape};
use crate::vault::write::encode::{Coded, Encoder, Levels, Sink};

/// Keeps what would be written.
#[derive(Default)]
struct Frames(Vec<Vec<u8>>);

impl Sink for Frames {
    fn take(&mut self, coded: Coded) -> Result<()> {
        if let Coded::Frame(frame, _) = coded {
            self.0.push(frame);
        }
        Ok(())
    }
}

/// Chunks of requests that resend what was said before, to many conversations in turn.
fn chunks() -> Vec<Vec<u8>> {
    let mut histories = vec![String::new(); 7];
    let mut chunks = vec![Vec::new()];
    for turn in 0..40 {
        for (conversation, history) in histories.iter_mut().enumerate() {
            let words: String =
                (0..240).map(|word| format!("{:x} ", (turn * 256 + word) * 7919 + conversation * (word % 3))).collect();
            let comma = if history.is_empty() { "" } else { "," };
            history.push_str(&format!(r#"{comma}{{"role":"user","n":{turn},"parts":[{{"type":"text","text":"{words}"}}]}}"#));
            let line = format!("{{\"id\":\"r{conversation}-{turn}\",\"body\":{{\"messages\":[{history}]}}}}\n");
            chunks.last_mut().unwrap().extend_from_slice(line.as_bytes());
        }
        chunks.push(Vec::new());
    }
    chunks
}

/// The frames of these chunks when the cutters' filter says of each node what `luck` says; a few commits and a new pack between.
fn frames(luck: &dyn Fn(u128) -> bool) -> Vec<Vec<u8>> {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    // Smaller than what is said in all, so that some of it leaves memory while it is still needed, but many times what a chunk brings.
    let shape = Shape { ring_bytes: 288 << 10, block_bytes: 16 << 10, group_bytes: 8 << 10, ..Shape::ingest() };
    let encoder = Encoder::start(pool, Levels::INGEST, Frames::default());
    let mut assembler = Assembler::new(encoder, shape, Arc::new(Known::new(10)), 0, Past::default());
    let options = CutOptions::default();
    let mut numbers = Vec::new();
    for (at, bytes) in chunks().iter().enumerate() {
        let lines = || {
            bytes.split_inclusive(|byte| *byte == b'\n').scan(0, |start, line| {
                *start += line.len();
                Some(*start - line.len()..*start - 1)
            })
        };
        let cut = |known: &Known| {
            let mut cutter = Cutter::new(bytes, known, &options);
            lines().for_each(|line| cutter.line(line));
            cutter.finish()
        };
        let known = Known::new(16);
        let plain = cut(&Known::new(0));
        let long = plain.nodes.iter().filter(|node| node.raw.len() >= KNOWN_BYTES);
        long.filter(|node| luck(node.hash)).for_each(|node| known.insert(node.hash));
        assembler.chunk(&CutChunk { bytes, cuts: &cut(&known), options: &options }, &mut numbers).unwrap();
        assembler.commit(Vec::new(), at == 25).unwrap();
    }
    assembler.finish().unwrap().0
}

/// A cutter asks a filter that another thread fills: what it is told depends on who was faster, and may be wrong. (Seen red with
/// the filter's word taken for what is known: the frames of a resent history differed.)
#[test]
fn what_is_stored_does_not_depend_on_what_the_filter_knew_by_then() {
    let expected = frames(&|_| false);
    assert!(expected.len() > 12, "{}", expected.len());
    for share in [1, 2, 3, 5] {
        for rest in 0..share {
            let found = frames(&|hash| (hash >> 40) as usize % share == rest);
            let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
            assert_eq!((differs, found.len()), (None, expected.len()), "one in {share}, {rest}");
        }
    }
}

/// Keeps journals: the payloads of their frames, and from which on they have to be read.
#[derive(Default)]
struct Journals(crate::pack::directory::Directory, Vec<Vec<u8>>);

impl Sink for Journals {
    fn take(&mut self, coded: Coded) -> Result<()> {
        if let Coded::Frame(frame, enter) = coded {
            let (before, mut directory) = (self.0.journals.len(), crate::pack::directory::Directory::default());
            enter(1 + self.1.len() as u64, &mut directory);
            self.0.extend(directory);
            if self.0.journals.len() > before {
                self.1.push(frame);
            }
        }
        Ok(())
    }
}

/// A reader of a sealed pack needs one journal, which says what all said, in their order; of an open one it needs all. Too long ones
/// are not said again. (Seen red without the offset of the whole journal.)
#[test]
fn a_sealed_pack_says_all_its_journals_again_in_one() {
    for (length, seal, needed) in [(3, true, 1), (3, false, 4), (600 << 10, true, 4)] {
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
        let encoder = Encoder::start(pool, Levels::INGEST, Journals::default());
        let mut assembler = Assembler::new(encoder, Shape::ingest(), Arc::new(Known::new(10)), 0, Past::default());
        let journals: Vec<Vec<u8>> = (b'a'..b'e').map(|letter| vec![letter; length]).collect();
        for (at, journal) in journals.iter().enumerate() {
            assembler.commit(journal.clone(), seal && at == 3).unwrap();
        }
        let Journals(directory, frames) = assembler.finish().unwrap();
        assert_eq!((directory.needed_journals().len(), frames.len()), (needed, 4), "{length} {seal}");
        if needed == 1 {
            let frame = crate::pack::frame::Frame::read(frames.last().unwrap(), 0).unwrap();
            assert_eq!(crate::pack::frame::decode(&frame, None).unwrap(), journals.concat());
        }
    }
}
