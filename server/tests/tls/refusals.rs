//! Who is not let in: what the log says of it, and what they are told themselves. The words are Go's, since operators
//! search for them.

use crate::{
    pki::{Pki, data_dir, strs},
    support::Server,
    talk::{LIMIT, get, refusal},
};
use oxetcd_tls::TlsOptions;
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::mpsc,
};

/// Whose certificate, what its owner is told, what the log says.
type Case = (&'static str, &'static str, &'static str);

const NO_CERTIFICATE: Case =
    ("", "remote error: tls: certificate required", "tls: client didn't provide a certificate");
const FOREIGN: Case = (
    "foreign",
    "remote error: tls: unknown certificate authority",
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
);
const EXPIRED: Case = (
    "expired",
    "remote error: tls: expired certificate",
    "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
);
const REVOKED: Case =
    ("revoked", "remote error: tls: bad certificate", "transport: certificate serial 0bad revoked");
const NOT_ALLOWED: &str = "client certificate authentication failed";
const BAD_HOST: Case = ("bad-host", "remote error: tls: bad certificate", NOT_ALLOWED);

fn caller(pki: &Pki, name: &str) -> TlsOptions {
    if name.is_empty() { pki.stranger() } else { pki.caller(name) }
}

/// Each is refused at `to`, in these words.
async fn refused(pki: &Pki, server: &Server, to: &str, endpoint: &str, cases: &[Case]) {
    let line = format!("rejected connection on {endpoint} endpoint");
    for (name, told, logged) in cases {
        assert_eq!(refusal(to, &caller(pki, name)).await, *told, "{name} at {endpoint}");
        let found = server.wait_for_log(&line);
        assert!(found.contains(&format!("\"error\":\"{logged}")), "{name} at {endpoint}: {found}");
    }
}

#[tokio::test]
async fn clients_that_must_not_come_in() {
    let pki = Pki::new();
    let mut flags = pki.client_flags();
    flags.extend(["--client-crl-file".to_owned(), pki.text("crl.pem")]);
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    let to = server.endpoint();
    refused(&pki, &server, to, "client", &[NO_CERTIFICATE, FOREIGN, EXPIRED, REVOKED]).await;
    for name in ["client", "nameless", "bad-host"] {
        let (status, body) = get(to, &pki.caller(name), "/health").await.expect("let in");
        assert_eq!(status, 200, "{name}: {body}");
    }
    // The server must be the one that was called, and an authority of ours must say so.
    let called = |name: &str| TlsOptions { server_name: Some(name.to_owned()), ..pki.caller("client") };
    let other = TlsOptions { trusted_ca_file: Some(pki.path("other-ca.crt")), ..pki.caller("client") };
    for (caller, told) in [
        (called("elsewhere.example"), "certificate is valid for localhost, not elsewhere.example"),
        (called("192.0.2.1"), "certificate is valid for 127.0.0.1, ::1, not 192.0.2.1"),
        (other, "certificate signed by unknown authority"),
    ] {
        let expected = format!("tls: failed to verify certificate: x509: {told}");
        assert_eq!(refusal(to, &caller).await, expected);
    }
    // Without encryption there is no answer, and no harm.
    assert!(refusal_of_plain(to).await, "an answer to plain text");
    assert_eq!(get(to, &pki.caller("client"), "/health").await.expect("let in").0, 200);
}

async fn refusal_of_plain(to: &str) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(to).await.expect("it listens");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    !answer.starts_with(b"HTTP/1.1 200")
}

#[tokio::test]
async fn clients_of_other_hosts() {
    let pki = Pki::new();
    let mut flags = pki.client_flags();
    flags.extend(["--client-cert-allowed-hostname", "good.example"].map(str::to_owned));
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    refused(&pki, &server, server.endpoint(), "client", &[BAD_HOST]).await;
    assert_eq!(get(server.endpoint(), &pki.caller("good-host"), "/health").await.expect("let in").0, 200);
}

#[tokio::test]
async fn members_that_must_not_come_in() {
    let pki = Pki::new();
    let mut flags = pki.peer_flags();
    flags.extend(["--peer-crl-file".to_owned(), pki.text("crl.pem")]);
    flags.extend(["--peer-cert-allowed-cn", "bob,alice"].map(str::to_owned));
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    let to = server.peer();
    // No host is at the address it is for, and the connection ends without a word, as with etcd.
    let elsewhere = ("elsewhere", "EOF", "x509: certificate is valid for 192.0.2.1, not 127.0.0.1");
    let names = "tls: \\\"127.0.0.1\\\" does not match any of DNSNames [\\\"*.bad.example\\\"]";
    let bad_host = ("wildcard", "EOF", names);
    let bad_name = ("server", "remote error: tls: bad certificate", NOT_ALLOWED);
    let cases = [NO_CERTIFICATE, FOREIGN, EXPIRED, REVOKED, bad_name, elsewhere, bad_host];
    refused(&pki, &server, to, "peer", &cases).await;
    let (status, body) = get(to, &pki.caller("client"), "/version").await.expect("let in");
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn members_of_other_hosts() {
    let pki = Pki::new();
    let mut flags = pki.peer_flags();
    flags.extend(["--peer-cert-allowed-hostname", "good.example"].map(str::to_owned));
    flags.push("--peer-skip-client-san-verification".to_owned());
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    refused(&pki, &server, server.peer(), "peer", &[BAD_HOST]).await;
    assert_eq!(get(server.peer(), &pki.caller("good-host"), "/version").await.expect("let in").0, 200);
}

/// A member whose certificate others refuse hears of it behind the handshake only, and says so in its own log.
#[test]
fn a_member_hears_why_it_is_not_let_in() {
    let pki = Pki::new();
    let mut flags = pki.peer_flags();
    flags.extend(["--peer-cert-allowed-cn", "alice"].map(str::to_owned));
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    let own = "https://127.0.0.1:2380";
    let mut command = Command::new(env!("CARGO_BIN_EXE_etcd"));
    command.args(["--name", "m1", "--data-dir"]).arg(pki.path("data-of-m1")).args(pki.peer_flags());
    command.args(["--listen-client-urls", "http://127.0.0.1:0"]);
    command.args(["--advertise-client-urls", "http://127.0.0.1:2379"]);
    command.args(["--initial-advertise-peer-urls", own, "--initial-cluster"]);
    command.arg(format!("m1={own},m2=https://{}", server.peer()));
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the server can be started");
    let stderr = child.stderr.take().expect("stderr was asked for");
    let (sender, told) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(stderr).lines().map_while(Result::ok);
        for line in lines.filter(|line| line.contains("a peer cannot be talked with")) {
            // The test may have ended.
            let _ = sender.send(line);
        }
    });
    let line = told.recv_timeout(LIMIT);
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
    let line = line.expect("it says that it is refused");
    assert!(line.contains(": remote error: tls: bad certificate"), "{line}");
}
