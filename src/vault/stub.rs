//! A vault without an engine, so that the commands have something to call. The engine takes its place, method by method.

use std::io::Write;
use std::path::Path;

use super::api::{
    CheckOptions, CheckReport, ConversationRow, ExportOptions, ExportReport, Finding, 
    GetItem, GetOptions, LogEntry, LsOptions, OpenOptions, ReindexReport,
    SourceRow, StatsOptions, StatsReport,
};
use crate::error::{Error, Result};
use crate::vault::Vault;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

fn not_built<T>() -> Result<T> {
    Err(Error::Internal("not built".into()))
}

impl Vault {
    /// Hands out records and segments. Unknown ids are items, not errors.
    ///
    /// # Errors
    /// [`Error::Usage`] for an ambiguous id, damage, and whatever `sink` returns.
    pub fn get(&self, options: &GetOptions, sink: &mut dyn FnMut(GetItem) -> Result<()>) -> Result<()> {
        let _ = (options, sink);
        not_built()
    }

    /// Writes lines byte for byte.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown source, damage, and errors of `out`.
    pub fn export_raw(&self, options: &ExportOptions, out: &mut dyn Write) -> Result<ExportReport> {
        let _ = (options, out);
        not_built()
    }

    /// Writes each source to a file of its own below `dir`, tree and modification times kept.
    ///
    /// # Errors
    /// As [`Vault::export_raw`]; single files that fail are in the report.
    pub fn export_tree(&self, options: &ExportOptions, dir: &Path, progress: &dyn Progress) -> Result<ExportReport> {
        let _ = (options, dir, progress);
        not_built()
    }

    /// The sources, by name.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn ls_sources(&self, options: &LsOptions) -> Result<Vec<SourceRow>> {
        let _ = options;
        not_built()
    }

    /// The conversations, latest last.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn ls_conversations(&self, options: &LsOptions) -> Result<Vec<ConversationRow>> {
        let _ = options;
        not_built()
    }

    /// Counts.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn stats(&self, options: &StatsOptions) -> Result<StatsReport> {
        let _ = options;
        not_built()
    }

    /// Every change, oldest first.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn log(&self) -> Result<Vec<LogEntry>> {
        not_built()
    }

    /// Verifies, giving out findings as they come.
    ///
    /// # Errors
    /// When it could not be finished; damage is a finding, not an error.
    pub fn check(
        &self,
        options: &CheckOptions,
        progress: &dyn Progress,
        interrupt: &Interrupt,
        sink: &mut dyn FnMut(Finding) -> Result<()>,
    ) -> Result<CheckReport> {
        let _ = (options, progress, interrupt, sink);
        not_built()
    }

    /// Rebuilds catalog, parts and, if need be, the commit point from the packs. Not a method of an open vault: what it repairs
    /// may be what keeps the vault from opening.
    ///
    /// # Errors
    /// When packs cannot be read or the result not written.
    pub fn reindex(dir: &Path, options: &OpenOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<ReindexReport> {
        let _ = (options, progress, interrupt);
        if !dir.join("vault.json").is_file() {
            return Err(Error::NoVault(dir.to_path_buf()));
        }
        not_built()
    }
}
