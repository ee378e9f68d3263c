//! How long it takes until a connection takes what a watch stream has for it.
//!
//! A message counts as sent when the connection asks for the next one: HTTP/2 does so when there is room for more,
//! which a client that reads slowly does not give.

use crate::metrics::Metrics;
use oxetcd_watch::{Frame, ReplyBody};
use prometheus::{Histogram, IntCounter};
use std::time::Instant;

/// What a message is, as far as its time is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// So many events.
    Events(usize),
    /// An answer to a request, or a watcher's end.
    Control,
    /// A notice of progress.
    Progress,
}

/// Counts and times the messages of one stream.
pub(super) struct WatchMeter {
    events: Histogram,
    per_event: Histogram,
    control: Histogram,
    progress: Histogram,
    taken: IntCounter,
    /// The message that the connection has, and since when.
    sending: Option<(Kind, Instant)>,
}

impl WatchMeter {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let mvcc = &metrics.mvcc;
        WatchMeter {
            events: mvcc.watch_send.clone(),
            per_event: mvcc.watch_send_per_event.clone(),
            control: mvcc.watch_send_control.clone(),
            progress: mvcc.watch_send_progress.clone(),
            taken: metrics.queues.watch_events_taken.clone(),
            sending: None,
        }
    }

    /// A message goes to the connection.
    pub(super) fn begin(&mut self, kind: Kind) {
        self.sending = Some((kind, Instant::now()));
    }

    /// The connection asks for more.
    pub(super) fn asked(&mut self) {
        let Some((kind, since)) = self.sending.take() else { return };
        let took_s = since.elapsed().as_secs_f64();
        match kind {
            Kind::Events(count) => {
                self.events.observe(took_s);
                self.per_event.observe(took_s / count.max(1) as f64);
                self.taken.inc_by(count as u64);
            }
            Kind::Control => self.control.observe(took_s),
            Kind::Progress => self.progress.observe(took_s),
        }
    }

    /// Nobody takes these any more, nor what the connection had last.
    pub(super) fn lost(&mut self, events: usize) {
        let sending = match self.sending.take() {
            Some((Kind::Events(count), _)) => count,
            _ => 0,
        };
        self.taken.inc_by((events + sending) as u64);
    }
}

impl Kind {
    /// What a message is.
    pub(super) fn of(frame: &Frame) -> Kind {
        match &frame.reply().body {
            ReplyBody::Events(_) => Kind::Events(frame.event_count()),
            ReplyBody::Progress => Kind::Progress,
            _ => Kind::Control,
        }
    }
}
