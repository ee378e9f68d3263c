//! Writers: many clients, one queue.
//!
//! A pacer puts tickets into a short queue; each client takes one, writes a key and takes the next. When the queue closes,
//! the clients finish what they have. A cluster that is too slow therefore shows in the number of writes, not in a
//! heap of waiting ones.

use super::stats::Stats;
use oxetcd_api::etcdserverpb::PutRequest;
use oxetcd_client::Client;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::Instant,
};

/// How long one write may take before it counts as failed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Spreads numbers over all of 64 bits without two becoming the same: it is odd. (The golden ratio, by custom.)
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is written.
pub(super) struct Shape {
    prefix: Vec<u8>,
    /// Bytes of a key, behind the prefix.
    key_bytes: usize,
    value_bytes: usize,
    /// Keys so far.
    count: Cell<u64>,
}

/// Writers at work.
pub(super) struct Writers {
    tickets: mpsc::Sender<()>,
    tasks: JoinSet<()>,
    stats: Rc<RefCell<Stats>>,
    start: Instant,
}

impl Writers {
    /// Sets a writer a client to work. `written` is called after each write.
    pub(super) fn start(clients: Vec<Client>, shape: Shape, written: impl Fn() + 'static) -> Self {
        let (sender, receiver) = mpsc::channel(clients.len().max(1));
        let receiver = Rc::new(Mutex::new(receiver));
        let (shape, written) = (Rc::new(shape), Rc::new(written));
        let stats = Rc::new(RefCell::new(Stats::default()));
        let mut tasks = JoinSet::new();
        for client in clients {
            let client = client.with_timeout(WRITE_TIMEOUT);
            let (receiver, shape, written) = (receiver.clone(), shape.clone(), written.clone());
            let stats = stats.clone();
            tasks.spawn_local(async move {
                let next = async || receiver.lock().await.recv().await;
                while next().await.is_some() {
                    let start = Instant::now();
                    let result = client.put(shape.request()).await;
                    match result {
                        Ok(_) => stats.borrow_mut().succeeded(start.elapsed()),
                        Err(error) => stats.borrow_mut().failed(error.to_string()),
                    }
                    written();
                }
            });
        }
        Writers { tickets: sender, tasks, stats, start: Instant::now() }
    }

    /// Lets one more key be written, as soon as a client has time.
    pub(super) async fn write_one(&self) {
        // The receiver lives as long as the writers do, which end after this sender.
        let _ = self.tickets.send(()).await;
    }

    /// Waits for the writes that were let in; what became of all, and how long it took.
    pub(super) async fn finish(self) -> (Stats, Duration) {
        let Writers { tickets, mut tasks, stats, start } = self;
        drop(tickets);
        while tasks.join_next().await.is_some() {}
        (stats.take(), start.elapsed())
    }
}

impl Shape {
    pub(super) fn new(prefix: &[u8], key_bytes: usize, value_bytes: usize) -> Self {
        Shape { prefix: prefix.to_vec(), key_bytes, value_bytes, count: Cell::new(0) }
    }

    fn request(&self) -> PutRequest {
        let mut key = self.prefix.clone();
        let number = self.count.replace(self.count.get() + 1);
        key.extend_from_slice(&number.wrapping_mul(SPREAD).to_be_bytes());
        key.resize(self.prefix.len() + self.key_bytes, 0);
        PutRequest { key: key.into(), value: vec![0; self.value_bytes].into(), ..PutRequest::default() }
    }
}
