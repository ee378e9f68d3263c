//! Paths as Go's `path` package cleans them.

/// The shortest absolute path that means the same: no empty elements, no `.`, no `..`, no slash at the end.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A clean path's directory and last element; the root has neither.
pub(crate) fn split(path: &str) -> (&str, &str) {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    (if dir.is_empty() { "/" } else { dir }, name)
}

/// The path of `name` in `dir`.
pub(crate) fn join(dir: &str, name: &str) -> String {
    if dir == "/" { format!("/{name}") } else { format!("{dir}/{name}") }
}

/// Whether an element of `key` below `watched` is hidden.
pub(crate) fn hidden_below(watched: &str, key: &str) -> bool {
    match key.get(watched.len()..) {
        Some(rest) => clean(rest).contains("/_"),
        // A watcher below what was deleted is told of it.
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        let cases = [("", "/"), ("//a//b/", "/a/b"), ("/a/../../b", "/b"), ("/./a/.", "/a"), ("/..", "/")];
        for (path, cleaned) in cases {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn what_is_hidden_depends_on_where_one_stands() {
        assert!(hidden_below("/", "/a/_b"));
        assert!(hidden_below("/a", "/a/_b/c"));
        assert!(!hidden_below("/a/_b", "/a/_b/c"));
        assert!(!hidden_below("/a/b", "/a"));
    }
}
