//! Compaction: forgetting superseded versions.
//!
//! It is declared by one log entry, in the step of that entry: from then on nobody reads below its revision,
//! and a mark says that it is owed. The removal itself is background work in small pieces, each of which
//! takes up to `limit` records, in order of revision: a record that the compacted revision does not see any
//! more is deleted, and its key's history shortened. All the way the records are hashed, for members compare
//! these hashes. A crash loses nothing: the mark is there, and the work begins anew.

use crate::{Error, Result, Store, hash::Hasher, marks, record, scan::Scan, store::Shared};
use bytes::Bytes;
use oxetcd_api::Revision;
use oxetcd_storage::{Step, Table};
use std::{ops::ControlFlow, sync::Arc};

/// Records deleted in one step, keys shortened under one lock.
const HANDFUL: usize = 32;

/// How a piece of compaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    More,
    /// A reader is still at work below the compacted revision: nothing was done, try again later.
    Waiting,
    /// All is done.
    Done,
}

/// A compaction that was declared and is to be carried out. If it is dropped before its end, the next one or
/// the next start of the store does its work.
pub struct Compaction {
    shared: Arc<Shared>,
    revision: i64,
    previous: i64,
    /// Whether the previous one was through, so that the hash means the same on every member.
    hash_counts: bool,
    hasher: Option<Hasher>,
    scan: Scan,
    removed: u64,
    done: bool,
}

impl Store {
    /// Declares a compaction at `revision`: readers below get [`Error::Compacted`] from now on. The caller runs
    /// what is returned, several in the order in which they were declared.
    ///
    /// # Errors
    /// [`Error::Compacted`] when one at `revision` or above was declared before, [`Error::FutureRevision`].
    pub fn compact(&self, step: &Step<'_>, revision: i64) -> Result<Compaction> {
        let previous = self.compacted();
        if revision <= previous {
            return Err(Error::Compacted);
        }
        if revision > self.revision() {
            return Err(Error::FutureRevision);
        }
        let scheduled = marks::read(step.buffer(), marks::SCHEDULED)?;
        let idle = scheduled == marks::read(step.buffer(), marks::FINISHED)?;
        marks::write(step, marks::SCHEDULED, revision);
        self.shared.pins.compact(revision);
        Ok(Compaction::new(self.shared.clone(), revision, previous, idle))
    }
}

impl Compaction {
    pub(crate) fn new(shared: Arc<Shared>, revision: i64, previous: i64, hash_counts: bool) -> Self {
        let scan = Scan::new(Revision::new(0, 0), revision);
        Compaction { shared, revision, previous, hash_counts, hasher: None, scan, removed: 0, done: false }
    }

    /// The revision compacted at.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Records removed so far.
    pub fn removed(&self) -> u64 {
        self.removed
    }

    /// Looks at up to `limit` records. Writes in small steps of its own, so call it outside of any.
    ///
    /// # Errors
    /// [`Error::Storage`] and [`Error::Corrupt`]: the member must stop.
    pub fn run_batch(&mut self, limit: usize) -> Result<Progress> {
        if self.done {
            return Ok(Progress::Done);
        }
        let shared = self.shared.clone();
        if shared.pins.any_below(self.revision) {
            return Ok(Progress::Waiting);
        }
        let keeps_any = || shared.index.keeps_any(self.revision, true);
        let hasher =
            self.hasher.get_or_insert_with(|| Hasher::new(self.previous, self.revision, keeps_any()));
        let mut removed: Vec<(Bytes, Box<[u8]>)> = Vec::new();
        let more = self.scan.next(&shared.buffer, limit.max(1), &mut |seen| {
            let kept = shared.keeps(&seen, self.revision)?;
            hasher.add(&seen, || Ok(kept))?;
            if !kept {
                let key = record::fields(seen.record)?.key;
                removed.push((Bytes::copy_from_slice(seen.place), key.into()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.removed += removed.len() as u64;
        for handful in removed.chunks(HANDFUL) {
            shared.index.compact(handful.iter().map(|(_, key)| &**key), self.revision);
            let step = shared.buffer.begin();
            handful.iter().for_each(|(place, _)| step.delete(Table::Key, place.clone()));
        }
        if more {
            return Ok(Progress::More);
        }
        let hash = hasher.finish();
        self.mark_finished()?;
        if self.hash_counts {
            shared.hashes.add(hash);
        }
        self.done = true;
        Ok(Progress::Done)
    }

    /// Sets the mark, unless a later compaction has set it.
    fn mark_finished(&self) -> Result<()> {
        let step = self.shared.buffer.begin();
        let finished = marks::read(&self.shared.buffer, marks::FINISHED)?;
        if finished.is_none_or(|finished| finished < self.revision) {
            marks::write(&step, marks::FINISHED, self.revision);
        }
        Ok(())
    }
}
