//! What goes on beside the requests.

use super::load::Load;
use crate::bench::target::MAX_ANSWER_BYTES;
use anyhow::Result;
use bytes::Bytes;
use clap::ValueEnum;
use oxetcd_api::etcdserverpb::{DefragmentRequest, RangeRequest};
use oxetcd_grpc::etcdserverpb::{kv_client::KvClient, maintenance_client::MaintenanceClient};
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// Work beside which requests are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Neighbour {
    /// One defragmentation.
    Defrag,
    /// One client that reads everything, again and again.
    Scan,
    /// The same client and the same answers, but another server's: what the client alone does to a machine that it
    /// shares with the server. Its share of `scan` is nobody's fault.
    ScanElsewhere,
}

impl Neighbour {
    pub(super) fn name(self) -> &'static str {
        match self {
            Neighbour::Defrag => "defrag",
            Neighbour::Scan => "scan",
            Neighbour::ScanElsewhere => "scan-elsewhere",
        }
    }

    /// How much data it is usually measured with.
    pub(super) fn usual_keys(self) -> usize {
        match self {
            Neighbour::Defrag => 1_000_000,
            Neighbour::Scan | Neighbour::ScanElsewhere => 100_000,
        }
    }

    /// Does it, at the server of `load`. Answers with what there is to say about it.
    pub(super) async fn work(self, load: &Load, over: CancellationToken) -> Result<String> {
        match self {
            Neighbour::Defrag => defragment(load).await,
            Neighbour::Scan | Neighbour::ScanElsewhere => scan(load.own_channel(), over).await,
        }
    }
}

async fn defragment(load: &Load) -> Result<String> {
    let (before, began) = (load.room().await?, Instant::now());
    MaintenanceClient::new(load.own_channel()).defragment(DefragmentRequest {}).await?;
    let took = began.elapsed().as_secs_f64();
    Ok(format!("took {took:.1} s, from {before} to {}", load.room().await?))
}

/// The client has a thread of its own, of the lowest priority: on a machine that it shares with the server, what it does
/// with the answers must not count as the server's doing.
async fn scan(channel: Channel, over: CancellationToken) -> Result<String> {
    let (done, scans) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("scan".into()).spawn(move || {
        // Without it the figures are worse, not better.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Whoever waits for the answer has gone if this fails.
        let _ = done
            .send(runtime.map_err(anyhow::Error::from).and_then(|it| it.block_on(read_all(channel, over))));
    })?;
    let (scans, mib) = scans.await??;
    Ok(format!("{scans} scans of {mib} MiB"))
}

/// Answers with the number of scans, and the size of the last in MiB.
async fn read_all(channel: Channel, over: CancellationToken) -> Result<(usize, usize)> {
    let mut kv = KvClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES);
    let all = Bytes::from_static(&[0]);
    let (mut scans, mut bytes) = (0, 0);
    while !over.is_cancelled() {
        let range = RangeRequest { key: all.clone(), range_end: all.clone(), ..Default::default() };
        let answer = tokio::select! {
            answer = kv.range(range) => answer?.into_inner(),
            () = over.cancelled() => break,
        };
        bytes = answer.kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
        scans += 1;
    }
    Ok((scans, bytes >> 20))
}
