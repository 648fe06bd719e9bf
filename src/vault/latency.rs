//! Where the time of a request went, as far as its record breaks it down.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::shape::Record;
use crate::shape::json::{Json, decode_key};

/// Parts of a latency by name, in milliseconds.
pub(crate) type Components = Box<[(Arc<str>, f32)]>;

/// Parts looked at: more names than this are no parts.
const MOST: usize = 32;

thread_local! {
    /// Names seen by this thread: all records of a program share a dozen.
    static NAMES: std::cell::RefCell<FxHashMap<String, Arc<str>>> = std::cell::RefCell::default();
}

/// The parts of a record's latency, without their sum.
pub(crate) fn components(record: &Record<'_>) -> Components {
    let Some(object) = &record.object else { return Components::default() };
    let breakdown = ["latency_ms", "latency", "latency_breakdown", "timings", "timing"]
        .iter()
        .filter_map(|key| object.get(key))
        .find(|value| value.is_object());
    let Some(breakdown) = breakdown else { return Components::default() };
    let component = |(key, value): (&[u8], Json<'_>)| {
        let name = decode_key(key);
        let name = name.trim_end_matches("_ms");
        let value = value.as_f64().filter(|value| value.is_finite() && *value >= 0.0)?;
        (!name.is_empty() && !name.contains("total")).then(|| (interned(name), value as f32))
    };
    breakdown.entries().take(MOST).filter_map(component).collect()
}

fn interned(name: &str) -> Arc<str> {
    NAMES.with_borrow_mut(|names| {
        // Names that are different each time would otherwise stay for good.
        if names.len() > 1024 {
            names.clear();
        }
        Arc::clone(names.entry(name.to_string()).or_insert_with(|| name.into()))
    })
}

/// Sums of parts.
#[derive(Debug, Default)]
pub(crate) struct Sums(FxHashMap<Arc<str>, f64>);

impl Sums {
    /// Adds a record's parts.
    pub(crate) fn add(&mut self, parts: &[(Arc<str>, f32)]) {
        for (name, value) in parts {
            match self.0.get_mut(name) {
                Some(sum) => *sum += f64::from(*value),
                None => drop(self.0.insert(Arc::clone(name), f64::from(*value))),
            }
        }
    }

    /// The part that took most time; of equal ones the first by name.
    pub(crate) fn slowest(&self) -> Option<String> {
        let slowest = self.0.iter().max_by(|a, b| a.1.total_cmp(b.1).then_with(|| b.0.cmp(a.0)));
        slowest.map(|(name, _)| name.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_part_is_the_one_with_the_largest_sum() {
        let record = |text: &str| components(&Record::read(text.as_bytes()));
        let mut sums = Sums::default();
        sums.add(&record(r#"{"latency_ms":{"queue_ms":5,"decode":3,"total":8,"note":"x","bad":-1}}"#));
        assert_eq!(sums.slowest().as_deref(), Some("queue"));
        sums.add(&record(r#"{"latency_ms":{"queue":1,"decode":4}}"#));
        assert_eq!(sums.slowest().as_deref(), Some("decode"));
        assert!(record(r#"{"latency_ms":7}"#).is_empty() && record("no json").is_empty());
        assert_eq!(Sums::default().slowest(), None);
    }
}
