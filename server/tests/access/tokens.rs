//! Logins: passwords, and tokens that are forged, expired or old.

use crate::client::{PASSWORD, World, by};
use oxetcd_api::etcdserverpb as pb;
use tonic::Code;

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
    let option = format!("jwt,priv-key={},sign-method=HS256,ttl=1h", secret.display());
    let world = World::new(&["--auth-token", &option]).await;
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
