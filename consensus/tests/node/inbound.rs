//! Messages that make no sense are refused and change nothing. Each of these stops a member that trusts them.

use oxetcd_consensus::raftpb::{ConfState, EntryType, Message, MessageType, Snapshot, SnapshotMetadata};
use oxetcd_consensus::{Node, NodeError};
use proptest::prelude::*;

use crate::support::*;

#[track_caller]
fn check(change: impl FnOnce(&mut Message), kind: MessageType) {
    let mut node = follower(5);
    let before = node.status();
    let mut message = message(kind, 2, 1);
    change(&mut message);
    let error = node.step(message).expect_err("accepted");
    assert!(matches!(error, NodeError::BadMessage(_)), "{error}");
    assert_eq!(node.status(), before);
}

fn snapshot(index: u64, conf_state: Option<ConfState>) -> Option<Snapshot> {
    let metadata = SnapshotMetadata { conf_state, index: Some(index), term: Some(1) };
    Some(Snapshot { data: None, metadata: Some(metadata) })
}

#[test]
fn envelopes() {
    check(|message| message.r#type = Some(99), MessageType::MsgApp);
    check(|message| message.from = None, MessageType::MsgApp);
    check(|message| message.from = Some(1), MessageType::MsgApp);
    check(|message| message.to = Some(2), MessageType::MsgApp);
    check(|message| message.term = None, MessageType::MsgVote);
    check(|message| message.term = Some(u64::MAX), MessageType::MsgVote);
    check(|message| message.index = Some(u64::MAX), MessageType::MsgApp);
    check(|_| {}, MessageType::MsgHup);
    check(|_| {}, MessageType::MsgStorageAppend);
    check(|_| {}, MessageType::MsgForgetLeader);
}

#[test]
fn commit_indexes_beyond_the_log() {
    check(|message| message.commit = Some(6), MessageType::MsgHeartbeat);
}

#[test]
fn entries() {
    check(|message| message.entries = vec![entry(1, 7)], MessageType::MsgApp);
    check(|message| message.index = Some(9), MessageType::MsgApp);
    check(|message| message.entries = vec![entry(1, 1), entry(1, 3)], MessageType::MsgApp);
    check(|message| message.entries = vec![entry(2, 1)], MessageType::MsgApp);
    check(
        |message| {
            message.entries = vec![entry(1, 1)];
            message.entries[0].r#type = Some(12);
        },
        MessageType::MsgApp,
    );
    check(|message| message.term = None, MessageType::MsgProp);
    check(
        |message| {
            message.term = None;
            message.entries = vec![entry(0, 0)];
            message.entries[0].r#type = Some(EntryType::EntryConfChangeV2.into());
        },
        MessageType::MsgProp,
    );
    check(|message| message.term = None, MessageType::MsgReadIndex);
}

#[test]
fn snapshots() {
    check(|_| {}, MessageType::MsgSnap);
    check(|message| message.snapshot = snapshot(9, None), MessageType::MsgSnap);
    check(|message| message.snapshot = snapshot(9, Some(voters(&[]))), MessageType::MsgSnap);
    check(|message| message.snapshot = snapshot(9, Some(voters(&[1, 1]))), MessageType::MsgSnap);
    check(|message| message.snapshot = snapshot(0, Some(voters(&[1, 2]))), MessageType::MsgSnap);
    let both = ConfState { learners: vec![2], ..voters(&[1, 2]) };
    check(|message| message.snapshot = snapshot(9, Some(both)), MessageType::MsgSnap);
    let joint = ConfState { voters_outgoing: vec![2], ..voters(&[1, 3]) };
    check(|message| message.snapshot = snapshot(9, Some(joint)), MessageType::MsgSnap);
}

#[test]
fn answers_from_strangers() {
    let mut node = follower(5);
    let error = node.step(message(MessageType::MsgAppResp, 9, 1)).unwrap_err();
    assert_eq!(error, NodeError::UnknownSender(9));
}

fn any_message() -> impl Strategy<Value = Message> {
    let small = || prop::option::of(0u64..9);
    let entry = (
        small(),
        small(),
        prop::option::of(-1i32..4),
        prop::option::of(prop::collection::vec(any::<u8>(), 0..3)),
    )
        .prop_map(|(term, index, kind, data)| oxetcd_consensus::raftpb::Entry {
            r#type: kind,
            term,
            index,
            data: data.map(Into::into),
        });
    let ids = || prop::collection::vec(0u64..5, 0..4);
    let snapshot =
        prop::option::of((small(), small(), ids(), ids()).prop_map(|(index, term, voters, learners)| {
            let conf_state = Some(ConfState { voters, learners, ..ConfState::default() });
            Snapshot { data: None, metadata: Some(SnapshotMetadata { conf_state, index, term }) }
        }));
    let numbers = (-1i32..25, small(), small(), small(), small(), small(), small());
    (numbers, any::<bool>(), small(), prop::collection::vec(entry, 0..4), snapshot).prop_map(
        |((kind, from, term, log_term, index, commit, reject_hint), reject, context, entries, snapshot)| {
            Message {
                r#type: Some(kind),
                to: Some(1),
                from,
                term,
                log_term,
                index,
                entries,
                commit,
                snapshot,
                reject: Some(reject),
                reject_hint,
                context: context.map(|number| number.to_be_bytes().to_vec().into()),
                ..Message::default()
            }
        },
    )
}

/// Does what is asked for, without a disk.
fn drain(node: &mut Node) {
    while let Some(ready) = node.ready() {
        node.persisted(ready.number);
        let applied = ready.committed.last().map_or(0, |entry| entry.index());
        let restored =
            ready.snapshot.and_then(|snapshot| snapshot.metadata).map_or(0, |metadata| metadata.index());
        node.applied_to(applied.max(restored));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No sequence of messages stops a member, whatever its role.
    #[test]
    fn nonsense_is_survived(
        messages in prop::collection::vec(any_message(), 0..60),
        lead in any::<bool>(),
        eager in any::<bool>(),
    ) {
        let mut node = follower(5);
        if lead {
            node.campaign().unwrap();
            drain(&mut node);
            for kind in [MessageType::MsgPreVoteResp, MessageType::MsgVoteResp] {
                node.step(message(kind, 2, 2)).unwrap();
                drain(&mut node);
            }
            prop_assert_eq!(node.status().leader, 1);
            node.propose(vec![bytes("a")]).unwrap();
        }
        for message in messages {
            let _ = node.step(message);
            if eager {
                drain(&mut node);
            }
        }
        drain(&mut node);
        for _ in 0..50 {
            node.tick();
            drain(&mut node);
        }
    }
}

/// Found by the simulation: a leader of yesterday passes back what it was passed, if it takes the sender for the
/// leader; and what was confirmed in a term that is over says nothing about today's log.
#[test]
fn late_messages_are_no_nonsense() {
    let mut node = follower(5);
    let proposal = Message { term: None, entries: vec![entry(0, 0)], ..message(MessageType::MsgProp, 1, 0) };
    assert_eq!(node.step(proposal), Err(NodeError::ProposalDropped), "there is no leader");
    let confirmation = Message { index: Some(9), ..message(MessageType::MsgAppResp, 2, 1) };
    node.step(confirmation).unwrap();
}
