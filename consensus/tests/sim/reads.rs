//! The linearizable reads of a member.
//!
//! Reads are asked for in batches, one at a time: those that come while an answer is awaited are the next
//! batch. An answer may never come, so a batch is asked for again after a while, **under a fresh id**. Ids are
//! unique in the life of the cluster. If a member began again with the first one after a restart, an answer to
//! a question of its former life (or a follower's confirmation of that question, which the leader counts by id)
//! could be taken for one to its new question, and be older than it.

use oxetcd_consensus::Node;
use oxetcd_consensus::node::{ReadState, Role};

use crate::plan::Sabotage;

/// A client's read. What it sees must be at least as new as `floor`, a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) key: usize,
    pub(crate) floor: u64,
}

/// Reads on their way.
#[derive(Default)]
pub(crate) struct Reads {
    waiting: Vec<Read>,
    asked: Option<(u64, Vec<Read>)>,
    ticks_asked: u64,
    /// With the index that has to be applied first.
    answered: Vec<(u64, Vec<Read>)>,
    last_id: u64,
}

/// Ticks after which a question is asked again.
const RETRY_TICKS: u64 = 4;

impl Reads {
    /// Ids begin after `last_id`.
    pub(crate) fn new(last_id: u64) -> Reads {
        Reads { last_id, ..Reads::default() }
    }

    pub(crate) fn add(&mut self, read: Read, node: &mut Node, sabotage: Sabotage) {
        self.waiting.push(read);
        self.ask(node, sabotage);
    }

    /// Asks for what waits, unless an answer is awaited.
    fn ask(&mut self, node: &mut Node, sabotage: Sabotage) {
        if self.asked.is_some() || self.waiting.is_empty() {
            return;
        }
        let reads = std::mem::take(&mut self.waiting);
        let status = node.status();
        if sabotage == Sabotage::ReadWithoutQuorum && status.role == Role::Leader {
            return self.answered.push((status.commit, reads));
        }
        self.last_id += 1;
        match node.read_index(self.last_id) {
            Ok(()) => (self.asked, self.ticks_asked) = (Some((self.last_id, reads)), 0),
            // There is no leader: again at the next tick.
            Err(_) => self.waiting = reads,
        }
    }

    pub(crate) fn tick(&mut self, node: &mut Node, sabotage: Sabotage) {
        self.ticks_asked += 1;
        if self.ticks_asked >= RETRY_TICKS
            && let Some((_, reads)) = self.asked.take()
        {
            self.waiting.extend(reads);
        }
        self.ask(node, sabotage);
    }

    pub(crate) fn answer(&mut self, state: ReadState, node: &mut Node, sabotage: Sabotage) {
        // An answer to a question that was asked again since comes too late.
        if let Some((_, reads)) = self.asked.take_if(|(id, _)| *id == state.id) {
            self.answered.push((state.index, reads));
        }
        self.ask(node, sabotage);
    }

    /// Reads that may be served by a state machine that has come to `applied`.
    pub(crate) fn due(&mut self, applied: u64) -> Vec<Read> {
        if self.answered.is_empty() {
            return Vec::new();
        }
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.answered).into_iter().partition(|(index, _)| *index <= applied);
        self.answered = later;
        due.into_iter().flat_map(|(_, reads)| reads).collect()
    }

    /// Whether every read was answered.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.asked.is_none() && self.answered.is_empty()
    }
}
