//! How a long operation tells how far it is; `cli` draws it, tests ignore it.

/// Receives progress; calls may come from any thread.
pub trait Progress: Sync {
    /// A new phase begins; `total` bytes or items when known.
    fn phase(&self, name: &str, total: Option<u64>) {
        let _ = (name, total);
    }
    /// `amount` more of the phase is done.
    fn advance(&self, amount: u64) {
        let _ = amount;
    }
    /// Something the user should hear about though the operation goes on.
    fn warn(&self, message: &str) {
        let _ = message;
    }
    /// How a decision was taken (shown with `--verbose`).
    fn note(&self, message: &str) {
        let _ = message;
    }
}

/// Ignores everything.
pub struct Silent;

impl Progress for Silent {}
