//! One member of a raft group, without I/O and without a clock.
//!
//! A [`Node`] is told what happens ([`Node::tick`], [`Node::step`], [`Node::propose`] ...) and says what is
//! to be done ([`Node::ready`]). In between it computes. Whoever drives it owns disk, network and time: the
//! server's raft thread, or a simulation of a whole cluster in one thread.
//!
//! ```text
//!   proposals ──> propose ┐                 ┌─> messages ────────────────> network
//!   network ────> step    ├─> Node ─> Ready ┼─> entries, hard state ─────> log, one fsync
//!   time ───────> tick    ┘    ^            └─> committed ───────────────> state machine
//!                              └── persisted, applied_to <──────────────────────┘
//! ```
//!
//! An entry goes through three states: *appended* (it has an index, and is in the `Ready` that hands it out
//! to be written), *committed* (a majority has it on disk) and *applied*. With a single voter the majority is
//! that member's disk, so [`Node::persisted`] commits, and the next `Ready` has the committed entries.
//!
//! The algorithm is the `raft` crate's; its types end here (see `convert`). A batch of proposals is one
//! message and costs a few pointer-sized copies an entry; payloads are never copied.

mod cache;
mod config;
mod convert;
mod departure;
mod error;
mod inbound;
mod logger;
mod ready;
mod status;
mod timeouts;

use bytes::Bytes;
use prost::Message;
use raft::eraftpb;
use raft::{RawNode, SnapshotStatus, StateRole};

use cache::LogCache;
pub use config::{NodeConfig, RestoredLog, bootstrap};
pub use error::NodeError;
pub use ready::{ReadState, Ready, Role, SoftState};
pub use status::{PeerProgress, Status};
use timeouts::Timeouts;

use crate::pb::raftpb;

/// A member of a raft group.
pub struct Node {
    raw: RawNode<LogCache>,
    last_read_id: u64,
    /// Present if election timeouts are to repeat.
    timeouts: Option<Timeouts>,
    /// Term and vote as last handed out, and the number of the `Ready` that did.
    vote: (u64, u64),
    vote_number: u64,
    persisted_number: u64,
    /// Index of the last snapshot handed out.
    snapshot_index: u64,
    /// The term in which this member, as the leader, took the proposal to remove it.
    leaving_in: u64,
}

impl Node {
    /// Starts a node with the log that it had.
    ///
    /// # Errors
    /// [`NodeError::InvalidConfig`], or [`NodeError::InvalidLog`] if the log has gaps, ends before what the
    /// state machine has applied, or begins after it.
    pub fn new(config: &NodeConfig, log: RestoredLog) -> Result<Node, NodeError> {
        let base = log.snapshot_index;
        let consecutive =
            (base + 1..).zip(&log.entries).all(|(index, entry)| entry.index() == index && entry.term() > 0);
        if !consecutive {
            return Err(NodeError::InvalidLog("entries are missing".to_owned()));
        }
        let terms = || log.entries.iter().map(raftpb::Entry::term);
        if [log.snapshot_term].into_iter().chain(terms()).zip(terms()).any(|(before, term)| before > term) {
            return Err(NodeError::InvalidLog("entries of an older term after newer ones".to_owned()));
        }
        let last = base + log.entries.len() as u64;
        let applied = config.applied.max(base);
        // The commit index is written lazily, so the state machine may well know more.
        let commit = log.hard_state.commit().max(applied);
        if commit > last {
            let text = format!("it ends at index {last}, but {commit} was committed or applied");
            return Err(NodeError::InvalidLog(text));
        }
        let timeouts = config.election_seed.map(Timeouts::new);
        let mut config = config.to_raft();
        config.applied = applied;
        config.validate()?;
        let mut hard_state = convert::hard_state_in(&log.hard_state);
        hard_state.commit = commit;
        let vote = (hard_state.term, hard_state.vote);
        let store = LogCache::new(
            hard_state,
            convert::conf_state_in(&log.conf_state),
            (base, log.snapshot_term),
            log.entries.into_iter().map(convert::entry_in).collect(),
        );
        let raw = RawNode::new(&config, store, &logger::logger())?;
        Ok(Node {
            raw,
            last_read_id: 0,
            timeouts,
            vote,
            vote_number: 0,
            persisted_number: 0,
            snapshot_index: 0,
            leaving_in: 0,
        })
    }

    /// One tick of time has passed.
    pub fn tick(&mut self) {
        if let Some(timeouts) = &mut self.timeouts {
            timeouts.pin(&mut self.raw.raft);
        }
        if departure::departed(&self.raw) {
            departure::tick(&mut self.raw);
        } else if self.may_be_elected() {
            self.raw.tick();
        }
    }

    /// Stands for election now. A single voter leads at once, and its first entry comes with the next
    /// [`Ready`].
    ///
    /// # Errors
    /// [`NodeError::CannotCampaign`] if this member does not vote, has committed membership changes still to
    /// apply, or (as the only voter) entries that are not persisted.
    pub fn campaign(&mut self) -> Result<(), NodeError> {
        if !self.may_be_elected() || !self.raw.raft.promotable() {
            return Err(NodeError::CannotCampaign);
        }
        self.raw.campaign()?;
        match self.raw.raft.state {
            StateRole::Follower => Err(NodeError::CannotCampaign),
            _ => Ok(()),
        }
    }

    /// Proposes entries, all or none, in this order and next to each other. A follower passes them on to its
    /// leader, and nobody will say if they get lost on the way.
    ///
    /// # Errors
    /// [`NodeError::ProposalDropped`].
    pub fn propose(&mut self, payloads: Vec<Bytes>) -> Result<(), NodeError> {
        if payloads.is_empty() {
            return Ok(());
        }
        let entry = |data| eraftpb::Entry { data, ..Default::default() };
        self.propose_entries(payloads.into_iter().map(entry).collect())
    }

    /// Proposes a change of the members.
    ///
    /// # Errors
    /// [`NodeError::ProposalDropped`]; [`NodeError::ConfChangePending`] while an earlier one is not applied.
    pub fn propose_conf_change(&mut self, change: &raftpb::ConfChange) -> Result<(), NodeError> {
        if self.raw.raft.state == StateRole::Leader && self.raw.raft.has_pending_conf() {
            return Err(NodeError::ConfChangePending);
        }
        let entry = raftpb::Entry {
            r#type: Some(raftpb::EntryType::EntryConfChange.into()),
            data: Some(change.encode_to_vec().into()),
            ..Default::default()
        };
        self.propose_entries(vec![convert::entry_in(entry)])?;
        self.note_leaving(departure::removes(change, self.raw.raft.id));
        Ok(())
    }

    fn propose_entries(&mut self, entries: Vec<eraftpb::Entry>) -> Result<(), NodeError> {
        if self.leaves() {
            return Err(NodeError::ProposalDropped);
        }
        let message = eraftpb::Message {
            msg_type: eraftpb::MessageType::MsgPropose,
            from: self.raw.raft.id,
            entries: entries.into(),
            ..Default::default()
        };
        Ok(self.raw.raft.step(message)?)
    }

    /// Carries out a membership change that was committed, and returns the members after it. One that the
    /// state machine refused is passed with a node id of 0 and changes nothing.
    ///
    /// # Errors
    /// [`NodeError::ConfChangeRefused`]: nothing changed.
    pub fn apply_conf_change(&mut self, change: &raftpb::ConfChange) -> Result<raftpb::ConfState, NodeError> {
        match convert::conf_change_in(change) {
            None => Ok(self.conf_state()),
            Some(change) => match self.raw.apply_conf_change(&change) {
                Ok(state) => Ok(convert::conf_state_out(state)),
                Err(error) => Err(NodeError::ConfChangeRefused(error.to_string())),
            },
        }
    }

    /// The members as of the last change carried out.
    pub fn conf_state(&self) -> raftpb::ConfState {
        convert::conf_state_out(self.raw.raft.prs().conf().to_conf_state())
    }

    /// Takes a message from another member.
    ///
    /// # Errors
    /// Says why the message was ignored.
    pub fn step(&mut self, message: raftpb::Message) -> Result<(), NodeError> {
        let (from, id) = (message.from(), self.raw.raft.id);
        let removal = departure::proposes_removal(&message, id);
        if message.r#type() == raftpb::MessageType::MsgProp && self.leaves() {
            return Err(NodeError::ProposalDropped);
        }
        let message = inbound::accept(&self.raw, message)?;
        if message.msg_type == eraftpb::MessageType::MsgTimeoutNow && !self.may_be_elected() {
            return Err(NodeError::CannotCampaign);
        }
        let message = match departure::departed(&self.raw) {
            true => departure::step(&mut self.raw, message),
            false => Some(message),
        };
        let Some(message) = message else { return Ok(()) };
        self.raw.step(message).map_err(|error| match error {
            raft::Error::StepPeerNotFound => NodeError::UnknownSender(from),
            other => other.into(),
        })?;
        self.note_leaving(removal);
        Ok(())
    }

    /// Asks for an index at which a read is linearizable. The answer comes as a [`ReadState`] with this id,
    /// or never: then ask again, with a new id. Ids have to grow, and must be unique in the life of the whole
    /// cluster, other members and earlier runs of this one included: leaders and followers match questions and
    /// answers by them alone, and an answer to an old question is a stale read.
    ///
    /// # Errors
    /// [`NodeError::NoLeader`] and [`NodeError::NotReady`] say that there will be no answer;
    /// [`NodeError::ReadIdReused`].
    pub fn read_index(&mut self, id: u64) -> Result<(), NodeError> {
        let raft = &self.raw.raft;
        if raft.leader_id == 0 || departure::departed(&self.raw) {
            return Err(NodeError::NoLeader);
        }
        if raft.state == StateRole::Leader && !raft.commit_to_current_term() {
            return Err(NodeError::NotReady);
        }
        if id <= self.last_read_id {
            return Err(NodeError::ReadIdReused);
        }
        self.last_read_id = id;
        self.raw.read_index(id.to_be_bytes().to_vec());
        Ok(())
    }

    /// Hands leadership to another voter. Proposals are dropped until it has it, or an election timeout has
    /// passed.
    pub fn transfer_leader(&mut self, to: u64) {
        self.raw.transfer_leader(to);
    }

    /// The last message to a member did not arrive.
    pub fn report_unreachable(&mut self, id: u64) {
        self.raw.report_unreachable(id);
    }

    /// The snapshot to a member arrived, or did not.
    pub fn report_snapshot(&mut self, id: u64, arrived: bool) {
        let status = if arrived { SnapshotStatus::Finish } else { SnapshotStatus::Failure };
        self.raw.report_snapshot(id, status);
    }

    /// Whether [`Node::ready`] has something.
    pub fn has_ready(&self) -> bool {
        self.raw.has_ready()
    }

    /// What there is to do; `None` if nothing.
    pub fn ready(&mut self) -> Option<Ready> {
        if !self.raw.has_ready() {
            return None;
        }
        let mut raw = self.raw.ready();
        let read_state = |state: raft::ReadState| {
            let id = u64::from_be_bytes(state.request_ctx.try_into().ok()?);
            Some(ReadState { id, index: state.index })
        };
        let messages =
            |messages: Vec<eraftpb::Message>| messages.into_iter().map(convert::message_out).collect();
        let entries = raw.take_entries();
        if let Some(state) = raw.hs().filter(|state| (state.term, state.vote) != self.vote) {
            (self.vote, self.vote_number) = ((state.term, state.vote), raw.number());
        }
        let mut ready = Ready {
            number: raw.number(),
            soft_state: raw
                .ss()
                .map(|state| SoftState { leader: state.leader_id, role: state.raft_state.into() }),
            hard_state: raw.hs().map(convert::hard_state_out),
            entries: entries.iter().cloned().map(convert::entry_out).collect(),
            snapshot: Some(raw.snapshot())
                .filter(|snapshot| !snapshot.is_empty())
                .map(|snapshot| convert::snapshot_out(snapshot.clone())),
            must_sync: raw.must_sync(),
            messages: messages(raw.take_messages()),
            persisted_messages: messages(raw.take_persisted_messages()),
            committed: raw.take_committed_entries().into_iter().map(convert::entry_out).collect(),
            read_states: raw.take_read_states().into_iter().filter_map(read_state).collect(),
        };
        if self.vote_number > self.persisted_number {
            // A sole voter leads before its vote is on disk. A learner that heard of it now would take another
            // entry for the same one, should this member crash and win the same term again.
            let early = std::mem::take(&mut ready.messages);
            ready.persisted_messages.splice(0..0, early);
        }
        let store = self.raw.mut_store();
        if !raw.snapshot().is_empty() {
            self.snapshot_index = raw.snapshot().get_metadata().index;
            store.restore(raw.snapshot().clone());
        }
        store.append(entries);
        self.raw.advance_append_async(raw);
        Some(ready)
    }

    /// The [`Ready`] of this number, and all before it, are on disk.
    pub fn persisted(&mut self, number: u64) {
        self.persisted_number = self.persisted_number.max(number);
        if !departure::departed(&self.raw) {
            self.raw.on_persist_ready(number);
        }
    }

    /// The state machine has applied everything up to `index`. It only moves forward, and not beyond what
    /// was handed out.
    pub fn applied_to(&mut self, index: u64) {
        let log = &self.raw.raft.raft_log;
        let index = index.min(log.committed).min(log.persisted);
        if index > log.applied {
            self.raw.advance_apply_to(index);
        }
    }

    /// A snapshot for followers whose next entry was compacted away.
    pub fn offer_snapshot(&mut self, snapshot: raftpb::Snapshot) {
        self.raw.mut_store().offer(convert::snapshot_in(snapshot));
    }

    /// Whether a follower waits for [`Node::offer_snapshot`].
    pub fn snapshot_wanted(&self) -> bool {
        self.raw.store().snapshot_wanted()
    }

    /// Forgets entries up to `index`, or up to the applied index if that is lower.
    pub fn compact(&mut self, index: u64) {
        let index = index.min(self.raw.raft.raft_log.applied);
        self.raw.mut_store().compact(index);
    }

    /// The term of the entry at `index`, if it is not compacted (the last compacted one's is still known).
    pub fn term_at(&self, index: u64) -> Option<u64> {
        self.raw.raft.raft_log.term(index).ok().filter(|&term| term > 0)
    }

    /// The first index that is not compacted.
    pub fn first_index(&self) -> u64 {
        self.raw.store().first()
    }

    /// A single voter wins the election it starts, and the algorithm insists that a new leader's log be
    /// durable by then. With other voters their answers come after that anyway. And nobody stands for election
    /// before a leader's snapshot is applied: the algorithm would look for entries that it replaced.
    fn may_be_elected(&self) -> bool {
        let raft = &self.raw.raft;
        if raft.raft_log.applied < self.snapshot_index {
            return false;
        }
        let settled = raft.raft_log.persisted == raft.raft_log.last_index();
        settled || raft.state == StateRole::Leader || !raft.prs().is_singleton()
    }
}
