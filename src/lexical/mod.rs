//! Words in text: what a query means and where it is found.
//!
//! | file | what |
//! |---|---|
//! | `fold` | case, accents and width taken off |
//! | `pattern` | a query compiled: literal or regular expression, with grep's options |
//! | `need` | what text must hold for a pattern to be found in it at all |
//!
//! The room knows bytes and nothing of packs, records or files.

pub mod fold;
pub mod need;
pub mod pattern;
