//! Names of the canonical fields, and which of some names is meant by one that is not among them.

/// The fields that every shape's metadata has, by the names that mappings and conditions use.
pub const FIELDS: [&str; 29] = [
    "record_id",
    "request_id",
    "response_id",
    "parent_id",
    "trace_id",
    "conversation_id",
    "application",
    "agent",
    "end_user",
    "model",
    "model_requested",
    "provider",
    "timestamp",
    "latency_ms",
    "ttft_ms",
    "tokens_in",
    "tokens_in_cached",
    "tokens_in_cache_write",
    "tokens_out",
    "tokens_reasoning",
    "tokens_total",
    "cost_usd",
    "status",
    "stop_reason",
    "error",
    "quality_score",
    "tags",
    "title",
    "project",
];

/// Which of the known names is nearest to a name.
#[must_use]
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> &'n str {
    known.min_by_key(|known| distance(known, name)).unwrap_or_default()
}

/// How many letters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut next = vec![i + 1];
        for (j, to) in b.bytes().enumerate() {
            let replaced = row.get(j).copied().unwrap_or(0) + usize::from(from != to);
            let added = next.get(j).copied().unwrap_or(0) + 1;
            let removed = row.get(j + 1).copied().unwrap_or(0) + 1;
            next.push(replaced.min(added).min(removed));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
