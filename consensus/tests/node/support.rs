//! What the tests share.

use bytes::Bytes;
use oxetcd_consensus::driver::{Driver, LogStore, Turn};
use oxetcd_consensus::raftpb::{ConfState, Entry, HardState, Message, MessageType};
use oxetcd_consensus::{Node, NodeConfig, RestoredLog, Transport};

use crate::machine::Machine;

/// Keeps messages until somebody takes them.
#[derive(Default)]
pub(crate) struct Outbox(pub(crate) Vec<Message>);

impl Transport for Outbox {
    fn send(&mut self, messages: Vec<Message>) {
        self.0.extend(messages);
    }
}

/// Turns, with membership changes applied as they come, until nothing is left.
pub(crate) fn settle<L: LogStore>(
    driver: &mut Driver<L>,
    outbox: &mut Outbox,
    machine: &mut Machine,
) -> std::io::Result<Turn> {
    let mut all = Turn::default();
    loop {
        let turn = driver.turn(outbox, machine)?;
        all.soft_state = turn.soft_state.or(all.soft_state);
        all.read_states.extend(turn.read_states);
        while let Some(change) = machine.change() {
            driver.node.apply_conf_change(&change).unwrap();
            machine.change_done();
        }
        driver.node.applied_to(machine.applied);
        if !driver.node.has_ready() {
            return Ok(all);
        }
    }
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn entry(term: u64, index: u64) -> Entry {
    Entry { r#type: None, term: Some(term), index: Some(index), data: Some(bytes("x")) }
}

pub(crate) fn state(term: u64, commit: u64) -> HardState {
    HardState { term: Some(term), vote: Some(0), commit: Some(commit) }
}

pub(crate) fn voters(ids: &[u64]) -> ConfState {
    ConfState { voters: ids.to_vec(), auto_leave: Some(false), ..ConfState::default() }
}

pub(crate) fn message(kind: MessageType, from: u64, term: u64) -> Message {
    Message {
        r#type: Some(kind.into()),
        to: Some(1),
        from: Some(from),
        term: Some(term),
        ..Message::default()
    }
}

/// Member 1 of three, a follower with entries 1 to `last` of term 1, all committed and applied.
pub(crate) fn follower(last: u64) -> Node {
    let log = RestoredLog {
        hard_state: state(1, last),
        entries: (1..=last).map(|index| entry(1, index)).collect(),
        conf_state: voters(&[1, 2, 3]),
        ..RestoredLog::default()
    };
    Node::new(&NodeConfig { applied: last, ..NodeConfig::new(1) }, log).unwrap()
}
