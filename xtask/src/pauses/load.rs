//! Requests at a fixed pace, and the data that they are about.

use super::report::Part;
use crate::{
    bench::{
        paced::pace,
        target::{MAX_ANSWER_BYTES, Target},
    },
    scrape::Scrape,
};
use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::try_join_all;
use oxetcd_api::etcdserverpb::{
    CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, StatusRequest, TxnRequest,
    request_op::Request,
};
use oxetcd_grpc::etcdserverpb::{kv_client::KvClient, maintenance_client::MaintenanceClient};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

const CONNECTIONS: usize = 20;
/// Requests under way at once while data is prepared.
const PREPARE_WIDTH: usize = 400;
/// Keys that one transaction deletes.
const DELETES: usize = 100;
/// More of the commit loop's turns than one are over by then.
const SETTLE: Duration = Duration::from_secs(3);

/// Connections, and what is asked over them.
pub(super) struct Load {
    channels: Vec<Channel>,
    /// No request of the load's goes over this one: an answer that fills a connection is nobody else's business.
    apart: Channel,
    metrics: std::net::SocketAddr,
    keys: usize,
    value: Bytes,
    per_s: u32,
}

impl Load {
    /// Connects to `target`.
    pub(super) async fn new(target: &Target, keys: usize, value_bytes: usize, per_s: u32) -> Result<Load> {
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(target.connect().await?);
        }
        let metrics = target.address().context("a server of our own")?;
        Ok(Load {
            channels,
            apart: target.connect().await?,
            metrics,
            keys,
            value: vec![b'v'; value_bytes].into(),
            per_s,
        })
    }

    /// A connection for whatever goes on beside the requests.
    pub(super) fn own_channel(&self) -> Channel {
        self.apart.clone()
    }

    fn kv(&self, number: usize) -> KvClient<Channel> {
        let channel = self.channels[number % self.channels.len()].clone();
        KvClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    fn put(&self, number: usize) -> PutRequest {
        PutRequest { key: key(number), value: self.value.clone(), ..Default::default() }
    }

    /// Puts all keys.
    pub(super) async fn fill(&self) -> Result<()> {
        let worker = async |first: usize| -> Result<()> {
            let mut kv = self.kv(first);
            for number in (first..self.keys).step_by(PREPARE_WIDTH) {
                kv.put(self.put(number)).await?;
            }
            Ok(())
        };
        try_join_all((0..PREPARE_WIDTH).map(worker)).await.map(drop)
    }

    /// Deletes so many of a hundred keys, all over the key space, and compacts.
    pub(super) async fn delete(&self, percent: usize) -> Result<()> {
        let gone: Vec<usize> = (0..self.keys).filter(|number| number % 100 < percent).collect();
        let worker = async |first: usize| -> Result<()> {
            let mut kv = self.kv(first);
            for part in gone.chunks(DELETES).skip(first).step_by(CONNECTIONS) {
                let delete = |number: &usize| DeleteRangeRequest { key: key(*number), ..Default::default() };
                let op = |number| RequestOp { request: Some(Request::RequestDeleteRange(delete(number))) };
                let success = part.iter().map(op).collect();
                kv.txn(TxnRequest { success, ..Default::default() }).await?;
            }
            Ok(())
        };
        try_join_all((0..CONNECTIONS).map(worker)).await?;
        let now = self.kv(0).range(RangeRequest { key: key(0), ..Default::default() }).await?.into_inner();
        let revision = now.header.context("a header")?.revision;
        self.kv(0).compact(CompactionRequest { revision, physical: true }).await?;
        tokio::time::sleep(SETTLE).await;
        Ok(())
    }

    /// The size of the member's files.
    pub(super) async fn room(&self) -> Result<String> {
        let mut maintenance = MaintenanceClient::new(self.own_channel());
        let status = maintenance.status(StatusRequest {}).await?.into_inner();
        let mib = |bytes: i64| bytes >> 20;
        Ok(format!("{} MiB, {} in use", mib(status.db_size), mib(status.db_size_in_use)))
    }

    /// Lets requests come for `length`, and `work` go on beside them. Work that does not end by itself ends when the
    /// token is cancelled; what it answers with is printed.
    pub(super) async fn run(
        &self,
        length: Duration,
        work: impl AsyncFnOnce(CancellationToken) -> Result<String>,
    ) -> Result<Part> {
        let total = (length.as_secs_f64() * f64::from(self.per_s)) as usize;
        let (over, began, before) = (CancellationToken::new(), Instant::now(), Scrape::of(self.metrics)?);
        let puts = pace(total, self.per_s, |number| {
            let (mut kv, put) = (self.kv(number), self.put(scattered(number, self.keys)));
            async move { kv.put(put).await.map(drop) }
        });
        let reads = pace(total, self.per_s, |number| {
            let range = RangeRequest { key: key(scattered(number + total, self.keys)), ..Default::default() };
            let mut kv = self.kv(number + 1);
            async move { kv.range(range).await.map(drop) }
        });
        let requests = async {
            let both = tokio::join!(puts, reads);
            over.cancel();
            Ok::<_, anyhow::Error>(both)
        };
        let ((puts, reads), note) = tokio::try_join!(requests, work(over.clone()))?;
        let fsync_ms = Scrape::of(self.metrics)?.longest_ms(&before, "etcd_disk_wal_fsync_duration_seconds");
        Ok(Part { began, puts, reads, note, fsync_ms })
    }
}

fn key(number: usize) -> Bytes {
    Bytes::from(format!("key/{number:010}"))
}

/// A number that looks random and is the same in every run.
fn scattered(number: usize, space: usize) -> usize {
    let word = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((word ^ (word >> 31)) % space.max(1) as u64) as usize
}
