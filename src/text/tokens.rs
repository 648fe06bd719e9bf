//! How many tokens a text has, by the vocabularies that OpenAI has published.
//!
//! The vocabularies make the program some eight megabytes larger: the feature `tokenizers`, on by default, brings them. A long text
//! is counted piece by piece, cut where no token can reach across: before a space between two letters. Where a text has no such
//! place for a long while it is cut all the same, which may count a token too many each time; without that, a single endless word
//! could take hours.

/// A piece ends at the first good place behind so many bytes,
#[cfg(feature = "tokenizers")]
const PIECE: usize = 4096;
/// or at any character behind so many.
#[cfg(feature = "tokenizers")]
const LONGEST_PIECE: usize = 16 << 10;

/// A vocabulary, and how text is cut for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tokenizer {
    /// GPT-4o, GPT-4.1, GPT-5 and the o series.
    O200kBase,
    /// GPT-4, GPT-3.5 and the embedding models.
    Cl100kBase,
    /// Codex and text-davinci-003.
    P50kBase,
    /// The models for edits.
    P50kEdit,
    /// GPT-3.
    R50kBase,
}

impl Tokenizer {
    /// Every tokenizer.
    pub const ALL: [Tokenizer; 5] =
        [Tokenizer::O200kBase, Tokenizer::Cl100kBase, Tokenizer::P50kBase, Tokenizer::P50kEdit, Tokenizer::R50kBase];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Tokenizer::O200kBase => "o200k_base",
            Tokenizer::Cl100kBase => "cl100k_base",
            Tokenizer::P50kBase => "p50k_base",
            Tokenizer::P50kEdit => "p50k_edit",
            Tokenizer::R50kBase => "r50k_base",
        }
    }

    /// The tokenizer of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Tokenizer> {
        Tokenizer::ALL.into_iter().find(|tokenizer| tokenizer.name() == name)
    }

    /// How many tokens a text has; `None` in a program without vocabularies.
    #[cfg(feature = "tokenizers")]
    #[must_use]
    pub fn count(self, text: &str) -> Option<u64> {
        use tiktoken_rs::{
            cl100k_base_singleton, o200k_base_singleton, p50k_base_singleton, p50k_edit_singleton, r50k_base_singleton,
        };
        let vocabulary = match self {
            Tokenizer::O200kBase => o200k_base_singleton(),
            Tokenizer::Cl100kBase => cl100k_base_singleton(),
            Tokenizer::P50kBase => p50k_base_singleton(),
            Tokenizer::P50kEdit => p50k_edit_singleton(),
            Tokenizer::R50kBase => r50k_base_singleton(),
        };
        Some(pieces(text).map(|piece| vocabulary.count_ordinary(piece) as u64).sum())
    }

    /// How many tokens a text has; `None` in a program without vocabularies.
    #[cfg(not(feature = "tokenizers"))]
    #[must_use]
    pub fn count(self, _text: &str) -> Option<u64> {
        None
    }
}

/// A text in pieces that are counted by themselves.
#[cfg(feature = "tokenizers")]
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(end_of_piece(rest));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(feature = "tokenizers")]
fn end_of_piece(text: &str) -> usize {
    if text.len() <= LONGEST_PIECE {
        return text.len();
    }
    let good = text
        .as_bytes()
        .windows(3)
        .take(LONGEST_PIECE)
        .skip(PIECE)
        .position(|three| three[0].is_ascii_alphabetic() && three[1] == b' ' && three[2].is_ascii_alphabetic());
    match good {
        Some(at) => PIECE + at + 1,
        None => (0..=LONGEST_PIECE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(text.len()),
    }
}

#[cfg(all(test, feature = "tokenizers"))]
mod tests {
    use super::*;

    // Known from the tokenizers' own documentation and from the Python package of the same vocabularies.
    #[test]
    fn known_texts_have_their_known_numbers_of_tokens() {
        let count = |tokenizer: Tokenizer, text: &str| tokenizer.count(text).unwrap();
        assert_eq!(count(Tokenizer::Cl100kBase, "tiktoken is great!"), 6);
        assert_eq!(count(Tokenizer::R50kBase, "antidisestablishmentarianism"), 5);
        assert_eq!(count(Tokenizer::Cl100kBase, "antidisestablishmentarianism"), 6);
        assert_eq!(count(Tokenizer::O200kBase, "antidisestablishmentarianism"), 6);
        assert_eq!(count(Tokenizer::Cl100kBase, "2 + 2 = 4"), 7);
        assert_eq!(count(Tokenizer::P50kBase, "2 + 2 = 4"), 5);
        assert_eq!(count(Tokenizer::Cl100kBase, "お誕生日おめでとう"), 9);
        assert_eq!(count(Tokenizer::O200kBase, "お誕生日おめでとう"), 8);
        Tokenizer::ALL.iter().for_each(|tokenizer| assert_eq!(tokenizer.count(""), Some(0)));
    }

    // Protects the counts: cutting long texts must not be seen in them.
    #[test]
    fn pieces_have_as_many_tokens_as_the_whole() {
        let words = ["state", "of", "the", "art,", "don't", "x1", "\n\n", "größe", "日本", "1234567", "  two", "end."];
        let text: String = (0..9000).map(|at| format!("{} ", words[((at * 7) ^ (at % 5)) % 12])).collect();
        assert!(pieces(&text).count() > 5 && pieces(&text).collect::<String>() == text);
        for tokenizer in Tokenizer::ALL {
            let whole = match tokenizer {
                Tokenizer::O200kBase => tiktoken_rs::o200k_base_singleton().count_ordinary(&text),
                Tokenizer::Cl100kBase => tiktoken_rs::cl100k_base_singleton().count_ordinary(&text),
                Tokenizer::P50kBase => tiktoken_rs::p50k_base_singleton().count_ordinary(&text),
                Tokenizer::P50kEdit => tiktoken_rs::p50k_edit_singleton().count_ordinary(&text),
                Tokenizer::R50kBase => tiktoken_rs::r50k_base_singleton().count_ordinary(&text),
            };
            assert_eq!(tokenizer.count(&text), Some(whole as u64), "{}", tokenizer.name());
        }
    }

    // Protects whoever has a log with an image or a rule of a million dashes in it.
    #[test]
    fn endless_words_are_counted_all_the_same() {
        for endless in [" ", "a", "-", "日", "\n", " a\u{301}", "9"] {
            assert!(Tokenizer::O200kBase.count(&endless.repeat(300_000)).unwrap() > 100, "{endless:?}");
        }
    }
}
