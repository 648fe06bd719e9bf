//! Does the looking that [`decide`] asks for, on files.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::decide::{ContentLook, Decision, EdgeLook, Look, Observation, Twin, decide};
use super::decompress::{self, Compression};
use super::digest::{EDGE, StreamDigest, edge_hash};
use super::document::{Sniff, sniff};
use super::kinds::SNIFF;
use super::state::{SourceState, Stamp};
use super::walk::FoundFile;

/// Bytes hashed at once (chosen: a large subtree, still in the cache).
const STEP: usize = 1 << 20;

impl From<&FoundFile> for Stamp {
    fn from(file: &FoundFile) -> Stamp {
        Stamp { dev: file.dev, ino: file.ino, size: file.size, mtime_us: file.mtime_us }
    }
}

/// What a look at a file brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is to be done; never [`Decision::LookCloser`].
    pub decision: Decision,
    /// How the file is compressed; [`Compression::None`] when it was not opened.
    pub compression: Compression,
    /// Its start looks like one JSON document. Matters for new content only: ask [`outline`](super::document::outline).
    pub maybe_document: bool,
}

/// Looks at a regular file as closely as needed to decide. One that is unchanged is not even opened.
///
/// # Errors
/// When the file cannot be read. A damaged compressed stream counts as far as it can be read.
pub fn look(file: &FoundFile, known: &[SourceState], twins: &[Twin<'_>], verify: bool, window: u64) -> io::Result<Seen> {
    let mut observed = Observation { stamp: Some(Stamp::from(file)), verify, ..Observation::default() };
    if decide(known, twins, &observed) == Decision::Unchanged {
        return Ok(Seen { decision: Decision::Unchanged, compression: Compression::None, maybe_document: false });
    }
    let (compression, maybe_document) = look_at_start(&file.path, window)?;
    observed.compressed = compression != Compression::None;
    loop {
        match decide(known, twins, &observed) {
            Decision::LookCloser(Look::Edges { length }) => observed.edges = Some(edges(&file.path, length)?),
            Decision::LookCloser(Look::Content { lengths }) => {
                let opened = decompress::open(&file.path, window)?;
                observed.content = Some(content(opened.reader, &lengths)?);
            }
            decision => {
                return Ok(Seen { decision, compression, maybe_document });
            }
        }
    }
}

/// Whether a source's file is gone or does not begin with the source's content any more: the `moved_away` of a [`Twin`].
#[must_use]
pub fn moved_away(state: &SourceState, window: u64) -> bool {
    let path = PathBuf::from(&state.name);
    let Ok(meta) = std::fs::metadata(&path) else {
        return true;
    };
    let file = FoundFile::at(path, &meta, false);
    let seen = look(&file, std::slice::from_ref(state), &[], false, window);
    !seen.is_ok_and(|seen| matches!(seen.decision, Decision::Unchanged | Decision::Touched { .. } | Decision::Continue(_)))
}

/// The first 64 KiB of a file's stream, for [`HeadIndex::candidates`](super::heads::HeadIndex::candidates).
///
/// # Errors
/// When the file cannot be read. A damaged compressed stream ends where the damage begins.
pub fn head(path: &Path, window: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let reader = decompress::open(path, window)?.reader;
    forgiving(reader.take(EDGE).read_to_end(&mut head))?;
    Ok(head)
}

fn look_at_start(path: &Path, window: u64) -> io::Result<(Compression, bool)> {
    let opened = decompress::open(path, window)?;
    let mut start = Vec::new();
    forgiving(opened.reader.take(SNIFF as u64).read_to_end(&mut start))?;
    Ok((opened.compression, sniff(&start, start.len() < SNIFF) == Sniff::MaybeDocument))
}

/// The ends of the first `length` bytes of a plain file.
///
/// # Errors
/// When they cannot be read, also because the file is shorter by now.
pub fn edges(path: &Path, length: u64) -> io::Result<EdgeLook> {
    let mut file = File::open(path)?;
    let mut edge = vec![0; length.min(EDGE) as usize];
    file.read_exact(&mut edge)?;
    let head_hash = edge_hash(&edge);
    file.seek(SeekFrom::Start(length - edge.len() as u64))?;
    file.read_exact(&mut edge)?;
    Ok(EdgeLook { length, head_hash, tail_hash: edge_hash(&edge) })
}

/// The digests of a stream at these lengths (ascending) and at its end.
///
/// # Errors
/// When it cannot be read. A damaged compressed stream ends where the damage begins.
pub fn content(mut reader: impl Read, lengths: &[u64]) -> io::Result<ContentLook> {
    let mut digest = StreamDigest::new();
    let mut prefixes = Vec::new();
    let mut step = Vec::with_capacity(STEP + 64);
    let mut waiting = lengths.iter().copied().peekable();
    loop {
        while let Some(length) = waiting.next_if(|length| *length <= digest.length()) {
            prefixes.push((length, digest.finish()));
        }
        let gap = waiting.peek().map_or(u64::MAX, |length| length - digest.length());
        let wanted = gap.min(STEP as u64);
        step.clear();
        forgiving((&mut reader).take(wanted).read_to_end(&mut step))?;
        digest.update(&step);
        if (step.len() as u64) < wanted {
            return Ok(ContentLook { length: digest.length(), digest: digest.finish(), prefixes });
        }
    }
}

/// Takes damage of a compressed stream for its end.
fn forgiving(outcome: io::Result<usize>) -> io::Result<usize> {
    match outcome {
        Err(error) if decompress::damage(&error).is_some() => Ok(0),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::super::decide::Growth;
    use super::super::digest::Edges;
    use super::super::state::SourceKind;
    use super::super::walk::{WalkOptions, discover};
    use super::*;
    use std::fs;
    use std::io::Write;

    fn put(path: &Path, bytes: &[u8]) {
        File::create(path).unwrap().write_all(bytes).unwrap();
    }

    fn found(path: &Path) -> FoundFile {
        discover(&[path.to_path_buf()], &WalkOptions::default()).files.remove(0)
    }

    /// The state an ingest of the file as it is now would leave.
    fn state(id: u32, path: &Path, bytes: &[u8]) -> SourceState {
        let mut state = SourceState::new(id, path.to_str().unwrap(), 1, SourceKind::File);
        let mut edges = Edges::default();
        edges.update(bytes);
        state.digest.update(bytes);
        (state.head_hash, state.tail_hash) = (edges.head_hash(), edges.tail_hash());
        state.stamp = Some(Stamp::from(&found(path)));
        state.open_line = bytes.rsplit(|&byte| byte == b'\n').next().map_or(0, <[u8]>::len) as u64;
        state
    }

    fn decision(path: &Path, known: &[SourceState], twins: &[Twin<'_>]) -> Decision {
        look(&found(path), known, twins, false, decompress::DEFAULT_WINDOW).unwrap().decision
    }

    fn text(lines: usize) -> Vec<u8> {
        (0..lines).flat_map(|i| format!("{{\"n\":{i}}}\n").into_bytes()).collect()
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gw.log");
        (dir, path)
    }

    #[test]
    fn a_file_that_grows_is_read_on_from_its_open_line() {
        let (_dir, path) = place();
        let old = [text(20_000), b"{\"open".to_vec()].concat();
        put(&path, &old);
        let known = [state(4, &path, &old)];
        assert_eq!(decision(&path, &known, &[]), Decision::Unchanged);
        put(&path, &[old.clone(), b"\":1}\n".to_vec()].concat());
        let length = old.len() as u64;
        let growth = Growth { id: 4, from: length - 6, digested: length, copy_of: None };
        assert_eq!(decision(&path, &known, &[]), Decision::Continue(growth));
        let mut other = old.clone();
        other[100] ^= 1;
        put(&path, &[other, b"\n".to_vec()].concat());
        assert_eq!(decision(&path, &known, &[]), Decision::NewGeneration { generation: 2 });
    }

    #[test]
    fn a_compressed_copy_of_a_known_file_is_an_alias_and_a_damaged_one_is_not() {
        let (dir, path) = place();
        let old = text(5000);
        put(&path, &old);
        let known = state(4, &path, &old);
        let twins = [Twin { state: &known, moved_away: false }];
        let zipped = zstd::bulk::compress(&old, 3).unwrap();
        let copy = dir.path().join("gw.log.1.zst");
        put(&copy, &zipped);
        assert_eq!(decision(&copy, &[], &twins), Decision::AliasOf { id: 4, generation: 1 });
        put(&copy, &zipped[..zipped.len() - 5]);
        assert_eq!(decision(&copy, &[], &twins), Decision::New);
        put(&path, &zipped);
        assert_eq!(decision(&path, std::slice::from_ref(&known), &[]), Decision::Touched { id: 4 });
    }

    #[test]
    fn rotation_by_rename_extends_the_old_source_and_starts_a_generation() {
        let (dir, path) = place();
        let old = text(50);
        put(&path, &old);
        let known = [state(4, &path, &old)];
        put(&path, &text(60));
        let rotated = dir.path().join("gw.log.1");
        fs::rename(&path, &rotated).unwrap();
        put(&path, b"{\"fresh\":1}\n");
        assert_eq!(decision(&path, &known, &[]), Decision::NewGeneration { generation: 2 });
        let growth = Growth { id: 4, from: old.len() as u64, digested: old.len() as u64, copy_of: None };
        let moved_away = moved_away(&known[0], decompress::DEFAULT_WINDOW);
        let twins = [Twin { state: &known[0], moved_away }];
        assert_eq!(decision(&rotated, &[], &twins), Decision::Extend { growth, generation: 1 });
    }

    #[test]
    fn digests_at_any_lengths_are_those_of_the_prefixes() {
        let text = text(30_000);
        let lengths = [0, 1, 5000, 5001, text.len() as u64, text.len() as u64 + 1];
        let seen = content(&text[..], &lengths).unwrap();
        assert_eq!((seen.length, seen.digest), (text.len() as u64, *blake3::hash(&text).as_bytes()));
        let expected: Vec<_> =
            lengths[..5].iter().map(|&length| (length, *blake3::hash(&text[..length as usize]).as_bytes())).collect();
        assert_eq!(seen.prefixes, expected);
    }

    #[test]
    fn a_document_is_noticed_by_its_start() {
        let (_dir, path) = place();
        put(&path, b"[\n {\"a\": 1}\n]\n");
        let seen = look(&found(&path), &[], &[], false, decompress::DEFAULT_WINDOW).unwrap();
        assert_eq!((seen.decision, seen.maybe_document), (Decision::New, true));
    }

    #[test]
    fn a_file_has_moved_away_when_its_name_holds_other_content_or_nothing() {
        let (_dir, path) = place();
        put(&path, &text(9));
        let known = state(4, &path, &text(9));
        let moved = || moved_away(&known, decompress::DEFAULT_WINDOW);
        assert!(!moved());
        put(&path, &text(12));
        assert!(!moved(), "grown");
        put(&path, &text(3));
        assert!(moved(), "truncated");
        fs::remove_file(&path).unwrap();
        assert!(moved(), "gone");
    }

    #[test]
    fn the_head_of_a_compressed_file_is_that_of_its_stream() {
        let (_dir, path) = place();
        put(&path, &zstd::bulk::compress(&text(20_000), 1).unwrap());
        assert_eq!(head(&path, decompress::DEFAULT_WINDOW).unwrap(), &text(20_000)[..EDGE as usize]);
    }
}
