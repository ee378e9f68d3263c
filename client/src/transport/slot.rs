//! One member's connection, and the memory of how connecting to it went.
//!
//! A slot dials in the background and lends out the connection. tonic's channel would connect again by itself inside
//! the next call, and that call would then wait for a machine that may be gone. So a channel here lives as long as its
//! one connection: its connector works once, and a lost connection shows as a connect error at once. The slot then
//! dials a new channel while the call goes to another member.

use super::{
    Endpoint, TlsConnector, connector,
    preface::{Beginning, watched},
};
use crate::Config;
use hyper_util::rt::TokioIo;
use std::{
    error::Error,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use tonic::transport::{Channel, Endpoint as TonicEndpoint, Uri};

/// Wait before the second attempt to connect; it grows from there.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// How long one attempt may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(20);
/// Servers cut off clients that check more often than this.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One member.
pub(crate) struct Slot {
    endpoint: Endpoint,
    tls: Option<Arc<dyn TlsConnector>>,
    channel_template: TonicEndpoint,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    backoff: Duration,
    /// Numbers the connections, so that a late complaint about an old one does not take down the new one.
    generation: u64,
}

enum Phase {
    Idle,
    Dialing,
    Ready(Channel),
    Failed { retry_at: Instant, reason: String },
}

/// What a slot can offer now.
pub(crate) enum Offer {
    /// A connection, and its number.
    Ready(Channel, u64),
    /// A dial is under way.
    Dialing,
    /// Nobody has dialled, or it is time to dial again.
    Dial,
    /// Dialling failed and is not to be repeated before this moment.
    Wait(Instant),
}

impl Slot {
    pub(crate) fn new(endpoint: Endpoint, config: &Config) -> Self {
        let authority = format!("http://{}", endpoint.server_name);
        let uri = authority.parse().unwrap_or(Uri::from_static("http://localhost"));
        let mut template = TonicEndpoint::from(uri).keep_alive_timeout(config.keep_alive_timeout);
        if let Some(time) = config.keep_alive_time.filter(|time| !time.is_zero()) {
            template = template.http2_keep_alive_interval(time.max(MIN_KEEP_ALIVE));
        }
        let state = State { phase: Phase::Idle, backoff: FIRST_BACKOFF, generation: 0 };
        Slot { endpoint, tls: config.tls.clone(), channel_template: template, state: Mutex::new(state) }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn offer(&self, now: Instant) -> Offer {
        let state = self.lock();
        match &state.phase {
            Phase::Ready(channel) => Offer::Ready(channel.clone(), state.generation),
            Phase::Dialing => Offer::Dialing,
            Phase::Idle => Offer::Dial,
            Phase::Failed { retry_at, .. } if *retry_at <= now => Offer::Dial,
            Phase::Failed { retry_at, .. } => Offer::Wait(*retry_at),
        }
    }

    /// Why the last attempt failed, if it did.
    pub(crate) fn reason(&self) -> Option<String> {
        match &self.lock().phase {
            Phase::Failed { reason, .. } => Some(reason.clone()),
            _ => None,
        }
    }

    /// Dials in the background, unless that is under way; wakes `changed` when it is over.
    pub(crate) fn dial(self: &Arc<Self>, changed: &Arc<Notify>) {
        {
            let mut state = self.lock();
            if matches!(state.phase, Phase::Dialing | Phase::Ready(_)) {
                return;
            }
            state.phase = Phase::Dialing;
        }
        let (slot, changed) = (Arc::downgrade(self), Arc::downgrade(changed));
        let attempt = dial_once(self.endpoint.clone(), self.tls.clone(), self.channel_template.clone());
        tokio::spawn(async move {
            let result = attempt.await;
            if let Some(slot) = slot.upgrade() {
                slot.dialed(result);
            }
            if let Some(changed) = changed.upgrade() {
                changed.notify_waiters();
            }
        });
    }

    fn dialed(&self, result: Result<Channel, String>) {
        let mut state = self.lock();
        match result {
            Ok(channel) => {
                state.generation += 1;
                state.phase = Phase::Ready(channel);
                state.backoff = FIRST_BACKOFF;
            }
            Err(reason) => {
                let retry_at = Instant::now() + state.backoff;
                state.backoff = (state.backoff * 8 / 5).min(MAX_BACKOFF);
                state.phase = Phase::Failed { retry_at, reason };
            }
        }
    }

    /// The connection of this number was found to be lost: the next offer dials again.
    pub(crate) fn lost(&self, generation: u64) {
        let mut state = self.lock();
        if state.generation == generation && matches!(state.phase, Phase::Ready(_)) {
            state.phase = Phase::Idle;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn dial_once(
    endpoint: Endpoint,
    tls: Option<Arc<dyn TlsConnector>>,
    template: TonicEndpoint,
) -> Result<Channel, String> {
    let used = Arc::new(AtomicBool::new(false));
    let begins = Arc::new(Mutex::new(None::<Beginning>));
    let set_beginning = begins.clone();
    let connector = tower::service_fn(move |_: Uri| {
        let (endpoint, tls, begins) = (endpoint.clone(), tls.clone(), set_beginning.clone());
        let first = !used.swap(true, Ordering::Relaxed);
        async move {
            if !first {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "connection lost"));
            }
            let (stream, beginning) = watched(connector::connect(&endpoint, tls.as_ref()).await?);
            *begins.lock().unwrap_or_else(PoisonError::into_inner) = Some(beginning);
            Ok(TokioIo::new(stream))
        }
    });
    let dialled = async {
        let channel = template.connect_with_connector(connector).await.map_err(|error| root_cause(&error))?;
        let beginning = begins.lock().unwrap_or_else(PoisonError::into_inner).take();
        let begun = match beginning {
            Some(beginning) => beginning.await.unwrap_or_else(|_| Err("EOF".to_owned())),
            None => Ok(()),
        };
        begun.map(|()| channel).map_err(|why| format!("error reading server preface: {why}"))
    };
    let timed_out = |_| Err("connection timed out".to_owned());
    tokio::time::timeout(DIAL_TIMEOUT, dialled).await.unwrap_or_else(timed_out)
}

/// The innermost error: the outer ones only say "transport error".
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
