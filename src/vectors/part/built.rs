//! A part that is being made, and its bytes.

use crate::bytes::Put;
use crate::checksum::checksum;
use crate::vectors::graph::Graph;
use crate::vectors::metric::{Form, Metric, to_bits};
use crate::vectors::part::{ALIGNMENT, HEADER, MAGIC, numbers};
use crate::vectors::quantize::{RowStore, Unusable, norm, original, quantize, stride};

/// A run of record numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// One text of a part that is being made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// Low half of its content hash.
    pub hash: u64,
    /// Segment types it occurs as, a bit each.
    pub types: u32,
    /// Records that hold it, sorted.
    pub holders: Vec<u64>,
    /// What it says.
    pub vectors: Vectors,
}

/// The vectors of a text, one for each window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    /// First byte of each window in the text.
    pub windows: Vec<u32>,
    /// Scales of the rows.
    pub scales: Vec<f32>,
    /// The rows, end to end.
    pub rows: Vec<i8>,
    /// The vectors as they were given, end to end, where they are kept.
    pub originals: Vec<f32>,
}

impl Vectors {
    /// Adds that of a window.
    ///
    /// # Errors
    /// [`Unusable`] for a vector without direction.
    pub fn add(&mut self, start: u32, vector: &[f32], form: Form) -> Result<(), Unusable> {
        let scale = quantize(vector, form.metric, &mut self.rows)?;
        self.scales.push(scale);
        self.windows.push(start);
        if form.keeps_originals {
            self.originals.extend(original(vector, form.metric));
        }
        Ok(())
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }
}

/// A part as built.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// The vault.
    pub vault: u128,
    /// The model.
    pub model: String,
    /// Which types of segments were asked for, a bit each.
    pub types: u32,
    /// What its vectors have in common.
    pub form: Form,
    /// Records whose texts are all in it, or in another part.
    pub known: Vec<Run>,
    /// Sorted by hash, each once.
    pub texts: Vec<Text>,
    /// The graph over all rows in the order of the texts.
    pub graph: Option<Graph>,
}

impl Built {
    /// Rows of all texts in order, to build a graph of.
    #[must_use]
    pub fn rows(&self) -> RowStore {
        let mut store = RowStore { stride: stride(self.form.dimension), ..RowStore::default() };
        store.values.reserve(self.row_count() * store.stride);
        for vectors in self.texts.iter().map(|text| &text.vectors) {
            store.values.extend_from_slice(&vectors.rows);
            store.scales.extend_from_slice(&vectors.scales);
        }
        store.norms = self.norms().collect();
        store
    }

    /// How many rows.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.texts.iter().map(|text| text.vectors.len()).sum()
    }

    /// Squares of the rows' lengths, where distances are compared.
    fn norms(&self) -> impl Iterator<Item = f32> {
        let texts = if self.form.metric == Metric::L2 { &self.texts[..] } else { &[] };
        let stride = stride(self.form.dimension);
        let of_text = move |text: &'_ Text| -> Vec<f32> {
            let rows = text.vectors.rows.chunks_exact(stride).zip(&text.vectors.scales);
            rows.map(|(row, scale)| norm(row, *scale)).collect()
        };
        texts.iter().flat_map(of_text)
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        let mut table = Vec::new();
        let mut section = |bytes: &dyn Fn(&mut Vec<u8>)| {
            out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
            let start = out.len();
            bytes(&mut out);
            let length = out.len() - start;
            table.put_u64(start as u64);
            table.put_u64(length as u64);
            table.put_u64(checksum(out.get(start..).unwrap_or_default()));
        };
        let texts = &self.texts;
        let vectors = || texts.iter().map(|text| &text.vectors);
        section(&|out| self.put_about(out));
        section(&|out| texts.iter().for_each(|text| out.put_u64(text.hash)));
        section(&|out| numbers::put(out, &texts.iter().map(|text| text.types).collect::<Vec<u32>>()));
        section(&|out| numbers::put(out, &ends(vectors().map(Vectors::len))));
        let lists: Vec<Vec<u8>> = texts.iter().map(|text| list(&text.holders)).collect();
        section(&|out| numbers::put(out, &ends(lists.iter().map(Vec::len))));
        section(&|out| lists.iter().for_each(|list| out.extend_from_slice(list)));
        section(&|out| numbers::put(out, &vectors().flat_map(|vectors| &vectors.windows).copied().collect::<Vec<u32>>()));
        section(&|out| put_floats(out, vectors().flat_map(|vectors| &vectors.scales).copied()));
        section(&|out| vectors().for_each(|vectors| out.extend(vectors.rows.iter().map(|value| *value as u8))));
        let none = Graph::default();
        let graph = self.graph.as_ref().unwrap_or(&none);
        section(&|out| out.extend_from_slice(graph.ground.as_flattened()));
        for list in [&graph.ids, &graph.starts] {
            section(&|out| list.iter().for_each(|value| out.put_u32(*value)));
        }
        section(&|out| out.extend_from_slice(graph.upper.as_flattened()));
        section(&|out| put_floats(out, self.norms()));
        section(&|out| put_floats(out, vectors().flat_map(|vectors| &vectors.originals).copied()));
        let mut header = MAGIC.to_vec();
        header.put_u64(self.vault as u64);
        header.put_u64((self.vault >> 64) as u64);
        header.put_u64(out.len() as u64);
        for value in [texts.len(), self.row_count(), self.form.dimension, graph.links] {
            header.put_u32(value as u32);
        }
        header.put_u32(graph.entry);
        header.put_u32(to_bits(self.form));
        header.extend_from_slice(&table);
        let sum = checksum(&header);
        header.put_u64(sum);
        out.iter_mut().zip(header).for_each(|(to, from)| *to = from);
        out
    }

    fn put_about(&self, out: &mut Vec<u8>) {
        out.put_bytes(self.model.as_bytes());
        out.put_u32(self.types);
        out.put_varint(self.known.len() as u64);
        let mut before = 0;
        for run in &self.known {
            out.put_varint(run.first.saturating_sub(before));
            out.put_varint(run.count);
            before = run.first.saturating_add(run.count);
        }
    }
}

fn put_floats(out: &mut Vec<u8>, values: impl Iterator<Item = f32>) {
    values.for_each(|value| out.put_u32(value.to_bits()));
}

/// Where each of some things begins, end to end, and the end.
fn ends(lengths: impl Iterator<Item = usize>) -> Vec<u32> {
    let sum = |end: &mut u32, length: usize| {
        *end = end.saturating_add(length as u32);
        Some(*end)
    };
    std::iter::once(0).chain(lengths.scan(0u32, sum)).collect()
}

fn list(numbers: &[u64]) -> Vec<u8> {
    let (mut out, mut before) = (Vec::new(), 0);
    for &number in numbers {
        out.put_varint(number.wrapping_sub(before));
        before = number;
    }
    out
}
