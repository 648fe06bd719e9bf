//! The first SIGINT, SIGTERM or SIGHUP raises the interrupt and the command ends after a clean commit; the second ends the
//! process at once, which is still safe: what was not acknowledged was not promised.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::error::{Error, IoContext, Result};
use crate::interrupt::Interrupt;

/// Listens from now on.
pub(crate) fn install(interrupt: &Interrupt) -> Result<()> {
    let here = Path::new("signals");
    let listened: Vec<i32> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)).collect();
    for &signal in &listened {
        // Handlers run in the order of registration: the shutdown looks at the flag before this very signal sets it.
        let seen = Arc::new(AtomicBool::new(false));
        let code = if signal == SIGINT { 130 } else { 143 };
        flag::register_conditional_shutdown(signal, code, Arc::clone(&seen)).on("listening for", here)?;
        flag::register(signal, seen).on("listening for", here)?;
    }
    let mut signals = Signals::new(&listened).on("listening for", here)?;
    let interrupt = interrupt.clone();
    let listen = move || forward(signals.forever(), &interrupt);
    let spawned = thread::Builder::new().name("signals".into()).spawn(listen);
    spawned.map(|_| ()).map_err(|error| Error::io("starting a thread for", here, error))
}

fn forward(signals: impl IntoIterator<Item = i32>, interrupt: &Interrupt) {
    signals.into_iter().for_each(|signal| interrupt.raise(signal));
}

/// `nohup` ignores SIGHUP for us; listening to it would undo that. Where the system does not tell, nothing is ignored.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_in(&status, signal)
}

fn ignored_in(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_nohup_ignores_stays_ignored() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(ignored_in(status, SIGHUP));
        assert!(!ignored_in(status, SIGINT));
        assert!(!ignored_in("", SIGHUP));
    }

    /// The second signal ends the process, so it is a process of its own that gets them: this very test, run again.
    #[test]
    fn the_second_signal_ends_the_process_with_its_code_and_the_first_does_not() {
        const ALONE: &str = "TURNPACK_TEST_SIGNALS";
        if let Some(signal) = std::env::var(ALONE).ok().and_then(|signal| signal.parse().ok()) {
            install(&Interrupt::default()).unwrap();
            signal_hook::low_level::raise(signal).unwrap();
            println!("alive after the first");
            signal_hook::low_level::raise(signal).unwrap();
            return;
        }
        // What the shell had ignored stays so: SIGINT for jobs in the background of a script.
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)].into_iter().filter(|(signal, _)| !is_ignored(*signal)) {
            let mut again = std::process::Command::new(std::env::current_exe().unwrap());
            again.args([
                "--exact",
                "--nocapture",
                "cli::signals::tests::the_second_signal_ends_the_process_with_its_code_and_the_first_does_not",
            ]);
            let output = again.env(ALONE, signal.to_string()).output().unwrap();
            assert!(String::from_utf8_lossy(&output.stdout).contains("alive after the first"));
            assert_eq!(output.status.code(), Some(code));
        }
    }

    #[test]
    fn the_first_signal_raises_the_interrupt() {
        // SIGHUP: should the test hang, Control-C still ends it.
        let interrupt = Interrupt::default();
        let mut signals = Signals::new([SIGHUP]).unwrap();
        signal_hook::low_level::raise(SIGHUP).unwrap();
        forward(signals.wait(), &interrupt);
        assert_eq!(interrupt.signal(), Some(SIGHUP));
    }
}
