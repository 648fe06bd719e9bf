//! Folded text → tokens: words, marks between them, and characters of scripts that are written without spaces.

/// A token of folded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// Letters and digits.
    Word(&'t [u8]),
    /// A punctuation mark or symbol.
    Mark(&'t [u8]),
    /// A character of a script without spaces.
    Character(&'t [u8]),
    /// Two of these that are neighbours.
    Pair(&'t [u8]),
}

impl<'t> Token<'t> {
    /// Its bytes; no two kinds share any.
    pub(super) fn bytes(self) -> &'t [u8] {
        match self {
            Token::Word(bytes) | Token::Mark(bytes) | Token::Character(bytes) | Token::Pair(bytes) => bytes,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Word,
    Mark,
    Unspaced,
}

/// Hands out the tokens of folded text, in order. Bytes that are not UTF-8 stand between words.
pub(super) fn each_token<'t>(folded: &'t [u8], visit: &mut dyn FnMut(Token<'t>)) {
    for chunk in folded.utf8_chunks() {
        let text = chunk.valid();
        let bytes = text.as_bytes();
        let mut at = 0;
        // The start of the unspaced character before this place, if one ends here.
        let mut before = None;
        while at < bytes.len() {
            let (kind, length) = kind_at(text, at);
            let end = at + length;
            let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
            match kind {
                Kind::Space => at = end,
                Kind::Mark => {
                    visit(Token::Mark(part(at, end)));
                    at = end;
                }
                Kind::Unspaced => {
                    visit(Token::Character(part(at, end)));
                    if let Some(start) = before {
                        visit(Token::Pair(part(start, end)));
                    }
                    before = Some(at);
                    at = end;
                    continue;
                }
                Kind::Word => {
                    let start = at;
                    at = end;
                    while at < bytes.len() {
                        let (kind, length) = kind_at(text, at);
                        if kind != Kind::Word {
                            break;
                        }
                        at += length;
                    }
                    visit(Token::Word(part(start, at)));
                }
            }
            before = None;
        }
    }
}

/// What the character at a place is, and its bytes.
fn kind_at(text: &str, at: usize) -> (Kind, usize) {
    match text.as_bytes().get(at) {
        Some(byte) if byte.is_ascii_alphanumeric() => (Kind::Word, 1),
        Some(byte) if byte.is_ascii_graphic() => (Kind::Mark, 1),
        Some(byte) if byte.is_ascii() => (Kind::Space, 1),
        _ => match text.get(at..).and_then(|rest| rest.chars().next()) {
            Some(c) => (kind(c), c.len_utf8()),
            None => (Kind::Space, 1),
        },
    }
}

fn kind(c: char) -> Kind {
    match c {
        _ if is_unspaced(c) => Kind::Unspaced,
        _ if c.is_alphanumeric() => Kind::Word,
        _ if c.is_whitespace() || c.is_control() => Kind::Space,
        _ => Kind::Mark,
    }
}

/// Characters of scripts that are written without spaces.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_falls_into_words_marks_characters_and_pairs() {
        let mut found = Vec::new();
        each_token("e42, 数据库 x\u{a0}y".as_bytes(), &mut |token| {
            let kind = match token {
                Token::Word(_) => 'w',
                Token::Mark(_) => 'm',
                Token::Character(_) => 'c',
                Token::Pair(_) => 'p',
            };
            found.push(format!("{kind}:{}", String::from_utf8_lossy(token.bytes())));
        });
        assert_eq!(found, ["w:e42", "m:,", "c:数", "c:据", "p:数据", "c:库", "p:据库", "w:x", "w:y"]);
    }

    // Bytes that are no text must not join what stands around them.
    #[test]
    fn bytes_that_are_no_text_part_words() {
        let mut count = 0;
        each_token(b"ab\xff\xfecd", &mut |_| count += 1);
        assert_eq!(count, 2);
    }
}
