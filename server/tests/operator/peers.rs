//! What the listener for peers answers to plain HTTP.

use crate::support::{Server, http, http_get};
use std::time::{Duration, Instant};

#[test]
fn peers_learn_who_is_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let members = http(server.peer(), "GET", "/members", "");
    let wanted = "[{\"id\":10276657743932975437,\"peerURLs\":[\"http://localhost:2380\"],\"name\":\"default\",\
                  \"clientURLs\":[\"http://127.0.0.1:2379\"]}]\n";
    assert_eq!((members.status, members.body.as_str()), (200, wanted));
    assert_eq!(members.header("Access-Control-Allow-Origin"), None);
    // Spelt in title case, as headers are here; names of headers have no case.
    assert_eq!(members.header("X-Etcd-Cluster-Id"), Some("cdf818194e3a8c32"));
    assert_eq!(http_get(server.peer(), "/version").0, 200);
    assert_eq!(http_get(server.peer(), "/downgrade/enabled"), (200, "false".to_owned()));
    assert!(http_get(server.peer(), "/raft/probing").1.starts_with("{\"OK\":true,\"Now\":\"20"));
    for path in ["/health", "/metrics", "/members/", "/v2/keys"] {
        assert_eq!(http_get(server.peer(), path), (404, "404 page not found\n".to_owned()), "{path}");
    }
    let refused = http(server.peer(), "POST", "/members", "");
    assert_eq!((refused.status, refused.header("Allow")), (405, Some("GET")));
}

#[test]
fn peers_compare_hashes() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let hash = |body: &str| {
        let answer = http(server.peer(), "GET", "/members/hashkv", body);
        (answer.status, answer.body)
    };
    let (status, body) = hash("{\"revision\":0}");
    assert_eq!(status, 200, "{body}");
    assert!(body.starts_with("{\"header\":{\"revision\":1},\"hash\":"), "{body}");
    assert!(body.ends_with(",\"compact_revision\":-1,\"hash_revision\":1}"), "{body}");
    let future = "mvcc: required revision is a future revision\n";
    assert_eq!(hash("{\"revision\":9}"), (400, future.to_owned()));
    for body in ["", "{", "[1]", "{\"revision\":\"x\"}"] {
        assert_eq!(hash(body), (400, "error unmarshalling request\n".to_owned()), "{body:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_ask_the_leader_about_leases() -> Result<(), etcd_client::Error> {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    // A renewal of lease 7, and the question what is left of it, in protobuf.
    let (renewal, question) = ("\x08\x07", "\x0a\x04\x08\x07\x10\x01");
    let ask = |path: &str, body: &str| {
        let answer = http(server.peer(), "POST", path, body);
        (answer.status, answer.body)
    };
    // It serves a moment before it has taken the leases over.
    let end = Instant::now() + Duration::from_secs(60);
    while ask("/leases", renewal) == (400, "not a primary lessor\n".to_owned()) && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask("/leases", renewal), (404, "lease not found\n".to_owned()));
    assert_eq!(ask("/leases/internal", question), (404, "lease not found\n".to_owned()));
    let mut client = etcd_client::Client::connect([server.url()], None).await?;
    client.lease_grant(60, Some(etcd_client::LeaseGrantOptions::new().with_id(7))).await?;
    client.put("key", "", Some(etcd_client::PutOptions::new().with_lease(7))).await?;
    assert_eq!(ask("/leases", renewal), (200, "\x10\x07\x18\x3c".to_owned()));
    let (status, left) = ask("/leases/internal", question);
    // An empty header, the id, what is left (59 or 60 seconds, or less on a slow machine), 60 granted, the key.
    assert_eq!(status, 200);
    assert!(
        left.starts_with("\x0a\x0d\x0a\x00\x10\x07\x18") && left.ends_with("\x20\x3c\x2a\x03key"),
        "{left:?}"
    );
    for path in ["/leases", "/leases/internal"] {
        assert_eq!(ask(path, "\x08"), (400, "error unmarshalling request\n".to_owned()));
        assert_eq!(ask(path, &" ".repeat(70_000)), (413, "request body too large\n".to_owned()));
        let refused = http(server.peer(), "GET", path, "");
        assert_eq!((refused.status, refused.header("Allow")), (405, None));
    }
    assert_eq!(ask("/leases/internal", ""), (400, "error unmarshalling request\n".to_owned()));
    Ok(())
}
