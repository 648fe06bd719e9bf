//! Near duplicates: sets of word 5-grams, their exact Jaccard similarity, and MinHash signatures that estimate it.
//!
//! A signature finds candidates cheaply; whoever reports a pair compares the [`Shingles`] themselves. The signature is of
//! the one-permutation kind: each shingle falls into one of 128 bins and each bin keeps its smallest hash, so a text costs
//! one hash a word and not 128. Nothing here is stored; the hashes may change with any version.

use crate::checksum::checksum;

/// Words in a shingle.
const WORDS: usize = 5;

/// The shingles of a text: hashes of five words in a row, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shingles(Vec<u64>);

impl Shingles {
    /// Cuts a text into words and takes every five neighbours. A text of fewer words is one shingle, one without words none.
    /// Case of ASCII letters, punctuation and spacing do not count.
    #[must_use]
    pub fn of(text: &str) -> Shingles {
        let words: Vec<u64> = words(text).collect();
        let mut shingles: Vec<u64> = match words.len() {
            0 => Vec::new(),
            1..WORDS => vec![mix_all(&words)],
            _ => words.windows(WORDS).map(mix_all).collect(),
        };
        shingles.sort_unstable();
        shingles.dedup();
        Shingles(shingles)
    }

    /// The hashes, in order.
    pub fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for a text without words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shared shingles by all shingles, 0 to 1. Two texts without words are equal.
    #[must_use]
    pub fn jaccard(&self, other: &Shingles) -> f64 {
        let shared = self.shared(other);
        let all = self.len() + other.len() - shared;
        if all == 0 { 1.0 } else { shared as f64 / all as f64 }
    }

    /// Whether [`Shingles::jaccard`] is at least `threshold`; sets of very different sizes are refused without a look.
    #[must_use]
    pub fn at_least(&self, other: &Shingles, threshold: f64) -> bool {
        let (small, large) = (self.len().min(other.len()), self.len().max(other.len()));
        small as f64 >= threshold * large as f64 && self.jaccard(other) >= threshold
    }

    fn shared(&self, other: &Shingles) -> usize {
        let (mut ours, mut theirs) = (self.0.as_slice(), other.0.as_slice());
        let mut shared = 0;
        while let ([our, our_rest @ ..], [their, their_rest @ ..]) = (ours, theirs) {
            shared += usize::from(our == their);
            (ours, theirs) = (if our <= their { our_rest } else { ours }, if their <= our { their_rest } else { theirs });
        }
        shared
    }
}

/// The hashes of every `count` words in a row of a text, in order and as often as they stand there; of a text with fewer words
/// the hash of all of it, and `false`. A text without words has none.
#[must_use]
pub fn runs(text: &str, count: usize) -> (Vec<u64>, bool) {
    let words: Vec<u64> = words(text).collect();
    match words.len() {
        0 => (Vec::new(), false),
        length if length < count.max(1) => (vec![mix_all(&words)], false),
        _ => (words.windows(count.max(1)).map(mix_all).collect(), true),
    }
}

/// `count` words of a text from the one at `from` on, in lower case, without what stands between them; cut at `most` characters.
#[must_use]
pub fn some_words(text: &str, from: usize, count: usize, most: usize) -> String {
    let mut line = String::new();
    for word in split(text).skip(from).take(count) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word.to_lowercase());
    }
    match line.char_indices().nth(most) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or_default()),
        None => line,
    }
}

/// How many words a text has, of which no more than `most` are counted.
#[must_use]
pub fn words_up_to(text: &str, most: usize) -> usize {
    words(text).take(most).count()
}

/// The hashes of the words of a text: runs of letters and digits, and single characters of scripts without spaces.
fn words(text: &str) -> impl Iterator<Item = u64> {
    split(text).map(hash_word)
}

fn split(text: &str) -> Split<'_> {
    Split { text, at: 0 }
}

/// Cuts a text into words. Most text is ASCII, which needs no decoding and no table of all the world's letters.
struct Split<'t> {
    text: &'t str,
    at: usize,
}

impl Split<'_> {
    /// What stands at the place that was come to.
    fn look(&self) -> Option<Look> {
        let byte = *self.text.as_bytes().get(self.at)?;
        if byte.is_ascii() {
            return Some(if byte.is_ascii_alphanumeric() { Look::InWord(1) } else { Look::Between(1) });
        }
        let c = self.text.get(self.at..)?.chars().next()?;
        Some(match c.is_alphanumeric() {
            true if is_own_word(c) => Look::Own(c.len_utf8()),
            true => Look::InWord(c.len_utf8()),
            false => Look::Between(c.len_utf8()),
        })
    }
}

/// What a character is to the words beside it, and its length.
enum Look {
    InWord(usize),
    Own(usize),
    Between(usize),
}

impl<'t> Iterator for Split<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let start = loop {
            match self.look()? {
                Look::Between(length) => self.at += length,
                Look::Own(length) => {
                    let start = self.at;
                    self.at += length;
                    return self.text.get(start..self.at);
                }
                Look::InWord(_) => break self.at,
            }
        };
        while let Some(Look::InWord(length)) = self.look() {
            self.at += length;
        }
        self.text.get(start..self.at)
    }
}

/// Chinese characters, kana and Thai stand without spaces: a sentence of them would be one word.
fn is_own_word(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn hash_word(word: &str) -> u64 {
    /// Longer words are rare: they are hashed from a copy on the heap.
    const SHORT: usize = 32;
    if word.len() > SHORT {
        return checksum(&word.as_bytes().to_ascii_lowercase());
    }
    let mut lower = [0; SHORT];
    let lower = &mut lower[..word.len()];
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    checksum(lower)
}

fn mix_all(words: &[u64]) -> u64 {
    words.iter().fold(0, |all, &word| mix(all.rotate_left(23) ^ word))
}

/// A bijection that spreads every bit (the finaliser of splitmix64).
fn mix(mut number: u64) -> u64 {
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// A MinHash signature: similar sets have many equal bins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature([u32; Signature::BINS]);

impl Signature {
    /// How many bins: the estimate is within 0.09 in 19 of 20 cases, worst at 0.5.
    pub const BINS: usize = 128;

    /// The signature of a set of shingles; none of the empty set, which is similar to nothing.
    #[must_use]
    pub fn of(shingles: &Shingles) -> Option<Signature> {
        let mut smallest: [Option<u32>; Signature::BINS] = [None; Signature::BINS];
        for &shingle in &shingles.0 {
            let bin = &mut smallest[shingle as usize % Signature::BINS];
            let hash = (shingle >> 32) as u32;
            *bin = Some(bin.map_or(hash, |before| before.min(hash)));
        }
        if shingles.is_empty() {
            return None;
        }
        let mut bins = [0; Signature::BINS];
        for (at, bin) in bins.iter_mut().enumerate() {
            *bin = smallest[at].or_else(|| borrowed(&smallest, at))?;
        }
        Some(Signature(bins))
    }

    /// A byte of each bin: a quarter of the memory for who only wants to rule pairs out. Bins that are equal have equal bytes, and one
    /// in 256 of the others.
    #[must_use]
    pub fn sketch(&self) -> [u8; Signature::BINS] {
        self.0.map(|bin| bin as u8)
    }

    /// The share of equal bins, an estimate of [`Shingles::jaccard`].
    #[must_use]
    pub fn similarity(&self, other: &Signature) -> f64 {
        let equal = self.0.iter().zip(&other.0).filter(|(a, b)| a == b).count();
        equal as f64 / Signature::BINS as f64
    }

    /// Keys of bands of `rows` bins, for finding candidates: two texts of similarity s share one key or more with
    /// probability 1 - (1 - s^rows)^(128 / rows). Four rows find nearly all pairs from 0.6 on, eight from 0.8.
    pub fn bands(&self, rows: usize) -> impl Iterator<Item = u64> {
        let bands = self.0.chunks_exact(rows.clamp(1, Signature::BINS)).enumerate();
        bands.map(|(band, bins)| bins.iter().fold(band as u64, |key, &bin| mix(key.rotate_left(32) ^ u64::from(bin))))
    }
}

/// An empty bin takes the value of another, found by a walk that depends on the bin alone: equal sets borrow equally, and
/// two small sets do not look alike for their empty bins.
fn borrowed(smallest: &[Option<u32>; Signature::BINS], at: usize) -> Option<u32> {
    // A random walk almost surely meets a full bin in so many steps, even when only one is full; then the next in order.
    const STEPS: u64 = 2_048;
    let walk = (0..STEPS).map(|step| mix(((at as u64) << 32) | (step + 1)) as usize % Signature::BINS);
    walk.chain(0..Signature::BINS).find_map(|bin| smallest[bin])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// `count` different words, each text its own range of them.
    fn text(range: std::ops::Range<usize>) -> String {
        range.map(|at| format!("word{at} ")).collect()
    }

    /// Protects what words are: shingles, vectors of words and near duplicates of old and new versions must agree.
    #[test]
    fn words_are_runs_of_letters_and_digits_and_single_characters_without_spaces() {
        let simple = |text: &str| -> Vec<String> {
            let mut words: Vec<String> = Vec::new();
            let mut open = false;
            for c in text.chars() {
                match (c.is_alphanumeric(), is_own_word(c), open) {
                    (true, false, true) => words.last_mut().unwrap().push(c),
                    (true, _, _) => words.push(c.to_string()),
                    _ => {}
                }
                open = c.is_alphanumeric() && !is_own_word(c);
            }
            words
        };
        let texts = [
            "",
            "a",
            " a b-c_d ",
            "naïve café Ünïcode",
            "你好world再见 x",
            "ไทยภาษา abc",
            "x²½ ٣٤ e\u{301}a \u{3099}か",
            "--",
            "日本",
        ];
        for text in texts.iter().map(ToString::to_string).chain((0..400u32).map(|seed| {
            let pick = |at: u32| {
                ['a', 'Z', '0', ' ', '_', 'é', '你', 'か', 'ก', '\u{e31}', '\u{301}', '😀', '.']
                    [(mix(u64::from(seed * 97 + at)) % 13) as usize]
            };
            (0..24).map(pick).collect()
        })) {
            assert_eq!(split(&text).collect::<Vec<_>>(), simple(&text), "{text:?}");
        }
    }

    #[test]
    fn jaccard_is_that_of_the_sets_of_five_words() {
        let (a, b) = (text(0..100), text(30..140));
        let set = |text: &str| -> BTreeSet<Vec<String>> {
            let words: Vec<String> = text.split_whitespace().map(String::from).collect();
            words.windows(5).map(<[String]>::to_vec).collect()
        };
        let naive = set(&a).intersection(&set(&b)).count() as f64 / set(&a).union(&set(&b)).count() as f64;
        let (a, b) = (Shingles::of(&a), Shingles::of(&b));
        assert_eq!(a.jaccard(&b), naive);
        assert_eq!((a.at_least(&b, naive), a.at_least(&b, naive + 0.001)), (true, false));
    }

    #[test]
    fn the_size_of_the_sets_alone_refuses_only_what_cannot_be_similar() {
        let (part, whole) = (Shingles::of(&text(0..100)), Shingles::of(&text(0..190)));
        // All 96 shingles of the part are among the 186 of the whole.
        assert_eq!(part.jaccard(&whole), 96.0 / 186.0);
        assert!(part.at_least(&whole, 0.516) && whole.at_least(&part, 0.516));
        assert!(!part.at_least(&whole, 0.517));
        assert!(part.at_least(&part, 1.0));
    }

    #[test]
    fn case_spacing_and_punctuation_do_not_count_but_words_and_their_order_do() {
        let one = Shingles::of("You are a helpful, honest assistant. Answer briefly!");
        assert_eq!(one, Shingles::of("you ARE  a helpful\nhonest assistant -- answer briefly"));
        assert_ne!(one, Shingles::of("You are a honest, helpful assistant. Answer briefly!"));
        assert!(Shingles::of("?! --").is_empty() && Shingles::of("").is_empty());
        assert_eq!(Shingles::of("two words").len(), 1);
        assert_eq!(some_words("You ARE -- a\nhelpful, honest one", 1, 3, 99), "are a helpful");
        assert_eq!(some_words("one two three", 0, 3, 5), "one t…");
    }

    #[test]
    fn text_without_spaces_has_a_word_a_character() {
        let chinese = Shingles::of("你好我今天感觉不太舒服想请你帮忙看看");
        assert_eq!(chinese.len(), 18 - 4);
        let changed = chinese.jaccard(&Shingles::of("你好我今天感觉不太舒服想请你帮忙想想"));
        assert!(changed > 0.7 && changed < 1.0, "{changed}");
        assert_eq!(Shingles::of("用 GPT4模型 answer").len(), 1);
    }

    #[test]
    fn signatures_estimate_the_similarity_of_large_and_of_small_sets() {
        for (length, shift) in [(2_000, 100), (2_000, 700), (300, 20), (60, 6), (2_000, 2_000)] {
            let (a, b) = (Shingles::of(&text(0..length)), Shingles::of(&text(shift..length + shift)));
            let estimate = Signature::of(&a).expect("words").similarity(&Signature::of(&b).expect("words"));
            assert!((estimate - a.jaccard(&b)).abs() < 0.13, "{length} {shift}: {estimate} {}", a.jaccard(&b));
        }
        let signature = |text: &str| Signature::of(&Shingles::of(text)).expect("words");
        let (a, b) = (signature(&text(0..300)), signature(&text(30..330)));
        let equal = a.sketch().iter().zip(b.sketch()).filter(|(a, b)| **a == *b).count();
        assert!(equal as f64 / Signature::BINS as f64 >= a.similarity(&b), "no pair is ruled out wrongly");
        assert_eq!(Signature::of(&Shingles::default()), None);
        assert!(Signature::of(&Shingles::of("one")).is_some());
    }

    #[test]
    fn similar_texts_share_a_band_and_strangers_do_not() {
        let keys = |range| -> BTreeSet<u64> { Signature::of(&Shingles::of(&text(range))).expect("words").bands(8).collect() };
        assert_eq!(keys(0..500).len(), 16);
        assert!(!keys(0..500).is_disjoint(&keys(20..520)));
        assert!(keys(0..500).is_disjoint(&keys(1_000..1_500)));
        // Sets of one shingle fill all bins from one; bands differ by their place, and different sets share nothing.
        assert_eq!(keys(0..5).len(), 16);
        assert!(keys(0..5).is_disjoint(&keys(5..10)));
    }
}
