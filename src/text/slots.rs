//! One template in many texts: what is different each time is a slot, what changes once is another version.
//!
//! Texts come in the order of their uses. A place between the same words that holds eight different fillers or more is a slot, and
//! so is one whose few fillers take turns all the time; a filler that gives way to another and stays away is an edit. Dates that
//! follow the clock and ids are told by their looks. Places are found by comparing texts that follow one another, masked,
//! and looked for again until nothing more is found: a slot beside another is seen only when that one is gone.

mod dates;
mod fillers;
mod finish;
mod looks;

use dates::follows;
use looks::{Look, Words};

use rustc_hash::{FxHashMap, FxHashSet};

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
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::dates::dates;
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
