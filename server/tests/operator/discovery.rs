//! New clusters that find each other through a discovery service, which is a member of ours.

use crate::support::{Server, run};
use etcd_client::Client;
use oxetcd_dns::testing::NameServer;
use std::path::Path;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Arguments of a member of the new cluster. Peers meet at a file, whose name is known before anyone listens.
fn arguments(dir: &Path, name: &str, service: &str, token: &str) -> Vec<String> {
    let peer = format!("unix://{}/{name}.sock", dir.display());
    let pairs = [
        ("name", name),
        ("data-dir", &format!("{}/{name}", dir.display())),
        ("listen-peer-urls", &peer),
        ("initial-advertise-peer-urls", &peer),
        ("listen-client-urls", "http://127.0.0.1:0"),
        ("advertise-client-urls", "http://127.0.0.1:2379"),
        ("discovery-endpoints", service),
        ("discovery-token", token),
    ];
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn start(arguments: Vec<String>) -> Server {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_etcd"));
    command.args(arguments);
    Server::launch(command).unwrap_or_else(|refusal| panic!("not started: {refusal:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn members_find_each_other_and_one_too_many_is_refused() -> Outcome {
    let dir = tempfile::tempdir()?;
    let service = Server::start(&dir.path().join("service"), &[]);
    let mut at_service = Client::connect([service.url()], None).await?;
    at_service.put("/_etcd/registry/two/_config/size", "2", None).await?;
    let members = ["a", "b"].map(|name| {
        let arguments = arguments(dir.path(), name, service.endpoint(), "two");
        tokio::task::spawn_blocking(move || start(arguments))
    });
    let mut running = Vec::new();
    for member in members {
        running.push(member.await?);
    }
    let mut client = Client::connect([running[0].url()], None).await?;
    client.put("key", "value", None).await?;
    let list = client.member_list().await?;
    let mut names: Vec<&str> = list.members().iter().map(|member| member.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b"]);
    let late = arguments(dir.path(), "c", service.endpoint(), "two");
    let late: Vec<&str> = late.iter().map(String::as_str).collect();
    let refused = run(&late);
    assert!(!refused.status.success());
    assert!(refused.output.contains("discovery: cluster is full"), "{}", refused.output);
    assert!(refused.output.contains("do not reuse discovery token"), "{}", refused.output);
    // With data of its own a member needs the service no more.
    service.kill();
    running.remove(1).kill();
    running.push(start(arguments(dir.path(), "b", "127.0.0.1:1", "two")));
    client.put("key", "later", None).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_knows_no_size_is_told_of() -> Outcome {
    let dir = tempfile::tempdir()?;
    let service = Server::start(&dir.path().join("service"), &[]);
    let mut at_service = Client::connect([service.url()], None).await?;
    at_service.put("/_etcd/registry/bad/_config/size", "none", None).await?;
    for (token, expected) in
        [("unknown", "discovery: size key not found"), ("bad", "discovery: size key is bad")]
    {
        let arguments = arguments(dir.path(), "a", service.endpoint(), token);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let refused = run(&arguments);
        assert!(!refused.status.success() && refused.output.contains(expected), "{}", refused.output);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_finds_its_cluster_by_dns() -> Outcome {
    let dir = tempfile::tempdir()?;
    // Known before the member listens: the name server says it.
    let port = oxetcd_testkit::free_port();
    let names = NameServer::start([("_etcd-server-x._tcp.example.org", "localhost.", port)]);
    let peer = format!("http://localhost:{port}");
    let arguments = [
        ("name", "a".to_owned()),
        ("data-dir", format!("{}/a", dir.path().display())),
        ("listen-peer-urls", peer.clone()),
        ("initial-advertise-peer-urls", peer.clone()),
        ("listen-client-urls", "http://127.0.0.1:0".to_owned()),
        ("advertise-client-urls", "http://127.0.0.1:2379".to_owned()),
        ("discovery-srv", "example.org".to_owned()),
        ("discovery-srv-name", "x".to_owned()),
    ]
    .map(|(name, value)| format!("--{name}={value}"));
    let server = names.address().to_string();
    let launched = tokio::task::spawn_blocking(move || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_etcd"));
        command.args(arguments).env("OXETCD_NAME_SERVER", server);
        Server::launch(command)
    });
    let member = launched.await?.unwrap_or_else(|refusal| panic!("{}", refusal.output));
    let mut client = Client::connect([member.url()], None).await?;
    assert_eq!(client.member_list().await?.members()[0].peer_urls(), [peer]);
    Ok(())
}
