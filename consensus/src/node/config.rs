//! What a node is started with.

use bytes::Bytes;
use prost::Message;

use crate::pb::raftpb;
use crate::wal::Replay;

/// Settings of a [`Node`](super::Node). Time is counted in ticks, whose length the caller chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// This member. Not 0.
    pub id: u64,
    /// A follower that hears nothing for this many ticks, up to twice as many (drawn at random), campaigns.
    pub election_ticks: usize,
    /// A leader sends a heartbeat every so many ticks.
    pub heartbeat_ticks: usize,
    /// Ask whether an election could be won before starting it, so that a member that was cut off does not
    /// depose a working leader when it returns.
    pub pre_vote: bool,
    /// A leader that hears of no quorum for an election timeout steps down.
    pub check_quorum: bool,
    /// Bytes of entries in one message to a follower; one entry is sent in any case.
    pub max_message_bytes: u64,
    /// Messages with entries under way to a follower.
    pub max_inflight: usize,
    /// Bytes of committed entries in one [`Ready`](super::Ready); one entry is there in any case.
    pub max_apply_bytes: u64,
    /// The state machine holds everything up to this index; what comes after is handed out again.
    pub applied: u64,
    /// Takes the place of the random election timeout, so that a simulation repeats. At least
    /// `election_ticks`; members need different ones, or they campaign against each other forever.
    pub fixed_election_ticks: Option<usize>,
    /// Draws the election timeouts from this seed, which has the same purpose, but lets every term have its
    /// own.
    pub election_seed: Option<u64>,
}

impl NodeConfig {
    /// etcd's settings: ticks of 100 ms, elections after 10, pre-vote and quorum checks, 1 MiB messages.
    pub fn new(id: u64) -> NodeConfig {
        NodeConfig {
            id,
            election_ticks: 10,
            heartbeat_ticks: 1,
            pre_vote: true,
            check_quorum: true,
            max_message_bytes: 1 << 20,
            max_inflight: 512,
            max_apply_bytes: 1 << 20,
            applied: 0,
            fixed_election_ticks: None,
            election_seed: None,
        }
    }

    pub(super) fn to_raft(&self) -> raft::Config {
        let fixed = self.fixed_election_ticks;
        raft::Config {
            id: self.id,
            election_tick: self.election_ticks,
            heartbeat_tick: self.heartbeat_ticks,
            applied: self.applied,
            max_size_per_msg: self.max_message_bytes,
            max_inflight_msgs: self.max_inflight,
            check_quorum: self.check_quorum,
            pre_vote: self.pre_vote,
            min_election_tick: fixed.unwrap_or(0),
            max_election_tick: fixed.map_or(0, |ticks| ticks.saturating_add(1)),
            max_committed_size_per_ready: self.max_apply_bytes,
            ..raft::Config::default()
        }
    }
}

/// The log that a node starts with: from a snapshot on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestoredLog {
    /// Term, vote and commit index as last written.
    pub hard_state: raftpb::HardState,
    /// The entries after the snapshot, without a gap.
    pub entries: Vec<raftpb::Entry>,
    /// Index of the snapshot; 0 if there is none.
    pub snapshot_index: u64,
    /// Term of the entry at that index.
    pub snapshot_term: u64,
    /// The members as of the applied index ([`NodeConfig::applied`], or the snapshot's if that is higher).
    /// Changes in entries after it are applied again, one by one, as they are handed out.
    pub conf_state: raftpb::ConfState,
}

impl From<Replay> for RestoredLog {
    /// With the members that the snapshot record names. A state machine that is ahead of the snapshot has to
    /// put its own in their place.
    fn from(replay: Replay) -> RestoredLog {
        RestoredLog {
            hard_state: replay.hard_state,
            entries: replay.entries,
            snapshot_index: replay.start.index(),
            snapshot_term: replay.start.term(),
            conf_state: replay.start.conf_state.unwrap_or_default(),
        }
    }
}

/// The log that every member of a new cluster begins with: one entry for each of them.
///
/// `members` are pairs of an id and a description that is logged with it (for etcd: JSON of the id, the name
/// and the peer addresses). All members must make the same log, so they are sorted here. Append the entries
/// and the hard state to the write-ahead log, synced, before the node runs.
pub fn bootstrap(members: &[(u64, Bytes)]) -> RestoredLog {
    let mut members = members.to_vec();
    members.sort_by_key(|(id, _)| *id);
    let voters: Vec<u64> = members.iter().map(|(id, _)| *id).collect();
    let entry = |(position, (id, context)): (usize, (u64, Bytes))| {
        let change = raftpb::ConfChange {
            id: None,
            r#type: Some(raftpb::ConfChangeType::ConfChangeAddNode.into()),
            node_id: Some(id),
            context: Some(context),
        };
        raftpb::Entry {
            r#type: Some(raftpb::EntryType::EntryConfChange.into()),
            term: Some(1),
            index: Some(position as u64 + 1),
            data: Some(change.encode_to_vec().into()),
        }
    };
    RestoredLog {
        hard_state: raftpb::HardState { term: Some(1), vote: Some(0), commit: Some(members.len() as u64) },
        entries: members.into_iter().enumerate().map(entry).collect(),
        snapshot_index: 0,
        snapshot_term: 0,
        conf_state: raftpb::ConfState { voters, auto_leave: Some(false), ..Default::default() },
    }
}
