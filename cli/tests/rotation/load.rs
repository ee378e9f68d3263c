//! Clients that read and write all the time, and write down what failed.

use crate::{client, server::PATIENCE};
use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest};
use oxetcd_client::{Client, Error, TlsConnector};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{RwLock, RwLockWriteGuard},
    task::JoinSet,
};

/// Clients whose connections stand, and clients that come anew for each write and read.
const LASTING: usize = 2;
const FRESH: usize = 2;
/// How long a client thinks: members need the two cores, too.
const THINK: Duration = Duration::from_millis(2);

#[derive(Default)]
struct Tally {
    answers: AtomicUsize,
    failures: Mutex<Vec<String>>,
    stop: AtomicBool,
    /// Held for reading by those who work.
    pause: RwLock<()>,
}

/// Clients at work.
pub(crate) struct Load {
    tally: Arc<Tally>,
    workers: JoinSet<()>,
}

pub(crate) async fn put(client: &Client, key: &str, value: &str) -> Result<(), Error> {
    let (key, value) = (key.to_owned().into(), value.to_owned().into());
    client.put(PutRequest { key, value, ..Default::default() }).await.map(drop)
}

async fn get(client: &Client, key: &str) -> Result<Option<String>, Error> {
    let range = RangeRequest { key: key.to_owned().into(), ..Default::default() };
    let found = client.range(range).await?.kvs.into_iter().next();
    Ok(found.map(|kv| String::from_utf8_lossy(&kv.value).into_owned()))
}

impl Tally {
    /// One write, and a read that must find it.
    async fn round(&self, client: &Client, key: &str, value: &str) {
        let written = put(client, key, value).await;
        let read = get(client, key).await;
        for failure in [written.err(), read.as_ref().err().cloned()].into_iter().flatten() {
            self.failed(failure.to_string());
        }
        match read {
            Ok(Some(found)) if found != value => self.failed(format!("{key} is {found}, not {value}")),
            Ok(None) => self.failed(format!("{key} is not there")),
            _ => {}
        }
        self.answers.fetch_add(2, Ordering::Relaxed);
    }

    fn failed(&self, what: String) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

impl Load {
    pub(crate) async fn start(endpoints: &[String], tls: &Arc<dyn TlsConnector>) -> Load {
        let mut load = Load { tally: Arc::default(), workers: JoinSet::new() };
        for worker in 0..LASTING + FRESH {
            let (tally, endpoints, tls) = (load.tally.clone(), endpoints.to_vec(), tls.clone());
            let mut own = client(&endpoints, tls.clone()).await;
            load.workers.spawn(async move {
                let mut round = 0;
                while !tally.stop.load(Ordering::Relaxed) {
                    let working = tally.pause.read().await;
                    if worker >= LASTING {
                        own = client(&endpoints, tls.clone()).await;
                    }
                    round += 1;
                    tally.round(&own, &format!("k{worker}"), &round.to_string()).await;
                    drop(working);
                    tokio::time::sleep(THINK).await;
                }
            });
        }
        load
    }

    /// Answers so far, of both kinds.
    pub(crate) fn answers(&self) -> usize {
        self.tally.answers.load(Ordering::Relaxed)
    }

    /// Waits until so many more have come.
    pub(crate) async fn more(&self, answers: usize) {
        let wanted = self.answers() + answers;
        let end = Instant::now() + PATIENCE;
        while self.answers() < wanted {
            assert!(Instant::now() < end, "{wanted} answers have not come; there are {}", self.answers());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Has them pause until the guard goes; no request is under way then.
    pub(crate) async fn rest(&self) -> RwLockWriteGuard<'_, ()> {
        self.tally.pause.write().await
    }

    /// All answers, and what failed.
    pub(crate) async fn finish(mut self) -> (usize, Vec<String>) {
        self.tally.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.workers.join_next().await {
            ended.expect("a client does not panic");
        }
        let failures =
            std::mem::take(&mut *self.tally.failures.lock().unwrap_or_else(PoisonError::into_inner));
        (self.answers(), failures)
    }
}
