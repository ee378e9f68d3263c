//! A leader that is removed, and a sole voter with a learner: what the simulation found.

use oxetcd_consensus::node::Role;
use oxetcd_consensus::raftpb::{
    ConfChange, ConfChangeType, ConfState, Entry, EntryType, Message, MessageType, Snapshot, SnapshotMetadata,
};
use oxetcd_consensus::{Node, NodeConfig, NodeError, RestoredLog};
use prost::Message as _;

use crate::support::*;

fn log(members: ConfState) -> RestoredLog {
    RestoredLog {
        hard_state: state(1, 1),
        entries: vec![entry(1, 1)],
        conf_state: members,
        ..RestoredLog::default()
    }
}

fn started(log: RestoredLog) -> Node {
    Node::new(&NodeConfig { applied: 1, ..NodeConfig::new(1) }, log).unwrap()
}

/// Does what there is to do, with membership changes, and returns all messages.
fn drain(node: &mut Node) -> Vec<Message> {
    let mut sent = Vec::new();
    while let Some(ready) = node.ready() {
        sent.extend(ready.messages);
        sent.extend(ready.persisted_messages);
        node.persisted(ready.number);
        for entry in ready.committed {
            if entry.r#type() == EntryType::EntryConfChange {
                node.apply_conf_change(&ConfChange::decode(entry.data()).unwrap()).unwrap();
            }
            node.applied_to(entry.index());
        }
    }
    sent
}

fn answer(node: &mut Node, kind: MessageType, index: u64) {
    let term = node.status().term;
    node.step(Message { index: Some(index), ..message(kind, 2, term) }).unwrap();
}

/// Member 1 of two, elected; its first entry is at `index`.
fn elected(log: RestoredLog, index: u64) -> Node {
    let mut node = started(log);
    node.campaign().unwrap();
    drain(&mut node);
    // Pre-vote answers come from the term that was asked about.
    node.step(message(MessageType::MsgPreVoteResp, 2, 2)).unwrap();
    drain(&mut node);
    answer(&mut node, MessageType::MsgVoteResp, 0);
    drain(&mut node);
    assert_eq!((node.status().role, node.status().last_index), (Role::Leader, index));
    node
}

fn leader_of_two() -> Node {
    let mut node = elected(log(voters(&[1, 2])), 2);
    answer(&mut node, MessageType::MsgAppResp, 2);
    drain(&mut node);
    assert_eq!(node.status().commit, 2);
    node
}

fn entry_that_removes() -> Entry {
    Entry {
        r#type: Some(EntryType::EntryConfChange.into()),
        data: Some(removal_of_self().encode_to_vec().into()),
        ..Entry::default()
    }
}

fn removal_of_self() -> ConfChange {
    ConfChange {
        r#type: Some(ConfChangeType::ConfChangeRemoveNode.into()),
        node_id: Some(1),
        ..ConfChange::default()
    }
}

#[test]
fn a_leader_that_removes_itself_leads_on_until_another_can() {
    let mut node = leader_of_two();
    // The proposal in front of the removal is on its way to the other when that is committed.
    node.propose(vec![bytes("before it")]).unwrap();
    assert!(node.takes_proposals());
    node.propose_conf_change(&removal_of_self()).unwrap();
    assert!(!node.takes_proposals());
    assert_eq!(node.propose(vec![bytes("behind it")]), Err(NodeError::ProposalDropped));
    let forwarded = Message { term: None, entries: vec![entry(0, 0)], ..message(MessageType::MsgProp, 2, 0) };
    assert_eq!(node.step(forwarded), Err(NodeError::ProposalDropped));
    drain(&mut node);
    answer(&mut node, MessageType::MsgAppResp, 4);
    let told = drain(&mut node);
    assert_eq!(node.conf_state().voters, [2]);
    assert!(told.iter().any(|message| message.commit() == 4), "the other hears of the removal: {told:?}");
    assert!(!node.takes_proposals());
    // Found by the simulation: the one voter left is not this one, so what it knows may be old.
    assert_eq!(node.read_index(1), Err(NodeError::NoLeader));
    node.step(Message { term: None, entries: vec![entry(0, 0)], ..message(MessageType::MsgReadIndex, 2, 0) })
        .unwrap();
    assert_eq!(node.ready(), None);
    for _ in 0..50 {
        node.tick();
        let kinds: Vec<_> = drain(&mut node).iter().map(|message| message.r#type()).collect();
        assert_eq!(kinds, [MessageType::MsgHeartbeat, MessageType::MsgTimeoutNow]);
    }
    // The heir stands for election, and this member gives it its vote.
    let request = Message { index: Some(4), log_term: Some(2), ..message(MessageType::MsgVote, 2, 3) };
    node.step(Message { context: Some(bytes("CampaignTransfer")), ..request }).unwrap();
    let sent = drain(&mut node);
    assert!(sent.iter().any(|sent| sent.r#type() == MessageType::MsgVoteResp && !sent.reject()), "{sent:?}");
    assert_eq!(node.status().role, Role::Follower);
    assert!(node.campaign().is_err());
}

#[test]
fn a_removed_leader_passes_on_what_came_behind_its_removal() {
    let mut node = leader_of_two();
    // Entries of one message stay together, so there may be some behind a removal all the same.
    let both = vec![entry_that_removes(), entry(0, 0)];
    node.step(Message { term: None, entries: both, ..message(MessageType::MsgProp, 2, 0) }).unwrap();
    drain(&mut node);
    answer(&mut node, MessageType::MsgAppResp, 3);
    let told = drain(&mut node);
    assert_eq!((node.conf_state().voters, node.status().commit), (vec![2], 3));
    assert!(told.iter().any(|message| message.commit() == 3), "{told:?}");
    // A confirmation of what is behind it commits nothing. The other gets it and can take over.
    node.tick();
    let kinds: Vec<_> = drain(&mut node).iter().map(|message| message.r#type()).collect();
    assert_eq!(kinds, [MessageType::MsgHeartbeat]);
    answer(&mut node, MessageType::MsgAppResp, 4);
    drain(&mut node);
    node.tick();
    let kinds: Vec<_> = drain(&mut node).iter().map(|message| message.r#type()).collect();
    assert_eq!(kinds, [MessageType::MsgHeartbeat, MessageType::MsgTimeoutNow]);
    assert_eq!(node.status().commit, 3);
    assert_eq!(node.status().role, Role::Leader);
}

/// The removal was proposed under another leader, so this one does not know what it is about.
#[test]
fn entries_behind_the_removal_may_come_to_the_disk_after_it() {
    let removal = Entry { term: Some(1), index: Some(2), ..entry_that_removes() };
    let mut node = elected(RestoredLog { entries: vec![entry(1, 1), removal], ..log(voters(&[1, 2])) }, 3);
    node.propose(vec![bytes("behind it")]).unwrap();
    let behind = node.ready().unwrap();
    answer(&mut node, MessageType::MsgAppResp, 3);
    let committed = node.ready().unwrap();
    assert_eq!(committed.committed.len(), 2);
    node.apply_conf_change(&removal_of_self()).unwrap();
    node.applied_to(3);
    node.persisted(behind.number);
    node.persisted(committed.number);
    drain(&mut node);
    assert_eq!((node.status().role, node.status().commit), (Role::Leader, 3));
}

/// Found by the simulation: the disk takes long over a snapshot, and meanwhile the leader falls silent.
#[test]
fn nobody_stands_for_election_before_a_snapshot_is_applied() {
    let mut node = follower(5);
    let metadata = SnapshotMetadata { conf_state: Some(voters(&[1, 2, 3])), index: Some(40), term: Some(2) };
    let snapshot = Some(Snapshot { data: None, metadata: Some(metadata) });
    node.step(Message { snapshot, ..message(MessageType::MsgSnap, 2, 2) }).unwrap();
    let ready = node.ready().unwrap();
    assert!(ready.snapshot.is_some());
    for _ in 0..50 {
        node.tick();
    }
    assert!(node.step(message(MessageType::MsgTimeoutNow, 2, 2)).is_err());
    assert!(node.campaign().is_err());
    node.persisted(ready.number);
    node.applied_to(40);
    node.campaign().unwrap();
}

#[test]
fn a_sole_voter_says_nothing_before_its_vote_is_on_disk() {
    let mut node = started(log(ConfState { learners: vec![2], ..voters(&[1]) }));
    node.campaign().unwrap();
    let ready = node.ready().unwrap();
    assert_eq!(ready.hard_state.map(|state| (state.term(), state.vote())), Some((2, 1)));
    assert!(ready.messages.is_empty(), "{:?}", ready.messages);
    assert!(!ready.persisted_messages.is_empty());
    // Neither does the next one, while the first waits for the disk.
    node.propose(vec![bytes("a")]).unwrap();
    node.tick();
    let next = node.ready().unwrap();
    assert!(next.messages.is_empty() && !next.persisted_messages.is_empty(), "{next:?}");
    // Afterwards a leader does not wait for its disk.
    node.persisted(next.number);
    node.tick();
    assert!(!node.ready().unwrap().messages.is_empty());
}
