//! The table of `decide`, row by row, on contents small enough to read. A model answers its questions from memory.

use super::super::digest::{Edges, StreamDigest};
use super::*;
use proptest::prelude::*;

const OLD: &[u8] = b"{\"a\":1}\n{\"a\":2}\n";
const GROWN: &[u8] = b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
const OTHER: &[u8] = b"{\"b\":1}\n{\"b\":2}\n";

fn stamp(ino: u64, size: usize, mtime_us: i64) -> Stamp {
    Stamp { dev: 1, ino, size: size as u64, mtime_us }
}

fn state(id: u32, generation: u32, content: &[u8]) -> SourceState {
    let mut state = SourceState::new(id, "/l/gw.log", generation, SourceKind::File);
    state.digest.update(content);
    let edges = edges(content, content.len() as u64);
    (state.head_hash, state.tail_hash) = (edges.head_hash, edges.tail_hash);
    state.stamp = Some(stamp(u64::from(id), content.len(), 100));
    state
}

fn edges(content: &[u8], length: u64) -> EdgeLook {
    let mut edges = Edges::default();
    edges.update(&content[..length as usize]);
    EdgeLook { length, head_hash: edges.head_hash(), tail_hash: edges.tail_hash() }
}

fn digest(content: &[u8]) -> [u8; 32] {
    let mut digest = StreamDigest::new();
    digest.update(content);
    digest.finish()
}

/// A look at a file: its stamp, its stream, and how it is stored.
struct File<'a> {
    stamp: Option<Stamp>,
    content: &'a [u8],
    compressed: bool,
    verify: bool,
}

fn file(stamp: Stamp, content: &[u8]) -> File<'_> {
    File { stamp: Some(stamp), content, compressed: false, verify: false }
}

/// Answers every question and returns the decision and the questions.
fn settle(known: &[SourceState], twins: &[Twin<'_>], file: &File<'_>) -> (Decision, Vec<Look>) {
    let mut observed =
        Observation { stamp: file.stamp, compressed: file.compressed, verify: file.verify, ..Observation::default() };
    let mut looks = Vec::new();
    loop {
        let look = match decide(known, twins, &observed) {
            Decision::LookCloser(look) => look,
            decision => return (decision, looks),
        };
        assert!(!looks.contains(&look), "asked twice: {look:?}");
        match &look {
            Look::Edges { length } => observed.edges = Some(edges(file.content, *length)),
            Look::Content { lengths } => {
                let reached = lengths.iter().filter(|length| **length <= file.content.len() as u64);
                let prefixes = reached.map(|&length| (length, digest(&file.content[..length as usize]))).collect();
                let length = file.content.len() as u64;
                observed.content = Some(ContentLook { length, digest: digest(file.content), prefixes });
            }
        }
        looks.push(look);
    }
}

fn decision(known: &[SourceState], twins: &[Twin<'_>], file: &File<'_>) -> Decision {
    settle(known, twins, file).0
}

fn growth(id: u32, from: usize) -> Growth {
    Growth { id, from: from as u64, digested: from as u64, copy_of: None }
}

#[test]
fn the_same_stamp_is_not_even_opened_unless_asked_to_verify() {
    let known = [state(1, 1, OLD)];
    let same = stamp(1, OLD.len(), 100);
    assert_eq!(settle(&known, &[], &file(same, OTHER)), (Decision::Unchanged, vec![]));
    let verified = File { verify: true, ..file(same, OTHER) };
    assert_eq!(decision(&known, &[], &verified), Decision::NewGeneration { generation: 2 });
}

#[test]
fn a_larger_file_with_both_ends_in_place_continues_without_reading_the_middle() {
    let known = [state(1, 1, OLD)];
    let (decision, looks) = settle(&known, &[], &file(stamp(1, GROWN.len(), 200), GROWN));
    assert_eq!(decision, Decision::Continue(growth(1, OLD.len())));
    assert_eq!(looks, [Look::Edges { length: OLD.len() as u64 }]);
}

#[test]
fn an_open_last_line_is_superseded_by_growth() {
    let open = SourceState { open_line: 3, ..state(1, 1, b"{}\n{\"a") };
    let grown = b"{}\n{\"a\":1}\n";
    let expected = Growth { id: 1, from: 3, digested: 6, copy_of: None };
    assert_eq!(decision(&[open], &[], &file(stamp(1, grown.len(), 200), grown)), Decision::Continue(expected));
}

#[test]
fn an_alias_that_grows_gets_its_own_list() {
    let alias = SourceState { alias_of: Some(9), ..state(1, 1, OLD) };
    let expected = Growth { copy_of: Some(9), ..growth(1, OLD.len()) };
    assert_eq!(decision(&[alias], &[], &file(stamp(1, GROWN.len(), 200), GROWN)), Decision::Continue(expected));
}

#[test]
fn a_touched_file_or_its_copy_is_read_whole_and_found_the_same() {
    let known = [state(1, 1, OLD)];
    for new in [stamp(1, OLD.len(), 200), stamp(8, OLD.len(), 100)] {
        assert_eq!(decision(&known, &[], &file(new, OLD)), Decision::Touched { id: 1 });
    }
}

#[test]
fn a_file_compressed_in_place_holds_nothing_new() {
    let zipped = File { compressed: true, ..file(stamp(5, 7, 200), OLD) };
    assert_eq!(decision(&[state(1, 1, OLD)], &[], &zipped), Decision::Touched { id: 1 });
    let grown = File { compressed: true, ..file(stamp(5, 7, 200), GROWN) };
    assert_eq!(decision(&[state(1, 1, OLD)], &[], &grown), Decision::Continue(growth(1, OLD.len())));
}

#[test]
fn shrunk_truncated_replaced_and_rewritten_files_are_new_generations() {
    let known = [state(1, 1, OLD)];
    for (what, content) in [
        ("shrunk to its own beginning", &OLD[..8]),
        ("truncated to nothing (copytruncate)", b""),
        ("replaced by a smaller one (rename and create)", b"{\"c\":1}\n"),
        ("rewritten with the same size", OTHER),
        ("rewritten and larger", b"{\"b\":1}\n{\"b\":2}\n{\"b\":3}\n"),
    ] {
        let looked = file(stamp(1, content.len(), 200), content);
        assert_eq!(decision(&known, &[], &looked), Decision::NewGeneration { generation: 2 }, "{what}");
    }
}

#[test]
fn a_rewrite_of_the_middle_with_the_same_size_is_noticed() {
    let mut content = vec![b'x'; 300_000];
    let known = [state(1, 1, &content)];
    content[150_000] = b'y';
    let looked = file(stamp(1, content.len(), 200), &content);
    assert_eq!(decision(&known, &[], &looked), Decision::NewGeneration { generation: 2 });
    content.push(b'\n');
    let grown = file(stamp(1, content.len(), 200), &content);
    assert!(matches!(decision(&known, &[], &grown), Decision::Continue(_)), "both ends are equal: the price of a cheap look");
    let verified = File { verify: true, ..grown };
    assert_eq!(decision(&known, &[], &verified), Decision::NewGeneration { generation: 2 });
}

#[test]
fn a_file_emptied_by_copytruncate_grows_in_its_new_generation() {
    let known = [state(1, 1, OLD), state(2, 2, b"")];
    assert_eq!(decision(&known, &[], &file(stamp(2, OTHER.len(), 300), OTHER)), Decision::Continue(growth(2, 0)));
}

#[test]
fn an_older_generation_that_comes_back_is_an_alias_of_it() {
    let known = [state(1, 1, OLD), state(2, 2, OTHER)];
    assert_eq!(decision(&known, &[], &file(stamp(3, OLD.len(), 300), OLD)), Decision::AliasOf { id: 1, generation: 3 });
}

#[test]
fn content_of_another_whole_source_is_an_alias_under_any_compression() {
    let other = state(7, 1, OLD);
    let twins = [Twin { state: &other, moved_away: false }];
    for compressed in [false, true] {
        let looked = File { compressed, ..file(stamp(3, OLD.len(), 300), OLD) };
        assert_eq!(decision(&[], &twins, &looked), Decision::AliasOf { id: 7, generation: 1 });
    }
}

#[test]
fn an_alias_leads_to_the_source_that_holds_the_lines_and_nothing_to_an_empty_one() {
    let holder = state(7, 1, OLD);
    let alias = SourceState { alias_of: Some(7), ..state(5, 1, OLD) };
    let twins = [&alias, &holder].map(|state| Twin { state, moved_away: false });
    assert_eq!(decision(&[], &twins, &file(stamp(3, OLD.len(), 300), OLD)), Decision::AliasOf { id: 7, generation: 1 });
    let empty = state(8, 1, b"");
    let twins = [Twin { state: &empty, moved_away: true }];
    assert_eq!(decision(&[], &twins, &file(stamp(3, 0, 300), b"")), Decision::New);
    assert_eq!(settle(&[], &twins, &file(stamp(3, OLD.len(), 300), OLD)), (Decision::New, vec![]));
}

#[test]
fn a_rotated_file_with_more_lines_extends_the_source_it_came_from() {
    let rotated = state(7, 1, OLD);
    let looked = file(stamp(7, GROWN.len(), 300), GROWN);
    let moved = [Twin { state: &rotated, moved_away: true }];
    assert_eq!(decision(&[], &moved, &looked), Decision::Extend { growth: growth(7, OLD.len()), generation: 1 });
    let forked = [Twin { state: &rotated, moved_away: false }];
    assert_eq!(decision(&[], &forked, &looked), Decision::New, "a fork of a file that still stands is its own source");
}

#[test]
fn a_document_never_continues() {
    let known = [SourceState { kind: SourceKind::Document, ..state(1, 1, OLD) }];
    let grown = file(stamp(1, GROWN.len(), 200), GROWN);
    assert_eq!(decision(&known, &[], &grown), Decision::NewGeneration { generation: 2 });
    assert_eq!(decision(&known, &[], &file(stamp(9, OLD.len(), 200), OLD)), Decision::Touched { id: 1 });
}

#[test]
fn a_stream_is_compared_by_content_alone() {
    let known = [SourceState { kind: SourceKind::Stream, stamp: None, ..state(1, 1, OLD) }];
    let stream = |content| File { stamp: None, ..file(stamp(0, 0, 0), content) };
    assert_eq!(decision(&known, &[], &stream(OLD)), Decision::Touched { id: 1 });
    assert_eq!(decision(&known, &[], &stream(GROWN)), Decision::Continue(growth(1, OLD.len())));
    assert_eq!(decision(&known, &[], &stream(OTHER)), Decision::NewGeneration { generation: 2 });
    assert_eq!(settle(&[], &[], &stream(OLD)), (Decision::New, vec![]));
}

proptest! {
    #[test]
    fn whatever_is_known_and_seen_no_line_is_left_out(
        generations in proptest::collection::vec("[ab\n]{0,6}", 0..3),
        others in proptest::collection::vec(("[ab\n]{0,6}", any::<bool>()), 0..3),
        seen in "[ab\n]{0,8}", compressed: bool, verify: bool,
    ) {
        let known: Vec<_> = generations.iter().zip(1..).map(|(text, n)| state(n, n, text.as_bytes())).collect();
        let others: Vec<_> = others.iter().zip(10..).map(|((text, moved), n)| (state(n, 1, text.as_bytes()), text, *moved)).collect();
        let twins: Vec<_> = others.iter().map(|(state, _, moved_away)| Twin { state, moved_away: *moved_away }).collect();
        let size = if compressed { 3 } else { seen.len() };
        let looked = File { compressed, verify, ..file(stamp(99, size, 200), seen.as_bytes()) };
        let content = |id: u32| match id {
            1..10 => generations[id as usize - 1].as_str(),
            _ => others[id as usize - 10].1.as_str(),
        };
        match decision(&known, &twins, &looked) {
            Decision::Unchanged | Decision::LookCloser(_) => prop_assert!(false, "the stamp is new and all was answered"),
            Decision::Touched { id } | Decision::AliasOf { id, .. } => prop_assert_eq!(content(id), &seen),
            Decision::Continue(growth) | Decision::Extend { growth, .. } => {
                prop_assert!(seen.starts_with(content(growth.id)));
                prop_assert_eq!(growth.digested as usize, content(growth.id).len());
            }
            Decision::New => prop_assert!(known.is_empty()),
            Decision::NewGeneration { generation } => prop_assert_eq!(generation as usize, known.len() + 1),
        }
    }
}
