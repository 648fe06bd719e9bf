//! The only place that prints. Data goes to stdout, talk to stderr; colour, quiet and JSON are decided here once.
//!
//! With `--redact` all of it is searched for secrets once more: what a command forgot is not shown all the same. Only what the
//! library writes by itself, which may be no text, it redacts by itself.
//!
//! Whatever is not raw data passes through [`super::visible`] on its way: text from logs can hold anything.

use std::borrow::Cow;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;
use serde::Serialize;

use super::GlobalArgs;
use super::color::Color;
use super::visible::{escape_json, visible, visible_text};
use crate::error::{Error, Result};
use crate::redact::{redact, redact_text};
use crate::vault::api::{Report, Versioned};

/// Large enough that a raw export does few system calls.
const OUTPUT_BUFFER: usize = 256 << 10;

/// What a terminal needs to know about both streams.
#[derive(Debug)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
    verbose: bool,
    redact: bool,
    color: Color,
    terminal: bool,
    out: Mutex<BufWriter<Stdout>>,
    reader_gone: AtomicBool,
    bar: Mutex<Option<ProgressBar>>,
}

/// How a word stands out on a terminal.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Problem,
    Warning,
}

impl Ui {
    pub(crate) fn new(global: &GlobalArgs) -> Ui {
        Ui {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            redact: global.redact.is_some(),
            color: Color::Never,
            terminal: io::stdout().is_terminal(),
            out: Mutex::new(BufWriter::with_capacity(OUTPUT_BUFFER, io::stdout())),
            reader_gone: AtomicBool::new(false),
            bar: Mutex::new(None),
        }
    }

    pub(crate) fn set_color(&mut self, color: Color) {
        self.color = color;
    }

    pub(crate) fn set_redact(&mut self, redact: bool) {
        self.redact = redact;
    }

    pub(crate) fn redacts(&self) -> bool {
        self.redact
    }

    /// A text as it may be shown.
    pub(crate) fn shown<'t>(&self, text: &'t str) -> Result<Cow<'t, str>> {
        Ok(if self.redact { redact_text(text)? } else { Cow::Borrowed(text) })
    }

    pub(crate) fn json(&self) -> bool {
        self.json
    }

    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) fn stdout_is_terminal(&self) -> bool {
        self.terminal
    }

    /// Bars need a terminal, and somebody who wants to see them.
    pub(crate) fn wants_bars(&self) -> bool {
        io::stderr().is_terminal() && !self.quiet && !self.json
    }

    pub(crate) fn colors_stdout(&self) -> bool {
        self.color.applies(self.stdout_is_terminal())
    }

    fn colors_stderr(&self) -> bool {
        self.color.applies(io::stderr().is_terminal())
    }

    // ---- data, on stdout ----

    /// Bytes as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<()> {
        if self.redact { self.put(&redact(bytes)?) } else { self.put(bytes) }
    }

    fn put(&self, bytes: &[u8]) -> Result<()> {
        let write = || lock(&self.out).write_all(bytes);
        // Somebody watches: nothing waits in the buffer, and no bar is in the way.
        let watched = || write().and_then(|()| lock(&self.out).flush());
        let written = if self.terminal { self.around_bar(watched) } else { write() };
        self.output(written)
    }

    /// Text whose control characters were made visible already, and a newline.
    pub(crate) fn line(&self, text: &str) -> Result<()> {
        self.raw(text.as_bytes())?;
        self.raw(b"\n")
    }

    /// A report as a JSON line.
    pub(crate) fn report<R: Report>(&self, report: &R) -> Result<()> {
        self.json_line(&Versioned::new(report))
    }

    /// Any value as a JSON line.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string(value).map_err(|error| Error::Internal(format!("writing JSON: {error}")))?;
        self.json_text(&json)
    }

    /// JSON that is text already.
    pub(crate) fn json_text(&self, json: &str) -> Result<()> {
        self.line(&escape_json(json))
    }

    /// Where a library function writes by itself.
    pub(crate) fn writer(&self) -> impl Write + '_ {
        Data(self)
    }

    /// Pushes out what is buffered: before waiting for input, and at the end.
    pub(crate) fn flush(&self) -> Result<()> {
        let flushed = lock(&self.out).flush();
        self.output(flushed)
    }

    /// True once stdout was closed by its reader.
    pub(crate) fn reader_is_gone(&self) -> bool {
        self.reader_gone.load(Ordering::SeqCst)
    }

    fn output(&self, result: io::Result<()>) -> Result<()> {
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            self.reader_gone.store(true, Ordering::SeqCst);
        }
        result.map_err(|error| Error::io("writing to", Path::new("standard output"), error))
    }

    // ---- talk, on stderr ----

    /// A summary or a remark; with `--json` the report says it.
    pub(crate) fn say(&self, message: &str) {
        if !self.quiet && !self.json {
            self.talk(&visible_text(message));
        }
    }

    /// How a decision was taken.
    pub(crate) fn note(&self, message: &str) {
        if self.verbose {
            self.message("note", message, None);
        }
    }

    /// Something the user should hear about though all goes on.
    pub(crate) fn warn(&self, message: &str) {
        if !self.quiet {
            self.message("warning", message, Some(Tone::Warning));
        }
    }

    /// Nothing was done, and that is a success; programs are told too, since no report follows.
    pub(crate) fn skipped(&self, message: &str) {
        if !self.quiet {
            self.message("skipped", message, None);
        }
    }

    /// Something that went wrong for one of many; never silenced.
    pub(crate) fn trouble(&self, message: &str) {
        self.message("warning", message, Some(Tone::Warning));
    }

    /// Why the program ends; never silenced.
    pub(crate) fn problem(&self, message: &str) {
        let name = self.paint("turnpack:", Tone::Problem);
        self.talk(&format!("{name} {}", visible_text(message)));
    }

    pub(crate) fn json_on_stderr(&self, value: &impl Serialize) {
        if let Ok(json) = serde_json::to_string(value) {
            self.talk(&escape_json(&json));
        }
    }

    /// Asks, and takes only a clear yes for one. `None` when there is nobody to ask.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        if !self.can_ask() {
            return None;
        }
        let mut stderr = io::stderr().lock();
        // Without a prompt the answer would be to an unknown question.
        write!(stderr, "{} [y/N] ", visible(question)).and_then(|()| stderr.flush()).ok()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal() && !self.json
    }

    /// Help text, as clap renders it.
    pub(crate) fn help(&self, help: &clap::Error) -> Result<()> {
        let text = help.render();
        self.raw(if self.colors_stdout() { text.ansi().to_string() } else { text.to_string() }.as_bytes())
    }

    /// clap's explanation of what it could not read.
    pub(crate) fn usage_error(&self, error: &clap::Error) {
        let text = error.render();
        let text = if self.colors_stderr() { text.ansi().to_string() } else { text.to_string() };
        self.talk(text.trim_end());
    }

    // ---- bars ----

    pub(crate) fn set_bar(&self, bar: Option<ProgressBar>) {
        let old = std::mem::replace(&mut *lock(&self.bar), bar);
        if let Some(old) = old {
            old.finish_and_clear();
        }
    }

    pub(crate) fn advance_bar(&self, amount: u64) {
        if let Some(bar) = lock(&self.bar).as_ref() {
            bar.inc(amount);
        }
    }

    fn around_bar<T>(&self, print: impl FnOnce() -> T) -> T {
        let bar = lock(&self.bar).clone();
        match bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn message(&self, kind: &'static str, message: &str, tone: Option<Tone>) {
        if self.json {
            return self.json_on_stderr(&serde_json::json!({ "message_type": kind, "message": message }));
        }
        let name = format!("{kind}:");
        let name = tone.map_or_else(|| name.clone(), |tone| self.paint(&name, tone));
        self.talk(&format!("{name} {}", visible_text(message)));
    }

    fn talk(&self, line: &str) {
        let line = self.shown(line).unwrap_or(Cow::Borrowed("a message is withheld: it cannot be searched for secrets"));
        // A closed stderr is no reason to stop working: there is nobody left to tell.
        let _ = self.around_bar(|| writeln!(io::stderr().lock(), "{line}"));
    }

    fn paint(&self, word: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Problem => "1;31",
            Tone::Warning => "1;33",
        };
        if self.colors_stderr() { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_string() }
    }
}

struct Data<'a>(&'a Ui);

impl Write for Data<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = lock(&self.0.out).write(bytes);
        if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            self.0.reader_gone.store(true, Ordering::SeqCst);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = lock(&self.0.out).flush();
        if flushed.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            self.0.reader_gone.store(true, Ordering::SeqCst);
        }
        flushed
    }
}

/// A panic elsewhere must not silence the report about it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
