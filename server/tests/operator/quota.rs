//! The space quota: a full member refuses what would grow it, still lets room be made, and opens again when an
//! operator says so.

use crate::support::{Server, http_get};
use etcd_client::{AlarmAction, AlarmType, Client, DeleteOptions, GetOptions};
use std::time::Duration;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const QUOTA_BYTES: &str = "2000000";
const FULL: &str = "etcdserver: mvcc: database space exceeded";

/// Puts values of 64 KiB until one is refused. Answers with how many were taken.
async fn fill(client: &mut Client) -> Result<usize, Box<dyn std::error::Error>> {
    for number in 0..1000 {
        if let Err(error) = client.put(format!("fill/{number}"), vec![7; 64 << 10], None).await {
            assert!(error.to_string().contains(FULL), "{error}");
            return Ok(number);
        }
    }
    Err("the quota was never reached".into())
}

/// Whoever was refused finds the alarm raised.
async fn alarm_is_raised(client: &mut Client) -> Outcome {
    let alarms = client.alarm(AlarmAction::Get, AlarmType::Nospace, None).await?;
    let [alarm] = alarms.alarms() else { return Err("no alarm".into()) };
    assert_ne!(alarm.member_id(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_member_opens_again_when_room_was_made() -> Outcome {
    let dir = tempfile::tempdir()?;
    let extra = ["--quota-backend-bytes", QUOTA_BYTES, "--backend-batch-interval", "1ms"];
    let server = Server::start(dir.path(), &extra);
    let mut client = Client::connect([server.url()], None).await?;
    client.put("before", "1", None).await?;
    let taken = fill(&mut client).await?;
    assert!(taken > 10, "{taken} values of 64 KiB fit into {QUOTA_BYTES} bytes");
    alarm_is_raised(&mut client).await?;
    // Also after a restart.
    assert!(server.terminate().success());
    let server = Server::start(dir.path(), &extra);
    let mut client = Client::connect([server.url()], None).await?;
    for refused in [client.put("small", "1", None).await.err(), client.lease_grant(60, None).await.err()] {
        assert!(refused.is_some_and(|error| error.to_string().contains(FULL)));
    }
    let (status, body) = http_get(server.endpoint(), "/health");
    assert_eq!((status, body.as_str()), (503, "{\"health\":\"false\",\"reason\":\"ALARM NOSPACE\"}\n"));
    assert_eq!(http_get(server.endpoint(), "/health?exclude=NOSPACE").0, 200);
    assert_eq!(http_get(server.endpoint(), "/readyz").0, 200);
    let status = client.status().await?;
    assert!(status.errors().iter().any(|error| error.contains("NOSPACE")), "{:?}", status.errors());
    // Reads, deletions and compactions go on.
    assert_eq!(client.get("before", None).await?.count(), 1);
    let gone = client.delete("fill/", Some(DeleteOptions::new().with_prefix())).await?;
    assert_eq!(gone.deleted(), taken as i64);
    let revision = gone.header().ok_or("a header")?.revision();
    let compaction = etcd_client::CompactionOptions::new().with_physical();
    client.compact(revision, Some(compaction)).await?;
    assert!(client.put("small", "1", None).await.is_err(), "the alarm stays until it is taken back");
    client.defragment().await?;
    let member = client.status().await?.header().ok_or("a header")?.member_id();
    let mut deactivate = etcd_client::AlarmOptions::new();
    deactivate.with_member(member);
    client.alarm(AlarmAction::Deactivate, AlarmType::Nospace, Some(deactivate)).await?;
    client.put("small", "1", None).await?;
    assert_eq!(http_get(server.endpoint(), "/health").0, 200);
    let left = client.get("", Some(GetOptions::new().with_all_keys().with_keys_only())).await?;
    assert_eq!(left.count(), 2);
    assert!(fill(&mut client).await? > 10);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_auto_disarm_deleting_and_compacting_is_enough() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &["--quota-backend-bytes", QUOTA_BYTES, "--auto-disarm-nospace"]);
    let mut client = Client::connect([server.url()], None).await?;
    let lease = client.lease_grant(3600, None).await?.id();
    client.put("leased", "1", Some(etcd_client::PutOptions::new().with_lease(lease))).await?;
    let taken = fill(&mut client).await?;
    alarm_is_raised(&mut client).await?;
    // Nothing has gone, so the alarm stays. What makes room goes on.
    assert!(client.put("small", "1", None).await.is_err());
    client.lease_revoke(lease).await?;
    assert_eq!(client.get("leased", None).await?.count(), 0);
    let gone = client.delete("fill/", Some(DeleteOptions::new().with_prefix())).await?;
    assert_eq!(gone.deleted(), taken as i64);
    client.compact(gone.header().ok_or("a header")?.revision(), None).await?;
    // No defragmentation, no disarming, no restart.
    let reopened = async {
        while client.put("small", "1", None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reopened).await?;
    assert!(client.alarm(AlarmAction::Get, AlarmType::Nospace, None).await?.alarms().is_empty());
    assert!(fill(&mut client).await? > 10);
    Ok(())
}
