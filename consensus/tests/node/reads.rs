//! Linearizable reads.

use oxetcd_consensus::driver::{Driver, MemoryLog};
use oxetcd_consensus::node::{ReadState, bootstrap};
use oxetcd_consensus::raftpb::MessageType;
use oxetcd_consensus::{Node, NodeConfig, NodeError};

use crate::machine::Machine;
use crate::support::*;

#[test]
fn a_leader_answers_once_it_has_committed_an_entry_of_its_term() {
    let first = bootstrap(&[(1, bytes("me"))]);
    let node = Node::new(&NodeConfig::new(1), first.clone()).unwrap();
    let mut driver = Driver { node, log: MemoryLog::new(first) };
    let mut machine = Machine::default();
    settle(&mut driver, &mut Outbox::default(), &mut machine).unwrap();
    assert_eq!(driver.node.read_index(1), Err(NodeError::NoLeader));
    driver.node.campaign().unwrap();
    assert_eq!(driver.node.read_index(1), Err(NodeError::NotReady));
    settle(&mut driver, &mut Outbox::default(), &mut machine).unwrap();
    driver.node.read_index(1).unwrap();
    driver.node.propose(vec![bytes("a"), bytes("b")]).unwrap();
    let turn = settle(&mut driver, &mut Outbox::default(), &mut machine).unwrap();
    assert_eq!(turn.read_states, [ReadState { id: 1, index: 2 }]);
    driver.node.read_index(2).unwrap();
    let turn = settle(&mut driver, &mut Outbox::default(), &mut machine).unwrap();
    assert_eq!(turn.read_states, [ReadState { id: 2, index: 4 }]);
}

/// Regression of the reference's #20418: the answer to an earlier read was taken for that of a later one with
/// the same context, and was stale.
#[test]
fn issue_20418_an_id_is_used_once() {
    let mut node = follower(3);
    let mut heartbeat = message(MessageType::MsgHeartbeat, 2, 1);
    heartbeat.commit = Some(3);
    node.step(heartbeat).unwrap();
    node.read_index(7).unwrap();
    assert_eq!(node.read_index(7), Err(NodeError::ReadIdReused));
    assert_eq!(node.read_index(6), Err(NodeError::ReadIdReused));
    node.read_index(8).unwrap();
}

#[test]
fn a_follower_asks_its_leader_as_the_reference_does() {
    let mut node = follower(3);
    assert_eq!(node.read_index(1), Err(NodeError::NoLeader));
    let mut heartbeat = message(MessageType::MsgHeartbeat, 2, 1);
    heartbeat.context = Some(bytes("8 bytes!"));
    node.step(heartbeat).unwrap();
    node.read_index(0x0102_0304_0506_0708).unwrap();
    let ready = node.ready().unwrap();
    let sent: Vec<_> = ready.messages.into_iter().chain(ready.persisted_messages).collect();
    let echo = sent.iter().find(|message| message.r#type() == MessageType::MsgHeartbeatResp).unwrap();
    assert_eq!(echo.context(), b"8 bytes!", "a leader of the reference counts on every byte");
    let asked = sent.iter().find(|message| message.r#type() == MessageType::MsgReadIndex).unwrap();
    assert_eq!((asked.to(), asked.term, asked.entries.len()), (2, None, 1));
    assert_eq!(asked.entries[0].data(), [1, 2, 3, 4, 5, 6, 7, 8]);
    node.persisted(ready.number);

    let mut answer = message(MessageType::MsgReadIndexResp, 2, 1);
    answer.index = Some(3);
    answer.entries.clone_from(&asked.entries);
    node.step(answer).unwrap();
    let ready = node.ready().unwrap();
    assert_eq!(ready.read_states, [ReadState { id: 0x0102_0304_0506_0708, index: 3 }]);
}
