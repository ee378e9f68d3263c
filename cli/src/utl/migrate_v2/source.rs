//! Where the keys of version 2 come from.

use crate::v2ctl::{Cluster, Get, Keys, Node};
use oxetcd_client::TlsConnector;
use oxetcd_datadir::read_v2_tree;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The namespace of keys in a saved tree.
const KEYS: &str = "/1";
const NANOS_A_SECOND: i64 = 1_000_000_000;

/// A key, or a directory in which nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its path.
    pub(super) path: String,
    /// Its value; `None` for a directory.
    pub(super) value: Option<String>,
    /// Seconds that it has left, by itself or by a directory above it; less than 1 means that it is over.
    pub(super) ttl_s: Option<i64>,
}

/// Reads the files of a member that does not run.
pub(super) fn in_data_dir(dir: &str, wal_dir: Option<&str>, prefix: &str) -> Result<Vec<Found>, String> {
    let tree = read_v2_tree(Path::new(dir), wal_dir.map(Path::new))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
    let files = tree.files(&format!("{KEYS}/{prefix}")).into_iter();
    let found = files.filter(|file| file.path != KEYS).map(|file| Found {
        path: file.path.strip_prefix(KEYS).unwrap_or(&file.path).to_owned(),
        value: file.value,
        // What is left of a second counts as one: a key that is still there is taken over.
        ttl_s: file.expires.map(|at| (at - now + NANOS_A_SECOND - 1).div_euclid(NANOS_A_SECOND)),
    });
    Ok(found.collect())
}

/// Asks a member that serves version 2.
pub(super) async fn served(
    endpoints: Vec<String>,
    tls: Option<Arc<dyn TlsConnector>>,
    user: Option<(String, String)>,
    timeout: Duration,
    prefix: &str,
) -> Result<Vec<Found>, String> {
    let endpoints = endpoints.iter().map(|endpoint| endpoint.trim().trim_end_matches('/').to_owned());
    let mut cluster = Cluster::of(endpoints.collect(), tls, timeout);
    if let Some((user, password)) = user {
        cluster = cluster.with_user(&user, &password)?;
    }
    let how = Get { recursive: true, quorum: true, ..Get::default() };
    let answer = Keys(&cluster).get(prefix, how).await.map_err(|problem| problem.to_string())?;
    let mut found = Vec::new();
    collect(answer.node, None, &mut found);
    Ok(found)
}

fn collect(node: Node, above_ttl_s: Option<i64>, found: &mut Vec<Found>) {
    let own = Some(node.ttl).filter(|ttl| *ttl != 0);
    let ttl_s = own.into_iter().chain(above_ttl_s).min();
    let children = node.nodes.unwrap_or_default();
    if children.is_empty() {
        // Nothing is in the root either, if nothing is there at all.
        if !(node.dir && node.key.is_empty()) {
            found.push(Found { path: node.key, value: (!node.dir).then_some(node.value), ttl_s });
        }
        return;
    }
    children.into_iter().for_each(|child| collect(child, ttl_s, found));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_list() {
        let json = r#"{"dir":true,"nodes":[{"key":"/d","dir":true,"ttl":9,"nodes":[{"key":"/d/a","value":"1"},
            {"key":"/d/b","value":"","ttl":3}]},{"key":"/e","dir":true},{"key":"/f","value":"x"}]}"#;
        let (mut found, node) = (Vec::new(), serde_json::from_str(json).expect("is JSON"));
        collect(node, None, &mut found);
        let found = found.iter().map(|found| (&*found.path, found.value.as_deref(), found.ttl_s));
        let expected = [
            ("/d/a", Some("1"), Some(9)),
            ("/d/b", Some(""), Some(3)),
            ("/e", None, None),
            ("/f", Some("x"), None),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
