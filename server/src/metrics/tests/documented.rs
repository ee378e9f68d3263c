//! `docs/metrics.md` and the program say the same.

use super::catalogue::{Family, families, used};
use crate::metrics::ABSENT;
use std::{fmt::Write, path::Path};

const BEGIN: &str = "<!-- metrics: begin -->\n";
const END: &str = "<!-- metrics: end -->\n";

/// The tables of the page, made of what the program has.
fn tables() -> String {
    let here = families(&used().render());
    let (own, etcds): (Vec<_>, Vec<_>) = here.iter().partition(|(name, _)| name.starts_with("oxetcd_"));
    let mut text = String::new();
    for (title, rows) in [("Those of etcd", etcds), ("Our own", own)] {
        let _ = write!(text, "\n## {title}\n\n| name | type | labels | meaning |\n|---|---|---|---|\n");
        for (name, Family { help, kind, labels, .. }) in rows {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let _ = writeln!(text, "| `{name}` | {kind} | {} | {help} |", labels.join(" "));
        }
    }
    text += "\n## Not here\n\n| name | reason |\n|---|---|\n";
    for (start, reason) in ABSENT {
        let rest = if start.ends_with('_') { "*" } else { "" };
        let _ = writeln!(text, "| `{start}{rest}` | {reason} |");
    }
    text + "\n"
}

/// With `OXETCD_BLESS=1` the page is written anew.
#[test]
fn the_page_of_metrics_lists_what_there_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let page = std::fs::read_to_string(&path).expect("the page can be read");
    let (before, rest) = page.split_once(BEGIN).expect("the tables begin somewhere");
    let (written, after) = rest.split_once(END).expect("the tables end somewhere");
    if std::env::var_os("OXETCD_BLESS").is_some() {
        let anew = [before, BEGIN, &tables(), END, after].concat();
        std::fs::write(&path, anew).expect("the page can be written");
    } else {
        let difference = tables().lines().find(|line| !written.contains(line)).map(str::to_owned);
        assert_eq!(
            difference, None,
            "docs/metrics.md is out of date: OXETCD_BLESS=1 cargo test -p oxetcd-server metrics"
        );
        assert_eq!(written.lines().count(), tables().lines().count(), "docs/metrics.md has lines too many");
    }
}
