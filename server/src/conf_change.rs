//! Configuration changes: from the log's bytes to what they mean for raft and for the list of members.
//!
//! A committed change is judged before raft carries it out. One that is refused goes to raft without a node, so
//! that nothing changes, and its proposer hears why.

use oxetcd_consensus::{
    Node, NodeError,
    raftpb::{ConfChange, ConfChangeType, Entry},
};
pub(crate) use oxetcd_datadir::{decode_state, encode_state};
use oxetcd_machine::{Member, MemberChange, MemberRefusal, Roster};
use prost::Message;
use serde::{Deserialize, Serialize};

/// A change that was committed and judged, on its way to the state machine.
pub(crate) struct Decided {
    /// Id under which its proposer waits; 0 for none.
    pub(crate) id: u64,
    /// What to do to the list of members, or why nothing.
    pub(crate) verdict: Result<MemberChange, MemberRefusal>,
    /// The voters and learners after it, as JSON.
    pub(crate) conf_state: Vec<u8>,
}

/// What a change carries as JSON: a member, and whether that member is to be promoted.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Context {
    #[serde(flatten)]
    member: Member,
    #[serde(rename = "isPromote")]
    is_promote: bool,
}

/// Writes a change for the log, to be proposed under the request id `id`.
pub(crate) fn encode(id: u64, change: MemberChange) -> ConfChange {
    let node_id = change.id();
    // Structs of strings and numbers always have a JSON form.
    let plain = |member: &Member| serde_json::to_vec(member).unwrap_or_default();
    let (kind, context) = match change {
        MemberChange::Add(member) if member.is_learner => {
            (ConfChangeType::ConfChangeAddLearnerNode, plain(&member))
        }
        MemberChange::Add(member) => (ConfChangeType::ConfChangeAddNode, plain(&member)),
        MemberChange::Promote(id) => {
            let context = Context { member: Member { id, ..Member::default() }, is_promote: true };
            (ConfChangeType::ConfChangeAddNode, serde_json::to_vec(&context).unwrap_or_default())
        }
        MemberChange::Update { id, peer_urls } => {
            let member = Member { id, peer_urls, ..Member::default() };
            (ConfChangeType::ConfChangeUpdateNode, plain(&member))
        }
        MemberChange::Remove(_) => (ConfChangeType::ConfChangeRemoveNode, Vec::new()),
    };
    ConfChange {
        id: Some(id),
        r#type: Some(kind.into()),
        node_id: Some(node_id),
        context: Some(context).filter(|context| !context.is_empty()).map(Into::into),
    }
}

/// Reads the change that an entry holds.
///
/// # Errors
/// When it holds none.
pub(crate) fn decode(entry: &Entry) -> Result<(ConfChange, MemberChange), String> {
    let named = |error: String| format!("log entry {} is no configuration change: {error}", entry.index());
    let raft =
        ConfChange::decode(entry.data.clone().unwrap_or_default()).map_err(|e| named(e.to_string()))?;
    let id = raft.node_id();
    if raft.r#type() == ConfChangeType::ConfChangeRemoveNode {
        return Ok((raft, MemberChange::Remove(id)));
    }
    let Context { member, is_promote } =
        serde_json::from_slice(raft.context()).map_err(|e| named(e.to_string()))?;
    if member.id != id {
        return Err(named(format!("it names member {id:x} and member {:x}", member.id)));
    }
    let change = match raft.r#type() {
        ConfChangeType::ConfChangeUpdateNode => MemberChange::Update { id, peer_urls: member.peer_urls },
        _ if is_promote => MemberChange::Promote(id),
        _ => MemberChange::Add(member),
    };
    Ok((raft, change))
}

/// Judges the change that a committed entry holds, and has raft carry it out if it may be.
///
/// # Errors
/// When the entry does not hold one; the log is damaged then.
pub(crate) fn decide(
    entry: &Entry,
    roster: &Roster,
    max_learners: usize,
    node: &mut Node,
) -> Result<Decided, String> {
    let (mut raft, change) = decode(entry)?;
    let mut verdict = roster.check(&change, max_learners);
    if verdict.is_err() {
        raft.node_id = None;
    }
    let conf_state = match node.apply_conf_change(&raft) {
        Ok(state) => state,
        Err(NodeError::ConfChangeRefused(_)) => {
            verdict = Err(MemberRefusal::LastVoter);
            node.conf_state()
        }
        Err(error) => return Err(error.to_string()),
    };
    let verdict = verdict.map(|()| change);
    match &verdict {
        Ok(change) => tracing::info!(member = format!("{:x}", change.id()), ?change, "members changed"),
        Err(refusal) => {
            tracing::error!(error = %refusal, index = entry.index(), "refused a configuration change");
        }
    }
    Ok(Decided { id: raft.id(), verdict, conf_state: encode_state(&conf_state) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(change: &ConfChange) -> Entry {
        Entry { index: Some(9), data: Some(change.encode_to_vec().into()), ..Entry::default() }
    }

    #[test]
    fn changes_are_written_as_etcd_does() -> Result<(), String> {
        let member = Member { id: 7, peer_urls: vec!["http://a:1".into()], ..Member::default() };
        let learner = Member { is_learner: true, ..member.clone() };
        let update = MemberChange::Update { id: 7, peer_urls: member.peer_urls.clone() };
        let changes = [
            (
                MemberChange::Add(member),
                ConfChangeType::ConfChangeAddNode,
                r#"{"id":7,"peerURLs":["http://a:1"]}"#,
            ),
            (
                MemberChange::Add(learner),
                ConfChangeType::ConfChangeAddLearnerNode,
                r#"{"id":7,"peerURLs":["http://a:1"],"isLearner":true}"#,
            ),
            (
                MemberChange::Promote(7),
                ConfChangeType::ConfChangeAddNode,
                r#"{"id":7,"peerURLs":[],"isPromote":true}"#,
            ),
            (update, ConfChangeType::ConfChangeUpdateNode, r#"{"id":7,"peerURLs":["http://a:1"]}"#),
            (MemberChange::Remove(7), ConfChangeType::ConfChangeRemoveNode, ""),
        ];
        for (change, kind, context) in changes {
            let raft = encode(5, change.clone());
            assert_eq!((raft.id(), raft.node_id(), raft.r#type()), (5, 7, kind));
            assert_eq!(String::from_utf8_lossy(raft.context()), context);
            assert_eq!(decode(&entry(&raft))?.1, change);
        }
        Ok(())
    }

    #[test]
    fn changes_of_a_go_member_and_broken_ones_are_told_apart() {
        let of = |node_id, context: &'static str| ConfChange {
            node_id: Some(node_id),
            context: Some(context.into()),
            ..ConfChange::default()
        };
        // Go writes null for a list that is not there.
        let promote = of(7, r#"{"id":7,"peerURLs":null,"isPromote":true}"#);
        assert_eq!(decode(&entry(&promote)).map(|(_, change)| change), Ok(MemberChange::Promote(7)));
        assert!(decode(&entry(&of(7, r#"{"id":8,"peerURLs":[]}"#))).is_err());
        assert!(decode(&entry(&of(7, "{"))).is_err());
    }
}
