//! Probes while the cluster cannot answer: whoever restarts processes must not restart this one, and whoever sends
//! traffic must send it elsewhere.

use crate::support::{Server, http_get};
use etcd_client::Client;
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_hang_turn_readiness_red_and_liveness_stays_green() -> Outcome {
    let dir = tempfile::tempdir()?;
    let mine = "http://127.0.0.1:2380";
    let cluster = format!("default={mine}");
    let server =
        Server::start(dir.path(), &["--initial-advertise-peer-urls", mine, "--initial-cluster", &cluster]);
    let mut client = Client::connect([server.url()], None).await?;
    client.put("key", "value", None).await?;
    assert_eq!(http_get(server.endpoint(), "/readyz"), (200, "ok\n".to_owned()));
    // The second voter never comes: from now on nobody has a majority.
    client.member_add(["http://127.0.0.1:1"], None).await?;
    // This one goes on as leader until it notices, or reads wait in vain: either is red.
    let asked = Instant::now();
    let (status, lines) = http_get(server.endpoint(), "/readyz?verbose");
    let took = asked.elapsed();
    assert_eq!(status, 503, "{lines}");
    assert!(lines.contains("[-]linearizable_read failed: "), "{lines}");
    assert!(
        lines.contains("[+]serializable_read ok\n") && lines.contains("[+]data_corruption ok\n"),
        "{lines}"
    );
    assert_eq!(http_get(server.endpoint(), "/readyz/linearizable_read").0, 503);
    assert_eq!(http_get(server.endpoint(), "/readyz?exclude=linearizable_read").0, 200);
    for path in
        ["/livez", "/livez/serializable_read", "/readyz/serializable_read", "/health?serializable=true"]
    {
        assert_eq!(http_get(server.endpoint(), path).0, 200, "{path}");
    }
    let (status, body) = http_get(server.endpoint(), "/health");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("RAFT NO LEADER") || body.contains("RANGE ERROR:"), "{body}");
    // Not the five seconds themselves: a busy machine may add to them.
    assert!(took < Duration::from_secs(60), "{took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_stays_green_beside_a_defragmentation_many_writes_and_endless_scans() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let client = Client::connect([server.url()], None).await?;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let mut client = client.clone();
            tokio::spawn(async move {
                for number in 0..100 {
                    client.put(format!("{writer}/{number}"), vec![7; 4096], None).await?;
                }
                Ok::<_, etcd_client::Error>(())
            })
        })
        .collect();
    let scanners: Vec<_> = (0..4)
        .map(|_| {
            let mut client = client.clone();
            let all = etcd_client::GetOptions::new().with_all_keys();
            tokio::spawn(async move {
                loop {
                    // One that is refused for there are too many asks again.
                    let _ = client.get("", Some(all.clone())).await;
                }
            })
        })
        .collect();
    let mut defragmenting = client.clone();
    let defragmented = tokio::spawn(async move { defragmenting.defragment().await.map(drop) });
    for _ in 0..20 {
        let endpoint = server.endpoint().to_owned();
        let answer = tokio::task::spawn_blocking(move || http_get(&endpoint, "/livez")).await?;
        assert_eq!(answer, (200, "ok\n".to_owned()));
    }
    defragmented.await??;
    scanners.iter().for_each(tokio::task::JoinHandle::abort);
    for writer in writers {
        writer.await??;
    }
    Ok(())
}
