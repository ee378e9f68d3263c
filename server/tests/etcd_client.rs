//! The crate `etcd-client`, which nobody here wrote, against our server.

mod support;

use etcd_client::{
    Client, Compare, CompareOp, DeleteOptions, EventType, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse,
    WatchOptions,
};
use support::Server;

type Outcome = Result<(), Box<dyn std::error::Error>>;

async fn start() -> Result<(tempfile::TempDir, Server, Client), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let client = Client::connect([server.url()], None).await?;
    Ok((dir, server, client))
}

#[tokio::test]
async fn key_values() -> Outcome {
    let (_dir, _server, mut client) = start().await?;
    client.put("/message", "Hello", None).await?;
    let before = client.put("/message", "World", Some(PutOptions::new().with_prev_key())).await?;
    assert_eq!(before.prev_key().map(|kv| kv.value()), Some(&b"Hello"[..]));
    for name in ["a", "b", "c"] {
        client.put(format!("/mess/{name}"), name, None).await?;
    }
    let found = client.get("/mess", Some(GetOptions::new().with_prefix())).await?;
    let keys: Vec<&str> = found.kvs().iter().filter_map(|kv| kv.key_str().ok()).collect();
    assert_eq!(keys, ["/mess/a", "/mess/b", "/mess/c", "/message"]);
    assert_eq!(found.count(), 4);
    let limited = client.get("/mess", Some(GetOptions::new().with_prefix().with_limit(2))).await?;
    assert!(limited.more() && limited.kvs().len() == 2);
    let old = client.get("/message", Some(GetOptions::new().with_revision(2))).await?;
    assert_eq!(old.kvs()[0].value(), b"Hello");
    let gone = client.delete("/mess/", Some(DeleteOptions::new().with_prefix().with_prev_key())).await?;
    assert_eq!((gone.deleted(), gone.prev_kvs().len()), (3, 3));
    Ok(())
}

#[tokio::test]
async fn transactions() -> Outcome {
    let (_dir, _server, mut client) = start().await?;
    client.put("foo", "bar", None).await?;
    let txn = |wanted: &str| {
        Txn::new()
            .when([Compare::value("foo", CompareOp::Equal, wanted)])
            .and_then([TxnOp::put("won", "yes", None), TxnOp::get("foo", None)])
            .or_else([TxnOp::get("foo", None)])
    };
    let lost = client.txn(txn("other")).await?;
    assert!(!lost.succeeded() && lost.op_responses().len() == 1);
    let won = client.txn(txn("bar")).await?;
    assert!(won.succeeded());
    let answers = won.op_responses();
    let [TxnOpResponse::Put(_), TxnOpResponse::Get(read)] = &answers[..] else {
        return Err(format!("unexpected answers: {answers:?}").into());
    };
    assert_eq!(read.kvs()[0].value(), b"bar");
    Ok(())
}

#[tokio::test]
async fn watches() -> Outcome {
    let (_dir, _server, mut client) = start().await?;
    client.put("/watched/old", "1", None).await?;
    let options = WatchOptions::new().with_prefix().with_start_revision(2).with_prev_key();
    let mut events = client.watch("/watched", Some(options)).await?;
    client.put("/elsewhere", "x", None).await?;
    client.put("/watched/old", "2", None).await?;
    client.delete("/watched/old", None).await?;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let answer = events.message().await?.ok_or("the watch ended")?;
        for event in answer.events() {
            let value = event.kv().map(|kv| kv.value().to_vec()).unwrap_or_default();
            let previous = event.prev_kv().map(|kv| kv.value().to_vec());
            seen.push((event.event_type(), value, previous));
        }
    }
    let wanted = [
        (EventType::Put, b"1".to_vec(), None),
        (EventType::Put, b"2".to_vec(), Some(b"1".to_vec())),
        (EventType::Delete, b"".to_vec(), Some(b"2".to_vec())),
    ];
    assert_eq!(seen, wanted);
    Ok(())
}

#[tokio::test]
async fn leases() -> Outcome {
    let (_dir, _server, mut client) = start().await?;
    let lease = client.lease_grant(1, None).await?;
    let id = lease.id();
    client.put("leased", "v", Some(PutOptions::new().with_lease(id))).await?;
    let left =
        client.lease_time_to_live(id, Some(etcd_client::LeaseTimeToLiveOptions::new().with_keys())).await?;
    assert_eq!(left.keys(), [b"leased".to_vec()]);
    assert_eq!(client.leases().await?.leases().len(), 1);
    let (mut keeper, mut answers) = client.lease_keep_alive(id).await?;
    keeper.keep_alive().await?;
    let answer = answers.message().await?.ok_or("the stream ended")?;
    assert_eq!(answer.ttl(), left.granted_ttl());
    // Nobody keeps it alive from here on: the key goes with it, and a watcher is told.
    let mut events = client.watch("leased", None).await?;
    loop {
        let answer = events.message().await?.ok_or("the watch ended")?;
        if answer.events().iter().any(|event| event.event_type() == EventType::Delete) {
            break;
        }
    }
    assert!(client.get("leased", None).await?.kvs().is_empty());
    assert!(client.leases().await?.leases().is_empty());

    let lease = client.lease_grant(1000, None).await?;
    client.put("revoked", "v", Some(PutOptions::new().with_lease(lease.id()))).await?;
    client.lease_revoke(lease.id()).await?;
    assert!(client.get("revoked", None).await?.kvs().is_empty());
    Ok(())
}

#[tokio::test]
async fn maintenance() -> Outcome {
    let (_dir, _server, mut client) = start().await?;
    client.put("k", "v", None).await?;
    let status = client.status().await?;
    assert!(status.leader() != 0 && status.db_size() >= 0);
    assert_eq!(client.member_list().await?.members().len(), 1);
    client.compact(2, None).await?;
    client.defragment().await?;
    let hash = client.hash_kv(0).await?;
    assert_ne!(hash.hash(), 0);
    Ok(())
}
