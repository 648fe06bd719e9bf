//! The vault: the order of steps. Commands come in as the options of [`api`] and leave as its reports.

pub mod api;
pub mod fetch;
pub mod head;

pub mod index;
mod ingest;
pub mod journal;
pub mod layout;
pub mod logbook;
mod open;
pub mod past;
pub mod publish;
pub mod session;
pub mod snapshot;
pub mod sources;
mod stub;
pub mod view;
pub mod write;

pub use open::Vault;
