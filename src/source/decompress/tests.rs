//! Streams of every kind: whole, in several members, cut short, damaged, and asking for too much.

use super::*;
use std::io::Write;

fn text() -> Vec<u8> {
    (0..20_000u32).flat_map(|i| format!("{{\"n\":{},\"m\":{}}}\n", i, i.wrapping_mul(2_654_435_761)).into_bytes()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

type Encode = fn(&[u8]) -> Vec<u8>;

fn encoders() -> [(Compression, Encode); 4] {
    [(Compression::Gzip, gzip), (Compression::Zstd, zstd_frame), (Compression::Xz, xz), (Compression::Bzip2, bzip2)]
}

fn read_all(bytes: Vec<u8>) -> (Compression, Vec<u8>, Option<io::Error>) {
    let mut opened = wrap(Cursor::new(bytes), DEFAULT_WINDOW).unwrap();
    let mut out = Vec::new();
    let mut step = vec![0; 1 << 20];
    loop {
        match opened.reader.read(&mut step) {
            Ok(0) => return (opened.compression, out, None),
            Ok(length) => out.extend_from_slice(&step[..length]),
            Err(error) => return (opened.compression, out, Some(error)),
        }
    }
}

#[test]
fn streams_in_several_members_read_as_one() {
    let text = text();
    let (first, second) = text.split_at(text.len() / 3);
    for (compression, encode) in encoders() {
        let (kind, out, error) = read_all([encode(first), encode(second)].concat());
        assert_eq!(kind, compression);
        assert!(out == text && error.is_none(), "{compression:?} {} {error:?}", out.len());
    }
}

#[test]
fn skippable_zstd_frames_are_skipped_wherever_they_stand() {
    let skippable = [&[0x51, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"notes"].concat();
    let text = text();
    let (first, second) = text.split_at(1000);
    let stream = [skippable.clone(), zstd_frame(first), skippable.clone(), zstd_frame(second), skippable].concat();
    let (kind, out, error) = read_all(stream);
    assert!(kind == Compression::Zstd && out == text && error.is_none(), "{error:?}");
}

#[test]
fn a_stream_cut_short_yields_its_readable_part_and_then_says_truncated() {
    let text = text();
    for (compression, encode) in encoders() {
        let mut stream = encode(&text[..text.len() / 2]);
        let whole = stream.len();
        stream.extend(encode(&text[text.len() / 2..]));
        stream.truncate(whole + (stream.len() - whole) / 2);
        let (_, out, error) = read_all(stream);
        assert!(out.len() >= text.len() / 2 && text.starts_with(&out), "{compression:?} gave {}", out.len());
        let error = error.expect("a cut stream must not look whole");
        assert_eq!(damage(&error).map(|d| (d.compression, d.kind)), Some((compression, DamageKind::Truncated)));
    }
}

#[test]
fn flipped_bytes_are_damage_and_nothing_wrong_is_read_before_them() {
    let text = text();
    for (compression, encode) in encoders() {
        let mut stream = [encode(&text), encode(&text)].concat();
        let at = stream.len() * 3 / 4;
        stream[at..at + 16].iter_mut().for_each(|byte| *byte ^= 0xa5);
        let (_, out, error) = read_all(stream);
        assert!(out.len() >= text.len() && out.starts_with(&text), "{compression:?}");
        assert!(error.as_ref().and_then(damage).is_some(), "{compression:?} {error:?}");
    }
}

#[test]
fn a_window_above_the_limit_is_named_as_such() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(&text()).unwrap();
    let stream = encoder.finish().unwrap();
    let (_, _, error) = read_all(stream.clone());
    assert_eq!(error.as_ref().and_then(damage).map(|d| d.kind), Some(DamageKind::NeedsMemory));
    let mut out = Vec::new();
    wrap(Cursor::new(stream), 1 << 28).unwrap().reader.read_to_end(&mut out).unwrap();
    assert!(out == text());
    let mut opened = wrap(Cursor::new(xz(&text())), 1 << 10).unwrap();
    let error = opened.reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(damage(&error).map(|d| d.kind), Some(DamageKind::NeedsMemory), "{error}");
}

#[test]
fn errors_of_the_system_are_not_blamed_on_the_stream() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::from_raw_os_error(5)),
                length => Ok(length),
            }
        }
    }
    for (compression, encode) in encoders() {
        let half = encode(&text());
        let half = half[..half.len() / 2].to_vec();
        let mut opened = wrap(Failing(Cursor::new(half)), DEFAULT_WINDOW).unwrap();
        let error = opened.reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(damage(&error).is_none() && error.raw_os_error() == Some(5), "{compression:?} {error:?}");
    }
}

#[test]
fn plain_bytes_that_begin_like_a_magic_stay_plain_and_whole() {
    for plain in [&b""[..], b"\x1f", b"BZh", b"BZh9 is a name\n", b"(a", b"P*", b"{\"a\":1}\n", b"\xfd7zX"] {
        let (kind, out, error) = read_all(plain.to_vec());
        assert!(kind == Compression::None && out == plain && error.is_none(), "{plain:?}");
    }
}

#[test]
fn opening_a_file_recognises_it_by_content_not_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, expected) in [("a.gz", b"{}\n".to_vec(), Compression::None), ("b.jsonl", gzip(b"{}\n"), Compression::Gzip)]
    {
        let path = dir.path().join(name);
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        let mut opened = open(&path, DEFAULT_WINDOW).unwrap();
        let mut out = Vec::new();
        opened.reader.read_to_end(&mut out).unwrap();
        assert_eq!((opened.compression, out), (expected, b"{}\n".to_vec()));
    }
}
