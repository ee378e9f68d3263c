//! Something between a client and its member that fails at any byte.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinHandle,
};

const BUFFER_BYTES: usize = 16 * 1024;

/// Passes connections on, until told otherwise. Its address stays, wherever its target goes.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    target: Mutex<Option<String>>,
    /// How many bytes of answers still pass before all connections are cut; `None`: any number.
    budget: Mutex<Option<usize>>,
    /// Counts the cuts: a connection lives through none.
    cuts: watch::Sender<u64>,
    frozen: watch::Sender<bool>,
}

impl Proxy {
    pub(crate) async fn start(target: Option<&str>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            target: Mutex::new(target.map(str::to_owned)),
            budget: Mutex::new(None),
            cuts: watch::Sender::new(0),
            frozen: watch::Sender::new(false),
        });
        let task = tokio::spawn(accept(listener, state.clone()));
        Proxy { address, state, task }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Where new connections lead.
    pub(crate) fn point_at(&self, target: &str) {
        *self.state.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target.to_owned());
    }

    /// Closes all connections. New ones are welcome.
    pub(crate) fn cut(&self) {
        self.state.cut();
    }

    /// Lets so many bytes of answers pass, and closes all connections then.
    pub(crate) fn cut_after(&self, bytes: usize) {
        *self.state.budget.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    /// Nothing passes, and nobody is told, until it is thawed.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.state.frozen.send_replace(frozen);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

impl State {
    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many of `count` bytes may pass.
    fn spend(&self, count: usize) -> usize {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        match *budget {
            Some(left) if left < count => {
                *budget = None;
                left
            }
            Some(left) => {
                *budget = Some(left - count);
                count
            }
            None => count,
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((near, _)) = listener.accept().await {
        let state = state.clone();
        let cut = state.cuts.subscribe();
        tokio::spawn(async move {
            let target = state.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(target) = target else { return };
            let Ok(far) = TcpStream::connect(target).await else { return };
            let (_, _) = (near.set_nodelay(true), far.set_nodelay(true));
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            let mut over = cut.clone();
            tokio::select! {
                () = pump(near_read, far_write, state.clone(), false) => {}
                () = pump(far_read, near_write, state, true) => {}
                _ = over.changed() => {}
            }
        });
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Arc<State>, answers: bool) {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut frozen = state.frozen.subscribe();
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        let passes = if answers { state.spend(count) } else { count };
        if to.write_all(&buffer[..passes]).await.is_err() {
            return;
        }
        if passes < count {
            state.cut();
            return;
        }
    }
}
