//! Which texts an id of their record may stand in, so that an id is looked for in few of them.
//!
//! Ids are short values, which stand in columns; a longer one is a segment of its own, found by its length. Only escapes make a segment
//! of a short one: what is short and looks like an id is named, for much text in other scripts than Latin is short and written with escapes.
//! Beyond that, readers of records look for ids in strings that are JSON as a whole, perhaps after a byte order mark, or a stream of
//! events. Most of those are opened when they are cut; what could not be remains a segment, and is named when a key in it ends like
//! one of an id.
//!
//! The `shape` room decides what an id is. Where it begins to read ids from other texts, they must be judged so here, and packs written
//! before do not have the mark.

use crate::record::NODE_BYTES;
use crate::record::cut::class;
use crate::record::scan;

/// True for an id whose segments are all named: looking for others of its length is vain.
#[must_use]
pub fn is_named(id: &[u8]) -> bool {
    id.len() < NODE_BYTES && id.iter().all(u8::is_ascii_graphic)
}

/// False when no id stands in this segment but one that is all of it and not named ([`is_named`]). Raw text that does not begin like JSON is not judged here.
#[must_use]
pub fn may_hold_ids(text: &[u8], class: u8) -> bool {
    if is_named(text) {
        return true;
    }
    let start = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    match start.first() {
        // A string with escapes that could not be undone. Other raw text is numbers.
        Some(b'"') => class == class::RAW,
        Some(b'{' | b'[') if class != class::RAW => {
            let end = scan::containers(start, 0, &mut Vec::new());
            end.is_some_and(|end| start[end..].trim_ascii().is_empty()) && has_id_key(start)
        }
        Some(b':') => memchr::memmem::find(start, b"\ndata:").is_some(),
        _ => (start.starts_with(b"data:") && !is_data_url(start)) || start.starts_with(b"event:"),
    }
}

/// How the keys end that the `shape` room reads ids from.
const ID_KEYS: [&[u8]; 6] = [b"id", b"Id", b"ID", b"key", b"environment", b"conversation_hash"];

/// False when no key of a JSON text ends like one of an id, plainly or with escaped quotes.
fn has_id_key(json: &[u8]) -> bool {
    let ends = |quote: usize| {
        let key = json[..quote].strip_suffix(b"\\").unwrap_or(&json[..quote]);
        ID_KEYS.iter().any(|end| key.ends_with(end))
    };
    memchr::memmem::find(json, br"\u").is_some() || memchr::memchr_iter(b'"', json).any(ends)
}

/// True for `data:image/png;base64,…`.
fn is_data_url(text: &[u8]) -> bool {
    let head = &text[..text.len().min(80)];
    memchr::memmem::find(head, b";base64,").is_some() && memchr::memchr2(b'\n', b'\r', text).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Protects ids in strings: what readers of records open must be looked into, and prose must not, or every look-up reads it.
    #[test]
    fn what_readers_of_records_would_open_is_named_and_prose_is_not() {
        let judge = |text: &str, class| may_hold_ids(text.as_bytes(), class);
        for text in [
            "msg_01",
            " {\"id\":1} ",
            " \n[{\"uuid\" : 1}]",
            "\u{feff}{\"x\":\"{\\\"requestId\\\":1}\"}",
            "{\"\\u0069d\":1}",
            "data: {}",
            "data: image/png;base64,\ndata: {}",
            "event: x\ndata: {}",
            ": OPENROUTER PROCESSING\n\ndata: {}",
        ] {
            assert!(judge(text, class::TEXT), "{text}");
        }
        for text in [
            "some words",
            "{\"id\": 1",
            "{\"flight_number\": \"HAT001\"}",
            "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAA",
            "[1] is a source",
            "{} and {}",
            "\"quoted text\"",
            "the data: none",
            "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452795e",
            "日本語",
        ] {
            assert!(!judge(text, class::TEXT), "{text}");
        }
        let numbers = format!("[{}1]", "1,".repeat(NODE_BYTES / 2));
        assert!(!judge(&numbers, class::RAW) && judge("\"\\u00e9 \"", class::RAW));
    }
}
