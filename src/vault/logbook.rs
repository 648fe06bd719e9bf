//! The log of operations, as journals keep it: one small JSON object an operation.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::vault::api::{LogEntry, Time};
use crate::vault::journal::{Entry, Stamp};

#[derive(Serialize, Deserialize)]
struct Stored {
    time_us: i64,
    command: String,
    counts: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Microseconds since 1970; `SOURCE_DATE_EPOCH` (seconds) overrides the clock, so that a vault can be made again bit for bit.
#[must_use]
pub fn now_us() -> i64 {
    if let Some(seconds) = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.trim().parse::<i64>().ok()) {
        return seconds.saturating_mul(1_000_000);
    }
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// An entry for the journal of the commit that ends an operation.
#[must_use]
pub fn entry(command: &str, counts: &[(&str, u64)], reason: Option<&str>) -> Entry {
    let stored = Stored {
        time_us: now_us(),
        command: command.to_string(),
        counts: counts.iter().map(|(name, count)| ((*name).to_string(), *count)).collect(),
        reason: reason.map(str::to_string),
    };
    Entry::Log(serde_json::to_vec(&stored).unwrap_or_default())
}

/// Reads an entry; one that a newer program wrote differently is shown as far as it can be.
#[must_use]
pub fn read(stamp: Stamp, json: &[u8]) -> LogEntry {
    let stored: Stored = serde_json::from_slice(json).unwrap_or_else(|_| Stored {
        time_us: 0,
        command: "unknown".into(),
        counts: BTreeMap::new(),
        reason: Some(String::from_utf8_lossy(json).into_owned()),
    });
    let Stored { time_us, command, counts, reason } = stored;
    LogEntry { time: Time(time_us), generation: stamp.generation, command, counts, reason }
}
