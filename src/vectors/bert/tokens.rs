//! Text → tokens, by the rules of BERT's own tokenizer: cleaned, folded as the model wants it, cut at white space and marks, each word put
//! together from the longest pieces of the vocabulary. (Not [`super::super::builtin`]'s rules, which are frozen and fold more.)

use std::sync::OnceLock;

use regex_syntax::hir::{Class, HirKind};
use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization;

/// A word with more characters is unknown.
const LONGEST_WORD: usize = 100;

/// A vocabulary with its rules.
pub(super) struct Tokenizer {
    numbers: FxHashMap<String, u32>,
    /// Bytes of the longest token.
    longest: usize,
    unknown: u32,
    first: u32,
    last: u32,
    lowercase: bool,
    strips_accents: bool,
}

impl Tokenizer {
    /// A tokenizer with this vocabulary.
    pub(super) fn new(vocabulary: Vec<String>, lowercase: bool, strips_accents: bool) -> Result<Tokenizer, String> {
        let longest = vocabulary.iter().map(String::len).max().unwrap_or(0);
        let mut numbers: FxHashMap<String, u32> = FxHashMap::default();
        for (number, word) in (0..).zip(vocabulary) {
            numbers.entry(word).or_insert(number);
        }
        let special = |word: &str| numbers.get(word).copied().ok_or_else(|| format!("its vocabulary has no {word}"));
        let (unknown, first, last) = (special("[UNK]")?, special("[CLS]")?, special("[SEP]")?);
        Ok(Tokenizer { numbers, longest, unknown, first, last, lowercase, strips_accents })
    }

    /// The tokens of a text, at most so many.
    pub(super) fn tokens(&self, text: &str, most: usize) -> Vec<u32> {
        let cleaned = self.clean(text);
        let mut tokens = vec![self.first];
        let room = most.saturating_sub(1);
        for word in cleaned.split_whitespace() {
            if tokens.len() >= room {
                break;
            }
            let mut start = 0;
            for (at, c) in word.char_indices().filter(|(_, c)| is_mark(*c)) {
                self.cut(word.get(start..at).unwrap_or_default(), &mut tokens);
                start = at + c.len_utf8();
                self.cut(word.get(at..start).unwrap_or_default(), &mut tokens);
            }
            self.cut(word.get(start..).unwrap_or_default(), &mut tokens);
        }
        tokens.truncate(room);
        tokens.push(self.last);
        tokens
    }

    /// Without what cannot be seen; ideographs stand alone; accents and case as the model wants them.
    fn clean(&self, text: &str) -> String {
        let mut spaced = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\t' | '\n' | '\r' => spaced.push(' '),
                '\u{fffd}' => {}
                c if c.is_whitespace() => spaced.push(' '),
                c if is_of(c, &OTHERS, r"[\p{Cc}\p{Cf}\p{Co}]") => {}
                c if is_ideograph(c) => spaced.extend([' ', c, ' ']),
                c => spaced.push(c),
            }
        }
        let stripped: String = match self.strips_accents && !spaced.is_ascii() {
            true => spaced.nfd().filter(|c| !is_of(*c, &ACCENTS, r"\p{Mn}")).collect(),
            false => spaced,
        };
        if self.lowercase { stripped.chars().flat_map(char::to_lowercase).collect() } else { stripped }
    }

    /// Appends the tokens of a word: the longest that fits each time, or one that says it is unknown.
    fn cut(&self, word: &str, tokens: &mut Vec<u32>) {
        let before = tokens.len();
        let mut at = 0;
        let mut piece = String::new();
        let is_long = word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD;
        while at < word.len() && !is_long {
            let rest = word.get(at..).unwrap_or_default();
            let ends = rest.char_indices().map(|(start, c)| start + c.len_utf8()).take_while(|end| *end <= self.longest);
            let ends: Vec<usize> = ends.collect();
            let found = ends.into_iter().rev().find_map(|end| {
                piece.clear();
                piece.push_str(if at == 0 { "" } else { "##" });
                piece.push_str(rest.get(..end)?);
                Some((end, *self.numbers.get(piece.as_str())?))
            });
            let Some((end, number)) = found else { break };
            tokens.push(number);
            at += end;
        }
        if at < word.len() {
            tokens.truncate(before);
            tokens.push(self.unknown);
        }
    }
}

type Ranges = OnceLock<Vec<(char, char)>>;
static OTHERS: Ranges = OnceLock::new();
static ACCENTS: Ranges = OnceLock::new();
static MARKS: Ranges = OnceLock::new();

/// True for a character of a class, which is looked up once.
fn is_of(c: char, ranges: &Ranges, class: &str) -> bool {
    let ranges = ranges.get_or_init(|| match regex_syntax::parse(class).map(|hir| hir.into_kind()) {
        Ok(HirKind::Class(Class::Unicode(class))) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        _ => Vec::new(),
    });
    let at = ranges.partition_point(|(start, _)| *start <= c);
    at.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, end)| c <= *end)
}

fn is_mark(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_punctuation() } else { is_of(c, &MARKS, r"\p{P}") }
}

/// The blocks that BERT takes for Chinese.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2a6df}'
        | '\u{2a700}'..='\u{2b73f}' | '\u{2b740}'..='\u{2b81f}' | '\u{2b920}'..='\u{2ceaf}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 14] =
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "re", "##fund", "refund", "##s", "!", "cafe", "数", "e", "É", "café"];

    fn said(tokenizer: &Tokenizer, text: &str, most: usize) -> Vec<&'static str> {
        tokenizer.tokens(text, most).into_iter().map(|number| WORDS[number as usize]).collect()
    }

    // A model knows only what it was trained on: other tokens for the same text are other vectors.
    #[test]
    fn text_is_cut_as_the_model_learnt_it() {
        let words = || WORDS.map(str::to_string).to_vec();
        let folding = Tokenizer::new(words(), true, true).unwrap();
        assert_eq!(said(&folding, "Refunds!", 9), ["[CLS]", "refund", "##s", "!", "[SEP]"]);
        assert_eq!(said(&folding, "CAFÉ\u{200b}\0 数数 é", 9), ["[CLS]", "cafe", "数", "数", "e", "[SEP]"]);
        assert_eq!(said(&folding, "refundx re fund", 9), ["[CLS]", "[UNK]", "re", "[UNK]", "[SEP]"]);
        assert_eq!(said(&folding, &"!".repeat(50), 5), ["[CLS]", "!", "!", "!", "[SEP]"]);
        assert_eq!(said(&folding, &"e".repeat(101), 5), ["[CLS]", "[UNK]", "[SEP]"]);
        assert_eq!(said(&folding, " \n", 5), ["[CLS]", "[SEP]"]);
        let exact = Tokenizer::new(words(), false, false).unwrap();
        assert_eq!(said(&exact, "É Refund café", 9), ["[CLS]", "É", "[UNK]", "café", "[SEP]"]);
        assert!(Tokenizer::new(vec!["[CLS]".into()], true, true).is_err());
    }
}
