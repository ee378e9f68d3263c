//! `etcd gateway` and `etcd grpc-proxy` before a member of ours.

use crate::support::{Server, http_get, run};
use etcd_client::{Client, EventType, GetOptions, WatchOptions};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Longest wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway or a proxy. It says where it listens only by its flag.
struct Between {
    child: Child,
    address: String,
    log: mpsc::Receiver<String>,
}

impl Between {
    fn start(program: &str, ready: &str, extra: &[&str]) -> Between {
        let address = format!("127.0.0.1:{}", oxetcd_testkit::free_port());
        let mut child = Command::new(env!("CARGO_BIN_EXE_etcd"))
            .args([program, "start", "--listen-addr", &address])
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let stderr = child.stderr.take().expect("stderr was asked for");
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut said = Vec::new();
        while let Ok(line) = log.recv_timeout(PATIENCE) {
            if line.contains(ready) {
                return Between { child, address, log };
            }
            said.push(line);
        }
        let _ = (child.kill(), child.wait());
        panic!("{program} does not start: {said:?}");
    }

    async fn client(&self) -> Result<Client, etcd_client::Error> {
        Client::connect([format!("http://{}", self.address)], None).await
    }

    /// Waits for a line of its log.
    fn wait_for(&self, text: &str) {
        while !self.log.recv_timeout(PATIENCE).expect("the line comes").contains(text) {}
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

fn proxy(server: &Server, extra: &[&str]) -> Between {
    let endpoints = format!("--endpoints={}", server.endpoint());
    Between::start("grpc-proxy", "started gRPC proxy", &[&[endpoints.as_str()], extra].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_passes_connections_on_to_members_that_can_be_reached() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    // Port 1 is nobody's: whoever is sent there first goes on to the other.
    let endpoints = format!("--endpoints=127.0.0.1:1,{}", server.endpoint());
    let gateway =
        Between::start("gateway", "ready to proxy client requests", &[&endpoints, "--retry-delay=50ms"]);
    for round in 0..4 {
        let mut client = gateway.client().await?;
        client.put("key", round.to_string(), None).await?;
        assert_eq!(client.get("key", None).await?.kvs()[0].value(), round.to_string().as_bytes());
    }
    gateway.wait_for("deactivated endpoint");
    gateway.wait_for("failed to activate endpoint");
    for (endpoints, expected) in
        [("--endpoints=nothing", "error parsing endpoint"), ("--endpoints=", "no endpoints")]
    {
        let refused = run(&["gateway", "start", endpoints]);
        assert!(!refused.status.success() && refused.output.contains(expected), "{}", refused.output);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_answers_every_service() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let proxy = proxy(&server, &[]);
    let mut client = proxy.client().await?;
    client.put("key", "value", None).await?;
    // A serializable read sees writes through the proxy at once, cached or not.
    let serializable = || Some(GetOptions::new().with_serializable());
    for value in ["one", "two"] {
        client.put("key", value, None).await?;
        for _ in 0..2 {
            assert_eq!(client.get("key", serializable()).await?.kvs()[0].value(), value.as_bytes());
        }
    }
    let lease = client.lease_grant(60, None).await?.id();
    let (mut keeper, mut answers) = client.lease_keep_alive(lease).await?;
    keeper.keep_alive().await?;
    assert_eq!(answers.message().await?.ok_or("an answer")?.id(), lease);
    client.status().await?;
    let lock = client.lock("lock", None).await?;
    client.unlock(lock.key()).await?;
    client.campaign("election", "me", lease).await?;
    assert_eq!(client.leader("election").await?.kv().ok_or("a leader")?.value(), b"me");
    let mut snapshot = client.snapshot().await?;
    let mut bytes = 0;
    while let Some(part) = snapshot.message().await? {
        bytes += part.blob().len();
    }
    assert!(bytes > 0);
    let list = client.member_list().await?;
    assert_eq!(list.members()[0].client_urls(), ["127.0.0.1:23790"], "the address that is advertised");
    client.user_add("u", "p", None).await?;
    assert_eq!(client.user_list().await?.users(), ["u"]);
    let (address, healthy) =
        (proxy.address.clone(), (200, "{\"health\":\"true\",\"reason\":\"\"}".to_owned()));
    let pages = tokio::task::spawn_blocking(move || {
        ["/health", "/proxy/health", "/metrics", "/proxy/metrics", "/nothing"]
            .map(|page| http_get(&address, page))
    });
    let [health, proxy_health, metrics, own, nothing] = pages.await?;
    assert_eq!((health, proxy_health), (healthy.clone(), healthy));
    assert!(metrics.1.contains("etcd_server_has_leader 1"), "{}", metrics.1);
    assert!(own.1.contains("etcd_grpc_proxy_cache_hits_total"), "{}", own.1);
    assert_eq!(nothing.0, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_of_a_proxy_share_and_lose_nothing() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let proxy = proxy(&server, &[]);
    let mut writer = Client::connect([server.url()], None).await?;
    let begin = writer.put("a/0", "before", None).await?.header().ok_or("a header")?.revision();
    let mut watchers = Vec::new();
    for number in 0..6 {
        let mut client = proxy.client().await?;
        let mut options = WatchOptions::new().with_prefix();
        if number % 3 == 2 {
            options = options.with_start_revision(begin);
        }
        watchers.push(client.watch("a/", Some(options)).await?);
    }
    const WRITES: usize = 300;
    for number in 0..WRITES {
        match number % 3 {
            2 => drop(writer.delete("a/0", None).await?),
            _ => drop(writer.put("a/0", number.to_string(), None).await?),
        }
    }
    for (number, stream) in watchers.iter_mut().enumerate() {
        let from_the_past = usize::from(number % 3 == 2);
        let (mut revisions, mut deletes) = (Vec::new(), 0);
        while revisions.len() < WRITES + from_the_past {
            let answer = tokio::time::timeout(PATIENCE, stream.message()).await??.ok_or("an answer")?;
            for event in answer.events() {
                revisions.push(event.kv().ok_or("a key")?.mod_revision());
                deletes += usize::from(event.event_type() == EventType::Delete);
            }
        }
        let first = begin + 1 - from_the_past as i64;
        let wanted: Vec<i64> = (first..first + revisions.len() as i64).collect();
        assert_eq!((revisions, deletes), (wanted, WRITES / 3), "watcher {number}");
    }
    let address = proxy.address.clone();
    let own = tokio::task::spawn_blocking(move || http_get(&address, "/proxy/metrics").1).await?;
    let shared = own.lines().find(|line| line.starts_with("etcd_grpc_proxy_watchers_coalescing_total "));
    assert_eq!(
        shared,
        Some("etcd_grpc_proxy_watchers_coalescing_total 3"),
        "four that begin now are one watch"
    );
    // A watch is ended without the others noticing.
    drop(watchers.remove(0));
    writer.put("a/last", "", None).await?;
    let answer = tokio::time::timeout(PATIENCE, watchers[0].message()).await??.ok_or("an answer")?;
    assert_eq!(answer.events()[0].kv().ok_or("a key")?.key(), b"a/last");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_shows_a_part_of_the_keys_as_all() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let proxy = proxy(&server, &["--namespace=n/", "--advertise-client-url="]);
    let mut outside = Client::connect([server.url()], None).await?;
    let mut inside = proxy.client().await?;
    outside.put("other", "", None).await?;
    let mut watch = inside.watch("", Some(WatchOptions::new().with_all_keys())).await?;
    inside.put("key", "value", None).await?;
    assert_eq!(outside.get("n/key", None).await?.kvs()[0].value(), b"value");
    let all = inside.get("", Some(GetOptions::new().with_all_keys())).await?;
    assert_eq!(all.kvs().iter().map(etcd_client::KeyValue::key).collect::<Vec<_>>(), [b"key"]);
    loop {
        let answer = tokio::time::timeout(PATIENCE, watch.message()).await??.ok_or("an answer")?;
        if let Some(event) = answer.events().first() {
            assert_eq!(event.kv().ok_or("a key")?.key(), b"key");
            break;
        }
    }
    assert_eq!(
        inside.member_list().await?.members()[0].name(),
        "default",
        "members, for nothing is advertised"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_register_and_are_listed() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &[]);
    let flags = ["--resolver-prefix=proxies", "--resolver-ttl=60", "--advertise-client-url=127.0.0.1:5"];
    let first = proxy(&server, &flags);
    let second = proxy(&server, &[&flags[..2], &["--advertise-client-url=127.0.0.1:6"]].concat());
    for between in [&first, &second] {
        between.wait_for("registered session with lease");
    }
    let list = first.client().await?.member_list().await?;
    let mut urls: Vec<&str> =
        list.members().iter().flat_map(|member| member.client_urls()).map(String::as_str).collect();
    urls.sort_unstable();
    assert_eq!(urls, ["127.0.0.1:5", "127.0.0.1:6"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_shows_each_client_what_it_may_see() -> Outcome {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), &["--bcrypt-cost=4"]);
    let mut admin = Client::connect([server.url()], None).await?;
    for user in ["root", "u"] {
        admin.user_add(user, "p", None).await?;
    }
    admin.role_add("root").await?;
    admin.user_grant_role("root", "root").await?;
    admin.put("key", "value", None).await?;
    admin.auth_enable().await?;
    let proxy = proxy(&server, &[]);
    let login = |user: &str| Some(etcd_client::ConnectOptions::new().with_user(user, "p"));
    let address = [format!("http://{}", proxy.address)];
    let mut root = Client::connect(&address, login("root")).await?;
    let serializable = || Some(GetOptions::new().with_serializable());
    assert_eq!(root.get("key", serializable()).await?.kvs().len(), 1);
    // What root has read is in the cache now, and is not for others.
    let mut user = Client::connect(&address, login("u")).await?;
    let refused = user.get("key", serializable()).await.expect_err("no right to it");
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    let mut watch = user.watch("key", None).await;
    let refused = match &mut watch {
        Ok(stream) => stream.message().await?.ok_or("an answer")?.cancel_reason().to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(refused.contains("permission denied") || refused.contains("ermission"), "{refused}");
    Ok(())
}
