//! A folder of sentence-transformers, run on the CPU: BERT, its tokens pooled to one vector of length 1.
//!
//! | file | what |
//! |---|---|
//! | `files` | the folder: what its files say, and what of it cannot be run |
//! | `tokens` | text → WordPiece tokens, as BERT's own |
//! | `forward` | tokens → vectors |
//!
//! Behind the feature `candle`, whose crates take minutes to build. Unlike the embedder in the program it promises no bits: the same folder gives
//! the same vectors on one machine, on another they may differ in the last digits.

mod files;
mod forward;
mod tokens;

use std::path::Path;

use rayon::prelude::*;

use crate::error::{Error, Result};
use forward::Network;
use tokens::Tokenizer;

/// Texts of one length that go through the model together: what is read of its weights is read once for all.
const TOGETHER: usize = 16;
/// Bytes of text that make a token, on the safe side: logs and code have three.
const BYTES_OF_TOKEN: usize = 3;

/// A model that was read.
pub struct Model {
    tokenizer: Tokenizer,
    network: Network,
    longest: usize,
}

impl Model {
    /// Reads a folder.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the model is of a kind that cannot be run.
    pub fn open(folder: &Path) -> Result<Model> {
        let files = files::read(folder)?;
        let tokenizer = Tokenizer::new(files.vocabulary, files.lowercase, files.strips_accents)
            .map_err(|what| Error::Usage(format!("{}: {what}", folder.display())))?;
        let longest = files.longest;
        let network = Network::new(&files.config, files.pooling, files.weights)
            .map_err(|error| Error::Usage(format!("{}: its weights cannot be used: {error}", folder.display())))?;
        Ok(Model { tokenizer, network, longest })
    }

    /// Bytes of text that it takes in whole; what comes after them may be cut off.
    #[must_use]
    pub fn window(&self) -> usize {
        self.longest.saturating_sub(2) * BYTES_OF_TOKEN
    }

    /// The vectors of some texts, on the current rayon pool. What stands beside a text makes no difference to it but in the last digits.
    ///
    /// # Errors
    /// When the weights do not fit together.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let cut: Vec<Vec<u32>> = texts.par_iter().map(|text| self.tokenizer.tokens(text, self.longest)).collect();
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| cut.get(*at).map_or(0, Vec::len));
        // Only texts of one length go together: so nothing has to be padded and masked.
        let alike = |a: &usize, b: &usize| cut.get(*a).map(Vec::len) == cut.get(*b).map(Vec::len);
        let batches: Vec<&[usize]> = order.chunk_by(alike).flat_map(|alike| alike.chunks(TOGETHER)).collect();
        let run = |batch: &&[usize]| {
            let tokens: Vec<&[u32]> = batch.iter().filter_map(|at| cut.get(*at).map(Vec::as_slice)).collect();
            self.network.vectors(&tokens)
        };
        let found: Vec<_> = batches.par_iter().map(run).collect();
        let mut vectors = vec![Vec::new(); texts.len()];
        for (batch, found) in batches.iter().zip(found) {
            let found = found.map_err(|error| Error::Usage(format!("running the model: {error}")))?;
            for (at, vector) in batch.iter().zip(found) {
                if let Some(slot) = vectors.get_mut(*at) {
                    *slot = vector;
                }
            }
        }
        Ok(vectors)
    }
}

#[cfg(test)]
mod tests;
