//! A node with its log: the order of writing, sending and applying, in one place.
//!
//! A [`Node`] only says what is to be done. The order in which it is done is what makes raft safe (a vote is
//! on disk before it is sent, an entry before it is confirmed), so it is written down once, here, over three
//! traits: [`LogStore`] keeps, [`Transport`] sends, [`StateMachine`] applies. A server's raft thread calls
//! [`Driver::turn`] after each batch of input; a simulator does it for every member of a cluster in turn.

mod log_store;
mod machine;
mod memory_log;
mod transport;

use std::io;

pub use log_store::LogStore;
pub use machine::StateMachine;
pub use memory_log::MemoryLog;
pub use transport::Transport;

use crate::node::{Node, ReadState, SoftState};
use crate::pb::{raftpb, walpb};

/// What happened in a turn, besides writing, sending and applying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The last change of leader or role.
    pub soft_state: Option<SoftState>,
    /// Answers to reads.
    pub read_states: Vec<ReadState>,
}

/// A node and its log.
pub struct Driver<L> {
    /// To be told what happens.
    pub node: Node,
    /// To be asked; written by [`Driver::turn`].
    pub log: L,
}

impl<L: LogStore> Driver<L> {
    /// Does everything that the node wants done, until it has nothing more.
    ///
    /// # Errors
    /// The first failure of log, snapshot or state machine. What is on disk is not known then: the member
    /// has to stop, and neither node nor log may be used again.
    pub fn turn(
        &mut self,
        transport: &mut dyn Transport,
        machine: &mut dyn StateMachine,
    ) -> io::Result<Turn> {
        let mut turn = Turn::default();
        self.node.applied_to(machine.applied());
        while let Some(ready) = self.node.ready() {
            turn.soft_state = ready.soft_state.or(turn.soft_state);
            turn.read_states.extend(ready.read_states);
            transport.send(ready.messages);
            if let Some(snapshot) = &ready.snapshot {
                machine.restore(snapshot)?;
                self.log.save_snapshot(&snapshot_record(snapshot))?;
            }
            self.log.append(&ready.entries, ready.hard_state.as_ref(), ready.must_sync)?;
            transport.send(ready.persisted_messages);
            self.node.persisted(ready.number);
            if !ready.committed.is_empty() {
                machine.apply(ready.committed)?;
            }
            self.node.applied_to(machine.applied());
        }
        Ok(turn)
    }
}

/// The log's record of a snapshot.
pub fn snapshot_record(snapshot: &raftpb::Snapshot) -> walpb::Snapshot {
    let metadata = snapshot.metadata.clone().unwrap_or_default();
    walpb::Snapshot { index: metadata.index, term: metadata.term, conf_state: metadata.conf_state }
}
