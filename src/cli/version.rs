//! `--version`: one line for people, everything that decides compatibility as JSON.

use super::Context;
use super::exit::Status;
use crate::error::Result;
use crate::vault::Vault;
use crate::vault::api::SCHEMA_VERSION;

/// What this build reads and writes beyond the vault itself.
fn features() -> Vec<&'static str> {
    let always = ["gzip", "zstd", "xz", "bzip2"];
    let built = [(cfg!(feature = "parquet"), "parquet"), (cfg!(feature = "tokenizers"), "tokenizers")];
    always.into_iter().chain(built.into_iter().filter_map(|(is, name)| is.then_some(name))).collect()
}

pub(crate) fn run(context: &Context<'_>) -> Result<Status> {
    let version = env!("CARGO_PKG_VERSION");
    if context.ui.json() {
        context.ui.json_line(&serde_json::json!({
            "schema_version": SCHEMA_VERSION,
            "report": "version",
            "version": version,
            "vault_format": { "writes": Vault::FORMAT_VERSION, "reads_from": Vault::OLDEST_FORMAT_VERSION },
            "features": features(),
            "libzstd": zstd::zstd_safe::version_string(),
            "target": { "os": std::env::consts::OS, "arch": std::env::consts::ARCH },
        }))?;
    } else {
        context.ui.line(&format!("turnpack {version}"))?;
    }
    Ok(Status::Done)
}
