//! How requests went on one side of a change.

use crate::vault::api::Outcome;
use crate::vault::report::facts::Fact;

/// Requests looked at on each side: those nearest to the change.
const MOST: usize = 1_000;

/// Sums up the requests nearest to a change: the first ones after it, the last ones before it.
pub(super) fn outcome(facts: &[&Fact], after: bool) -> Outcome {
    let nearest = if after { &facts[..facts.len().min(MOST)] } else { &facts[facts.len().saturating_sub(MOST)..] };
    if nearest.is_empty() {
        return Outcome::default();
    }
    let mean = |values: Vec<f64>| (!values.is_empty()).then(|| round(values.iter().sum::<f64>() / values.len() as f64));
    let mut latencies: Vec<f32> = nearest.iter().filter_map(|fact| fact.latency_ms).collect();
    latencies.sort_by(f32::total_cmp);
    let with_tokens = || nearest.iter().filter(|fact| fact.tokens_in > 0 || fact.tokens_out > 0);
    // Where no record of the log tells an error nothing is known about errors either way; a rate of 0 says so.
    let errors = nearest.iter().filter(|fact| fact.error > 0).count();
    Outcome {
        requests: nearest.len() as u64,
        error_rate: Some(round(errors as f64 / nearest.len() as f64)),
        latency_p50_ms: latencies.get(latencies.len().saturating_sub(1) / 2).map(|value| round(f64::from(*value))),
        tokens_in: mean(with_tokens().map(|fact| fact.tokens_in as f64).collect()),
        tokens_out: mean(with_tokens().map(|fact| fact.tokens_out as f64).collect()),
        quality: mean(nearest.iter().filter_map(|fact| fact.quality).map(f64::from).collect()),
    }
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
