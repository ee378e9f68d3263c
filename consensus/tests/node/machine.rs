//! A state machine that remembers what it was given, and stops at membership changes until they are carried
//! out.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use oxetcd_consensus::StateMachine;
use oxetcd_consensus::raftpb::{ConfChange, ConfState, Entry, EntryType, Snapshot, SnapshotMetadata};
use prost::Message;

/// All payloads applied, with their indexes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) applied: u64,
    pub(crate) term: u64,
    pub(crate) payloads: Vec<(u64, Bytes)>,
    pub(crate) restored: usize,
    queue: VecDeque<Entry>,
}

impl Machine {
    /// What another machine needs to go on from here. Payloads are eight bytes each.
    pub(crate) fn snapshot(&self, conf_state: ConfState) -> Snapshot {
        let data: Vec<u8> = self
            .payloads
            .iter()
            .flat_map(|(index, data)| [&index.to_be_bytes()[..], data].concat())
            .collect();
        let metadata = SnapshotMetadata {
            conf_state: Some(conf_state),
            index: Some(self.applied),
            term: Some(self.term),
        };
        Snapshot { data: Some(data.into()), metadata: Some(metadata) }
    }
}

impl Machine {
    /// The membership change that everything behind it waits for.
    pub(crate) fn change(&self) -> Option<ConfChange> {
        Some(ConfChange::decode(self.queue.front()?.data()).unwrap())
    }

    /// It is carried out; goes on.
    pub(crate) fn change_done(&mut self) {
        let entry = self.queue.pop_front().unwrap();
        self.advance(&entry);
        self.run();
    }

    fn advance(&mut self, entry: &Entry) {
        assert_eq!(entry.index(), self.applied + 1, "out of order");
        assert!(entry.term() >= self.term);
        self.applied = entry.index();
        self.term = entry.term();
    }

    fn run(&mut self) {
        while self.queue.front().is_some_and(|entry| entry.r#type() == EntryType::EntryNormal) {
            let entry = self.queue.pop_front().unwrap();
            self.advance(&entry);
            if let Some(data) = entry.data {
                self.payloads.push((self.applied, data));
            }
        }
    }
}

impl StateMachine for Machine {
    fn apply(&mut self, entries: Vec<Entry>) -> io::Result<()> {
        self.queue.extend(entries);
        self.run();
        Ok(())
    }

    fn restore(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let metadata = snapshot.metadata.as_ref().ok_or_else(|| io::Error::other("no metadata"))?;
        assert!(metadata.index() > self.applied, "a snapshot of the past");
        assert!(self.queue.is_empty(), "an older entry waits");
        self.applied = metadata.index();
        self.term = metadata.term();
        self.restored += 1;
        let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
        let records = snapshot.data().chunks_exact(16);
        self.payloads =
            records.map(|record| (number(&record[..8]), Bytes::copy_from_slice(&record[8..]))).collect();
        Ok(())
    }

    fn applied(&self) -> u64 {
        self.applied
    }
}
