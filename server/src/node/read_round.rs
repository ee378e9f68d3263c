//! Linearizable reads: one question to the cluster for all that wait.
//!
//! A read is linearizable once the state machine has applied everything that was committed when the read came
//! in. Which index that is, the leader knows, provided that it still leads: it asks a majority (ReadIndex). One
//! such round is under way at a time; reads that come meanwhile are the next round. A round that is not answered
//! is asked again under a new id, because the algorithm keys its answers on the id, and an old id asked twice
//! could be answered by what was collected the first time.

use oxetcd_consensus::{Node, NodeError, node::ReadState};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A round that is not answered for this long is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// Reads that wait for an index.
#[derive(Default)]
pub(crate) struct ReadRound {
    waiting: Vec<oneshot::Sender<()>>,
    round: Option<Round>,
    last_id: u64,
}

struct Round {
    /// The first id under which it was asked; any answer from then on will do.
    first_id: u64,
    began: Instant,
    /// When it was last asked; `None` if the node did not take the question.
    asked: Option<Instant>,
    waiters: Vec<oneshot::Sender<()>>,
}

impl ReadRound {
    /// Ids of rounds begin after `start`, which has to differ between runs of a member: an answer to one that
    /// died must not be taken for an answer to this one.
    pub(crate) fn new(start: u64) -> Self {
        ReadRound { last_id: start, ..ReadRound::default() }
    }

    /// One more read.
    pub(crate) fn add(&mut self, waiter: oneshot::Sender<()>) {
        self.waiting.push(waiter);
    }

    /// Whether no read waits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.round.is_none()
    }

    /// Takes all reads out, when they may go on without a question.
    pub(crate) fn drain(&mut self) -> Vec<oneshot::Sender<()>> {
        let mut all = std::mem::take(&mut self.waiting);
        all.extend(self.round.take().into_iter().flat_map(|round| round.waiters));
        all
    }

    /// Asks, if somebody waits and no question is open; `again` repeats an open one. Answers with whether the
    /// open one had gone without an answer for too long.
    ///
    /// # Errors
    /// Those of [`Node::read_index`] that are not passing.
    pub(crate) fn ask(&mut self, node: &mut Node, again: bool) -> Result<bool, NodeError> {
        let mut late = false;
        if let Some(round) = &mut self.round {
            late = round.asked.is_some_and(|asked| asked.elapsed() >= RETRY);
            if !again && !late && round.asked.is_some() {
                return Ok(false);
            }
            round.waiters.retain(|waiter| !waiter.is_closed());
        } else {
            self.waiting.retain(|waiter| !waiter.is_closed());
            if self.waiting.is_empty() {
                return Ok(false);
            }
            let waiters = std::mem::take(&mut self.waiting);
            let first_id = self.last_id + 1;
            self.round = Some(Round { first_id, began: Instant::now(), asked: None, waiters });
        }
        self.last_id += 1;
        let asked = match node.read_index(self.last_id) {
            Ok(()) => Some(Instant::now()),
            // Asked again with the next event, which may be the leader's first entry.
            Err(NodeError::NoLeader | NodeError::NotReady) => None,
            Err(error) => return Err(error),
        };
        if let Some(round) = &mut self.round {
            round.asked = asked;
        }
        Ok(late)
    }

    /// Whether reads wait for a question that can be asked now.
    pub(crate) fn unasked(&self) -> bool {
        self.round.is_none() && !self.waiting.is_empty()
    }

    /// Lets go of reads whose round has had no answer for `timeout`; `true` when there were some.
    pub(crate) fn expire(&mut self, timeout: Duration) -> bool {
        self.round.take_if(|round| round.began.elapsed() >= timeout).is_some()
    }

    /// Takes an answer: the index, and who may read once that is applied.
    pub(crate) fn answered(&mut self, state: ReadState) -> Option<(u64, Vec<oneshot::Sender<()>>)> {
        let round = self.round.take_if(|round| state.id >= round.first_id && state.id <= self.last_id)?;
        Some((state.index, round.waiters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_consensus::{
        NodeConfig, RestoredLog,
        raftpb::{ConfState, Message, MessageType},
    };

    #[test]
    fn a_question_that_nobody_could_answer_is_asked_when_somebody_can() {
        let voters = ConfState { voters: vec![1, 2, 3], ..ConfState::default() };
        let log = RestoredLog { conf_state: voters, ..RestoredLog::default() };
        let mut node = Node::new(&NodeConfig::new(1), log).unwrap();
        let mut reads = ReadRound::new(0);
        let (waiter, _waits) = oneshot::channel();
        reads.add(waiter);
        reads.ask(&mut node, false).unwrap();
        let heartbeat = Message {
            r#type: Some(MessageType::MsgHeartbeat.into()),
            from: Some(2),
            to: Some(1),
            term: Some(1),
            ..Message::default()
        };
        node.step(heartbeat).unwrap();
        reads.ask(&mut node, false).unwrap();
        let ready = node.ready().unwrap();
        let sent = ready.messages.iter().chain(&ready.persisted_messages);
        assert!(sent.into_iter().any(|message| message.r#type() == MessageType::MsgReadIndex));
    }
}
