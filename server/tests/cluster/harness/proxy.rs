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
    // A connection of nobody would be one that cannot be cut. Whoever it was tries again.
    let (SocketAddr::V4(from), Ok(SocketAddr::V4(here))) = (from, dialled.local_addr()) else { return };
    let Some(dialler) = network.dialler(from, here) else { return };
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

/// Long enough for bytes that are on their way; were it too short, the test would only be weaker.
#[cfg(test)]
const ON_THE_WAY: std::time::Duration = std::time::Duration::from_millis(100);

#[tokio::test]
async fn links_are_cut_one_way_and_connections_break() {
    use super::network::Fault;
    let network = Network::new();
    // This process plays member 0, behind the proxy is member 1.
    network.introduce(std::process::id(), 0);
    let proxy = Proxy::start(1, network.clone()).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    proxy.set_target(listener.local_addr().expect("bound"));
    let mut zero = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
    let (mut one, _) = listener.accept().await.expect("the proxy passes on");
    let mut byte = [0];

    network.cut_one_way(0, 1, Fault::Silent);
    zero.write_all(b"a").await.expect("nobody notices");
    one.write_all(b"b").await.expect("this way is open");
    assert_eq!((zero.read(&mut byte).await.ok(), byte), (Some(1), *b"b"));
    let arrived = tokio::time::timeout(ON_THE_WAY, one.read(&mut byte)).await;
    assert!(arrived.is_err(), "a cut link delivers {byte:?}");
    network.heal();
    assert_eq!((one.read(&mut byte).await.ok(), byte), (Some(1), *b"a"));

    network.split(&[1], &[0], Fault::Refused);
    assert!(matches!(zero.read(&mut byte).await, Ok(0) | Err(_)), "the connection breaks");
    let mut again = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
    assert!(matches!(again.read(&mut byte).await, Ok(0) | Err(_)), "and so does a new one");
}
