//! What a literal finds in the JSON text of a string that it does not find in the strings of that JSON.
//!
//! A string that is JSON is searched as it stands, escapes and all, and so are the strings in it. Putting such texts together
//! again is dear, and nearly always needless: a literal without quote and backslash lies in a key, between strings, or in one
//! string's escaped form. In the last case the decoded string holds it, too, unless the match begins inside an escape: `\nabc`
//! is a line feed and `abc`, and as text it holds `nabc`. Then the decoded string holds what is left of the literal behind a
//! character that may be escaped.

use memchr::memmem::Finder;

/// Shorter remainders are everywhere.
const SHORTEST: usize = 3;

/// How a string's escaped form is judged by its decoded one.
#[derive(Debug)]
pub enum Quoted {
    /// Not at all: the text must be put together.
    Unknown,
    /// It holds the literal only where the decoded string does.
    Same,
    /// Or where the decoded string has the literal's tail behind a character that may be escaped.
    Tail(Box<Tail>),
}

/// What stands behind an escape that a match begins in.
#[derive(Debug)]
pub struct Tail {
    /// Bytes of the literal that may belong to the escape.
    lead: Vec<u8>,
    rest: Finder<'static>,
}

impl Quoted {
    /// For literals of which any is wanted; none: for patterns that are no literals.
    #[must_use]
    pub fn of(literals: &[Vec<u8>]) -> Quoted {
        match literals {
            [one] => of_one(one),
            [] => Quoted::Unknown,
            several if several.iter().all(|literal| matches!(of_one(literal), Quoted::Same)) => Quoted::Same,
            _ => Quoted::Unknown,
        }
    }

    /// True when a literal, found in the JSON text of a string, lies in a key or in a string of it, and not between them: it has a byte
    /// that stands nowhere else, and no quote.
    #[must_use]
    pub fn is_word(literal: &[u8]) -> bool {
        literal.iter().any(|byte| !b"{}[]:, \t\r\n0123456789+-.eEtrufalsn".contains(byte)) && !literal.contains(&b'"')
    }

    /// The tail, where there is one.
    #[must_use]
    pub fn tail(&self) -> Option<&Tail> {
        if let Quoted::Tail(tail) = self { Some(tail) } else { None }
    }
}

fn of_one(literal: &[u8]) -> Quoted {
    if literal.is_empty() || literal.iter().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        return Quoted::Unknown;
    }
    match lead(literal) {
        0 => Quoted::Same,
        lead if literal.len() - lead < SHORTEST => Quoted::Unknown,
        lead => {
            let (lead, rest) = literal.split_at(lead);
            Quoted::Tail(Box::new(Tail { lead: lead.to_vec(), rest: Finder::new(rest).into_owned() }))
        }
    }
}

/// How many of a literal's first bytes may be the end of `\n` or `\uXXXX` and their like, at most.
fn lead(literal: &[u8]) -> usize {
    let hex = |bytes: &[u8]| bytes.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
    match literal {
        [b'u', digits @ ..] if hex(digits) == digits.len().min(4) => 1 + hex(digits),
        _ => hex(literal).max(usize::from(matches!(literal.first(), Some(b'n' | b'r' | b't' | b'b' | b'f')))),
    }
}

impl Tail {
    /// What must be in a text that holds the literal or its tail.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.rest.needle()
    }

    /// Where in some bytes the rest stands; `None` when in more than `most` places.
    #[must_use]
    pub fn places(&self, bytes: &[u8], most: usize) -> Option<Vec<u32>> {
        places(&self.rest, bytes, most)
    }

    /// True when the escaped form of a text may hold the literal though the text does not.
    #[must_use]
    pub fn may_be_in(&self, text: &[u8]) -> bool {
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|text| self.rest.find(text)) {
            if self.follows_escape(text.get(..from + found).unwrap_or_default()) {
                return true;
            }
            from += found + 1;
        }
        false
    }

    /// True when what stands before the rest may end with an escape of which the literal has the end.
    fn follows_escape(&self, before: &[u8]) -> bool {
        (1..=self.lead.len()).any(|escaped| {
            let character = self.lead.get(escaped..).and_then(|plain| before.strip_suffix(plain));
            character.is_some_and(|before| before.last().is_none_or(|byte| may_be_escaped(*byte)))
        })
    }
}

/// Where in some bytes matches begin, overlapping ones too; `None` when there are more than `most`.
pub(super) fn places(finder: &Finder<'_>, bytes: &[u8], most: usize) -> Option<Vec<u32>> {
    let (mut places, mut from) = (Vec::new(), 0);
    while let Some(found) = bytes.get(from..).and_then(|bytes| finder.find(bytes)) {
        if places.len() == most {
            return None;
        }
        places.push(u32::try_from(from + found).ok()?);
        from += found + 1;
    }
    Some(places)
}

/// Every style's escapes; the quote that begins a string is one.
fn may_be_escaped(byte: u8) -> bool {
    !(b' '..0x7f).contains(&byte) || b"\"'<>&+".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tail(literal: &str) -> Option<String> {
        Quoted::of(&[literal.as_bytes().to_vec()]).tail().map(|tail| String::from_utf8(tail.rest().to_vec()).unwrap())
    }

    #[test]
    fn only_what_may_end_an_escape_has_a_tail() {
        assert_eq!(tail("name"), Some("ame".into()));
        assert_eq!(tail("cafe-12"), Some("-12".into()));
        assert_eq!(tail("u00e9tat"), Some("tat".into()));
        for same in ["user_id", "Yusuf Rossi", " the ", "你好"] {
            assert!(matches!(Quoted::of(&[same.into()]), Quoted::Same), "{same}");
        }
        for unknown in ["", "e", "u", "u00", "cafe", "no", "a\"b", "a\\b", "a\nb"] {
            assert!(matches!(Quoted::of(&[unknown.into()]), Quoted::Unknown), "{unknown}");
        }
    }

    /// An escaped form: of what may be escaped, each character as `ways` says.
    fn escaped(text: &str, ways: &[u8]) -> String {
        let mut out = String::new();
        for (c, way) in text.chars().zip(ways.iter().cycle()) {
            let short = "\n\t\r\u{8}\u{c}".chars().zip("ntrbf".chars()).find(|(control, _)| *control == c);
            let must = c < ' ' || c == '"';
            match (short, way % 3) {
                (Some((_, letter)), 0) => out.extend(['\\', letter]),
                (_, 0 | 1) if must || may_be_escaped(c as u8) || !c.is_ascii() => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out += &if way % 2 == 0 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
                    }
                }
                _ if c == '"' => out += "\\\"",
                _ if must => out += &format!("\\u{:04x}", c as u32),
                _ => out.push(c),
            }
        }
        out
    }

    proptest! {
        // What JSON in strings holds is decided by this: a match in an escaped form must never go unnoticed.
        #[test]
        fn escaped_forms_hold_a_literal_only_where_the_text_says_so(
            text in "[a-f0-3nrtuxyA-F \n\t\r\u{8}\"<é😀+/\u{1}\u{7f}]{0,12}",
            ways in proptest::collection::vec(0u8..6, 1..6),
            from in 0usize..24,
            length in 1usize..9,
        ) {
            let escaped = escaped(&text, &ways).into_bytes();
            let literal = escaped.get(from..(from + length).min(escaped.len())).unwrap_or_default().to_vec();
            let in_text = memchr::memmem::find(text.as_bytes(), &literal).is_some();
            match Quoted::of(std::slice::from_ref(&literal)) {
                Quoted::Unknown => {}
                Quoted::Same => prop_assert!(in_text),
                Quoted::Tail(tail) => prop_assert!(in_text || tail.may_be_in(text.as_bytes())),
            }
        }
    }
}
