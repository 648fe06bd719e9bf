//! Near duplicates as text.

use super::super::Context;
use super::super::ls::{bytes, number};
use super::super::table::Table;
use super::super::visible::{visible, visible_text};
use crate::error::Result;
use crate::vault::api::{DiffPart, NearReport};

/// Lines of a difference that are printed.
const MOST_LINES: usize = 24;

/// Prints clusters: a row for each segment, the canonical one first.
pub(super) fn print(near: &NearReport, context: &Context<'_>) -> Result<()> {
    let mut table = Table::new(&["<canonical", "<hash", ">similarity", ">said", ">bytes", "<difference"]);
    let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_string();
    for cluster in &near.clusters {
        table.row(vec![
            short(&cluster.canonical),
            short(&cluster.canonical),
            "1".into(),
            number(cluster.references, context),
            bytes(cluster.bytes, context),
            cluster.preview.clone(),
        ]);
        for variant in &cluster.variants {
            table.row(vec![
                short(&cluster.canonical),
                short(&variant.hash),
                format!("{:.4}", variant.similarity),
                number(variant.references, context),
                bytes(variant.bytes, context),
                changes(&variant.diff),
            ]);
        }
    }
    table.print(context.ui)?;
    context.ui.say(&format!(
        "{} of {} segments in {} clusters at {} or more; {} compared exactly, a pair at the threshold is found with a probability of {:.4} \
         ({} bands of {} rows); {} segments are too short",
        near.clustered,
        near.segments,
        near.clusters.len() as u64 + near.more_clusters,
        near.threshold,
        near.compared,
        near.recall,
        near.bands,
        near.rows,
        near.too_short
    ));
    Ok(())
}

/// The changed words of a difference in one line.
pub(super) fn changes(diff: &[DiffPart]) -> String {
    const MOST: usize = 160;
    let mut line = String::new();
    for part in diff.iter().filter(|part| part.op != "equal") {
        let words = part.text.split_whitespace().collect::<Vec<_>>().join(" ");
        // Other spaces between the same words are a change, but not one that a line can show.
        if words.is_empty() {
            continue;
        }
        line.push_str(&format!(
            "{}{words}{} ",
            if part.op == "delete" { "[-" } else { "[+" },
            if part.op == "delete" { "-]" } else { "+]" }
        ));
        if line.chars().count() > MOST {
            let cut: String = line.chars().take(MOST).collect();
            return format!("{cut}…");
        }
    }
    line.trim_end().to_string()
}

/// A difference over several lines, with colour where there is some.
pub(super) fn print_diff(diff: &[DiffPart], context: &Context<'_>) -> Result<()> {
    let colors = context.ui.colors_stdout();
    let mut text = String::new();
    for part in diff {
        let (open, close) = match (part.op, colors) {
            ("delete", true) => ("\u{1b}[31;9m", "\u{1b}[0m"),
            ("insert", true) => ("\u{1b}[32m", "\u{1b}[0m"),
            ("delete", false) => ("[-", "-]"),
            ("insert", false) => ("[+", "+]"),
            _ => ("", ""),
        };
        // Line feeds are ours to print; what else might move the cursor is not. Colour ends with each line: the rest may be cut.
        for (at, line) in part.text.split('\n').enumerate() {
            if at > 0 {
                text.push('\n');
            }
            // A blank line has nothing to mark.
            if !line.is_empty() {
                text.extend([open, &visible(line), close]);
            }
        }
    }
    cut_lines(&text, context)
}

/// The beginning of a text that took the place of an unlike one.
pub(super) fn print_text(text: &str, context: &Context<'_>) -> Result<()> {
    context.ui.line("      The text is another one:")?;
    cut_lines(&visible_text(text), context)
}

/// Prints as many lines as somebody reads on a terminal, and says where the others are.
fn cut_lines(text: &str, context: &Context<'_>) -> Result<()> {
    let is_blank = |line: &&str| line.trim().is_empty();
    let lines: Vec<&str> = text.lines().filter(|line| !is_blank(line)).collect();
    lines.iter().take(MOST_LINES).try_for_each(|line| context.ui.line(&format!("      {line}")))?;
    let more = lines.len().saturating_sub(MOST_LINES);
    if more > 0 {
        context.ui.line(&format!("      … {more} more lines; --html FILE and --json have them"))?;
    }
    Ok(())
}
