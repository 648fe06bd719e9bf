//! Token counts, made comparable (record-shapes §10.2). Providers disagree on whether `input` includes what was cached and
//! whether `output` includes thoughts; the field names tell which rule holds. Here input includes cached and written
//! tokens, output includes reasoning.

use super::super::json::{Json, Object};

/// Token counts of one call, one rule for all providers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) cache_write: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
    pub(super) total: Option<u64>,
}

impl Usage {
    pub(super) fn is_empty(&self) -> bool {
        self.input.is_none() && self.output.is_none() && self.total.is_none()
    }
}

/// The count at the first of `paths` (`a` or `a/b`) that holds a number.
fn count(object: &Object<'_>, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| {
        let (key, rest) = path.split_once('/').map_or((*path, ""), |(key, rest)| (key, rest));
        let value = object.get(key)?;
        whole(if rest.is_empty() { value } else { value.get(rest)? })
    })
}

/// A count; Cohere writes floats, OTLP strings.
fn whole(value: Json<'_>) -> Option<u64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    // Above 2^53 no token count is real.
    (0.0..9e15).contains(&number).then_some(number as u64)
}

fn sum(counts: &[Option<u64>]) -> Option<u64> {
    counts.iter().flatten().copied().reduce(u64::saturating_add)
}

/// Reads a usage object of any provider.
pub(super) fn read(usage: Json<'_>) -> Usage {
    let Some(object) = Object::of(usage) else {
        return Usage::default();
    };
    let found = gemini(&object)
        .or_else(|| openai(&object))
        .or_else(|| anthropic(&object))
        .or_else(|| bedrock(&object))
        .or_else(|| separate(&object))
        .or_else(|| cohere(&object))
        .unwrap_or_default();
    with_total(found, count(&object, &["total_tokens", "totalTokens", "totalTokenCount", "total", "total_token_count"]))
}

fn with_total(usage: Usage, total: Option<u64>) -> Usage {
    let both = usage.input.is_some() && usage.output.is_some();
    let total = total.or_else(|| if both { sum(&[usage.input, usage.output]) } else { None });
    Usage { total, ..usage }
}

/// `prompt_tokens`: input includes cached, output includes reasoning.
fn openai(object: &Object<'_>) -> Option<Usage> {
    let is_responses = object.has("input_tokens_details") || object.has("cached_input_tokens");
    if !object.has("prompt_tokens") && !object.has("completion_tokens") && !is_responses {
        return None;
    }
    Some(Usage {
        input: count(object, &["prompt_tokens", "input_tokens"]),
        cached: count(
            object,
            &[
                "prompt_tokens_details/cached_tokens",
                "input_tokens_details/cached_tokens",
                "cached_input_tokens",
                "cache_read_input_tokens",
                "prompt_cache_hit_tokens",
            ],
        ),
        cache_write: count(object, &["input_tokens_details/cache_write_tokens", "cache_creation_input_tokens"]),
        output: count(object, &["completion_tokens", "output_tokens"]),
        reasoning: count(
            object,
            &["completion_tokens_details/reasoning_tokens", "output_tokens_details/reasoning_tokens", "reasoning_output_tokens"],
        ),
        total: None,
    })
}

/// `input_tokens`: cached and written tokens are counted beside it.
fn anthropic(object: &Object<'_>) -> Option<Usage> {
    if !object.has("input_tokens") && !object.has("output_tokens") {
        return None;
    }
    let cached = count(object, &["cache_read_input_tokens", "input_tokens_cache_read"]);
    let cache_write = count(object, &["cache_creation_input_tokens", "input_tokens_cache_write"]);
    Some(Usage {
        input: sum(&[count(object, &["input_tokens"]), cached, cache_write]),
        cached,
        cache_write,
        output: count(object, &["output_tokens"]),
        reasoning: count(object, &["reasoning_tokens"]),
        total: None,
    })
}

/// `inputTokens`: as Anthropic.
fn bedrock(object: &Object<'_>) -> Option<Usage> {
    let input = count(object, &["inputTokens"]);
    let output = count(object, &["outputTokens"]);
    input.or(output)?;
    let cached = count(object, &["cacheReadInputTokens", "cacheReadInputTokenCount"]);
    let cache_write = count(object, &["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    Some(Usage { input: sum(&[input, cached, cache_write]), cached, cache_write, output, ..Usage::default() })
}

/// `promptTokenCount`: input includes cached, thoughts are counted beside the answer.
fn gemini(object: &Object<'_>) -> Option<Usage> {
    let prompt = count(object, &["promptTokenCount", "prompt_token_count"]);
    let answer = count(object, &["candidatesTokenCount", "candidates_token_count"]);
    prompt.or(answer)?;
    let reasoning = count(object, &["thoughtsTokenCount", "thoughts_token_count"]);
    Some(Usage {
        input: sum(&[prompt, count(object, &["toolUsePromptTokenCount", "tool_use_prompt_token_count"])]),
        cached: count(object, &["cachedContentTokenCount", "cached_content_token_count"]),
        output: sum(&[answer, reasoning]),
        reasoning,
        ..Usage::default()
    })
}

/// `input`, `output` and their kind: Pi, opencode, Gemini CLI, Langfuse, witnesses.
fn separate(object: &Object<'_>) -> Option<Usage> {
    let input = count(object, &["input", "prompt"]);
    let output = count(object, &["output", "completion"]);
    input.or(output)?;
    // Gemini CLI counts like Gemini: thoughts beside the answer, cached inside the input.
    if let Some(thoughts) = count(object, &["thoughts"]) {
        let cached = count(object, &["cached"]);
        return Some(Usage {
            input,
            cached,
            output: sum(&[output, Some(thoughts)]),
            reasoning: Some(thoughts),
            ..Usage::default()
        });
    }
    if let Some(cached) = count(object, &["cached", "input_cached_tokens"]) {
        return Some(Usage { input, cached: Some(cached), output, ..Usage::default() });
    }
    let cached = count(object, &["cacheRead", "cache/read"]);
    let cache_write = count(object, &["cacheWrite", "cache/write"]);
    let reasoning = count(object, &["reasoning"]);
    Some(Usage {
        input: sum(&[input, cached, cache_write]),
        cached,
        cache_write,
        output: sum(&[output, reasoning]),
        reasoning,
        total: None,
    })
}

/// Cohere bills other numbers than it counts; what was counted is under `tokens`.
fn cohere(object: &Object<'_>) -> Option<Usage> {
    let tokens = object.get("tokens").or_else(|| object.get("billed_units")).and_then(Object::of)?;
    Some(Usage { input: count(&tokens, &["input_tokens"]), output: count(&tokens, &["output_tokens"]), ..Usage::default() })
}

/// Counts that stand beside other fields, without an object of their own.
pub(super) fn beside(object: &Object<'_>) -> Usage {
    let found = Usage {
        input: count(
            object,
            &[
                "native_tokens_prompt",
                "nativeTokensPrompt",
                "prompt_tokens",
                "input_tokens",
                "tokens_in",
                "prompt_eval_count",
                "tokens_evaluated",
                "prompt_token_count",
                "tokensIn",
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.prompt_tokens",
                "llm.token_count.prompt",
            ],
        ),
        cached: count(
            object,
            &[
                "native_tokens_cached",
                "tokens_in_cached",
                "cached_tokens",
                "llm.token_count.prompt_details.cache_read",
                "gen_ai.usage.cache_read.input_tokens",
            ],
        ),
        cache_write: count(object, &["gen_ai.usage.cache_creation.input_tokens"]),
        output: count(
            object,
            &[
                "native_tokens_completion",
                "nativeTokensCompletion",
                "completion_tokens",
                "output_tokens",
                "tokens_out",
                "eval_count",
                "tokens_predicted",
                "generation_token_count",
                "tokensOut",
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.completion_tokens",
                "llm.token_count.completion",
            ],
        ),
        reasoning: count(object, &["native_tokens_reasoning", "llm.token_count.completion_details.reasoning"]),
        total: None,
    };
    with_total(found, count(object, &["total_tokens", "tokens_total", "llm.token_count.total"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> (Option<u64>, Option<u64>, Option<u64>) {
        let usage = read(Json::parse(text.as_bytes()).unwrap());
        (usage.input, usage.cached, usage.output)
    }

    #[test]
    fn input_includes_the_cache_whichever_way_the_provider_counts() {
        let same = (Some(100), Some(60), Some(7));
        assert_eq!(counts(r#"{"prompt_tokens":100,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":60}}"#), same);
        assert_eq!(counts(r#"{"input_tokens":100,"output_tokens":7,"input_tokens_details":{"cached_tokens":60}}"#), same);
        assert_eq!(
            counts(r#"{"input_tokens":30,"cache_read_input_tokens":60,"cache_creation_input_tokens":10,"output_tokens":7}"#),
            same
        );
        assert_eq!(counts(r#"{"inputTokens":40,"cacheReadInputTokens":60,"outputTokens":7}"#), same);
        assert_eq!(
            counts(r#"{"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":5,"thoughtsTokenCount":2}"#),
            same
        );
        assert_eq!(counts(r#"{"input":40,"output":5,"reasoning":2,"cache":{"read":60,"write":0}}"#), same);
        assert_eq!(counts(r#"{"input":100,"output":5,"cached":60,"thoughts":2,"tool":0}"#), same);
    }

    #[test]
    fn cohere_floats_and_what_it_counted_win_over_what_it_billed() {
        assert_eq!(
            counts(r#"{"billed_units":{"input_tokens":9.0},"tokens":{"input_tokens":70.0,"output_tokens":6.0}}"#).0,
            Some(70)
        );
    }

    #[test]
    fn absurd_counts_are_no_counts() {
        assert_eq!(counts(r#"{"prompt_tokens":-1,"completion_tokens":1e300}"#), (None, None, None));
    }
}
