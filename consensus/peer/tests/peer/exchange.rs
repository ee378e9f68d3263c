//! Two members that talk.

use crate::support::{Member, Told, append, message, snapshot, until};
use bytes::Bytes;
use oxetcd_consensus::raftpb::MessageType;
use oxetcd_peer::{Connect, PeerUrl, PlainConnector};
use std::{io, sync::atomic::Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn pair() -> (Member, Member) {
    let (a, b) = (Member::start(0xa).await, Member::start(0xb).await);
    a.knows(&b);
    b.knows(&a);
    a.is_active(b.id).await;
    b.is_active(a.id).await;
    (a, b)
}

#[tokio::test]
async fn messages_go_both_ways() {
    let (mut a, mut b) = pair().await;
    let vote = message(MessageType::MsgVote, a.id, b.id, 3);
    a.peers.send(vec![vote.clone()]);
    assert_eq!(b.message().await, vote);
    let granted = message(MessageType::MsgVoteResp, b.id, a.id, 3);
    b.peers.send(vec![granted.clone()]);
    assert_eq!(a.message().await, granted);
}

#[tokio::test]
async fn appends_arrive_in_order() {
    let (a, mut b) = pair().await;
    let appends: Vec<_> = (1..200).map(|index| append(a.id, b.id, index, &["some bytes"])).collect();
    // All streams are there when a message of each kind went over its own.
    for batch in appends.chunks(7) {
        a.peers.send(batch.to_vec());
    }
    let mut indexes = Vec::new();
    while indexes.len() < appends.len() {
        let message = b.message().await;
        let index = message.index();
        assert_eq!(message.entries, appends[index as usize - 1].entries);
        assert_eq!(message.commit(), index);
        indexes.push(index);
    }
    indexes.sort_unstable();
    assert!(indexes.into_iter().eq(1..200));
}

#[tokio::test]
async fn a_member_that_comes_back_is_dialed_again() {
    let (mut a, b) = pair().await;
    let (id, address) = (b.id, b.kill().await);
    a.host.silent.store(false, Ordering::Relaxed);
    a.told(|told| matches!(told, Told::Unreachable(0xb)).then_some(())).await;
    until(|| a.peers.active_since(id).is_none()).await;

    let mut b = Member::start_at(id, address).await;
    b.knows(&a);
    a.is_active(id).await;
    b.is_active(a.id).await;
    let beat = message(MessageType::MsgHeartbeat, b.id, a.id, 3);
    b.peers.send(vec![beat.clone()]);
    assert_eq!(a.message().await, beat);
    let append = append(a.id, b.id, 5, &["x"]);
    a.peers.send(vec![append.clone()]);
    assert_eq!(b.message().await, append);
}

#[tokio::test]
async fn a_member_that_is_not_known_is_answered() {
    let (mut a, mut b) = (Member::start(0xa).await, Member::start(0xb).await);
    // Only `a` knows of the other: what it sends goes by post.
    a.knows(&b);
    let beat = message(MessageType::MsgHeartbeat, a.id, b.id, 3);
    a.peers.send(vec![beat.clone()]);
    assert_eq!(b.message().await, beat);
    let answer = message(MessageType::MsgHeartbeatResp, b.id, a.id, 3);
    b.peers.send(vec![answer.clone()]);
    assert_eq!(a.message().await, answer);
}

#[tokio::test]
async fn a_snapshot_arrives_with_its_database() {
    let (mut a, mut b) = pair().await;
    let pieces: Vec<_> = (0..40_u8).map(|byte| Ok(Bytes::from(vec![byte; 70_000]))).collect();
    let whole: Vec<u8> = pieces.iter().flatten().flat_map(|piece| piece.to_vec()).collect();
    *a.host.database.lock() = pieces;
    let snapshot = snapshot(a.id, b.id, 9);
    a.peers.send(vec![snapshot.clone()]);
    assert_eq!(b.message().await, snapshot);
    let written = std::fs::read(b.host.dir.path().join("0000000000000009.snap.db")).unwrap();
    assert!(written == whole);
    assert_eq!(std::fs::read_dir(b.host.dir.path()).unwrap().count(), 1);
    let sent = a.told(|told| match told {
        Told::SnapshotSent(id, arrived) => Some((id, arrived)),
        _ => None,
    });
    assert_eq!(sent.await, (0xb, true));
}

#[tokio::test]
async fn a_snapshot_whose_database_cannot_be_read_does_not_arrive() {
    let (mut a, b) = pair().await;
    *a.host.database.lock() = vec![Ok(Bytes::from(vec![1; 70_000])), Err(())];
    a.peers.send(vec![snapshot(a.id, b.id, 9)]);
    let sent = a.told(|told| match told {
        Told::SnapshotSent(id, arrived) => Some((id, arrived)),
        _ => None,
    });
    assert_eq!(sent.await, (0xb, false));
    until(|| std::fs::read_dir(b.host.dir.path()).unwrap().count() == 0).await;
}

#[tokio::test]
async fn a_removed_member_is_told_so() {
    let (mut a, b) = (Member::start(0xa).await, Member::start(0xb).await);
    b.host.removed.lock().insert(a.id);
    a.knows(&b);
    a.told(|told| matches!(told, Told::Removed).then_some(())).await;
}

#[tokio::test]
async fn a_member_that_moves_is_found() {
    let (mut a, b) = (Member::start(0xa).await, Member::start(0xb).await);
    let nowhere = ["http://127.0.0.1:1".to_owned()];
    a.peers.add(b.id, &nowhere);
    b.knows(&a);
    a.peers.update(b.id, &b.urls());
    b.is_active(a.id).await;
    let vote = message(MessageType::MsgVote, b.id, a.id, 3);
    b.peers.send(vec![vote.clone()]);
    assert_eq!(a.message().await, vote);
    a.peers.remove(b.id);
    assert_eq!((a.peers.ids(), a.peers.active_since(b.id)), (vec![], None));
}

#[tokio::test]
async fn unix_sockets_do_and_tls_says_that_it_does_not_yet() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("peer.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let url: PeerUrl = format!("unix://{}", path.display()).parse().unwrap();
    let mut near = PlainConnector.connect(&url).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    near.write_all(b"hello").await.unwrap();
    let mut read = [0; 5];
    far.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"hello");
    for url in ["https://127.0.0.1:1", "unixs://x"] {
        let error = PlainConnector.connect(&url.parse().unwrap()).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }
}

#[tokio::test]
async fn proposals_that_did_not_leave_come_back() {
    let (mut a, b) = (Member::start(0xa).await, Member::start(0xb).await);
    a.knows(&b);
    let id = b.id;
    b.kill().await;
    let proposal = message(MessageType::MsgProp, a.id, id, 0);
    let beat = message(MessageType::MsgHeartbeat, a.id, id, 3);
    a.peers.send(vec![beat, proposal.clone()]);
    let back = a.told(|told| match told {
        Told::Undelivered(message) => Some(*message),
        _ => None,
    });
    assert_eq!(back.await, proposal);
    a.peers.send(vec![message(MessageType::MsgProp, a.id, 0xc, 0)]);
    a.told(|told| matches!(told, Told::Undelivered(message) if message.to() == 0xc).then_some(())).await;
}
