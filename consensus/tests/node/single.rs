//! A cluster of one, on the real log.

use std::path::Path;
use std::sync::Arc;

use oxetcd_consensus::disk::MemDisk;
use oxetcd_consensus::driver::Driver;
use oxetcd_consensus::node::{Role, bootstrap};
use oxetcd_consensus::raftpb::{ConfChange, ConfChangeType};
use oxetcd_consensus::{Disk, Node, NodeConfig, NodeError, RestoredLog, Wal, WalOptions};

use crate::machine::Machine;
use crate::support::*;

const ID: u64 = 0xb71f_7532_0dc0_6a6c;

struct Member {
    disk: MemDisk,
    driver: Driver<Wal>,
    machine: Machine,
}

fn options() -> WalOptions {
    WalOptions { segment_bytes: 16_384, fsync: true }
}

impl Member {
    fn start() -> Member {
        let disk = MemDisk::new();
        disk.create_dir(Path::new("/data")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let mut log = Wal::create(Arc::new(disk.clone()), Path::new("/data/wal"), b"me", options()).unwrap();
        let first = bootstrap(&[(ID, bytes("who I am"))]);
        log.append(&first.entries, Some(&first.hard_state), true).unwrap();
        let node = Node::new(&NodeConfig::new(ID), first).unwrap();
        Member { disk, driver: Driver { node, log }, machine: Machine::default() }.lead()
    }

    /// Settles, which applies what is committed, and then campaigns.
    fn lead(mut self) -> Member {
        settle(&mut self.driver, &mut Outbox::default(), &mut self.machine).unwrap();
        self.driver.node.campaign().unwrap();
        let turn = settle(&mut self.driver, &mut Outbox::default(), &mut self.machine).unwrap();
        assert_eq!(turn.soft_state.map(|state| (state.leader, state.role)), Some((ID, Role::Leader)));
        self
    }

    /// Power cut and start. The state machine keeps `kept` of what it had applied.
    fn restart(self, seed: u64, kept: Machine) -> Member {
        self.disk.crash(seed);
        let opened = Wal::open_newest(Arc::new(self.disk.clone()), Path::new("/data/wal"), options());
        let (log, replay) = opened.unwrap();
        assert_eq!(replay.metadata.as_ref(), b"me");
        let mut restored = RestoredLog::from(replay);
        if kept.applied > 0 {
            restored.conf_state = voters(&[ID]);
        }
        let config = NodeConfig { applied: kept.applied, ..NodeConfig::new(ID) };
        let node = Node::new(&config, restored).unwrap();
        Member { disk: self.disk, driver: Driver { node, log }, machine: kept }.lead()
    }

    fn put(&mut self, text: &str) {
        self.driver.node.propose(vec![bytes(text)]).unwrap();
        settle(&mut self.driver, &mut Outbox::default(), &mut self.machine).unwrap();
        assert_eq!(self.machine.payloads.last().unwrap().1, text.as_bytes());
    }
}

#[test]
fn a_single_voter_leads_at_once_and_commits_what_it_has_written() {
    let mut member = Member::start();
    assert_eq!(member.driver.node.conf_state(), voters(&[ID]));
    assert_eq!(member.machine.applied, 2, "its own membership, and the no-op of its term");
    let syncs = member.disk.changes();
    let batch: Vec<_> = (0..100).map(|number| bytes(&format!("{number}"))).collect();
    member.driver.node.propose(batch.clone()).unwrap();
    settle(&mut member.driver, &mut Outbox::default(), &mut member.machine).unwrap();
    assert_eq!(member.disk.changes() - syncs, 2, "one write and one sync for the batch");
    let applied: Vec<_> = member.machine.payloads.iter().map(|(_, data)| data.clone()).collect();
    assert_eq!(applied, batch);
    let status = member.driver.node.status();
    assert_eq!((status.term, status.leader, status.vote, status.role), (2, ID, ID, Role::Leader));
    assert_eq!((status.commit, status.applied, status.last_index), (102, 102, 102));
    assert_eq!(status.progress.len(), 1);
    assert_eq!((status.progress[0].id, status.progress[0].matched), (ID, 102));
}

#[test]
fn nothing_is_committed_before_it_is_persisted() {
    let mut member = Member::start();
    member.driver.node.propose(vec![bytes("a")]).unwrap();
    let ready = member.driver.node.ready().unwrap();
    assert!(ready.must_sync && ready.entries.len() == 1 && ready.committed.is_empty());
    member.driver.node.propose(vec![bytes("b")]).unwrap();
    let second = member.driver.node.ready().unwrap();
    assert!(second.committed.is_empty());
    member.driver.node.persisted(ready.number);
    let third = member.driver.node.ready().unwrap();
    assert_eq!(third.committed, ready.entries, "the first batch only");
    assert!(!third.must_sync && third.entries.is_empty(), "a moved commit index needs no sync");
    member.driver.node.persisted(third.number);
    assert_eq!(member.driver.node.ready().unwrap().committed, second.entries);
}

#[test]
fn a_restarted_member_applies_again_what_its_state_machine_has_lost() {
    let mut member = Member::start();
    for round in 0..5u64 {
        for number in 0..20 {
            member.put(&format!("{round}.{number}"));
        }
        let before = member.machine.payloads.clone();
        // Keeps everything, nothing, or the state of some point in between.
        let kept = match round % 3 {
            0 => member.machine.clone(),
            1 => Machine::default(),
            _ => {
                let mut kept = member.machine.clone();
                kept.payloads.truncate(50);
                kept.applied = kept.payloads[49].0;
                kept
            }
        };
        member = member.restart(round, kept);
        assert_eq!(member.machine.payloads, before, "round {round}");
    }
    assert_eq!(member.driver.node.status().term, 7);
}

#[test]
fn a_state_machine_ahead_of_the_written_commit_index_is_believed() {
    let log = RestoredLog {
        hard_state: state(1, 3),
        entries: (1..=9).map(|index| entry(1, index)).collect(),
        conf_state: voters(&[1]),
        ..RestoredLog::default()
    };
    let at = |applied| Node::new(&NodeConfig { applied, ..NodeConfig::new(1) }, log.clone());
    let mut node = at(7).unwrap();
    assert_eq!((node.status().commit, node.status().applied), (7, 7));
    assert!(node.ready().is_none(), "nothing is applied twice");
    let error = at(10).err().unwrap();
    assert!(matches!(error, NodeError::InvalidLog(_)), "the log has lost an entry: {error}");
}

#[test]
fn a_log_with_a_hole_is_refused() {
    let log = RestoredLog { entries: vec![entry(1, 1), entry(1, 3)], ..RestoredLog::default() };
    let error = Node::new(&NodeConfig::new(1), log).err().unwrap();
    assert!(matches!(error, NodeError::InvalidLog(_)), "{error}");
    let log = RestoredLog { hard_state: state(1, 5), ..RestoredLog::default() };
    let error = Node::new(&NodeConfig::new(1), log).err().unwrap();
    assert!(matches!(error, NodeError::InvalidLog(_)), "{error}");
    let error = Node::new(&NodeConfig::new(0), RestoredLog::default()).err().unwrap();
    assert!(matches!(error, NodeError::InvalidConfig(_)), "{error}");
}

#[test]
fn compacted_entries_are_gone_but_their_end_is_known() {
    let mut member = Member::start();
    for number in 0..50 {
        member.put(&number.to_string());
    }
    let node = &mut member.driver.node;
    node.compact(40);
    assert_eq!((node.first_index(), node.term_at(40), node.term_at(39)), (41, Some(2), None));
    node.compact(1000);
    assert_eq!(node.first_index(), 53, "no further than what is applied");
    member.put("after");
}

#[test]
fn changes_of_members_use_etcds_numbers() {
    let mut member = Member::start();
    let change = |kind: ConfChangeType, id| ConfChange {
        id: Some(77),
        r#type: Some(kind.into()),
        node_id: Some(id),
        context: Some(bytes("{}")),
    };
    // An update changes nothing for raft; its number is that of a learner in the raft crate.
    for (kind, id) in
        [(ConfChangeType::ConfChangeUpdateNode, 5), (ConfChangeType::ConfChangeAddLearnerNode, 5)]
    {
        let change = change(kind, id);
        member.driver.node.propose_conf_change(&change).unwrap();
        let pending = member.driver.node.propose_conf_change(&change).unwrap_err();
        assert_eq!(pending, NodeError::ConfChangePending);
        member.driver.turn(&mut Outbox::default(), &mut member.machine).unwrap();
        assert_eq!(member.machine.change(), Some(change));
        settle(&mut member.driver, &mut Outbox::default(), &mut member.machine).unwrap();
    }
    let members = member.driver.node.conf_state();
    assert_eq!((members.voters, members.learners), (vec![ID], vec![5]));
    assert!(member.driver.node.status().progress.iter().any(|peer| peer.id == 5 && peer.learner));

    let refused = ConfChange { node_id: Some(0), ..change(ConfChangeType::ConfChangeRemoveNode, 5) };
    assert_eq!(member.driver.node.apply_conf_change(&refused).unwrap().learners, [5]);
    let last = change(ConfChangeType::ConfChangeRemoveNode, ID);
    let error = member.driver.node.apply_conf_change(&last).unwrap_err();
    assert!(matches!(error, NodeError::ConfChangeRefused(_)), "{error}");
    let remove = change(ConfChangeType::ConfChangeRemoveNode, 5);
    assert!(member.driver.node.apply_conf_change(&remove).unwrap().learners.is_empty());
}

#[test]
fn a_member_that_cannot_be_elected_says_so() {
    let first = bootstrap(&[(ID, bytes("me"))]);
    let mut node = Node::new(&NodeConfig::new(ID), first).unwrap();
    assert_eq!(node.campaign(), Err(NodeError::CannotCampaign), "its membership is not applied");
    assert_eq!(node.propose(vec![bytes("a")]), Err(NodeError::ProposalDropped));
    let other = RestoredLog { conf_state: voters(&[1]), ..RestoredLog::default() };
    let mut node = Node::new(&NodeConfig::new(9), other).unwrap();
    assert_eq!(node.campaign(), Err(NodeError::CannotCampaign), "it is no voter");
}

#[test]
fn a_single_voter_elects_itself_by_time_too() {
    let mut first = bootstrap(&[(1, bytes("me"))]);
    first.conf_state = voters(&[1]);
    let mut node = Node::new(&NodeConfig { applied: 1, ..NodeConfig::new(1) }, first).unwrap();
    let ticks = (1..=20).find(|_| {
        node.tick();
        node.status().role == Role::Leader
    });
    assert!((10..20).contains(&ticks.unwrap()), "{ticks:?}");
}

#[test]
fn bootstrap_entries_are_sorted_and_the_same_for_all() {
    let one = bootstrap(&[(3, bytes("c")), (1, bytes("a")), (2, bytes("b"))]);
    let other = bootstrap(&[(2, bytes("b")), (1, bytes("a")), (3, bytes("c"))]);
    assert_eq!(one, other);
    assert_eq!(one.hard_state, state(1, 3));
    // type 0 is written, the id of the change is not.
    assert_eq!(one.entries[0].data(), [0x10, 0, 0x18, 1, 0x22, 1, b'a']);
    let heads: Vec<_> = one.entries.iter().map(|entry| (entry.index(), entry.term(), entry.r#type)).collect();
    assert_eq!(heads, [(1, 1, Some(1)), (2, 1, Some(1)), (3, 1, Some(1))]);
}
