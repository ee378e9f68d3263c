//! Members of the official etcd and ours in one cluster: ours take over from them, and give back to them, while
//! clients read and write. Once with new members that join, once on the data directories of the old ones.
//!
//! `cargo xtask mixed` runs this: it fetches the official release and says in `OXETCD_OFFICIAL` in which folder it is.

use crate::harness::{
    cluster::{Cluster, program},
    load::Load,
    member::SNAPSHOTS_RECEIVED,
    network::Index,
};
use crate::v2::{answered, assert_same};
use oxetcd_tls::{Authority, Subject};
use std::path::{Path, PathBuf};

const CALLS: u64 = 100;
const SIZE: usize = 3;

pub(crate) fn official() -> PathBuf {
    let folder =
        std::env::var_os("OXETCD_OFFICIAL").expect("OXETCD_OFFICIAL names a folder: see `cargo xtask mixed`");
    PathBuf::from(folder).join("etcd")
}

/// Every member leads for a while, those of the other kind included.
async fn each_leads(cluster: &mut Cluster, load: &mut Load) {
    for index in cluster.indices() {
        cluster.move_leader(index).await;
        load.more(CALLS).await;
    }
    cluster.assert_equal_hashes().await;
}

async fn replace_all_by_new(cluster: &mut Cluster, load: &mut Load, by: &Path) {
    for old in cluster.indices() {
        cluster.add(by).await;
        load.more(CALLS).await;
        each_leads(cluster, load).await;
        cluster.remove(old).await;
        load.more(CALLS).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the official etcd: cargo xtask mixed"]
async fn new_members_take_over_from_official_ones_and_give_back() {
    let mut cluster = Cluster::start_with(&official(), SIZE, &[]).await;
    let mut load = cluster.load();
    load.more(CALLS).await;
    let before = cluster.version().await;
    replace_all_by_new(&mut cluster, &mut load, &program()).await;
    assert_eq!(cluster.version().await, before, "the way back is closed: the cluster's version was raised");
    replace_all_by_new(&mut cluster, &mut load, &official()).await;
    cluster.verify(load).await;
}

/// Stops the one program and starts the other on its data.
async fn change_program(cluster: &mut Cluster, load: &mut Load, index: Index, to: &Path) {
    cluster.member(index).terminate().await;
    load.more(CALLS).await;
    cluster.member(index).program = to.to_owned();
    cluster.restart(index).await;
    load.more(CALLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the official etcd: cargo xtask mixed"]
async fn members_change_their_program_in_place_and_change_back() {
    change_and_change_back(&[]).await;
}

/// The same, while each member believes only the others' certificates.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the official etcd: cargo xtask mixed"]
async fn members_that_speak_tls_change_their_program_and_change_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("peers").expect("an authority");
    let subject = Subject {
        common_name: "peer".to_owned(),
        hosts: vec!["127.0.0.1".to_owned()],
        expired: false,
        serial: 1,
    };
    let issued = authority.issue(&subject).expect("a certificate");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path.display().to_string()
    };
    let (ca, crl) = (authority.cert(), authority.revoke(&[2]).expect("a list"));
    change_and_change_back(&[
        "--peer-cert-file",
        &file("peer.crt", &issued.cert),
        "--peer-key-file",
        &file("peer.key", &issued.key),
        "--peer-trusted-ca-file",
        &file("ca.crt", &ca),
        "--peer-crl-file",
        &file("crl.pem", &crl),
        "--peer-client-cert-auth",
        "--peer-cert-allowed-cn",
        "peer",
    ])
    .await;
}

async fn change_and_change_back(flags: &[&str]) {
    let mut cluster = Cluster::start_with(&official(), SIZE, flags).await;
    let mut load = cluster.load();
    load.more(CALLS).await;
    let before = cluster.version().await;
    for to in [program(), official()] {
        for index in cluster.indices() {
            change_program(&mut cluster, &mut load, index, &to).await;
            each_leads(&mut cluster, &mut load).await;
        }
        assert_eq!(
            cluster.version().await,
            before,
            "the way back is closed: the cluster's version was raised"
        );
    }
    cluster.verify(load).await;
}

/// Restarted, an official member has no more of its log than what came after its last snapshot.
async fn restart_all(cluster: &mut Cluster, load: &mut Load) {
    for index in cluster.indices() {
        cluster.member(index).terminate().await;
        cluster.restart(index).await;
        load.more(CALLS).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the official etcd: cargo xtask mixed"]
async fn snapshots_are_sent_both_ways() {
    let mut cluster = Cluster::start_with(&official(), SIZE, &["--snapshot-count", "50"]).await;
    let mut load = cluster.load();
    load.more(5 * CALLS).await;
    restart_all(&mut cluster, &mut load).await;
    if program() != official() {
        cluster.flags_of_new_members(&["--snapshot-count", "50", "--snapshot-catchup-entries", "5"]);
    }
    let ours = cluster.add_learner(&program()).await;
    assert!(cluster.member(ours).metric(SNAPSHOTS_RECEIVED, "") > 0.0, "ours began without a snapshot");
    cluster.promote(ours).await;
    each_leads(&mut cluster, &mut load).await;
    restart_all(&mut cluster, &mut load).await;

    cluster.flags_of_new_members(&["--snapshot-count", "50"]);
    cluster.move_leader(ours).await;
    let theirs = cluster.add(&official()).await;
    assert!(cluster.member(theirs).metric(SNAPSHOTS_RECEIVED, "") > 0.0, "theirs began without a snapshot");
    each_leads(&mut cluster, &mut load).await;
    cluster.verify(load).await;
}

/// Writes to the v2 tree through each member, and finds the same at all of them.
async fn each_writes_v2(cluster: &mut Cluster, round: &str) {
    for url in cluster.running_urls() {
        answered(&url, "POST", &format!("/v2/keys/queue?value={round}")).await;
        answered(&url, "PUT", &format!("/v2/keys/{round}?value=1&ttl=1000")).await;
        let node = answered(&url, "GET", &format!("/v2/keys/{round}?quorum=true")).await;
        assert_eq!(node.status, 200, "{}", node.body);
    }
    answered(&cluster.running_urls()[0], "PUT", &format!("/v2/keys/{round}-short?value=1&ttl=1")).await;
    assert_same(cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the official etcd: cargo xtask mixed"]
async fn the_v2_tree_goes_over_and_comes_back() {
    // Short logs, so that members get it in snapshots as well.
    let flags = ["--enable-v2", "--snapshot-count", "30"];
    let mut cluster = Cluster::start_with(&official(), SIZE, &flags).await;
    each_writes_v2(&mut cluster, "official").await;
    // A new member of ours gets all of it from the others.
    let new = cluster.add(&program()).await;
    each_writes_v2(&mut cluster, "joined").await;
    cluster.move_leader(new).await;
    each_writes_v2(&mut cluster, "led").await;
    cluster.remove(0).await;
    // The others change their program on the same data, there and back. (A dir that never was etcd's is not left so
    // that etcd could take it.)
    for (to, round) in [(program(), "ours"), (official(), "back")] {
        for index in cluster.others(&[new]) {
            cluster.member(index).terminate().await;
            cluster.member(index).program = to.clone();
            cluster.restart(index).await;
            each_writes_v2(&mut cluster, &format!("{round}-{index}")).await;
        }
    }
}
