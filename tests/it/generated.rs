//! Completions and manual pages are checked in, and are what the program would print today.

use std::collections::BTreeSet;
use std::path::Path;

use turnpack::cli;

use crate::harness::assert_checked_in;

const SHELLS: [(&str, &str); 4] =
    [("bash", "turnpack.bash"), ("zsh", "_turnpack"), ("fish", "turnpack.fish"), ("powershell", "_turnpack.ps1")];

fn commands() -> Vec<String> {
    cli::command().get_subcommands().map(|command| command.get_name().to_string()).collect()
}

fn files_in(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn completions_are_what_the_program_prints() {
    for (shell, file) in SHELLS {
        assert_checked_in(&format!("completions/{file}"), &cli::render_completions(shell).unwrap());
    }
}

#[test]
fn manual_pages_are_what_the_program_prints() {
    assert_checked_in("man/turnpack.1", &cli::render_man_page(None).unwrap());
    for command in commands() {
        assert_checked_in(&format!("man/turnpack-{command}.1"), &cli::render_man_page(Some(&command)).unwrap());
    }
}

#[test]
fn no_page_or_script_is_left_of_a_command_that_is_gone() {
    let mut pages: BTreeSet<String> = commands().iter().map(|command| format!("turnpack-{command}.1")).collect();
    pages.insert("turnpack.1".into());
    assert_eq!(files_in("man"), pages);
    assert_eq!(files_in("completions"), SHELLS.iter().map(|(_, file)| file.to_string()).collect());
}

#[test]
fn every_command_shows_three_examples_that_parse() {
    for command in cli::command().get_subcommands() {
        let help = command.get_after_long_help().unwrap_or_else(|| panic!("{}: no examples", command.get_name()));
        let help = help.to_string();
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        let examples: Vec<&str> = examples.lines().filter(|line| line.starts_with("  ")).collect();
        assert_eq!(examples.len(), 3, "{}", command.get_name());
        for example in examples {
            assert_parses(example);
        }
    }
}

/// Takes the call of turnpack out of a line of shell and parses it. Quotes are simple in our examples.
#[track_caller]
fn assert_parses(example: &str) {
    let call = &example[example.find("turnpack ").unwrap()..];
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in call.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            (None, '|' | '>' | '&') => break,
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    cli::command().try_get_matches_from(&words).unwrap_or_else(|error| panic!("{example}: {error}"));
}
