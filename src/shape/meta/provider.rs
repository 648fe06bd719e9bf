//! Who served a request: said by the record, else by its shape, else by the model's name (record-shapes §10.2).

use super::super::id::ShapeId::{self, *};

/// One spelling per provider; loggers write `OPENAI`, `OpenAI`, `openai`.
pub(super) fn canonical(provider: &str) -> String {
    provider.trim().to_ascii_lowercase()
}

/// The provider a shape belongs to.
pub(super) fn of_shape(shape: ShapeId) -> Option<&'static str> {
    Some(match shape {
        AnthropicRequest | AnthropicResponse | AnthropicEvent | AnthropicBatchIn | AnthropicBatchOut => "anthropic",
        GeminiRequest | GeminiResponse | GeminiBatch => "google",
        BedrockConverseReq | BedrockConverseResp | BedrockInvocationLog | BedrockBatch => "bedrock",
        OllamaRequest | OllamaResponse => "ollama",
        LlamacppResponse => "llama.cpp",
        CohereV1Req | CohereV1Resp | CohereV2Resp => "cohere",
        MistralEntry => "mistral",
        VllmOutput => "vllm",
        _ => return None,
    })
}

/// The provider a model's name tells; `None` rather than a guess.
pub(super) fn of_model(model: &str) -> Option<String> {
    let lower = model.to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| lower.starts_with(prefix));
    if lower.starts_with("arn:aws:bedrock") || is_bedrock(&lower) {
        return Some("bedrock".into());
    }
    let is_o_series =
        lower.strip_prefix('o').and_then(|rest| rest.chars().next()).is_some_and(|digit| ('1'..='9').contains(&digit));
    if starts(&["gpt", "chatgpt", "text-", "davinci"]) || is_o_series {
        return Some("openai".into());
    }
    if lower.starts_with("claude") {
        return Some("anthropic".into());
    }
    if starts(&["gemini", "gemma"]) {
        return Some("google".into());
    }
    // `openai/gpt-…` names its provider; a path on a disk does not.
    let (first, rest) = lower.split_once('/')?;
    let is_word = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (is_word && !rest.is_empty()).then(|| first.to_owned())
}

fn is_bedrock(model: &str) -> bool {
    let model = ["us.", "eu.", "apac."].iter().find_map(|region| model.strip_prefix(region)).unwrap_or(model);
    ["anthropic.", "meta.", "amazon.", "mistral.", "cohere."].iter().any(|vendor| model.starts_with(vendor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_names_tell_their_provider_and_unknown_ones_tell_none() {
        let cases = [
            ("gpt-5.2", Some("openai")),
            ("o3-mini", Some("openai")),
            ("claude-haiku-4-5", Some("anthropic")),
            ("us.anthropic.claude-sonnet-4-5-v1:0", Some("bedrock")),
            ("meta.llama3-70b-instruct-v1:0", Some("bedrock")),
            ("gemini-2.5-pro", Some("google")),
            ("openai/gpt-5", Some("openai")),
            ("qwen3:8b", None),
            ("/models/x.gguf", None),
        ];
        for (model, provider) in cases {
            assert_eq!(of_model(model).as_deref(), provider, "{model}");
        }
    }
}
