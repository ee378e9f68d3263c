//! Records into bytes.
//!
//! A record is a frame: eight bytes of length, a `walpb.Record`, zeros up to the next multiple of eight. The
//! length's lower 56 bits count the record; its top byte is zero, or 0x80 plus the number of padding bytes.
//! Thanks to the alignment a length never straddles two sectors, so it is on disk whole or not at all.
//!
//! The checksum in a record is that of the data of all records since the log was created: a record is only
//! valid after its predecessors. An entry is written straight into the batch buffer, without a message, a
//! vector or a copy of its own: its small fields go through a stack array, its payload is copied once.

use bytes::Bytes;
use prost::Message;

use crate::pb::{raftpb, walpb};

/// Type numbers of records.
pub(crate) const METADATA: i64 = 1;
pub(crate) const ENTRY: i64 = 2;
pub(crate) const STATE: i64 = 3;
pub(crate) const CRC: i64 = 4;
pub(crate) const SNAPSHOT: i64 = 5;

/// Bytes of a frame's length field.
pub(crate) const FRAME_BYTES: usize = 8;

/// Longest encoding of an entry's fields before its payload: four tags, four numbers.
const ENTRY_HEAD_BYTES: usize = 4 * (1 + 10);

/// A buffer that gives its memory back when a burst has passed.
const KEEP_BUFFER_BYTES: usize = 4 << 20;

/// Collects the frames of a batch.
pub(crate) struct Encoder {
    buffer: Vec<u8>,
    crc: u32,
}

impl Encoder {
    /// Continues a log whose last record had this checksum.
    pub(crate) fn new(crc: u32) -> Encoder {
        Encoder { buffer: Vec::with_capacity(128 << 10), crc }
    }

    /// The frames since the last [`Encoder::clear`].
    pub(crate) fn pending(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        if self.buffer.capacity() > KEEP_BUFFER_BYTES {
            self.buffer.shrink_to(KEEP_BUFFER_BYTES);
        }
    }

    /// The first record of a segment: the checksum so far.
    pub(crate) fn crc_record(&mut self) {
        self.frame(CRC, &[], &[]);
    }

    pub(crate) fn metadata(&mut self, metadata: &[u8]) {
        self.frame(METADATA, metadata, &[]);
    }

    pub(crate) fn hard_state(&mut self, state: &raftpb::HardState) {
        self.frame(STATE, &state.encode_to_vec(), &[]);
    }

    pub(crate) fn snapshot(&mut self, snapshot: &walpb::Snapshot) {
        self.frame(SNAPSHOT, &snapshot.encode_to_vec(), &[]);
    }

    pub(crate) fn entry(&mut self, entry: &raftpb::Entry) {
        let mut head = [0; ENTRY_HEAD_BYTES];
        let mut at = 0;
        let mut field = |tag: u8, value: u64| {
            head[at] = tag;
            at += 1 + put_varint(&mut head[at + 1..], value);
        };
        if let Some(kind @ 1..) = entry.r#type {
            field(0x08, kind.unsigned_abs().into());
        }
        if let Some(term) = entry.term {
            field(0x10, term);
        }
        if let Some(index) = entry.index {
            field(0x18, index);
        }
        if let Some(data) = &entry.data {
            field(0x22, data.len() as u64);
        }
        self.frame(ENTRY, &head[..at], entry.data.as_ref().map_or(&[], Bytes::as_ref));
    }

    /// One record whose data is `head` and `tail`, one after the other. Without data the field is left out.
    fn frame(&mut self, kind: i64, head: &[u8], tail: &[u8]) {
        self.crc = crc32c::crc32c_append(crc32c::crc32c_append(self.crc, head), tail);
        let data_len = head.len() + tail.len();
        // Tag and number of the type, tag and number of the checksum, tag and length of the data.
        let mut start = [0; 2 + (1 + 5) + (1 + 10)];
        start[0] = 0x08;
        start[1] = kind as u8;
        start[2] = 0x10;
        let mut at = 3 + put_varint(&mut start[3..], self.crc.into());
        if data_len > 0 {
            start[at] = 0x1a;
            at += 1;
            at += put_varint(&mut start[at..], data_len as u64);
        }
        let record_len = at + data_len;
        let padding = record_len.wrapping_neg() % FRAME_BYTES;
        let mut length = record_len as u64;
        if padding != 0 {
            length |= (0x80 | padding as u64) << 56;
        }
        self.buffer.reserve(FRAME_BYTES + record_len + padding);
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(&start[..at]);
        self.buffer.extend_from_slice(head);
        self.buffer.extend_from_slice(tail);
        self.buffer.extend_from_slice(&[0; FRAME_BYTES][..padding]);
    }
}

/// Writes a protobuf varint; returns how many bytes it took.
fn put_varint(to: &mut [u8], mut value: u64) -> usize {
    let mut at = 0;
    while value >= 0x80 {
        to[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    to[at] = value as u8;
    at + 1
}
