//! Calls in raw bytes, for programs between clients and members.
//!
//! Nothing is added to such a call and nothing read out of its answer: token, deadline and messages are its sender's. What
//! this client adds is the choice of a member, and another one when a connection turns out to be gone.

use crate::{Client, Error, call::never_sent};
use http::{Request, Response};
use tonic::{Status, body::Body};
use tower::Service as _;

/// Members tried for one call.
const MAX_ATTEMPTS: usize = 10;

impl Client {
    /// Makes the call that `make` gives, as often as it takes to find a connection that stands.
    ///
    /// # Errors
    /// When no member can be reached, or the connection broke under the call.
    pub async fn forward(&self, make: impl Fn() -> Request<Body>) -> Result<Response<Body>, Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.attempt(make()).await {
                Err((_, true)) if attempt < MAX_ATTEMPTS => {}
                answer => return answer.map_err(|(error, _)| error),
            }
        }
    }

    /// Makes a call whose requests come as a stream, and which therefore cannot be made twice.
    ///
    /// # Errors
    /// As [`Client::forward`].
    pub async fn forward_stream(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        self.attempt(request).await.map_err(|(error, _)| error)
    }

    /// One try, and whether nothing of it was sent when it failed.
    async fn attempt(&self, request: Request<Body>) -> Result<Response<Body>, (Error, bool)> {
        let picked = self.pick().await.map_err(|error| (error, false))?;
        let mut channel = picked.channel.clone();
        let ready = std::future::poll_fn(|context| channel.poll_ready(context)).await;
        let answer = match ready {
            Ok(()) => channel.call(request).await,
            Err(error) => Err(error),
        };
        answer.map_err(|error| {
            let status = Status::from_error(Box::new(error));
            let unsent = never_sent(&status, &picked);
            (Error::from(status), unsent)
        })
    }
}
