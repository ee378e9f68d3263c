//! The address under which a member is known to its peers, for all its life.
//!
//! It belongs to the test, so it never changes and no other program can take it, while the member behind it comes
//! and goes and may listen elsewhere each time.

use super::network::{Index, Link, Network};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const BUFFER_BYTES: usize = 64 * 1024;

/// Passes connections on to a member.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before this member.
    pub(crate) async fn start(member: Index, network: Network) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let target = Arc::new(Mutex::new(None));
        let task = tokio::spawn(accept(listener, member, network, target.clone()));
        Proxy { address, target, task }
    }

    /// Where peers find the member.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the member listens from now on.
    pub(crate) fn set_target(&self, target: SocketAddr) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    member: Index,
    network: Network,
    target: Arc<Mutex<Option<SocketAddr>>>,
) {
    loop {
        let Ok((dialled, from)) = listener.accept().await else { continue };
        let target = *target.lock().unwrap_or_else(PoisonError::into_inner);
        // Behind a dead member nobody answers: the connection breaks.
        let Some(target) = target else { continue };
        tokio::spawn(connect(dialled, from, target, member, network.clone()));
    }
}

async fn connect(dialled: TcpStream, from: SocketAddr, target: SocketAddr, member: Index, network: Network) {
    let asked = network.clone();
    // A connection of nobody would be one that cannot be cut. Whoever it was tries again.
    let Ok(Some(dialler)) = tokio::task::spawn_blocking(move || asked.dialler(from)).await else { return };
    let Ok(member_side) = TcpStream::connect(target).await else { return };
    // Heartbeats are small and must not wait for more.
    let _ = (dialled.set_nodelay(true), member_side.set_nodelay(true));
    let (from_dialler, to_dialler) = dialled.into_split();
    let (from_member, to_member) = member_side.into_split();
    let mut there = network.link(dialler, member);
    let mut back = network.link(member, dialler);
    tokio::select! {
        () = there.refused() => {}
        () = back.refused() => {}
        () = pump(from_dialler, to_member, network.link(dialler, member)) => {}
        () = pump(from_member, to_dialler, network.link(member, dialler)) => {}
    }
}

/// Passes bytes on, for as long as both ends live. When one closes, all that it said has been passed on.
async fn pump(mut source: impl AsyncRead + Unpin, mut sink: impl AsyncWrite + Unpin, mut link: Link) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(length @ 1..) = source.read(&mut buffer).await {
        link.open().await;
        if sink.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
