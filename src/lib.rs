//! turnpack keeps logs of LLM conversations in a directory, the *vault*, from which every line comes back byte for byte.
//!
//! One way down: `cli` → `vault` → the rooms (`source`, `shape`, `record`, `column`, `text`, `codec`, `pack`, `catalog`)
//! → the foundation (`ids`, `bytes`, `checksum`, `error`, `fsio`, `interrupt`, `progress`). The library prints nothing.

pub mod bytes;
pub mod checksum;
pub mod error;
pub mod fsio;
pub mod ids;
pub mod interrupt;
pub mod progress;
pub mod shape;
