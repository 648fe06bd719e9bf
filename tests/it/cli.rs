//! What holds for every command: exit codes, help, errors for people and for programs, colours, closed pipes.

use std::process::Stdio;

use serde_json::json;

use crate::harness::Sandbox;

/// A call of every command that needs a vault and would not create one.
const READERS: [&[&str]; 13] = [
    &["get", "abcdef"],
    &["export"],
    &["export", "-o", "out"],
    &["ls"],
    &["ls", "conversations"],
    &["stats"],
    &["rm", "--yes", "abcdef"],
    &["log"],
    &["check"],
    &["gc"],
    &["compact"],
    &["reindex"],
    &["ingest", "--no-create", "some.jsonl"],
];

#[test]
fn without_a_vault_every_command_but_ingest_exits_10_and_creates_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("some.jsonl", "{}\n");
    for arguments in READERS {
        let outcome = sandbox.run(arguments).exits(10);
        assert!(outcome.stderr().starts_with("turnpack: no vault at [ROOT]/vault; "), "{}", outcome.stderr());
        assert_eq!(outcome.stdout(), "");
    }
    assert!(!sandbox.vault().exists());
    assert!(!sandbox.path("out").exists());
}

#[test]
fn with_json_an_error_is_one_object_on_the_last_line_of_stderr() {
    let sandbox = Sandbox::new();
    let error = sandbox.run(&["stats", "--json"]).exits(10).exit_error();
    assert_eq!((&error["code"], &error["kind"], &error["retryable"]), (&json!(10), &json!("no-vault"), &json!(false)));
    assert!(error["hint"].as_str().unwrap().contains("turnpack ingest"));
    assert!(error["message"].as_str().unwrap().starts_with("no vault at "));
}

#[test]
fn with_json_even_an_unreadable_command_line_is_told_as_an_object() {
    let sandbox = Sandbox::new();
    for arguments in [&["--json", "ingset"][..], &["get", "--json"], &["ls", "--json", "--nope"], &["get", "hash:xyz", "--json"]]
    {
        let error = sandbox.run(arguments).exits(2).exit_error();
        assert_eq!((&error["code"], &error["kind"]), (&json!(2), &json!("usage")));
        assert!(!error["message"].as_str().unwrap().starts_with("error:"), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let sandbox = Sandbox::new();
    let wrong: [&[&str]; 24] = [
        &[],
        &["ingset"],
        &["--nope"],
        &["get"],
        &["get", "hash:xyz"],
        &["get", "abcdef", "--type", "user_turn", "--as", "raw"],
        &["rm", "--yes"],
        &["rm", "abcdef"],
        &["rm", "--yes", "--undo", "--purge", "abcdef"],
        &["ingest", "--source", "a", "x.jsonl", "y.jsonl"],
        &["ingest", "--source", "a", "."],
        &["ingest", "-", "-"],
        &["ingest", "--append", "x.jsonl"],
        &["ingest", "--sync", "never", "x.jsonl"],
        &["ls", "--since", "yesterday"],
        &["ls", "--since", "2026-02-01", "--until", "2026-01-01"],
        &["ls", "--tz", "Nowhere/At_All"],
        &["ls", "conversations", "--sha256"],
        &["check", "--expect", "abc"],
        &["check", "--read-data-subset", "0%"],
        &["compact", "--max-runtime", "20"],
        &["stats", "--threads", "0"],
        &["stats", "--memory-limit", "much"],
        &["stats", "--quiet", "--verbose"],
    ];
    for arguments in wrong {
        let outcome = sandbox.run(arguments).exits(2);
        assert!(!outcome.stderr().is_empty() && outcome.stdout().is_empty(), "{arguments:?}");
    }
    assert!(!sandbox.vault().exists());
}

#[test]
fn a_mistyped_command_is_answered_with_the_one_meant() {
    let outcome = Sandbox::new().run(&["ingset"]).exits(2);
    assert!(outcome.stderr().contains("'ingest'"), "{}", outcome.stderr());
}

#[test]
fn help_is_short_or_long_and_goes_to_stdout() {
    let sandbox = Sandbox::new();
    for arguments in READERS {
        let command = arguments[0];
        let short = sandbox.run(&[command, "-h"]).exits(0).silent().stdout();
        let long = sandbox.run(&[command, "--help"]).exits(0).silent().stdout();
        assert!(!short.contains("Examples:") && long.contains("\nExamples:\n  "), "{command}");
        assert!(short.lines().count() < long.lines().count(), "{command}");
    }
}

#[test]
fn the_version_tells_programs_what_decides_compatibility() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["--version"]).exits(0).silent().stdout(), "turnpack [VERSION]\n");
    let version = sandbox.run(&["--version", "--json"]).exits(0).silent().json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["vault_format"]["writes"].is_u64() && version["libzstd"].is_string());
}

#[test]
fn settings_say_where_they_come_from() {
    let sandbox = Sandbox::new();
    sandbox.write("home/.config/turnpack/config.toml", "threads = 3\nflush-interval = \"9s\"\n");
    sandbox.write("vault/config.toml", "threads = 2\n");
    let shown = sandbox.run(&["config", "show", "--origin", "--lock-timeout", "1m"]).exits(0).silent().stdout();
    let json = sandbox.run(&["config", "show", "--json"]).exits(0).json();
    assert!(json["settings"]["redact"]["value"].is_null() && json["settings"]["tz"]["value"] == "UTC", "{json}");
    let expected = [
        "vault\t[ROOT]/vault\tenvironment TURNPACK_VAULT",
        "threads\t2\t[ROOT]/vault/config.toml",
        // What nobody set is a setting, too.
        "memory-limit\t(none)\tdefault",
        "lock-timeout\t1m\t--lock-timeout",
        "color\tauto\tdefault",
        "redact\t(none)\tdefault",
        "tz\tUTC\tdefault",
        "flush-interval\t9s\t[ROOT]/home/.config/turnpack/config.toml",
        "sync\tbatch\tdefault",
        "gc-grace\t7d\tdefault",
    ];
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_broken_settings_file_is_named_with_the_place() {
    let sandbox = Sandbox::new();
    sandbox.write("home/.config/turnpack/config.toml", "threads = = 3\n");
    let outcome = sandbox.run(&["ls"]).exits(2);
    assert!(outcome.stderr().contains("[ROOT]/home/.config/turnpack/config.toml: TOML parse error at line 1"));
}

#[test]
fn colours_are_off_in_pipes_and_on_when_forced() {
    let sandbox = Sandbox::new();
    assert!(!sandbox.run(&["ls"]).stderr().contains('\x1b'));
    assert!(sandbox.run(&["ls", "--color", "always"]).stderr().starts_with("\x1b[1;31mturnpack:\x1b[0m no vault"));
    assert!(sandbox.run(&["--color=always", "ingset"]).stderr().contains('\x1b'));
    let mut forced = sandbox.command(&["ls"]);
    forced.env("CLICOLOR_FORCE", "1");
    assert!(sandbox.finish(forced, b"").stderr().contains('\x1b'));
    let mut refused = sandbox.command(&["ls"]);
    refused.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!sandbox.finish(refused, b"").stderr().contains('\x1b'));
}

#[test]
fn a_closed_pipe_is_a_quiet_success() {
    let sandbox = Sandbox::new();
    for arguments in [&["completions", "bash"][..], &["--help"], &["man", "ingest"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output =
            sandbox.command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let sandbox = Sandbox::new();
    let status = sandbox.command(&["completions", "bash"]).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(14));
}

#[test]
fn a_path_with_an_escape_sequence_is_shown_and_not_obeyed() {
    let outcome = Sandbox::new().run(&["--vault", "a\x1b[2Jb", "ls"]).exits(10);
    assert!(outcome.stderr().contains(r"no vault at a\u{1b}[2Jb;"), "{}", outcome.stderr());
}
