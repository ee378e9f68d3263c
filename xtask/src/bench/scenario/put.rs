//! Puts.

use super::{Client, Load, Sample, Target, data, drive::drive};
use anyhow::Result;
use bytes::Bytes;
use oxetcd_api::etcdserverpb::PutRequest;
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use tonic::{Status, transport::Channel};

struct Put {
    client: KvClient<Channel>,
    value: Bytes,
}

impl Client for Put {
    async fn call(&mut self, ticket: usize) -> Result<(), Status> {
        let key = data::key(data::scattered(ticket, data::KEY_SPACE));
        self.client.put(PutRequest { key, value: self.value.clone(), ..PutRequest::default() }).await?;
        Ok(())
    }
}

pub(super) fn run(target: &Target, threads: usize, load: Load) -> Result<Sample> {
    let value = data::value();
    drive(target, threads, load, async |channel, _| {
        Ok(Put { client: KvClient::new(channel), value: value.clone() })
    })
}
