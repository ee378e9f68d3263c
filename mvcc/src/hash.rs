//! Hashes over records, equal to etcd's for the same history.
//!
//! `HashKV` tells whether two members hold the same records up to a revision, although one may have removed
//! more of the compacted ones than the other. So of records not above the compacted revision it counts only
//! those that the asked revision still sees; and it leaves out the tombstones of the compacted revision
//! itself, which old versions of etcd remove and newer ones keep.

use crate::{
    Error, Result, Store, record,
    scan::{Scan, Seen},
    store::Shared,
};
use oxetcd_api::Revision;
use oxetcd_storage::{Buffer, Table};
use parking_lot::Mutex;
use std::ops::ControlFlow;

/// Hashes of compactions that are remembered.
const REMEMBERED: usize = 10;
/// Records hashed between two looks at the engine.
const HASH_RECORDS: usize = 1000;
/// Keys of the `meta` table that members may differ in.
const META_IGNORED: [&[u8]; 3] = [b"term", b"consistent_index", b"storageVersion"];

/// A hash with what it was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyValueHash {
    /// The hash.
    pub hash: u32,
    /// The compacted revision that it was taken at; -1 before the first compaction.
    pub compact_revision: i64,
    /// The last revision that it covers.
    pub revision: i64,
}

/// Hashes of the last compactions, in order of revision.
#[derive(Default)]
pub(crate) struct Hashes(Mutex<Vec<KeyValueHash>>);

impl Hashes {
    pub(crate) fn all(&self) -> Vec<KeyValueHash> {
        self.0.lock().clone()
    }

    pub(crate) fn add(&self, hash: KeyValueHash) {
        let mut hashes = self.0.lock();
        let at = hashes.partition_point(|known| known.revision <= hash.revision);
        hashes.insert(at, hash);
        if hashes.len() > REMEMBERED {
            hashes.remove(0);
        }
    }

    fn find(&self, revision: i64) -> Option<KeyValueHash> {
        self.0.lock().iter().find(|known| known.revision == revision).copied()
    }
}

/// Sums records up.
pub(crate) struct Hasher {
    crc: u32,
    compact_revision: i64,
    revision: i64,
    /// Whether the revision sees any record at all; if not, etcd counts whatever is there.
    keeps_any: bool,
}

impl Hasher {
    pub(crate) fn new(compact_revision: i64, revision: i64, keeps_any: bool) -> Self {
        let crc = crc32c::crc32c(Table::Key.name().as_bytes());
        Hasher { crc, compact_revision, revision, keeps_any }
    }

    /// Adds a record. `kept` says whether the asked revision sees it.
    pub(crate) fn add(&mut self, seen: &Seen<'_>, kept: impl FnOnce() -> Result<bool>) -> Result<()> {
        let main = seen.revision.main;
        if main == self.compact_revision && seen.tombstone {
            return Ok(());
        }
        if main <= self.compact_revision && self.keeps_any && !kept()? {
            return Ok(());
        }
        self.crc = crc32c::crc32c_append(self.crc, seen.place);
        self.crc = crc32c::crc32c_append(self.crc, seen.record);
        Ok(())
    }

    pub(crate) fn finish(&self) -> KeyValueHash {
        KeyValueHash { hash: self.crc, compact_revision: self.compact_revision, revision: self.revision }
    }
}

impl Shared {
    /// Whether the newest change of this record's key up to `main` is this one, and a put or of `main` itself.
    pub(crate) fn keeps(&self, seen: &Seen<'_>, main: i64) -> Result<bool> {
        let kept = self.index.kept(record::fields(seen.record)?.key, main);
        Ok(kept.is_some_and(|entry| entry.revision() == seen.revision))
    }
}

impl Store {
    /// The hash of all records up to `revision` (0: up to now), and the revision of now. That of a recent
    /// compaction is answered from memory, also when its revision is compacted away since.
    ///
    /// Reads every record; runs for as long as that takes, without holding anybody up.
    ///
    /// # Errors
    /// [`Error::Compacted`] and [`Error::FutureRevision`] for a revision out of reach.
    pub fn hash_kv(&self, revision: i64) -> Result<(KeyValueHash, i64)> {
        if revision != 0
            && let Some(known) = self.shared.hashes.find(revision)
        {
            return Ok((known, self.revision()));
        }
        let shared = &*self.shared;
        let pin = shared.pins.pin_oldest();
        let (compacted, current) = (pin.revision(), shared.current());
        if revision > current {
            return Err(Error::FutureRevision);
        }
        if revision > 0 && revision < compacted {
            return Err(Error::Compacted);
        }
        let revision = if revision == 0 { current } else { revision };
        // A tombstone is never what a revision sees.
        let keeps_any = shared.index.keeps_any(revision, false);
        let mut hasher = Hasher::new(compacted, revision, true);
        let mut scan = Scan::new(Revision::new(0, 0), revision);
        while scan.next(&shared.buffer, HASH_RECORDS, &mut |seen| {
            // When nothing is seen, what counts is what the compaction leaves, once it is through.
            let sees = if keeps_any { revision } else { compacted };
            hasher.add(&seen, || Ok(!(seen.tombstone && keeps_any) && shared.keeps(&seen, sees)?))?;
            Ok(ControlFlow::Continue(()))
        })? {}
        Ok((hasher.finish(), current))
    }

    /// The hash of all tables, whatever is in them but a few marks that members may differ in.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn hash(&self) -> Result<u32> {
        hash_tables(&self.shared.buffer)
    }
}

fn hash_tables(buffer: &Buffer) -> Result<u32> {
    let checkpoint = buffer.checkpoint()?;
    let mut tables = Table::ALL;
    tables.sort_unstable_by_key(|table| table.name());
    let mut crc = 0;
    for table in tables {
        crc = crc32c::crc32c_append(crc, table.name().as_bytes());
        checkpoint.scan(table, b"", &mut |key, value| {
            if table != Table::Meta || !META_IGNORED.contains(&key) {
                crc = crc32c::crc32c_append(crc, key);
                crc = crc32c::crc32c_append(crc, value);
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(crc)
}
