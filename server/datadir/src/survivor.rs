//! What the log of a member that does not run says: who it is, how far it came, what it knew to be committed.
//!
//! Reading a log as a member does cuts torn ends off and takes a lock. Here nothing may change, so the segments are copied
//! into memory and read there.

use crate::recovery;
use oxetcd_api::etcdserverpb::Metadata;
use oxetcd_consensus::{
    Disk, OsDisk, Wal, WalOptions,
    disk::{MemDisk, Open},
    raftpb::Entry,
};
use prost::Message;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// Bytes copied at once.
const PIECE_BYTES: usize = 1 << 20;

/// A member as its log shows it.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// Its data dir.
    pub data_dir: PathBuf,
    /// Its id.
    pub member_id: u64,
    /// Its cluster's.
    pub cluster_id: u64,
    /// The last term that it took part in.
    pub term: u64,
    /// The index up to which it knew the log to be committed.
    pub committed: u64,
    /// Its entries behind the newest snapshot record.
    pub entries: Vec<Entry>,
    /// Index of that record: what is before it lies in the data.
    pub snapshot_index: u64,
    /// Term of that record.
    pub snapshot_term: u64,
    /// Members with a vote by that record and the entries behind it; empty when the record does not say.
    pub voters: Vec<u64>,
    /// When the log was last written.
    pub written: Option<SystemTime>,
}

impl Survivor {
    /// Reads the log below `data_dir`, or in `wal_dir` if it is elsewhere. Changes nothing.
    ///
    /// # Errors
    /// When there is no log, or it is damaged; the text names it.
    pub fn read(data_dir: &Path, wal_dir: Option<&Path>) -> Result<Self, String> {
        let wal_dir = wal_dir.map_or_else(|| data_dir.join("member/wal"), Path::to_owned);
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", wal_dir.display());
        let (disk, written) = copy(&wal_dir).map_err(|error| named(&error))?;
        let options = WalOptions { fsync: false, ..WalOptions::default() };
        let (_, replay) = Wal::open_newest(disk, &wal_dir, options).map_err(|error| named(&error))?;
        let about = Metadata::decode(replay.metadata.clone()).map_err(|error| named(&error))?;
        let conf_state = replay.start.conf_state.clone().unwrap_or_default();
        let voters = recovery::voters_after(&conf_state.voters, &replay.entries);
        Ok(Survivor {
            data_dir: data_dir.to_owned(),
            member_id: about.node_id(),
            cluster_id: about.cluster_id(),
            term: replay.hard_state.term(),
            committed: replay.hard_state.commit().max(replay.start.index()),
            snapshot_index: replay.start.index(),
            snapshot_term: replay.start.term(),
            entries: replay.entries,
            voters,
            written,
        })
    }

    /// Term and index of the last entry: the greater pair is the more complete log.
    pub fn last(&self) -> (u64, u64) {
        let last = self.entries.last().map(|entry| (entry.term(), entry.index()));
        last.unwrap_or((self.snapshot_term, self.snapshot_index))
    }
}

/// Copies the segments below `dir` into memory. Also answers with the time of the last change.
fn copy(dir: &Path) -> std::io::Result<(Arc<dyn Disk>, Option<SystemTime>)> {
    let (from, to) = (OsDisk, MemDisk::new());
    to.create_dir(dir)?;
    let mut written = None;
    let mut piece = vec![0; PIECE_BYTES];
    for name in from.list(dir)?.into_iter().filter(|name| name.ends_with(".wal")) {
        let path = dir.join(&name);
        let changed = std::fs::metadata(&path)?.modified().ok();
        written = written.max(changed);
        let source = from.open(&path, Open::Read)?;
        let mut copy = to.open(&path, Open::Create)?;
        let mut offset = 0;
        loop {
            let read = source.read_at(&mut piece, offset)?;
            if read == 0 {
                break;
            }
            copy.write_at(&piece[..read], offset)?;
            offset += read as u64;
        }
    }
    Ok((Arc::new(to), written))
}
