//! Who votes, as etcd writes it into its `meta` table.

use oxetcd_consensus::raftpb::ConfState;
use serde::{Deserialize, Serialize};

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
pub fn encode_state(state: &ConfState) -> Vec<u8> {
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
pub fn decode_state(json: &[u8]) -> Result<ConfState, String> {
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
