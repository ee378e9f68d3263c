//! The vocabulary of etcd.
//!
//! Every other crate speaks in these words and no others: [`Revision`], [`KeyRange`], [`LeaseId`],
//! [`Event`], and the protobuf messages of etcd's API. The messages are generated from the `.proto` files in
//! `proto/`, with `bytes` fields as [`bytes::Bytes`] so that decoding never copies a key or a value.

mod event;
mod pb;
mod range;
mod revision;

pub use event::{Event, EventBatch, EventKind};
pub use pb::{authpb, etcdserverpb, leasepb, membershippb, mvccpb, v3electionpb, v3lockpb};
pub use range::KeyRange;
pub use revision::Revision;

/// The descriptors of all messages and services: an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Identifies a lease; any value but 0, which means "no lease".
pub type LeaseId = i64;
