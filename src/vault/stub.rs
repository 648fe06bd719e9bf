//! A vault without an engine, so that the commands have something to call. The engine takes its place, method by method.

use std::path::Path;

use super::api::{CheckOptions, CheckReport, Finding, OpenOptions, ReindexReport};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::vault::Vault;

fn not_built<T>() -> Result<T> {
    Err(Error::Internal("not built".into()))
}

impl Vault {
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
