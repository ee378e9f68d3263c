//! Proposals on their way into the log.
//!
//! Normally they go in at once, as one batch. While there is no leader, or leadership is being handed over, they
//! wait here until there is one, or until their clients have given up: so an election costs time, not errors.
//! The same holds for what other members have sent here because they took this one for the leader.

use super::{forwarded::Forwarded, waiters::Waiters};
use crate::cluster::Lost;
use bytes::Bytes;
use oxetcd_consensus::{Node, NodeError, raftpb};
use prost::Message as _;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Most proposals of one batch.
const BATCH_LIMIT: usize = 4096;
/// Most bytes of one batch: a follower sends it to its leader as one message.
const BATCH_LIMIT_BYTES: usize = 16 << 20;
/// Time between two looks at which of those that wait are still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// Other members' proposals that are kept, and for how long: whoever made them may have given up by then.
const HELD_LIMIT: usize = 1024;
const HELD_FOR: Duration = Duration::from_secs(3);
/// Proposals that did not reach the leader are tried again after this time, or with the next leader.
const PAUSE: Duration = Duration::from_millis(50);
/// How long they are tried.
const RETURNED_FOR: Duration = Duration::from_secs(5);

/// One request for the log.
struct Request {
    id: u64,
    data: Bytes,
    /// The term whose leader alone may make it; `None` for anybody's request.
    term: Option<u64>,
}

/// Proposals that wait for the next batch.
pub(crate) struct Proposals {
    waiting: VecDeque<Request>,
    /// Requests and bytes taken since the last batch.
    taken: (usize, usize),
    changes: VecDeque<raftpb::ConfChange>,
    /// Other members' proposals, and when they came.
    held: VecDeque<(Instant, raftpb::Message)>,
    /// Requests of this member that never left it, and when they came back.
    returned: VecDeque<(Instant, Bytes)>,
    /// The term in which something came back, and when.
    paused: Option<(u64, Instant)>,
    forwarded: Forwarded,
    looked: Instant,
}

impl Default for Proposals {
    fn default() -> Self {
        Proposals {
            waiting: VecDeque::new(),
            taken: (0, 0),
            changes: VecDeque::new(),
            held: VecDeque::new(),
            returned: VecDeque::new(),
            paused: None,
            forwarded: Forwarded::default(),
            looked: Instant::now(),
        }
    }
}

impl Proposals {
    /// One more request, for whoever waits under `id`.
    pub(crate) fn add(&mut self, id: u64, data: Bytes) {
        self.take(Request { id, data, term: None });
    }

    /// One more request, which is lost unless this member leads in `term` when it goes into the log.
    pub(crate) fn add_in_term(&mut self, id: u64, data: Bytes, term: u64) {
        self.take(Request { id, data, term: Some(term) });
    }

    fn take(&mut self, request: Request) {
        self.taken = (self.taken.0 + 1, self.taken.1 + request.data.len());
        self.waiting.push_back(request);
    }

    /// One more change of the members.
    pub(crate) fn add_change(&mut self, change: raftpb::ConfChange) {
        self.changes.push_back(change);
    }

    /// Keeps what another member proposes until there is a leader for it.
    pub(crate) fn hold(&mut self, message: raftpb::Message) {
        if self.held.len() == HELD_LIMIT {
            self.held.pop_front();
        }
        self.held.push_back((Instant::now(), message));
    }

    /// Takes proposals back that did not reach the leader.
    pub(crate) fn bring_back(&mut self, message: raftpb::Message, node: &Node) {
        let now = Instant::now();
        self.paused = Some((node.term(), now));
        if message.from() != node.id() {
            return self.hold(message);
        }
        for entry in message.entries {
            let kind = entry.r#type();
            let data = entry.data.unwrap_or_default();
            match kind {
                raftpb::EntryType::EntryNormal => self.returned.push_back((now, data)),
                // What was encoded here can be decoded.
                _ => self.changes.extend(raftpb::ConfChange::decode(data).ok()),
            }
        }
    }

    /// Lets go of requests that were lost with an earlier leader; see [`Forwarded::look`].
    pub(crate) fn look_back(&mut self, term: u64, waiters: &Waiters, settled: impl FnOnce() -> bool) {
        self.forwarded.look(term, waiters, settled);
    }

    /// Whether the leader of this term was out of reach a moment ago.
    fn is_paused(&mut self, node: &Node) -> bool {
        self.paused.take_if(|(term, since)| *term != node.term() || since.elapsed() >= PAUSE);
        self.paused.is_some()
    }

    /// Whether as much has been taken as goes into a batch.
    pub(crate) fn full(&self) -> bool {
        self.taken.0 >= BATCH_LIMIT || self.taken.1 >= BATCH_LIMIT_BYTES
    }

    /// Hands everything in, as far as the node takes it.
    ///
    /// # Errors
    /// Those of [`Node::propose`] that do not pass.
    pub(crate) fn hand_in(&mut self, node: &mut Node, waiters: &Waiters) -> Result<(), NodeError> {
        self.taken = (0, 0);
        if !node.takes_proposals() || self.is_paused(node) {
            self.look(waiters);
            return Ok(());
        }
        for (_, message) in self.held.drain(..) {
            // What makes no sense is dropped, as any message that does not.
            let _ = node.step(message);
        }
        if !self.returned.is_empty() {
            let batch = self.returned.iter().map(|(_, data)| data.clone()).collect();
            match node.propose(batch) {
                Ok(()) => self.returned.clear(),
                Err(NodeError::ProposalDropped) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.hand_in_requests(node, waiters)?;
        self.hand_in_changes(node, waiters)
    }

    fn hand_in_requests(&mut self, node: &mut Node, waiters: &Waiters) -> Result<(), NodeError> {
        while !self.waiting.is_empty() {
            let (mut batch, mut bytes, mut count) = (Vec::new(), 0, 0);
            for request in &self.waiting {
                if batch.len() == BATCH_LIMIT || bytes >= BATCH_LIMIT_BYTES {
                    break;
                }
                count += 1;
                if request.term.is_some_and(|term| !node.leads_in(term)) {
                    waiters.lose(request.id, Lost::LeaderFailed);
                } else {
                    bytes += request.data.len();
                    batch.push(request.data.clone());
                }
            }
            match node.propose(batch) {
                Ok(()) => {
                    let leads = node.leads_in(node.term());
                    for request in self.waiting.drain(..count).filter(|_| !leads) {
                        self.forwarded.add(request.id, node.term());
                    }
                }
                Err(NodeError::ProposalDropped) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn hand_in_changes(&mut self, node: &mut Node, waiters: &Waiters) -> Result<(), NodeError> {
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

    /// Lets go of what nobody waits for any more.
    fn look(&mut self, waiters: &Waiters) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        self.waiting.retain(|request| waiters.has(request.id));
        self.held.retain(|(came, _)| came.elapsed() < HELD_FOR);
        self.returned.retain(|(came, _)| came.elapsed() < RETURNED_FOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_consensus::{NodeConfig, RestoredLog, raftpb::MessageType};

    /// A lone voter that does not lead yet.
    fn node() -> Result<Node, NodeError> {
        let conf_state = raftpb::ConfState { voters: vec![1], ..Default::default() };
        let hard_state = raftpb::HardState { term: Some(1), commit: Some(1), ..Default::default() };
        let log =
            RestoredLog { hard_state, snapshot_index: 1, snapshot_term: 1, conf_state, ..Default::default() };
        Node::new(&NodeConfig { applied: 1, ..NodeConfig::new(1) }, log)
    }

    /// What has gone into the log since the last look.
    fn logged(node: &mut Node) -> Vec<Bytes> {
        let mut data = Vec::new();
        while let Some(ready) = node.ready() {
            data.extend(ready.entries.into_iter().filter_map(|entry| entry.data));
            node.persisted(ready.number);
        }
        data.retain(|data| !data.is_empty());
        data
    }

    fn proposal(of: u64, data: &'static [u8]) -> raftpb::Message {
        let entry = raftpb::Entry { data: Some(Bytes::from_static(data)), ..Default::default() };
        raftpb::Message {
            r#type: Some(MessageType::MsgProp.into()),
            from: Some(of),
            to: Some(1),
            entries: vec![entry],
            ..Default::default()
        }
    }

    #[test]
    fn proposals_wait_for_a_leader() -> Result<(), NodeError> {
        let (mut node, mut proposals, waiters) = (node()?, Proposals::default(), Waiters::default());
        let _answer = waiters.register(7);
        proposals.add(7, Bytes::from_static(b"mine"));
        proposals.hold(proposal(2, b"another's"));
        proposals.hand_in(&mut node, &waiters)?;
        assert!(logged(&mut node).is_empty());
        node.campaign()?;
        assert!(logged(&mut node).is_empty());
        proposals.hand_in(&mut node, &waiters)?;
        let mut taken = logged(&mut node);
        taken.sort();
        assert_eq!(taken, [&b"another's"[..], b"mine"]);
        proposals.hand_in(&mut node, &waiters)?;
        assert!(logged(&mut node).is_empty(), "nothing goes in twice");
        Ok(())
    }

    #[test]
    fn what_did_not_reach_the_leader_waits_for_the_next() -> Result<(), NodeError> {
        let (mut node, mut proposals, waiters) = (node()?, Proposals::default(), Waiters::default());
        node.campaign()?;
        logged(&mut node);
        let change = raftpb::ConfChange { id: Some(9), node_id: Some(5), ..Default::default() };
        let _answer = waiters.register(9);
        let mut message = proposal(node.id(), b"mine");
        message.entries.push(raftpb::Entry {
            r#type: Some(raftpb::EntryType::EntryConfChange.into()),
            data: Some(change.encode_to_vec().into()),
            ..Default::default()
        });
        proposals.bring_back(message, &node);
        proposals.hand_in(&mut node, &waiters)?;
        assert!(logged(&mut node).is_empty(), "not in the same term at once");
        node.step(raftpb::Message {
            r#type: Some(MessageType::MsgHeartbeat.into()),
            from: Some(2),
            to: Some(1),
            term: Some(node.term() + 1),
            ..Default::default()
        })?;
        let mut sent = Vec::new();
        for _ in 0..2 {
            proposals.hand_in(&mut node, &waiters)?;
            while let Some(ready) = node.ready() {
                sent.extend(ready.messages.into_iter().chain(ready.persisted_messages));
                node.persisted(ready.number);
            }
        }
        sent.retain(|message| message.r#type() == MessageType::MsgProp && message.to() == 2);
        let mut data: Vec<_> =
            sent.into_iter().flat_map(|message| message.entries).filter_map(|entry| entry.data).collect();
        data.sort();
        assert_eq!(data, [Bytes::from(change.encode_to_vec()), Bytes::from_static(b"mine")], "once each");
        Ok(())
    }

    #[test]
    fn what_a_leader_decided_is_lost_with_its_term() -> Result<(), NodeError> {
        let (mut node, mut proposals, waiters) = (node()?, Proposals::default(), Waiters::default());
        node.campaign()?;
        logged(&mut node);
        let term = node.status().term;
        let (mut old, mut new) = (waiters.register(7), waiters.register(8));
        proposals.add_in_term(7, Bytes::from_static(b"old"), term - 1);
        proposals.add_in_term(8, Bytes::from_static(b"new"), term);
        proposals.hand_in(&mut node, &waiters)?;
        assert_eq!(logged(&mut node), [&b"new"[..]]);
        assert!(matches!(old.try_recv(), Ok(Err(Lost::LeaderFailed))));
        assert!(new.try_recv().is_err() && waiters.has(8));
        Ok(())
    }
}
