//! Hostile vector parts: whatever is in the file, an answer comes back or an error, never a panic, and no memory that the file's size does not
//! account for. README.md says how it is run.
//!
//! The first byte says what the rest is: 0 a file as it is; else a byte for the form of a good part, and changes to it, five bytes each (place u32,
//! value), after which all checksums are made right again, so that the changes get past them.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use turnpack::checksum::checksum;
use turnpack::vectors::graph::Config;
use turnpack::vectors::graph::build::build;
use turnpack::vectors::graph::grow::grow;
use turnpack::vectors::nearest::{Manner, RowSet, nearest};
use turnpack::vectors::metric::{Form, Metric};
use turnpack::vectors::part::{Built, Check, Part, Run, Text, Vectors};
use turnpack::vectors::quantize::Query;

const DIMENSION: usize = 20;
const TEXTS: u64 = 60;
const SECTIONS: usize = 15;
/// Where the header has its table of sections.
const TABLE: usize = 56;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let bytes = if *kind == 0 { rest.to_vec() } else { changed(rest) };
    let mut words = vec![0u64; bytes.len().div_ceil(8)];
    bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(&bytes);
    let file = &bytemuck::cast_slice::<u64, u8>(&words)[..bytes.len()];
    for check in [Check::Whole, Check::Usual, Check::Known] {
        if let Ok(part) = Part::read(file, check) {
            use_all(&part);
        }
    }
});

/// All that is asked of a part.
fn use_all(part: &Part<'_>) {
    let vector: Vec<f32> = (0..part.form.dimension).map(|at| (at as f32 * 0.37).sin() + 0.01).collect();
    let Ok(query) = Query::new(&vector, part.form.metric) else { return };
    drop(nearest(part, &part.question(0), 10, Manner::default()));
    for ef in [1, 64] {
        for exact in [false, true] {
            for found in nearest(part, &query, 10, Manner { ef, exact, within: None }) {
                drop(part.take(part.text_of(found.row())));
            }
        }
    }
    let even = RowSet::of_texts(part, &|text| part.holders(text).any(|number| number % 2 == 0));
    drop(nearest(part, &query, 10, Manner { within: Some(&even), ..Manner::default() }));
    drop(part.graph().map(|graph| graph.layers()));
    let texts: Vec<Text> = (0..part.texts().min(1000)).map(|text| part.take(text)).collect();
    drop(turnpack::vectors::part::merge(vec![texts], &|number| number % 3 != 0));
    if let Some(graph) = part.graph().filter(|_| part.rows().len() < 1000) {
        let places: Vec<u32> = (0..part.rows().len() as u32).collect();
        drop(grow(&part.rows(), Config { links: graph.links, ef_construction: 20 }, graph, &places));
    }
}

/// A good part with changes: the first byte says of which form.
fn changed(changes: &[u8]) -> Vec<u8> {
    static GOOD: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let form = |number: usize| Form { dimension: DIMENSION, metric: Metric::ALL[number % 3], keeps_originals: number >= 3 };
    let all = GOOD.get_or_init(|| (0..6).map(|number| good(form(number))).collect());
    let Some((number, changes)) = changes.split_first() else { return Vec::new() };
    let mut bytes = all[usize::from(*number) % all.len()].clone();
    for change in changes.chunks_exact(5) {
        let place = u32::from_le_bytes([change[0], change[1], change[2], change[3]]) as usize % bytes.len();
        bytes[place] = change[4];
    }
    reseal(&mut bytes);
    bytes
}

fn good(form: Form) -> Vec<u8> {
    let text = |at: u64| {
        let vector: Vec<f32> = (0..DIMENSION).map(|n| ((at * 31 + n as u64 * 17) as f32).sin()).collect();
        let mut vectors = Vectors::default();
        vectors.add(at as u32, &vector, form).expect("it points somewhere");
        Text { hash: at << 32, types: 1 << (at % 5), holders: vec![at, at + 100], vectors }
    };
    let texts: Vec<Text> = (0..TEXTS).map(text).collect();
    let known = vec![Run { first: 0, count: 200 }];
    let mut built = Built { vault: 7, model: "m".into(), types: 31, form, known, texts, graph: None };
    built.graph = Some(build(&built.rows().rows(), Config { links: 4, ef_construction: 20 }));
    built.encode()
}

/// Makes all checksums right that can be.
fn reseal(bytes: &mut [u8]) {
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    for section in 0..SECTIONS {
        let at = TABLE + section * 24;
        let (offset, length) = (word(bytes, at) as usize, word(bytes, at + 8) as usize);
        if let Some(content) = offset.checked_add(length).and_then(|end| bytes.get(offset..end)) {
            let sum = checksum(content);
            bytes[at + 16..at + 24].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let end = TABLE + SECTIONS * 24;
    let sum = checksum(&bytes[..end]);
    bytes[end..end + 8].copy_from_slice(&sum.to_le_bytes());
}
