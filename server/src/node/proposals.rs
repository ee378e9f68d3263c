//! Proposals on their way into the log.
//!
//! Normally they go in at once, as one batch. While there is no leader, or leadership is being handed over, they
//! wait here until there is one, or until their clients have given up: so an election costs time, not errors.

use super::waiters::Waiters;
use bytes::Bytes;
use oxetcd_consensus::{Node, NodeError, raftpb};
use std::collections::VecDeque;

/// Most proposals of one batch.
const BATCH_LIMIT: usize = 4096;
/// Most bytes of one batch: a follower sends it to its leader as one message.
const BATCH_LIMIT_BYTES: usize = 16 << 20;

/// Proposals that wait for the next batch.
#[derive(Default)]
pub(crate) struct Proposals {
    waiting: Vec<(u64, Bytes)>,
    bytes: usize,
    changes: VecDeque<raftpb::ConfChange>,
}

impl Proposals {
    /// One more request, for whoever waits under `id`.
    pub(crate) fn add(&mut self, id: u64, data: Bytes) {
        self.bytes += data.len();
        self.waiting.push((id, data));
    }

    /// One more change of the members.
    pub(crate) fn add_change(&mut self, change: raftpb::ConfChange) {
        self.changes.push_back(change);
    }

    /// Whether the next batch is full.
    pub(crate) fn full(&self) -> bool {
        self.waiting.len() >= BATCH_LIMIT || self.bytes >= BATCH_LIMIT_BYTES
    }

    /// Hands the batch in, as far as the node takes it.
    ///
    /// # Errors
    /// Those of [`Node::propose`] that do not pass.
    pub(crate) fn hand_in(&mut self, node: &mut Node, waiters: &Waiters) -> Result<(), NodeError> {
        self.hand_in_requests(node, waiters)?;
        while let Some(change) = self.changes.front() {
            if !waiters.has(change.id()) {
                self.changes.pop_front();
                continue;
            }
            match node.propose_conf_change(change) {
                Ok(()) => drop(self.changes.pop_front()),
                Err(NodeError::ProposalDropped | NodeError::ConfChangePending) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn hand_in_requests(&mut self, node: &mut Node, waiters: &Waiters) -> Result<(), NodeError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let batch: Vec<Bytes> = self.waiting.iter().map(|(_, data)| data.clone()).collect();
        match node.propose(batch) {
            Ok(()) => self.waiting.clear(),
            Err(NodeError::ProposalDropped) => self.waiting.retain(|(id, _)| waiters.has(*id)),
            Err(error) => return Err(error),
        }
        self.bytes = self.waiting.iter().map(|(_, data)| data.len()).sum();
        Ok(())
    }
}
