//! Keep-alives: every client has a lease, and a stream over which it renews it.

use super::{Client, Load, Sample, Target, drive::drive};
use anyhow::Result;
use futures::StreamExt;
use oxetcd_api::etcdserverpb::{LeaseGrantRequest, LeaseKeepAliveRequest, LeaseKeepAliveResponse};
use oxetcd_grpc::etcdserverpb::lease_client::LeaseClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

const TTL_S: i64 = 600;

struct KeepAlive {
    id: i64,
    requests: mpsc::Sender<LeaseKeepAliveRequest>,
    answers: Streaming<LeaseKeepAliveResponse>,
}

impl Client for KeepAlive {
    async fn call(&mut self, _: usize) -> Result<(), Status> {
        let closed = || Status::unavailable("the stream was closed");
        self.requests.send(LeaseKeepAliveRequest { id: self.id }).await.map_err(|_| closed())?;
        let answer = self.answers.next().await.ok_or_else(closed)??;
        if answer.ttl == 0 {
            return Err(Status::not_found("the lease is gone"));
        }
        Ok(())
    }
}

pub(super) fn run(target: &Target, threads: usize, load: Load) -> Result<Sample> {
    drive(target, threads, load, async |channel, _| {
        let mut client = LeaseClient::new(channel);
        let lease = client.lease_grant(LeaseGrantRequest { ttl: TTL_S, id: 0 }).await?.into_inner();
        let (requests, waiting) = mpsc::channel(1);
        // Servers answer the call itself only when the first request is there.
        requests.send(LeaseKeepAliveRequest { id: lease.id }).await?;
        let mut answers = client.lease_keep_alive(ReceiverStream::new(waiting)).await?.into_inner();
        answers.message().await?;
        Ok(KeepAlive { id: lease.id, requests, answers })
    })
}
