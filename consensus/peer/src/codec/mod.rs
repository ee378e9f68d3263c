//! Frames of the streams.
//!
//! Decoders take bytes as they come and give messages when they are complete. Nothing is reserved for what a
//! length merely claims: memory grows with the bytes that really arrived, and a claim beyond the limit is an
//! error at once.

mod message;
mod msgapp;

pub use message::{MessageDecoder, encode_message};
pub use msgapp::{MsgAppDecoder, MsgAppEncoder};

use bytes::BytesMut;
use oxetcd_consensus::raftpb::{Message, MessageType};

/// The most that a frame may claim to be long: the reference's limit for a message.
pub(crate) const FRAME_LIMIT_BYTES: u64 = 512 << 20;

/// Why a stream cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// A frame claims more bytes than are allowed.
    #[error("a frame of {0} bytes is too long")]
    TooLong(u64),
    /// A frame of an unknown type.
    #[error("a frame of type {0} is not known")]
    UnknownType(u8),
    /// A frame that stands on an earlier one which never came.
    #[error("entries without a message that says where they belong")]
    OutOfPlace,
    /// What is in the frame cannot be understood.
    #[error("a frame that cannot be read: {0}")]
    Malformed(#[from] prost::DecodeError),
}

/// Decodes either kind of stream.
pub(crate) trait FrameDecoder: Send {
    /// Takes what came.
    fn extend(&mut self, bytes: &[u8]);
    /// The next complete message.
    fn next(&mut self) -> Result<Option<Message>, CodecError>;
}

/// A message that keeps a stream from looking dead. Raft never makes one without a sender.
pub(crate) fn is_link_heartbeat(message: &Message) -> bool {
    message.r#type() == MessageType::MsgHeartbeat && message.from() == 0 && message.to() == 0
}

pub(crate) fn link_heartbeat() -> Message {
    Message { r#type: Some(MessageType::MsgHeartbeat.into()), ..Default::default() }
}

/// The big-endian number at `at`, when it is there.
fn peek_u64(input: &BytesMut, at: usize) -> Option<u64> {
    let bytes = input.get(at..at + 8)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// A length that is within the limit, as what the machine counts with.
fn checked_length(length: u64, limit: u64) -> Result<usize, CodecError> {
    match usize::try_from(length) {
        Ok(size) if length <= limit => Ok(size),
        _ => Err(CodecError::TooLong(length)),
    }
}
