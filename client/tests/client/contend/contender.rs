//! One client that wants everything, in a runtime of its own: so it can die as a process does, at any point and
//! without a word.

use super::{
    TTL_S,
    board::{Board, Line},
};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{Compare, PutRequest, RequestOp, TxnRequest, request_op::Request};
use oxetcd_client::{
    Client, Config, Error,
    concurrency::{self, Election, Mutex, Session},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

type Failure = concurrency::Error<Error>;

/// Wait after something went wrong.
const PAUSE: Duration = Duration::from_millis(20);

/// A client, alive or not.
pub(super) struct Contender {
    number: usize,
    endpoints: Vec<String>,
    board: Arc<Board>,
    runtime: Option<Runtime>,
    task: Option<JoinHandle<()>>,
}

impl Contender {
    pub(super) fn start(number: usize, endpoints: Vec<String>, board: Arc<Board>) -> Self {
        let mut contender = Contender { number, endpoints, board, runtime: None, task: None };
        contender.begin();
        contender
    }

    fn begin(&mut self) {
        let new = || Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let runtime = self.runtime.get_or_insert_with(new);
        let work = contend(self.number, self.endpoints.clone(), self.board.clone());
        self.task = Some(runtime.spawn(work));
    }

    /// Dies, and another takes its place.
    pub(super) fn crash(&mut self, board: &Board) {
        self.stop();
        board.died(self.number);
        self.begin();
    }

    /// Is dropped where it stands, with time to clean up, and begins anew.
    pub(super) fn give_up(&mut self, board: &Board) {
        board.count("tasks dropped");
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.begin();
    }

    /// Dies.
    pub(super) fn stop(&mut self) {
        self.task = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn contend(number: usize, endpoints: Vec<String>, board: Arc<Board>) {
    let client = Client::connect(Config::new(endpoints)).await.expect("there are no credentials to refuse");
    loop {
        if let Err(error) = presence(number, &client, &board).await {
            board.failed(&error);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Takes turns for as long as one session lives.
async fn presence(number: usize, client: &Client, board: &Board) -> Result<(), Failure> {
    let session = Session::new(client.clone(), TTL_S).await?;
    let lock_first = number.is_multiple_of(2);
    loop {
        if lock_first {
            lock(number, &session, board).await?;
        }
        lead(number, &session, board).await?;
        if !lock_first {
            lock(number, &session, board).await?;
        }
    }
}

async fn lock(number: usize, session: &Session<Client>, board: &Board) -> Result<(), Failure> {
    let mut mutex = Mutex::new(session, Line::Lock.name());
    mutex.lock().await?;
    let (key, fence) = mutex.key().cloned().zip(mutex.revision()).expect("the lock was taken");
    let owner = mutex.is_owner().expect("the lock was taken");
    hold(number, session, board, Line::Lock, owner, key, fence).await?;
    mutex.unlock().await
}

async fn lead(number: usize, session: &Session<Client>, board: &Board) -> Result<(), Failure> {
    let mut election = Election::new(session, Line::Election.name());
    election.campaign(format!("client {number}")).await?;
    let leader = election.leader_key().expect("the election was won").clone();
    let owner = election.is_leader().expect("the election was won");
    hold(number, session, board, Line::Election, owner, leader.key, leader.rev).await?;
    election.proclaim("and goes").await?;
    election.resign().await
}

/// Does what only a holder may, and notes how long it was one.
async fn hold(
    number: usize,
    session: &Session<Client>,
    board: &Board,
    line: Line,
    owner: Compare,
    key: Bytes,
    fence: i64,
) -> Result<(), Failure> {
    let since = Instant::now();
    board.holds(line, number, session.lease());
    let put =
        PutRequest { key: line.record().into(), value: Board::entry(fence, &key), ..Default::default() };
    let success = vec![RequestOp { request: Some(Request::RequestPut(put)) }];
    let txn = TxnRequest { compare: vec![owner], success, failure: Vec::new() };
    let written = session.kv().txn(txn).await?.succeeded;
    let until = Instant::now();
    // Alive a moment later: then it was at `until`, too, and nobody else can have held.
    if session.is_alive() {
        board.held(line, since, until);
        if !written {
            board.violated(format!("{fence} of {} was refused while its lease lived", line.name()));
        }
    }
    Ok(())
}
