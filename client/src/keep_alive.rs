//! Keeps one lease alive in the background.
//!
//! A task renews the lease every third of its TTL, over a stream that it opens again when it breaks. It ends when the
//! server says that the lease is gone, when no renewal was confirmed for a whole TTL, or when the handle is dropped.

use crate::{Client, Error, error};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{LeaseKeepAliveRequest, LeaseKeepAliveResponse},
};
use std::time::Duration;
use tokio::{sync::mpsc, time::Instant};
use tonic::Streaming;

/// Wait before a broken stream is opened again.
const RECONNECT_WAIT: Duration = Duration::from_millis(500);
/// How long the first confirmation may take, when there is no dial timeout.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// Confirmations that are kept for a reader that is slow; later ones are dropped, the lease lives on.
const QUEUE: usize = 16;

/// A lease that is being kept alive. Dropping it stops the renewals; the lease then ends after its TTL.
#[derive(Debug)]
pub struct KeepAlive {
    answers: mpsc::Receiver<Confirmed>,
    task: tokio::task::JoinHandle<()>,
}

impl KeepAlive {
    /// The next confirmed renewal; `None` when the lease has ended or could not be renewed in time. Cancel-safe.
    pub async fn next(&mut self) -> Option<LeaseKeepAliveResponse> {
        self.next_confirmed().await.map(|confirmed| confirmed.answer)
    }

    pub(crate) async fn next_confirmed(&mut self) -> Option<Confirmed> {
        self.answers.recv().await
    }
}

/// A confirmed renewal.
#[derive(Debug)]
pub(crate) struct Confirmed {
    answer: LeaseKeepAliveResponse,
    /// Until when the lease lives at least. Counted from when the renewal was asked for: the server counts from
    /// some moment after that, so ours never ends later than its.
    pub(crate) valid_until: Instant,
}

impl Drop for KeepAlive {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Keeps a lease alive until the returned handle is dropped.
    pub fn keep_alive(&self, id: LeaseId) -> KeepAlive {
        let (sender, answers) = mpsc::channel(QUEUE);
        let first = self.inner.config.dial_timeout.map_or(FIRST_ANSWER, |dial| dial + Duration::from_secs(1));
        let keeper = Keeper { client: self.clone(), id, sender, deadline: Instant::now() + first };
        KeepAlive { answers, task: tokio::spawn(keeper.run()) }
    }
}

struct Keeper {
    client: Client,
    id: LeaseId,
    sender: mpsc::Sender<Confirmed>,
    /// When the lease may have ended, for all we know.
    deadline: Instant,
}

/// Why a stream was given up.
enum End {
    Broken(Option<Error>),
    LeaseGone,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            let deadline = self.deadline;
            let (requests, receiver) = mpsc::unbounded_channel();
            let asked = Instant::now();
            // Sent ahead: servers answer the opening of the stream with the first renewal.
            let _ = requests.send(LeaseKeepAliveRequest { id: self.id });
            let opened = tokio::time::timeout_at(deadline, self.client.open_keep_alive(receiver)).await;
            match opened {
                Err(_) => return,
                Ok(Ok(stream)) => match self.serve(stream, &requests, asked).await {
                    End::LeaseGone => return,
                    End::Broken(None) => {}
                    // A token that runs out while the stream stands is noticed here.
                    End::Broken(Some(error)) => {
                        if self.client.renew_token(&error).await.is_err() {
                            return;
                        }
                    }
                },
                Ok(Err(error)) => {
                    tracing::warn!(%error, "error occurred during lease keep alive loop");
                    let renewed = self.client.renew_token(&error).await;
                    if renewed.is_err() || (self.client.options.require_leader && error.is(error::NO_LEADER))
                    {
                        return;
                    }
                }
            }
            let wait = Instant::now() + RECONNECT_WAIT;
            if wait >= self.deadline {
                return;
            }
            tokio::time::sleep_until(wait).await;
        }
    }

    /// Renews over one stream until it breaks.
    async fn serve(
        &mut self,
        mut stream: Streaming<LeaseKeepAliveResponse>,
        requests: &mpsc::UnboundedSender<LeaseKeepAliveRequest>,
        mut asked: Instant,
    ) -> End {
        let mut renew_at = None;
        loop {
            let answer = tokio::select! {
                answer = stream.message() => answer.map_err(Error::from),
                () = sleep_until(renew_at) => {
                    renew_at = None;
                    asked = Instant::now();
                    if requests.send(LeaseKeepAliveRequest { id: self.id }).is_err() {
                        return End::Broken(None);
                    }
                    continue;
                }
                () = tokio::time::sleep_until(self.deadline) => return End::LeaseGone,
            };
            let answer = match answer {
                Ok(Some(answer)) => answer,
                Ok(None) => return End::Broken(None),
                Err(error) => return End::Broken(Some(error)),
            };
            let Ok(seconds @ 1..) = u64::try_from(answer.ttl) else { return End::LeaseGone };
            let ttl = Duration::from_secs(seconds);
            self.deadline = asked.checked_add(ttl).unwrap_or(self.deadline);
            renew_at = Instant::now().checked_add((ttl / 3).max(RECONNECT_WAIT));
            // A full queue means a reader that does not care for each single one.
            let _ = self.sender.try_send(Confirmed { answer, valid_until: self.deadline });
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
