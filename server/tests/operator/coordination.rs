//! Locks and elections over gRPC.

use crate::support::Server;
use oxetcd_api::{
    etcdserverpb::{LeaseGrantRequest, LeaseTimeToLiveRequest, RangeRequest},
    v3electionpb::{CampaignRequest, LeaderKey, LeaderRequest, ProclaimRequest, ResignRequest},
    v3lockpb::{LockRequest, UnlockRequest},
};
use oxetcd_grpc::{
    etcdserverpb::{kv_client::KvClient, lease_client::LeaseClient},
    v3electionpb::election_client::ElectionClient,
    v3lockpb::lock_client::LockClient,
};
use std::time::Duration;
use tonic::{Code, Status, transport::Channel};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Longest time that something may take that must happen.
const DEADLINE: Duration = Duration::from_secs(120);

async fn connect(server: &Server) -> Result<Channel, tonic::transport::Error> {
    Channel::from_shared(server.url()).expect("an address").connect().await
}

async fn lease(channel: &Channel) -> Result<i64, Status> {
    let request = LeaseGrantRequest { ttl: 600, id: 0 };
    Ok(LeaseClient::new(channel.clone()).lease_grant(request).await?.into_inner().id)
}

/// How many stand in the line `name`.
async fn line(channel: &Channel, name: &str) -> Result<i64, Status> {
    let (key, range_end) = (format!("{name}/").into(), format!("{name}0").into());
    let request = RangeRequest { key, range_end, count_only: true, ..Default::default() };
    Ok(KvClient::new(channel.clone()).range(request).await?.into_inner().count)
}

/// Waits until as many as `wanted` stand in the line `name`.
async fn wait_for_line(channel: &Channel, name: &str, wanted: i64) -> Outcome {
    let waiting = async {
        while line(channel, name).await? != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    tokio::time::timeout(DEADLINE, waiting).await?
}

fn error_of<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.expect_err("refused");
    (status.code(), status.message().to_owned())
}

fn unknown(text: &str) -> (Code, String) {
    (Code::Unknown, text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_has_one_holder_after_the_other() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let channel = connect(&server).await?;
    let mut locks = LockClient::new(channel.clone());
    let request = |lease| LockRequest { name: "gate".into(), lease };
    let (first, second, third) = (lease(&channel).await?, lease(&channel).await?, lease(&channel).await?);
    let held = locks.lock(request(first)).await?.into_inner();
    assert_eq!(held.key, format!("gate/{first:x}").as_bytes());
    assert!(held.header.is_some_and(|header| header.revision > 0));
    // Who holds it already gets it again.
    assert_eq!(locks.lock(request(first)).await?.into_inner().key, held.key);

    let lock = |lease| {
        let mut locks = locks.clone();
        tokio::spawn(async move { locks.lock(request(lease)).await })
    };
    let gives_up = lock(second);
    wait_for_line(&channel, "gate", 2).await?;
    let waits = lock(third);
    wait_for_line(&channel, "gate", 3).await?;
    // A waiter that goes takes its key along, and leaves nobody behind it waiting.
    gives_up.abort();
    wait_for_line(&channel, "gate", 2).await?;
    assert!(!waits.is_finished(), "the lock has a holder");
    locks.unlock(UnlockRequest { key: held.key }).await?;
    let next = tokio::time::timeout(DEADLINE, waits).await???.into_inner();
    assert_eq!(next.key, format!("gate/{third:x}").as_bytes());
    assert_eq!(line(&channel, "gate").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_without_a_lease_gets_one_of_a_minute() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let channel = connect(&server).await?;
    let mut locks = LockClient::new(channel.clone());
    let held = locks.lock(LockRequest { name: "gate".into(), lease: 0 }).await?.into_inner();
    let key = String::from_utf8(held.key.to_vec())?;
    let id = i64::from_str_radix(key.strip_prefix("gate/").ok_or("a key of the line")?, 16)?;
    let request = LeaseTimeToLiveRequest { id, keys: false };
    let found = LeaseClient::new(channel.clone()).lease_time_to_live(request).await?.into_inner();
    assert_eq!(found.granted_ttl, 60);

    let refused = locks.lock(LockRequest { name: "gate".into(), lease: 12345 }).await;
    assert_eq!(error_of(refused), unknown("etcdserver: requested lease not found"));
    let refused = locks.unlock(UnlockRequest::default()).await;
    assert_eq!(error_of(refused), unknown("etcdserver: key is not provided"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_does_not_hold_up_the_end() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let channel = connect(&server).await?;
    let mut locks = LockClient::new(channel.clone());
    let request = |lease| LockRequest { name: "gate".into(), lease };
    locks.lock(request(lease(&channel).await?)).await?;
    let second = lease(&channel).await?;
    let waits = tokio::spawn(async move { locks.lock(request(second)).await });
    wait_for_line(&channel, "gate", 2).await?;
    assert!(server.terminate().success());
    tokio::time::timeout(DEADLINE, waits).await??.expect_err("nobody is left to give the lock");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_has_one_leader_after_the_other() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let channel = connect(&server).await?;
    let mut elections = ElectionClient::new(channel.clone());
    let look = || LeaderRequest { name: "chair".into() };
    assert_eq!(error_of(elections.leader(look()).await), unknown("election: no leader"));
    let mut observed = elections.observe(look()).await?.into_inner();
    let campaign = |lease, value: &'static str| {
        let mut elections = elections.clone();
        let request = CampaignRequest { name: "chair".into(), lease, value: value.into() };
        tokio::spawn(async move { elections.campaign(request).await })
    };
    let (first, second) = (lease(&channel).await?, lease(&channel).await?);
    let won = campaign(first, "a").await??.into_inner().leader.ok_or("a leader key")?;
    let wanted =
        LeaderKey { name: "chair".into(), key: format!("chair/{first:x}").into(), lease: first, ..won };
    assert_eq!(won, wanted);
    let said = tokio::time::timeout(DEADLINE, observed.message()).await??.and_then(|said| said.kv);
    assert_eq!(said.map(|kv| kv.value), Some("a".into()));

    let waits = campaign(second, "c");
    wait_for_line(&channel, "chair", 2).await?;
    elections.proclaim(ProclaimRequest { leader: Some(won.clone()), value: "b".into() }).await?;
    let said = tokio::time::timeout(DEADLINE, observed.message()).await??.and_then(|said| said.kv);
    assert_eq!(said.map(|kv| kv.value), Some("b".into()));
    let leader = elections.leader(look()).await?.into_inner().kv.ok_or("a leader")?;
    assert_eq!((leader.key, leader.value), (won.key.clone(), "b".into()));

    assert!(!waits.is_finished(), "the chair is taken");
    elections.resign(ResignRequest { leader: Some(won.clone()) }).await?;
    let next = tokio::time::timeout(DEADLINE, waits).await???.into_inner().leader.ok_or("a leader key")?;
    assert!(next.lease == second && next.rev > won.rev);
    let said = tokio::time::timeout(DEADLINE, observed.message()).await??.and_then(|said| said.kv);
    assert_eq!(said.map(|kv| kv.value), Some("c".into()));
    // It is over for the first; to resign again changes nothing.
    let late = elections.proclaim(ProclaimRequest { leader: Some(won.clone()), value: "d".into() }).await;
    assert_eq!(error_of(late), unknown("election: not leader"));
    elections.resign(ResignRequest { leader: Some(won) }).await?;
    let leader = elections.leader(look()).await?.into_inner().kv.ok_or("a leader")?;
    assert_eq!(leader.value, "c");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_proclaims_or_resigns_says_as_whom() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let mut elections = ElectionClient::new(connect(&server).await?);
    let wanted = unknown("\"leader\" field must be provided");
    assert_eq!(error_of(elections.proclaim(ProclaimRequest::default()).await), wanted);
    assert_eq!(error_of(elections.resign(ResignRequest::default()).await), wanted);
    // An observer does not hold up the end of the server.
    let mut observed = elections.observe(LeaderRequest { name: "chair".into() }).await?.into_inner();
    assert!(server.terminate().success());
    observed.message().await.expect_err("the stream ends with a reason");
    Ok(())
}
