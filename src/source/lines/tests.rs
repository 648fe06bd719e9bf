//! Every byte and every line once, in order, however the bytes arrive.

use super::*;
use proptest::prelude::*;

/// Puts items back together.
fn join(items: &[Item]) -> Vec<u8> {
    let mut out = Vec::new();
    for item in items {
        match item {
            Item::Chunk(chunk) => out.extend_from_slice(&chunk.data),
            Item::LongPiece(piece) => {
                out.extend_from_slice(&piece.data);
                out.extend_from_slice(if piece.newline { b"\n" } else { b"" });
            }
        }
    }
    out
}

/// The records of a stream, from its items in order.
pub(in super::super) fn records(items: impl IntoIterator<Item = Item>) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    for item in items {
        match item {
            Item::Chunk(chunk) => out.extend(chunk.iter().map(<[u8]>::to_vec)),
            Item::LongPiece(piece) if piece.first => out.push(piece.data),
            Item::LongPiece(piece) => out.last_mut().expect("a first piece came before").extend_from_slice(&piece.data),
        }
    }
    out
}

const SMALL: ChunkOptions = ChunkOptions { chunk_bytes: 16, max_line: 24, long_piece: 5 };

/// Gives its bytes in reads of the lengths listed, over and over.
struct Stutter<'a>(&'a [u8], Vec<usize>, usize);

impl Read for Stutter<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = self.1[self.2 % self.1.len()].min(buffer.len()).min(self.0.len());
        self.2 += 1;
        buffer[..step].copy_from_slice(&self.0[..step]);
        self.0 = &self.0[step..];
        Ok(step)
    }
}

fn cut(bytes: &[u8], options: ChunkOptions) -> Vec<Item> {
    LineReader::new(bytes, options).collect::<io::Result<_>>().unwrap()
}

fn lines_by_split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = bytes.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

/// Lines of all lengths around the limits of `SMALL`.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![0usize..8, 12usize..40].prop_map(|length| (0..length).map(|i| b'a' + i as u8 % 26).collect());
    (proptest::collection::vec(line, 0..12), any::<bool>()).prop_map(|(lines, newline): (Vec<Vec<u8>>, bool)| {
        let mut text = lines.join(&b'\n');
        text.extend_from_slice(if newline { b"\n" } else { b"" });
        text
    })
}

proptest! {
    #[test]
    fn items_hold_every_byte_and_every_line_once_and_in_order(text in text()) {
        let items = cut(&text, SMALL);
        prop_assert_eq!(join(&items), text.clone());
        prop_assert_eq!(records(items), lines_by_split(&text));
    }

    #[test]
    fn chunks_do_not_depend_on_how_the_bytes_arrive(text in text(), steps in proptest::collection::vec(1usize..50, 1..6)) {
        let expected = cut(&text, SMALL);
        let stuttered: Vec<Item> = LineReader::new(Stutter(&text, steps.clone(), 0), SMALL).map(Result::unwrap).collect();
        prop_assert_eq!(&stuttered, &expected);
        let mut pushed = Vec::new();
        let mut splitter = Splitter::new(SMALL);
        let mut rest = &text[..];
        for step in steps.iter().cycle() {
            let (now, later) = rest.split_at((*step).min(rest.len()));
            splitter.push(now);
            rest = later;
            if rest.is_empty() {
                splitter.end();
            }
            pushed.extend(std::iter::from_fn(|| splitter.next()));
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(&pushed, &expected);
    }

    #[test]
    fn offsets_say_where_in_the_stream_an_item_lies(text in text()) {
        for item in cut(&text, SMALL) {
            let (offset, data) = match &item {
                Item::Chunk(chunk) => (chunk.stream_offset, &chunk.data),
                Item::LongPiece(piece) => (piece.stream_offset, &piece.data),
            };
            prop_assert!(text[offset as usize..].starts_with(data));
        }
    }

    #[test]
    fn memory_stays_bounded_however_long_a_line_is(text in text(), length in 25usize..5000) {
        let text = [text, vec![b'x'; length], b"\n{}\n".to_vec()].concat();
        let mut reader = LineReader::new(&text[..], SMALL);
        while reader.next().is_some() {
            prop_assert!(reader.splitter.buffer.len() <= SMALL.max_line + 1);
        }
    }
}

#[test]
fn odd_lines_keep_their_bytes() {
    let text = b"\xef\xbb\xbf{}\r\n\n\r\n \xff\x00\n{";
    let Item::Chunk(chunk) = &cut(text, ChunkOptions::default())[0] else { panic!("a chunk") };
    let lines: Vec<&[u8]> = chunk.iter().collect();
    assert_eq!(lines, [&b"\xef\xbb\xbf{}\r"[..], b"", b"\r", b" \xff\x00", b"{"]);
    assert!(!chunk.ends_with_newline);
    assert!(cut(b"", ChunkOptions::default()).is_empty());
    assert_eq!(records(cut(b"\n", SMALL)), [b""]);
}

#[test]
fn a_line_of_exactly_the_limit_is_whole_and_one_byte_more_comes_in_pieces() {
    for (length, newline) in [(24, true), (24, false), (25, true), (25, false)] {
        let text = [vec![b'x'; length], if newline { b"\n".to_vec() } else { vec![] }].concat();
        let items = cut(&text, SMALL);
        match &items[..] {
            [Item::Chunk(chunk)] => assert!(length == 24 && chunk.ends_with_newline == newline),
            pieces => {
                assert_eq!((length, pieces.len()), (25, 5));
                for (at, piece) in pieces.iter().enumerate() {
                    let Item::LongPiece(piece) = piece else { panic!("a piece") };
                    let ends = (piece.first, piece.last, piece.newline);
                    assert_eq!(ends, (at == 0, at == 4, at == 4 && newline));
                }
            }
        }
    }
}

#[test]
fn what_was_read_before_an_error_comes_before_the_error() {
    struct Broken<'a>(&'a [u8]);
    impl Read for Broken<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() { Err(io::Error::other("torn")) } else { self.0.read(buffer) }
        }
    }
    let mut reader = LineReader::new(Broken(b"{\"a\":1}\n{\"b\""), SMALL);
    let mut lines = Vec::new();
    let error = loop {
        match reader.next() {
            Some(Ok(item)) => lines.push(item),
            Some(Err(error)) => break error,
            None => panic!("the error got lost"),
        }
    };
    assert_eq!(records(lines), [&b"{\"a\":1}"[..], b"{\"b\""]);
    assert_eq!(error.to_string(), "torn");
    assert!(reader.next().is_none());
}

#[test]
fn a_reader_in_the_middle_counts_from_there() {
    let Some(Ok(Item::Chunk(chunk))) = LineReader::at(&b"c\n"[..], SMALL, 700).next() else { panic!("a chunk") };
    assert_eq!(chunk.stream_offset, 700);
}
