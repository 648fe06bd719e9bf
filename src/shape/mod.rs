//! What a record means: its shape, its parts, its metadata.
//!
//! Input is the bytes of one record, output is meaning: [`detect`] finds the shape, [`segments`] labels the parts,
//! [`metadata`] reads who, when, which model and at what cost,
//! [`turns`] reads them out. Everything here is derived and can be derived again; nothing here
//! ever decides how bytes are stored, so a better detector never needs a rewrite.
//!
//! [`Record`] opens a line once for several questions: one scan finds the top-level keys, and detection and metadata look
//! only at those and a few values inside them.

pub mod json;

mod detect;
mod fields;
mod id;
mod mapping;
mod meta;
mod record;
mod roles;
mod segments;
mod texts;
mod turns;

pub use detect::{Detection, Hints, detect};
pub use fields::{FIELDS, nearest};
pub use id::ShapeId;
pub use mapping::{Mapping, MappingError, Mappings};
pub use meta::{FileState, Instant, LONGEST_WORD, Metadata, Precision, carried_ids, is_scoped, metadata};
pub use record::{Form, Record};
pub use roles::{SegmentType, type_of_role};
pub use segments::{Label, Visited, segments};
pub use texts::{Spoken, has_words};
pub use turns::{Turn, turns};

#[cfg(test)]
mod tests;
