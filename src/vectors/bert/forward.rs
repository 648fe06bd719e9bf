//! BERT (Devlin and others 2018), forwards only.

use std::collections::HashMap;

use candle_core::{D, DType, Device, Result, Tensor};

use crate::vectors::bert::files::{Config, Pooling};

/// The weights, each in its place.
pub(super) struct Network {
    words: Tensor,
    positions: Tensor,
    /// The vector that all tokens of a first sentence have added.
    kind: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
    pooling: Pooling,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    joined: Linear,
    joined_norm: Norm,
    wide: Linear,
    narrow: Linear,
    narrow_norm: Norm,
}

struct Linear {
    /// Transposed, so that tokens are multiplied with it.
    weight: Tensor,
    bias: Tensor,
}

struct Norm {
    weight: Tensor,
    bias: Tensor,
    smallest: f64,
}

/// Hands out weights by name.
struct Weights {
    all: HashMap<String, Tensor>,
    smallest: f64,
}

impl Weights {
    fn get(&self, name: &str) -> Result<Tensor> {
        let found = self.all.get(name).or_else(|| self.all.get(&format!("bert.{name}")));
        let found = found.ok_or_else(|| candle_core::Error::Msg(format!("there is no {name}")))?;
        found.to_dtype(DType::F32)
    }

    fn linear(&self, name: &str) -> Result<Linear> {
        let weight = self.get(&format!("{name}.weight"))?.t()?.contiguous()?;
        Ok(Linear { weight, bias: self.get(&format!("{name}.bias"))? })
    }

    fn norm(&self, name: &str) -> Result<Norm> {
        let (weight, bias) = (self.get(&format!("{name}.weight"))?, self.get(&format!("{name}.bias"))?);
        Ok(Norm { weight, bias, smallest: self.smallest })
    }
}

impl Linear {
    fn of(&self, tokens: &Tensor) -> Result<Tensor> {
        tokens.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

impl Norm {
    fn of(&self, tokens: &Tensor) -> Result<Tensor> {
        let centred = tokens.broadcast_sub(&tokens.mean_keepdim(D::Minus1)?)?;
        let spread = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.smallest)?.sqrt()?;
        centred.broadcast_div(&spread)?.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)
    }
}

impl Network {
    /// Takes the weights of a model; which of them are missing or misshapen is said here or when they are first used.
    pub(super) fn new(config: &Config, pooling: Pooling, all: HashMap<String, Tensor>) -> Result<Network> {
        let weights = Weights { all, smallest: config.layer_norm_eps };
        let layers = (0..config.num_hidden_layers).map(|at| {
            let part = |name: &str| format!("encoder.layer.{at}.{name}");
            Ok(Layer {
                query: weights.linear(&part("attention.self.query"))?,
                key: weights.linear(&part("attention.self.key"))?,
                value: weights.linear(&part("attention.self.value"))?,
                joined: weights.linear(&part("attention.output.dense"))?,
                joined_norm: weights.norm(&part("attention.output.LayerNorm"))?,
                wide: weights.linear(&part("intermediate.dense"))?,
                narrow: weights.linear(&part("output.dense"))?,
                narrow_norm: weights.norm(&part("output.LayerNorm"))?,
            })
        });
        let network = Network {
            words: weights.get("embeddings.word_embeddings.weight")?,
            positions: weights.get("embeddings.position_embeddings.weight")?,
            kind: weights.get("embeddings.token_type_embeddings.weight")?.get(0)?,
            norm: weights.norm("embeddings.LayerNorm")?,
            layers: layers.collect::<Result<_>>()?,
            heads: config.num_attention_heads,
            pooling,
        };
        // Weights that do not fit together are better told now than after an hour.
        network.vectors(&[&[0, 0, 0]])?;
        Ok(network)
    }

    /// The vectors of texts with equally many tokens.
    pub(super) fn vectors(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let (count, length) = (texts.len(), texts.first().map_or(0, |text| text.len()));
        if length == 0 || texts.iter().any(|text| text.len() != length) {
            return Err(candle_core::Error::Msg("texts of different lengths".into()));
        }
        let numbers = Tensor::from_vec(texts.concat(), count * length, &Device::Cpu)?;
        let size = self.words.dim(1)?;
        let places = self.positions.narrow(0, 0, length)?.broadcast_add(&self.kind)?;
        let words = self.words.index_select(&numbers, 0)?.reshape((count, length, size))?;
        let mut tokens = self.norm.of(&words.broadcast_add(&places)?.reshape((count * length, size))?)?;
        for layer in &self.layers {
            let heard = self.listen(layer, &tokens, (count, length, size))?;
            tokens = layer.joined_norm.of(&(layer.joined.of(&heard)? + &tokens)?)?;
            let thought = layer.narrow.of(&layer.wide.of(&tokens)?.gelu_erf()?)?;
            tokens = layer.narrow_norm.of(&(thought + &tokens)?)?;
        }
        let tokens = tokens.reshape((count, length, size))?;
        let pooled = match self.pooling {
            Pooling::Mean => tokens.mean(1)?,
            Pooling::First => tokens.narrow(1, 0, 1)?.squeeze(1)?,
        };
        let lengths = pooled.sqr()?.sum_keepdim(1)?.sqrt()?;
        pooled.broadcast_div(&lengths)?.to_vec2()
    }

    /// Attention: what each token takes from the others of its text.
    fn listen(&self, layer: &Layer, tokens: &Tensor, (count, length, size): (usize, usize, usize)) -> Result<Tensor> {
        let width = size / self.heads;
        let by_head =
            |linear: &Linear| linear.of(tokens)?.reshape((count, length, self.heads, width))?.transpose(1, 2)?.contiguous();
        let (query, key, value) = (by_head(&layer.query)?, by_head(&layer.key)?, by_head(&layer.value)?);
        let likeness = (query.matmul(&key.t()?)? / (width as f64).sqrt())?;
        let weights = likeness.broadcast_sub(&likeness.max_keepdim(D::Minus1)?)?.exp()?;
        let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
        weights.matmul(&value)?.transpose(1, 2)?.contiguous()?.reshape((count * length, size))
    }
}
