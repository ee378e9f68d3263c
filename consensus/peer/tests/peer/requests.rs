//! Requests byte for byte: what the server's half answers to members that are not as they should be.

use crate::support::{Member, Told, append, message, snapshot, until};
use bytes::BytesMut;
use oxetcd_consensus::raftpb::MessageType;
use oxetcd_peer::encode_message;
use prost::Message as _;
use std::sync::atomic::Ordering;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Headers of a proper member of the tests' cluster, `a`.
const PROPER: &str = "X-Server-From: a\r\nX-Server-Version: 3.5.1\r\nX-Min-Cluster-Version: 3.0.0\r\n\
                      X-Etcd-Cluster-ID: c1\r\n";

/// Sends a request and reads the answer to its end. Gives status and body.
async fn ask(member: &Member, line: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut socket = TcpStream::connect(member.address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn strangers_are_refused_as_the_reference_does() {
    let b = Member::start(0xb).await;
    let post = message(MessageType::MsgHeartbeat, 0xa, 0xb, 3).encode_to_vec();
    let refusal = |status, why: &str| (status, format!("{why}\n"));
    let old = PROPER.replace("3.5.1", "2.3.0");
    assert_eq!(ask(&b, "POST /raft", &old, &post).await, refusal(412, "incompatible version"));
    let other = PROPER.replace("c1", "c2");
    assert_eq!(ask(&b, "POST /raft", &other, &post).await, refusal(412, "cluster ID mismatch"));
    assert_eq!(ask(&b, "GET /raft", PROPER, b"").await, refusal(405, "Method Not Allowed"));
    assert_eq!(ask(&b, "POST /raft/stream/message/a", PROPER, b"").await.0, 405);
    assert_eq!(ask(&b, "GET /raft/stream/other/a", PROPER, b"").await, refusal(404, "invalid path"));
    assert_eq!(ask(&b, "GET /raft/stream/message/q", PROPER, b"").await, refusal(404, "invalid from"));
    let unknown = ask(&b, "GET /raft/stream/message/a", PROPER, b"").await;
    assert_eq!(unknown, refusal(404, "error sender not found"));
    b.peers.add(0xa, &["http://127.0.0.1:1".to_owned()]);
    let mismatch = ask(&b, "GET /raft/stream/message/a", &format!("{PROPER}X-Raft-To: c\r\n"), b"").await;
    assert_eq!(mismatch, refusal(412, "to field mismatch"));
    let garbage = ask(&b, "POST /raft", PROPER, b"\xff\xff").await;
    assert_eq!(garbage, refusal(400, "error unmarshalling raft message"));
    assert_eq!(ask(&b, "GET /raft/nothing", PROPER, b"").await.0, 404);
    let (status, probed) = ask(&b, "GET /raft/probing", "", b"").await;
    assert!(status == 200 && probed.starts_with("{\"OK\":true,\"Now\":\"2"), "{probed}");
}

#[tokio::test]
async fn messages_are_taken_from_members_for_this_one() {
    let mut b = Member::start(0xb).await;
    let good = message(MessageType::MsgHeartbeat, 0xa, 0xb, 3);
    assert_eq!(ask(&b, "POST /raft", PROPER, &good.encode_to_vec()).await, (204, String::new()));
    assert_eq!(b.message().await, good);
    let for_other = message(MessageType::MsgHeartbeat, 0xa, 0xc, 3).encode_to_vec();
    let refused = ask(&b, "POST /raft", PROPER, &for_other).await;
    assert_eq!(refused, (403, "{\"message\":\"cannot process message to mismatch member\"}".to_owned()));
    b.host.removed.lock().insert(0xa);
    let refused = ask(&b, "POST /raft", PROPER, &good.encode_to_vec()).await;
    assert_eq!(refused, (403, "{\"message\":\"cannot process message from removed member\"}".to_owned()));
    let gone = ask(&b, "GET /raft/stream/msgapp/a", PROPER, b"").await;
    assert_eq!(gone, (410, "removed member\n".to_owned()));
}

#[tokio::test]
async fn a_snapshot_that_breaks_off_leaves_nothing() {
    let b = Member::start(0xb).await;
    let mut body = BytesMut::new();
    encode_message(&snapshot(0xa, 0xb, 7), &mut body);
    let mut socket = TcpStream::connect(b.address).await.unwrap();
    let head =
        format!("POST /raft/snapshot HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{PROPER}\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    body.extend_from_slice(&[7; 3_000_000]);
    socket.write_all(format!("{:x}\r\n", body.len()).as_bytes()).await.unwrap();
    socket.write_all(&body).await.unwrap();
    let files = || std::fs::read_dir(b.host.dir.path()).unwrap().count();
    until(|| files() == 1).await;
    drop(socket);
    until(|| files() == 0).await;
}

#[tokio::test]
async fn what_is_no_snapshot_is_not_taken_for_one() {
    let b = Member::start(0xb).await;
    let mut other = BytesMut::new();
    encode_message(&append(0xa, 0xb, 7, &[]), &mut other);
    let refused = ask(&b, "POST /raft/snapshot", PROPER, &other).await;
    assert_eq!(refused, (400, "wrong raft message type\n".to_owned()));
    let mut empty = BytesMut::new();
    encode_message(&message(MessageType::MsgSnap, 0xa, 0xb, 1), &mut empty);
    assert_eq!(ask(&b, "POST /raft/snapshot", PROPER, &empty).await.0, 400);
    assert_eq!(ask(&b, "POST /raft/snapshot", PROPER, b"\xff\xff\xff\xff\xff\xff\xff\xff").await.0, 400);
    assert_eq!(ask(&b, "POST /raft/snapshot", PROPER, b"\0\0").await.0, 400);
    assert_eq!(std::fs::read_dir(b.host.dir.path()).unwrap().count(), 0);
}

/// Has `b` send its messages to `a`.
async fn dial(b: &Member, headers: &str) -> TcpStream {
    let mut socket = TcpStream::connect(b.address).await.unwrap();
    let head = format!("GET /raft/stream/message/a HTTP/1.1\r\nHost: x\r\n{headers}X-Raft-To: b\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    socket
}

/// Whether `bytes` are somewhere in `all`.
fn is_in(bytes: &[u8], all: &[u8]) -> bool {
    all.windows(bytes.len()).any(|window| window == bytes)
}

#[tokio::test]
async fn whoever_cannot_read_v2_entries_is_shut_out_while_there_is_anything_of_v2() {
    let b = Member::start(0xb).await;
    b.peers.add(0xa, &["http://127.0.0.1:1".to_owned()]);
    let post = message(MessageType::MsgHeartbeat, 0xa, 0xb, 3).encode_to_vec();
    let too_new = PROPER.replace("3.5.1", "3.6.0");
    assert_eq!(ask(&b, "POST /raft", &too_new, &post).await.0, 204);
    b.host.has_v2.store(true, Ordering::Relaxed);
    let refusal = (412, "incompatible version\n".to_owned());
    assert_eq!(ask(&b, "POST /raft", &too_new, &post).await, refusal);
    assert_eq!(
        ask(&b, "GET /raft/stream/msgapp/a", &format!("{too_new}X-Raft-To: b\r\n"), b"").await,
        refusal
    );
    let ours = format!("{too_new}X-Etcd-Reads-V2: true\r\n");
    for able in [PROPER, &ours] {
        assert_eq!(ask(&b, "POST /raft", able, &post).await.0, 204);
    }
}

#[tokio::test]
async fn v2_entries_go_to_nobody_who_cannot_read_them() {
    let mut b = Member::start(0xb).await;
    b.peers.add(0xa, &["http://127.0.0.1:1".to_owned()]);
    let mut stream = dial(&b, &PROPER.replace("3.5.1", "3.6.0")).await;
    let (of_v2, other) = (append(0xb, 0xa, 5, &["v2 one"]), append(0xb, 0xa, 6, &["v3 one"]));
    let mut proposal = append(0xb, 0xa, 0, &["v2 two"]);
    proposal.r#type = Some(MessageType::MsgProp.into());
    b.peers.send(vec![of_v2, proposal.clone(), other]);
    let mut read = Vec::new();
    while !is_in(b"v3 one", &read) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0);
    }
    assert!(!is_in(b"v2 ", &read));
    let back = b.told(|told| match told {
        Told::Undelivered(message) => Some(*message),
        _ => None,
    });
    assert_eq!(back.await, proposal);
    // Nor does any message at all, or a snapshot, once there is something of v2 here.
    b.host.has_v2.store(true, Ordering::Relaxed);
    b.peers.send(vec![snapshot(0xb, 0xa, 9), message(MessageType::MsgHeartbeat, 0xb, 0xa, 3)]);
    let sent = b.told(|told| match told {
        Told::SnapshotSent(id, arrived) => Some((id, arrived)),
        _ => None,
    });
    assert_eq!(sent.await, (0xa, false));
    assert_eq!(b.peers.active_since(0xa), None);
}

#[tokio::test]
async fn a_newer_stream_takes_the_place_of_the_older() {
    let b = Member::start(0xb).await;
    b.peers.add(0xa, &["http://127.0.0.1:1".to_owned()]);
    let mut old = dial(&b, PROPER).await;
    let mut new = dial(&b, PROPER).await;
    let vote = message(MessageType::MsgVote, b.id, 0xa, 3);
    b.peers.send(vec![vote.clone()]);
    let mut frame = BytesMut::new();
    encode_message(&vote, &mut frame);
    // The rest of the head, then one chunk that is the frame.
    let mut read = Vec::new();
    while !is_in(&frame, &read) {
        assert!(new.read_buf(&mut read).await.unwrap() > 0);
    }
    let mut rest = Vec::new();
    while !rest.ends_with(b"0\r\n\r\n") {
        assert!(old.read_buf(&mut rest).await.unwrap() > 0, "the old stream ends in order");
    }
    assert!(!is_in(&frame, &rest));
}
