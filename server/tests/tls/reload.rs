//! Files that change while a server runs: new ones are in force for the next connection, and those that stand go on.

use crate::{
    pki::{Pki, data_dir, strs, subject},
    support::Server,
    talk::{channel, get, put, refusal},
};
use oxetcd_tls::{Authority, TlsOptions};

/// The value of a counter.
async fn metric(to: &str, caller: &TlsOptions, name: &str) -> u64 {
    let (_, text) = get(to, caller, "/metrics").await.expect("let in");
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {text}"))
}

const DONE: &str = "oxetcd_tls_reloads_total";
const FAILED: &str = "oxetcd_tls_reload_failures_total";
const KEPT: &str = "TLS files cannot be used; the former ones stay in force";

#[tokio::test]
async fn half_written_files_leave_the_former_in_force() {
    let pki = Pki::new();
    let server = Server::start(&data_dir(&pki), &strs(&pki.client_flags()));
    let (to, caller) = (server.endpoint().to_owned(), pki.caller("client"));
    let standing = channel(&to, &caller).await.expect("connected");
    put(&standing, "a").await.expect("put");
    let mut failures = 0;
    for name in ["server.crt", "server.key", "ca.crt"] {
        let whole = std::fs::read_to_string(pki.path(name)).expect("a file");
        // Cut in the middle, empty, something else, gone.
        let halves = [&whole[..whole.len() / 2], "", "no certificate"];
        for half in halves.map(Some).into_iter().chain([None]) {
            match half {
                Some(half) => std::fs::write(pki.path(name), half).expect("a file can be written"),
                None => std::fs::remove_file(pki.path(name)).expect("a file can be removed"),
            }
            let answer = get(&to, &pki_caller_of(&pki, &whole, name), "/health").await;
            assert_eq!(answer.unwrap_or_else(|error| panic!("{name}: {half:?}: {error}")).0, 200);
            let line = server.wait_for_log(KEPT);
            assert!(line.contains(name), "{half:?} in {name}: {line}");
            failures += 1;
        }
        std::fs::write(pki.path(name), &whole).expect("a file can be written");
    }
    assert_eq!(metric(&to, &caller, FAILED).await, failures);
    assert!(metric(&to, &caller, DONE).await > 0, "the files are whole again");
    put(&standing, "b").await.expect("the connection stands");
}

/// A caller that does not read the file that is broken.
fn pki_caller_of(pki: &Pki, whole: &str, name: &str) -> TlsOptions {
    if name != "ca.crt" {
        return pki.caller("client");
    }
    pki.write("ca-of-caller.crt", whole);
    TlsOptions { trusted_ca_file: Some(pki.path("ca-of-caller.crt")), ..pki.caller("client") }
}

#[tokio::test]
async fn certificates_authorities_and_revocations_are_replaced() {
    let pki = Pki::new();
    pki.write("crl.pem", &pki.ca.revoke(&[]).expect("a list"));
    let mut flags = pki.client_flags();
    flags.extend(["--client-crl-file".to_owned(), pki.text("crl.pem")]);
    let server = Server::start(&data_dir(&pki), &strs(&flags));
    let to = server.endpoint();
    let victim = pki.caller("revoked");
    let standing = channel(to, &victim).await.expect("connected");
    put(&standing, "a").await.expect("not revoked yet");

    // Revoked, for connections to come.
    pki.write("crl.pem", &pki.ca.revoke(&[crate::pki::REVOKED]).expect("a list"));
    assert_eq!(refusal(to, &victim).await, "remote error: tls: bad certificate");
    put(&standing, "b").await.expect("the connection stands");

    // Another authority beside the old one, then alone.
    let next = Authority::new("the next authority").expect("an authority");
    pki.issue(&next, "next", &subject("alice", &[], false, 30));
    pki.write("trusted.crt", &(pki.ca.cert() + &next.cert()));
    let trusting = |caller| TlsOptions { trusted_ca_file: Some(pki.path("trusted.crt")), ..caller };
    assert_eq!(
        refusal(to, &trusting(pki.caller("next"))).await,
        "remote error: tls: unknown certificate authority"
    );
    pki.write("ca.crt", &(pki.ca.cert() + &next.cert()));
    for name in ["client", "next"] {
        assert_eq!(get(to, &trusting(pki.caller(name)), "/health").await.expect("let in").0, 200, "{name}");
    }
    pki.write("ca.crt", &next.cert());
    assert_eq!(
        refusal(to, &trusting(pki.caller("client"))).await,
        "remote error: tls: unknown certificate authority"
    );
    // The server's own certificate, too.
    let only_next = TlsOptions { trusted_ca_file: Some(pki.path("ca.crt")), ..pki.caller("next") };
    let told = refusal(to, &only_next).await;
    assert!(told.ends_with("x509: certificate signed by unknown authority"), "{told}");
    pki.issue(&next, "server", &subject("server", &["localhost", "127.0.0.1"], false, 31));
    assert_eq!(get(to, &only_next, "/health").await.expect("let in").0, 200);
    assert_eq!(metric(to, &only_next, FAILED).await, 0);
    put(&standing, "c").await.expect("the connection stands");
}
