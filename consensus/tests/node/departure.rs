//! A leader that is removed, and a sole voter with a learner: what the simulation found.

use oxetcd_consensus::node::Role;
use oxetcd_consensus::raftpb::{ConfChange, ConfChangeType, ConfState, EntryType, Message, MessageType};
use oxetcd_consensus::{Node, NodeConfig, Ready, RestoredLog};
use prost::Message as _;

use crate::support::*;

fn started(members: ConfState) -> Node {
    let log = RestoredLog {
        hard_state: state(1, 1),
        entries: vec![entry(1, 1)],
        conf_state: members,
        ..RestoredLog::default()
    };
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

/// Member 1 of two, elected.
fn leader_of_two() -> Node {
    let mut node = started(voters(&[1, 2]));
    node.campaign().unwrap();
    drain(&mut node);
    // Pre-vote answers come from the term that was asked about.
    node.step(message(MessageType::MsgPreVoteResp, 2, 2)).unwrap();
    drain(&mut node);
    answer(&mut node, MessageType::MsgVoteResp, 0);
    drain(&mut node);
    answer(&mut node, MessageType::MsgAppResp, 2);
    drain(&mut node);
    assert_eq!((node.status().role, node.status().commit), (Role::Leader, 2));
    node
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
    node.propose_conf_change(&removal_of_self()).unwrap();
    node.propose(vec![bytes("behind it")]).unwrap();
    drain(&mut node);
    answer(&mut node, MessageType::MsgAppResp, 3);
    let told = drain(&mut node);
    assert_eq!(node.conf_state().voters, [2]);
    assert!(told.iter().any(|message| message.commit() == 3), "the other hears of the removal: {told:?}");
    // Nothing more is committed or taken, but what is there goes out until the other has it.
    assert!(node.propose(vec![bytes("too late")]).is_err());
    node.tick();
    let kinds: Vec<_> = drain(&mut node).iter().map(|message| message.r#type()).collect();
    assert_eq!(kinds, [MessageType::MsgHeartbeat], "the other lacks an entry");
    answer(&mut node, MessageType::MsgAppResp, 4);
    drain(&mut node);
    assert_eq!(node.status().commit, 3);
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
fn a_leader_may_be_removed_while_it_writes() {
    let mut node = leader_of_two();
    node.propose_conf_change(&removal_of_self()).unwrap();
    let removal = node.ready().unwrap();
    node.persisted(removal.number);
    node.propose(vec![bytes("behind it")]).unwrap();
    let behind: Ready = node.ready().unwrap();
    answer(&mut node, MessageType::MsgAppResp, 3);
    let committed = node.ready().unwrap();
    assert_eq!(committed.committed.len(), 1);
    node.apply_conf_change(&removal_of_self()).unwrap();
    node.applied_to(3);
    // The disk comes to the entry behind the removal only now.
    node.persisted(behind.number);
    node.persisted(committed.number);
    drain(&mut node);
    assert_eq!(node.status().role, Role::Leader);
}

#[test]
fn a_sole_voter_says_nothing_before_its_vote_is_on_disk() {
    let mut node = started(ConfState { learners: vec![2], ..voters(&[1]) });
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
