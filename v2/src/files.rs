//! Everything in a tree at once, hidden or not, for whoever takes it elsewhere.

use crate::{Tree, path};
use std::collections::HashMap;

/// A file, or a directory in which nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it is, the namespace (`/1` for keys) included.
    pub path: String,
    /// What it holds; `None` for a directory.
    pub value: Option<String>,
    /// When it goes, by itself or with a directory above it, in nanoseconds since 1970.
    pub expires: Option<i64>,
}

impl Tree {
    /// All files and empty directories below a directory, and it itself if it is a file, in the order of their paths.
    pub fn files(&self, below: &str) -> Vec<File> {
        let below = path::clean(below);
        let inside = |at: &str| at == below || below == "/" || at.starts_with(&format!("{below}/"));
        let mut ends: HashMap<String, i64> = HashMap::new();
        let mut files = Vec::new();
        self.root.walk("/", &mut |at, node| {
            if let Some(expires) = node.expires {
                ends.insert(at.to_owned(), expires);
            }
            if !inside(at) || node.children().is_some_and(|children| !children.is_empty()) {
                return;
            }
            files.push(File {
                path: at.to_owned(),
                value: node.children().is_none().then(|| node.value().to_owned()),
                expires: None,
            });
        });
        for file in &mut files {
            let slashes = file.path.match_indices('/').map(|(at, _)| &file.path[..at]);
            let above = slashes.chain([file.path.as_str()]);
            file.expires = above.filter_map(|at| ends.get(at)).min().copied();
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }
}
