//! Slow requests are named in the log, without their values.

use crate::support::Server;
use etcd_client::{Client, Txn, TxnOp};

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_logged() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    // Everything takes longer than nothing.
    let durations = ["--warning-apply-duration", "1ns", "--warning-unary-request-duration", "1ns"];
    let server = Server::start(dir.path(), &durations);
    let mut client = Client::connect([server.url()], None).await?;
    client.put("slow", "secret", None).await?;
    client.get("slow", None).await?;
    client.txn(Txn::new().and_then([TxnOp::get("slow", None)])).await?;
    client.lease_grant(60, None).await?;
    let log = server.terminate_and_read();
    let said = |parts: &[&str]| log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    let slow = "\"msg\":\"apply request took too long\"";
    let stats = "\"msg\":\"request stats\"";
    for parts in [
        &[slow, r#"put:<key:\"slow\" value_size:6>"#, "\"expected-duration\":\"1ns\"", "\"took\":\""][..],
        &[slow, "\"prefix\":\"read-only range \"", r#"\"slow\""#],
        &[slow, "\"prefix\":\"read-only txn \"", "request_range"],
        &[slow, "lease_grant:<ttl:60-second id:"],
        &[stats, "/etcdserverpb.KV/Put", r#"key:\"slow\" value_size:6"#, "\"remote\":\"127.0.0.1:"],
        &[stats, "/etcdserverpb.KV/Range", "\"time spent\":\"", "\"start time\":\"20"],
        &[stats, "/etcdserverpb.Lease/LeaseGrant"],
    ] {
        assert!(said(parts), "{parts:?}\n{log}");
    }
    assert!(!log.contains("secret"), "{log}");
    Ok(())
}
