//! Vectors: texts as points whose angle tells how alike they are, and the way to the nearest of millions.
//!
//! | file | what |
//! |---|---|
//! | `builtin` | text → vector, offline, from a table in the program |
//! | `bert` | the same by a sentence-transformers folder; behind the feature `candle` |
//! | `metric` | cosine, inner product or distance; what a model's vectors have in common |
//! | `rotate` | the turn before rounding that leaves no dimension larger than the rest |
//! | `quantize` | vector → row of int8; what cannot be compared is refused |
//! | `distance` | the inner product of rows, as fast as the processor goes; the one place here with `unsafe` |
//! | `graph` | HNSW: built in parallel, the same bytes for any number of threads; searched where it lies |
//! | `part` | rows, texts, records and graph as one immutable, checked file |
//! | `nearest` | the best rows of a part: by graph or by looking at all of them |
//! | `cluster` | spherical k-means, and what lies far from everything |
//!
//! Likenesses are cosines but where vectors come from logs and another metric was asked for.

#[cfg(feature = "candle")]
pub mod bert;
pub mod builtin;
pub mod cluster;
pub mod distance;
pub mod graph;
pub mod metric;
pub mod nearest;
pub mod part;
pub mod quantize;
pub mod rotate;
