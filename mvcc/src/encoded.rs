//! Records of an answer, already in the form in which they go out.
//!
//! A range's answer may hold a million records. They are neither decoded nor gathered in a list: each is
//! copied once, from the engine into a chunk that holds field 2 of `RangeResponse` (tag, length, record) over
//! and over. The chunks, one behind the other, are a part of the encoded response; a server puts the other
//! fields before or behind them.

use crate::{
    Result,
    history::Place,
    leaf::KeyRef,
    record::{self, put_varint, varint_len},
};
use bytes::Bytes;
use oxetcd_api::mvccpb::KeyValue;

/// Tag of `RangeResponse.kvs`.
const KVS: u8 = 0x12;
/// The first chunk of an answer is as large as needed, up to this.
const FIRST_CHUNK_BYTES: usize = 64 << 10;
/// Later chunks.
const CHUNK_BYTES: usize = 256 << 10;
/// A record from this size on gets a chunk of its own: chunks are never left with a larger hole.
const LARGE_BYTES: usize = 16 << 10;

/// Encoded records in the order of the answer.
#[derive(Clone, Debug, Default)]
pub struct EncodedKvs {
    chunks: Vec<Bytes>,
    len: usize,
}

impl EncodedKvs {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chunks: concatenated, they are the field `kvs` of an encoded `RangeResponse`. No record lies in two.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// As [`EncodedKvs::chunks`], without the rest.
    pub fn into_chunks(self) -> Vec<Bytes> {
        self.chunks
    }

    /// Each chunk by itself, with the records in it.
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = EncodedKvs> + Send {
        self.chunks.into_iter().map(|chunk| {
            let mut piece = EncodedKvs { chunks: vec![chunk], len: 0 };
            piece.len = piece.records().count();
            piece
        })
    }

    /// Bytes of all chunks.
    pub fn encoded_len(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    /// The records one by one, each as the bytes of a `KeyValue`.
    pub fn records(&self) -> impl Iterator<Item = Bytes> {
        self.chunks.iter().flat_map(|chunk| {
            let mut at = 0;
            std::iter::from_fn(move || {
                let start = at + 1;
                let (len, width) = read_varint(chunk.get(start..)?)?;
                at = start + width + len;
                Some(chunk.slice(start + width..at))
            })
        })
    }

    /// Decodes the records; their bytes still share the chunks.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) when the engine held something else.
    pub fn decode(&self) -> Result<Vec<KeyValue>> {
        self.records().map(record::decode).collect()
    }
}

/// Reads a varint that an [`Encoder`] wrote, and its width.
fn read_varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let width = bytes.iter().position(|byte| *byte < 0x80)? + 1;
    let value = bytes[..width].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    Some((value, width))
}

/// Builds [`EncodedKvs`].
#[derive(Default)]
pub(crate) struct Encoder {
    done: Vec<Bytes>,
    open: Vec<u8>,
    len: usize,
    /// How many records the caller expects to add from now on.
    expected: usize,
}

impl Encoder {
    /// Says how many more records are to come at least; sizes the next chunk.
    pub(crate) fn expect(&mut self, records: usize) {
        self.expected = records;
    }

    /// Appends a record of `len` bytes, which `fill` must append.
    fn push_with(&mut self, len: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        let whole = 1 + varint_len(len as u64) + len;
        if self.open.capacity() - self.open.len() < whole {
            self.rotate(whole);
        }
        self.open.push(KVS);
        put_varint(&mut self.open, len as u64);
        fill(&mut self.open);
        self.len += 1;
        self.expected = self.expected.saturating_sub(1);
    }

    /// Appends a record as it is.
    pub(crate) fn push(&mut self, record: &[u8]) {
        self.push_with(record.len(), |out| out.extend_from_slice(record));
    }

    /// Appends a record without its value.
    pub(crate) fn push_without_value(&mut self, record: &[u8]) -> Result<()> {
        let hole = record::fields(record)?.value_field;
        self.push_with(record.len() - hole.len(), |out| {
            out.extend_from_slice(&record[..hole.start]);
            out.extend_from_slice(&record[hole.end..]);
        });
        Ok(())
    }

    /// Appends a record of which only the index's part is asked for.
    pub(crate) fn push_meta(&mut self, key: KeyRef<'_>, place: &Place) {
        let main = place.revision.main;
        let len = record::meta_len(key, place.created, main, place.version);
        self.push_with(len, |out| record::put_meta(out, key, place.created, main, place.version));
    }

    /// Closes the open chunk and opens one that has room for `whole` bytes.
    fn rotate(&mut self, whole: usize) {
        self.close();
        let room = if whole >= LARGE_BYTES {
            whole
        } else if self.done.is_empty() {
            whole.saturating_mul(self.expected.max(1)).min(FIRST_CHUNK_BYTES)
        } else {
            CHUNK_BYTES
        };
        self.open = Vec::with_capacity(room);
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            let mut chunk = std::mem::take(&mut self.open);
            if chunk.capacity() - chunk.len() > chunk.capacity() / 8 {
                chunk.shrink_to_fit();
            }
            self.done.push(chunk.into());
        }
    }

    pub(crate) fn finish(mut self) -> EncodedKvs {
        self.close();
        EncodedKvs { chunks: self.done, len: self.len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::{Revision, etcdserverpb::RangeResponse};
    use prost::Message;

    #[test]
    fn chunks_are_the_field_of_the_response() {
        let mut encoder = Encoder::default();
        let mut expected = Vec::new();
        for (n, size) in [0, 1, 200, 40_000, 3, 300_000, 16_000, 16_384, 70_000, 5].into_iter().enumerate() {
            for _ in 0..30 {
                let (rev, value) = (Revision::new(9, n as i64), vec![b'v'; size]);
                let record = record::encode_put(rev, 2, 3, b"key", &value, 4).stored;
                encoder.push(&record);
                expected.push(record::decode(record).expect("just written"));
            }
        }
        let kvs = encoder.finish();
        assert_eq!(kvs.len(), expected.len());
        assert_eq!(kvs.decode().expect("just written"), expected);
        let held: usize = kvs.chunks().iter().map(Bytes::len).sum();
        assert_eq!(held, kvs.encoded_len());
        let pieces: Vec<EncodedKvs> = kvs.clone().into_pieces().collect();
        assert!(pieces.len() > 1);
        assert_eq!(pieces.iter().map(EncodedKvs::len).sum::<usize>(), expected.len());
        let decoded = pieces.iter().flat_map(|piece| piece.decode().expect("just written"));
        assert!(decoded.eq(expected.iter().cloned()));
        let response = RangeResponse::decode(kvs.into_chunks().concat().as_slice()).expect("well-formed");
        assert_eq!(response.kvs, expected);
    }

    #[test]
    fn a_record_can_go_without_its_value() {
        let record = record::encode_put(Revision::new(9, 0), 2, 3, b"key", b"value", 4).stored;
        let mut encoder = Encoder::default();
        encoder.push_without_value(&record).expect("it is a record");
        let place = Place { revision: Revision::new(9, 0), created: 2, version: 3, leased: true };
        encoder.push_meta(KeyRef::from(&b"key"[..]), &place);
        let kvs = encoder.finish().decode().expect("just written");
        let meta = KeyValue {
            key: "key".into(),
            create_revision: 2,
            mod_revision: 9,
            version: 3,
            ..KeyValue::default()
        };
        assert_eq!(kvs, [KeyValue { lease: 4, ..meta.clone() }, meta]);
    }
}
