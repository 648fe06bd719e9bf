//! Folding: text without case, accents and width, so that `café`, `CAFE` and `ｃａｆｅ` are one word.
//!
//! Each character is folded by itself: compatibility decomposition (Unicode Annex 15, NFKD), combining marks dropped, lower case,
//! and a few letters whose stroke is no mark (`ł`, `ø`, `æ`, `ß`…). So folding a part of a text gives a part of the folded text,
//! which is what look-ups in folded text rest on. Hangul syllables stay whole: their decomposition is spelling, not accents.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Appends the folded form of `text`; bytes that are not UTF-8 stay as they are.
pub fn fold(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid();
        while !rest.is_empty() {
            let plain = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
            let (ascii, other) = rest.split_at(plain);
            out.extend(ascii.bytes().map(|byte| byte.to_ascii_lowercase()));
            let mut characters = other.chars();
            for c in characters.by_ref().take_while(|c| !c.is_ascii()) {
                fold_char(c, &mut |folded| out.extend_from_slice(folded.encode_utf8(&mut [0; 4]).as_bytes()));
            }
            let used = other.bytes().position(|byte| byte.is_ascii()).unwrap_or(other.len());
            rest = &other[used..];
        }
        out.extend_from_slice(chunk.invalid());
    }
}

/// The folded form of a text.
#[must_use]
pub fn folded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    fold(text, &mut out);
    out
}

/// Hands out what a character folds to: nothing for a mark, one character mostly.
pub fn fold_char(c: char, emit: &mut dyn FnMut(char)) {
    match c {
        '\0'..='\x7f' => emit(c.to_ascii_lowercase()),
        // Ideographs and Hangul: by far the most of what is not ASCII, and always themselves.
        '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => emit(c),
        _ => decompose_compatible(c, |part| {
            for lower in part.to_lowercase() {
                decompose_compatible(lower, |part| {
                    if !is_combining_mark(part) {
                        unstroke(part, emit);
                    }
                });
            }
        }),
    }
}

/// Letters that decomposition leaves whole though people take them for variants.
fn unstroke(c: char, emit: &mut dyn FnMut(char)) {
    let plain = match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ı' => "i",
        'ŧ' => "t",
        'ς' => "σ",
        other => return emit(other),
    };
    plain.chars().for_each(emit);
}

/// Where a place of the folded text lies in the text itself: the start of the character that gave it.
#[must_use]
pub fn unfold_offset(text: &[u8], offset: usize) -> usize {
    let (mut folded, mut at) = (0, 0);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut length = 0;
            fold_char(c, &mut |part| length += part.len_utf8());
            if folded + length > offset {
                return at;
            }
            folded += length;
            at += c.len_utf8();
        }
        for _ in chunk.invalid() {
            if folded >= offset {
                return at;
            }
            folded += 1;
            at += 1;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(given: &str) -> String {
        String::from_utf8(folded(given.as_bytes())).unwrap()
    }

    #[test]
    fn case_accents_width_and_strokes_fold_away() {
        assert_eq!(text("Café ÅNGSTRÖM straße ŁÓDŹ"), "cafe angstrom strasse lodz");
        assert_eq!(text("ｃａｆｅ ｱｲｳ ΣΑΣ σας"), "cafe アイウ σασ σασ");
        assert_eq!(text("日本語 한국어 İı"), "日本語 한국어 ii");
    }

    #[test]
    fn places_in_folded_text_lead_back_into_the_text() {
        let given = "aé straße x".as_bytes();
        let at = memchr::memmem::find(&folded(given), b"x").unwrap();
        assert_eq!(unfold_offset(given, at), given.len() - 1);
        assert_eq!(unfold_offset(given, 1), 1);
        assert_eq!(unfold_offset(b"a\xffb", 2), 2);
    }

    proptest! {
        // The gram part of a vault looks for a folded query in folded text: both properties are what its certainty rests on.
        #[test]
        fn folding_twice_is_folding_once_and_parts_fold_to_parts(a in "\\PC{0,12}", b in "\\PC{0,12}") {
            let whole = folded(format!("{a}{b}").as_bytes());
            prop_assert_eq!(&folded(&whole), &whole);
            prop_assert_eq!([folded(a.as_bytes()), folded(b.as_bytes())].concat(), whole);
        }
    }
}
