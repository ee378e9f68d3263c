//! Who did what: the audit log, and metrics by prefix.

use crate::support::{Server, http_get};
use etcd_client::{Client, ConnectOptions, GetOptions, Permission, PutOptions, Txn, TxnOp};
use serde_json::Value;
use std::path::Path;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The lines about `method`.
fn lines(text: &str, method: &str) -> Vec<Value> {
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    all.filter(|line| line["method"] == method).collect()
}

/// Runs a cluster with users for a while. Answers with the audit log.
async fn run(dir: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let log = dir.join("audit.log");
    let log_flag = format!("--audit-log={}", log.display());
    let server = Server::start(&dir.join("data"), &[&log_flag, "--bcrypt-cost=4"]);
    let mut client = Client::connect([server.url()], None).await?;
    client.user_add("root", "hunter2", None).await?;
    client.user_grant_role("root", "root").await?;
    client.user_add("alice", "hunter3", None).await?;
    client.role_add("reader").await?;
    client.role_grant_permission("reader", Permission::read_write("a/").with_prefix()).await?;
    client.user_grant_role("alice", "reader").await?;
    client.auth_enable().await?;
    let options = ConnectOptions::new().with_user("alice", "hunter3");
    let mut alice = Client::connect([server.url()], Some(options)).await?;
    let lease = alice.lease_grant(1000, None).await?.id();
    alice.put("a/1", "secret", Some(PutOptions::new().with_lease(lease))).await?;
    alice.get("a/", Some(GetOptions::new().with_prefix())).await?;
    assert!(alice.put("b/1", "secret", None).await.is_err());
    alice.txn(Txn::new().and_then([TxnOp::put("a/2", "secret", None)])).await?;
    drop(alice);
    assert!(server.terminate().success());
    Ok(std::fs::read_to_string(log)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_leaves_a_line_without_secrets() -> Outcome {
    let dir = tempfile::tempdir()?;
    let text = run(dir.path()).await?;
    assert!(!text.contains("secret") && !text.contains("hunter"), "{text}");
    let puts = lines(&text, "etcdserverpb.KV/Put");
    let shown: Vec<_> = puts.iter().map(|line| [&line["user"], &line["key"], &line["result"]]).collect();
    assert_eq!(shown, [["alice", "a/1", "Ok"], ["alice", "b/1", "PermissionDenied"]]);
    assert!(puts.iter().all(|line| line["took_us"].is_u64() && line["time"].is_string()));
    assert!(
        puts[0]["lease"].is_string() && puts[0]["remote"].as_str().is_some_and(|at| at.contains("127.0.0.1"))
    );
    let range = &lines(&text, "etcdserverpb.KV/Range")[0];
    assert_eq!((&range["key"], &range["range_end"]), (&Value::from("a/"), &Value::from("a0")));
    let txn = &lines(&text, "etcdserverpb.KV/Txn")[0];
    assert_eq!(txn["operations"], serde_json::json!([{ "operation": "put", "key": "a/2" }]));
    let grants = lines(&text, "etcdserverpb.Lease/LeaseGrant");
    assert_eq!(grants[0]["ttl_s"], 1000);
    let users: Vec<_> =
        lines(&text, "etcdserverpb.Auth/UserAdd").iter().map(|line| line["of_user"].clone()).collect();
    assert_eq!(users, ["root", "alice"]);
    assert_eq!(lines(&text, "etcdserverpb.Auth/Authenticate")[0]["of_user"], "alice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_log_that_cannot_be_written_delays_nobody() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &["--audit-log=/dev/full"]);
    let mut client = Client::connect([server.url()], None).await?;
    for number in 0..100 {
        client.put(format!("k{number}"), "v", None).await?;
    }
    // The writer comes a few times a second.
    let dropped = || {
        let text = http_get(server.endpoint(), "/metrics").1;
        let line = text.lines().find_map(|line| line.strip_prefix("oxetcd_audit_dropped_total "));
        line.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0)
    };
    while dropped() < 100 {
        tokio::task::yield_now().await;
    }
    let nowhere = dir.path().join("no/such/dir/audit.log");
    let flag = format!("--audit-log={}", nowhere.display());
    let refused = Server::try_start(&dir.path().join("other"), &[&flag]).err().ok_or("it must not start")?;
    assert!(refused.output.contains("--audit-log"), "{}", refused.output);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_counted_by_prefix() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &["--metrics-prefixes=a/,a/b/,z"]);
    let mut client = Client::connect([server.url()], None).await?;
    let lease = client.lease_grant(1000, None).await?.id();
    client.put("a/1", "1", Some(PutOptions::new().with_lease(lease))).await?;
    client.put("a/b/1", "1", None).await?;
    client.txn(Txn::new().and_then([TxnOp::put("a/b/1", "2", None), TxnOp::put("c", "1", None)])).await?;
    client.get("a/b/1", None).await?;
    client.lease_revoke(lease).await?;
    let text = http_get(server.endpoint(), "/metrics").1;
    for line in [
        "oxetcd_prefix_puts_total{prefix=\"a/\"} 3",
        "oxetcd_prefix_puts_total{prefix=\"a/b/\"} 2",
        "oxetcd_prefix_puts_total{prefix=\"z\"} 0",
        "oxetcd_prefix_deletes_total{prefix=\"a/\"} 1",
        "oxetcd_prefix_ranges_total{prefix=\"a/b/\"} 1",
        "oxetcd_prefix_keys{prefix=\"a/\"} 1",
        "oxetcd_prefix_keys{prefix=\"a/b/\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    Ok(())
}
