//! Texts as numbers of words, and what words look like.

use crate::text::words::words;
use regex::Regex;
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

static LOOKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let month = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}";
    let clock = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[AaPp][Mm]\b)?(?:Z\b|\s?UTC\b|[+-]\d{2}:?\d{2}\b)?";
    Regex::new(&format!(
        r"(?P<id>\b[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}}\b|\b[0-9a-fA-F]{{16,64}}\b|\b\d{{10,}}\b)|(?P<date>(?:\b(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,?\s+)?(?:\b\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}(?:[T ]{clock})?|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}}\b|\b{month}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}\b|\b\d{{1,2}}(?:st|nd|rd|th)?\s+{month},?\s+\d{{4}}\b))|(?P<time>\b{clock})"
    ))
    .ok()
});

/// What a word looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Look {
    Word,
    Space,
    Id,
    Date,
    Time,
    Slot,
}

/// All words by number.
#[derive(Default)]
pub(super) struct Words {
    pub(super) numbers: FxHashMap<String, u32>,
    pub(super) texts: Vec<String>,
    pub(super) looks: Vec<Look>,
}

impl Words {
    pub(super) fn number(&mut self, text: &str, look: Look) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let number = self.texts.len() as u32;
        self.numbers.insert(text.to_string(), number);
        self.texts.push(text.to_string());
        self.looks.push(look);
        number
    }

    pub(super) fn look(&self, number: u32) -> Look {
        self.looks.get(number as usize).copied().unwrap_or(Look::Word)
    }

    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    /// Cuts a text, with two words before and two behind it so that beginnings and ends have a context, too.
    pub(super) fn cut(&mut self, text: &str) -> Vec<u32> {
        let edges = ["\u{2}a", "\u{2}b", "\u{3}a", "\u{3}b"].map(|edge| self.number(edge, Look::Slot));
        let mut out = edges[..2].to_vec();
        let mut done = 0;
        for found in LOOKS.iter().flat_map(|regex| regex.captures_iter(text)) {
            let Some(whole) = found.get(0) else { continue };
            let look = match (found.name("id"), found.name("date")) {
                (Some(_), _) => Look::Id,
                (_, Some(_)) => Look::Date,
                _ => Look::Time,
            };
            self.cut_plain(text.get(done..whole.start()).unwrap_or_default(), &mut out);
            out.push(self.number(whole.as_str(), look));
            done = whole.end();
        }
        self.cut_plain(text.get(done..).unwrap_or_default(), &mut out);
        out.extend(&edges[2..]);
        out
    }

    pub(super) fn cut_plain(&mut self, text: &str, out: &mut Vec<u32>) {
        for word in words(text) {
            out.push(self.number(word, if word.trim().is_empty() { Look::Space } else { Look::Word }));
        }
    }

    /// The text of some words.
    pub(super) fn join(&self, form: &[u32]) -> String {
        form.iter().map(|word| self.text(*word)).filter(|text| !text.starts_with(['\u{2}', '\u{3}'])).collect()
    }
}
