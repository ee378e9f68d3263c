//! Upkeep beside writers: what a snapshot holds is one revision whole, and defragmenting loses nothing.

use crate::support::Server;
use etcd_client::{Client, DeleteOptions, GetOptions, Txn, TxnOp};
use oxetcd_datadir::{Member, Restore, member_id};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};
use tokio::task::JoinHandle;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Writes until it is told to stop: transactions of two keys that must never be seen apart, and deletions.
struct Writer {
    is_over: Arc<AtomicBool>,
    written: Arc<AtomicI64>,
    task: JoinHandle<Result<i64, etcd_client::Error>>,
}

impl Writer {
    async fn start(url: String) -> Result<Writer, etcd_client::Error> {
        let mut client = Client::connect([url], None).await?;
        let (is_over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
        let (over, count) = (is_over.clone(), written.clone());
        let task = tokio::spawn(async move {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                number += 1;
                let value = vec![b'v'; (number % 400) as usize];
                let pair = ["left", "right"].map(|side| {
                    let value = [format!("{number} ").as_bytes(), &value].concat();
                    TxnOp::put(format!("{side}/{}", number % 50), value, None)
                });
                client.txn(Txn::new().and_then(pair)).await?;
                if number % 20 == 0 {
                    client.delete(format!("left/{}", number % 50), None).await?;
                    client.delete(format!("right/{}", number % 50), None).await?;
                }
                count.store(number, Ordering::Relaxed);
            }
            Ok(number)
        });
        Ok(Writer { is_over, written, task })
    }

    /// Waits until so many more were written.
    async fn goes_on(&self, more: i64) {
        let target = self.written.load(Ordering::Relaxed) + more;
        while self.written.load(Ordering::Relaxed) < target && !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) -> Result<i64, Box<dyn std::error::Error>> {
        self.is_over.store(true, Ordering::Relaxed);
        Ok(self.task.await??)
    }
}

/// Makes a data dir of a snapshot.
fn restore(snapshot: &Path, data_dir: &Path) -> Result<(), String> {
    let urls = vec!["http://localhost:2380".to_owned()];
    let me = member_id(&urls, "etcd-cluster");
    let restore = Restore {
        snapshot: snapshot.to_owned(),
        data_dir: data_dir.to_owned(),
        wal_dir: data_dir.join("member/wal"),
        members: vec![Member { id: me, name: "default".into(), peer_urls: urls, ..Member::default() }],
        me,
        skip_hash_check: false,
        bump_revision: 0,
        backend: None,
    };
    restore.run(&mut |_| {})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_taken_beside_writers_is_one_revision() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(&dir.path().join("first"), &[]);
    let mut client = Client::connect([server.url()], None).await?;
    let writer = Writer::start(server.url()).await?;
    writer.goes_on(100).await;
    let file = dir.path().join("snapshot.db");
    let mut pieces = client.snapshot().await?;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await? {
        bytes.extend_from_slice(piece.blob());
        // Whoever writes meanwhile is not held up.
        if bytes.len() % (1 << 20) < piece.blob().len() {
            writer.goes_on(5).await;
        }
    }
    std::fs::write(&file, &bytes)?;
    writer.goes_on(50).await;
    writer.stop().await?;
    let second_dir = dir.path().join("second");
    restore(&file, &second_dir)?;
    let second = Server::start(&second_dir, &[]);
    let mut restored = Client::connect([second.url()], None).await?;
    let hash = restored.hash_kv(0).await?;
    let revision = hash.hash_revision();
    assert!(revision > 100 && revision < client.status().await?.header().ok_or("a header")?.revision());
    let original = client.hash_kv(revision).await?;
    assert_eq!((original.hash(), original.hash_revision()), (hash.hash(), revision));
    let both = ["left/", "right/"].map(|prefix| (prefix, GetOptions::new().with_prefix()));
    let mut sides = Vec::new();
    for (prefix, options) in both {
        let found = restored.get(prefix, Some(options)).await?;
        sides.push(found.kvs().iter().map(|kv| kv.value().to_vec()).collect::<Vec<_>>());
    }
    // A deletion of both is two steps; everything else is one.
    assert!(sides[0].len().abs_diff(sides[1].len()) <= 1);
    assert!(sides[0].iter().filter(|value| !sides[1].contains(value)).count() <= 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn defragmenting_beside_writers_loses_nothing() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &["--backend-batch-interval", "5ms"]);
    let mut client = Client::connect([server.url()], None).await?;
    for number in 0..64 {
        client.put(format!("big/{number}"), vec![b'b'; 64 << 10], None).await?;
    }
    client.delete("big/", Some(DeleteOptions::new().with_prefix())).await?;
    let writer = Writer::start(server.url()).await?;
    writer.goes_on(20).await;
    let revision = client.status().await?.header().ok_or("a header")?.revision();
    let compaction = etcd_client::CompactionOptions::new().with_physical();
    client.compact(revision, Some(compaction)).await?;
    let before = client.status().await?.db_size();
    for _ in 0..3 {
        client.defragment().await?;
        writer.goes_on(20).await;
    }
    let written = writer.stop().await?;
    let after = client.status().await?.db_size();
    assert!(after < before, "{after} bytes of {before}");
    let hash = client.hash_kv(0).await?;
    // What the engine had is all there is after a kill, but for what the log brings back.
    server.kill();
    let server = Server::start(dir.path(), &[]);
    let mut client = Client::connect([server.url()], None).await?;
    let again = client.hash_kv(hash.hash_revision()).await?;
    assert_eq!(again.hash(), hash.hash());
    let last = client.get(format!("right/{}", written % 50), None).await?;
    let is_gone = written % 20 == 0;
    assert_eq!(last.count(), i64::from(!is_gone));
    Ok(())
}
