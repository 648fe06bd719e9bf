//! How requests went: success, latency and where it is spent, quality, which model got what, errors by kind.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Material;
use super::facts::{Fact, Name};
use crate::vault::api::{Component, Routed, Summary, Witness};
use crate::vault::stats::summary;

/// Steps of the histogram of scores.
const STEPS: usize = 10;
/// Kinds of errors that are listed.
const ERRORS: usize = 20;

/// Sums of a model.
#[derive(Default)]
struct Model {
    requests: u64,
    errors: u64,
    latencies: Vec<f64>,
    quality: Vec<f64>,
}

/// Sums up the records that name a model, and those that tell a latency, an error or a score.
pub(super) fn witness(material: &Material<'_>) -> Witness {
    let Some(facts) = &material.facts else { return Witness::default() };
    let (mut latencies, mut first_tokens, mut quality) = (Vec::new(), Vec::new(), Vec::new());
    let mut models: FxHashMap<Name, Model> = FxHashMap::default();
    let mut errors: BTreeMap<Name, u64> = BTreeMap::new();
    let tells = |fact: &Fact| fact.model > 0 || fact.latency_ms.is_some() || fact.error > 0 || fact.quality.is_some();
    let all = material.occurrences.iter().filter(|(number, _)| material.passes(**number));
    let all = all.filter_map(|(number, count)| Some((facts.get(*number).filter(|fact| tells(fact))?, *count)));
    let (mut requests, mut failed) = (0u64, 0u64);
    for (fact, count) in all {
        let model = models.entry(fact.model).or_default();
        requests += count;
        model.requests += count;
        if fact.error > 0 {
            failed += count;
            model.errors += count;
            *errors.entry(fact.error).or_default() += count;
        }
        for _ in 0..count {
            latencies.extend(fact.latency_ms.map(f64::from));
            first_tokens.extend(fact.ttft_ms.map(f64::from));
            quality.extend(fact.quality.map(f64::from));
            model.latencies.extend(fact.latency_ms.map(f64::from));
            model.quality.extend(fact.quality.map(f64::from));
        }
    }
    let share = |part: u64, of: u64| if of == 0 { 0.0 } else { part as f64 / of as f64 };
    let mean = |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let mut routing: Vec<Routed> = models
        .into_iter()
        .map(|(model, sums)| Routed {
            model: facts.name(model).map(String::from),
            requests: sums.requests,
            share: share(sums.requests, requests),
            success_rate: share(sums.requests - sums.errors, sums.requests),
            quality: mean(&sums.quality),
            latency_ms: summary(sums.latencies),
        })
        .collect();
    routing.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.model.cmp(&b.model)));
    let mut errors: Vec<(String, u64)> =
        errors.into_iter().filter_map(|(kind, count)| Some((facts.name(kind)?.to_string(), count))).collect();
    errors.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    errors.truncate(ERRORS);
    let components = components(material);
    Witness {
        requests,
        success_rate: (requests > 0).then(|| share(requests - failed, requests)),
        latency_ms: summary(latencies),
        ttft_ms: summary(first_tokens),
        slowest_component: components.first().map(|component| component.name.clone()),
        components,
        quality_histogram: histogram(&quality),
        quality: summary(quality),
        routing,
        errors,
    }
}

/// Parts of the latency, slowest first.
fn components(material: &Material<'_>) -> Vec<Component> {
    let Some(facts) = &material.facts else { return Vec::new() };
    let mut values: BTreeMap<Name, Vec<f64>> = BTreeMap::new();
    for (number, parts) in facts.components.iter().filter(|(number, _)| material.passes(*number)) {
        for _ in 0..material.occurrences(*number) {
            parts.iter().for_each(|(name, value)| values.entry(*name).or_default().push(f64::from(*value)));
        }
    }
    let all: f64 = values.values().flatten().sum();
    let component = |(name, values): (Name, Vec<f64>)| {
        let ms: Summary = summary(values)?;
        Some(Component { name: facts.name(name)?.to_string(), share: if all > 0.0 { ms.sum / all } else { 0.0 }, ms })
    };
    let mut components: Vec<Component> = values.into_iter().filter_map(component).collect();
    components.sort_by(|a, b| b.ms.sum.total_cmp(&a.ms.sum).then_with(|| a.name.cmp(&b.name)));
    components
}

/// Scores in steps of the same width.
fn histogram(values: &[f64]) -> Vec<(f64, u64)> {
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    if values.is_empty() {
        return Vec::new();
    }
    let width = (high - low) / STEPS as f64;
    if width <= 0.0 {
        return vec![(low, values.len() as u64)];
    }
    let mut steps: Vec<(f64, u64)> = (0..STEPS).map(|step| (low + width * step as f64, 0)).collect();
    for value in values {
        let step = (((value - low) / width) as usize).min(STEPS - 1);
        steps[step].1 += 1;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_is_in_one_step() {
        let steps = histogram(&[0.0, 0.05, 0.5, 1.0, 1.0]);
        assert_eq!(steps.iter().map(|step| step.1).sum::<u64>(), 5);
        assert_eq!((steps[0].1, steps[5].1, steps[9].1), (2, 1, 2));
        assert_eq!(histogram(&[3.0, 3.0]), [(3.0, 2)]);
        assert!(histogram(&[]).is_empty());
    }
}
