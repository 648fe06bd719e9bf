//! What a new look at a source means: the rules of growth, rotation, copies and aliases, as one pure function.
//!
//! [`decide`] gets what is known and what was seen so far. Where that is not enough it says what to look at
//! ([`Decision::LookCloser`]), cheap looks first; with the answer it is asked again, and it never asks for the same twice.
//!
//! | what happened                                              | decision                        | cost            |
//! |------------------------------------------------------------|---------------------------------|-----------------|
//! | same device, inode, size and mtime                         | `Unchanged`                     | a stat          |
//! | larger, both ends of the old content where they were       | `Continue`                      | 128 KiB         |
//! | touched, or replaced by a copy of itself                   | `Touched`                       | a reading       |
//! | compressed in place (`gw.log` is a gzip now), same stream  | `Touched`                       | a reading       |
//! | shrunk, truncated, rewritten, another file renamed onto it | `NewGeneration`                 | at most a reading |
//! | content of an older generation or of another whole source, under any compression | `AliasOf` | a reading       |
//! | another source's content and more, and that source's file is gone or has other content (rotation) | `Extend` | a reading |
//! | nothing of the kind                                        | `New`                           | nothing         |
//!
//! A file that is one document never continues. The same size with another time is read whole, because both ends may be
//! equal when the middle was rewritten; growth together with a rewrite of the middle is found with `verify` only.

use super::state::{SourceKind, SourceState, Stamp};

/// What was seen of a source.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The file; nothing for streams.
    pub stamp: Option<Stamp>,
    /// Its bytes on disk are not the stream.
    pub compressed: bool,
    /// Trust neither stamps nor ends: compare whole contents (`--verify-sources`).
    pub verify: bool,
    /// The answer to [`Look::Edges`].
    pub edges: Option<EdgeLook>,
    /// The answer to [`Look::Content`].
    pub content: Option<ContentLook>,
}

/// The ends of the first `length` bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeLook {
    /// Of how many bytes.
    pub length: u64,
    /// Hash of its first 64 KiB.
    pub head_hash: u128,
    /// Hash of its last 64 KiB.
    pub tail_hash: u128,
}

/// The digests of a stream at some lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentLook {
    /// Bytes of the stream.
    pub length: u64,
    /// BLAKE3 of all of it.
    pub digest: [u8; 32],
    /// BLAKE3 of its first so many bytes, for those of the lengths asked for that it reaches.
    pub prefixes: Vec<(u64, [u8; 32])>,
}

/// What to look at before a decision is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Both ends of the first `length` bytes.
    Edges {
        /// The length of the newest generation.
        length: u64,
    },
    /// All of the stream, with its digests at these lengths (ascending). Of a stream that passes only once these are taken
    /// while it is ingested, and the question is asked again at its end; repeated lines are then left out of its list.
    Content {
        /// Lengths of the sources it might repeat or continue.
        lengths: Vec<u64>,
    },
}

/// Another source that may hold the same content: same head hash, same inode, or any other reason of the caller's.
#[derive(Clone, Copy, Debug)]
pub struct Twin<'a> {
    /// The other source.
    pub state: &'a SourceState,
    /// The file of its name is gone or does not begin with this content any more.
    pub moved_away: bool,
}

/// What a look at a source means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing to do.
    Unchanged,
    /// Same content: note the new stamp, nothing else.
    Touched {
        /// The source.
        id: u32,
    },
    /// Read on.
    Continue(Growth),
    /// First content under this name.
    New,
    /// Other content under a known name: all of it is read as this generation.
    NewGeneration {
        /// Its number.
        generation: u32,
    },
    /// All its lines are there already: a generation of this name that points to them.
    AliasOf {
        /// The source that holds them.
        id: u32,
        /// The generation of this name.
        generation: u32,
    },
    /// The file of another source lives on under this name: that source grows, and this name becomes its alias.
    Extend {
        /// How the other source grows.
        growth: Growth,
        /// The generation of this name.
        generation: u32,
    },
    /// Look, and ask again.
    LookCloser(Look),
}

/// How a source grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The source.
    pub id: u32,
    /// Where in the stream its new lines begin: at the start of an open last line, which is superseded.
    pub from: u64,
    /// The bytes the digest already covers; those from `from` up to here are read again, but not digested again.
    pub digested: u64,
    /// The source was an alias: it first gets its own copy of that source's list.
    pub copy_of: Option<u32>,
}

impl Growth {
    /// Growth at the end of a source; without any look when the user says `--append`.
    #[must_use]
    pub fn of(state: &SourceState) -> Growth {
        Growth { id: state.id, from: state.settled_len(), digested: state.stream_len(), copy_of: state.alias_of }
    }
}

/// Decides, given all generations of the name, twins under other names, and what was seen.
#[must_use]
pub fn decide(known: &[SourceState], twins: &[Twin<'_>], observed: &Observation) -> Decision {
    let Some(newest) = known.iter().max_by_key(|state| state.generation) else {
        return other_content(known, twins, observed);
    };
    if !observed.verify && observed.stamp.is_some() && observed.stamp == newest.stamp {
        return Decision::Unchanged;
    }
    match compare(newest, observed) {
        Comparison::Same => Decision::Touched { id: newest.id },
        Comparison::Grown => Decision::Continue(Growth::of(newest)),
        Comparison::Other => other_content(known, twins, observed),
        Comparison::NeedsEdges => Decision::LookCloser(Look::Edges { length: newest.stream_len() }),
        Comparison::NeedsContent => ask_for_content(known, twins),
    }
}

/// How the content seen relates to the newest generation's.
enum Comparison {
    Same,
    Grown,
    Other,
    NeedsEdges,
    NeedsContent,
}

fn compare(newest: &SourceState, observed: &Observation) -> Comparison {
    if let Some(content) = &observed.content {
        return match () {
            () if !holds(content, newest) => Comparison::Other,
            () if content.length == newest.stream_len() => Comparison::Same,
            () if newest.kind == SourceKind::Document => Comparison::Other,
            () => Comparison::Grown,
        };
    }
    let Some(size) = plain_size(observed) else {
        return Comparison::NeedsContent;
    };
    if size < newest.stream_len() {
        return Comparison::Other;
    }
    if observed.verify || size == newest.stream_len() || newest.kind == SourceKind::Document {
        return Comparison::NeedsContent;
    }
    match observed.edges {
        Some(edges) if edges.length == newest.stream_len() => {
            let equal = (edges.head_hash, edges.tail_hash) == (newest.head_hash, newest.tail_hash);
            if equal { Comparison::Grown } else { Comparison::Other }
        }
        _ => Comparison::NeedsEdges,
    }
}

/// The length of the stream, where the size on disk tells it.
fn plain_size(observed: &Observation) -> Option<u64> {
    observed.stamp.filter(|_| !observed.compressed).map(|stamp| stamp.size)
}

/// Whether the stream begins with all of a source's content.
fn holds(content: &ContentLook, state: &SourceState) -> bool {
    let length = state.stream_len();
    let digest = state.digest.finish();
    (content.length == length && content.digest == digest) || content.prefixes.contains(&(length, digest))
}

/// The content does not continue the newest generation. It may still be one that is known.
fn other_content(known: &[SourceState], twins: &[Twin<'_>], observed: &Observation) -> Decision {
    let generation = known.iter().map(|state| state.generation).max().unwrap_or(0).saturating_add(1);
    let most = observed.content.as_ref().map(|content| content.length).or(plain_size(observed)).unwrap_or(u64::MAX);
    let older = known.iter().map(|state| Twin { state, moved_away: false });
    let mut candidates: Vec<Twin<'_>> = older.chain(twins.iter().copied()).filter(|twin| is_candidate(*twin, most)).collect();
    let Some(content) = &observed.content else {
        if candidates.is_empty() {
            return new(generation);
        }
        return ask_for_content(known, twins);
    };
    candidates.retain(|twin| holds(content, twin.state));
    if let Some(equal) =
        candidates.iter().filter(|twin| twin.state.stream_len() == content.length).min_by_key(|twin| twin.state.id)
    {
        return Decision::AliasOf { id: equal.state.id, generation };
    }
    let left_behind = candidates.iter().filter(|twin| twin.moved_away && twin.state.kind == SourceKind::File);
    match left_behind.max_by_key(|twin| twin.state.stream_len()) {
        Some(twin) => Decision::Extend { growth: Growth::of(twin.state), generation },
        None => new(generation),
    }
}

/// Nothing equals everything that is empty, and an alias leads only to where its list is.
fn is_candidate(twin: Twin<'_>, most: u64) -> bool {
    twin.state.alias_of.is_none() && (1..=most).contains(&twin.state.stream_len())
}

fn new(generation: u32) -> Decision {
    if generation == 1 { Decision::New } else { Decision::NewGeneration { generation } }
}

fn ask_for_content(known: &[SourceState], twins: &[Twin<'_>]) -> Decision {
    let states = known.iter().chain(twins.iter().map(|twin| twin.state));
    let mut lengths: Vec<u64> = states.map(SourceState::stream_len).collect();
    lengths.sort_unstable();
    lengths.dedup();
    Decision::LookCloser(Look::Content { lengths })
}

#[cfg(test)]
mod tests;
