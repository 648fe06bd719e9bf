//! A vault without an engine, so that the commands have something to call. The engine takes its place, method by method.

use std::path::Path;

use super::api::{
    CheckOptions, CheckReport, CompactOptions, CompactReport, Finding, GcOptions, GcReport, OpenOptions, ReindexReport,
    RmOptions, RmReport,
};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::vault::Vault;

fn not_built<T>() -> Result<T> {
    Err(Error::Internal("not built".into()))
}

impl Vault {
    /// Sets or takes away tombstones.
    ///
    /// # Errors
    /// When the vault cannot be read or written.
    pub fn rm(&self, options: &RmOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<RmReport> {
        let _ = (options, progress, interrupt);
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

    /// Drops what no live record needs.
    ///
    /// # Errors
    /// When the vault cannot be read or written.
    pub fn gc(&self, options: &GcOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<GcReport> {
        let _ = (options, progress, interrupt);
        not_built()
    }

    /// Rewrites packs for size.
    ///
    /// # Errors
    /// When the vault cannot be read or written.
    pub fn compact(&self, options: &CompactOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<CompactReport> {
        let _ = (options, progress, interrupt);
        not_built()
    }
}
