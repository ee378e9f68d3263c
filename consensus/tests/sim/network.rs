//! The network: every message takes its own time, so a later one may be earlier; some never come, some come
//! twice, and links can be cut in one direction.

use oxetcd_consensus::NodeError;
use oxetcd_consensus::raftpb::{Message, MessageType};

use crate::random::mix;
use crate::world::{Event, World};

impl World {
    /// Sends what members want sent.
    pub(crate) fn route(&mut self) {
        for message in std::mem::take(&mut self.outbox) {
            let kind = message.r#type() as u64;
            let parts = [message.from(), message.to(), message.term(), message.index(), message.commit()];
            self.trace = parts.into_iter().fold(mix(self.trace, kind), mix);
            if self.cut.contains(&(message.from(), message.to())) || self.random.chance(self.loss()) {
                self.lose(&message);
                continue;
            }
            // A snapshot goes over a connection of its own.
            let snapshot = message.r#type() == MessageType::MsgSnap;
            if !snapshot && self.random.chance(self.plan.duplication) {
                let delay = self.latency();
                self.after(delay, Event::Deliver(Box::new(message.clone())));
            }
            let mut delay = self.latency();
            if (self.plan.ordered || self.healed) && !snapshot {
                let last = self.arrivals.entry((message.from(), message.to())).or_default();
                delay = delay.max(last.saturating_sub(self.now));
                *last = self.now + delay;
            }
            self.after(delay, Event::Deliver(Box::new(message)));
        }
    }

    fn loss(&self) -> u64 {
        if self.healed { 0 } else { self.plan.loss }
    }

    fn latency(&mut self) -> u64 {
        let (low, high) = if self.healed { (1, 5) } else { self.plan.latency };
        self.random.between(low, high)
    }

    /// A message does not arrive. Its sender may hear of that.
    fn lose(&mut self, message: &Message) {
        let (id, to) = (message.from(), message.to());
        let Some(member) = self.members.get_mut(&id) else { return };
        let life = member.life;
        if message.r#type() == MessageType::MsgSnap {
            let delay = self.latency();
            self.after(delay, Event::SnapshotSent { id, life, to, arrived: false });
        } else if self.random.chance(300)
            && let Some(process) = self.members.get_mut(&id).and_then(|member| member.process.as_mut())
        {
            process.node.report_unreachable(to);
        }
    }

    pub(crate) fn deliver(&mut self, message: Message) -> Result<(), String> {
        let (from, to) = (message.from(), message.to());
        let up = self.members.get(&to).is_some_and(|member| member.process.is_some());
        if !up || self.cut.contains(&(from, to)) {
            self.lose(&message);
            return Ok(());
        }
        if message.r#type() == MessageType::MsgSnap
            && let Some(life) = self.members.get(&from).map(|member| member.life)
        {
            let delay = self.latency();
            self.after(delay, Event::SnapshotSent { id: from, life, to, arrived: true });
        }
        // Whoever passes on that leadership is wanted elsewhere does not know that it is there already.
        let transfer = message.r#type() == MessageType::MsgTransferLeader;
        let mut answer = Ok(());
        self.tell(to, |node| answer = node.step(message))?;
        match answer {
            // Members are honest here, so what the node takes for nonsense is somebody's mistake.
            Err(NodeError::BadMessage(what)) if !transfer && !harmless(what) => {
                Err(format!("{to} gets a message from {from} {what}"))
            }
            _ => Ok(()),
        }
    }
}

/// Messages that come late may be refused for what has happened since.
fn harmless(what: &str) -> bool {
    what == "for the leader" || what == "that answers no question"
}
