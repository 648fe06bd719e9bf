//! Words → signed hashes of themselves and of their parts.

use std::ops::Range;

use super::words::Token;

/// Dimensions of the hashed half.
pub(super) const DIMENSION: usize = 320;

/// Inverse document frequency by 16 bits of hash; see `models/static192/README.md`.
static RARITY: &[u8] = include_bytes!("../../../models/static192/idf.u8");

/// How much a 3- to 5-gram of a word counts beside the word.
const PART_WEIGHT: f32 = 0.7;
/// Longer words are ids and hashes: their parts say nothing.
const LONGEST_WITH_PARTS: usize = 24;
/// Set apart what is hashed as a whole and what as a part.
const WHOLE: u64 = 0xcbf2_9ce4_8422_2325;
const PART: u64 = 0x9ae1_6a3b_2f90_404f;

/// A feature of a word: its dimension and what it adds there.
#[derive(Clone, Copy)]
struct Feature {
    dimension: u16,
    value: f32,
}

/// Features of many words, end to end.
#[derive(Default)]
pub(super) struct Features {
    all: Vec<Feature>,
    bounded: Vec<u8>,
}

impl Features {
    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.all.len() as u32
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// Adds those of a word between spaces.
    pub(super) fn add_word(&mut self, word: &[u8]) {
        self.all.push(feature(hash(WHOLE, word), 1.0));
        if word.len() <= LONGEST_WITH_PARTS {
            let all = &mut self.all;
            each_part(word, &mut self.bounded, &mut |part| all.push(feature(hash(PART, part), PART_WEIGHT)));
        }
    }

    /// Adds that of a character of a script without spaces.
    pub(super) fn add_character(&mut self, character: &[u8]) {
        self.all.push(feature(hash(WHOLE, character), PART_WEIGHT * rarity_of_characters(character)));
    }

    /// Adds that of two such characters, which stand for a word.
    pub(super) fn add_pair(&mut self, pair: &[u8]) {
        self.all.push(feature(hash(WHOLE, pair), rarity_of_characters(pair)));
    }

    /// Adds some features, so many times, to `sum`.
    pub(super) fn add_to(&self, range: &Range<u32>, times: f32, sum: &mut [f32]) {
        for feature in self.all.get(range.start as usize..range.end as usize).unwrap_or_default() {
            if let Some(sum) = sum.get_mut(usize::from(feature.dimension)) {
                *sum += feature.value * times;
            }
        }
    }
}

/// The most frequent characters of Chinese, which the table of rarities does not know: half of all text is made of them.
const FREQUENT: &str = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运吗呢吧啊";
/// How much of its weight each such character takes.
const FREQUENT_WEIGHT: f32 = 0.5;

fn rarity_of_characters(characters: &[u8]) -> f32 {
    let is_frequent = |c: &char| FREQUENT.contains(*c);
    let count = String::from_utf8_lossy(characters).chars().filter(is_frequent).count();
    FREQUENT_WEIGHT.powi(count as i32)
}

/// FNV-1a (Fowler, Noll and Vo), 64 bits, stirred so that all bits of it can be used.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn feature(hash: u64, weight: f32) -> Feature {
    let rarity = RARITY.get(bucket(hash)).copied().unwrap_or(u8::MAX);
    let sign = if hash >> 32 & 1 == 0 { 1.0 } else { -1.0 };
    Feature { dimension: ((hash >> 33) % DIMENSION as u64) as u16, value: sign * weight * f32::from(rarity) / 255.0 }
}

fn bucket(hash: u64) -> usize {
    usize::from(hash as u16)
}

/// Hands out the 3- to 5-grams of a word, its bounds included.
fn each_part(word: &[u8], bounded: &mut Vec<u8>, visit: &mut dyn FnMut(&[u8])) {
    bounded.clear();
    bounded.push(b'<');
    bounded.extend_from_slice(word);
    bounded.push(b'>');
    let starts = |at: &usize| bounded.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let borders: Vec<usize> = (0..=bounded.len()).filter(starts).collect();
    for length in 3..=5 {
        for window in borders.windows(length + 1) {
            if let [from, .., to] = window {
                visit(bounded.get(*from..*to).unwrap_or_default());
            }
        }
    }
}

/// The buckets of a token's features: for who counts how frequent they are.
pub(super) fn buckets(token: Token<'_>, found: &mut Vec<u16>) {
    if matches!(token, Token::Mark(_)) {
        return;
    }
    found.push(bucket(hash(WHOLE, token.bytes())) as u16);
    if let Token::Word(word) = token
        && word.len() <= LONGEST_WITH_PARTS
    {
        each_part(word, &mut Vec::new(), &mut |part| found.push(bucket(hash(PART, part)) as u16));
    }
}
