//! Certificates of a running cluster are replaced, the authority included, while clients read and write; not one of their
//! requests fails.
//!
//! The authority changes as operators do it: first everybody trusts the old one and the new one, then everybody gets
//! certificates of the new one, then nobody trusts the old one any more. Clients with connections that stand and clients
//! that come anew work on through all of it. After each step, while they pause, all connections between members are cut,
//! so that members have to convince each other with what they have now.

mod cluster;
mod load;
#[path = "../pty/server.rs"]
#[allow(dead_code, reason = "of that server only its program is wanted")]
mod server;
mod wire;

use cluster::{Cluster, MEMBERS};
use load::Load;
use oxetcd_client::{Client, Config, FileTls, TlsConnector, TlsOptions};
use oxetcd_tls::{Authority, Subject};
use server::PATIENCE;
use std::{path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;

/// Answers that clients must get in each step before the next.
const ANSWERS_PER_STEP: usize = 60;

/// Replaces a file at once.
fn write(dir: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(dir).expect("a folder can be made");
    let new = dir.join(format!("{name}.new"));
    std::fs::write(&new, text).expect("a file can be written");
    std::fs::rename(new, dir.join(name)).expect("a file can be renamed");
}

/// Certificates for all members and for clients. Between a key and its certificate there is a moment in which they do not
/// fit, as with every tool.
fn issue(dir: &Path, authority: &Authority, serial: u64) {
    let owners = (0..MEMBERS).map(cluster::name).chain(["client".to_owned()]);
    for (owner, serial) in owners.zip(serial..) {
        let hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let subject = Subject { common_name: owner.clone(), hosts, expired: false, serial };
        let issued = authority.issue(&subject).expect("a certificate");
        write(&dir.join(&owner), "own.key", &issued.key);
        write(&dir.join(&owner), "own.crt", &issued.cert);
    }
}

/// Whom everybody trusts.
fn trust(dir: &Path, authorities: &[&Authority]) {
    let text: String = authorities.iter().map(|authority| authority.cert()).collect();
    for owner in (0..MEMBERS).map(cluster::name).chain(["client".to_owned()]) {
        write(&dir.join(owner), "ca.crt", &text);
    }
}

/// TLS of a client with the files in `dir`.
fn tls(dir: &Path) -> Arc<dyn TlsConnector> {
    let options = TlsOptions {
        cert_file: Some(dir.join("own.crt")),
        key_file: Some(dir.join("own.key")),
        trusted_ca_file: Some(dir.join("ca.crt")),
        ..TlsOptions::default()
    };
    Arc::new(FileTls::new(options).expect("files that can be used"))
}

async fn client(endpoints: &[String], tls: Arc<dyn TlsConnector>) -> Client {
    let mut config = Config::new(endpoints.iter().cloned());
    config.tls = Some(tls);
    Client::connect(config).await.expect("nothing is connected to yet").with_timeout(PATIENCE)
}

/// Members talk again with what they have now: each of them takes a write.
async fn meet_again(cluster: &Cluster, tls: &Arc<dyn TlsConnector>) {
    cluster.cut_peers();
    for endpoint in &cluster.endpoints {
        let one = client(std::slice::from_ref(endpoint), tls.clone()).await;
        cluster::until(|| async { load::put(&one, "meeting", "again").await.is_ok() }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_and_their_authority_are_replaced_under_load() {
    let dir = TempDir::with_prefix("rotation-").expect("a folder can be made");
    let (old, new) = (Authority::new("old").expect("made"), Authority::new("new").expect("made"));
    trust(dir.path(), &[&old]);
    issue(dir.path(), &old, 100);
    let cluster = Cluster::start(dir.path());
    let mine = tls(&dir.path().join("client"));
    let load = Load::start(&cluster.endpoints, &mine).await;
    load.more(ANSWERS_PER_STEP).await;

    // The same authority first: certificates come to their end more often than authorities.
    let steps: [(&str, &dyn Fn()); 4] = [
        ("certificates", &|| issue(dir.path(), &old, 200)),
        ("both authorities", &|| trust(dir.path(), &[&old, &new])),
        ("certificates of the new one", &|| issue(dir.path(), &new, 300)),
        ("the new one alone", &|| trust(dir.path(), &[&new])),
    ];
    for (what, step) in steps {
        step();
        load.more(ANSWERS_PER_STEP).await;
        let resting = load.rest().await;
        meet_again(&cluster, &mine).await;
        drop(resting);
        load.more(ANSWERS_PER_STEP).await;
        eprintln!("{what}: {} answers so far", load.answers());
    }
    let (answers, failures) = load.finish().await;
    assert!(failures.is_empty(), "{} of {answers} requests failed: {failures:?}", failures.len());

    // The old one is really out, on both sides.
    let stranger = dir.path().join("stranger");
    let subject = Subject { common_name: "client".to_owned(), serial: 400, ..Subject::default() };
    let issued = old.issue(&subject).expect("a certificate");
    for (name, text) in [("own.key", issued.key), ("own.crt", issued.cert), ("ca.crt", new.cert())] {
        write(&stranger, name, &text);
    }
    let refused = client(&cluster.endpoints, tls(&stranger)).await.with_timeout(Duration::from_secs(2));
    assert!(load::put(&refused, "k", "v").await.is_err(), "a certificate of the old authority is taken");
    for endpoint in &cluster.endpoints {
        let page = client(std::slice::from_ref(endpoint), mine.clone()).await;
        let page = page.http_get(endpoint, "/metrics").await.expect("let in");
        let page = String::from_utf8_lossy(&page).into_owned();
        let read = page.lines().find_map(|line| line.strip_prefix("oxetcd_tls_reloads_total ")?.parse().ok());
        assert!(read.is_some_and(|read: u64| read >= 4), "{endpoint} has read its files {read:?} times");
    }
}
