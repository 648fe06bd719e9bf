//! The lossless cut of a record into nodes, segments and short values, and back.
//!
//! | file | what |
//! |---|---|
//! | `escape` | JSON string escapes, both ways, only where they are exact |
//! | `scan` | one pass over a line: where containers begin and end |
//! | `template` | what is constant in a node |
//! | `cut` | line → nodes, segments, values (a chunk at a time, no shared state but the [`known`] filter) |
//! | `known` | what the vault has seen, so that the cutter need not open it |
//! | `naming` | in which texts an id may stand |
//!
//! The cut knows no shapes: it depends on bytes alone. What a value means is the `shape` room's business.

pub mod cut;
pub mod escape;
pub mod known;
pub mod naming;
pub mod scan;
pub mod template;

/// Containers and strings below this many bytes stay inside their parent (measured flat between 32 and 64).
pub const NODE_BYTES: usize = 48;
/// Containers nested deeper than this are kept raw.
pub const MAX_DEPTH: usize = 100;
/// JSON inside strings inside strings is opened this often.
pub const MAX_NESTING: usize = 4;
