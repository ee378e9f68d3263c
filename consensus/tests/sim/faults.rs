//! What goes wrong, and what an operator does meanwhile.

use oxetcd_consensus::disk::Fault;
use oxetcd_consensus::node::Role;
use oxetcd_consensus::raftpb::{ConfChange, ConfChangeType, ConfState};

use crate::counts::Seen;
use crate::member::Member;
use crate::plan::TICK;
use crate::world::{Event, World};

/// Most members, so that clusters do not grow without end.
const MOST_MEMBERS: usize = 7;

impl World {
    /// The next fault, if the run is not over.
    pub(crate) fn fault(&mut self) -> Result<(), String> {
        if self.healed {
            return Ok(());
        }
        let delay = self.random.between(1, 2 * self.plan.fault_every);
        self.after(delay, Event::Fault);
        let total: u64 = self.plan.weights.iter().sum();
        let mut at = self.random.below(total);
        let kind = self.plan.weights.iter().position(|&weight| {
            let found = at < weight;
            at = at.saturating_sub(weight);
            found
        });
        let (up, all) = (self.up(), self.members.keys().copied().collect::<Vec<_>>());
        let (Some(kind), Some(id), Some(any)) = (kind, self.random.pick(&up), self.random.pick(&all)) else {
            return Ok(());
        };
        if self.verbose {
            eprintln!("  fault {kind} for {id} ({any})");
        }
        match kind {
            0 => self.crash(id),
            1 => self.break_disk(id),
            2 => up.into_iter().for_each(|id| self.crash(id)),
            3 => self.partition(any),
            4 => self.pause(any),
            5 => self.skew(any),
            6 => return self.tell(id, |node| node.transfer_leader(any)),
            // Most operators find the leader.
            _ => {
                let leader = self.leader().filter(|_| self.random.chance(700));
                return self.change_members(leader.unwrap_or(id), any);
            }
        }
        Ok(())
    }

    /// One of the next operations of the disk fails, and the power with it.
    fn break_disk(&mut self, id: u64) {
        let fault = match self.random.below(2) {
            0 => Fault::Error(std::io::ErrorKind::Other),
            _ => Fault::ShortWrite(self.random.below(3000) as usize),
        };
        let skip = self.random.below(12);
        if let Some(member) = self.members.get_mut(&id) {
            member.disk.fail_after(skip, fault);
            member.disk_may_fail = true;
        }
    }

    /// Cuts links around a member, or between it with some others and the rest; both ways or one.
    fn partition(&mut self, id: u64) {
        let random = &mut self.random;
        let shape = random.below(5);
        let side: Vec<u64> = match shape {
            0 | 1 => vec![id],
            _ => self.members.keys().copied().filter(|_| random.chance(500)).collect(),
        };
        let (out, back) = match random.below(4) {
            0 => (true, false),
            1 => (false, true),
            _ => (true, true),
        };
        let all: Vec<u64> = self.members.keys().copied().collect();
        for &inside in &side {
            for &outside in all.iter().filter(|id| !side.contains(id)) {
                // Sometimes the cut has holes.
                if shape == 4 && self.random.chance(300) {
                    continue;
                }
                if out {
                    self.cut.insert((inside, outside));
                }
                if back {
                    self.cut.insert((outside, inside));
                }
            }
        }
        self.oracle.counts.see(Seen::Partition);
        let time = self.random.between(TICK, 25 * TICK);
        self.after(time, Event::Heal);
    }

    /// A member's process gets no time for a while.
    fn pause(&mut self, id: u64) {
        let until = self.now + self.random.between(TICK, 20 * TICK);
        if let Some(member) = self.members.get_mut(&id) {
            member.busy_until = until;
        }
    }

    /// A member's clock goes wrong.
    fn skew(&mut self, id: u64) {
        let drift = self.plan.drift;
        let time = self.random.between(TICK - drift, TICK + drift);
        if let Some(member) = self.members.get_mut(&id) {
            member.tick_time = time;
        }
    }

    /// Somebody asks member `id` to add a member or a learner, or to promote or remove `any`.
    fn change_members(&mut self, id: u64, any: u64) -> Result<(), String> {
        let few = self.members.len() < MOST_MEMBERS;
        let new = self.next_id;
        let (kind, node_id) = match self.random.below(6) {
            0 if few => (ConfChangeType::ConfChangeAddNode, new),
            1 | 2 if few => (ConfChangeType::ConfChangeAddLearnerNode, new),
            3 => (ConfChangeType::ConfChangeAddNode, any),
            4 | 5 => (ConfChangeType::ConfChangeRemoveNode, any),
            _ => (ConfChangeType::ConfChangeUpdateNode, any),
        };
        // Who was removed does not come back under the same id.
        let known = self.members.get(&id).and_then(|member| member.process.as_ref());
        let known = known.map(|process| process.store.members.clone()).unwrap_or_default();
        if node_id != new && !belongs(&known, node_id) {
            return Ok(());
        }
        self.next_id += u64::from(node_id == new);
        let change = ConfChange { r#type: Some(kind.into()), node_id: Some(node_id), ..Default::default() };
        self.tell(id, |node| {
            // There may be no leader, or another change under way.
            let _ = node.propose_conf_change(&change);
        })
    }

    /// Starts members that the log has added, and stops those that it has removed.
    ///
    /// A member that was removed goes once most of those who stay know that it was, and cannot forget it: before,
    /// they may need its vote. (A server of the reference waits for a second, and hopes.)
    pub(crate) fn operate(&mut self) -> Result<(), String> {
        let processes = self.members.values().filter_map(|member| member.process.as_ref());
        let newest = processes.max_by_key(|process| process.store.index);
        let Some(members) = newest.map(|process| process.store.members.clone()) else { return Ok(()) };
        for &id in members.voters.iter().chain(&members.learners) {
            if !self.members.contains_key(&id) && !self.gone.contains(&id) {
                self.members.insert(id, Member::new(id, &self.plan)?);
                let delay = self.random.between(1, 5 * TICK);
                self.after(delay, Event::Start { id });
            }
        }
        let removed = |id: &u64| !belongs(&members, *id) && known_to_most(self, &members.voters, *id);
        let removed: Vec<u64> = self.members.keys().copied().filter(removed).collect();
        for id in removed {
            self.members.remove(&id);
            self.gone.insert(id);
        }
        Ok(())
    }

    /// The member that leads in the highest term.
    pub(crate) fn leader(&self) -> Option<u64> {
        let status = |member: &Member| Some(member.process.as_ref()?.node.status());
        let leads = self.members.values().filter_map(status).filter(|status| status.role == Role::Leader);
        leads.max_by_key(|status| status.term).map(|status| status.id)
    }
}

fn belongs(members: &ConfState, id: u64) -> bool {
    members.voters.contains(&id) || members.learners.contains(&id)
}

/// Whether most voters know, for good, that a member was removed: it was there once, for them, and is no more.
fn known_to_most(world: &World, voters: &[u64], id: u64) -> bool {
    let knows = |voter: &&u64| {
        let engine = world.members.get(voter).map(|member| &member.engine);
        engine.is_some_and(|engine| engine.highest_id >= id && !belongs(&engine.members, id))
    };
    voters.iter().filter(knows).count() > voters.len() / 2
}
