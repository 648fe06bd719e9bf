//! Rows of text: a table where a person looks, tab-separated lines without a header where a program reads.

use std::borrow::Cow;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement};

use super::ui::Ui;
use super::visible::visible;
use crate::error::Result;

/// Below this many columns lines are left to the terminal to break.
const NARROWEST: u16 = 40;

/// A table in the making. A title starts with `<` (text, left) or `>` (numbers, right).
pub(crate) struct Table {
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(titles: &[&'static str]) -> Table {
        Table { titles: titles.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; control characters in it are made visible here.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|cell| visible(&cell).into_owned()).collect());
    }

    pub(crate) fn print(&self, ui: &Ui) -> Result<()> {
        if ui.redacts() {
            // A column may break a word in two, and half a secret is not found any more.
            let row = |row: &Vec<String>| row.iter().map(|cell| ui.shown(cell).map(Cow::into_owned)).collect();
            let rows = self.rows.iter().map(row).collect::<Result<_>>()?;
            return Table { titles: self.titles.clone(), rows }.print_rows(ui);
        }
        self.print_rows(ui)
    }

    fn print_rows(&self, ui: &Ui) -> Result<()> {
        if !ui.stdout_is_terminal() {
            return self.rows.iter().try_for_each(|row| ui.line(&row.join("\t")));
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        self.arranged(ui.colors_stdout(), None).lines().try_for_each(|line| ui.line(line.trim_end()))
    }

    /// Fits the terminal, or `width` where one is given.
    fn arranged(&self, bold: bool, width: Option<u16>) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        if bold {
            table.enforce_styling();
        }
        if let Some(width) = width {
            table.set_width(width);
        }
        // Some terminals say they have no columns at all; a letter on each line would be the result.
        let fits = table.width().is_some_and(|width| width >= NARROWEST);
        table.set_content_arrangement(if fits { ContentArrangement::Dynamic } else { ContentArrangement::Disabled });
        let header = self.titles.iter().map(|title| {
            let cell = Cell::new(title.trim_start_matches(['<', '>']));
            if bold { cell.add_attribute(Attribute::Bold) } else { cell }
        });
        table.set_header(header.collect::<Vec<_>>());
        for row in &self.rows {
            table.add_row(row.clone());
        }
        for (index, title) in self.titles.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, 2));
                column.set_cell_alignment(if title.starts_with('>') { CellAlignment::Right } else { CellAlignment::Left });
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_nothing_from_a_log_breaks_a_row() {
        let mut table = Table::new(&["<name", ">lines"]);
        table.row(vec!["a\nb".into(), "7".into()]);
        table.row(vec!["c".into(), "1,000".into()]);
        let lines: Vec<String> = table.arranged(false, Some(80)).lines().map(|line| line.trim_end().to_string()).collect();
        assert_eq!(lines, ["name  lines", "a\\nb      7", "c     1,000"]);
    }
    #[test]
    fn a_terminal_without_columns_gets_whole_words() {
        let mut table = Table::new(&["<name", ">lines"]);
        table.row(vec!["a long name".into(), "7".into()]);
        assert!(table.arranged(false, Some(0)).to_string().contains("a long name"));
        assert!(table.arranged(false, Some(40)).lines().all(|line| line.chars().count() <= 40));
    }
}
