//! The vault's directory: which files there are, how one is created, who may write.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, IoContext, Result};
use crate::fsio::{self, Lock};
use crate::vault::head::Head;

/// Names inside a vault.
#[derive(Clone, Debug)]
pub struct Layout {
    dir: PathBuf,
}

/// `vault.json`: what people and other programs may want to know without reading `head`.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    format: u16,
    vault_id: String,
    created_by: String,
}

impl Layout {
    /// Names for a directory.
    #[must_use]
    pub fn new(dir: &Path) -> Layout {
        Layout { dir: dir.to_path_buf() }
    }

    /// The vault's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where packs are.
    #[must_use]
    pub fn packs(&self) -> PathBuf {
        self.dir.join("packs")
    }

    /// Where parts are: files of indexes, each made from one pack.
    #[must_use]
    pub fn parts(&self) -> PathBuf {
        self.dir.join("parts")
    }

    /// What lines mean, kept.
    #[must_use]
    pub fn meaning(&self) -> PathBuf {
        self.parts().join("meaning")
    }

    /// The index.
    #[must_use]
    pub fn catalog(&self) -> PathBuf {
        self.dir.join("catalog.redb")
    }

    /// True when the directory has what makes it a vault.
    #[must_use]
    pub fn is_vault(&self) -> bool {
        self.dir.join("vault.json").is_file() || self.dir.join("head").is_file()
    }

    /// Creates an empty vault. The directory may exist when it is empty; its parent must.
    ///
    /// # Errors
    /// When the directory holds something else, or cannot be made.
    pub fn create(&self) -> Result<Head> {
        match std::fs::read_dir(&self.dir) {
            Ok(mut entries) => {
                if let Some(entry) = entries.next() {
                    let found = entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).unwrap_or_default();
                    return Err(Error::Usage(format!(
                        "{} is not empty ({found} is in it) and is no vault; name an empty or new directory with --vault",
                        self.dir.display()
                    )));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let above = self.dir.parent().filter(|above| !above.as_os_str().is_empty() && !above.exists());
                if let Some(above) = above {
                    let missing = format!("{} is not there; is it misspelt? `mkdir -p` makes it", above.display());
                    return Err(Error::io("creating", &self.dir, std::io::Error::new(error.kind(), missing)));
                }
                fsio::create_dir(&self.dir)?;
            }
            Err(error) => return Err(Error::io("listing", &self.dir, error)),
        }
        fsio::create_dir(&self.packs())?;
        let head = Head::new(new_vault_id());
        // `head` last: a directory without it is a vault whose creation never finished, and is created again.
        self.describe(head.vault_id)?;
        head.publish(&self.dir)?;
        if let Some(parent) = self.dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fsio::sync_dir(parent)?;
        }
        Ok(head)
    }

    /// Writes `vault.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn describe(&self, vault_id: u128) -> Result<()> {
        let description = Description {
            format: crate::pack::FORMAT_VERSION,
            vault_id: format!("{vault_id:032x}"),
            created_by: format!("turnpack {}", env!("CARGO_PKG_VERSION")),
        };
        let text = serde_json::to_vec_pretty(&description).map_err(|e| Error::Internal(e.to_string()))?;
        fsio::replace(&self.dir.join("vault.json"), &text)
    }

    /// True for a directory whose creation was interrupted: `vault.json` or `packs` but no `head` and no pack.
    #[must_use]
    pub fn is_half_created(&self) -> bool {
        let only_ours = std::fs::read_dir(&self.dir).is_ok_and(|entries| {
            entries.flatten().all(|e| {
                matches!(
                    e.file_name().to_str(),
                    Some("vault.json" | "vault.json.new" | "head.new" | "packs" | "write.lock" | "lock.info")
                )
            })
        });
        let no_packs = std::fs::read_dir(self.packs()).map_or(true, |mut packs| packs.next().is_none());
        self.dir.is_dir() && only_ours && no_packs && !self.dir.join("head").exists() && self.packs().exists()
    }

    /// Removes what an interrupted creation left.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn clear_half_created(&self) -> Result<()> {
        for name in ["vault.json", "vault.json.new", "head.new", "write.lock", "lock.info"] {
            fsio::remove(&self.dir.join(name))?;
        }
        std::fs::remove_dir(self.packs()).on("removing", &self.packs())
    }

    /// The vault id in `vault.json`.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn described_id(&self) -> Result<u128> {
        let path = self.dir.join("vault.json");
        let bytes = std::fs::read(&path).on("reading", &path)?;
        let description: Description = serde_json::from_slice(&bytes).map_err(|e| Error::integrity(&path, e))?;
        u128::from_str_radix(&description.vault_id, 16).map_err(|e| Error::integrity(&path, e))
    }

    /// Takes the lock of writers.
    ///
    /// # Errors
    /// [`Error::Locked`] after `timeout`.
    pub fn write_lock(&self, timeout: Duration) -> Result<Lock> {
        self.lock("write.lock", timeout)
    }

    /// Takes the lock of gc and compact.
    ///
    /// # Errors
    /// [`Error::Locked`] after `timeout`.
    pub fn maintenance_lock(&self, timeout: Duration) -> Result<Lock> {
        self.lock("maintenance.lock", timeout)
    }

    fn lock(&self, name: &str, timeout: Duration) -> Result<Lock> {
        let command: Vec<String> = std::env::args().take(4).collect();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let holder = format!("process {} on {}: {}", std::process::id(), host.trim(), command.join(" "));
        let info = if name == "write.lock" { "lock.info" } else { "maintenance.info" };
        Lock::acquire(&self.dir.join(name), &self.dir.join(info), &holder, timeout)
    }
}

/// A random number from the kernel, mixed with time and process where there is none.
fn new_vault_id() -> u128 {
    use std::io::Read;
    let mut seed = [0u8; 32];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut seed));
    if random.is_err() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        seed[..16].copy_from_slice(&now.to_le_bytes());
        seed[16..20].copy_from_slice(&std::process::id().to_le_bytes());
    }
    crate::checksum::content_hash(&seed)
}
