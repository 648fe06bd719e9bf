//! A vault and its files in a directory of their own, used through the library: for tests that need many small steps.
//!
//! [`House::consistent`] is the invariant that every step must keep: what `ls` says of each source is true of its export.

#![allow(dead_code, reason = "helpers are here for all test modules")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use turnpack::error::Result;
use turnpack::interrupt::Interrupt;
use turnpack::progress::Silent;
use turnpack::vault::Vault;
use turnpack::vault::api::{
    CheckOptions, CompactOptions, CompactReport, ExportOptions, ExportReport, Filter, Finding, GcOptions, GcReport, GetItem,
    GetOptions, Id, IngestOptions, IngestReport, Input, LsOptions, OpenOptions, ReadData, RmOptions, RmReport, SourceRow,
};

/// A directory with a vault and files to take in.
pub struct House {
    dir: tempfile::TempDir,
}

impl House {
    /// An empty one.
    pub fn new() -> House {
        House { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The vault's directory.
    pub fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    /// The vault, opened anew, created when there is none.
    pub fn open(&self) -> Vault {
        let options = OpenOptions { threads: Some(2), ..OpenOptions::default() };
        Vault::create_or_open(&self.vault(), &options).unwrap()
    }

    /// Writes a file.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Takes files in.
    pub fn ingest(&self, names: &[&str]) -> IngestReport {
        self.ingest_as(names, &IngestOptions::default())
    }

    /// Takes files in, in a way of one's own. Nothing may fail.
    pub fn ingest_as(&self, names: &[&str], options: &IngestOptions) -> IngestReport {
        let inputs = names.iter().map(|name| Input::Path(self.path(name))).collect();
        let report = self.open().ingest(options, inputs, &Silent, &Interrupt::default()).unwrap();
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        report
    }

    /// Writes a file and takes it in.
    pub fn put_in(&self, name: &str, content: impl AsRef<[u8]>) -> IngestReport {
        self.put(name, content);
        self.ingest(&[name])
    }

    /// Takes a stream in.
    pub fn stream(&self, source: Option<&str>, append: bool, content: &[u8]) -> IngestReport {
        let options = IngestOptions { source: source.map(str::to_string), append, ..IngestOptions::default() };
        let reader: Box<dyn Read + Send> = Box::new(std::io::Cursor::new(content.to_vec()));
        self.open().ingest(&options, vec![Input::Stream(reader)], &Silent, &Interrupt::default()).unwrap()
    }

    /// One source as it comes out.
    #[track_caller]
    pub fn export(&self, source: &str) -> Vec<u8> {
        export(&self.vault(), source).unwrap().0
    }

    /// All sources in all generations.
    pub fn ls(&self) -> Vec<SourceRow> {
        let options = LsOptions { all_generations: true, ..LsOptions::default() };
        self.open().ls_sources(&options).unwrap()
    }

    /// Lines by the names of files, as `ls` says, with the generation.
    pub fn lines(&self) -> Vec<(String, u32, u64)> {
        let short = |name: &str| name.rsplit('/').next().unwrap().to_string();
        self.ls().iter().map(|row| (short(&row.name), row.generation, row.occurrences)).collect()
    }

    /// Merges packs.
    pub fn compact(&self) -> CompactReport {
        self.open().compact(&CompactOptions::default(), &Silent, &Interrupt::default()).unwrap()
    }

    /// Collects garbage without grace.
    pub fn gc(&self) -> GcReport {
        let options = GcOptions { dry_run: false, grace: Duration::ZERO };
        self.open().gc(&options, &Silent, &Interrupt::default()).unwrap()
    }

    /// Removes.
    pub fn rm(&self, ids: &[&str]) -> RmReport {
        self.rm_as(ids, RmOptions::default())
    }

    /// Removes, or brings back, in a way of one's own.
    pub fn rm_as(&self, ids: &[&str], options: RmOptions) -> RmReport {
        let ids = ids.iter().map(|id| Id::parse(id).unwrap()).collect();
        self.open().rm(&RmOptions { ids, ..options }, &Silent, &Interrupt::default()).unwrap()
    }

    /// The bytes and the hash of a line; nothing when it is not there.
    pub fn get(&self, id: &str) -> Option<(Vec<u8>, String)> {
        let mut found = None;
        let options = GetOptions { ids: vec![Id::parse(id).unwrap()], ..GetOptions::default() };
        let sink = &mut |item| {
            if let GetItem::Record(record) = item {
                found = Some((record.bytes, record.hash.to_string()));
            }
            Ok(())
        };
        self.open().get(&options, sink).unwrap();
        found
    }

    /// Every source without removed lines comes out with the length, lines and digest that `ls` gives, and nothing is damaged.
    #[track_caller]
    pub fn consistent(&self) {
        for row in self.ls().iter().filter(|row| row.removed_lines == 0) {
            let name = format!("{}@{}", row.name, row.generation);
            let bytes = self.export(&name);
            assert_eq!(
                (bytes.len() as u64, blake3::hash(&bytes).to_hex().to_string()),
                (row.bytes, row.blake3.clone()),
                "{name}"
            );
        }
        let findings = findings(&self.vault()).unwrap();
        assert!(findings.is_empty(), "{findings:?}");
    }
}

/// One source of a vault as it comes out.
pub fn export(vault: &Path, source: &str) -> Result<(Vec<u8>, ExportReport)> {
    let filter = Filter { sources: vec![source.to_string()], ..Filter::default() };
    let mut out = Vec::new();
    let vault = Vault::open(vault, &OpenOptions { threads: Some(1), ..OpenOptions::default() })?;
    let report = vault.export_raw(&ExportOptions { filter, limit: None }, &mut out)?;
    Ok((out, report))
}

/// What a check of all data finds.
pub fn findings(vault: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let options = CheckOptions { read_data: ReadData::All, ..CheckOptions::default() };
    let open = OpenOptions { threads: Some(1), ..OpenOptions::default() };
    Vault::open(vault, &open)?.check(&options, &Silent, &Interrupt::default(), &mut |finding| {
        findings.push(finding);
        Ok(())
    })?;
    Ok(findings)
}

/// Copies a directory.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// All files below a directory, sorted.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Numbers that look random and are the same each time.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % sides
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.roll(choices.len() as u64)).unwrap()]
    }
}

/// A line of a chat that resends what was said before.
pub fn chat(conversation: u64, turn: u64) -> String {
    let say = |n: u64| {
        let role = if n.is_multiple_of(2) { "user" } else { "assistant" };
        format!(
            r#"{{"role":"{role}","content":"Turn {n} of talk {conversation}: a text long enough to be stored as a node of its own."}}"#
        )
    };
    let history: Vec<String> = (0..=turn % 8).map(say).collect();
    format!(
        r#"{{"id":"req_{conversation}_{turn}","model":"gpt-5","messages":[{}],"latency_ms":{}}}"#,
        history.join(","),
        100 + turn * 7
    )
}

/// Several such lines.
pub fn chats(conversation: u64, turns: u64) -> String {
    (0..turns).map(|turn| chat(conversation, turn) + "\n").collect()
}
