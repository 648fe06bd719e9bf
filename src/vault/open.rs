//! Opening and creating a vault.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rayon::ThreadPool;

use crate::error::{Error, Result};
use crate::progress::Silent;
use crate::vault::api::OpenOptions;
use crate::vault::embed;
use crate::vault::head::Head;
use crate::vault::index;
use crate::vault::layout::Layout;
use crate::vault::search;
use crate::vault::snapshot::Snapshot;

/// An open vault. Methods that write take the lock themselves and wait as long as [`OpenOptions::lock_timeout`] says.
#[derive(Debug)]
pub struct Vault {
    pub(crate) layout: Layout,
    pub(crate) options: OpenOptions,
    pub(crate) created: bool,
    pool: OnceLock<Arc<ThreadPool>>,
}

impl Vault {
    /// The format this program writes.
    pub const FORMAT_VERSION: u32 = crate::pack::FORMAT_VERSION as u32;
    /// The oldest format this program reads.
    pub const OLDEST_FORMAT_VERSION: u32 = 1;

    /// Opens a vault that exists.
    ///
    /// # Errors
    /// [`Error::NoVault`] where there is none, [`Error::TooNew`] for one from the future.
    pub fn open(dir: &Path, options: &OpenOptions) -> Result<Vault> {
        let vault = Vault::at(dir, options);
        if !vault.layout.is_vault() {
            return Err(Error::NoVault(dir.to_path_buf()));
        }
        if vault.layout.is_half_created() {
            return Err(Error::NoVault(dir.to_path_buf()));
        }
        Head::read(dir)?;
        Ok(vault)
    }

    /// Opens a vault, creating it in an absent or empty directory whose parent exists.
    ///
    /// # Errors
    /// Those of [`Vault::open`]; [`Error::Usage`] for a directory with something else in it.
    pub fn create_or_open(dir: &Path, options: &OpenOptions) -> Result<Vault> {
        let mut vault = Vault::at(dir, options);
        if vault.layout.is_half_created() && !options.dry_run {
            vault.layout.clear_half_created()?;
        }
        if vault.layout.is_vault() {
            return Vault::open(dir, options);
        }
        if !options.dry_run {
            vault.layout.create()?;
        }
        vault.created = true;
        Ok(vault)
    }

    fn at(dir: &Path, options: &OpenOptions) -> Vault {
        Vault { layout: Layout::new(dir), options: options.clone(), created: false, pool: OnceLock::new() }
    }

    /// The threads that cut, code and scan; started when first needed.
    pub(crate) fn pool(&self) -> Result<Arc<ThreadPool>> {
        if let Some(pool) = self.pool.get() {
            return Ok(Arc::clone(pool));
        }
        let threads = self.options.threads.unwrap_or(0);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("worker-{index}"))
            .build()
            .map_err(|error| Error::Internal(format!("starting threads: {error}")))?;
        Ok(Arc::clone(self.pool.get_or_init(|| Arc::new(pool))))
    }

    /// Makes the catalog follow a rewrite. Another writer at work is no reason to wait: it brings the catalog up itself.
    pub(crate) fn refresh_catalog(&self) -> Result<()> {
        match self.layout.write_lock(self.options.lock_timeout) {
            Ok(_lock) => index::refresh(&self.layout, &*self.pool()?).map(drop),
            Err(Error::Locked { .. }) => Ok(()),
            Err(error) => Err(error),
        }?;
        // Those of packs that are gone hold traces of what was removed.
        let snapshot = self.snapshot()?;
        embed::keep::prune(&snapshot, &Silent)?;
        search::parts::refresh(&snapshot, self.threads(), false)
    }

    /// One consistent state, for reading.
    pub(crate) fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.limited(Snapshot::open(&self.layout)?))
    }

    /// The same for a few records.
    pub(crate) fn snapshot_for_few(&self) -> Result<Snapshot> {
        Ok(self.limited(Snapshot::open_for_few(&self.layout)?))
    }

    fn limited(&self, snapshot: Snapshot) -> Snapshot {
        snapshot.within(self.options.memory_limit, self.threads()).redacting(self.options.redact)
    }
}
