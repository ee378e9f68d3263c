//! Members for tests: a real listener and real streams, with a host that remembers what it is told.

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oxetcd_consensus::raftpb::{Entry, Message, MessageType, Snapshot, SnapshotMetadata};
use oxetcd_peer::{OutgoingSnapshot, PeerConfig, PeerHost, Peers};
use parking_lot::Mutex;
use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Handle, sync::mpsc, task::JoinSet};

/// The cluster of all tests.
pub(crate) const CLUSTER: u64 = 0xc1;
/// What a test waits before it fails. Nothing waits for this long when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a member was told.
#[derive(Debug)]
pub(crate) enum Told {
    Step(Box<Message>),
    Unreachable(u64),
    Undelivered(Box<Message>),
    SnapshotSent(u64, bool),
    Removed,
}

/// A host that remembers.
pub(crate) struct Host {
    told: mpsc::UnboundedSender<Told>,
    pub(crate) removed: Mutex<HashSet<u64>>,
    pub(crate) dir: tempfile::TempDir,
    /// The database that goes out with snapshots, in pieces; an error breaks it off.
    pub(crate) database: Mutex<Vec<Result<Bytes, ()>>>,
    pub(crate) silent: AtomicBool,
    /// Whether it holds anything of the v2 API. Entries that begin with `v2` are of it.
    pub(crate) has_v2: AtomicBool,
}

impl PeerHost for Host {
    fn step(&self, message: Message) {
        let _ = self.told.send(Told::Step(Box::new(message)));
    }

    fn unreachable(&self, id: u64) {
        if !self.silent.load(Ordering::Relaxed) {
            let _ = self.told.send(Told::Unreachable(id));
        }
    }

    fn undelivered(&self, message: Message) {
        let _ = self.told.send(Told::Undelivered(Box::new(message)));
    }

    fn snapshot_sent(&self, id: u64, arrived: bool) {
        let _ = self.told.send(Told::SnapshotSent(id, arrived));
    }

    fn is_removed(&self, id: u64) -> bool {
        self.removed.lock().contains(&id)
    }

    fn has_v2(&self) -> bool {
        self.has_v2.load(Ordering::Relaxed)
    }

    fn carries_v2(&self, message: &Message) -> bool {
        message.entries.iter().any(|entry| entry.data().starts_with(b"v2"))
    }

    fn this_member_was_removed(&self) {
        let _ = self.told.send(Told::Removed);
    }

    fn open_snapshot(&self, message: &Message) -> BoxFuture<'static, io::Result<OutgoingSnapshot>> {
        let pieces = self.database.lock().clone();
        let length_bytes = pieces.iter().flatten().map(|piece| piece.len() as u64).sum();
        let broken = |()| io::Error::other("the disk is broken");
        let chunks = futures::stream::iter(pieces).map(move |piece| piece.map_err(broken)).boxed();
        let snapshot = message.snapshot.clone().unwrap_or_default();
        Box::pin(async move { Ok(OutgoingSnapshot { snapshot, length_bytes, chunks }) })
    }

    fn snapshot_path(&self, index: u64) -> PathBuf {
        self.dir.path().join(format!("{index:016x}.snap.db"))
    }
}

/// A member: its peers, its listener, and what it was told.
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) address: SocketAddr,
    pub(crate) peers: Peers,
    pub(crate) host: Arc<Host>,
    told: mpsc::UnboundedReceiver<Told>,
    connections: JoinSet<()>,
}

impl Member {
    /// One that listens on a free port.
    pub(crate) async fn start(id: u64) -> Member {
        Member::start_at(id, "127.0.0.1:0".parse().unwrap()).await
    }

    /// One that listens there.
    pub(crate) async fn start_at(id: u64, address: SocketAddr) -> Member {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, told) = mpsc::unbounded_channel();
        let host = Arc::new(Host {
            told: sender,
            removed: Mutex::default(),
            dir: tempfile::tempdir().unwrap(),
            database: Mutex::default(),
            silent: AtomicBool::new(true),
            has_v2: AtomicBool::new(false),
        });
        let config = PeerConfig::new(id, CLUSTER, vec![format!("http://{address}")], "3.7.1");
        let peers = Peers::new(config, host.clone(), Handle::current());
        let mut connections = JoinSet::new();
        connections.spawn(serve(listener, peers.clone()));
        Member { id, address, peers, host, told, connections }
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        vec![format!("http://{}", self.address)]
    }

    pub(crate) fn knows(&self, other: &Member) {
        self.peers.add(other.id, &other.urls());
    }

    /// As if the process were killed: all connections break.
    pub(crate) async fn kill(mut self) -> SocketAddr {
        self.connections.shutdown().await;
        self.peers.stop();
        self.address
    }

    /// The next thing told that `wanted` picks; others are forgotten.
    pub(crate) async fn told<T>(&mut self, wanted: impl Fn(Told) -> Option<T>) -> T {
        let search = async {
            loop {
                let told = self.told.recv().await.expect("the host is gone");
                if let Some(found) = wanted(told) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the member was not told")
    }

    /// The next message for raft.
    pub(crate) async fn message(&mut self) -> Message {
        self.told(|told| match told {
            Told::Step(message) => Some(*message),
            _ => None,
        })
        .await
    }

    /// Waits until the other one answers.
    pub(crate) async fn is_active(&self, id: u64) {
        until(|| self.peers.active_since(id).is_some()).await;
    }
}

/// Waits until something is so.
pub(crate) async fn until(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it did not come to be");
}

async fn serve(listener: TcpListener, peers: Peers) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let peers = peers.clone();
        let service = service_fn(move |request| {
            let peers = peers.clone();
            async move { Ok::<_, std::convert::Infallible>(peers.handle(request).await) }
        });
        connections.spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// A message with the least that makes it one.
pub(crate) fn message(kind: MessageType, from: u64, to: u64, term: u64) -> Message {
    Message {
        r#type: Some(kind.into()),
        from: Some(from),
        to: Some(to),
        term: Some(term),
        ..Default::default()
    }
}

/// An append that follows the entry `index`.
pub(crate) fn append(from: u64, to: u64, index: u64, payloads: &[&'static str]) -> Message {
    let entry = |(at, payload): (usize, &&'static str)| Entry {
        term: Some(1),
        index: Some(index + 1 + at as u64),
        data: Some(Bytes::from_static(payload.as_bytes())),
        ..Default::default()
    };
    Message {
        index: Some(index),
        log_term: Some(1),
        commit: Some(index),
        entries: payloads.iter().enumerate().map(entry).collect(),
        ..message(MessageType::MsgApp, from, to, 1)
    }
}

/// A snapshot up to `index`.
pub(crate) fn snapshot(from: u64, to: u64, index: u64) -> Message {
    let metadata = SnapshotMetadata { index: Some(index), term: Some(1), ..Default::default() };
    let data = Some(Bytes::from_static(b"{}"));
    Message {
        snapshot: Some(Snapshot { data, metadata: Some(metadata) }),
        ..message(MessageType::MsgSnap, from, to, 1)
    }
}
