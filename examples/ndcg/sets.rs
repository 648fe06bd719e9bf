//! Questions and documents out of logs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::python;

/// Shorter texts are no segments: words do not find them.
const SHORTEST: usize = 48;

/// Something to be asked of a vault of documents.
#[derive(Default)]
pub struct Set {
    /// Each once.
    pub documents: Vec<String>,
    pub questions: Vec<Question>,
    places: HashMap<String, usize>,
}

/// A question, and the documents that answer it.
pub struct Question {
    pub text: String,
    pub relevant: BTreeSet<usize>,
}

impl Set {
    /// The place of a document. Equal ones are one.
    fn document(&mut self, text: &str) -> usize {
        let place = self.documents.len();
        match self.places.get(text) {
            Some(place) => *place,
            None => {
                self.places.insert(text.to_string(), place);
                self.documents.push(text.to_string());
                place
            }
        }
    }

    /// Some pairs of a question and its answer, evenly from all: so many answers are there, so many questions are asked. What several ask in the same words
    /// has all their answers.
    pub fn of_pairs(pairs: &[(String, String)], questions: usize, documents: usize) -> Set {
        let pairs = evenly(pairs, documents);
        let mut set = Set::default();
        let mut asked: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (question, answer) in &pairs {
            asked.entry(question).or_default().insert(set.document(answer));
        }
        let asked: Vec<(&str, BTreeSet<usize>)> = asked.into_iter().collect();
        set.questions =
            evenly(&asked, questions).into_iter().map(|(text, relevant)| Question { text: text.into(), relevant }).collect();
        set
    }

    /// Questions, each answered by all documents of its group.
    fn of_groups(documents: &[(String, String)], questions: &[(String, String)], most: usize) -> Set {
        let mut set = Set::default();
        let mut groups: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (group, document) in documents {
            groups.entry(group).or_default().insert(set.document(document));
        }
        let mut seen = BTreeSet::new();
        let asked: Vec<&(String, String)> = questions.iter().filter(|(_, text)| seen.insert(text)).collect();
        let question = |(group, text): &(String, String)| {
            Some(Question { text: text.clone(), relevant: groups.get(group.as_str())?.clone() })
        };
        set.questions = evenly(&asked, most).into_iter().filter_map(question).collect();
        set
    }
}

/// As many of them as are wanted, the same distance apart.
fn evenly<T: Clone>(all: &[T], wanted: usize) -> Vec<T> {
    let wanted = wanted.min(all.len());
    (0..wanted).map(|at| all[at * all.len() / wanted].clone()).collect()
}

/// All sets, by name; an error says what is missing for one.
pub fn all(logs: &Path, python: Option<&Path>) -> Vec<(&'static str, Result<Set>)> {
    let code = python.context("no folder of Python sources was given").and_then(python::functions);
    vec![
        ("instruction → its conversations", instructions(logs)),
        ("user turn → the reply to it", replies(logs)),
        ("judge's justification → conversations about the same task", justifications(logs)),
        ("judge's note → others' answers to the same", answers(logs, "note")),
        ("answer → others' answers to the same", answers(logs, "answer")),
        ("docstring → its function", code.map(|pairs| Set::of_pairs(&pairs, 1500, 3000))),
        ("Chinese: opening → the rest of the conversation", openings(logs)),
    ]
}

fn records(logs: &Path, name: &str) -> Result<Vec<Value>> {
    let path = logs.join(name);
    let file = std::fs::File::open(&path).with_context(|| format!("{name} is not there"))?;
    let lines = BufReader::new(file).lines();
    lines.map(|line| serde_json::from_str(&line?).with_context(|| format!("reading {name}"))).collect()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What some role says, or all roles, end to end.
fn said(turns: &[Value], role: Option<&str>) -> String {
    let of_role = turns.iter().filter(|turn| role.is_none_or(|role| text(turn, "/role") == role));
    of_role.map(|turn| text(turn, "/content")).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// What a simulated customer was told to want, and what it then said.
fn instructions(logs: &Path) -> Result<Set> {
    let records = records(logs, "tau_bench.jsonl")?;
    let wanted = |record: &Value| text(record, "/info/task/instruction").to_string();
    let documents: Vec<(String, String)> =
        records.iter().map(|record| (wanted(record), said(list(record, "/traj"), Some("user")))).collect();
    let questions: Vec<(String, String)> = records.iter().map(|record| (wanted(record), wanted(record))).collect();
    Ok(Set::of_groups(&documents, &questions, usize::MAX))
}

fn replies(logs: &Path) -> Result<Set> {
    let mut pairs = Vec::new();
    for record in records(logs, "tau2_sims.jsonl")? {
        for pair in list(&record, "/messages").windows(2) {
            let [asked, replied] = [(0, "user"), (1, "assistant")].map(|(at, role)| said(&pair[at..=at], Some(role)));
            if asked.len() >= SHORTEST && replied.len() >= SHORTEST {
                pairs.push((asked, replied));
            }
        }
    }
    pairs.sort();
    pairs.dedup();
    Ok(Set::of_pairs(&pairs, 1500, 4579))
}

/// What a judge said of a conversation names no names: conversations about the same task are many, and alike.
fn justifications(logs: &Path) -> Result<Set> {
    let (mut documents, mut questions) = (Vec::new(), Vec::new());
    for record in records(logs, "judge_tau2.jsonl")? {
        let group = format!("{} {}", text(&record, "/label"), text(&record, "/task_id"));
        let Some((_, conversation)) = text(&record, "/judge_prompt").split_once("Conversation transcript:") else { continue };
        let conversation = conversation.split("Judging instructions:").next().unwrap_or_default();
        documents.push((group.clone(), conversation.trim().to_string()));
        let justification = text(&record, "/judge_justification");
        if justification.len() >= SHORTEST {
            questions.push((group, justification.to_string()));
        }
    }
    ensure!(!questions.is_empty(), "judge_tau2.jsonl has no justifications");
    Ok(Set::of_groups(&documents, &questions, 600))
}

/// Three models' answers to each task; asked is by what a judge noted of a fourth one's, or by a fifth one's answer.
fn answers(logs: &Path, by: &str) -> Result<Set> {
    let mut tasks: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in records(logs, "wildbench_outputs.jsonl")? {
        if text(&record, "/model_output").len() >= SHORTEST {
            tasks.entry(text(&record, "/session_id").to_string()).or_default().push(record);
        }
    }
    let (mut documents, mut questions) = (Vec::new(), Vec::new());
    for (task, answers) in tasks {
        let [first, second, third, noted, answer, ..] = &answers[..] else { continue };
        for document in [first, second, third] {
            documents.push((task.clone(), text(document, "/model_output").to_string()));
        }
        let note = ["strengths", "weaknesses"].map(|key| text(noted, &format!("/parsed_result/{key}"))).join("\n");
        let question = if by == "note" { note } else { text(answer, "/model_output").to_string() };
        if question.len() >= SHORTEST {
            questions.push((task, question));
        }
    }
    Ok(Set::of_groups(&documents, &questions, if by == "note" { 800 } else { 600 }))
}

fn openings(logs: &Path) -> Result<Set> {
    let pair = |record: &Value| {
        let (first, rest) = list(record, "/messages").split_first()?;
        Some((said(std::slice::from_ref(first), None), said(rest, None)))
    };
    let pairs: Vec<(String, String)> = records(logs, "chat_zh_smile.jsonl")?.iter().filter_map(pair).collect();
    Ok(Set::of_pairs(&pairs, 800, 3000))
}
