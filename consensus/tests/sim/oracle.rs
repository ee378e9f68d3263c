//! What must never happen.
//!
//! The oracle sees what every member does, and remembers it for the whole run. It knows the one history of the
//! cluster: the first member that applies an index writes it, and all others have to agree, in that life and in
//! all later ones. So an acknowledged write that is lost, or replaced, is noticed by the first member that
//! applies something else in its place.

use std::collections::{BTreeMap, HashMap};

use oxetcd_consensus::Node;
use oxetcd_consensus::raftpb::{ConfState, Entry};

use crate::counts::{Counts, Seen};
use crate::random::mix_bytes;
use crate::reads::Read;
use crate::store::{KEYS, Put, Store};

/// An error says what was violated.
pub(crate) type Check = Result<(), String>;

/// What was applied at an index.
struct Applied {
    term: u64,
    digest: u64,
    /// The entry was committed in this term at the latest.
    committed_in: u64,
    put: Option<Put>,
}

/// Knows everything.
#[derive(Default)]
pub(crate) struct Oracle {
    leaders: BTreeMap<u64, u64>,
    /// By index and term: the entry's digest, and the term of the one before it.
    logged: HashMap<(u64, u64), (u64, u64)>,
    history: Vec<Applied>,
    /// Members after a change of them, by index.
    members: BTreeMap<u64, ConfState>,
    /// The newest version of a register that somebody was told of.
    known: [u64; KEYS],
    pub(crate) counts: Counts,
}

impl Oracle {
    /// A member leads: nobody else does in that term, and it has everything that was committed before.
    pub(crate) fn leads(&mut self, id: u64, node: &Node) -> Check {
        let status = node.status();
        let term = status.term;
        let known = self.leaders.get(&term).copied();
        if known == Some(id) {
            return Ok(());
        }
        if let Some(other) = known {
            return Err(format!("two leaders in term {term}: {other} and {id}"));
        }
        self.leaders.insert(term, id);
        self.counts.see(Seen::Leader);
        let must_have =
            self.history.iter().enumerate().rev().find(|(_, applied)| applied.committed_in < term);
        let Some((at, applied)) = must_have else { return Ok(()) };
        let index = at as u64 + 1;
        let has = node.term_at(index);
        if status.last_index < index || has.is_some_and(|has| has != applied.term) {
            return Err(format!(
                "{id} leads in term {term} without entry {index} of term {}, which was committed in term {}",
                applied.term, applied.committed_in
            ));
        }
        Ok(())
    }

    /// A member appends entries after one of term `previous` (if that is known). Entries of the same index and
    /// term are the same, and so is everything before them.
    pub(crate) fn appends(&mut self, id: u64, previous: Option<u64>, entries: &[Entry]) -> Check {
        let mut previous = previous;
        for entry in entries {
            let (index, term) = (entry.index(), entry.term());
            if let Some(before) = previous {
                if before > term {
                    return Err(format!("{id} logs {index} of term {term} after an entry of term {before}"));
                }
                let digest = mix_bytes(entry.r#type() as u64, entry.data());
                let known = *self.logged.entry((index, term)).or_insert((digest, before));
                if known != (digest, before) {
                    return Err(format!("logs do not match: {id} has another entry {index} of term {term}"));
                }
            }
            previous = Some(term);
        }
        Ok(())
    }

    /// A member has come to a state, by applying (what it put) or by a snapshot.
    pub(crate) fn applies(&mut self, id: u64, store: &Store, put: Option<Put>, term_now: u64) -> Check {
        let (index, digest) = (store.index, store.digest());
        let Some(at) = index.checked_sub(1) else { return Ok(()) };
        if at == self.history.len() as u64 {
            self.counts.see(Seen::Entry);
            self.history.push(Applied { term: store.term, digest, committed_in: term_now, put });
            return Ok(());
        }
        let Some(applied) = self.history.get_mut(at as usize) else {
            return Err(format!("{id} is at {index}, and nobody has applied what comes before"));
        };
        if (applied.term, applied.digest) != (store.term, digest) {
            return Err(format!(
                "states differ at {index}: {id} applied an entry of term {}, others one of term {}",
                store.term, applied.term
            ));
        }
        applied.committed_in = applied.committed_in.min(term_now);
        Ok(())
    }

    /// The members after the change at an index.
    pub(crate) fn changes_members(&mut self, id: u64, index: u64, members: &ConfState) -> Check {
        match self.members.get(&index) {
            None => {
                self.counts.see(Seen::MemberChange);
                self.members.insert(index, members.clone());
                Ok(())
            }
            Some(known) if known == members => Ok(()),
            Some(known) => Err(format!("{id} has other members at {index}: {members:?}, not {known:?}")),
        }
    }

    /// The newest version that a write begun now has to exceed.
    pub(crate) fn write_begins(&self) -> u64 {
        self.known.into_iter().max().unwrap_or(0)
    }

    pub(crate) fn write_ends(&mut self, key: usize, version: u64, floor: u64) -> Check {
        if version <= floor {
            return Err(format!("a write at {version} was begun when {floor} was known"));
        }
        self.known[key] = self.known[key].max(version);
        self.counts.see(Seen::Put);
        Ok(())
    }

    pub(crate) fn read_begins(&self, key: usize) -> Read {
        Read { key, floor: self.known[key] }
    }

    /// A member answers a read from this state.
    pub(crate) fn read_ends(&mut self, id: u64, read: Read, store: &Store) -> Check {
        let (value, version) = store.registers[read.key];
        if version < read.floor {
            return Err(format!(
                "a stale read at {id}: register {} at version {version}, when {} was known",
                read.key, read.floor
            ));
        }
        let put = version.checked_sub(1).and_then(|at| self.history.get(at as usize)?.put);
        if version > 0 && put != Some(Put { key: read.key, value }) {
            return Err(format!("a read at {id} saw {value} at {version}, which nobody wrote there"));
        }
        self.known[read.key] = self.known[read.key].max(version);
        self.counts.see(Seen::Read);
        Ok(())
    }

    /// The last index that anybody has applied.
    pub(crate) fn last_applied(&self) -> u64 {
        self.history.len() as u64
    }

    /// What became of the seed: grows with everything that was applied.
    pub(crate) fn digest(&self) -> u64 {
        self.history.last().map_or(0, |applied| applied.digest)
    }
}
