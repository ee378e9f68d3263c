//! Members by DNS, with a name server of our own.
//!
//! covers: etcdctl --discovery-srv -d --discovery-srv-name --insecure-discovery

use super::server::{ETCDCTL, Server};
use oxetcd_dns::{NAME_SERVER_VARIABLE, testing::NameServer};
use std::process::{Command, Stdio};

/// Runs etcdctl to its end; exit code, stdout, stderr.
fn ctl(names: &NameServer, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(ETCDCTL)
        .env(NAME_SERVER_VARIABLE, names.address().to_string())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("etcdctl can be started");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn members_are_found_by_a_domain() {
    let server = Server::start();
    let (_, port) = server.endpoint().rsplit_once(':').expect("it has a port");
    let port = port.parse().expect("a number");
    let names = NameServer::start([
        ("_etcd-client._tcp.example.org", "localhost.", port),
        ("_etcd-client-second._tcp.example.org", "localhost.", port),
    ]);
    let patience = "--command-timeout=100s";
    let put = ctl(&names, &[patience, "--discovery-srv", "example.org", "put", "k", "v"]);
    assert_eq!(put, (Some(0), "OK\n".to_owned(), String::new()));
    let by_name = ["-d", "example.org", "--discovery-srv-name=second", "get", "k", "--print-value-only"];
    let got = ctl(&names, &[&[patience], &by_name[..]].concat());
    assert_eq!(got, (Some(0), "v\n".to_owned(), String::new()));

    // Addresses without TLS are not good enough, and nothing is left: the given ones count again.
    let endpoint = format!("--endpoints=http://{}", server.endpoint());
    let secure = ["--discovery-srv=example.org", "--insecure-discovery=false", "--insecure-skip-tls-verify"];
    let put = ctl(&names, &[&[patience, &endpoint], &secure[..], &["put", "k", "w"]].concat());
    let ignored = format!("ignoring discovered insecure endpoint \"http://localhost.:{port}\"\n");
    assert_eq!(put, (Some(0), "OK\n".to_owned(), ignored));
}

#[test]
fn an_unknown_domain_is_an_error() {
    let names = NameServer::start([]);
    let (code, out, error) = ctl(&names, &["--discovery-srv", "example.org", "get", "k"]);
    let on = names.address();
    let expected = format!(
        "Error: dns lookup errors: lookup _etcd-client-ssl._tcp.example.org on {on}: no such host and \
         lookup _etcd-client._tcp.example.org on {on}: no such host\n"
    );
    assert_eq!((code, out, error), (Some(1), String::new(), expected));
}
