//! What becomes of the keys of version 2.

use super::source::Found;
use std::collections::BTreeMap;

/// A key of version 3 that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// What it was called.
    pub(super) from: String,
    /// What it is called now.
    pub(super) key: String,
    pub(super) value: String,
}

/// Keys that go at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Seconds that they have left; `None` for ever.
    pub(super) ttl_s: Option<i64>,
    pub(super) keys: Vec<Planned>,
}

/// All that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) groups: Vec<Group>,
    /// Directories with nothing in them, which version 3 does not have.
    pub(super) empty_directories: usize,
    /// Keys whose time was up.
    pub(super) expired: usize,
}

impl Plan {
    /// `prefix` is the directory that was read; in the new keys `dest_prefix` takes its place, if there is one.
    pub(super) fn new(found: Vec<Found>, prefix: &str, dest_prefix: Option<&str>) -> Self {
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        let renamed = |path: &str| match (dest_prefix, path.strip_prefix(&prefix)) {
            (Some(new), Some(rest)) => format!("{new}{rest}"),
            _ => path.to_owned(),
        };
        let (mut groups, mut empty_directories, mut expired) = (BTreeMap::new(), 0, 0);
        for Found { path, value, ttl_s } in found {
            match (value, ttl_s) {
                (None, _) => empty_directories += 1,
                (Some(_), Some(..=0)) => expired += 1,
                (Some(value), ttl_s) => {
                    let key = Planned { key: renamed(&path), from: path, value };
                    groups.entry(ttl_s).or_insert_with(Vec::new).push(key);
                }
            }
        }
        let groups = groups.into_iter().map(|(ttl_s, keys)| Group { ttl_s, keys }).collect();
        Plan { groups, empty_directories, expired }
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.groups.iter().map(|group| group.keys.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, ttl_s: Option<i64>) -> Found {
        Found { path: path.to_owned(), value: Some("v".to_owned()), ttl_s }
    }

    fn names(prefix: &str, dest_prefix: Option<&str>) -> Vec<String> {
        let plan = Plan::new(vec![found("/a/b", None), found("/a/c/d", None)], prefix, dest_prefix);
        plan.groups.iter().flat_map(|group| &group.keys).map(|key| key.key.clone()).collect()
    }

    #[test]
    fn keys_keep_their_names_or_change_their_beginning() {
        assert_eq!(names("/", None), ["/a/b", "/a/c/d"]);
        assert_eq!(names("/", Some("old")), ["old/a/b", "old/a/c/d"]);
        assert_eq!(names("a/", Some("/new")), ["/new/b", "/new/c/d"]);
        assert_eq!(names("/a", Some("")), ["/b", "/c/d"]);
    }

    #[test]
    fn keys_that_go_together_stay_together() {
        let directory = Found { value: None, ..found("/e", None) };
        let all = vec![
            found("/a", None),
            found("/b", Some(5)),
            found("/c", Some(5)),
            found("/d", Some(0)),
            directory,
        ];
        let plan = Plan::new(all, "/", None);
        let groups: Vec<_> = plan.groups.iter().map(|group| (group.ttl_s, group.keys.len())).collect();
        assert_eq!(groups, [(None, 1), (Some(5), 2)]);
        assert_eq!((plan.keys(), plan.empty_directories, plan.expired), (3, 1, 1));
    }
}
