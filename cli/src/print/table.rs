//! Boxes.

use super::Page;
use unicode_width::UnicodeWidthStr as _;

/// Rows under a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Titles of the columns.
    pub header: Vec<&'static str>,
    /// Cells, as many in a row as there are titles.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The rows as lines of cells with commas between.
    pub fn lines(&self, page: &mut Page<'_>) {
        for row in &self.rows {
            page.bytes(row.join(", ").as_bytes());
            page.bytes(b"\n");
        }
    }

    /// Draws the table: titles in capitals and centred, cells to the right.
    pub fn draw(&self, page: &mut Page<'_>) {
        let titles: Vec<_> = self.header.iter().map(|title| title.replace('_', " ").to_uppercase()).collect();
        let rows: Vec<Vec<Vec<String>>> =
            self.rows.iter().map(|row| row.iter().map(|cell| cell_lines(cell)).collect()).collect();
        let mut widths: Vec<_> = titles.iter().map(|title| title.width()).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.iter().map(|line| line.width()).fold(*width, usize::max);
            }
        }
        rule(page, &widths, ["┌", "┬", "┐"]);
        let centred = titles.iter().zip(&widths).map(|(title, width)| {
            let space = width - title.width();
            format!("{}{title}{}", " ".repeat(space / 2), " ".repeat(space - space / 2))
        });
        cells(page, centred);
        if !rows.is_empty() {
            rule(page, &widths, ["├", "┼", "┤"]);
        }
        for row in &rows {
            for at in 0..row.iter().map(Vec::len).max().unwrap_or(0) {
                let to_the_right = row.iter().zip(&widths).map(|(cell, width)| {
                    let line = cell.get(at).map_or("", String::as_str);
                    format!("{}{line}", " ".repeat(width - line.width()))
                });
                cells(page, to_the_right);
            }
        }
        rule(page, &widths, ["└", "┴", "┘"]);
    }
}

fn cell_lines(cell: &str) -> Vec<String> {
    cell.replace('\t', "    ").split('\n').map(|line| line.trim().to_owned()).collect()
}

fn rule(page: &mut Page<'_>, widths: &[usize], [left, middle, right]: [&str; 3]) {
    let bars: Vec<_> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
    page.print(format_args!("{left}{}{right}\n", bars.join(middle)));
}

fn cells(page: &mut Page<'_>, cells: impl Iterator<Item = String>) {
    for cell in cells {
        page.print(format_args!("│ {cell} "));
    }
    page.bytes("│\n".as_bytes());
}
