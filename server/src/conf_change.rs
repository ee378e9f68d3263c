//! Configuration changes: what raft makes of them, and what they mean for the list of members.

use oxetcd_consensus::raftpb::{ConfChange, ConfChangeType, ConfState, Entry};
use oxetcd_machine::{Member, MemberChange};
use prost::Message;
use serde::{Deserialize, Serialize};

/// A decoded change.
pub(crate) struct Change {
    /// For raft.
    pub(crate) raft: ConfChange,
    /// For the list of members.
    pub(crate) member: MemberChange,
}

/// A change that was made: the index of its entry, what it means for the list of members, and the configuration
/// after it as JSON.
pub(crate) type Made = (u64, MemberChange, Vec<u8>);

/// Reads the change that an entry holds.
///
/// # Errors
/// When the entry does not hold one; the log is damaged then.
pub(crate) fn decode(entry: &Entry) -> Result<Change, String> {
    let named = |error: String| format!("log entry {} is no configuration change: {error}", entry.index());
    let raft =
        ConfChange::decode(entry.data.clone().unwrap_or_default()).map_err(|e| named(e.to_string()))?;
    let member = match raft.r#type() {
        ConfChangeType::ConfChangeRemoveNode => MemberChange::Remove(raft.node_id()),
        _ => {
            let member: Member = serde_json::from_slice(raft.context()).map_err(|e| named(e.to_string()))?;
            MemberChange::Put(member)
        }
    };
    Ok(Change { raft, member })
}

/// A configuration as etcd writes it into its `meta` table.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    voters: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learners: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    voters_outgoing: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learners_next: Vec<u64>,
    auto_leave: bool,
}

/// Writes a configuration as JSON.
pub(crate) fn encode_state(state: &ConfState) -> Vec<u8> {
    let state = State {
        voters: state.voters.clone(),
        learners: state.learners.clone(),
        voters_outgoing: state.voters_outgoing.clone(),
        learners_next: state.learners_next.clone(),
        auto_leave: state.auto_leave(),
    };
    // A struct of numbers always has a JSON form.
    serde_json::to_vec(&state).unwrap_or_default()
}

/// Reads a configuration from JSON.
///
/// # Errors
/// When it is not JSON of this form.
pub(crate) fn decode_state(json: &[u8]) -> Result<ConfState, String> {
    let state: State =
        serde_json::from_slice(json).map_err(|error| format!("stored configuration is damaged: {error}"))?;
    Ok(ConfState {
        voters: state.voters,
        learners: state.learners,
        voters_outgoing: state.voters_outgoing,
        learners_next: state.learners_next,
        auto_leave: Some(state.auto_leave),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_written_as_etcd_does() -> Result<(), String> {
        let state = ConfState { voters: vec![7], auto_leave: Some(false), ..Default::default() };
        let json = encode_state(&state);
        assert_eq!(String::from_utf8_lossy(&json), r#"{"voters":[7],"auto_leave":false}"#);
        assert_eq!(decode_state(&json)?, state);
        assert!(decode_state(b"{").is_err());
        Ok(())
    }
}
