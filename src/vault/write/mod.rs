//! Writing: cut records become numbered nodes, segments and literal text, then frames, then a commit.
//!
//! | file | what |
//! |---|---|
//! | `table` | fingerprint → number, for what the open pack holds |
//! | `memory` | what recent nodes looked like, to compare with: as they are, or by their children |
//! | `ring` | the bytes of that, the oldest giving way |
//! | `literal` | the literal streams: open block, recent blocks |
//! | `assemble` | gives out numbers; equal content gets one number, after a byte comparison |
//! | `assemble/commit` | ends commits and packs |
//! | `encode` | blocks and groups are coded on all cores and leave in order |

pub mod assemble;
pub mod encode;
pub mod literal;
mod memory;
pub mod ring;
pub mod table;

#[cfg(test)]
mod tests;
