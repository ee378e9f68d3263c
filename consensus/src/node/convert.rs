//! Our messages into those of the `raft` crate, and back.
//!
//! Field for field they agree; what differs is settled here:
//! * The crate numbers its membership changes otherwise (2 is *learner* there; for etcd 2 is *update* and 3
//!   is *learner*), and a leader decodes proposed changes by its own numbers. So a change travels in the
//!   entry's `context`, which etcd's entries do not have, and `data` stays empty: an empty change passes the
//!   leader's checks as a change of one member, which is all that etcd ever logs.
//! * The crate has fields of its own (priorities, commit terms, requested snapshots). They are not sent and
//!   not accepted: a member of the reference would not know them.
//! * Payloads are shared, not copied.

use bytes::Bytes;
use raft::eraftpb;

use crate::pb::raftpb;

/// `None` for zero: the field is left out on the wire.
fn nonzero(value: u64) -> Option<u64> {
    Some(value).filter(|&value| value != 0)
}

fn nonempty(bytes: Bytes) -> Option<Bytes> {
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

pub(super) fn entry_in(entry: raftpb::Entry) -> eraftpb::Entry {
    let mut out = eraftpb::Entry { term: entry.term(), index: entry.index(), ..Default::default() };
    let kind = entry.r#type();
    let data = entry.data.unwrap_or_default();
    match kind {
        raftpb::EntryType::EntryNormal => out.data = data,
        raftpb::EntryType::EntryConfChange => {
            out.entry_type = eraftpb::EntryType::EntryConfChange;
            out.context = data;
        }
        raftpb::EntryType::EntryConfChangeV2 => {
            out.entry_type = eraftpb::EntryType::EntryConfChangeV2;
            out.context = data;
        }
    }
    out
}

pub(super) fn entry_out(entry: eraftpb::Entry) -> raftpb::Entry {
    let (kind, data) = match entry.entry_type {
        eraftpb::EntryType::EntryNormal => (None, entry.data),
        eraftpb::EntryType::EntryConfChange => (Some(raftpb::EntryType::EntryConfChange), entry.context),
        eraftpb::EntryType::EntryConfChangeV2 => (Some(raftpb::EntryType::EntryConfChangeV2), entry.context),
    };
    raftpb::Entry {
        r#type: kind.map(Into::into),
        term: nonzero(entry.term),
        index: nonzero(entry.index),
        data: nonempty(data),
    }
}

pub(super) fn hard_state_in(state: &raftpb::HardState) -> eraftpb::HardState {
    eraftpb::HardState {
        term: state.term(),
        vote: state.vote(),
        commit: state.commit(),
        ..Default::default()
    }
}

pub(super) fn hard_state_out(state: &eraftpb::HardState) -> raftpb::HardState {
    raftpb::HardState { term: Some(state.term), vote: Some(state.vote), commit: Some(state.commit) }
}

pub(super) fn conf_state_in(state: &raftpb::ConfState) -> eraftpb::ConfState {
    eraftpb::ConfState {
        voters: state.voters.clone(),
        learners: state.learners.clone(),
        voters_outgoing: state.voters_outgoing.clone(),
        learners_next: state.learners_next.clone(),
        auto_leave: state.auto_leave(),
        ..Default::default()
    }
}

pub(super) fn conf_state_out(state: eraftpb::ConfState) -> raftpb::ConfState {
    // The crate keeps sets without an order; the reference writes them sorted.
    let sorted = |mut ids: Vec<u64>| {
        ids.sort_unstable();
        ids
    };
    raftpb::ConfState {
        voters: sorted(state.voters),
        learners: sorted(state.learners),
        voters_outgoing: sorted(state.voters_outgoing),
        learners_next: sorted(state.learners_next),
        auto_leave: Some(state.auto_leave),
    }
}

pub(super) fn snapshot_in(snapshot: raftpb::Snapshot) -> eraftpb::Snapshot {
    let mut out = eraftpb::Snapshot::default();
    if let Some(metadata) = &snapshot.metadata {
        let to = out.mut_metadata();
        to.index = metadata.index();
        to.term = metadata.term();
        to.set_conf_state(metadata.conf_state.as_ref().map(conf_state_in).unwrap_or_default());
    }
    out.data = snapshot.data.unwrap_or_default();
    out
}

pub(super) fn snapshot_out(mut snapshot: eraftpb::Snapshot) -> raftpb::Snapshot {
    let mut metadata = snapshot.take_metadata();
    raftpb::Snapshot {
        metadata: Some(raftpb::SnapshotMetadata {
            conf_state: Some(conf_state_out(metadata.take_conf_state())),
            index: Some(metadata.index),
            term: Some(metadata.term),
        }),
        data: nonempty(snapshot.data),
    }
}

pub(super) fn message_out(mut message: eraftpb::Message) -> raftpb::Message {
    let entries: Vec<_> = message.take_entries().into();
    let is_snapshot = message.msg_type == eraftpb::MessageType::MsgSnapshot;
    raftpb::Message {
        r#type: Some(message.msg_type as i32),
        to: nonzero(message.to),
        from: nonzero(message.from),
        term: nonzero(message.term),
        log_term: nonzero(message.log_term),
        index: nonzero(message.index),
        entries: entries.into_iter().map(entry_out).collect(),
        commit: nonzero(message.commit),
        vote: None,
        snapshot: is_snapshot.then(|| snapshot_out(message.take_snapshot())),
        reject: message.reject.then_some(true),
        reject_hint: nonzero(message.reject_hint),
        context: nonempty(message.context),
        responses: Vec::new(),
    }
}

/// `None` for the kinds that never leave a member.
pub(super) fn message_type_in(kind: raftpb::MessageType) -> Option<eraftpb::MessageType> {
    use eraftpb::MessageType as To;
    use raftpb::MessageType as From;
    Some(match kind {
        From::MsgProp => To::MsgPropose,
        From::MsgApp => To::MsgAppend,
        From::MsgAppResp => To::MsgAppendResponse,
        From::MsgVote => To::MsgRequestVote,
        From::MsgVoteResp => To::MsgRequestVoteResponse,
        From::MsgSnap => To::MsgSnapshot,
        From::MsgHeartbeat => To::MsgHeartbeat,
        From::MsgHeartbeatResp => To::MsgHeartbeatResponse,
        From::MsgTransferLeader => To::MsgTransferLeader,
        From::MsgTimeoutNow => To::MsgTimeoutNow,
        From::MsgReadIndex => To::MsgReadIndex,
        From::MsgReadIndexResp => To::MsgReadIndexResp,
        From::MsgPreVote => To::MsgRequestPreVote,
        From::MsgPreVoteResp => To::MsgRequestPreVoteResponse,
        From::MsgHup
        | From::MsgBeat
        | From::MsgUnreachable
        | From::MsgSnapStatus
        | From::MsgCheckQuorum
        | From::MsgStorageAppend
        | From::MsgStorageAppendResp
        | From::MsgStorageApply
        | From::MsgStorageApplyResp
        | From::MsgForgetLeader => return None,
    })
}

pub(super) fn message_in(message: raftpb::Message, kind: eraftpb::MessageType) -> eraftpb::Message {
    let mut out = eraftpb::Message {
        msg_type: kind,
        to: message.to(),
        from: message.from(),
        term: message.term(),
        log_term: message.log_term(),
        index: message.index(),
        commit: message.commit(),
        reject: message.reject(),
        reject_hint: message.reject_hint(),
        context: message.context.unwrap_or_default(),
        entries: message.entries.into_iter().map(entry_in).collect(),
        ..Default::default()
    };
    if let Some(snapshot) = message.snapshot.filter(|_| kind == eraftpb::MessageType::MsgSnapshot) {
        out.set_snapshot(snapshot_in(snapshot));
    }
    out
}

/// `None` for a change that leaves the set of members as it is: an update of addresses, or one that was
/// refused while it was applied.
pub(super) fn conf_change_in(change: &raftpb::ConfChange) -> Option<eraftpb::ConfChange> {
    let kind = match change.r#type() {
        raftpb::ConfChangeType::ConfChangeAddNode => eraftpb::ConfChangeType::AddNode,
        raftpb::ConfChangeType::ConfChangeRemoveNode => eraftpb::ConfChangeType::RemoveNode,
        raftpb::ConfChangeType::ConfChangeAddLearnerNode => eraftpb::ConfChangeType::AddLearnerNode,
        raftpb::ConfChangeType::ConfChangeUpdateNode => return None,
    };
    let node_id = nonzero(change.node_id())?;
    Some(eraftpb::ConfChange { change_type: kind, node_id, ..Default::default() })
}
