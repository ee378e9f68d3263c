//! Listeners of all kinds, and what they agree on with their callers.

use crate::{
    pki::{Pki, data_dir, strs},
    support::{Server, run},
    talk::{channel, connect, get, put, refusal},
};
use oxetcd_tls::{Protocol, TlsOptions, TlsVersion};

/// Whoever trusts anybody, and has nothing to show.
fn anybody() -> TlsOptions {
    TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() }
}

#[tokio::test]
async fn one_port_speaks_grpc_and_http() {
    let pki = Pki::new();
    let server = Server::start(&data_dir(&pki), &strs(&pki.client_flags()));
    let (to, caller) = (server.endpoint(), pki.caller("client"));
    let grpc = channel(to, &caller).await.expect("connected");
    for key in ["a", "b"] {
        put(&grpc, key).await.expect("put");
        let (status, body) = get(to, &caller, "/version").await.expect("answered");
        assert!(status == 200 && body.contains("etcdserver"), "{body}");
    }
    // Half a handshake holds nobody up.
    let silent = tokio::net::TcpStream::connect(to).await.expect("it listens");
    put(&grpc, "c").await.expect("put");
    put(&channel(to, &caller).await.expect("connected"), "d").await.expect("put");
    drop(silent);
}

#[tokio::test]
async fn certificates_are_made_where_none_are_given() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = "https://127.0.0.1:0";
    let flags = [
        ["--auto-tls", "--listen-client-urls", url, "--advertise-client-urls", url].as_slice(),
        ["--peer-auto-tls", "--listen-peer-urls", url].as_slice(),
    ]
    .concat();
    for start in 0..2 {
        let server = Server::start(dir.path(), &flags);
        put(&channel(server.endpoint(), &anybody()).await.expect("connected"), "a").await.expect("put");
        assert_eq!(get(server.peer(), &anybody(), "/version").await.expect("answered").0, 200);
        // Nobody vouches for such a certificate.
        let pki = Pki::new();
        let told = refusal(server.endpoint(), &pki.stranger()).await;
        assert!(told.ends_with("x509: certificate signed by unknown authority"), "start {start}: {told}");
        assert!(server.terminate().success());
    }
    use std::os::unix::fs::PermissionsExt;
    for kind in ["client", "peer"] {
        let key = dir.path().join("fixtures").join(kind).join("key.pem");
        let mode = std::fs::metadata(&key).expect("a key").permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read {}", key.display());
    }
}

#[tokio::test]
async fn socket_files_and_metrics() {
    let pki = Pki::new();
    let socket = pki.text("member.sock");
    let mut flags = pki.client_flags();
    let urls = format!("https://127.0.0.1:0,unixs://{socket},http://127.0.0.1:0");
    flags.extend(["--listen-client-urls".to_owned(), urls]);
    flags.extend(["--listen-metrics-urls", "https://127.0.0.1:0"].map(str::to_owned));
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    let unix = format!("unix:{socket}");
    put(&channel(&unix, &pki.caller("client")).await.expect("connected"), "a").await.expect("put");
    assert_eq!(refusal(&unix, &pki.stranger()).await, "remote error: tls: certificate required");
    let metrics = server.metrics().expect("the log says where");
    let (status, body) = get(metrics, &pki.caller("client"), "/metrics").await.expect("answered");
    assert!(status == 200 && body.contains("oxetcd_tls_reloads_total 0"), "{body}");
    assert_eq!(get(metrics, &pki.caller("client"), "/version").await.expect("answered").0, 404);
    assert_eq!(refusal(metrics, &pki.stranger()).await, "remote error: tls: certificate required");
}

#[tokio::test]
async fn versions_and_cipher_suites() {
    let pki = Pki::new();
    let suite = |name: &str| TlsOptions {
        cipher_suites: vec![name.to_owned()],
        max_version: Some(TlsVersion::V12),
        ..pki.stranger()
    };
    let (aes_128, aes_256) =
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    let old = TlsOptions { max_version: Some(TlsVersion::V12), ..pki.stranger() };
    let new = TlsOptions { min_version: TlsVersion::V13, ..pki.stranger() };
    let (suite_256, suite_128) = (suite(aes_256), suite(aes_128));
    // Flags, callers that come in, callers that do not.
    let cases: [(&[&str], Vec<&TlsOptions>, Vec<&TlsOptions>); 4] = [
        (&[], vec![&old, &new], vec![]),
        (&["--tls-min-version", "TLS1.3"], vec![&new], vec![&old]),
        (&["--tls-max-version", "TLS1.2"], vec![&old], vec![&new]),
        (&["--cipher-suites", aes_256], vec![&new, &suite_256], vec![&suite_128]),
    ];
    for (extra, good, bad) in cases {
        let mut flags = pki.open_flags();
        flags.extend(extra.iter().map(ToString::to_string));
        let server = Server::start(&data_dir(&pki), &strs(&flags));
        let to = server.endpoint();
        for caller in good {
            let answer = get(to, caller, "/version").await;
            assert_eq!(answer.unwrap_or_else(|error| panic!("{extra:?}: {caller:?}: {error}")).0, 200);
        }
        for caller in bad {
            assert!(connect(to, caller, Protocol::Grpc).await.is_err(), "{extra:?}: {caller:?}");
        }
    }
}

#[test]
fn settings_that_cannot_be() {
    let pki = Pki::new();
    let data = data_dir(&pki).display().to_string();
    let (cert, key, other_key) = (pki.text("server.crt"), pki.text("server.key"), pki.text("client.key"));
    let cases: [(&[&str], &str); 8] = [
        (&["--cert-file", &cert], "KeyFile and CertFile must both be present"),
        (&["--cert-file", &cert, "--key-file", &other_key], "server.crt"),
        (&["--cert-file", &cert, "--key-file", "/nowhere"], "/nowhere"),
        (&["--cert-file", &cert, "--key-file", &key, "--trusted-ca-file", &key], "server.key"),
        (&["--cert-file", &cert, "--key-file", &key, "--cipher-suites", "TLS_NONE"], "TLS_NONE"),
        (&["--tls-min-version", "TLS1.3", "--tls-max-version", "TLS1.2"], "min version"),
        (
            &["--tls-min-version", "TLS1.3", "--cipher-suites", "TLS_RSA"],
            "cipher suites cannot be configured",
        ),
        (&[], "TLS key/cert (--cert-file, --key-file) must be provided for client url"),
    ];
    for (extra, text) in cases {
        let url = "https://127.0.0.1:0";
        let listen = ["--listen-client-urls", url, "--advertise-client-urls", url, "--data-dir", &data];
        let refusal = run(&[&listen, extra, &["--listen-peer-urls", "http://127.0.0.1:0"]].concat());
        let refused = !refusal.status.success() && refusal.output.contains(text);
        assert!(refused, "{extra:?}: {}", refusal.output);
    }
}
