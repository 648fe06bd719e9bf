//! Text seen before, found inside other text: the long-range matching of the ingest path.
//!
//! A segment is stored as [`Piece`]s: literals, appended to the literal stream, and copies of ranges of that stream. Copies
//! name literals only, never other copies, so reading a segment never follows a chain. Where to look is decided by
//! [`anchors`]: positions picked by their content, so that equal text has equal anchors wherever it stands.
//!
//! Near duplicates, for reports and splits, are found by [`Signature`]s and decided by their [`Shingles`].

mod anchor;
mod matcher;
mod minhash;
pub mod slots;
pub mod tokens;
mod window;
pub mod words;

pub use anchor::{Anchor, WINDOW, anchors};
pub use matcher::{Matcher, Piece};
pub use minhash::{Shingles, Signature, runs, some_words, words_up_to};
pub use window::{Blocks, Window};
