//! The bytes of a record, written and read by hand.
//!
//! A record is an encoded `mvccpb.KeyValue`, byte for byte what etcd writes: fields in order of their numbers,
//! zero ones left out. Hashes are taken over these bytes and watchers get them as they are, so they are made
//! once, in one buffer that holds the record's revision too. Reading picks out single fields and copies
//! nothing.

use crate::{Error, Result, leaf::KeyRef};
use bytes::Bytes;
use oxetcd_api::{LeaseId, Revision, mvccpb::KeyValue};
use std::ops::Range;

const KEY: u8 = 0x0a;
const CREATE_REVISION: u8 = 0x10;
const MOD_REVISION: u8 = 0x18;
const VERSION: u8 = 0x20;
const VALUE: u8 = 0x2a;
const LEASE: u8 = 0x30;

/// Bytes that `value` takes as a varint.
pub(crate) const fn varint_len(value: u64) -> usize {
    ((70 - (value | 1).leading_zeros()) / 7) as usize
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const fn number_len(value: i64) -> usize {
    if value == 0 { 0 } else { 1 + varint_len(value as u64) }
}

const fn bytes_len(len: usize) -> usize {
    if len == 0 { 0 } else { 1 + varint_len(len as u64) + len }
}

fn put_number(out: &mut Vec<u8>, tag: u8, value: i64) {
    if value != 0 {
        out.push(tag);
        put_varint(out, value as u64);
    }
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    if !value.is_empty() {
        out.push(tag);
        put_varint(out, value.len() as u64);
        out.extend_from_slice(value);
    }
}

fn put_key(out: &mut Vec<u8>, key: KeyRef<'_>) {
    if key.len() > 0 {
        out.push(KEY);
        put_varint(out, key.len() as u64);
        out.extend_from_slice(key.prefix);
        out.extend_from_slice(key.suffix);
    }
}

/// A record just made: three views of one buffer.
pub(crate) struct Record {
    /// Its key in the `key` table.
    pub(crate) place: Bytes,
    /// The key inside the record.
    pub(crate) key: Bytes,
    /// What is stored.
    pub(crate) stored: Bytes,
    /// What watchers get; longer than `stored` for a tombstone.
    pub(crate) event: Bytes,
}

/// The record of a put.
pub(crate) fn encode_put(
    revision: Revision,
    created: i64,
    version: i64,
    key: &[u8],
    value: &[u8],
    lease: LeaseId,
) -> Record {
    let place = revision.to_bytes();
    let numbers = number_len(created) + number_len(revision.main) + number_len(version) + number_len(lease);
    let len = place.len() + bytes_len(key.len()) + numbers + bytes_len(value.len());
    let mut out = Vec::with_capacity(len);
    out.extend_from_slice(&place);
    put_bytes(&mut out, KEY, key);
    let key_end = out.len();
    put_number(&mut out, CREATE_REVISION, created);
    put_number(&mut out, MOD_REVISION, revision.main);
    put_number(&mut out, VERSION, version);
    put_bytes(&mut out, VALUE, value);
    put_number(&mut out, LEASE, lease);
    let out = Bytes::from(out);
    let stored = out.slice(place.len()..);
    Record {
        place: out.slice(..place.len()),
        key: out.slice(key_end - key.len()..key_end),
        event: stored.clone(),
        stored,
    }
}

/// The record of a deletion: it stores the key alone.
pub(crate) fn encode_tombstone(revision: Revision, key: KeyRef<'_>) -> Record {
    let place = revision.to_tombstone_bytes();
    let len = place.len() + bytes_len(key.len()) + number_len(revision.main);
    let mut out = Vec::with_capacity(len);
    out.extend_from_slice(&place);
    put_key(&mut out, key);
    let key_end = out.len();
    put_number(&mut out, MOD_REVISION, revision.main);
    let out = Bytes::from(out);
    Record {
        place: out.slice(..place.len()),
        key: out.slice(key_end - key.len()..key_end),
        stored: out.slice(place.len()..key_end),
        event: out.slice(place.len()..),
    }
}

/// Bytes of a record without value and lease.
pub(crate) fn meta_len(key: KeyRef<'_>, created: i64, modified: i64, version: i64) -> usize {
    bytes_len(key.len()) + number_len(created) + number_len(modified) + number_len(version)
}

/// Writes a record without value and lease.
pub(crate) fn put_meta(out: &mut Vec<u8>, key: KeyRef<'_>, created: i64, modified: i64, version: i64) {
    put_key(out, key);
    put_number(out, CREATE_REVISION, created);
    put_number(out, MOD_REVISION, modified);
    put_number(out, VERSION, version);
}

/// What a record says, borrowed from its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) create_revision: i64,
    pub(crate) mod_revision: i64,
    pub(crate) version: i64,
    pub(crate) lease: LeaseId,
    pub(crate) value: &'a [u8],
    /// Where the value with its tag and length lies.
    pub(crate) value_field: Range<usize>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let end = self.at.checked_add(usize::try_from(len).ok()?)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn skip(&mut self, wire_type: u64) -> Option<()> {
        match wire_type {
            0 => self.varint().map(drop),
            1 => self.take(8).map(drop),
            2 => self.varint().and_then(|len| self.take(len)).map(drop),
            5 => self.take(4).map(drop),
            _ => None,
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Fields<'_>> {
    let mut fields = Fields::default();
    let mut reader = Reader { bytes, at: 0 };
    while reader.at < bytes.len() {
        let start = reader.at;
        let tag = reader.varint()?;
        match u8::try_from(tag).unwrap_or(0) {
            KEY => fields.key = reader.varint().and_then(|len| reader.take(len))?,
            CREATE_REVISION => fields.create_revision = reader.varint()? as i64,
            MOD_REVISION => fields.mod_revision = reader.varint()? as i64,
            VERSION => fields.version = reader.varint()? as i64,
            VALUE => {
                fields.value = reader.varint().and_then(|len| reader.take(len))?;
                fields.value_field = start..reader.at;
            }
            LEASE => fields.lease = reader.varint()? as i64,
            _ => reader.skip(tag & 7)?,
        }
    }
    Some(fields)
}

/// Reads a record.
///
/// # Errors
/// [`Error::Corrupt`] when the bytes are none.
pub(crate) fn fields(bytes: &[u8]) -> Result<Fields<'_>> {
    parse(bytes).ok_or_else(|| Error::Corrupt(format!("{} bytes are no record", bytes.len())))
}

/// Decodes a record whole, sharing its buffer.
///
/// # Errors
/// [`Error::Corrupt`] when the bytes are none.
pub(crate) fn decode(bytes: Bytes) -> Result<KeyValue> {
    prost::Message::decode(bytes).map_err(|error| Error::Corrupt(format!("a record: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message;

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![Just(0), Just(1), Just(-1), Just(i64::MAX), Just(i64::MIN), any::<i64>()]
    }

    proptest! {
        #[test]
        fn writes_what_prost_writes_and_reads_it_back(
            key in proptest::collection::vec(any::<u8>(), 0..300),
            value in proptest::collection::vec(any::<u8>(), 0..300),
            numbers in proptest::array::uniform4(number()),
        ) {
            let [created, main, version, lease] = numbers;
            let record = encode_put(Revision::new(main, 7), created, version, &key, &value, lease);
            let expected = KeyValue {
                key: key.clone().into(), create_revision: created, mod_revision: main, version,
                value: value.clone().into(), lease,
            };
            prop_assert_eq!(&record.stored[..], expected.encode_to_vec());
            prop_assert_eq!(&record.key[..], &key[..]);
            prop_assert_eq!(Revision::from_bytes(&record.place), Some((Revision::new(main, 7), false)));
            let fields = fields(&record.stored).expect("just written");
            prop_assert_eq!((fields.key, fields.value), (&key[..], &value[..]));
            prop_assert_eq!([fields.create_revision, fields.mod_revision, fields.version, fields.lease], numbers);
            prop_assert_eq!(decode(record.event).expect("just written"), expected);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(message) = decode(bytes.clone().into()) {
                let fields = fields(&bytes).expect("whatever prost reads, this reads");
                prop_assert_eq!((fields.key, fields.value), (&message.key[..], &message.value[..]));
            }
        }
    }

    #[test]
    fn a_tombstone_stores_its_key_alone() {
        let record = encode_tombstone(Revision::new(300, 2), KeyRef::from(&b"k"[..]));
        assert_eq!(record.stored[..], *b"\x0a\x01k");
        assert_eq!(record.event[..], *b"\x0a\x01k\x18\xac\x02");
        assert_eq!(Revision::from_bytes(&record.place), Some((Revision::new(300, 2), true)));
    }
}
