//! The files of a sentence-transformers folder.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, IoContext, Result};

/// What a folder holds.
pub(super) struct Files {
    pub(super) config: Config,
    /// Tokens, each at its number.
    pub(super) vocabulary: Vec<String>,
    pub(super) lowercase: bool,
    pub(super) strips_accents: bool,
    /// Most tokens of a text.
    pub(super) longest: usize,
    pub(super) pooling: Pooling,
    pub(super) weights: HashMap<String, Tensor>,
}

/// How the vectors of tokens become that of their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// The first one's.
    First,
}

/// `config.json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Config {
    pub(super) model_type: String,
    #[serde(default)]
    pub(super) hidden_act: String,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) layer_norm_eps: f64,
    #[serde(default)]
    pub(super) position_embedding_type: Option<String>,
}

/// Most layers a model may have: far more than any of its kind.
const MOST_LAYERS: usize = 256;

/// Reads all.
pub(super) fn read(folder: &Path) -> Result<Files> {
    let unfit = |what: String| Error::Usage(format!("{}: {what}", folder.display()));
    let config: Config = needed(folder, "config.json")?;
    let absolute = config.position_embedding_type.as_deref().is_none_or(|kind| kind == "absolute");
    if config.model_type != "bert" || config.hidden_act != "gelu" || !absolute {
        return Err(unfit(format!(
            "a model of type {:?} with activation {:?}; only BERT with gelu and absolute positions is run here. Any other model can be asked with \
             --command or --endpoint",
            config.model_type, config.hidden_act
        )));
    }
    let (size, heads) = (config.hidden_size, config.num_attention_heads);
    if heads == 0
        || size == 0
        || size % heads != 0
        || config.num_hidden_layers > MOST_LAYERS
        || config.max_position_embeddings < 3
    {
        return Err(unfit("config.json has sizes that no model has".into()));
    }
    let limit = optional(folder, "sentence_bert_config.json")?.get("max_seq_length").and_then(Value::as_u64);
    let longest = limit.map_or(usize::MAX, |limit| limit as usize).clamp(3, config.max_position_embeddings);
    let pooling = pooling(&optional(folder, "1_Pooling/config.json")?).map_err(unfit)?;
    let tokenizer = optional(folder, "tokenizer.json")?;
    let vocabulary = vocabulary(folder, &tokenizer)?.ok_or_else(|| {
        unfit("neither a vocab.txt nor a tokenizer.json with a WordPiece vocabulary; other models can be asked with --command or --endpoint".into())
    })?;
    let normalizer = tokenizer.get("normalizer").cloned().unwrap_or_default();
    let settings = optional(folder, "tokenizer_config.json")?;
    let said = |value: &Value, key: &str| value.get(key).and_then(Value::as_bool);
    let lowercase = said(&normalizer, "lowercase").or_else(|| said(&settings, "do_lower_case")).unwrap_or(true);
    let strips_accents = said(&normalizer, "strip_accents").or_else(|| said(&settings, "strip_accents")).unwrap_or(lowercase);
    let path = folder.join("model.safetensors");
    let bytes = std::fs::read(&path).on("reading", &path)?;
    let weights = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
        .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
    Ok(Files { config, vocabulary, lowercase, strips_accents, longest, pooling, weights })
}

fn pooling(config: &Value) -> std::result::Result<Pooling, String> {
    let modes = config.as_object().into_iter().flatten();
    let on: Vec<&str> = modes.filter(|(_, value)| **value == Value::Bool(true)).map(|(key, _)| key.as_str()).collect();
    match on.iter().copied().filter(|key| key.starts_with("pooling_mode_")).collect::<Vec<_>>()[..] {
        [] | ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token"] => Ok(Pooling::First),
        ref other => Err(format!("pooling by {}, which is not known here", other.join(" and "))),
    }
}

/// Tokens by number, from either file.
fn vocabulary(folder: &Path, tokenizer: &Value) -> Result<Option<Vec<String>>> {
    let path = folder.join("vocab.txt");
    if path.is_file() {
        let text = std::fs::read_to_string(&path).on("reading", &path)?;
        return Ok(Some(text.lines().map(str::to_string).collect()));
    }
    let model = tokenizer.get("model").filter(|model| model.get("type").and_then(Value::as_str) == Some("WordPiece"));
    let Some(words) = model.and_then(|model| model.get("vocab")).and_then(Value::as_object) else { return Ok(None) };
    let mut vocabulary = vec![String::new(); words.len()];
    for (word, number) in words {
        let slot = number.as_u64().and_then(|number| vocabulary.get_mut(usize::try_from(number).ok()?));
        slot.into_iter().for_each(|slot| slot.clone_from(word));
    }
    Ok(Some(vocabulary))
}

fn needed<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> Result<T> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path).on("reading", &path)?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}

/// A file that may be missing.
fn optional(folder: &Path, name: &str) -> Result<Value> {
    if folder.join(name).is_file() { needed(folder, name) } else { Ok(Value::Null) }
}
