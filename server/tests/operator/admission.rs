//! What makes room, or ends what should have ended, is let in however overloaded the member is.

use crate::support::Server;
use etcd_client::{Client, CompactionOptions, Error, GetOptions, SortOrder, SortTarget, Txn, TxnOp};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Records that one operation of a slow transaction looks at.
const RECORDS: usize = 3_000;
/// Operations of a transaction, as many as are allowed.
const OPS: usize = 128;
/// More puts than may wait to be applied.
const PUTS: usize = 8_000;
const PATIENCE: Duration = Duration::from_secs(240);

fn is_refused<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(error) if error.to_string().contains("too many requests"))
}

/// Puts the records that slow transactions sort.
async fn prepare(client: &mut Client) -> Result<(), Error> {
    for first in (0..RECORDS).step_by(OPS) {
        let put = |number: usize| TxnOp::put(format!("sorted/{number}"), number.to_string(), None);
        client.txn(Txn::new().and_then((first..first + OPS).map(put).collect::<Vec<_>>())).await?;
    }
    Ok(())
}

/// A transaction that holds up whatever is applied behind it.
fn slow() -> Txn {
    let largest =
        GetOptions::new().with_prefix().with_sort(SortTarget::Value, SortOrder::Descend).with_limit(1);
    let mut ops = vec![TxnOp::get("sorted/", Some(largest)); OPS - 1];
    ops.push(TxnOp::put("slow", "", None));
    Txn::new().and_then(ops)
}

/// Has more wait than may. Answers with whether a put was refused by the time that `vital` is done.
async fn overload<T>(client: &Client, vital: impl AsyncFnOnce() -> T) -> (bool, T) {
    let (mut first, mut puts) = (client.clone(), JoinSet::new());
    let slow = tokio::spawn(async move { first.txn(slow()).await.map(drop) });
    for number in 0..PUTS {
        let mut client = client.clone();
        puts.spawn(async move { client.put(format!("key{number}"), "", None).await });
    }
    let mut refused = false;
    while let Some(put) = puts.join_next().await {
        refused |= put.is_ok_and(|put| is_refused(&put));
        if refused {
            break;
        }
    }
    let done = vital().await;
    while puts.join_next().await.is_some() {}
    // It may have taken longer than anybody waits for.
    let _ = slow.await;
    (refused, done)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_room_is_let_in_when_all_else_is_refused() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let mut client = Client::connect([server.url()], None).await?;
    prepare(&mut client).await?;
    let began = Instant::now();
    loop {
        let (kept, ended) =
            (client.lease_grant(600, None).await?.id(), client.lease_grant(600, None).await?.id());
        let revision = client.get("slow", None).await?.header().ok_or("a header")?.revision();
        let vital = async || {
            let mut client = client.clone();
            let kept = async {
                let (mut keeper, mut answers) = client.clone().lease_keep_alive(kept).await?;
                keeper.keep_alive().await?;
                Ok::<_, Error>(answers.message().await?.map(|answer| answer.ttl()))
            }
            .await;
            let revoked = client.lease_revoke(ended).await;
            let compacted = client.compact(revision, Some(CompactionOptions::new())).await;
            let disarmed = client
                .alarm(etcd_client::AlarmAction::Deactivate, etcd_client::AlarmType::Nospace, None)
                .await;
            (kept, revoked, compacted, disarmed)
        };
        let (refused, (kept, revoked, compacted, disarmed)) = overload(&client, vital).await;
        assert!(matches!(kept, Ok(Some(ttl)) if ttl > 0), "{kept:?}");
        assert!(!is_refused(&revoked), "{revoked:?}");
        assert!(!is_refused(&compacted), "{compacted:?}");
        assert!(!is_refused(&disarmed), "{disarmed:?}");
        if refused {
            return Ok(());
        }
        assert!(began.elapsed() < PATIENCE, "no put was refused, so that nothing was shown");
    }
}
