//! A lazy, lexical view of JSON over the bytes of a record: no tree is built and nothing is copied.
//!
//! A [`Json`] is the span of one value. Questions walk the bytes when they are asked; skipping allocates nothing. Nothing
//! here panics on any bytes: what does not lex answers `None`. Numbers keep their text ([`Json::raw`]), so an id beyond
//! 2^53 survives; duplicate keys are all visible through [`Json::entries`], and [`Json::get`] gives the last.
//! [`Object`] indexes one level for callers with many questions.

mod object;
mod scan;
mod text;

use std::borrow::Cow;
use std::ops::Range;

pub use object::Object;
pub use scan::MAX_DEPTH;

/// What a value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`, and the atoms Python writes that are no JSON: `NaN`, `Infinity`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number, as text.
    Number,
    /// A string literal.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// One JSON value: exactly its bytes, without white space around it.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a> {
    bytes: &'a [u8],
}

impl<'a> Json<'a> {
    /// Reads `bytes` as exactly one value; white space around it and a UTF-8 byte order mark are allowed.
    pub fn parse(bytes: &'a [u8]) -> Option<Json<'a>> {
        let (value, rest) = Json::parse_first(bytes)?;
        (scan::skip_space(rest, 0) == rest.len()).then_some(value)
    }

    /// Reads the first value of `bytes`; also returns the bytes after it.
    pub fn parse_first(bytes: &'a [u8]) -> Option<(Json<'a>, &'a [u8])> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let start = scan::skip_space(bytes, 0);
        let end = scan::value_end(bytes, start)?;
        Some((Json { bytes: bytes.get(start..end)? }, bytes.get(end..)?))
    }

    /// What the value is.
    pub fn kind(self) -> Kind {
        match self.bytes.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') if self.bytes != b"-Infinity" => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// Whether the value is an object.
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether the value is an array.
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Whether the value is a string.
    pub fn is_string(self) -> bool {
        self.kind() == Kind::String
    }

    /// Whether the value is `null` (or an atom that is no JSON).
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether the value says nothing: `null`, `""`, `[]`, `{}`.
    pub fn is_blank(self) -> bool {
        self.is_null()
            || matches!(self.bytes, b"\"\"")
            || (matches!(self.kind(), Kind::Array | Kind::Object) && scan::skip_space(self.bytes, 1) + 1 == self.bytes.len())
    }

    /// The bytes of the value as they stand in the record.
    pub fn raw(self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes between the quotes, still escaped.
    pub fn raw_str(self) -> Option<&'a [u8]> {
        if !self.is_string() {
            return None;
        }
        self.bytes.get(1..self.bytes.len().checked_sub(1)?)
    }

    /// The decoded text of a string; lone surrogates and invalid UTF-8 become U+FFFD.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.raw_str().map(text::decode)
    }

    /// Whether the value is the string `text`.
    pub fn is_text(self, wanted: &str) -> bool {
        match self.raw_str() {
            Some(inside) if !inside.contains(&b'\\') => inside == wanted.as_bytes(),
            Some(inside) => text::decode(inside) == wanted,
            None => false,
        }
    }

    /// The value of a number, as near as a double comes.
    pub fn as_f64(self) -> Option<f64> {
        if self.kind() != Kind::Number {
            return None;
        }
        std::str::from_utf8(self.bytes).ok()?.parse().ok()
    }

    /// The value of a number that is written as an integer.
    pub fn as_i64(self) -> Option<i64> {
        std::str::from_utf8(self.bytes).ok()?.parse().ok()
    }

    /// The value of a boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self.bytes {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// The entries of an object, keys still escaped, in order, duplicates included; empty for other kinds.
    pub fn entries(self) -> Entries<'a> {
        Entries { bytes: if self.is_object() { self.bytes } else { b"" }, at: 1 }
    }

    /// The elements of an array; empty for other kinds.
    pub fn items(self) -> Items<'a> {
        Items { bytes: if self.is_array() { self.bytes } else { b"" }, at: 1 }
    }

    /// The value of `key` in an object; the last one when the key is repeated.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        self.entries().filter(|(name, _)| key_is(name, key)).map(|(_, value)| value).last()
    }

    /// The element at `index` of an array.
    pub fn at(self, index: usize) -> Option<Json<'a>> {
        self.items().nth(index)
    }

    /// The value a JSON Pointer leads to (`/a/b/0`, with `~0` and `~1`).
    pub fn pointer(self, pointer: &str) -> Option<Json<'a>> {
        let mut value = self;
        for token in pointer.split('/').skip(1) {
            value = match value.kind() {
                Kind::Array => value.at(token.parse().ok()?)?,
                Kind::Object if token.contains('~') => value.get(&token.replace("~1", "/").replace("~0", "~"))?,
                Kind::Object => value.get(token)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// Where the value stands in `line`; `None` when it is not part of it (decoded from an inner string).
    pub fn span_in(self, line: &[u8]) -> Option<Range<usize>> {
        let start = (self.bytes.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        let end = start.checked_add(self.bytes.len())?;
        (end <= line.len()).then_some(start..end)
    }
}

/// Whether the escaped key `name` spells `key`.
fn key_is(name: &[u8], key: &str) -> bool {
    if !name.contains(&b'\\') {
        return name == key.as_bytes();
    }
    text::decode(name) == key
}

/// The decoded form of a key from [`Json::entries`].
pub fn decode_key(key: &[u8]) -> Cow<'_, str> {
    text::decode(key)
}

/// Iterates over the entries of an object.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = next_start(self.bytes, self.at, b'}')?;
        let key_end = scan::string_end(self.bytes, key)?;
        let colon = scan::skip_space(self.bytes, key_end);
        if self.bytes.get(colon) != Some(&b':') {
            return None;
        }
        let start = scan::skip_space(self.bytes, colon + 1);
        self.at = scan::value_end(self.bytes, start)?;
        let name = self.bytes.get(key + 1..key_end.checked_sub(1)?)?;
        Some((name, Json { bytes: self.bytes.get(start..self.at)? }))
    }
}

/// Iterates over the elements of an array.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        let start = next_start(self.bytes, self.at, b']')?;
        self.at = scan::value_end(self.bytes, start)?;
        Some(Json { bytes: self.bytes.get(start..self.at)? })
    }
}

/// Where the next member begins; `None` at the closing bracket.
fn next_start(bytes: &[u8], at: usize, close: u8) -> Option<usize> {
    let at = scan::skip_space(bytes, at);
    let byte = *bytes.get(at)?;
    if byte == close {
        return None;
    }
    Some(if byte == b',' { scan::skip_space(bytes, at + 1) } else { at })
}

#[cfg(test)]
mod tests;
