//! `--decontaminate`: dialogues that hold what a model will be judged with are left out.
//!
//! The rule is the one of the field (GPT-3, section C; the harness of EleutherAI): 13 words in a row that are in both, words
//! without case and punctuation. A text of fewer words cannot have 13 in a row: it counts when a whole turn is that text, and not
//! at all below three words, since "yes" is in every log. Instructions are not compared, on either side: a shared system prompt
//! would make all of an application's dialogues one. Words that many dialogues hold are not spared, since nobody but the reader
//! can tell boilerplate from a question that was asked a hundred times: they are told, with how many dialogues they cost.

use std::fs::File;
use std::io::Read;

use rustc_hash::FxHashMap;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialogue::{Dialogue, Part, Speaker};
use crate::error::{Error, IoContext, Result};
use crate::shape::SegmentType::{self, *};
use crate::shape::{Hints, Record};
use crate::text::{runs, some_words, words_up_to};
use crate::vault::api::{Decontaminate, FrequentWords, Overlap, Overlapping};

/// A text of fewer words tells nothing.
const FEWEST_WORDS: usize = 3;
/// Larger files are no test set.
const LARGEST_FILE: u64 = 1 << 30;
/// Overlaps that a report names.
const EXAMPLES: usize = 20;
/// Words that so many dialogues hold are named.
const FREQUENT: u64 = 5;
/// As many of them.
const NAMED: usize = 5;
/// Characters that are shown of them.
const SHOWN: usize = 160;
/// How compressed files begin: gzip, zstd, xz, bzip2.
const COMPRESSED: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh"];

/// The texts of a file, as runs of words.
pub(super) struct Reference {
    words: usize,
    /// Where each run stands first.
    runs: FxHashMap<u64, u64>,
    short: FxHashMap<u64, u64>,
    /// Texts that are looked for.
    pub(super) texts: u64,
    pub(super) too_short: u64,
}

impl Reference {
    /// Reads a file: JSON lines, a JSON array, or text with blank lines between.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file that is compressed, too large or without any text.
    pub(super) fn read(options: &Decontaminate) -> Result<Reference> {
        let path = &options.file;
        let wrong = |what: &str| Error::Usage(format!("--decontaminate {}: {what}", path.display()));
        let mut bytes = Vec::new();
        let file = File::open(path).on("opening", path)?;
        file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).on("reading", path)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(wrong("the file has more than 1 GiB, and all of it is kept in memory; give a part of it at a time"));
        }
        if COMPRESSED.iter().any(|magic| bytes.starts_with(magic)) {
            return Err(wrong("the file is compressed; give the text itself"));
        }
        let mut reference = Reference::empty(options.words);
        reference.take(&bytes);
        if reference.texts == 0 {
            return Err(wrong("the file has no text of three words or more"));
        }
        Ok(reference)
    }

    fn empty(words: usize) -> Reference {
        let words = words.max(FEWEST_WORDS + 1);
        Reference { words, runs: FxHashMap::default(), short: FxHashMap::default(), texts: 0, too_short: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        if let Ok(elements) = serde_json::from_slice::<Vec<&RawValue>>(bytes) {
            (1..).zip(elements).for_each(|(at, element)| self.item(element.get().as_bytes(), at));
            return;
        }
        // Lines of text are one text until a blank line: many files are wrapped.
        let mut paragraph = String::new();
        let mut begun = 1;
        for (at, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let text = String::from_utf8_lossy(line);
            let is_json = text.trim_start().starts_with(['{', '[', '"']) && serde_json::from_str::<&RawValue>(&text).is_ok();
            if is_json || text.trim().is_empty() {
                self.text(&std::mem::take(&mut paragraph), begun);
            }
            if is_json {
                self.item(line, at);
            } else if !text.trim().is_empty() {
                if paragraph.is_empty() {
                    begun = at;
                }
                paragraph.push_str(text.trim());
                paragraph.push(' ');
            }
        }
        self.text(&paragraph, begun);
    }

    /// A JSON value: what is said in it, and where nothing is told to be said, every string.
    fn item(&mut self, json: &[u8], at: u64) {
        let record = Record::read(json);
        let turns = record.turns(&record.detect(&Hints::default()));
        let said: Vec<&str> = turns.iter().filter(|turn| is_said(turn.kind)).map(|turn| turn.text.as_str()).collect();
        if said.is_empty() {
            serde_json::from_slice::<Value>(json).iter().for_each(|value| self.strings(value, at));
        }
        said.into_iter().for_each(|text| self.text(text, at));
    }

    fn strings(&mut self, value: &Value, at: u64) {
        match value {
            Value::String(text) => self.text(text, at),
            Value::Array(items) => items.iter().for_each(|item| self.strings(item, at)),
            Value::Object(object) => object.values().for_each(|item| self.strings(item, at)),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, at: u64) {
        let (runs, long) = runs(text, self.words);
        if runs.is_empty() {
            return;
        }
        if !long && words_up_to(text, FEWEST_WORDS) < FEWEST_WORDS {
            self.too_short += 1;
            return;
        }
        self.texts += 1;
        let known = if long { &mut self.runs } else { &mut self.short };
        runs.into_iter().for_each(|run| {
            known.entry(run).or_insert(at);
        });
    }

    /// What a dialogue has in common with the texts.
    pub(super) fn overlap(&self, dialogue: &Dialogue) -> Option<Overlap> {
        let messages = dialogue.messages.iter().filter(|message| message.speaker != Speaker::System);
        let parts: Vec<&Part> = messages.flat_map(|message| &message.parts).filter(|part| part.kind != Media).collect();
        let mut short = None;
        for part in parts {
            let (found, long) = runs(&part.text, self.words);
            if long {
                let hit = (0..).zip(&found).find_map(|(word, run)| Some((word, self.runs.get(run)?)));
                if let Some((word, at)) = hit {
                    let words = some_words(&part.text, word, self.words, SHOWN);
                    return Some(Overlap { place: dialogue.place.clone(), text: *at, short: false, words });
                }
            } else if is_said(part.kind) {
                short = short.or_else(|| found.first().and_then(|run| self.short.get(run)));
            }
        }
        short.map(|at| Overlap { place: dialogue.place.clone(), text: *at, short: true, words: String::new() })
    }
}

/// What somebody says, and not what a program puts around it.
fn is_said(kind: SegmentType) -> bool {
    matches!(kind, UserTurn | AssistantTurn | Text | Continuation | Rubric | Refusal)
}

/// How often each run of words left a dialogue out.
#[derive(Default)]
pub(super) struct Frequent(FxHashMap<String, u64>);

impl Frequent {
    /// Names those that many dialogues hold, most first.
    pub(super) fn name(self, report: &mut Overlapping) {
        let mut often: Vec<(String, u64)> = self.0.into_iter().filter(|(_, count)| *count >= FREQUENT).collect();
        often.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        often.truncate(NAMED);
        report.frequent = often.into_iter().map(|(words, dialogues)| FrequentWords { words, dialogues }).collect();
    }
}

impl Overlapping {
    /// Counts a dialogue that is left out.
    pub(super) fn count(&mut self, overlap: &Overlap, frequent: &mut Frequent) {
        if !overlap.words.is_empty() {
            *frequent.0.entry(overlap.words.clone()).or_default() += 1;
        }
        *(if overlap.short { &mut self.by_short_texts } else { &mut self.by_words }) += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(overlap.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::Message;

    fn reference(content: &str) -> Reference {
        let mut reference = Reference::empty(13);
        reference.take(content.as_bytes());
        reference
    }

    fn dialogue(speaker: Speaker, kind: SegmentType, text: &str) -> Dialogue {
        let part = Part { kind, text: text.into(), name: None, call_id: None };
        let message = Message { speaker, role: String::new(), parts: vec![part] };
        Dialogue { messages: vec![message], place: "x:1".into(), ..Dialogue::default() }
    }

    fn hits(reference: &Reference, text: &str) -> Option<(u64, bool)> {
        reference.overlap(&dialogue(Speaker::User, UserTurn, text)).map(|overlap| (overlap.text, overlap.short))
    }

    const QUESTION: &str = "Natalia sold clips to 48 of her friends in April, and then she sold half as many in May.";

    // The rule: 13 words in a row, whatever their case and punctuation; 12 are none.
    #[test]
    fn thirteen_words_in_a_row_are_an_overlap_and_twelve_are_none() {
        let reference =
            reference(&format!("{}\n{}\n", r#"{"q":"What is it then?"}"#, serde_json::json!({ "question": QUESTION })));
        let words: Vec<&str> = QUESTION.split(' ').collect();
        let around = |count: usize| format!("Well! {} -- or so.", words[2..2 + count].join("  ").to_uppercase());
        assert_eq!(hits(&reference, &around(13)), Some((2, false)));
        assert_eq!(hits(&reference, &around(12)), None);
    }

    // A short text counts as a whole turn only, and "yes" not at all: it would leave out half of a log.
    #[test]
    fn a_short_text_must_be_a_whole_turn() {
        let reference = reference("{\"question\":\"Who wrote Hamlet?\",\"answer\":\"Yes\"}\n");
        assert_eq!((reference.texts, reference.too_short), (1, 1));
        assert_eq!(hits(&reference, "who wrote hamlet"), Some((1, true)));
        assert_eq!(hits(&reference, "Tell me, who wrote Hamlet?"), None);
        assert_eq!(hits(&reference, "yes"), None);
        let result = dialogue(Speaker::Tool, ToolResult, "Who wrote Hamlet?");
        assert!(reference.overlap(&result).is_none());
    }

    // A test set that was taken out of the same log has its system prompts.
    #[test]
    fn instructions_do_not_count_on_either_side() {
        let line = |system: &str, user: &str| {
            serde_json::json!({"messages": [{"role": "system", "content": system}, {"role": "user", "content": user}]})
                .to_string()
        };
        let reference = reference(&line(QUESTION, "Is that so, my dear friend?"));
        assert_eq!(hits(&reference, QUESTION), None);
        let asked = self::reference(&line("Be brief.", QUESTION));
        assert!(asked.overlap(&dialogue(Speaker::System, SystemPrompt, QUESTION)).is_none());
        assert_eq!(hits(&asked, QUESTION), Some((1, false)));
    }

    // A wrapped file, an array, and objects whose keys say nothing are read for what is in them.
    #[test]
    fn text_arrays_and_unknown_objects_are_read() {
        let wrapped = QUESTION.replace(" to ", "\nto ").replace(" in ", "\nin ");
        assert_eq!(hits(&reference(&format!("# Tests\n\n{wrapped}\n\nmore")), QUESTION), Some((3, false)));
        let array = serde_json::json!([{"x": 1}, {"zzz": [{"yyy": QUESTION}]}]);
        assert_eq!(hits(&reference(&serde_json::to_string_pretty(&array).unwrap()), QUESTION), Some((2, false)));
    }
}
