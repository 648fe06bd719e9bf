//! The texts of a record that say something: what embeddings are made of.

use std::borrow::Cow;

use super::detect::Detection;
use super::record::Record;
use super::roles::SegmentType;
use super::segments::Found;

/// One text, decoded.
#[derive(Debug)]
pub struct Spoken<'t> {
    /// What it is.
    pub kind: SegmentType,
    /// Who speaks, in the words of the record.
    pub role: Option<&'t str>,
    /// The text.
    pub text: &'t str,
}

/// True for types that are words and not data.
#[must_use]
pub fn has_words(kind: SegmentType) -> bool {
    use SegmentType::*;
    !matches!(kind, Media | Tokens | Embedding | Logprobs | Opaque | Event)
}

impl Record<'_> {
    /// Hands out the bytes of the vectors that stand in the record under a key.
    pub fn embeddings(&self, detection: &Detection<'_>, key: &str, sink: &mut dyn FnMut(&[u8])) {
        self.walk(detection, &mut |found: &Found<'_>| {
            let is_named = found.pointer.rsplit('/').next() == Some(key);
            if found.tag.kind == SegmentType::Embedding && is_named {
                sink(found.value.raw());
            }
        });
    }

    /// Hands out the visible texts of the record in reading order; of arguments and other JSON the bytes as they stand.
    pub fn texts(&self, detection: &Detection<'_>, sink: &mut dyn FnMut(Spoken<'_>)) {
        self.walk(detection, &mut |found: &Found<'_>| {
            if !found.visible || !has_words(found.tag.kind) {
                return;
            }
            let text = found.value.as_str().unwrap_or_else(|| String::from_utf8_lossy(found.value.raw()));
            let text: Cow<'_, str> = match &found.within {
                Some(range) => Cow::Borrowed(text.get(range.clone()).unwrap_or_default()),
                None => text,
            };
            if !text.trim().is_empty() {
                sink(Spoken { kind: found.tag.kind, role: found.tag.role, text: &text });
            }
        });
    }
}
