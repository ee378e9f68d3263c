//! Compaction that nobody asks for.

use crate::support::{Server, http_get};
use etcd_client::{Client, GetOptions};

#[tokio::test]
async fn history_older_than_the_period_goes_by_itself() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &["--auto-compaction-retention", "100ms"]);
    let mut client = Client::connect([server.url()], None).await?;
    for value in 0..10 {
        client.put("k", value.to_string(), None).await?;
    }
    let first = Some(GetOptions::new().with_revision(2));
    while client.get("k", first.clone()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.get("k", None).await?.kvs()[0].value(), b"9");
    let metrics = http_get(server.endpoint(), "/metrics").1;
    assert!(!metrics.contains("etcd_debugging_mvcc_compact_revision -1\n"));
    Ok(())
}

// Several threads: the client answers the farewell of the server while this one waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_that_pauses_does_not_keep_a_member_from_stopping()
-> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let slow = ["--compaction-batch-limit", "1", "--compaction-sleep-interval", "1h"];
    let server = Server::start(dir.path(), &slow);
    let mut client = Client::connect([server.url()], None).await?;
    for value in 0..10 {
        client.put("k", value.to_string(), None).await?;
    }
    client.compact(5, None).await?;
    // For an hour else, which no test waits.
    assert!(server.terminate().success());
    // What was left is done after the next start.
    let server = Server::start(dir.path(), &[]);
    while http_get(server.endpoint(), "/metrics").1.contains("etcd_debugging_mvcc_db_compaction_last 0\n") {
        tokio::task::yield_now().await;
    }
    Ok(())
}
