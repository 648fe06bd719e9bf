//! The house keeps its order: lower layers do not know higher ones, and what is dangerous or loud stays in its room.
//!
//! Reads the sources as text. A name in a comment or a string does not count; a whole path such as `crate::vault::x` does.

use std::path::{Path, PathBuf};

/// From the ground up. A room may use itself and rooms of lower layers.
const LAYERS: [&[&str]; 4] = [
    &["bytes", "checksum", "display", "error", "fsio", "ids", "interrupt", "pages", "progress"],
    &[
        "catalog", "codec", "column", "dialogue", "group", "lexical", "pack", "record", "redact", "shape", "source", "text",
        "vectors",
    ],
    &["vault"],
    &["cli"],
];

/// Within the layer of rooms, the only ways down.
const DOWN: [(&str, &[&str]); 8] = [
    ("dialogue", &["shape", "text"]),
    ("shape", &["record"]),
    ("group", &["record", "column", "text", "pack", "codec"]),
    ("record", &["column", "text", "codec"]),
    ("column", &["codec"]),
    ("text", &["codec"]),
    ("pack", &["codec"]),
    ("vectors", &["lexical"]),
];

/// Mapping files and counting with the processor's own instructions: nothing else may be unsafe.
const UNSAFE: [&str; 2] = ["fsio.rs", "vectors/distance.rs"];

struct Source {
    path: PathBuf,
    room: String,
    code: String,
}

impl Source {
    /// True when `word` is in the code as a whole word.
    fn says(&self, word: &str) -> bool {
        let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
        self.code.match_indices(word).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            let after = self.code[at + word.len()..].chars().next();
            !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
        })
    }

    /// Tests may print; they are at the end of a file.
    fn without_tests(&self) -> Source {
        let code = self.code.split("#[cfg(test)]").next().unwrap_or_default().to_string();
        Source { path: self.path.clone(), room: self.room.clone(), code }
    }

    /// The rooms named as `crate::room`, in paths and in grouped imports.
    fn rooms_used(&self) -> Vec<String> {
        let mut rooms = Vec::new();
        for (at, found) in self.code.match_indices("crate::") {
            let rest = &self.code[at + found.len()..];
            match rest.strip_prefix('{') {
                Some(group) => rooms.extend(heads_of_group(group)),
                None => rooms.push(identifier(rest)),
            }
        }
        rooms
    }
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// `a::{b, c}, d}` has the heads `a` and `d`.
fn heads_of_group(group: &str) -> Vec<String> {
    let (mut depth, mut at_head, mut heads) = (1, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => at_head = true,
            c if at_head && (c.is_alphanumeric() || c == '_') => {
                heads.push(identifier(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(source(&root, &path));
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn source(root: &Path, path: &Path) -> Source {
    let relative = path.strip_prefix(root).unwrap().to_path_buf();
    let room = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    let room = room.trim_end_matches(".rs").to_string();
    let code = without_words(&std::fs::read_to_string(path).unwrap());
    Source { path: relative, room, code }
}

/// The code without comments and without the inside of strings.
fn without_words(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            'r' if rest.starts_with("r#\"") => rest.find("\"#").map_or(rest.len(), |end| end + 2),
            '"' => end_of_string(rest),
            '\'' if rest.starts_with("'\"'") => 3,
            '\'' if rest.starts_with("'\\") => rest[2..].find('\'').map_or(rest.len(), |end| end + 3),
            _ => 0,
        };
        if skip == 0 {
            code.push(c);
        }
        rest = &rest[skip.max(c.len_utf8())..];
    }
    code
}

fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

fn may_use(room: &str, other: &str) -> bool {
    let (Some(own), Some(others)) = (layer(room), layer(other)) else { return true };
    let down = DOWN.iter().find(|(from, _)| *from == room).is_some_and(|(_, to)| to.contains(&other));
    room == other || others < own || own == 0 && others == 0 || own == others && down
}

#[test]
fn every_room_has_a_place_in_the_house() {
    for source in sources().iter().filter(|source| !["lib", "main"].contains(&source.room.as_str())) {
        assert!(layer(&source.room).is_some(), "{}: give the room a layer in this test", source.path.display());
    }
}

#[test]
fn no_room_names_a_higher_one() {
    for source in sources() {
        for other in source.rooms_used() {
            assert!(may_use(&source.room, &other), "{} must not use crate::{other}", source.path.display());
        }
    }
}

#[test]
fn libraries_stay_in_the_rooms_that_own_them() {
    let owners = [
        ("arrow_array", "vault"),
        ("arrow_buffer", "vault"),
        ("arrow_schema", "vault"),
        ("redb", "catalog"),
        ("candle_core", "vectors"),
        ("clap", "cli"),
        ("clap_complete", "cli"),
        ("clap_mangen", "cli"),
        ("comfy_table", "cli"),
        ("indicatif", "cli"),
        ("signal_hook", "cli"),
        ("toml", "cli"),
    ];
    // Mappings of shapes are TOML files too.
    let exceptions = [("toml", "shape")];
    for source in sources() {
        for (library, owner) in owners {
            let allowed = source.room == owner || exceptions.contains(&(library, source.room.as_str()));
            assert!(allowed || !source.says(library), "{} names {library}, which belongs to {owner}", source.path.display());
        }
    }
}

#[test]
fn unsafe_code_is_in_two_files() {
    for source in sources().iter().filter(|source| !UNSAFE.iter().any(|file| source.path == Path::new(file))) {
        assert!(!source.says("unsafe"), "{} has unsafe code", source.path.display());
    }
}

#[test]
fn one_file_prints() {
    // The other one reads what a command prints.
    let spared = ["cli/ui.rs", "vault/embed/backend.rs"].map(Path::new);
    let may = |source: &Source| spared.contains(&source.path.as_path()) || source.path.ends_with("tests.rs");
    for source in sources().iter().map(Source::without_tests).filter(|source| !may(source)) {
        for word in ["println", "eprintln", "print!", "eprint!", "stdout", "stderr"] {
            assert!(!source.says(word), "{} says {word}", source.path.display());
        }
    }
}

#[test]
fn the_checks_of_this_file_see_what_they_look_for() {
    let code =
        without_words("use crate::{cli::{a, b}, error};\n// crate::vault\nlet s = \"crate::pack \\\" unsafe\"; r#\"clap\"#");
    let source = Source { path: "bytes.rs".into(), room: "bytes".into(), code };
    assert_eq!(source.rooms_used(), ["cli", "error"]);
    assert!(!source.says("unsafe") && !source.says("clap") && source.says("let"));
    assert!(!may_use("bytes", "cli") && !may_use("codec", "pack") && !may_use("vault", "cli"));
    assert!(may_use("group", "pack") && may_use("cli", "bytes") && may_use("fsio", "error"));
}
