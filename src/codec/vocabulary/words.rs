//! Where text is cut into words before it is coded.
//!
//! Codes never reach over the end of a word, so that equal words have equal codes wherever they stand and zstd finds the
//! repetitions that were there before coding. Only the writer cuts: what reads never needs to know where.

/// Longest run of wide letters (Chinese and its like stand without spaces) that is looked at as one.
const WIDE: usize = 96;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Letter,
    Digit,
    Wide,
    Space,
    Break,
    Other,
}

fn sort(byte: u8) -> Sort {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => Sort::Letter,
        b'0'..=b'9' => Sort::Digit,
        0x80.. => Sort::Wide,
        b' ' => Sort::Space,
        b'\n' | b'\t' | b'\r' => Sort::Break,
        _ => Sort::Other,
    }
}

/// Bytes of the longest run of a sort that stays together.
fn longest(sort: Sort) -> usize {
    match sort {
        Sort::Letter => 24,
        Sort::Digit => 3,
        Sort::Wide => WIDE,
        Sort::Space => 16,
        Sort::Break => 4,
        Sort::Other => 8,
    }
}

/// True at the first byte of a Chinese mark (U+3000…, U+FF00…): sentences are cut there.
fn is_mark(text: &[u8]) -> bool {
    matches!(text, [0xe3, 0x80, ..] | [0xef, 0xbc, ..])
}

/// Length of the first word of a text, 0 of an empty one. One space belongs to the word behind it.
pub(super) fn first(text: &[u8]) -> usize {
    let Some(&byte) = text.first() else { return 0 };
    let lead = usize::from(byte == b' ' && text.get(1).is_some_and(|next| sort(*next) != Sort::Break));
    let word = text.get(lead..).unwrap_or_default();
    let Some(kind) = word.first().map(|byte| sort(*byte)) else { return lead };
    lead + if kind == Sort::Wide {
        wide(word)
    } else {
        word.iter().take(longest(kind)).take_while(|byte| sort(**byte) == kind).count()
    }
}

fn wide(text: &[u8]) -> usize {
    if is_mark(text) {
        return text.len().min(3);
    }
    let mut at = 0;
    while text.get(at).is_some_and(|byte| *byte >= 0x80) {
        let rest = text.get(at..).unwrap_or_default();
        let begins = rest.first().is_some_and(|byte| byte & 0xc0 != 0x80);
        if begins && (at >= WIDE || is_mark(rest)) {
            break;
        }
        at += 1;
        // Broken text may have nothing that begins a letter.
        if at >= 2 * WIDE {
            break;
        }
    }
    at
}

/// The words of a text, end to end.
pub(super) fn words(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (word, rest) = text.split_at(first(text));
        text = rest;
        (!word.is_empty()).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_take_the_space_before_them_and_sentences_end_at_their_marks() {
        let cut = |text: &'static str| {
            words(text.as_bytes()).map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(cut("It was 12345 \n  {\"a\":1}"), ["It", " was", " 123", "45", " ", "\n", "  ", "{\"", "a", "\":", "1", "}"]);
        assert_eq!(cut("你好，世界。再见"), ["你好", "，", "世界", "。", "再见"]);
    }

    #[test]
    fn any_bytes_are_cut_into_words_that_make_the_text_again() {
        let noise: Vec<u8> = (0..20_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for text in [&noise[..], &[0x80; 1000], &[0xe3; 500], b" ", b"  \n", "é".repeat(300).as_bytes()] {
            assert_eq!(words(text).collect::<Vec<_>>().concat(), text);
        }
    }
}
