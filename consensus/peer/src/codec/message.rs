//! Frames of the `message` stream: eight bytes of length, big-endian, then the message.

use super::{CodecError, FRAME_LIMIT_BYTES, FrameDecoder, checked_length, peek_u64};
use bytes::{Buf, BufMut, BytesMut};
use oxetcd_consensus::raftpb::Message;
use prost::Message as _;

/// Appends one frame.
pub fn encode_message(message: &Message, out: &mut BytesMut) {
    let length = message.encoded_len();
    out.reserve(8 + length);
    out.put_u64(length as u64);
    message.encode_raw(out);
}

/// Reads frames.
#[derive(Debug)]
pub struct MessageDecoder {
    input: BytesMut,
    limit_bytes: u64,
}

impl Default for MessageDecoder {
    fn default() -> Self {
        MessageDecoder::with_limit(FRAME_LIMIT_BYTES)
    }
}

impl MessageDecoder {
    /// One that takes no message above this length.
    pub fn with_limit(limit_bytes: u64) -> Self {
        MessageDecoder { input: BytesMut::new(), limit_bytes }
    }

    /// Takes what came.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The next complete message.
    ///
    /// # Errors
    /// When the stream makes no sense. It cannot be read any further then.
    pub fn next_message(&mut self) -> Result<Option<Message>, CodecError> {
        let Some(length) = peek_u64(&self.input, 0) else { return Ok(None) };
        let length = checked_length(length, self.limit_bytes)?;
        if self.input.len() - 8 < length {
            return Ok(None);
        }
        self.input.advance(8);
        Ok(Some(Message::decode(self.input.split_to(length).freeze())?))
    }

    /// What came after the messages that were read.
    pub(crate) fn into_rest(self) -> BytesMut {
        self.input
    }
}

impl FrameDecoder for MessageDecoder {
    fn extend(&mut self, bytes: &[u8]) {
        MessageDecoder::extend(self, bytes);
    }

    fn next(&mut self) -> Result<Option<Message>, CodecError> {
        self.next_message()
    }
}
