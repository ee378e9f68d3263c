//! A member of a cluster that holds no log: it lets the others talk to it and prints what they say.
//!
//! For looking at what a member of the reference really sends. Start the cluster with one member more than it
//! needs for a majority, and this in place of that one:
//!
//! ```text
//! bystander <own id> <cluster id> <own URL> <id>=<URL>...
//! ```
//!
//! It answers heartbeats and confirms appends that it does not keep, so that its streams are used both ways. For
//! clusters that nobody needs any more.

use futures::future::BoxFuture;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oxetcd_consensus::raftpb::{Message, MessageType};
use oxetcd_peer::{OutgoingSnapshot, PeerConfig, PeerHost, PeerObserver, Peers};
use std::{
    io,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Handle};

struct Bystander {
    id: u64,
    peers: OnceLock<Peers>,
}

impl PeerHost for Bystander {
    fn step(&self, message: Message) {
        println!("{message:?}");
        let answer = match message.r#type() {
            MessageType::MsgHeartbeat => MessageType::MsgHeartbeatResp,
            MessageType::MsgApp => MessageType::MsgAppResp,
            _ => return,
        };
        let answer = Message {
            r#type: Some(answer.into()),
            from: Some(self.id),
            to: message.from,
            term: message.term,
            index: message.entries.last().map_or(message.index, |entry| entry.index),
            context: message.context,
            ..Default::default()
        };
        if let Some(peers) = self.peers.get() {
            peers.send(vec![answer]);
        }
    }

    fn unreachable(&self, id: u64) {
        println!("{id:x} cannot be reached");
    }

    fn snapshot_sent(&self, _: u64, _: bool) {}

    fn is_removed(&self, _: u64) -> bool {
        false
    }

    fn this_member_was_removed(&self) {
        println!("this member was removed");
    }

    fn open_snapshot(&self, _: &Message) -> BoxFuture<'static, io::Result<OutgoingSnapshot>> {
        Box::pin(async { Err(io::Error::other("there is none")) })
    }

    fn snapshot_path(&self, index: u64) -> PathBuf {
        std::env::temp_dir().join(format!("bystander-{index:016x}.snap.db"))
    }

    fn observer(&self, id: u64) -> Arc<dyn PeerObserver> {
        Arc::new(Printer(id))
    }
}

struct Printer(u64);

impl PeerObserver for Printer {
    fn active(&self, active: bool) {
        println!("{:x} is {}", self.0, if active { "active" } else { "inactive" });
    }

    fn round_trip(&self, time: Duration) {
        println!("{:x} is {time:?} away and back", self.0);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: bystander <own id> <cluster id> <own URL> <id>=<URL>...");
    let id = u64::from_str_radix(&next()?, 16)?;
    let cluster = u64::from_str_radix(&next()?, 16)?;
    let url = next()?;
    let listener = TcpListener::bind(url.trim_start_matches("http://")).await?;
    let host = Arc::new(Bystander { id, peers: OnceLock::new() });
    let peers = Peers::new(PeerConfig::new(id, cluster, vec![url], "3.7.1"), host.clone(), Handle::current());
    let _ = host.peers.set(peers.clone());
    for other in args {
        let (id, url) = other.split_once('=').ok_or("not <id>=<URL>")?;
        peers.add(u64::from_str_radix(id, 16)?, &[url.to_owned()]);
    }
    loop {
        let (stream, _) = listener.accept().await?;
        let peers = peers.clone();
        let service = service_fn(move |request| {
            let peers = peers.clone();
            async move { Ok::<_, std::convert::Infallible>(peers.handle(request).await) }
        });
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
