//! A flag that signals raise and long loops look at between batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// Cheap to clone; all clones share one flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicI32>);

impl Interrupt {
    /// Raises the flag with the number of the signal (SIGINT 2, SIGTERM 15, SIGHUP 1).
    pub fn raise(&self, signal: i32) {
        self.0.store(signal, Ordering::SeqCst);
    }

    /// The signal that raised it.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        match self.0.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// True once raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.signal().is_some()
    }
}
