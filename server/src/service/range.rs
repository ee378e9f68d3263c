//! `Range`: the records of the answer go from the store to the socket as the bytes they are stored as.
//!
//! The store hands out a range as buffers that already hold the wire form of `RangeResponse.kvs`. So the
//! answer is: prefix, header, those buffers one after the other, `more` and `count`. Nothing is decoded, and a
//! large answer never exists twice.

use super::{Propose, Read, unary};
use crate::{background, status};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{RangeRequest, RangeResponse, ResponseHeader};
use oxetcd_mvcc::{RangeResult, check};
use prost::Message;
use std::{collections::VecDeque, sync::Arc};
use tonic::{Status, body::Body};

/// Answers one `Range` call.
pub(crate) async fn range<M: Propose + Read>(
    member: Arc<M>,
    request: http::Request<hyper::body::Incoming>,
) -> http::Response<Body> {
    match answer(&member, request.into_body()).await {
        Ok(result) => encode(&*member, result),
        Err(status) => status.into_http(),
    }
}

async fn answer<M: Propose + Read>(
    member: &Arc<M>,
    body: hyper::body::Incoming,
) -> Result<RangeResult, Status> {
    let request: RangeRequest = unary::read(body, member.limits().max_message_bytes()).await?;
    check::range(&request).map_err(|error| status::of_check(&error))?;
    if !request.serializable {
        member.barrier().await?;
    }
    let refused = |error| status::of_store(&error);
    let store = member.machine().store();
    if !may_be_long(&request) || store.range(&counting(&request)).map_err(refused)?.count <= LONG_KEYS {
        return store.range(&request).map_err(refused);
    }
    let member = member.clone();
    let done = background::run(move || member.machine().store().range(&request)).await;
    done.ok_or_else(status::stopped)?.map_err(refused)
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

fn encode<M: Read>(member: &M, result: RangeResult) -> http::Response<Body> {
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
        return unary::answer_with(first.freeze(), VecDeque::new());
    }
    let mut rest = VecDeque::from(kvs);
    rest.push_back(tail.encode_to_vec().into());
    unary::answer_with(first.freeze(), rest)
}

/// Up to this size one copy costs less than one more frame.
const SMALL_BYTES: usize = 16 << 10;
