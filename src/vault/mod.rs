//! The vault: the order of steps. Commands come in as the options of [`api`] and leave as its reports.

pub mod api;
pub mod compact;
pub mod fetch;
mod gc;
pub mod head;

pub mod journal;
mod ingest;
pub mod layout;
pub mod logbook;
pub mod note;
mod open;
pub mod past;
pub mod publish;
pub mod rewrite;
mod rm;
pub mod session;
pub mod snapshot;
pub mod sources;
mod stub;
pub mod view;
pub mod write;

pub use open::Vault;
