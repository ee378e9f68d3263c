//! How a call is made: which member, until when, with what credentials, and whether again.
//!
//! A call is repeated in three cases only: it never left this process (no connection, or the connection turned out to
//! be gone before anything was written), the server says that the token has run out, or the call changes nothing and
//! the server is unavailable. Everything else is the caller's to decide: a write that may have arrived must not be
//! sent again by itself.

use crate::{Client, Error, error, transport::Picked};
use prost::Message;
use std::{error::Error as _, future::Future, time::Duration};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status, metadata::MetadataValue, transport::Channel};

/// Attempts of one call, first one included.
const MAX_ATTEMPTS: usize = 100;
/// Wait after every round over a quorum of the members.
const BACKOFF: Duration = Duration::from_millis(25);
/// The version of etcd's API that we speak.
const API_VERSION: &str = "3.7";

/// Whether a call may be repeated after the server said "unavailable".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing.
    Safe,
    /// It may have had its effect.
    Never,
}

/// When a call gives up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Limit {
    #[default]
    None,
    Timeout(Duration),
    Deadline(Instant),
}

/// Settings of a call, carried by the client that makes it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallOptions {
    pub(crate) limit: Limit,
    /// How long to wait for any member to be reachable, when `limit` does not end it before.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) require_leader: bool,
}

impl CallOptions {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.limit {
            Limit::None => None,
            Limit::Timeout(timeout) => Instant::now().checked_add(timeout),
            Limit::Deadline(deadline) => Some(deadline),
        }
    }
}

impl Client {
    /// Makes a call with one answer. `method` is its gRPC path, for messages.
    pub(crate) async fn unary<Q, A, F, Fut>(
        &self,
        method: &'static str,
        repeat: Repeat,
        request: Q,
        send: F,
    ) -> Result<A, Error>
    where
        Q: Message + Clone,
        F: Fn(Channel, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        self.check_size(request.encoded_len()).inspect_err(
            |error| tracing::warn!(method, attempt = 0, %error, "retrying of unary invoker failed"),
        )?;
        let deadline = self.options.deadline();
        let attempts = self.attempts(method, repeat, request, deadline, send);
        let result = match deadline {
            Some(at) => tokio::time::timeout_at(at, attempts).await.unwrap_or(Err(Error::DeadlineExceeded)),
            None => attempts.await,
        };
        if result.as_ref().is_err_and(|error| *error == Error::DeadlineExceeded) {
            let error = self.inner.deadline_text();
            tracing::warn!(method, attempt = 0, error, "retrying of unary invoker failed");
        }
        result
    }

    async fn attempts<Q, A, F, Fut>(
        &self,
        method: &'static str,
        repeat: Repeat,
        request: Q,
        deadline: Option<Instant>,
        send: F,
    ) -> Result<A, Error>
    where
        Q: Message + Clone,
        F: Fn(Channel, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        let quorum = self.inner.balancer.len() / 2 + 1;
        let mut attempt = 0;
        loop {
            let picked = self.pick().await?;
            let mut message = Request::new(request.clone());
            self.sign(&mut message);
            if let Some(at) = deadline {
                message.set_timeout(at.saturating_duration_since(Instant::now()));
            }
            let status = match send(picked.channel.clone(), message).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => status,
            };
            let unsent = never_sent(&status, &picked);
            if deadline.is_some() && ran_out(&status) {
                return Err(Error::DeadlineExceeded);
            }
            let error = Error::from(status);
            if !unsent {
                tracing::warn!(method, attempt, %error, "retrying of unary invoker failed");
            }
            attempt += 1;
            let again = unsent || self.renew_token(&error).await? || self.safe_to_repeat(repeat, &error);
            if !again || attempt >= MAX_ATTEMPTS {
                return Err(error);
            }
            if attempt % quorum == 0 {
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }

    fn safe_to_repeat(&self, repeat: Repeat, error: &Error) -> bool {
        let other_member_may = error.is(error::NOT_FOR_LEARNER) && self.inner.balancer.len() > 1;
        other_member_may || (repeat == Repeat::Safe && error.code() == Code::Unavailable)
    }

    /// A connection to some member; waits for one.
    pub(crate) async fn pick(&self) -> Result<Picked, Error> {
        let picking = self.inner.balancer.pick();
        match self.options.connect_timeout {
            Some(limit) => tokio::time::timeout(limit, picking).await.map_err(|_| Error::DeadlineExceeded),
            None => Ok(picking.await),
        }
    }

    /// Opens a stream of answers. The deadline covers the stream as a whole, by way of the server.
    pub(crate) async fn open<Q, A, F, Fut>(&self, request: Q, send: F) -> Result<A, Error>
    where
        F: FnOnce(Channel, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        let deadline = self.options.deadline();
        let opening = async {
            let picked = self.pick().await?;
            let mut message = Request::new(request);
            self.sign(&mut message);
            if let Some(at) = deadline {
                message.set_timeout(at.saturating_duration_since(Instant::now()));
            }
            match send(picked.channel.clone(), message).await {
                Ok(answer) => Ok(answer.into_inner()),
                Err(status) => {
                    never_sent(&status, &picked);
                    Err(self.stream_error(status))
                }
            }
        };
        match deadline {
            Some(at) => tokio::time::timeout_at(at, opening).await.unwrap_or(Err(Error::DeadlineExceeded)),
            None => opening.await,
        }
    }

    /// Reads an error of a stream: a deadline is one of ours.
    pub(crate) fn stream_error(&self, status: Status) -> Error {
        match self.options.limit {
            Limit::Timeout(_) | Limit::Deadline(_) if ran_out(&status) => Error::DeadlineExceeded,
            _ => Error::from(status),
        }
    }

    /// Adds what every call carries beside its message.
    pub(crate) fn sign<Q>(&self, request: &mut Request<Q>) {
        let metadata = request.metadata_mut();
        metadata.insert("client-api-version", MetadataValue::from_static(API_VERSION));
        if self.options.require_leader {
            metadata.insert("hasleader", MetadataValue::from_static("true"));
        }
        if let Some(token) = self.bearer.clone().or_else(|| self.inner.token.current()) {
            metadata.insert("token", token);
        }
    }

    fn check_size(&self, size: usize) -> Result<(), Error> {
        let limit = self.inner.config.max_send_bytes;
        if size <= limit {
            return Ok(());
        }
        let message = format!("trying to send message larger than max ({size} vs. {limit})");
        Err(Error::Rpc { code: Code::ResourceExhausted, message })
    }
}

/// Whether a call that had a limit has met it: nobody else ends calls.
fn ran_out(status: &Status) -> bool {
    matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) && !error::is_dropped(status)
}

/// Whether the call failed for want of a connection, so that no byte of it was written. The balancer learns of it.
pub(crate) fn never_sent(status: &Status, picked: &Picked) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            picked.lost();
            return true;
        }
        cause = error.source();
    }
    false
}
