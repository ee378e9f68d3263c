//! Reads: one key, or a thousand.

use super::{Client, Load, Sample, Target, data, drive::drive, target::MAX_ANSWER_BYTES};
use anyhow::Result;
use bytes::Bytes;
use oxetcd_api::etcdserverpb::RangeRequest;
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use tonic::{Status, transport::Channel};

/// Keys that single reads are spread over.
const READ_SPACE: usize = 1_000;
const MANY: i64 = 1_000;

struct Range {
    client: KvClient<Channel>,
    request: RangeRequest,
    /// Keys that the answer must hold; the request's key is chosen anew each time when this is 1.
    expected: usize,
}

impl Client for Range {
    async fn call(&mut self, ticket: usize) -> Result<(), Status> {
        let mut request = self.request.clone();
        if self.expected == 1 {
            request.key = data::key(data::scattered(ticket, READ_SPACE));
        }
        let answer = self.client.range(request).await?.into_inner();
        if answer.kvs.len() != self.expected {
            return Err(Status::data_loss(format!("{} keys, not {}", answer.kvs.len(), self.expected)));
        }
        Ok(())
    }
}

/// Reads of one key that is there.
pub(super) fn one_key(target: &Target, threads: usize, load: Load, serializable: bool) -> Result<Sample> {
    let request = RangeRequest { serializable, ..RangeRequest::default() };
    run(target, threads, load, request, 1)
}

/// Reads of the first thousand keys.
pub(super) fn thousand_keys(target: &Target, threads: usize, load: Load) -> Result<Sample> {
    let all = Bytes::from_static(&[0]);
    let request = RangeRequest {
        key: all.clone(),
        range_end: all,
        limit: MANY,
        serializable: true,
        ..RangeRequest::default()
    };
    run(target, threads, load, request, MANY.unsigned_abs() as usize)
}

fn run(
    target: &Target,
    threads: usize,
    load: Load,
    request: RangeRequest,
    expected: usize,
) -> Result<Sample> {
    data::prepare(target, READ_SPACE)?;
    drive(target, threads, load, async |channel, _| {
        let client = KvClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES);
        Ok(Range { client, request: request.clone(), expected })
    })
}
