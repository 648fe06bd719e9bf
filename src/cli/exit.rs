//! From outcome to exit code. With `--json` every exit but success is told as one object, the last line on stderr.

use std::process::ExitCode;

use serde::Serialize;

use super::ui::Ui;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::vault::api::SCHEMA_VERSION;

/// How a command ended that ran to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// 0.
    Done,
    /// 1: nothing found, or the answer is no.
    Negative(String),
    /// 1: nothing found, and as with grep no word about it.
    Nothing,
    /// 3: done, but something could not be read.
    Partial(String),
    /// 13: the vault is damaged.
    Damaged(String),
    /// 130 or 143: a signal ended it early, after a clean commit.
    Interrupted,
}

/// What a script may want to know about an exit that is no success.
#[derive(Debug, Serialize)]
struct ExitError<'a> {
    message_type: &'static str,
    schema_version: u32,
    code: u8,
    kind: &'a str,
    message: &'a str,
    hint: Option<&'static str>,
    retryable: bool,
}

/// Tells the user and gives the exit code.
pub(crate) fn finish(ui: &Ui, outcome: Result<Status>, interrupt: &Interrupt, skip_if_locked: bool) -> ExitCode {
    // Whoever read our output has seen enough: that is their success and ours.
    if ui.reader_is_gone() {
        return ExitCode::SUCCESS;
    }
    // Rows found before an error are data all the same.
    let flushed = ui.flush();
    let outcome = outcome.and_then(|status| flushed.map(|()| status));
    if ui.reader_is_gone() {
        return ExitCode::SUCCESS;
    }
    match outcome {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::Negative(message)) => leave(ui, 1, "negative", &message, None, false),
        Ok(Status::Nothing) if ui.json() => leave(ui, 1, "negative", "nothing matches", None, false),
        Ok(Status::Nothing) => ExitCode::from(1),
        Ok(Status::Partial(message)) => leave(ui, 3, "partial", &message, None, false),
        Ok(Status::Damaged(message)) => leave(ui, 13, "integrity", &message, hint("integrity"), false),
        Ok(Status::Interrupted) => leave_with(ui, &Error::Interrupted, interrupt),
        Err(Error::Locked { path, holder }) if skip_if_locked => {
            ui.skipped(&format!("{} is locked by {holder}; skipped", path.display()));
            ExitCode::SUCCESS
        }
        Err(error) => leave_with(ui, &error, interrupt),
    }
}

/// Ends a run that clap refused, or that only asked for help.
pub(crate) fn refused(ui: &Ui, error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Writing help into a closed pipe is no failure, and there is no other way to fail here worth a code.
        let _ = ui.help(error).and_then(|()| ui.flush());
        return ExitCode::SUCCESS;
    }
    if ui.json() {
        let text = error.to_string();
        let reason = text.split("\n\n").next().unwrap_or(&text).trim_start_matches("error: ");
        return leave(ui, 2, "usage", reason.trim(), hint("usage"), false);
    }
    ui.usage_error(error);
    ExitCode::from(2)
}

fn leave_with(ui: &Ui, error: &Error, interrupt: &Interrupt) -> ExitCode {
    let kind = kind(error);
    let retryable = matches!(error, Error::Locked { .. } | Error::Interrupted | Error::NoSpace { .. });
    leave(ui, code(error, interrupt.signal()), kind, &error.to_string(), hint(kind), retryable)
}

fn leave(ui: &Ui, code: u8, kind: &str, message: &str, hint: Option<&'static str>, retryable: bool) -> ExitCode {
    if ui.json() {
        let object =
            ExitError { message_type: "exit_error", schema_version: SCHEMA_VERSION, code, kind, message, hint, retryable };
        ui.json_on_stderr(&object);
    } else {
        ui.problem(message);
    }
    ExitCode::from(code)
}

/// The documented code of an error. SIGHUP counts as SIGTERM: to a script both mean "told to end".
fn code(error: &Error, signal: Option<i32>) -> u8 {
    match error {
        Error::NotFound(_) => 1,
        Error::Usage(_) => 2,
        Error::Io { .. } | Error::Internal(_) | Error::Withheld(_) => 4,
        Error::NoVault(_) => 10,
        Error::Locked { .. } => 11,
        Error::TooNew { .. } => 12,
        Error::Integrity { .. } => 13,
        Error::NoSpace { .. } => 14,
        Error::Interrupted if matches!(signal, Some(signal_hook::consts::SIGTERM | signal_hook::consts::SIGHUP)) => 143,
        Error::Interrupted => 130,
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::NotFound(_) => "not-found",
        Error::Usage(_) => "usage",
        Error::Io { .. } => "io",
        Error::Internal(_) => "internal",
        Error::Withheld(_) => "withheld",
        Error::NoVault(_) => "no-vault",
        Error::Locked { .. } => "vault-locked",
        Error::TooNew { .. } => "vault-too-new",
        Error::Integrity { .. } => "integrity",
        Error::NoSpace { .. } => "no-space",
        Error::Interrupted => "interrupted",
    }
}

fn hint(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "usage" => "turnpack --help, and turnpack COMMAND --help, say what is possible",
        "no-vault" => "turnpack ingest creates a vault; --vault or TURNPACK_VAULT names another",
        "vault-locked" => "wait with --lock-timeout 10m, or leave quietly with --skip-if-locked",
        "vault-too-new" => "install a newer turnpack",
        "integrity" => "run turnpack check --read-data to see what is affected",
        "no-space" => "free some space and run again; what was committed before is safe",
        "interrupted" => "run again to go on; what was acknowledged is safe",
        "internal" => "this is a bug of turnpack; please report it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn every_error_has_the_exit_code_the_contract_gives_it() {
        let path = || PathBuf::from("v");
        let io = std::io::Error::other("no");
        let table = [
            (Error::NotFound("x".into()), 1),
            (Error::Usage("x".into()), 2),
            (Error::Io { doing: "reading", path: path(), source: io }, 4),
            (Error::Internal("x".into()), 4),
            (Error::NoVault(path()), 10),
            (Error::Locked { path: path(), holder: "x".into() }, 11),
            (Error::TooNew { path: path(), what: "x".into() }, 12),
            (Error::Integrity { path: path(), what: "x".into() }, 13),
            (Error::NoSpace { path: path(), doing: "writing" }, 14),
        ];
        for (error, expected) in table {
            assert_eq!(code(&error, None), expected, "{error}");
        }
    }

    #[test]
    fn a_cron_job_that_skips_a_locked_vault_succeeds_and_any_other_fails() {
        let ui = Ui::new(&crate::cli::GlobalArgs { quiet: true, ..Default::default() });
        let locked = || Err(Error::Locked { path: "v/write.lock".into(), holder: "process 7".into() });
        let exit = |outcome, skip| format!("{:?}", finish(&ui, outcome, &Interrupt::default(), skip));
        assert_eq!(exit(locked(), true), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(exit(locked(), false), format!("{:?}", ExitCode::from(11)));
        assert_eq!(exit(Err(Error::NoVault("v".into())), true), format!("{:?}", ExitCode::from(10)));
    }

    #[test]
    fn an_interrupted_run_tells_control_c_from_being_told_to_end() {
        let codes: Vec<u8> = [2, 15, 1].iter().map(|&signal| code(&Error::Interrupted, Some(signal))).collect();
        assert_eq!(codes, [130, 143, 143]);
    }
}
