//! Bytes to and from clients, and the traffic with each peer.

use super::registrar::{Buckets, Registrar};
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

/// Handles of `etcd_network_*`.
#[derive(Debug)]
pub struct NetworkMetrics {
    /// Bytes of messages received from gRPC clients.
    pub client_received_bytes: IntCounter,
    /// Bytes of messages sent to gRPC clients.
    pub client_sent_bytes: IntCounter,
    stream_failures: IntCounterVec,
    known_peers: IntGaugeVec,
    active_peers: IntGaugeVec,
    disconnected_peers: IntCounterVec,
    sent_bytes: IntCounterVec,
    received_bytes: IntCounterVec,
    sent_failures: IntCounterVec,
    received_failures: IntCounterVec,
    round_trip: HistogramVec,
    snapshots: SnapshotTraffic,
}

#[derive(Debug)]
struct SnapshotTraffic {
    sent: IntCounterVec,
    sending: IntGaugeVec,
    send_failures: IntCounterVec,
    send_time: HistogramVec,
    received: IntCounterVec,
    receiving: IntGaugeVec,
    receive_failures: IntCounterVec,
    receive_time: HistogramVec,
}

/// Handles of the traffic with one peer.
#[derive(Clone, Debug)]
pub struct PeerMetrics {
    /// 1 while the peer answers.
    pub active: IntGauge,
    /// Times that it was lost.
    pub disconnects: IntCounter,
    /// Bytes sent to it.
    pub sent_bytes: IntCounter,
    /// Bytes received from it.
    pub received_bytes: IntCounter,
    /// Messages that could not be sent.
    pub send_failures: IntCounter,
    /// Messages that could not be received.
    pub receive_failures: IntCounter,
    /// Round trips, in seconds.
    pub round_trip: Histogram,
    /// Snapshots sent to it.
    pub snapshots_sent: IntCounter,
    /// Snapshots on their way to it.
    pub snapshots_sending: IntGauge,
    /// Snapshots that did not reach it.
    pub snapshot_send_failures: IntCounter,
    /// Sending a snapshot, in seconds.
    pub snapshot_send: Histogram,
    /// Snapshots received from it.
    pub snapshots_received: IntCounter,
    /// Snapshots on their way from it.
    pub snapshots_receiving: IntGauge,
    /// Snapshots from it that broke off.
    pub snapshot_receive_failures: IntCounter,
    /// Receiving a snapshot, in seconds.
    pub snapshot_receive: Histogram,
}

impl SnapshotTraffic {
    fn new(to: &Registrar<'_>) -> Self {
        let name = |rest: &str| format!("etcd_network_snapshot_{rest}");
        let count = |rest: &str, help: &str, label| to.counters(&name(rest), help, &[label]);
        let gauge = |rest: &str, help: &str, label| to.gauges(&name(rest), help, &[label]);
        let times = |rest: &str, help: &str, label| {
            to.histograms(&name(rest), help, Buckets { first: 0.1, count: 10 }, &[label])
        };
        SnapshotTraffic {
            sent: count("send_success", "Snapshots sent.", "To"),
            sending: gauge("send_inflights_total", "Snapshots being sent.", "To"),
            send_failures: count("send_failures", "Snapshots that were not sent.", "To"),
            send_time: times("send_total_duration_seconds", "Time that sending a snapshot took.", "To"),
            received: count("receive_success", "Snapshots received.", "From"),
            receiving: gauge("receive_inflights_total", "Snapshots being received.", "From"),
            receive_failures: count("receive_failures", "Snapshots that broke off.", "From"),
            receive_time: times("receive_total_duration_seconds", "Time that a snapshot took.", "From"),
        }
    }
}

impl NetworkMetrics {
    pub(super) fn new(to: &Registrar<'_>) -> Self {
        let by_pair = ["Local", "Remote"];
        let count = |rest: &str, help: &str, labels: &[&str]| {
            to.counters(&format!("etcd_network_{rest}"), help, labels)
        };
        let client = |rest: &str, help: &str| {
            to.counter(&format!("etcd_network_client_grpc_{rest}_bytes_total"), help)
        };
        NetworkMetrics {
            client_received_bytes: client("received", "Bytes received from gRPC clients."),
            client_sent_bytes: client("sent", "Bytes sent to gRPC clients."),
            stream_failures: count(
                "server_stream_failures_total",
                "Streams of clients that failed here.",
                &["Type", "API"],
            ),
            known_peers: to.gauges("etcd_network_known_peers", "Members known.", &by_pair),
            active_peers: to.gauges("etcd_network_active_peers", "Peers that answer.", &by_pair),
            disconnected_peers: count("disconnected_peers_total", "Peers lost.", &by_pair),
            sent_bytes: count("peer_sent_bytes_total", "Bytes sent to peers.", &["To"]),
            received_bytes: count("peer_received_bytes_total", "Bytes received from peers.", &["From"]),
            sent_failures: count("peer_sent_failures_total", "Messages not sent.", &["To"]),
            received_failures: count("peer_received_failures_total", "Messages not received.", &["From"]),
            round_trip: to.histograms(
                "etcd_network_peer_round_trip_time_seconds",
                "Round trip to peers.",
                Buckets { first: 0.0001, count: 16 },
                &["To"],
            ),
            snapshots: SnapshotTraffic::new(to),
        }
    }

    /// A stream of a client failed; `kind` is `receive` or `send`, `api` is as in `watch`, `lease-keepalive`.
    pub fn stream_failed(&self, kind: &str, api: &str) {
        self.stream_failures.with_label_values(&[kind, api]).inc();
    }

    /// A member is known, or is no longer one.
    pub fn set_known(&self, local: u64, remote: u64, known: bool) {
        let (local, remote) = (format!("{local:x}"), format!("{remote:x}"));
        self.known_peers.with_label_values(&[&local, &remote]).set(i64::from(known));
    }

    /// The handles of one peer; its series are shown from now on.
    pub fn peer(&self, local: u64, remote: u64) -> PeerMetrics {
        let (local, remote) = (format!("{local:x}"), format!("{remote:x}"));
        let (pair, one) = ([local.as_str(), remote.as_str()], [remote.as_str()]);
        let snapshots = &self.snapshots;
        PeerMetrics {
            active: self.active_peers.with_label_values(&pair),
            disconnects: self.disconnected_peers.with_label_values(&pair),
            sent_bytes: self.sent_bytes.with_label_values(&one),
            received_bytes: self.received_bytes.with_label_values(&one),
            send_failures: self.sent_failures.with_label_values(&one),
            receive_failures: self.received_failures.with_label_values(&one),
            round_trip: self.round_trip.with_label_values(&one),
            snapshots_sent: snapshots.sent.with_label_values(&one),
            snapshots_sending: snapshots.sending.with_label_values(&one),
            snapshot_send_failures: snapshots.send_failures.with_label_values(&one),
            snapshot_send: snapshots.send_time.with_label_values(&one),
            snapshots_received: snapshots.received.with_label_values(&one),
            snapshots_receiving: snapshots.receiving.with_label_values(&one),
            snapshot_receive_failures: snapshots.receive_failures.with_label_values(&one),
            snapshot_receive: snapshots.receive_time.with_label_values(&one),
        }
    }
}
