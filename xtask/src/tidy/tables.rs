//! The tables of ARCHITECTURE.md that are rules.
//!
//! Each stands between a comment `<!-- tidy: NAME -->` and `<!-- tidy: end -->`, as a Markdown table; names are
//! in backquotes, everything else in a cell is for the reader.

use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};

/// What each folder may use, by folder; `*` at the end of a name stands for anything below.
pub(crate) type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Dependencies, and the folders that alone may name them.
pub(crate) type Fences = Arrows;

/// Folders of cores, and the files in them that are excepted.
pub(crate) type Cores = Arrows;

/// The table of allowed arrows: folder, what it may use.
pub(crate) fn arrows(document: &str) -> Result<Arrows> {
    read(document, "arrows")
}

/// The table of fenced dependencies: dependency, where it may be used.
pub(crate) fn fences(document: &str) -> Result<Fences> {
    read(document, "fences")
}

/// The table of cores: folder, excepted files.
pub(crate) fn cores(document: &str) -> Result<Cores> {
    read(document, "cores")
}

fn read(document: &str, name: &str) -> Result<Arrows> {
    let begin = format!("<!-- tidy: {name} -->");
    let after = document.split_once(&begin).with_context(|| format!("ARCHITECTURE.md has no {begin}"))?.1;
    let (table, _) = after.split_once("<!-- tidy: end -->").context("the table has no end")?;
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut out = Arrows::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        ensure!(cells.len() >= 4, "a row of {name} wants two cells: {row}");
        for subject in quoted(cells[1]) {
            out.entry(subject).or_default().extend(quoted(cells[2]));
        }
    }
    ensure!(!out.is_empty(), "the table {name} is empty");
    Ok(out)
}

/// What stands in backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_stands_in_backquotes() {
        let document = "x\n<!-- tidy: arrows -->\n\n| a | b | c |\n|---|---|---|\n| `api` | nothing | `x` |\n\
                        | `mvcc`, `lease` | `api`, `storage` | |\n\n<!-- tidy: end -->\n| `z` | `y` |\n";
        let arrows = arrows(document).unwrap();
        assert_eq!(arrows.keys().collect::<Vec<_>>(), ["api", "lease", "mvcc"]);
        assert!(arrows["api"].is_empty());
        assert_eq!(arrows["mvcc"].iter().collect::<Vec<_>>(), ["api", "storage"]);
        assert!(fences(document).is_err());
    }
}
