//! Transactions.

use super::{Client, Load, Sample, Target, data, drive::drive};
use anyhow::Result;
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{
    Compare, PutRequest, RequestOp, TxnRequest,
    compare::{CompareResult, CompareTarget, TargetUnion},
    request_op::Request,
};
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use tonic::{Status, transport::Channel};

const OPS: usize = 8;
/// Keys that swaps compete for.
const SWAP_SPACE: usize = 1_000;

/// Makes the request of a ticket.
type Make = fn(usize, &Bytes) -> TxnRequest;

struct Txn {
    client: KvClient<Channel>,
    value: Bytes,
    make: Make,
}

impl Client for Txn {
    async fn call(&mut self, ticket: usize) -> Result<(), Status> {
        self.client.txn((self.make)(ticket, &self.value)).await?;
        Ok(())
    }
}

fn put(key: Bytes, value: &Bytes) -> RequestOp {
    let put = PutRequest { key, value: value.clone(), ..PutRequest::default() };
    RequestOp { request: Some(Request::RequestPut(put)) }
}

/// Eight puts of eight keys.
pub(super) fn puts(target: &Target, threads: usize, load: Load) -> Result<Sample> {
    run(target, threads, load, |ticket, value| {
        // Neighbours in a run of eight, so that no key comes twice.
        let first = data::scattered(ticket, data::KEY_SPACE) / OPS * OPS;
        let success = (0..OPS).map(|at| put(data::key(first + at), value)).collect();
        TxnRequest { success, ..TxnRequest::default() }
    })
}

/// A put on the condition that the key is there.
pub(super) fn compare_and_swap(target: &Target, threads: usize, load: Load) -> Result<Sample> {
    data::prepare(target, SWAP_SPACE)?;
    run(target, threads, load, |ticket, value| {
        let key = data::key(data::scattered(ticket, SWAP_SPACE));
        let compare = Compare {
            result: CompareResult::Greater.into(),
            target: CompareTarget::Version.into(),
            key: key.clone(),
            target_union: Some(TargetUnion::Version(0)),
            ..Compare::default()
        };
        TxnRequest { compare: vec![compare], success: vec![put(key, value)], ..TxnRequest::default() }
    })
}

fn run(target: &Target, threads: usize, load: Load, make: Make) -> Result<Sample> {
    let value = data::value();
    drive(target, threads, load, async |channel, _| {
        Ok(Txn { client: KvClient::new(channel), value: value.clone(), make })
    })
}
