//! `Range`: the records of the answer go from the store to the socket as the bytes they are stored as.
//!
//! The store hands out a range as buffers that already hold the wire form of `RangeResponse.kvs`. So the
//! answer is: prefix, header, those buffers one after the other, `more` and `count`. Nothing is decoded, and a
//! large answer never exists twice.

use super::{
    Propose, Read, gate,
    read_meter::ReadMeter,
    unary::{self, Reply},
};
use crate::{
    access::{self, Credentials},
    admission::Pacer,
    background,
    metrics::Op,
    net::Remote,
    status,
};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{RangeRequest, RangeResponse, ResponseHeader};
use oxetcd_mvcc::{Error, RangeResult, Store, check};
use prost::Message;
use std::{collections::VecDeque, sync::Arc, time::Instant};
use tonic::Status;

/// Answers one `Range` call, whose request `message` encodes.
///
/// # Errors
/// When the request is malformed, or asks for a revision out of reach.
pub(crate) async fn range<M: Propose + Read>(
    member: Arc<M>,
    message: Bytes,
    shown: Option<Credentials>,
    from: Remote,
) -> Result<Reply, Status> {
    let meter = ReadMeter::begin(Op::Range);
    let result = answer(&member, unary::decode(message.clone())?, shown, from).await;
    meter.end(&*member, result.is_ok(), PATH, || message);
    Ok(encode(&*member, result?))
}

/// The method that is answered here.
const PATH: &str = "/etcdserverpb.KV/Range";

async fn answer<M: Propose + Read>(
    member: &Arc<M>,
    request: RangeRequest,
    shown: Option<Credentials>,
    from: Remote,
) -> Result<RangeResult, Status> {
    check::range(&request).map_err(|error| status::of_check(&error))?;
    if !request.serializable {
        gate::serves_linearizable(&**member)?;
        member.barrier().await?;
    }
    let caller = access::identify(&**member, shown.as_ref()).await?;
    let may = access::permissions(&member.machine(), caller.clone()).range(&request);
    may.map_err(|error| status::of_auth(&error))?;
    let (began, key) = (Instant::now(), request.key.clone());
    let result = read(member, request, from).await;
    access::is_unchanged(&member.machine(), caller.as_ref())?;
    member.metrics().mvcc.ranges.inc();
    if let Some(prefixes) = member.metrics().prefixes.get() {
        prefixes.read(&key);
    }
    member.metrics().server.ranged(result.is_ok(), began.elapsed());
    result
}

async fn read<M: Propose + Read>(
    member: &Arc<M>,
    request: RangeRequest,
    from: Remote,
) -> Result<RangeResult, Status> {
    let refused = |error| status::of_store(&error);
    {
        let machine = member.machine();
        if !is_long(machine.store(), &request).map_err(refused)? {
            return machine.store().range(&request).map_err(refused);
        }
    }
    let turn = member.admission().turn(from).await;
    let member = member.clone();
    let done = background::on_thread(move || {
        let _turn = turn;
        let pacer = Pacer::begin(member.admission());
        member.machine().store().range_with_pauses(&request, &|| pacer.pause())
    });
    done.await.ok_or_else(status::stopped)?.map_err(refused)
}

/// Whether an answer has so many records that it is put together apart.
///
/// # Errors
/// Those of the range itself.
pub(super) fn is_long(store: &Store, request: &RangeRequest) -> Result<bool, Error> {
    Ok(may_be_long(request) && store.range(&counting(request))?.count > LONG_KEYS)
}

/// Records from which on an answer is put together in the background.
const LONG_KEYS: i64 = 1000;

/// Whether the request's form allows an answer of many records.
fn may_be_long(request: &RangeRequest) -> bool {
    let limited = request.limit > 0 && request.limit <= LONG_KEYS;
    !request.range_end.is_empty() && !request.count_only && !limited
}

fn counting(request: &RangeRequest) -> RangeRequest {
    RangeRequest { count_only: true, ..request.clone() }
}

fn encode<M: Read>(member: &M, result: RangeResult) -> Reply {
    let header = ResponseHeader { revision: result.revision, ..member.header() };
    let head = RangeResponse { header: Some(header), ..Default::default() };
    let tail = RangeResponse { more: result.more, count: result.count, ..Default::default() };
    let (head_length, tail_length) = (head.encoded_len(), tail.encoded_len());
    let kvs = result.kvs.into_chunks();
    let kvs_length: usize = kvs.iter().map(Bytes::len).sum();
    // A small answer is one buffer; a large one keeps those it has.
    let small = kvs.len() <= 1 && kvs_length <= SMALL_BYTES;
    let room = head_length + if small { kvs_length + tail_length } else { 0 };
    let mut first = unary::begin(head_length + kvs_length + tail_length, room);
    // A growable buffer takes any message.
    let _ = head.encode(&mut first);
    if small {
        kvs.iter().for_each(|chunk| first.extend_from_slice(chunk));
        let _ = tail.encode(&mut first);
        return Reply { first: first.freeze(), rest: VecDeque::new() };
    }
    let mut rest = VecDeque::from(kvs);
    rest.push_back(tail.encode_to_vec().into());
    Reply { first: first.freeze(), rest }
}

/// Up to this size one copy costs less than one more frame.
const SMALL_BYTES: usize = 16 << 10;
