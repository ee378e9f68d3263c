//! Whether a message from another member may be given to the algorithm.
//!
//! The algorithm trusts its peers: it stops the process when a message contradicts what it knows, and reads
//! parts that it expects without a look. What comes from a socket deserves less trust. Everything that it
//! would stumble over is refused here.

use raft::eraftpb::{self, MessageType};
use raft::{RawNode, StateRole, Storage};

use super::convert::{message_in, message_type_in};
use super::error::NodeError;
use crate::pb::raftpb;

/// Terms and indexes above this are nonsense, and adding to them might overflow.
const MAX_COUNTER: u64 = 1 << 62;

/// Checks a message and converts it.
pub(super) fn accept<S: Storage>(
    node: &RawNode<S>,
    message: raftpb::Message,
) -> Result<eraftpb::Message, NodeError> {
    let kind = raftpb::MessageType::try_from(message.r#type.unwrap_or(0))
        .map_err(|_| NodeError::BadMessage("of a kind that is not known"))?;
    let kind = message_type_in(kind).ok_or(NodeError::BadMessage("not for other members"))?;
    check_envelope(node.raft.id, &message, kind)?;
    check_entries(&message, kind)?;
    check_against_log(node, &message, kind)?;
    Ok(message_in(message, kind))
}

fn check_envelope(id: u64, message: &raftpb::Message, kind: MessageType) -> Result<(), NodeError> {
    let forwarded = matches!(kind, MessageType::MsgPropose | MessageType::MsgReadIndex);
    // What this member passed on to a leader of yesterday comes back, if that one takes it for the leader.
    if message.from() == 0 || (message.from() == id && !forwarded) {
        return Err(NodeError::BadMessage("without a sender"));
    }
    if message.to() != 0 && message.to() != id {
        return Err(NodeError::BadMessage("for another member"));
    }
    let counters =
        [message.term(), message.index(), message.log_term(), message.commit(), message.reject_hint()];
    if counters.into_iter().any(|counter| counter > MAX_COUNTER) {
        return Err(NodeError::BadMessage("with an absurd term or index"));
    }
    // The algorithm takes a message without a term for one of its own making.
    if forwarded != (message.term() == 0) {
        return Err(NodeError::BadMessage("with a wrong term"));
    }
    Ok(())
}

fn check_entries(message: &raftpb::Message, kind: MessageType) -> Result<(), NodeError> {
    let known = |entry: &raftpb::Entry| raftpb::EntryType::try_from(entry.r#type.unwrap_or(0)).is_ok();
    if !message.entries.iter().all(known) {
        return Err(NodeError::BadMessage("with an entry of a kind that is not known"));
    }
    match kind {
        MessageType::MsgPropose => {
            let joint = raftpb::EntryType::EntryConfChangeV2;
            if message.entries.is_empty() || message.entries.iter().any(|entry| entry.r#type() == joint) {
                return Err(NodeError::BadMessage("with an impossible proposal"));
            }
        }
        MessageType::MsgReadIndex | MessageType::MsgReadIndexResp if message.entries.len() != 1 => {
            return Err(NodeError::BadMessage("without the id of a read"));
        }
        MessageType::MsgAppend => {
            let (mut index, mut term) = (message.index(), message.log_term());
            if (index == 0) != (term == 0) {
                // The algorithm says 0 for the term of an entry that it does not have, and would find a match.
                return Err(NodeError::BadMessage("that follows no entry"));
            }
            for entry in &message.entries {
                if entry.index() != index + 1 || entry.term() < term || entry.term() > message.term() {
                    return Err(NodeError::BadMessage("with entries that are not consecutive"));
                }
                (index, term) = (entry.index(), entry.term());
            }
        }
        _ => {}
    }
    Ok(())
}

fn check_against_log<S: Storage>(
    node: &RawNode<S>,
    message: &raftpb::Message,
    kind: MessageType,
) -> Result<(), NodeError> {
    let log = &node.raft.raft_log;
    match kind {
        MessageType::MsgHeartbeat
            if message.term() >= node.raft.term && message.commit() > log.last_index() =>
        {
            // This member once had these entries and said so. Its disk has forgotten them.
            Err(NodeError::BadMessage("that takes entries for committed which this log has lost"))
        }
        MessageType::MsgAppendResponse
            if node.raft.state == StateRole::Leader
                && message.term() == node.raft.term
                && !message.reject()
                && message.index() > log.last_index() =>
        {
            Err(NodeError::BadMessage("that confirms entries which do not exist"))
        }
        MessageType::MsgRequestVoteResponse | MessageType::MsgRequestPreVoteResponse
            if node.raft.state != StateRole::Leader && log.persisted != log.last_index() =>
        {
            // A candidate asks for votes once its log is durable, so this cannot be an answer.
            Err(NodeError::BadMessage("that answers no question"))
        }
        MessageType::MsgTransferLeader if node.raft.state != StateRole::Leader => {
            // The algorithm would pass it on as if it were its own.
            Err(NodeError::BadMessage("for the leader"))
        }
        MessageType::MsgSnapshot => check_snapshot(message),
        _ => Ok(()),
    }
}

fn check_snapshot(message: &raftpb::Message) -> Result<(), NodeError> {
    let bad = Err(NodeError::BadMessage("with an impossible snapshot"));
    let Some(metadata) = message.snapshot.as_ref().and_then(|snapshot| snapshot.metadata.as_ref()) else {
        return bad;
    };
    let Some(members) = &metadata.conf_state else { return bad };
    if !(1..=MAX_COUNTER).contains(&metadata.index()) || !(1..=message.term()).contains(&metadata.term()) {
        return bad;
    }
    // Changes of several members at once are not in use, so there are no outgoing ones.
    let joint =
        !members.voters_outgoing.is_empty() || !members.learners_next.is_empty() || members.auto_leave();
    let mut ids: Vec<u64> = members.voters.iter().chain(&members.learners).copied().collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if joint || members.voters.is_empty() || ids.len() != count || ids.first() == Some(&0) {
        return bad;
    }
    Ok(())
}
