//! The client itself: shared connections, and the settings of the calls made through it.

use crate::{
    Config, Error,
    call::{CallOptions, Limit},
    ordering::Order,
    sync,
    token::TokenStore,
    transport::Balancer,
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;
use tonic::metadata::AsciiMetadataValue;

/// A handle to a cluster. Cheap to clone; clones share connections and token.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    pub(crate) options: CallOptions,
    /// What reads must not fall behind, if that matters.
    pub(crate) order: Option<Arc<Order>>,
    /// What calls show in place of the client's own token.
    pub(crate) bearer: Option<AsciiMetadataValue>,
}

/// What clones share.
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) balancer: Balancer,
    pub(crate) token: TokenStore,
}

impl Inner {
    /// What ran out the time of a call, as far as we know.
    pub(crate) fn deadline_text(&self) -> String {
        let text = "rpc error: code = DeadlineExceeded desc = ";
        match self.balancer.trouble() {
            Some(why) => format!(
                "{text}latest balancer error: connection error: desc = \"transport: Error while dialing: {why}\""
            ),
            None => format!("{text}context deadline exceeded"),
        }
    }
}

impl Client {
    /// Makes a client, and logs in if the configuration says as whom. Without credentials nothing is connected to
    /// before the first call.
    ///
    /// # Errors
    /// [`Error::NoEndpoints`] for an empty list; whatever the server answers to the credentials;
    /// [`Error::DeadlineExceeded`] when that takes longer than [`Config::dial_timeout`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn connect(config: Config) -> Result<Self, Error> {
        if config.endpoints.is_empty() {
            return Err(Error::NoEndpoints);
        }
        let balancer = Balancer::new(&config);
        let dial_timeout = config.dial_timeout;
        let inner = Arc::new(Inner { config, balancer, token: TokenStore::default() });
        let client = Client::of(inner, CallOptions::default());
        match dial_timeout {
            Some(limit) => {
                tokio::time::timeout(limit, client.log_in()).await.unwrap_or(Err(Error::DeadlineExceeded))?;
            }
            None => client.log_in().await?,
        }
        sync::start(&client.inner);
        Ok(client)
    }

    pub(crate) fn of(inner: Arc<Inner>, options: CallOptions) -> Self {
        Client { inner, options, order: None, bearer: None }
    }

    /// The same client, whose next calls all share what is left of one call's time.
    pub(crate) fn with_fixed_deadline(&self) -> Self {
        match self.options.deadline() {
            Some(deadline) => self.with_deadline(deadline),
            None => self.clone(),
        }
    }

    /// The same client, with calls that end at this moment at the latest.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        let options = CallOptions { limit: Limit::Deadline(deadline), ..self.options };
        Client { options, ..self.clone() }
    }

    /// The same client, with calls that take this long at most, each.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let options = CallOptions { limit: Limit::Timeout(timeout), ..self.options };
        Client { options, ..self.clone() }
    }

    /// The same client, with calls that wait this long at most for a member to be reachable, and then as long as
    /// the answer takes.
    #[must_use]
    pub fn with_connect_timeout(&self, timeout: Duration) -> Self {
        let options = CallOptions { connect_timeout: Some(timeout), ..self.options };
        Client { options, ..self.clone() }
    }

    /// The same client, with calls and streams that fail when the member that serves them has lost its leader.
    #[must_use]
    pub fn require_leader(&self) -> Self {
        let options = CallOptions { require_leader: true, ..self.options };
        Client { options, ..self.clone() }
    }

    /// The same client, whose calls show this token, which is never renewed: for programs that make calls for others.
    #[must_use]
    pub fn with_token(&self, token: AsciiMetadataValue) -> Self {
        Client { bearer: Some(token), ..self.clone() }
    }

    /// The addresses of the configuration, or what [`sync`](Client::sync) or [`set_endpoints`](Client::set_endpoints)
    /// has put in their place.
    pub fn endpoints(&self) -> Vec<String> {
        self.inner.balancer.endpoints()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.inner.config).field("options", &self.options).finish()
    }
}

/// Defines methods of [`Client`] for calls with one answer.
///
/// `[pub] name(Request) -> Answer = stub_method, "/path", Safe|Never;`
macro_rules! unary_calls {
    ($stub:ident; $($(#[$doc:meta])* $vis:vis $name:ident($request:ty) -> $answer:ty = $method:ident, $path:literal, $repeat:ident;)*) => {
        impl crate::Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// Any error of the call: see [`Error`](crate::Error).
                $vis async fn $name(&self, request: $request) -> Result<$answer, crate::Error> {
                    let limit = self.inner.config.max_receive_bytes;
                    self.unary($path, crate::call::Repeat::$repeat, request, |channel, request| async move {
                        $stub::new(channel)
                            .max_decoding_message_size(limit)
                            .max_encoding_message_size(usize::MAX)
                            .$method(request)
                            .await
                    })
                    .await
                }
            )*
        }
    };
}
pub(crate) use unary_calls;
