//! The report as one page.

use crate::vault::api::DedupReport;

/// The page.
pub(super) fn page(_report: &DedupReport) -> String {
    String::new()
}
