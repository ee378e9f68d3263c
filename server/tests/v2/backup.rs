//! A copy of a member that does not run, started as a cluster of its own.

use crate::{
    ask::{ask, ask_as, json},
    support::Server,
};
use etcd_client::Client;
use oxetcd_datadir::{Backup, Member, Restore};
use std::{path::Path, time::Duration};

const JSON: &str = "application/json";

fn backup(from: &Path, to: &Path, with_v3: bool) -> Result<(), String> {
    let backup = Backup {
        data_dir: from.to_owned(),
        wal_dir: None,
        backup_dir: to.to_owned(),
        backup_wal_dir: None,
        with_v3,
        seed: u64::from(with_v3),
    };
    backup.run(Duration::from_secs(1))
}

/// The v2 keys with their indexes, the ids of member and cluster, and the value of a key of version 3 as the gateway
/// shows it.
fn held(server: &Server) -> (String, String, String, Option<String>) {
    let tree = ask(server, "GET", "/v2/keys?recursive=true&sorted=true&quorum=true", "");
    let cluster = tree.header("x-etcd-cluster-id").unwrap_or_default().to_owned();
    let (_, members) = json(server, "GET", "/v2/members", "");
    let id = members["members"][0]["id"].as_str().unwrap_or_default().to_owned();
    let range = ask_as(server, "POST", "/v3/kv/range", JSON, r#"{"key":"aw=="}"#).json().1;
    (tree.text(), id, cluster, range["kvs"][0]["value"].as_str().map(str::to_owned))
}

fn goes_on_elsewhere(flags: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    let from = dir.path().join("from");
    let server = Server::start(&from, flags);
    for round in 0..25 {
        assert!(json(&server, "PUT", "/v2/keys/d/e", &format!("value={round}")).0 < 300);
        let put = r#"{"key":"aw==","value":"dg=="}"#;
        assert_eq!(ask_as(&server, "POST", "/v3/kv/put", JSON, put).status, 200);
    }
    assert_eq!(json(&server, "PUT", "/v2/keys/_hidden", "value=h&ttl=1000").0, 201);
    let (tree, id, cluster, value) = held(&server);
    assert!(value.is_some());
    // The files belong to the member while it runs.
    assert!(backup(&from, &dir.path().join("early"), true).is_err());
    assert!(!dir.path().join("early").exists());
    assert!(server.terminate().success());

    for (with_v3, flag) in [(true, "--force-new-cluster=false"), (false, "--force-new-cluster")] {
        let to = dir.path().join(format!("to-{with_v3}"));
        backup(&from, &to, with_v3).expect("a copy");
        assert!(backup(&from, &to, with_v3).is_err_and(|why| why.contains("already")));
        let copy = Server::start(&to, &[flags, &[flag]].concat());
        let (copied, new_id, new_cluster, copied_value) = held(&copy);
        assert_eq!(copied, tree);
        assert!(new_id != id && new_cluster != cluster, "{new_id} of {new_cluster}");
        assert_eq!(copied_value, value.clone().filter(|_| with_v3));
        assert_eq!(json(&copy, "GET", "/v2/keys/_hidden", "").1["node"]["value"], "h");
        assert_eq!(json(&copy, "PUT", "/v2/keys/new", "value=v").0, 201);
        assert!(copy.terminate().success());
    }
}

#[test]
fn a_copy_of_a_data_dir_is_a_cluster_of_its_own() {
    // With snapshots, so that part of the log is gone; and with all of it.
    goes_on_elsewhere(&["--snapshot-count", "20", "--snapshot-catchup-entries", "5"]);
    goes_on_elsewhere(&["--backend", "sled"]);
}

#[tokio::test]
async fn a_snapshot_brings_the_tree_along() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(&dir.path().join("from"), &[]);
    assert_eq!(json(&server, "PUT", "/v2/keys/d/e", "value=v").0, 201);
    let tree = held(&server).0;
    let mut client = Client::connect([server.url()], None).await.expect("it serves");
    let (snapshot, mut bytes) = (dir.path().join("snapshot"), Vec::new());
    let mut pieces = client.snapshot().await.expect("a snapshot");
    while let Some(piece) = pieces.message().await.expect("a piece") {
        bytes.extend_from_slice(piece.blob());
    }
    std::fs::write(&snapshot, bytes).expect("it is written");
    drop(server);
    let urls = vec!["http://127.0.0.1:2380".to_owned()];
    let me = oxetcd_datadir::member_id(&urls, "restored");
    for backend in [None, Some("lmdb".to_owned())] {
        let data_dir = dir.path().join(format!("to-{backend:?}"));
        let restore = Restore {
            snapshot: snapshot.clone(),
            wal_dir: data_dir.join("member/wal"),
            data_dir,
            members: vec![Member { id: me, peer_urls: urls.clone(), ..Member::default() }],
            me,
            skip_hash_check: false,
            bump_revision: 0,
            backend,
        };
        restore.run(&mut |_| {}).expect("it is restored");
        let restored = Server::start(&restore.data_dir, &[]);
        assert_eq!(held(&restored).0, tree);
        assert!(restored.terminate().success());
    }
}

#[test]
fn what_is_no_member_is_not_copied() {
    let dir = tempfile::tempdir().expect("a directory");
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let why = backup(&from, &to, true).expect_err("nothing is there");
    assert!(why.ends_with("member/wal: no such file or directory"), "{why}");
    assert!(!to.exists());
}
