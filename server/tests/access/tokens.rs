//! Logins: passwords, and tokens that are forged, expired or old.

use crate::client::{PASSWORD, World, by};
use oxetcd_api::etcdserverpb as pb;
use std::{path::Path, time::Duration};
use tonic::{Code, Status};

const INVALID: &str = "etcdserver: invalid auth token";
const OLD: &str = "etcdserver: revision of auth store is old";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_and_forged_tokens() {
    let world = World::new(&[]).await;
    for (name, password) in [("part", "wrong"), ("part", ""), ("nobody", PASSWORD)] {
        let refused = world.try_log_in(name, password).await.expect_err("no login");
        assert_eq!(
            refused.message(),
            "etcdserver: authentication failed, invalid user ID or password",
            "{name} {password}"
        );
    }
    let token = world.log_in("part").await;
    world.put(Some(&token), "b").await.expect("allowed");
    let letters = token.split_once('.').expect("letters and an index").0;
    for forged in ["", "x", "aaaaaaaaaaaaaaaa.1", &format!("{letters}.1"), &format!("Bearer {letters}.1")] {
        let refused = world.put(Some(forged), "b").await.expect_err("refused");
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::Unauthenticated, "etcdserver: invalid auth token")
        );
    }
    world.put(Some(&format!("Bearer {token}")), "b").await.expect("as a bearer, too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_end_with_their_user_and_with_its_password() {
    let world = World::new(&[]).await;
    let root = world.log_in("root").await;
    let token = world.log_in("part").await;
    let change = pb::AuthUserChangePasswordRequest {
        name: "part".into(),
        password: "another".into(),
        ..Default::default()
    };
    world.auth().user_change_password(by(Some(&root), change)).await.expect("changed");
    let refused = world.put(Some(&token), "b").await.expect_err("refused");
    assert_eq!(refused.message(), "etcdserver: invalid auth token");
    assert!(world.try_log_in("part", PASSWORD).await.is_err(), "what was right before is wrong now");
    let token = world.try_log_in("part", "another").await.expect("logged in");
    world.put(Some(&token), "b").await.expect("allowed");
    let delete = pb::AuthUserDeleteRequest { name: "part".into() };
    world.auth().user_delete(by(Some(&root), delete)).await.expect("deleted");
    let refused = world.put(Some(&token), "b").await.expect_err("refused");
    assert_eq!(refused.message(), "etcdserver: invalid auth token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_tokens_of_an_older_revision_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "a secret").expect("written");
    let world = World::new(&["--auth-token", &hmac(&secret)]).await;
    let (root, token) = (world.log_in("root").await, world.log_in("part").await);
    world.put(Some(&token), "b").await.expect("allowed");
    world.add_user(Some(&root), "new").await.expect("added");
    let refused = world.put(Some(&token), "b").await.expect_err("refused");
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::InvalidArgument, "etcdserver: revision of auth store is old")
    );
    let refused = world.get(Some(&token), "b").await.expect_err("refused");
    assert_eq!(refused.message(), "etcdserver: revision of auth store is old");
    let token = world.log_in("part").await;
    world.put(Some(&token), "b").await.expect("allowed");
    let forged = format!("{}x", &token[..token.len() - 1]);
    let refused = world.put(Some(&forged), "b").await.expect_err("refused");
    assert_eq!(refused.code(), Code::Unauthenticated);
}

fn hmac(secret: &Path) -> String {
    format!("jwt,priv-key={},sign-method=HS256,ttl=1h", secret.display())
}

/// Waits for something that must happen.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn counts(world: &World, name: &str) -> u64 {
    let (_, metrics) = crate::support::http_get(world.server.endpoint(), "/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}")).parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simple_token_that_is_not_used_expires() {
    let world = World::new(&["--auth-token-ttl", "1"]).await;
    let token = world.log_in("part").await;
    // Each use would prolong it, so it is not looked at meanwhile. A second is over after a second and a half.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let refused = world.put(Some(&token), "b").await.expect_err("expired");
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, INVALID));
    let token = world.log_in("part").await;
    world.put(Some(&token), "b").await.expect("allowed");
}

/// The keys of a running server are replaced; half-written ones change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_read_again_when_their_files_change() {
    const RELOADS: &str = "oxetcd_jwt_key_reloads_total";
    const FAILURES: &str = "oxetcd_jwt_key_reload_failures_total";
    let dir = tempfile::tempdir().expect("a directory");
    let [private, public] = ["private", "public"].map(|name| dir.path().join(name));
    let keys = |name: &str| {
        let file = |end: &str| format!("{}/tests/access/keys/{name}{end}", env!("CARGO_MANIFEST_DIR"));
        [".pem", ".pub.pem"].map(|end| std::fs::read(file(end)).expect("a key"))
    };
    let [first, first_public] = keys("es256");
    let [second, second_public] = keys("es256-other");
    std::fs::write(&private, &first).expect("written");
    std::fs::write(&public, first_public).expect("written");
    let (private_name, public_name) = (private.display(), public.display());
    let option = format!("jwt,pub-key={public_name},priv-key={private_name},sign-method=ES256,ttl=1h");
    let world = World::new(&["--auth-token", &option]).await;
    let old = world.log_in("part").await;
    assert_eq!((counts(&world, RELOADS), counts(&world, FAILURES)), (0, 0));

    std::fs::write(&private, &second[..second.len() / 2]).expect("written");
    until("the half is seen", || async { counts(&world, FAILURES) > 0 }).await;
    world.put(Some(&old), "b").await.expect("the old keys are in force");
    world.put(Some(&world.log_in("part").await), "b").await.expect("for logins too");
    // One half of the pair does not fit the other.
    let failures = counts(&world, FAILURES);
    std::fs::write(&private, &second).expect("written");
    until("the wrong pair is seen", || async { counts(&world, FAILURES) > failures }).await;
    world.put(Some(&old), "b").await.expect("the old keys are in force");

    std::fs::write(&public, second_public).expect("written");
    until("the new pair is seen", || async { counts(&world, RELOADS) > 0 }).await;
    let refused = world.put(Some(&old), "b").await.expect_err("a token of the old keys");
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, INVALID));
    let new = world.log_in("part").await;
    world.put(Some(&new), "b").await.expect("a token of the new keys");
    let log = world.stop();
    assert!(log.contains("JWT keys cannot be used; the former ones stay in force"), "{log}");
    assert!(log.contains("JWT keys were read again"), "{log}");
}

/// Whoever has the public key alone believes tokens, and makes none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_the_public_key_alone() {
    let public = format!("{}/tests/access/keys/eddsa.pub.pem", env!("CARGO_MANIFEST_DIR"));
    let world = World::new(&["--auth-token", &format!("jwt,pub-key={public},sign-method=EdDSA")]).await;
    let refused = world.try_log_in("part", PASSWORD).await.expect_err("no key to sign with");
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unknown, "auth: token signing attempted with verify-only key")
    );
    let options = oxetcd_auth::JwtOptions {
        method: "EdDSA".parse().expect("a method"),
        public_key: None,
        private_key: Some(include_bytes!("keys/eddsa.pem").to_vec()),
        ttl_s: 3600,
    };
    let now_s =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let jwt = oxetcd_auth::Jwt::new(&options).expect("a key");
    let status = world.auth().auth_status(pb::AuthStatusRequest {}).await.expect("answered").into_inner();
    let token = jwt.sign("part", status.auth_revision, now_s).expect("signed");
    world.put(Some(&token), "b").await.expect("believed");
}

/// Options that cannot work are refused at the start, in a sentence.
#[test]
fn options_of_tokens_that_cannot_work() {
    let key = |name: &str| format!("{}/tests/access/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    let cases = [
        ("jwt".to_owned(), "auth: invalid auth options"),
        ("jwt,sign-method=XX256".to_owned(), "auth: invalid auth options"),
        ("jwt,sign-method=RS256".to_owned(), "auth: missing key data"),
        ("jwt,sign-method=RS256,priv-key=/nowhere".to_owned(), "/nowhere"),
        (format!("jwt,sign-method=ES384,priv-key={}", key("es256")), "auth: "),
        (format!("jwt,sign-method=ES512,priv-key={}", key("es256")), "auth: "),
        (
            format!("jwt,sign-method=ES256,priv-key={},pub-key={}", key("es256"), key("es256-other.pub")),
            "auth: public and private keys don't match",
        ),
        (
            format!("jwt,sign-method=ES512,priv-key={},pub-key={}", key("es512"), key("es512-other.pub")),
            "auth: public and private keys don't match",
        ),
    ];
    for (option, text) in cases {
        let dir = tempfile::tempdir().expect("a directory");
        let refusal = crate::support::Server::try_start(dir.path(), &["--auth-token", &option]);
        let refusal = refusal.err().unwrap_or_else(|| panic!("{option} was taken"));
        assert!(!refusal.status.success() && refusal.output.contains(text), "{option}: {}", refusal.output);
    }
}

/// Writes in somebody's name race with the end of that user. Each is done or refused in etcd's words, and none is done that began
/// after the end was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_in_the_name_of_a_user_that_was_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "a secret").expect("written");
    for flags in [vec![], vec!["--auth-token".to_owned(), hmac(&secret)]] {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let world = World::new(&flags).await;
        let (root, token) = (world.log_in("root").await, world.log_in("part").await);
        let write = |number: usize| {
            let (world, token) = (&world, &token);
            async move { world.put(Some(token), &format!("b{number}")).await }
        };
        let refusal = |outcome: Result<(), Status>| match outcome {
            Ok(()) => None,
            Err(status) => Some(status.message().to_owned()),
        };
        let deleted = async {
            // Some writes go before it.
            until("a write is done", || async {
                world.get(Some(&root), "b0").await.is_ok_and(|found| found.count == 1)
            })
            .await;
            let delete = pb::AuthUserDeleteRequest { name: "part".into() };
            world.auth().user_delete(by(Some(&root), delete)).await.expect("deleted");
        };
        let writers = futures::future::join_all((0..8).map(|writer| async move {
            for number in 0.. {
                if let Some(text) = refusal(write(writer + 8 * number).await) {
                    return text;
                }
            }
            String::new()
        }));
        let (told, ()) = tokio::join!(writers, deleted);
        assert!(told.iter().all(|text| [INVALID, OLD].contains(&text.as_str())), "{told:?}");
        for number in 0..8 {
            let text = refusal(write(number).await).expect("refused");
            assert!([INVALID, OLD].contains(&text.as_str()), "{text}");
        }
    }
}
