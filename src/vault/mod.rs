//! The vault: the order of steps. Commands come in as the options of [`api`] and leave as its reports.

mod ahead;
pub mod api;
pub mod compact;
mod export;
pub mod fetch;
mod filter;
mod find;
mod gc;
mod get;
pub mod head;
mod holders;
pub mod index;
mod ingest;
pub mod journal;
pub mod layout;
mod log;
pub mod logbook;
mod lookup;
mod ls;
mod meaning;
pub mod note;
mod open;
pub mod past;
pub mod publish;
pub mod rewrite;
mod rm;
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
