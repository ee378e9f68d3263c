//! What a snapshot says of itself, and a hash over all that is in it.

use oxetcd_api::{Revision, mvccpb::KeyValue};
use oxetcd_machine::meta::Notes;
use oxetcd_storage::Table;
use oxetcd_storage_bolt::{Error, Reader};
use prost::Message;
use std::{collections::HashSet, ops::ControlFlow};

/// What a database file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileStatus {
    /// CRC-32C over the buckets' names and their records.
    pub hash: u32,
    /// The newest revision.
    pub revision: i64,
    /// Keys that are not deleted.
    pub total_keys: u64,
    /// Bytes of the pages in use.
    pub total_bytes: u64,
    /// Version of the layout; empty before 3.6.
    pub version: String,
}

impl FileStatus {
    /// Reads the whole file, after it was found undamaged.
    ///
    /// # Errors
    /// With the first damage.
    pub fn read(reader: &Reader) -> Result<Self, String> {
        reader
            .check()
            .map_err(|error| format!("snapshot file integrity check failed. 1 errors found.\n{error}"))?;
        let text = |error: Error| error.to_string();
        let mut status = FileStatus { total_bytes: reader.bytes(), ..FileStatus::default() };
        let mut notes = Notes::default();
        let mut live = HashSet::new();
        for bucket in reader.buckets().map_err(text)? {
            status.hash = crc32c::crc32c_append(status.hash, &bucket);
            let mut damaged = None;
            let scanned = reader.scan(&bucket, b"", |key, value| {
                status.hash = crc32c::crc32c_append(status.hash, key);
                status.hash = crc32c::crc32c_append(status.hash, value);
                if bucket == Table::Meta.name().as_bytes() {
                    notes.take(key, value);
                }
                if bucket == Table::Key.name().as_bytes() {
                    damaged = count(key, value, &mut status.revision, &mut live).err();
                }
                if damaged.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            scanned.map_err(text)?;
            damaged.map_or(Ok(()), Err)?;
        }
        status.total_keys = live.len() as u64;
        status.version = notes.storage_version.unwrap_or_default();
        Ok(status)
    }
}

fn count(place: &[u8], value: &[u8], revision: &mut i64, live: &mut HashSet<Vec<u8>>) -> Result<(), String> {
    let place_text = place.escape_ascii();
    let (at, tombstone) =
        Revision::from_bytes(place).ok_or_else(|| format!("cannot parse revision key: \"{place_text}\""))?;
    let record = KeyValue::decode(value)
        .map_err(|error| format!("cannot unmarshal value, key: \"{place_text}\" err: {error}"))?;
    *revision = at.main;
    if tombstone {
        live.remove(&record.key[..]);
    } else {
        live.insert(record.key.to_vec());
    }
    Ok(())
}
