//! One template in many texts: what is different each time is a slot, what changes once is another version.
//!
//! Texts come in the order of their uses. A place between the same words that holds eight different fillers or more is a slot, and
//! so is one whose few fillers take turns all the time; a filler that gives way to another and stays away is an edit. Dates that
//! follow the clock and ids are told by their looks. Places are found by comparing texts that follow one another, masked,
//! and looked for again until nothing more is found: a slot beside another is seen only when that one is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::words::{Hunk, hunks, words};
use crate::checksum::checksum;

/// So many different fillers make a slot.
const MANY: usize = 8;
/// Pairs of texts compared in a round.
const PAIRS: usize = 3_000;
/// Rounds at most.
const ROUNDS: usize = 8;
/// A filler has no more words.
const LONGEST: usize = 600;
/// Words of context to each side.
const CONTEXT: usize = 2;
/// Parts that the uses are cut into, to see whether fillers take turns all the time.
const SPANS: usize = 12;
/// Examples kept of a slot.
const EXAMPLES: usize = 5;

/// A text at the time of a use.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// Which text.
    pub text: usize,
    /// When, in microseconds since 1970 UTC.
    pub time: Option<i64>,
}

/// A place in a template that is different each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// As it stands in templates.
    pub name: String,
    /// What its values look like.
    pub kind: &'static str,
    /// Different values.
    pub values: u64,
    /// Some of them.
    pub examples: Vec<String>,
}

/// Templates of some texts.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// The template of each text.
    pub of: Vec<usize>,
    /// Templates, in the order of their first use.
    pub templates: Vec<String>,
    /// Slots in them.
    pub slots: Vec<Slot>,
}

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
enum Look {
    Word,
    Space,
    Id,
    Date,
    Time,
    Slot,
}

/// All words by number.
#[derive(Default)]
struct Words {
    numbers: FxHashMap<String, u32>,
    texts: Vec<String>,
    looks: Vec<Look>,
}

impl Words {
    fn number(&mut self, text: &str, look: Look) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let number = self.texts.len() as u32;
        self.numbers.insert(text.to_string(), number);
        self.texts.push(text.to_string());
        self.looks.push(look);
        number
    }

    fn look(&self, number: u32) -> Look {
        self.looks.get(number as usize).copied().unwrap_or(Look::Word)
    }

    fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    /// Cuts a text, with two words before and two behind it so that beginnings and ends have a context, too.
    fn cut(&mut self, text: &str) -> Vec<u32> {
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

    fn cut_plain(&mut self, text: &str, out: &mut Vec<u32>) {
        for word in words(text) {
            out.push(self.number(word, if word.trim().is_empty() { Look::Space } else { Look::Word }));
        }
    }

    /// The text of some words.
    fn join(&self, form: &[u32]) -> String {
        form.iter().map(|word| self.text(*word)).filter(|text| !text.starts_with(['\u{2}', '\u{3}'])).collect()
    }
}

/// Words before and behind a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    before: [u32; CONTEXT],
    behind: [u32; CONTEXT],
}

/// What was seen in a place.
#[derive(Default)]
struct Seen {
    fillers: BTreeSet<Vec<u32>>,
    changes: u64,
    longest: usize,
}

/// A slot that was found.
struct Found {
    kind: &'static str,
    /// White space that stands around it.
    around: (String, String),
    values: FxHashSet<u64>,
    examples: Vec<String>,
}

impl Found {
    /// The same for slots that have had the same values.
    fn print(&self) -> u64 {
        let all = self.values.iter().fold(0u64, |all, value| all.wrapping_add(value.rotate_left(17) ^ 0x9e37));
        checksum(&[all.to_le_bytes(), (self.values.len() as u64).to_le_bytes()].concat()) ^ checksum(self.kind().as_bytes())
    }

    fn kind(&self) -> &'static str {
        let numbers = !self.examples.is_empty() && self.examples.iter().all(|value| value.parse::<f64>().is_ok());
        if numbers && self.kind == "text" { "number" } else { self.kind }
    }
}

/// Texts on their way to templates.
struct Search<'u> {
    words: Words,
    forms: Vec<Vec<u32>>,
    uses: &'u [Use],
    found: Vec<Found>,
    /// The word that stands for a slot.
    slot_words: Vec<u32>,
}

/// Finds the templates of `texts`, which were used in this order.
#[must_use]
pub fn templates(texts: &[&str], uses: &[Use]) -> Templates {
    let mut words = Words::default();
    let forms = texts.iter().map(|text| words.cut(text)).collect();
    let mut search = Search { words, forms, uses, found: Vec::new(), slot_words: Vec::new() };
    if texts.len() > 1 {
        search.mask_looks();
        search.mask_fillers();
    }
    search.finish()
}

impl Search<'_> {
    /// Ids, and dates and times that follow the clock.
    fn mask_looks(&mut self) {
        #[derive(Default)]
        struct Of {
            values: FxHashSet<u32>,
            texts: u64,
            follow: u64,
        }
        let mut first: Vec<Option<i64>> = vec![None; self.forms.len()];
        let mut used = vec![0u64; self.forms.len()];
        for one in self.uses {
            first[one.text] = first[one.text].or(one.time);
            used[one.text] += 1;
        }
        let mut places: FxHashMap<([u32; CONTEXT], Look), Of> = FxHashMap::default();
        let mut uses_of: FxHashMap<([u32; CONTEXT], Look), u64> = FxHashMap::default();
        for ((form, time), used) in self.forms.iter().zip(&first).zip(&used) {
            for (before, word) in self.looked(form) {
                let look = self.words.look(word);
                let of = places.entry((before, look)).or_default();
                of.values.insert(word);
                of.texts += 1;
                of.follow += u64::from(time.is_some_and(|time| follows(self.words.text(word), look, time)));
                *uses_of.entry((before, look)).or_default() += used;
            }
        }
        let varies = |(place, of): (&([u32; CONTEXT], Look), &Of)| {
            let values = of.values.len() as u64;
            let few_each = uses_of.get(place).is_some_and(|uses| *uses < values * 3);
            let is_slot = match place.1 {
                Look::Id => values >= 3 || values == 2 && few_each,
                _ => values >= 2 && of.follow * 10 >= of.texts * 9,
            };
            is_slot.then_some(*place)
        };
        let mut slots: Vec<([u32; CONTEXT], Look)> = places.iter().filter_map(varies).collect();
        slots.sort_unstable_by_key(|(before, look)| (*look as u8, *before));
        let mut numbers = FxHashMap::default();
        for place in slots {
            let kind = match place.1 {
                Look::Id => "id",
                Look::Date => "date",
                _ => "time",
            };
            numbers.insert(place, self.new_slot(kind, "", ""));
        }
        for form in 0..self.forms.len() {
            let masks: Vec<(usize, usize)> = self
                .looked_at(&self.forms[form])
                .filter_map(|(at, before, word)| Some((at, *numbers.get(&(before, self.words.look(word)))?)))
                .collect();
            for (at, slot) in masks {
                let value = self.forms[form][at];
                self.note_value(slot, &[value]);
                self.forms[form][at] = self.slot_words[slot];
            }
        }
    }

    /// Words of a look of their own, with what stands before them.
    fn looked<'f>(&'f self, form: &'f [u32]) -> impl Iterator<Item = ([u32; CONTEXT], u32)> + 'f {
        self.looked_at(form).map(|(_, before, word)| (before, word))
    }

    fn looked_at<'f>(&'f self, form: &'f [u32]) -> impl Iterator<Item = (usize, [u32; CONTEXT], u32)> + 'f {
        let mut before = [u32::MAX; CONTEXT];
        form.iter().enumerate().filter_map(move |(at, &word)| {
            let look = self.words.look(word);
            let found = matches!(look, Look::Id | Look::Date | Look::Time).then_some((at, before, word));
            if look != Look::Space {
                // What varies is no context: dates beside dates would all have a place of their own.
                before = [before[1], if found.is_some() { u32::MAX - 1 - look as u32 } else { word }];
            }
            found
        })
    }

    fn new_slot(&mut self, kind: &'static str, lead: &str, trail: &str) -> usize {
        // Its number keeps it apart from a text that says the same.
        let word = self.words.texts.len() as u32;
        self.words.texts.push(format!("{{{kind}}}"));
        self.words.looks.push(Look::Slot);
        self.slot_words.push(word);
        let around = (lead.to_string(), trail.to_string());
        self.found.push(Found { kind, around, values: FxHashSet::default(), examples: Vec::new() });
        self.found.len() - 1
    }

    fn note_value(&mut self, slot: usize, filler: &[u32]) {
        // A filler may hold a slot that was found before.
        let text = self.words.join(filler);
        let text = text.trim();
        let found = &mut self.found[slot];
        if found.values.insert(checksum(text.as_bytes())) && found.examples.len() < EXAMPLES {
            found.examples.push(text.chars().take(80).collect());
        }
    }

    /// Places with many fillers, then places whose few fillers take turns.
    fn mask_fillers(&mut self) {
        for _ in 0..ROUNDS {
            let seen = self.compare();
            if seen.is_empty() {
                return;
            }
            let steps = |of: &Seen| {
                of.changes < of.fillers.len() as u64 * 2 && self.uses.len() >= of.fillers.len() * 100 && of.fillers.len() < 20
            };
            let many = |of: &Seen| of.fillers.len() >= MANY && !steps(of);
            let mut slots: Vec<(Place, usize)> =
                seen.iter().filter(|(_, of)| many(of)).map(|(place, of)| (*place, of.longest)).collect();
            if slots.is_empty() {
                let few = seen.iter().filter(|(_, of)| of.fillers.len() < MANY && of.changes >= 8);
                slots = few
                    .filter(|(place, of)| self.take_turns(**place, of.longest))
                    .map(|(place, of)| (*place, of.longest))
                    .collect();
            }
            if slots.is_empty() {
                return;
            }
            slots.sort_unstable();
            self.mask(&slots);
        }
    }

    /// Forms by number, each once: the number of each text's form, and of how many there are.
    fn distinct(&self) -> (Vec<usize>, usize) {
        let mut numbers: FxHashMap<&[u32], usize> = FxHashMap::default();
        let of = self.forms.iter().map(|form| {
            let next = numbers.len();
            *numbers.entry(form.as_slice()).or_insert(next)
        });
        let of: Vec<usize> = of.collect();
        let count = numbers.len();
        (of, count)
    }

    /// What differs between texts that follow one another, by place.
    fn compare(&self) -> FxHashMap<Place, Seen> {
        let (form_of, count) = self.distinct();
        let mut seen: FxHashMap<Place, Seen> = FxHashMap::default();
        if count < 2 {
            return seen;
        }
        // By forms: how often, and a text of each.
        let mut pairs: BTreeMap<(usize, usize), (u64, usize, usize)> = BTreeMap::new();
        for pair in self.uses.windows(2) {
            let forms = (form_of[pair[0].text], form_of[pair[1].text]);
            if forms.0 != forms.1 {
                let entry = pairs.entry((forms.0.min(forms.1), forms.0.max(forms.1))).or_insert((0, pair[0].text, pair[1].text));
                entry.0 += 1;
            }
        }
        let step = pairs.len().div_ceil(PAIRS).max(1);
        for (_, (times, old, new)) in pairs.into_iter().step_by(step) {
            let (old, new) = (&self.forms[old], &self.forms[new]);
            let is_word = |word: u32| self.words.look(word) != Look::Space;
            for hunk in hunks(old, new, CONTEXT, &is_word) {
                if hunk.old.len().max(hunk.new.len()) > LONGEST {
                    continue;
                }
                let Some(place) = self.place(old, &hunk) else { continue };
                let of = seen.entry(place).or_default();
                of.changes += times * step as u64;
                of.longest = of.longest.max(hunk.old.len()).max(hunk.new.len());
                of.fillers.insert(self.trimmed(&old[hunk.old.clone()]));
                of.fillers.insert(self.trimmed(&new[hunk.new.clone()]));
            }
        }
        seen
    }

    fn trimmed(&self, filler: &[u32]) -> Vec<u32> {
        filler.iter().copied().filter(|word| self.words.look(*word) != Look::Space).collect()
    }

    /// The words around a difference.
    fn place(&self, old: &[u32], hunk: &Hunk) -> Option<Place> {
        let is_word = |word: &u32| self.words.look(*word) != Look::Space;
        let mut before = old.get(..hunk.old.start)?.iter().rev().copied().filter(is_word);
        let mut behind = old.get(hunk.old.end..)?.iter().copied().filter(is_word);
        let before = [before.next()?, before.next()?];
        Some(Place { before: [before[1], before[0]], behind: [behind.next()?, behind.next()?] })
    }

    /// Whether the fillers of a place take turns all the time; an edit that comes slowly has both only for a while.
    fn take_turns(&self, place: Place, longest: usize) -> bool {
        let (form_of, count) = self.distinct();
        let mut fillers: Vec<Option<u64>> = vec![None; count];
        for (form, number) in self.forms.iter().zip(&form_of) {
            if fillers[*number].is_none() {
                let found = self.locate(form, place, longest);
                let print = |range: std::ops::Range<usize>| {
                    let words = self.trimmed(&form[range]);
                    checksum(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
                };
                fillers[*number] = found.map(print);
            }
        }
        let sequence: Vec<u64> = self.uses.iter().filter_map(|one| fillers[form_of[one.text]]).collect();
        let distinct: FxHashSet<u64> = sequence.iter().copied().collect();
        let changes = sequence.windows(2).filter(|pair| pair[0] != pair[1]).count();
        if distinct.len() < 2 || changes < 8 || changes < 4 * (distinct.len() - 1) {
            return false;
        }
        let spans = sequence.chunks(sequence.len().div_ceil(SPANS).max(2));
        let total = spans.len();
        let mixed = spans.filter(|span| span.iter().any(|filler| *filler != span[0])).count();
        mixed * 2 >= total
    }

    /// Where the filler of a place is in a form.
    fn locate(&self, form: &[u32], place: Place, longest: usize) -> Option<std::ops::Range<usize>> {
        let mut before = [u32::MAX; CONTEXT];
        for (at, &word) in form.iter().enumerate() {
            if self.words.look(word) != Look::Space {
                before = [before[1], word];
                if before == place.before
                    && let Some(end) = self.next_place(form, at + 1, place.behind, longest)
                {
                    return Some(at + 1..end);
                }
            }
        }
        None
    }

    /// Where the words behind a filler begin.
    fn next_place(&self, form: &[u32], from: usize, behind: [u32; CONTEXT], longest: usize) -> Option<usize> {
        let most = from.saturating_add(longest * 2 + 8).min(form.len());
        (from..most).find(|at| {
            form[*at] == behind[0] && {
                let mut rest = form[at + 1..].iter().copied().filter(|word| self.words.look(*word) != Look::Space);
                rest.next() == Some(behind[1])
            }
        })
    }

    /// Puts slots in places.
    fn mask(&mut self, places: &[(Place, usize)]) {
        let mut by_before: FxHashMap<[u32; CONTEXT], Vec<(Place, usize)>> = FxHashMap::default();
        for (place, longest) in places {
            by_before.entry(place.before).or_default().push((*place, *longest));
        }
        let mut slots: FxHashMap<Place, usize> = FxHashMap::default();
        for form in 0..self.forms.len() {
            let old = std::mem::take(&mut self.forms[form]);
            let mut new = Vec::with_capacity(old.len());
            let mut before = [u32::MAX; CONTEXT];
            let mut at = 0;
            while at < old.len() {
                let word = old[at];
                new.push(word);
                at += 1;
                if self.words.look(word) == Look::Space {
                    continue;
                }
                before = [before[1], word];
                let fits = |(place, longest): &(Place, usize)| Some((self.next_place(&old, at, place.behind, *longest)?, *place));
                let Some((end, place)) = by_before.get(&before).and_then(|places| places.iter().filter_map(fits).min()) else {
                    continue;
                };
                let filler = &old[at..end];
                let slot = match slots.get(&place) {
                    Some(slot) => *slot,
                    None => {
                        let lead = self.space(filler.first());
                        let trail = self.space(filler.last());
                        let slot = self.new_slot("text", &lead, if filler.len() > 1 { &trail } else { "" });
                        slots.insert(place, slot);
                        slot
                    }
                };
                self.note_value(slot, filler);
                new.push(self.slot_words[slot]);
                before = [before[1], self.slot_words[slot]];
                at = end;
            }
            self.forms[form] = new;
        }
    }

    /// White space at an end of a filler, which stays around the slot.
    fn space(&self, word: Option<&u32>) -> String {
        let space = word.filter(|word| self.words.look(**word) == Look::Space);
        space.map(|word| self.words.text(*word).to_string()).unwrap_or_default()
    }

    fn finish(mut self) -> Templates {
        let mut order: Vec<usize> = self.uses.iter().map(|one| one.text).collect();
        order.extend(0..self.forms.len());
        let mut numbers: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
        let mut templates = Vec::new();
        let mut named: BTreeMap<(&'static str, usize), Vec<usize>> = BTreeMap::new();
        for text in order {
            if numbers.contains_key(&self.forms[text]) {
                continue;
            }
            let form = self.forms[text].clone();
            templates.push(self.render(&form, &mut named));
            numbers.insert(form, templates.len() - 1);
        }
        let of = self.forms.iter().map(|form| numbers.get(form).copied().unwrap_or_default()).collect();
        let slots = named.into_iter().map(|((kind, nth), slots)| self.sum_up(kind, nth, &slots)).collect();
        Templates { of, templates, slots }
    }

    /// The text of a form; slots are named by their kind and their order in it, so that versions name theirs alike.
    fn render(&self, form: &[u32], named: &mut BTreeMap<(&'static str, usize), Vec<usize>>) -> String {
        let mut text = String::new();
        let mut seen: FxHashMap<&'static str, usize> = FxHashMap::default();
        let mut alike: FxHashMap<u64, usize> = FxHashMap::default();
        for word in form {
            let slot = self.slot_words.iter().position(|slot| slot == word).map(|slot| (slot, &self.found[slot]));
            let Some((slot, found)) = slot else {
                let plain = self.words.text(*word);
                text.push_str(if plain.starts_with(['\u{2}', '\u{3}']) { "" } else { plain });
                continue;
            };
            let kind = found.kind();
            // One variable may stand in several places: it has the same values everywhere.
            let nth = *alike.entry(found.print()).or_insert_with(|| {
                let nth = seen.entry(kind).or_default();
                *nth += 1;
                *nth
            });
            let of = named.entry((kind, nth)).or_default();
            if !of.contains(&slot) {
                of.push(slot);
            }
            let (lead, trail) = &found.around;
            text.push_str(&format!("{lead}{}{trail}", name(kind, nth)));
        }
        text
    }

    /// What is known of the slots that have one name.
    fn sum_up(&mut self, kind: &'static str, nth: usize, slots: &[usize]) -> Slot {
        let mut values: FxHashSet<u64> = FxHashSet::default();
        let mut examples: Vec<String> = Vec::new();
        for slot in slots {
            values.extend(&self.found[*slot].values);
            for example in &self.found[*slot].examples {
                if examples.len() < EXAMPLES && !examples.contains(example) {
                    examples.push(example.clone());
                }
            }
        }
        Slot { name: name(kind, nth), kind, values: values.len() as u64, examples }
    }
}

fn name(kind: &str, nth: usize) -> String {
    if nth == 1 { format!("{{{kind}}}") } else { format!("{{{kind} {nth}}}") }
}

/// Whether a date or a time says about when it was sent. The zone is not known: a day more or less, and minutes only.
fn follows(text: &str, look: Look, time: i64) -> bool {
    const DAY: i64 = 86_400_000_000;
    if look == Look::Time {
        let minute = text.split(':').nth(1).and_then(|rest| rest.get(..2)?.parse::<i64>().ok());
        let Some(minute) = minute else { return false };
        let distance = (minute - time.div_euclid(60_000_000)).rem_euclid(15);
        return distance <= 2 || distance >= 13;
    }
    let sent = time.div_euclid(DAY);
    dates(text).into_iter().any(|date| {
        let midnight = date.to_datetime(jiff::civil::Time::midnight()).to_zoned(jiff::tz::TimeZone::UTC);
        midnight.is_ok_and(|midnight| (midnight.timestamp().as_second().div_euclid(86_400) - sent).abs() <= 1)
    })
}

/// The days a date may mean.
fn dates(text: &str) -> Vec<Date> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let lower = text.to_ascii_lowercase();
    let numbers: Vec<i16> = lower.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    let month = lower
        .split(|c: char| !c.is_ascii_alphabetic())
        .find_map(|word| MONTHS.iter().position(|month| word.len() >= 3 && word.starts_with(month)))
        .map(|month| month as i16 + 1);
    let date = |year: i16, month: i16, day: i16| Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    let found = match (month, numbers.as_slice()) {
        (Some(month), [a, b, ..]) if *b > 31 => vec![date(*b, month, *a)],
        (Some(month), [a, b, ..]) if *a > 31 => vec![date(*a, month, *b)],
        (None, [a, b, c, ..]) if *a > 31 => vec![date(*a, *b, *c)],
        (None, [a, b, c, ..]) if *c > 31 => vec![date(*c, *a, *b), date(*c, *b, *a)],
        _ => Vec::new(),
    };
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The templates of texts used once each, an hour apart.
    fn of(texts: &[String]) -> Templates {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let start = 1_790_000_000_000_000i64;
        let uses: Vec<Use> = (0..texts.len()).map(|text| Use { text, time: Some(start + text as i64 * 3_600_000_000) }).collect();
        templates(&texts, &uses)
    }

    const NAMES: [&str; 9] = ["Ann", "Bo", "Mary Jane Smith", "Zoë", "Li", "Al-Amin", "O'Hara", "Ed", "Anna Maria"];

    #[test]
    fn names_of_any_length_are_a_slot_and_the_edit_beside_them_a_version() {
        let text = |n: usize| {
            let tone = if n < 40 { "brief" } else { "thorough" };
            format!("You help {} with their bills. Always be {tone} and polite.", NAMES[n * 7 % 9])
        };
        let found = of(&(0..80).map(text).collect::<Vec<_>>());
        assert_eq!(
            found.templates,
            [
                "You help {text} with their bills. Always be brief and polite.",
                "You help {text} with their bills. Always be thorough and polite."
            ]
        );
        assert_eq!((found.slots.len(), found.slots[0].values), (1, 9));
        assert_eq!((found.of[39], found.of[40]), (0, 1));
    }

    #[test]
    fn the_day_of_the_request_is_a_slot_and_a_date_that_stands_still_is_not() {
        let day = |n: i64| {
            jiff::Timestamp::from_microsecond(1_790_000_000_000_000 + n * 3_600_000_000)
                .unwrap()
                .to_zoned(jiff::tz::TimeZone::UTC)
                .date()
        };
        let text = |n: i64| {
            let cutoff = if n < 30 { "2025-01-31" } else { "2025-06-30" };
            format!("Today is {}. Your knowledge ends on {cutoff}.", day(n))
        };
        let found = of(&(0..60).map(text).collect::<Vec<_>>());
        assert_eq!(found.templates.len(), 2, "{:?}", found.templates);
        assert_eq!(found.templates[0], "Today is {date}. Your knowledge ends on 2025-01-31.");
    }

    #[test]
    fn few_values_that_take_turns_are_a_slot_and_a_slow_change_is_not() {
        let tier = |n: usize| format!("The customer has the {} tier. Be kind to them.", ["gold", "free"][(n * 5 / 3) % 2]);
        assert_eq!(of(&(0..60).map(tier).collect::<Vec<_>>()).templates.len(), 1);
        // Both are in use from 50 to 60 of 100.
        let slow = |n: usize| {
            let new = n >= 60 || n >= 50 && n.is_multiple_of(2);
            format!("Answer the question in {} words at most.", if new { 80 } else { 50 })
        };
        assert_eq!(of(&(0..100).map(slow).collect::<Vec<_>>()).templates.len(), 2);
    }

    #[test]
    fn ids_are_a_slot_even_where_there_are_few() {
        let text = |n: u64| format!("Session 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd{n:04x} is open.");
        let found = of(&(0..3).map(text).collect::<Vec<_>>());
        assert_eq!(found.templates, ["Session {id} is open."]);
    }

    #[test]
    fn dates_are_read_in_the_usual_ways() {
        let date = Date::new(2026, 3, 4).unwrap();
        for text in ["2026-03-04", "March 4th, 2026", "Wed, 4 Mar 2026", "04/03/2026", "03/04/2026", "2026-03-04T10:00:00Z"] {
            assert!(dates(text).contains(&date), "{text}");
        }
    }
}
