//! What a part must be.

use super::*;
use crate::vectors::graph::Config;
use crate::vectors::graph::build::build;
use crate::vectors::graph::build::tests::points;

/// Bytes at a place where numbers may be read, as a mapping is.
pub(crate) struct Aligned(Vec<u64>, usize);

impl Aligned {
    pub(crate) fn of(bytes: &[u8]) -> Aligned {
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Aligned(words, bytes.len())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.0)[..self.1]
    }
}

pub(crate) fn built(count: usize, with_graph: bool) -> Built {
    let form = Form::usual(24);
    built_of(&points(count, 24, 8), form, with_graph)
}

/// A part of some vectors, each of a text of its own.
pub(crate) fn built_of(points: &[Vec<f32>], form: Form, with_graph: bool) -> Built {
    let text = |(at, point): (usize, &Vec<f32>)| {
        let mut vectors = Vectors::default();
        vectors.add(at as u32, point, form).unwrap();
        let holders = vec![at as u64, at as u64 + 100, 1 << 40];
        Text { hash: at as u64 * 1000, types: 1 << (at % 5), holders, vectors }
    };
    let texts = points.iter().enumerate().map(|(at, point)| text((at, point))).collect();
    let known = vec![Run { first: 3, count: 4 }, Run { first: 100, count: 1 }];
    let mut built = Built { vault: 7, model: "m".into(), types: 9, form, known, texts, graph: None };
    built.graph = with_graph.then(|| build(&built.rows().rows(), Config { links: 12, ef_construction: 60 }));
    built
}

/// Where the header has its table of sections.
const TABLE: usize = 56;

/// Offset and length of a section, as its header says.
fn section(bytes: &[u8], number: usize) -> (usize, usize) {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    (word(TABLE + number * 24), word(TABLE + number * 24 + 8))
}

/// Makes all checksums right again.
pub(crate) fn reseal(bytes: &mut [u8]) {
    for number in 0..SECTIONS {
        let (offset, length) = section(bytes, number);
        let content = offset.checked_add(length).and_then(|end| bytes.get(offset..end));
        if let Some(sum) = content.map(checksum) {
            let at = TABLE + number * 24 + 16;
            bytes[at..at + 8].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let end = TABLE + SECTIONS * 24;
    let sum = checksum(&bytes[..end]);
    bytes[end..end + 8].copy_from_slice(&sum.to_le_bytes());
}

/// Every form there is.
pub(crate) fn forms(dimension: usize) -> impl Iterator<Item = Form> {
    let of = move |metric| [false, true].map(|keeps_originals| Form { dimension, metric, keeps_originals });
    Metric::ALL.into_iter().flat_map(of)
}

#[test]
fn a_part_comes_back_as_it_was_built() {
    for form in forms(24) {
        let built = built_of(&points(60, 24, 8), form, true);
        let bytes = Aligned::of(&built.encode());
        let part = Part::read(bytes.bytes(), Check::Whole).unwrap();
        assert_eq!((part.vault, part.model.as_str(), part.types_wanted, part.form), (7, "m", 9, form));
        assert_eq!((&part.known, part.texts()), (&built.known, 60));
        assert!((0..60).all(|text| part.take(text) == built.texts[text as usize] && part.text_of(text) == text));
        assert_eq!(part.find(59_000), Some(59));
        let (graph, expected) = (part.graph().unwrap(), built.graph.as_ref().unwrap());
        assert_eq!((graph.ground, graph.entry), (&expected.ground[..], expected.entry));
        assert_eq!(part.rows().norms, built.rows().norms);
    }
}

// A part is believed only as a whole: every damage must be seen.
#[test]
fn every_flipped_byte_and_every_cut_is_noticed() {
    let form = Form { dimension: 6, metric: Metric::L2, keeps_originals: true };
    let good = built_of(&points(20, 6, 3), form, true).encode();
    let mut padding = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        // Between sections nothing is read.
        padding += usize::from(Part::read(Aligned::of(&bad).bytes(), Check::Whole).is_ok());
        assert!(Part::read(Aligned::of(&good[..at]).bytes(), Check::Whole).is_err(), "cut at {at}");
    }
    assert!(padding < SECTIONS * ALIGNMENT, "{padding}");
}

// A link that leads out of the part is damage even where every checksum is right; and where nobody looked, as in large parts, it
// is passed over: the rows that are there are found all the same, and no others.
#[test]
fn a_link_to_a_row_that_is_not_there_is_refused_or_passed_over() {
    // The first row that is not there, and one far behind it; on the ground and above.
    for (number, link) in [(9, 200), (9, 0x7_0000), (12, 200), (12, 0x7_0000)] {
        let mut bad = built(200, true).encode();
        let (offset, length) = section(&bad, number);
        // The second link of some pair that has one.
        let pair = (offset..offset + length).step_by(5).skip(3).find(|at| bad[*at + 4] == 0).unwrap();
        let [low, middle, high, _] = u32::to_le_bytes(link << 4);
        (bad[pair + 2], bad[pair + 3], bad[pair + 4]) = (bad[pair + 2] & 0x0f | low, middle, high);
        reseal(&mut bad);
        let bytes = Aligned::of(&bad);
        for check in [Check::Usual, Check::Whole] {
            let error = Part::read(bytes.bytes(), check).unwrap_err();
            assert!(error.to_string().contains("a link to a row that is not there"), "section {number}, {link}: {error}");
        }
        let part = Part::read(bytes.bytes(), Check::Known).unwrap();
        let found = crate::vectors::nearest::nearest(&part, &part.question(3), 200, Default::default());
        assert!(found.len() >= 190 && found.iter().all(|found| found.row() < 200), "{} of 200 found", found.len());
    }
}

// What a row costs beside its vector is why links and numbers are short: a change that makes them longer must be meant.
#[test]
fn a_text_of_one_row_takes_few_bytes_beside_its_vector() {
    let sizes = |count: usize| {
        let bytes = built(count, true).encode();
        [1, 2, 3, 4, 5, 6, 7, 8, 9].map(|number| section(&bytes, number).1)
    };
    // Hash, types, first row, place of its list, the list; window, scale, row, links: with M 12 two dozen of 20 bits.
    assert_eq!(sizes(200), [8 * 200, 200, 201, 2 * 201, sizes(200)[4], 200, 4 * 200, 64 * 200, 60 * 200]);
    assert_eq!(sizes(300)[2..4], [2 * 301, 2 * 301]);
}
