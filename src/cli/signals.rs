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
    let listen = move || {
        for signal in signals.forever() {
            interrupt.raise(signal);
        }
    };
    let spawned = thread::Builder::new().name("signals".into()).spawn(listen);
    spawned.map(|_| ()).map_err(|error| Error::io("starting a thread for", here, error))
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
}
