//! The vault: the order of steps. Commands come in as the options of [`api`] and leave as its reports.

mod ahead;
pub mod api;
mod export;
pub mod fetch;
mod filter;
mod find;
mod get;
pub mod head;
mod holders;

mod ingest;
pub mod journal;
pub mod layout;
mod log;
pub mod logbook;
mod lookup;
mod ls;
mod meaning;
mod open;
pub mod past;
pub mod publish;
mod segments;
pub mod session;
pub mod snapshot;
pub mod sources;
mod stats;
mod stub;
mod tree;
pub mod view;
pub mod write;

pub use open::Vault;
