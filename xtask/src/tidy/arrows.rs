//! Who uses whom.

use super::{
    manifests::Crate,
    tables::{Arrows, Fences},
};
use std::collections::BTreeSet;

/// Every arrow must be allowed, directly or through what is allowed; every fenced dependency must stay behind
/// its fence; every crate must be in the table.
pub(crate) fn check(crates: &[Crate], arrows: &Arrows, fences: &Fences) -> Vec<String> {
    let mut complaints = Vec::new();
    for one in crates {
        let Some(_) = arrows.get(&one.folder) else {
            complaints.push(format!("{}: not in ARCHITECTURE.md's table of arrows", one.folder));
            continue;
        };
        let allowed = reachable(&one.folder, arrows);
        for used in &one.ours {
            if *used != one.folder && !matches(&allowed, used) {
                complaints.push(format!("{} uses {used}, which ARCHITECTURE.md does not allow", one.folder));
            }
        }
        for used in &one.others {
            if fences.get(used).is_some_and(|inside| !matches(inside, &one.folder)) {
                complaints
                    .push(format!("{} uses {used}, which ARCHITECTURE.md fences in elsewhere", one.folder));
            }
        }
    }
    let gone = arrows.keys().filter(|folder| crates.iter().all(|one| one.folder != **folder));
    complaints
        .extend(gone.map(|folder| format!("ARCHITECTURE.md has arrows of {folder}, which is no crate")));
    complaints
}

/// All that a folder may use: what its row says, and the rows of those.
fn reachable(folder: &str, arrows: &Arrows) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let named = arrows.iter().filter(|(key, _)| covers(&folder, key)).flat_map(|(_, used)| used);
        for used in named {
            if found.insert(used.clone()) {
                open.push(used.clone());
            }
        }
    }
    found
}

fn matches(patterns: &BTreeSet<String>, folder: &str) -> bool {
    patterns.iter().any(|pattern| covers(pattern, folder))
}

/// Whether `pattern`, which may end in `/*`, means `folder`.
fn covers(pattern: &str, folder: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some(parent) => folder.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/')),
        None => pattern == folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &[&str])]) -> Arrows {
        let row = |(key, used): &(&str, &[&str])| {
            ((*key).to_owned(), used.iter().map(|name| (*name).to_owned()).collect())
        };
        rows.iter().map(row).collect()
    }

    fn one(folder: &str, ours: &[&str], others: &[&str]) -> Crate {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Crate { folder: folder.to_owned(), ours: owned(ours), others: owned(others) }
    }

    #[test]
    fn finds_what_is_not_allowed() {
        let arrows =
            table(&[("api", &[]), ("s", &["api"]), ("s/a", &["s"]), ("top", &["s/*"]), ("gone", &[])]);
        let fences = table(&[("heavy", &["s/*"])]);
        let crates = [
            one("api", &["s"], &["heavy"]),
            one("s", &["api"], &[]),
            one("s/a", &["api", "s/a"], &["heavy"]),
            one("top", &["s/a", "s", "api"], &["light"]),
            one("new", &[], &[]),
        ];
        let complaints = check(&crates, &arrows, &fences);
        assert_eq!(complaints.len(), 4, "{complaints:?}");
        assert!(complaints[0].starts_with("api uses s,") && complaints[1].starts_with("api uses heavy"));
        assert!(complaints[2].starts_with("new: not in") && complaints[3].contains("arrows of gone"));
    }
}
