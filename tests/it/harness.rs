//! A sandbox for the real program: its own directory and home, a fixed environment, output that is the same on every machine.
//!
//! ```text
//! let sandbox = Sandbox::new();
//! sandbox.write("a.jsonl", "{}\n");
//! sandbox.run(&["ingest", "a.jsonl"]).exits(0);
//! ```

// Not every helper is needed by every state of the test suite.
#![allow(dead_code, reason = "helpers are here for all test modules")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// A directory that is gone when the test is over.
pub struct Sandbox {
    dir: tempfile::TempDir,
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, byte for byte.
    pub stdout_bytes: Vec<u8>,
    /// Standard error, byte for byte.
    pub stderr_bytes: Vec<u8>,
    root: String,
    command: String,
}

impl Sandbox {
    /// An empty sandbox; the vault's place in it is `vault`, and nothing is there yet.
    pub fn new() -> Sandbox {
        let sandbox = Sandbox { dir: tempfile::tempdir().expect("a temporary directory") };
        std::fs::create_dir(sandbox.path("home")).expect("a home");
        sandbox
    }

    /// A path inside.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The vault's directory.
    pub fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    /// Writes a file, with the directories above it.
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("directories");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Reads a file.
    pub fn read(&self, relative: impl AsRef<Path>) -> Vec<u8> {
        std::fs::read(self.path(relative)).expect("a file to read")
    }

    /// The program, ready for more than [`Sandbox::run`] can say.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_turnpack"));
        command.args(arguments).current_dir(self.dir.path()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.path("home")).env("TURNPACK_VAULT", self.vault());
        command.env("TMPDIR", self.dir.path()).env("TZ", "UTC").env("LC_ALL", "C.UTF-8").env("COLUMNS", "100");
        // Backtraces would make the output depend on the build.
        command.env("RUST_BACKTRACE", "0");
        command
    }

    /// Runs the program without input.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.finish(self.command(arguments), b"")
    }

    /// Runs the program with `input` on standard input.
    pub fn pipe(&self, input: impl AsRef<[u8]>, arguments: &[&str]) -> Outcome {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        self.finish(command, input.as_ref())
    }

    /// Runs a command made by [`Sandbox::command`] to its end.
    pub fn finish(&self, mut command: Command, input: &[u8]) -> Outcome {
        let shown = format!("{command:?}");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stdin = child.stdin.take();
        // From a thread of its own: a program that answers before it has read all would block both sides.
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output().expect("the program ends")
        });
        Outcome {
            code: output.status.code(),
            stdout_bytes: output.stdout,
            stderr_bytes: output.stderr,
            root: self.dir.path().display().to_string(),
            command: shown,
        }
    }
}

impl Outcome {
    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Outcome {
        assert_eq!(self.code, Some(code), "{}\nstdout: {}\nstderr: {}", self.command, self.stdout(), self.stderr());
        self
    }

    /// Asserts that nothing was said on standard error.
    #[track_caller]
    pub fn silent(self) -> Outcome {
        assert_eq!(self.stderr(), "", "{}", self.command);
        self
    }

    /// Standard output as normalised text.
    pub fn stdout(&self) -> String {
        self.normalised(&self.stdout_bytes)
    }

    /// Standard error as normalised text.
    pub fn stderr(&self) -> String {
        self.normalised(&self.stderr_bytes)
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout_bytes).unwrap_or_else(|error| panic!("{error}: {}", self.stdout()))
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        String::from_utf8_lossy(&self.stdout_bytes).lines().map(parse).collect()
    }

    /// The `exit_error` object, which must be the last line on standard error.
    #[track_caller]
    pub fn exit_error(&self) -> Value {
        let stderr = String::from_utf8_lossy(&self.stderr_bytes);
        let last = stderr.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {stderr}"));
        assert_eq!(value["message_type"], "exit_error", "{stderr}");
        value
    }

    fn normalised(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).replace(&self.root, "[ROOT]");
        normalise(&text)
    }
}

/// Takes out what differs from run to run: times, milliseconds, the version.
pub fn normalise(text: &str) -> String {
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").expect("a valid pattern"));
    static ELAPSED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""elapsed_ms":\d+"#).expect("a valid pattern"));
    let text = TIME.replace_all(text, "[TIME]");
    let text = ELAPSED.replace_all(&text, r#""elapsed_ms":[MS]"#);
    text.replace(concat!("turnpack ", env!("CARGO_PKG_VERSION")), "turnpack [VERSION]")
}

/// Compares with a checked-in file. `SNAPSHOTS=overwrite` writes it instead; read the difference before you commit it.
#[track_caller]
pub fn assert_checked_in(relative: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(relative);
    if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        std::fs::create_dir_all(path.parent().expect("inside")).expect("directories");
        return std::fs::write(&path, content).expect("a snapshot");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    let first_difference = content.lines().zip(checked_in.lines()).position(|(new, old)| new != old);
    let line = first_difference.unwrap_or_else(|| content.lines().count().min(checked_in.lines().count())) + 1;
    assert!(
        checked_in == content,
        "{relative} is not up to date from line {line} on; `SNAPSHOTS=overwrite cargo test --test it generated` renders it again"
    );
}
