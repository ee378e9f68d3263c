//! The state machine: a few registers.
//!
//! A register's version is the index of the entry that wrote it, so versions are unique and grow, and what a
//! read saw says exactly how old it is. The digest is over everything that was ever applied and over the
//! registers themselves: members with the same applied index must have the same one.

use bytes::Bytes;
use oxetcd_consensus::raftpb::{ConfState, Entry, EntryType, Snapshot, SnapshotMetadata};

use crate::random::{mix, mix_bytes};

/// Registers.
pub(crate) const KEYS: usize = 6;

/// What a put writes: nobody else writes the same value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) key: usize,
    pub(crate) value: u64,
}

impl Put {
    /// With `padding` more bytes, none of them zero: a sector of zeros looks as if it was never written.
    pub(crate) fn encode(self, padding: u64) -> Bytes {
        let mut bytes = vec![self.key as u8];
        bytes.extend_from_slice(&self.value.to_le_bytes());
        bytes.resize(bytes.len() + padding as usize, self.value as u8 | 1);
        bytes.into()
    }

    fn decode(bytes: &[u8]) -> Option<Put> {
        let (&key, rest) = bytes.split_first()?;
        let value = u64::from_le_bytes(rest.get(..8)?.try_into().ok()?);
        (usize::from(key) < KEYS).then_some(Put { key: key.into(), value })
    }
}

/// The state at an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Store {
    pub(crate) index: u64,
    pub(crate) term: u64,
    /// The members as of this index.
    pub(crate) members: ConfState,
    /// The highest id that any member ever had.
    pub(crate) highest_id: u64,
    /// Value and version of each register; version 0 was never written.
    pub(crate) registers: [(u64, u64); KEYS],
    pub(crate) chain: u64,
}

impl Store {
    /// Applies an entry; `members` are those after it, if it changes them. Returns what it put.
    pub(crate) fn apply(&mut self, entry: &Entry, members: Option<ConfState>) -> Result<Option<Put>, String> {
        if entry.index() != self.index + 1 || entry.term() < self.term {
            let (index, term) = (entry.index(), entry.term());
            return Err(format!("applies {index} of term {term} after {} of {}", self.index, self.term));
        }
        self.index = entry.index();
        self.term = entry.term();
        let digest = mix(mix(self.chain, self.index), self.term);
        self.chain = mix_bytes(mix(digest, entry.r#type() as u64), entry.data());
        if let Some(members) = members {
            self.highest_id = self.highest_id.max(highest(&members));
            self.members = members;
        }
        if entry.r#type() != EntryType::EntryNormal || entry.data().is_empty() {
            return Ok(None);
        }
        let put = Put::decode(entry.data()).ok_or("an entry that nobody proposed")?;
        self.registers[put.key] = (put.value, self.index);
        Ok(Some(put))
    }

    pub(crate) fn digest(&self) -> u64 {
        self.registers.iter().fold(self.chain, |digest, &(value, version)| mix(mix(digest, value), version))
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let registers = self.registers.iter().flat_map(|&(value, version)| [value, version]);
        let data: Vec<u8> =
            registers.chain([self.chain, self.highest_id]).flat_map(u64::to_le_bytes).collect();
        let metadata = SnapshotMetadata {
            conf_state: Some(self.members.clone()),
            index: Some(self.index),
            term: Some(self.term),
        };
        Snapshot { data: Some(data.into()), metadata: Some(metadata) }
    }

    pub(crate) fn restore(snapshot: &Snapshot) -> Result<Store, String> {
        let metadata = snapshot.metadata.clone().ok_or("a snapshot without metadata")?;
        let numbers: Vec<u64> = snapshot
            .data()
            .chunks_exact(8)
            .map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap_or_default()))
            .collect();
        if numbers.len() != 2 * KEYS + 2 {
            return Err("a snapshot cut short".to_owned());
        }
        Ok(Store {
            index: metadata.index(),
            term: metadata.term(),
            members: metadata.conf_state.unwrap_or_default(),
            registers: std::array::from_fn(|key| (numbers[2 * key], numbers[2 * key + 1])),
            chain: numbers[2 * KEYS],
            highest_id: numbers[2 * KEYS + 1],
        })
    }
}

/// The highest id among members.
pub(crate) fn highest(members: &ConfState) -> u64 {
    members.voters.iter().chain(&members.learners).copied().max().unwrap_or(0)
}
