//! Random lives of a vault against a plain map: ingest, grow, rewrite, copy, remove, undo, gc, compact, reindex; every step the vault
//! must say what the map says.
//!
//! The map knows content only: which bytes each file had in each generation, which lines were removed and whether for good. First
//! lines carry the name and generation of their file, so that two files are equal only when one was copied on purpose.

use std::collections::{BTreeMap, BTreeSet};

use turnpack::interrupt::Interrupt;
use turnpack::progress::Silent;
use turnpack::vault::Vault;
use turnpack::vault::api::{OpenOptions, RmOptions};

use crate::house::{Dice, House, chat, export};

const SEQUENCES: u64 = 40;
const STEPS: u64 = 14;

#[derive(Default)]
struct Model {
    /// Content of each file, generation by generation.
    files: BTreeMap<String, Vec<String>>,
    /// Files that were copied, and copies: removing a line there removes it in both, which the map does not follow.
    copied: BTreeSet<String>,
    /// Lines removed everywhere.
    records: BTreeSet<String>,
    /// Lines removed in one place: file, generation, line from 0.
    lines: BTreeSet<(String, usize, usize)>,
    /// Removed before a gc: gone for good.
    buried: BTreeSet<String>,
}

impl Model {
    fn newest(&self, name: &str) -> &str {
        &self.files[name].last().unwrap()[..]
    }

    fn is_removed(&self, name: &str, generation: usize, line: usize, text: &str) -> bool {
        self.records.contains(text) || self.lines.contains(&(name.to_string(), generation, line))
    }

    /// What an export gives.
    fn expected(&self, name: &str, generation: usize) -> String {
        let content = &self.files[name][generation];
        let lines: Vec<&str> = content.lines().collect();
        let left = lines.iter().enumerate().filter(|(at, text)| !self.is_removed(name, generation, *at, text));
        let left: Vec<&str> = left.map(|(_, text)| *text).collect();
        let open = left.len() == lines.len() && !content.ends_with('\n');
        left.join("\n") + if left.is_empty() || open { "" } else { "\n" }
    }
}

struct Life {
    house: House,
    model: Model,
    dice: Dice,
    story: Vec<String>,
}

impl Life {
    fn new(seed: u64) -> Life {
        Life { house: House::new(), model: Model::default(), dice: Dice(seed), story: Vec::new() }
    }

    fn some_file(&mut self) -> Option<String> {
        let names: Vec<String> = self.model.files.keys().cloned().collect();
        (!names.is_empty()).then(|| self.dice.pick(&names).clone())
    }

    fn some_lines(&mut self) -> String {
        let count = 1 + self.dice.roll(6);
        let mut text = String::new();
        for _ in 0..count {
            match self.dice.roll(5) {
                0 => text += "not json\n",
                1 => text += "\n",
                _ => text += &(chat(self.dice.roll(3), self.dice.roll(10)) + "\n"),
            }
        }
        text
    }

    fn write(&mut self, name: &str, content: &str) {
        if name.starts_with("pipe") {
            self.house.stream(Some(name), false, content.as_bytes());
        } else {
            self.house.put_in(name, content);
        }
    }

    fn step(&mut self) {
        match self.dice.roll(16) {
            0..=2 => self.create(),
            3..=5 => self.grow(),
            6 => self.rewrite(),
            7 => self.copy(),
            8..=9 => self.remove_record(),
            10 => self.remove_line(),
            11 => self.undo(),
            12 => self.collect(),
            13 => self.told("compact", |house| drop(house.compact())),
            14 => self.told("reindex", |house| {
                Vault::reindex(&house.vault(), &OpenOptions::default(), &Silent, &Interrupt::default()).unwrap();
            }),
            _ => self.again(),
        }
    }

    fn told(&mut self, what: &str, deed: impl Fn(&House)) {
        self.story.push(what.to_string());
        if self.house.vault().exists() {
            deed(&self.house);
        }
    }

    fn create(&mut self) {
        let number = self.model.files.len();
        let name = if self.dice.roll(4) == 0 { format!("pipe{number}") } else { format!("file{number}.log") };
        let content = format!("{{\"file\":\"{name}\",\"generation\":1}}\n{}", self.some_lines());
        self.story.push(format!("create {name} {content:?}"));
        self.write(&name, &content);
        self.model.files.insert(name, vec![content]);
    }

    fn grow(&mut self) {
        let Some(name) = self.some_file() else { return };
        let mut content = self.model.newest(&name).to_string() + &self.some_lines();
        if self.dice.roll(3) == 0 {
            content.pop();
            let end = self.dice.roll(content.len() as u64 / 8).try_into().unwrap_or(0);
            let keep = content.len() - usize::min(end, content.len() - self.model.newest(&name).len());
            content.truncate(keep.max(self.model.newest(&name).len()));
        }
        self.story.push(format!("grow {name} to {content:?}"));
        self.write(&name, &content);
        *self.model.files.get_mut(&name).unwrap().last_mut().unwrap() = content;
        // A copy stays what it was; from now on it is another list.
    }

    fn rewrite(&mut self) {
        let Some(name) = self.some_file() else { return };
        let generation = self.model.files[&name].len() + 1;
        let content = format!("{{\"file\":\"{name}\",\"generation\":{generation}}}\n{}", self.some_lines());
        self.story.push(format!("rewrite {name} as {content:?}"));
        self.write(&name, &content);
        self.model.files.get_mut(&name).unwrap().push(content);
    }

    fn copy(&mut self) {
        let Some(original) = self.some_file() else { return };
        let lines_removed = self.model.lines.iter().any(|(name, ..)| *name == original);
        if lines_removed {
            return;
        }
        let name = format!("copy{}.log", self.model.files.len());
        let content = self.model.newest(&original).to_string();
        self.story.push(format!("copy {original} to {name}"));
        self.house.put_in(&name, &content);
        self.model.copied.extend([original, name.clone()]);
        self.model.files.insert(name, vec![content]);
    }

    /// A whole line of the newest generation that is not removed.
    fn some_line(&mut self) -> Option<(String, usize, String)> {
        let name = self.some_file()?;
        let generation = self.model.files[&name].len() - 1;
        let content = self.model.newest(&name).to_string();
        let whole = content.rfind('\n').map_or("", |end| &content[..end]);
        let lines: Vec<(usize, &str)> = whole.lines().enumerate().collect();
        let lines: Vec<_> = lines.into_iter().filter(|(at, text)| !self.model.is_removed(&name, generation, *at, text)).collect();
        if lines.is_empty() {
            return None;
        }
        let (at, text) = *self.dice.pick(&lines);
        Some((name, at, text.to_string()))
    }

    fn remove_record(&mut self) {
        let Some((name, at, text)) = self.some_line() else { return };
        // Bytes that end an open line somewhere are another record there, later.
        if self.model.files.values().flatten().any(|content| !content.ends_with('\n') && content.lines().last() == Some(&text)) {
            return;
        }
        let (bytes, hash) = self.house.get(&format!("{name}:{}", at + 1)).unwrap();
        assert_eq!(bytes, text.as_bytes());
        self.story.push(format!("rm {name}:{} everywhere", at + 1));
        self.house.rm(&[&format!("hash:{hash}")]);
        self.model.records.insert(text);
    }

    fn remove_line(&mut self) {
        let Some((name, at, _)) = self.some_line() else { return };
        if self.model.copied.contains(&name) {
            return;
        }
        let place = format!("{name}:{}", at + 1);
        self.story.push(format!("rm {place}"));
        self.house.rm(&[&place]);
        let generation = self.model.files[&name].len() - 1;
        self.model.lines.insert((name, generation, at));
    }

    fn undo(&mut self) {
        let open: Vec<String> = self.model.records.difference(&self.model.buried).cloned().collect();
        if open.is_empty() {
            return;
        }
        let text = self.dice.pick(&open).clone();
        let hash = format!("{:032x}", turnpack::checksum::content_hash(text.as_bytes()));
        self.story.push(format!("undo {text:?}"));
        self.house.rm_as(&[&format!("hash:{hash}")], RmOptions { undo: true, ..RmOptions::default() });
        self.model.records.remove(&text);
        let files = &self.model.files;
        self.model.lines.retain(|(name, generation, at)| files[name][*generation].lines().nth(*at) != Some(&text));
    }

    fn collect(&mut self) {
        self.told("gc", |house| drop(house.gc()));
        self.model.buried = self.model.records.clone();
    }

    fn again(&mut self) {
        let Some(name) = self.some_file() else { return };
        let content = self.model.newest(&name).to_string();
        self.story.push(format!("again {name}"));
        self.write(&name, &content);
    }

    fn compare(&mut self) {
        let mut rows = 0;
        for (name, generations) in &self.model.files {
            for generation in 0..generations.len() {
                let (bytes, _) = export(&self.house.vault(), &format!("{name}@{}", generation + 1))
                    .unwrap_or_else(|error| panic!("{error}\n{}", self.story.join("\n")));
                let expected = self.model.expected(name, generation);
                let found = String::from_utf8(bytes).unwrap();
                assert_eq!(found, expected, "{name}@{}\n{}", generation + 1, self.story.join("\n"));
                rows += 1;
            }
        }
        if rows > 0 {
            let listed = self.house.ls();
            assert_eq!(
                listed.len() + listed.iter().map(|row| row.aliases.len()).sum::<usize>(),
                rows,
                "{}",
                self.story.join("\n")
            );
        }
        if let Some(name) = self.some_file() {
            let generation = self.model.files[&name].len() - 1;
            for (at, text) in self.model.newest(&name).to_string().lines().enumerate() {
                let found = self.house.get(&format!("{name}:{}", at + 1)).map(|(bytes, _)| String::from_utf8(bytes).unwrap());
                let expected = (!self.model.is_removed(&name, generation, at, text)).then(|| text.to_string());
                assert_eq!(found, expected, "{name}:{}\n{}", at + 1, self.story.join("\n"));
            }
        }
    }
}

#[test]
fn whatever_is_done_to_a_vault_it_says_what_a_plain_map_says() {
    for seed in 0..SEQUENCES {
        let mut life = Life::new(seed * 7919 + 1);
        for _ in 0..STEPS {
            life.step();
            life.compare();
        }
        if life.house.vault().exists() {
            life.house.consistent();
        }
    }
}
