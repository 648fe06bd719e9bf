//! turnpack keeps logs of LLM conversations in a directory, the *vault*, from which every line comes back byte for byte.
//!
//! One way down: `cli` → `vault` → the rooms (`source`, `shape`, `dialogue`, `group`, `record`, `column`, `text`, `codec`,
//! `pack`, `catalog`, `lexical`, `vectors`, `redact`) → the foundation (`ids`, `bytes`, `checksum`, `display`, `error`, `fsio`, `interrupt`, `pages`, `progress`). The library
//! prints nothing.

pub mod bytes;
pub mod catalog;
pub mod checksum;
pub mod cli;
pub mod codec;
pub mod column;
pub mod dialogue;
pub mod display;
pub mod error;
pub mod fsio;
pub mod group;
pub mod ids;
pub mod interrupt;
pub mod lexical;
pub mod pack;
pub mod pages;
pub mod progress;
pub mod record;
pub mod redact;
pub mod shape;
pub mod source;
pub mod text;
pub mod vault;
pub mod vectors;
