//! Words in text: what a query means and where it is found.
//!
//! | file | what |
//! |---|---|
//! | `fold` | case, accents and width taken off |
//! | `pattern` | a query compiled: literal or regular expression, with grep's options |
//! | `grams` | which units may hold a literal, four bytes at a time |
//! | `part` | the file that keeps this for a pack |
//! | `need` | what text must hold for a pattern to be found in it at all |
//! | `quoted` | what a literal finds in JSON inside a string that is in none of its strings |
//!
//! The room knows bytes and nothing of packs, records or files.

pub mod fold;
pub mod grams;
pub mod need;
pub mod part;
pub mod pattern;
pub mod quoted;
