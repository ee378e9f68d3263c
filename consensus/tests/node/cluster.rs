//! Three members on a network that loses, doubles and reorders messages, and disks that lose what was not
//! synced; everything drawn from a seed.
//!
//! Checked all the time: members apply the same payloads at the same indexes, and none that was never
//! proposed. In the end, with a network that works, everybody has everything that anybody had.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use oxetcd_consensus::driver::{Driver, LogStore, MemoryLog};
use oxetcd_consensus::node::{Role, bootstrap};
use oxetcd_consensus::raftpb::{ConfChange, ConfChangeType, Entry, HardState, Message, MessageType};
use oxetcd_consensus::{Node, NodeConfig, RestoredLog, walpb};
use proptest::prelude::*;

use crate::machine::Machine;
use crate::support::*;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// A log on a machine whose power fails at the next write, when it is told to.
struct Log {
    memory: MemoryLog,
    cut: bool,
}

impl LogStore for Log {
    fn append(&mut self, entries: &[Entry], state: Option<&HardState>, sync: bool) -> io::Result<()> {
        if self.cut {
            return Err(io::Error::other("no power"));
        }
        self.memory.append(entries, state, sync)
    }

    fn save_snapshot(&mut self, record: &walpb::Snapshot) -> io::Result<()> {
        self.memory.save_snapshot(record)
    }
}

struct Member {
    driver: Driver<Log>,
    machine: Machine,
    /// Index up to which the machine agrees with the history.
    checked: u64,
}

impl Member {
    fn new(id: u64, log: RestoredLog) -> Member {
        let node = Node::new(&config(id, 0), log.clone()).unwrap();
        let log = Log { memory: MemoryLog::new(log), cut: false };
        Member { driver: Driver { node, log }, machine: Machine::default(), checked: 0 }
    }
}

struct Cluster {
    members: BTreeMap<u64, Member>,
    network: Vec<Message>,
    /// What was applied at an index by the first who did.
    history: BTreeMap<u64, Bytes>,
    random: Random,
    proposed: u64,
    snapshots: usize,
}

fn config(id: u64, applied: u64) -> NodeConfig {
    NodeConfig { applied, fixed_election_ticks: Some(10 + 3 * id as usize), ..NodeConfig::new(id) }
}

impl Cluster {
    fn new(seed: u64) -> Cluster {
        let ids = [1, 2, 3];
        let first = bootstrap(&ids.map(|id| (id, bytes("member"))));
        let member = |id| (id, Member::new(id, first.clone()));
        Cluster {
            members: ids.into_iter().map(member).collect(),
            network: Vec::new(),
            history: BTreeMap::new(),
            random: Random(seed),
            proposed: 0,
            snapshots: 0,
        }
    }

    fn settle(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let mut outbox = Outbox::default();
        let done = settle(&mut member.driver, &mut outbox, &mut member.machine);
        self.network.append(&mut outbox.0);
        if done.is_err() {
            return self.restart(id);
        }
        if member.driver.node.snapshot_wanted() {
            let members = member.driver.node.conf_state();
            member.driver.node.offer_snapshot(member.machine.snapshot(members));
        }
        let known = member.machine.payloads.partition_point(|(index, _)| *index <= member.checked);
        for (index, data) in &member.machine.payloads[known..] {
            assert_eq!(self.history.entry(*index).or_insert_with(|| data.clone()), data, "index {index}");
            assert!(u64::from_be_bytes(data[..].try_into().unwrap()) < self.proposed);
        }
        member.checked = member.machine.applied;
    }

    /// Delivers one message, tells the sender of a snapshot how it went, and lets the receiver work.
    fn deliver(&mut self, message: Message) {
        let (to, from) = (message.to(), message.from());
        let is_snapshot = message.r#type() == MessageType::MsgSnap;
        if let Some(receiver) = self.members.get_mut(&to) {
            // A member that restarted may be asked for what it has forgotten; it refuses.
            let _ = receiver.driver.node.step(message);
        }
        if is_snapshot {
            self.snapshots += 1;
            if let Some(sender) = self.members.get_mut(&from) {
                sender.driver.node.report_snapshot(to, true);
            }
        }
        self.settle(to);
        self.settle(from);
    }

    fn lose(&mut self, message: &Message) {
        if let Some(sender) = self.members.get_mut(&message.from()) {
            sender.driver.node.report_unreachable(message.to());
            if message.r#type() == MessageType::MsgSnap {
                sender.driver.node.report_snapshot(message.to(), false);
            }
        }
    }

    /// Power cut and restart; the state machine kept everything.
    fn restart(&mut self, id: u64) {
        let Some(mut member) = self.members.remove(&id) else { return };
        let members = member.driver.node.conf_state();
        let log = RestoredLog { conf_state: members, ..member.driver.log.memory.crash() };
        member.driver.log.cut = false;
        member.driver.node = Node::new(&config(id, member.machine.applied), log).unwrap();
        self.members.insert(id, member);
        self.settle(id);
    }

    fn propose(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let count = 1 + self.random.below(4);
        let payload = |number: u64| Bytes::copy_from_slice(&number.to_be_bytes());
        let batch = (self.proposed..self.proposed + count).map(payload).collect();
        self.proposed += count;
        // Dropped when nobody leads.
        let _ = member.driver.node.propose(batch);
        self.settle(id);
    }

    fn step(&mut self, loss_percent: u64) {
        let id = 1 + self.random.below(3);
        match self.random.below(100) {
            0..20 => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.driver.node.tick();
                }
                self.settle(id);
            }
            20..30 => self.propose(id),
            30 if loss_percent > 0 => self.restart(id),
            31 if loss_percent > 0 => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.driver.log.cut = true;
                }
            }
            32..34 => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.driver.node.compact(member.machine.applied.saturating_sub(3));
                }
            }
            34 => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.driver.node.transfer_leader(1 + self.random.below(3));
                }
                self.settle(id);
            }
            _ if self.network.is_empty() => {}
            _ => {
                let at = self.random.below(self.network.len() as u64) as usize;
                let message = self.network.swap_remove(at);
                match self.random.below(100) {
                    roll if roll < loss_percent => self.lose(&message),
                    roll if roll < loss_percent + 3 => {
                        self.network.push(message.clone());
                        self.deliver(message);
                    }
                    _ => self.deliver(message),
                }
            }
        }
    }

    /// The network works and time passes for all.
    fn heal(&mut self) {
        for member in self.members.values_mut() {
            member.driver.log.cut = false;
        }
        for _ in 0..100 {
            for id in 1..=3 {
                if let Some(member) = self.members.get_mut(&id) {
                    member.driver.node.tick();
                }
                self.settle(id);
            }
            while !self.network.is_empty() {
                let message = self.network.remove(0);
                self.deliver(message);
            }
        }
    }

    fn leader(&self) -> Option<u64> {
        let leads = |member: &&Member| member.driver.node.status().role == Role::Leader;
        self.members.values().find(leads).map(|member| member.driver.node.status().id)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn members_agree_on_a_bad_network(seed in any::<u64>(), loss_percent in 0u64..40) {
        let mut cluster = Cluster::new(seed);
        for _ in 0..3000 {
            cluster.step(loss_percent);
        }
        cluster.heal();
        let leader = cluster.leader();
        prop_assert!(leader.is_some(), "nobody leads on a network that works");
        let before = cluster.history.len();
        cluster.propose(leader.unwrap());
        cluster.heal();
        prop_assert!(cluster.history.len() > before, "nothing is committed on a network that works");
        for (id, member) in &cluster.members {
            let applied: BTreeMap<_, _> = member.machine.payloads.iter().cloned().collect();
            prop_assert_eq!(&applied, &cluster.history, "member {}", id);
        }
    }
}

#[test]
fn a_member_far_behind_gets_a_snapshot_and_a_new_one_too() {
    let mut cluster = Cluster::new(7);
    cluster.heal();
    let leader = cluster.leader().unwrap();
    let behind = 1 + leader % 3;
    let lost = cluster.members.remove(&behind).unwrap();
    for _ in 0..30 {
        cluster.propose(leader);
        cluster.heal();
    }
    let node = &mut cluster.members.get_mut(&leader).unwrap().driver.node;
    node.compact(u64::MAX);
    cluster.members.insert(behind, lost);
    cluster.heal();
    assert_eq!(cluster.snapshots, 1);
    assert_eq!(cluster.members[&behind].machine.restored, 1);

    // A learner joins; it knows nothing but its own name.
    let change = ConfChange {
        r#type: Some(ConfChangeType::ConfChangeAddLearnerNode.into()),
        node_id: Some(4),
        ..ConfChange::default()
    };
    let leader = cluster.leader().unwrap();
    cluster.members.get_mut(&leader).unwrap().driver.node.propose_conf_change(&change).unwrap();
    cluster.members.insert(4, Member::new(4, RestoredLog::default()));
    cluster.settle(leader);
    cluster.heal();
    cluster.propose(leader);
    cluster.heal();
    let learner = &cluster.members[&4];
    assert_eq!(learner.machine.restored, 1);
    assert_eq!(learner.machine.payloads, cluster.members[&leader].machine.payloads);
    assert_eq!(learner.driver.node.conf_state().learners, [4]);
    assert_eq!(learner.driver.node.status().leader, leader);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut cluster = Cluster::new(42);
        for _ in 0..4000 {
            cluster.step(20);
        }
        let terms: Vec<_> = cluster.members.values().map(|member| member.driver.node.status()).collect();
        (cluster.history, terms)
    };
    assert_eq!(run(), run());
}
