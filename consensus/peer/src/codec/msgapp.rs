//! Frames of the `msgapp` stream, version 2.
//!
//! A leader in full flow sends appends of which each begins where the one before ended. Both ends remember
//! where that is, so that such an append needs no envelope. Three types of frames, numbers big-endian:
//!
//! | | |
//! |---|---|
//! | `0` | nothing; keeps the stream alive |
//! | `1`, count, (length, entry)*, commit | an append that follows the one before, in the same term |
//! | `2`, length, message | an append in full; sets what both ends remember |
//!
//! Both ends start with a new memory on each connection.

use super::{
    CodecError, FRAME_LIMIT_BYTES, FrameDecoder, checked_length, is_link_heartbeat, link_heartbeat, peek_u64,
};
use bytes::{Buf, BufMut, BytesMut};
use oxetcd_consensus::raftpb::{Entry, Message, MessageType};
use prost::Message as _;

const HEARTBEAT: u8 = 0;
const ENTRIES: u8 = 1;
const FULL: u8 = 2;

/// The most entries that a frame may claim. An append of the reference is at most 1 MiB of entries, of which
/// none is shorter than four bytes.
const ENTRIES_LIMIT: u64 = 1 << 20;

/// Counting on from here does not overflow.
const INDEX_LIMIT: u64 = u64::MAX - ENTRIES_LIMIT;

/// Where the last append ended.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    term: u64,
    index: u64,
}

impl Memory {
    fn after(message: &Message) -> Memory {
        let index = message.entries.last().map_or(message.index(), Entry::index);
        Memory { term: message.term(), index }
    }
}

/// Writes frames.
#[derive(Debug, Default)]
pub struct MsgAppEncoder {
    memory: Memory,
}

impl MsgAppEncoder {
    /// Appends one frame.
    pub fn encode(&mut self, message: &Message, out: &mut BytesMut) {
        if is_link_heartbeat(message) {
            out.put_u8(HEARTBEAT);
        } else if self.follows(message) {
            self.encode_entries(message, out);
        } else {
            let length = message.encoded_len();
            out.reserve(9 + length);
            out.put_u8(FULL);
            out.put_u64(length as u64);
            message.encode_raw(out);
            self.memory = Memory::after(message);
        }
    }

    fn follows(&self, message: &Message) -> bool {
        let Memory { term, index } = self.memory;
        let remembered = term != 0 && index <= INDEX_LIMIT;
        remembered && message.term() == term && message.log_term() == term && message.index() == index
    }

    fn encode_entries(&mut self, message: &Message, out: &mut BytesMut) {
        out.put_u8(ENTRIES);
        out.put_u64(message.entries.len() as u64);
        for entry in &message.entries {
            let length = entry.encoded_len();
            out.reserve(8 + length);
            out.put_u64(length as u64);
            entry.encode_raw(out);
        }
        out.put_u64(message.commit());
        self.memory.index += message.entries.len() as u64;
    }
}

/// Reads frames.
#[derive(Debug)]
pub struct MsgAppDecoder {
    local: u64,
    remote: u64,
    memory: Memory,
    input: BytesMut,
    /// A frame of entries of which not all have come.
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    missing: u64,
    bytes: u64,
    entries: Vec<Entry>,
}

impl MsgAppDecoder {
    /// For the stream on which `remote` sends to `local`.
    pub fn new(local: u64, remote: u64) -> Self {
        MsgAppDecoder { local, remote, memory: Memory::default(), input: BytesMut::new(), begun: None }
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
        if self.begun.is_some() {
            return self.read_entries();
        }
        let Some(&kind) = self.input.first() else { return Ok(None) };
        match kind {
            HEARTBEAT => {
                self.input.advance(1);
                Ok(Some(link_heartbeat()))
            }
            ENTRIES => {
                let Some(count) = peek_u64(&self.input, 1) else { return Ok(None) };
                if count > ENTRIES_LIMIT {
                    return Err(CodecError::TooLong(count));
                }
                if self.memory.term == 0 || self.memory.index > INDEX_LIMIT {
                    return Err(CodecError::OutOfPlace);
                }
                self.input.advance(9);
                let entries = Vec::with_capacity(count.min(1024) as usize);
                self.begun = Some(Begun { missing: count, bytes: 0, entries });
                self.read_entries()
            }
            FULL => self.read_full(),
            other => Err(CodecError::UnknownType(other)),
        }
    }

    fn read_full(&mut self) -> Result<Option<Message>, CodecError> {
        let Some(length) = peek_u64(&self.input, 1) else { return Ok(None) };
        let length = checked_length(length, FRAME_LIMIT_BYTES)?;
        if self.input.len() - 9 < length {
            return Ok(None);
        }
        self.input.advance(9);
        let message = Message::decode(self.input.split_to(length).freeze())?;
        self.memory = Memory::after(&message);
        Ok(Some(message))
    }

    fn read_entries(&mut self) -> Result<Option<Message>, CodecError> {
        let Some(begun) = &mut self.begun else { return Ok(None) };
        while begun.missing > 0 {
            let Some(length) = peek_u64(&self.input, 0) else { return Ok(None) };
            let size = checked_length(length, FRAME_LIMIT_BYTES - begun.bytes)?;
            if self.input.len() - 8 < size {
                return Ok(None);
            }
            self.input.advance(8);
            begun.entries.push(Entry::decode(self.input.split_to(size).freeze())?);
            begun.bytes += length;
            begun.missing -= 1;
        }
        let Some(commit) = peek_u64(&self.input, 0) else { return Ok(None) };
        self.input.advance(8);
        let entries = self.begun.take().map(|begun| begun.entries).unwrap_or_default();
        let Memory { term, index } = self.memory;
        self.memory.index += entries.len() as u64;
        Ok(Some(Message {
            r#type: Some(MessageType::MsgApp.into()),
            from: Some(self.remote),
            to: Some(self.local),
            term: Some(term),
            log_term: Some(term),
            index: Some(index),
            entries,
            commit: Some(commit),
            ..Default::default()
        }))
    }
}

impl FrameDecoder for MsgAppDecoder {
    fn extend(&mut self, bytes: &[u8]) {
        MsgAppDecoder::extend(self, bytes);
    }

    fn next(&mut self) -> Result<Option<Message>, CodecError> {
        self.next_message()
    }
}
