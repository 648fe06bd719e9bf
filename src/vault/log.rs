//! `log`: every change of the vault.

use crate::error::Result;
use crate::vault::Vault;
use crate::vault::api::LogEntry;
use crate::vault::logbook;

impl Vault {
    /// Every change, oldest first.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn log(&self) -> Result<Vec<LogEntry>> {
        let snapshot = self.snapshot()?;
        Ok(snapshot.state()?.log.iter().map(|(stamp, json)| logbook::read(*stamp, json)).collect())
    }
}
