//! The vault: the order of steps. Commands come in as the options of [`api`] and leave as its reports.

pub mod api;
mod stub;

pub use stub::Vault;
