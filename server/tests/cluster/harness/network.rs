//! The network between members, with links that can be cut one way.
//!
//! Every member is known to the others by the address of a [`Proxy`](super::proxy::Proxy) that stands before it,
//! which passes bytes on as long as the link in their direction is open. A link leads from one member to another,
//! whoever of the two opened the connection.

use super::owner;
use std::{
    collections::HashMap,
    net::SocketAddrV4,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// Number of a member within its cluster; never used again.
pub(crate) type Index = usize;

/// What is wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Bytes are neither lost nor delivered, as when packets vanish. Once it is mended, those of connections
    /// that nobody gave up arrive late.
    Silent,
    /// Connections between the two break, and new ones break at once.
    Refused,
}

type Faults = HashMap<(Index, Index), Fault>;

/// The links of a cluster.
#[derive(Clone)]
pub(crate) struct Network {
    faults: Arc<watch::Sender<Faults>>,
    /// The members' processes.
    processes: Arc<Mutex<HashMap<u32, Index>>>,
}

impl Network {
    pub(crate) fn new() -> Network {
        Network { faults: Arc::new(watch::Sender::default()), processes: Arc::default() }
    }

    /// Tells whose connections those of a process are.
    pub(crate) fn introduce(&self, process: u32, member: Index) {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).insert(process, member);
    }

    /// The member that opened a connection to a proxy.
    pub(crate) fn dialler(&self, member: SocketAddrV4, proxy: SocketAddrV4) -> Option<Index> {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let pids: Vec<u32> = processes.keys().copied().collect();
        owner::of_socket(member, proxy, &pids).and_then(|pid| processes.get(&pid).copied())
    }

    /// Nothing that `from` sends reaches `to`.
    pub(crate) fn cut_one_way(&self, from: Index, to: Index, fault: Fault) {
        self.faults.send_modify(|faults| {
            faults.insert((from, to), fault);
        });
    }

    /// Cuts all links between members of the one group and members of the other.
    pub(crate) fn split(&self, one: &[Index], other: &[Index], fault: Fault) {
        self.faults.send_modify(|faults| {
            for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))) {
                faults.extend([((a, b), fault), ((b, a), fault)]);
            }
        });
    }

    /// Mends everything.
    pub(crate) fn heal(&self) {
        self.faults.send_modify(Faults::clear);
    }

    /// One direction of a connection.
    pub(crate) fn link(&self, from: Index, to: Index) -> Link {
        Link { ends: (from, to), faults: self.faults.subscribe() }
    }
}

/// The view that a connection has of its link.
pub(crate) struct Link {
    ends: (Index, Index),
    faults: watch::Receiver<Faults>,
}

impl Link {
    /// Returns when bytes may pass.
    pub(crate) async fn open(&mut self) {
        let ends = self.ends;
        // The network outlives its proxies; were it gone, nobody would be left to read.
        let _ = self.faults.wait_for(|faults| !faults.contains_key(&ends)).await;
    }

    /// Returns when the connection has to break.
    pub(crate) async fn refused(&mut self) {
        let ends = self.ends;
        let _ = self.faults.wait_for(|faults| faults.get(&ends) == Some(&Fault::Refused)).await;
    }
}
