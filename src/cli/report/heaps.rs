//! Conversations by what they are about, as text.

use super::super::Context;
use super::super::ls::number;
use super::super::table::Table;
use super::super::visible::visible;
use crate::error::Result;
use crate::vault::api::{ClusterReport, ClusterRow};

/// Prints heaps, the largest first, each with the conversations nearest to its middle; then those that are like no other.
pub(super) fn print(report: &ClusterReport, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    if ui.json() {
        return ui.report(report);
    }
    let mut table = Table::new(&["<cluster", ">conversations", ">similarity", "<conversation", "<title"]);
    let title = |row: &ClusterRow| row.title.as_deref().map(|title| visible(title).into_owned()).unwrap_or_default();
    for (name, cluster) in (1..).zip(&report.clusters) {
        for (at, typical) in cluster.typical.iter().enumerate() {
            let (size, alike) = (number(cluster.conversations, context), format!("{:.3}", cluster.similarity));
            let [size, alike] = if at == 0 { [size, alike] } else { [String::new(), String::new()] };
            table.row(vec![format!("{name}"), size, alike, visible(&typical.conversation).into_owned(), title(typical)]);
        }
    }
    for outlier in &report.outliers {
        let alike = format!("{:.3}", outlier.similarity);
        table.row(vec!["outlier".into(), "1".into(), alike, visible(&outlier.conversation).into_owned(), title(outlier)]);
    }
    table.print(ui)?;
    if report.without_vectors > 0 {
        ui.say(&format!("{} without vectors left out; `turnpack embed` makes them", number(report.without_vectors, context)));
    }
    Ok(())
}
