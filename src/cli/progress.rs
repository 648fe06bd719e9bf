//! Bars on a terminal, silence elsewhere: a log of progress lines helps nobody who reads a cron mail.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::ui::Ui;
use crate::progress::Progress;

/// Draws what an operation tells. Dropping it takes the bar away.
pub(crate) struct Bars<'a> {
    ui: &'a Ui,
}

impl<'a> Bars<'a> {
    pub(crate) fn new(ui: &'a Ui) -> Bars<'a> {
        Bars { ui }
    }
}

impl Progress for Bars<'_> {
    fn phase(&self, name: &str, total: Option<u64>) {
        if !self.ui.wants_bars() {
            return;
        }
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{prefix} [{bar:30}] {percent}% {eta}"),
            None => (ProgressBar::new_spinner(), "{prefix} {spinner} {human_pos} {elapsed}"),
        };
        // The templates are ours; if one were wrong, the default style is no harm.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style.progress_chars("=> ")).with_prefix(name.to_string());
        bar.enable_steady_tick(Duration::from_millis(200));
        self.ui.set_bar(Some(bar));
    }

    fn advance(&self, amount: u64) {
        self.ui.advance_bar(amount);
    }

    fn warn(&self, message: &str) {
        self.ui.warn(message);
    }

    fn note(&self, message: &str) {
        self.ui.note(message);
    }
}

impl Drop for Bars<'_> {
    fn drop(&mut self) {
        self.ui.set_bar(None);
    }
}
