//! What must hold when an ingest ends early.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::interrupt::Interrupt;
use crate::progress::{Progress, Silent};
use crate::vault::Vault;
use crate::vault::api::{ExportOptions, IngestOptions, IngestReport, Input, OpenOptions};

/// Raises the interrupt after so many bytes.
struct StopAfter<'i> {
    left: AtomicU64,
    interrupt: &'i Interrupt,
}

impl Progress for StopAfter<'_> {
    fn advance(&self, amount: u64) {
        let left = self.left.load(Ordering::SeqCst).saturating_sub(amount);
        self.left.store(left, Ordering::SeqCst);
        if left == 0 {
            self.interrupt.raise(2);
        }
    }
}

fn ingest(vault: &Vault, path: &std::path::Path, stop_after: Option<u64>) -> IngestReport {
    let interrupt = Interrupt::default();
    let inputs = vec![Input::Path(PathBuf::from(path))];
    match stop_after {
        None => vault.ingest(&IngestOptions::default(), inputs, &Silent, &interrupt),
        Some(bytes) => {
            let progress = StopAfter { left: AtomicU64::new(bytes), interrupt: &interrupt };
            vault.ingest(&IngestOptions::default(), inputs, &progress, &interrupt)
        }
    }
    .unwrap()
}

fn lines(count: usize) -> Vec<u8> {
    let line = |n: usize| format!("{{\"id\":\"r{n}\",\"text\":\"{}\"}}\n", format!("line {n} says something new ").repeat(40));
    (0..count).flat_map(|n| line(n).into_bytes()).collect()
}

#[test]
fn an_interrupted_file_is_read_on_the_next_time_not_taken_for_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.jsonl");
    let content = lines(6000);
    std::fs::write(&file, &content).unwrap();
    let vault = Vault::create_or_open(&dir.path().join("vault"), &OpenOptions::default()).unwrap();
    let first = ingest(&vault, &file, Some(2 << 20));
    assert_eq!(first.interrupted, Some(2));
    assert!(first.occurrences > 0 && first.occurrences < 6000, "{}", first.occurrences);
    let second = ingest(&vault, &file, None);
    assert_eq!(first.occurrences + second.occurrences, 6000);
    let mut out = Vec::new();
    vault.export_raw(&ExportOptions::default(), &mut out).unwrap();
    assert!(out == content, "export differs from the file");
    assert_eq!(ingest(&vault, &file, None).sources_unchanged, 1);
}

#[test]
fn a_dry_run_counts_what_the_real_one_does_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.jsonl");
    std::fs::write(&file, lines(50)).unwrap();
    let place = dir.path().join("vault");
    let dry = OpenOptions { dry_run: true, ..OpenOptions::default() };
    let options = IngestOptions { dry_run: true, ..IngestOptions::default() };
    let vault = Vault::create_or_open(&place, &dry).unwrap();
    let told = vault.ingest(&options, vec![Input::Path(file.clone())], &Silent, &Interrupt::default()).unwrap();
    assert!(!place.exists());
    let vault = Vault::create_or_open(&place, &OpenOptions::default()).unwrap();
    let done = ingest(&vault, &file, None);
    assert_eq!((told.occurrences, told.new_records, told.new_segments), (done.occurrences, done.new_records, done.new_segments));
    assert_eq!(told.occurrences, 50);
}
