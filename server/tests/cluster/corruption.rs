//! A member whose data are not what they should be is found.
#![cfg(feature = "lmdb")]

use crate::harness::{
    ask::{ANSWER_LIMIT, connect, maintenance, within},
    cluster::{Cluster, is_ours, program},
};
use oxetcd_api::etcdserverpb::{AlarmMember, AlarmRequest, AlarmType, PutRequest, RangeRequest};
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use oxetcd_storage::{Batch, Durability, Engine, Table};
use std::{ops::ControlFlow, path::Path, time::Duration};
use tokio::time::Instant;
use tonic::{Code, Status};

const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
/// All data are compared each second, and a member that differs may start.
const FLAGS: [&str; 4] = ["--corrupt-check-time", "1s", "--feature-gates", "InitialCorruptCheck=false"];

/// Changes one byte of the first record that a stopped member holds.
fn damage(data_dir: &Path) {
    let path = data_dir.join("member/snap/lmdb");
    assert!(path.exists(), "the engine is not where it was");
    let engine = oxetcd_storage_lmdb::Lmdb::open(path, Default::default()).expect("nobody uses it");
    let mut first = None;
    let visit = &mut |key: &[u8], value: &[u8]| {
        first = Some((key.to_vec(), value.to_vec()));
        ControlFlow::Break(())
    };
    engine.scan(Table::Key, &[], None, visit).expect("readable");
    let (key, mut record) = first.expect("a record");
    // The last field of a record is its value, whose last byte is a letter.
    *record.last_mut().expect("a record has bytes") ^= 1;
    let mut batch = Batch::new();
    batch.put(Table::Key, key, record);
    engine.commit(&batch, Durability::Synced).expect("writable");
}

async fn put(url: &str) -> Result<(), Status> {
    let put = PutRequest { key: "key".into(), value: "value".into(), ..Default::default() };
    within(ANSWER_LIMIT, KvClient::new(connect(url).await?).put(put)).await.map(drop)
}

async fn alarms(url: &str) -> Vec<AlarmMember> {
    let mut member = maintenance(url).await.expect("a member that serves");
    within(ANSWER_LIMIT, member.alarm(AlarmRequest::default())).await.expect("an answer").alarms
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_member_does_not_start() {
    if !is_ours() {
        return;
    }
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let victim = cluster.others(&[leader])[0];
    let (id, url) = (cluster.id(victim).await, cluster.member(leader).url());
    put(&url).await.expect("written");
    cluster.member(victim).terminate().await;
    damage(&cluster.member(victim).data_dir());
    cluster.member(victim).launch();
    assert!(!cluster.member(victim).end().await.success());
    let log = cluster.member(victim).log();
    assert!(log.contains(&format!("{id:x} found data inconsistency with peers")), "{log}");
    put(&url).await.expect("the others go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_member_is_found_while_it_runs() {
    if !is_ours() {
        return;
    }
    let mut cluster = Cluster::start_with(&program(), 3, &FLAGS).await;
    let leader = cluster.leader().await;
    let victim = cluster.others(&[leader])[0];
    let (id, url) = (cluster.id(victim).await, cluster.member(leader).url());
    put(&url).await.expect("written");
    cluster.member(victim).terminate().await;
    damage(&cluster.member(victim).data_dir());
    cluster.restart(victim).await;
    let end = Instant::now() + LIMIT;
    let found = loop {
        let alarms = alarms(&url).await;
        if !alarms.is_empty() {
            break alarms;
        }
        assert!(Instant::now() < end, "no alarm after {LIMIT:?}");
        tokio::time::sleep(POLL).await;
    };
    assert_eq!(found, [AlarmMember { member_id: id, alarm: AlarmType::Corrupt as i32 }]);
    let refused = put(&url).await.expect_err("data that differ must not diverge further");
    assert_eq!((refused.code(), refused.message()), (Code::DataLoss, "etcdserver: corrupt cluster"));
    let range = RangeRequest { key: "key".into(), ..Default::default() };
    let mut kv = KvClient::new(connect(&url).await.expect("a member that serves"));
    assert_eq!(within(ANSWER_LIMIT, kv.range(range)).await.expect("reads go on").count, 1);
    // Whoever sends traffic is told, whoever restarts processes is not: a restart mends nothing.
    let ready = cluster.member(leader).get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("[+]serializable_read ok\n"), "{ready}");
    assert!(ready.contains("[-]data_corruption failed: alarm activated: CORRUPT\n"), "{ready}");
    let live = cluster.member(leader).get("/livez?verbose");
    assert!(live.starts_with("HTTP/1.1 200") && live.contains("[+]serializable_read ok\n"), "{live}");
}
