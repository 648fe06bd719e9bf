//! Directories that are named by what is in them, as Hive named them first: `day=2026-11-21/model=gpt-4`.
//!
//! Readers take a name apart at `=` and decode `%XX`. So whatever else a name could do in a path is encoded, and a value that is
//! too long for a name is cut and gets its hash.

use std::fmt::Write as _;

use super::super::row::Row;
use crate::checksum::checksum;
use crate::vault::api::{PartitionKey, Time};

/// What readers take for no value.
const NOTHING: &str = "__HIVE_DEFAULT_PARTITION__";
/// File systems take names of 255 bytes.
const LONGEST: usize = 200;

/// The directory of a row, relative to the one of the table.
pub(super) fn directory(keys: &[PartitionKey], row: &Row) -> String {
    let part =
        |key: &PartitionKey| format!("{}={}", key.name(), value(*key, row).map_or(NOTHING.to_owned(), |value| safe(&value)));
    keys.iter().map(part).collect::<Vec<_>>().join("/")
}

fn value(key: PartitionKey, row: &Row) -> Option<String> {
    let date = |length: usize| {
        let date = Time(row.metadata.timestamp_us?).to_string();
        date.get(..length).map(String::from)
    };
    let found = match key {
        PartitionKey::Day => date("2026-11-21".len()),
        PartitionKey::Month => date("2026-11".len()),
        PartitionKey::Model => row.metadata.model.clone(),
        PartitionKey::Application => row.metadata.application.clone(),
        PartitionKey::Provider => row.metadata.provider.clone(),
        PartitionKey::Shape => Some(row.shape.to_string()),
    };
    found.filter(|value| !value.is_empty())
}

fn safe(value: &str) -> String {
    let mut name = String::with_capacity(value.len());
    let mut cut = None;
    for (at, c) in value.char_indices() {
        if name.len() > LONGEST {
            cut = Some(at);
            break;
        }
        if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
            name.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    if cut.is_some() {
        let _ = write!(name, "~{:016x}", checksum(value.as_bytes()));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    // A model's name comes from a log: it must not climb out of the directory, nor end one and begin another.
    #[test]
    fn a_value_cannot_leave_its_directory() {
        let mut row = Row::default();
        let directory = |row: &Row| directory(&[PartitionKey::Day, PartitionKey::Model], row);
        assert_eq!(directory(&row), "day=__HIVE_DEFAULT_PARTITION__/model=__HIVE_DEFAULT_PARTITION__");
        row.metadata.timestamp_us = Some(1_795_219_199_999_999);
        row.metadata.model = Some("../a/b=c%\n".into());
        assert_eq!(directory(&row), "day=2026-11-20/model=..%2Fa%2Fb%3Dc%25%0A");
        row.metadata.model = Some("é模型 x".into());
        assert_eq!(directory(&row), "day=2026-11-20/model=é模型%20x");
    }

    // Two long names that begin alike are two directories, and neither is too long for a file system.
    #[test]
    fn long_values_are_cut_and_stay_apart() {
        let (a, b) = (safe(&"/".repeat(300)), safe(&"/".repeat(301)));
        assert!(a != b && a.len() < 240 && safe(&"語".repeat(1000)).len() < 240);
        assert_eq!(safe(&"x".repeat(150)), "x".repeat(150));
    }
}
