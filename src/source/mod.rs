//! Where bytes come from, and what a source is.
//!
//! [`walk`] finds files (and [`kinds`] knows which of them a directory walk may take), [`decompress`] opens them, [`lines`]
//! and [`document`] cut the stream into records without ever changing a byte, and [`pipe`] does so for streams that pause.
//! [`digest`] remembers a stream so that its growth can be told from other content, [`state`] keeps what is known of a
//! source, [`decide`] says what a second look at it means, [`heads`] finds
//! candidates, [`observe`] does the looking, and [`names`] finds it again.
//!
//! Nothing here knows what a record means, and nothing here writes.

pub mod decide;
pub mod decompress;
pub mod digest;
pub mod document;
pub mod glue;
pub mod heads;
pub mod kinds;
pub mod lines;
pub mod names;
pub mod observe;
pub mod paths;
pub mod pipe;
mod scan;
pub mod state;
pub mod walk;
