//! Clients that read and write, each through one member at a time, and record what they were told.
//!
//! They never repeat a call. One that failed may have happened, and is recorded so; then its client goes on with
//! the next member. Keys are used for a while and then left, so that a key's history stays short.

use super::{
    ask::{connect, within},
    dice::Dice,
};
use crate::history::{
    History,
    register::{Answer, Op, Value},
};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, compare,
    request_op::Request, response_op::Response,
};
use oxetcd_api::mvccpb::KeyValue;
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};
use tonic::{Status, transport::Channel};

/// Clients that work at once: two cores have members to run, too.
const CLIENTS: usize = 4;
/// Keys that are in use at once.
const KEYS: usize = 5;
/// Answered calls after which the keys are left for new ones.
const CALLS_PER_KEYS: u64 = 400;
/// How long a client waits for an answer before it goes to another member.
const CALL_LIMIT: Duration = Duration::from_secs(2);
/// How long a client thinks between calls, and after a failure: this much load is enough.
const THINK: Duration = Duration::from_millis(2);
const RECOVER: Duration = Duration::from_millis(50);
/// How long a cluster may take to answer the calls that a test waits for.
const PROGRESS_LIMIT: Duration = Duration::from_secs(60);

/// A write that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) revision: i64,
    pub(crate) key: String,
    /// `None`: the key was removed.
    pub(crate) value: Option<Value>,
}

/// What all clients saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) history: History,
    writes: Mutex<Vec<Write>>,
    values: AtomicU64,
    pauses: Mutex<Pauses>,
}

/// How long nobody got an answer.
#[derive(Default)]
struct Pauses {
    last: Option<Instant>,
    longest: Duration,
}

impl Pauses {
    fn answered(&mut self) {
        let now = Instant::now();
        let pause = self.last.replace(now).map_or(Duration::ZERO, |last| now - last);
        self.longest = self.longest.max(pause);
    }
}

impl Seen {
    pub(crate) fn acknowledged(&self, write: Write) {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).push(write);
    }

    /// The acknowledged writes so far.
    pub(crate) fn writes(&self) -> Vec<Write> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// URLs of the members that clients may use; a client never waits for them.
pub(crate) type Endpoints = watch::Receiver<Vec<String>>;

/// Clients at work.
pub(crate) struct Load {
    seen: Arc<Seen>,
    answered: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

impl Load {
    pub(crate) fn start(endpoints: &Endpoints) -> Load {
        let seen = Arc::new(Seen::default());
        let (count, answered) = watch::channel(0);
        let count = Arc::new(count);
        let (stop, stopped) = watch::channel(false);
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let worker = Worker {
                seen: seen.clone(),
                answered: count.clone(),
                dice: Dice::new(number as u64),
                known: HashMap::new(),
            };
            clients.spawn(worker.work(number, endpoints.clone(), stopped.clone()));
        }
        Load { seen, answered, stop, clients }
    }

    /// Waits until this many more calls have been answered.
    pub(crate) async fn more(&mut self, calls: u64) {
        let wanted = *self.answered.borrow() + calls;
        let reached = timeout(PROGRESS_LIMIT, self.answered.wait_for(|count| *count >= wanted)).await.is_ok();
        let missing = wanted.saturating_sub(*self.answered.borrow());
        assert!(reached, "{missing} of {calls} calls not answered in {PROGRESS_LIMIT:?}");
    }

    /// The longest time in which no client got an answer. For reading, not for judging: a busy machine pauses, too.
    pub(crate) fn longest_pause(&self) -> Duration {
        self.seen.pauses.lock().unwrap_or_else(PoisonError::into_inner).longest
    }

    /// Looks at pauses from now on only.
    pub(crate) fn forget_pauses(&self) {
        *self.seen.pauses.lock().unwrap_or_else(PoisonError::into_inner) =
            Pauses { last: Some(Instant::now()), longest: Duration::ZERO };
    }

    /// Lets the clients end, and tells what they saw.
    pub(crate) async fn finish(mut self) -> Arc<Seen> {
        let _ = self.stop.send(true);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client does not panic");
        }
        self.seen
    }
}

/// One client.
struct Worker {
    seen: Arc<Seen>,
    answered: Arc<watch::Sender<u64>>,
    dice: Dice,
    /// What it last saw in the keys: what its swaps expect.
    known: HashMap<String, Option<Value>>,
}

impl Worker {
    async fn work(mut self, number: usize, endpoints: Endpoints, stopped: watch::Receiver<bool>) {
        let mut turn = number;
        while !*stopped.borrow() {
            let url = {
                let urls = endpoints.borrow();
                urls.get(turn % urls.len().max(1)).cloned()
            };
            turn += 1;
            if let Some(channel) = connect_soon(url).await {
                let mut client = KvClient::new(channel);
                while !*stopped.borrow() && self.call(&mut client).await {
                    tokio::time::sleep(THINK).await;
                }
            }
            tokio::time::sleep(RECOVER).await;
        }
    }

    /// One call; tells whether it was answered.
    async fn call(&mut self, client: &mut KvClient<Channel>) -> bool {
        let era = *self.answered.borrow() / CALLS_PER_KEYS;
        let key = format!("register/{era}/{}", self.dice.below(KEYS));
        let value = self.seen.values.fetch_add(1, Ordering::Relaxed);
        let expected = self.known.get(&key).copied().flatten();
        let (op, blind) = match self.dice.below(10) {
            0..=3 => (Op::Get, false),
            4 | 5 => (Op::Put(value), false),
            6 => (Op::Put(value), true),
            7 | 8 => (Op::Swap { expected, new: value }, false),
            _ => (Op::Delete, false),
        };
        let begin = self.seen.history.tick();
        match ask(client, &key, op, blind).await {
            Ok((answer, revision)) => {
                self.seen.history.answered(&key, op, begin, answer);
                self.seen.pauses.lock().unwrap_or_else(PoisonError::into_inner).answered();
                self.learn(key, op, answer, revision);
                self.answered.send_modify(|count| *count += 1);
                true
            }
            Err(_) => {
                self.seen.history.unknown(&key, op, begin);
                false
            }
        }
    }

    fn learn(&mut self, key: String, op: Op, answer: Answer, revision: i64) {
        let written = match (op, answer) {
            (Op::Put(value), _) | (Op::Swap { new: value, .. }, Answer::Swapped) => Some(Some(value)),
            (Op::Delete, Answer::Before(Some(_))) => Some(None),
            _ => None,
        };
        let present = match (written, answer) {
            (Some(value), _) => value,
            (None, Answer::Before(value) | Answer::Refused(value)) => value,
            (None, Answer::Done | Answer::Swapped) => None,
        };
        if let Some(value) = written {
            let write = Write { revision, key: key.clone(), value };
            self.seen.acknowledged(write);
        }
        self.known.insert(key, present);
    }
}

async fn connect_soon(url: Option<String>) -> Option<Channel> {
    timeout(CALL_LIMIT, connect(&url?)).await.ok()?.ok()
}

/// Sends one call. The answer comes with the revision of the store.
async fn ask(
    client: &mut KvClient<Channel>,
    key: &str,
    op: Op,
    blind: bool,
) -> Result<(Answer, i64), Status> {
    let key = Bytes::copy_from_slice(key.as_bytes());
    let bytes = |value: Value| Bytes::from(value.to_string());
    match op {
        Op::Get => {
            let answer = within(CALL_LIMIT, client.range(RangeRequest { key, ..Default::default() })).await?;
            Ok((Answer::Before(value_of(answer.kvs.first())?), revision_of(answer.header)?))
        }
        Op::Put(value) => {
            let request = PutRequest { key, value: bytes(value), prev_kv: !blind, ..Default::default() };
            let answer = within(CALL_LIMIT, client.put(request)).await?;
            let before =
                if blind { Answer::Done } else { Answer::Before(value_of(answer.prev_kv.as_ref())?) };
            Ok((before, revision_of(answer.header)?))
        }
        Op::Delete => {
            let request = DeleteRangeRequest { key, prev_kv: true, ..Default::default() };
            let answer = within(CALL_LIMIT, client.delete_range(request)).await?;
            Ok((Answer::Before(value_of(answer.prev_kvs.first())?), revision_of(answer.header)?))
        }
        Op::Swap { expected, new } => {
            let answer = within(CALL_LIMIT, client.txn(swap(key, expected.map(bytes), bytes(new)))).await?;
            let revision = revision_of(answer.header)?;
            if answer.succeeded {
                return Ok((Answer::Swapped, revision));
            }
            let Some(Response::ResponseRange(read)) =
                answer.responses.into_iter().find_map(|one| one.response)
            else {
                return Err(Status::data_loss("a refused swap reads"));
            };
            Ok((Answer::Refused(value_of(read.kvs.first())?), revision))
        }
    }
}

fn swap(key: Bytes, expected: Option<Bytes>, new: Bytes) -> TxnRequest {
    let (target, union) = match expected {
        Some(value) => (compare::CompareTarget::Value, compare::TargetUnion::Value(value)),
        None => (compare::CompareTarget::Version, compare::TargetUnion::Version(0)),
    };
    let compare = Compare {
        result: compare::CompareResult::Equal as i32,
        target: target as i32,
        key: key.clone(),
        target_union: Some(union),
        ..Default::default()
    };
    let put = PutRequest { key: key.clone(), value: new, ..Default::default() };
    let read = RangeRequest { key, ..Default::default() };
    TxnRequest {
        compare: vec![compare],
        success: vec![RequestOp { request: Some(Request::RequestPut(put)) }],
        failure: vec![RequestOp { request: Some(Request::RequestRange(read)) }],
    }
}

fn value_of(kv: Option<&KeyValue>) -> Result<Option<Value>, Status> {
    let Some(kv) = kv else { return Ok(None) };
    let text = std::str::from_utf8(&kv.value).ok();
    let value = text.and_then(|text| text.parse().ok());
    value.map(Some).ok_or_else(|| Status::data_loss(format!("a value that no client wrote: {kv:?}")))
}

fn revision_of(header: Option<oxetcd_api::etcdserverpb::ResponseHeader>) -> Result<i64, Status> {
    header.map(|header| header.revision).ok_or_else(|| Status::data_loss("an answer without a header"))
}
