//! Tokens that run out while a stream stands: it carries the one that it was opened with, so another stream is opened with
//! another token, and goes on where the first one was.

use crate::fake::{Fake, INVALID_TOKEN};
use oxetcd_api::etcdserverpb::WatchCreateRequest;
use oxetcd_client::{Client, Config, Credentials, WatchUpdate};

async fn client(endpoint: &str, credentials: Credentials) -> Client {
    let mut config = Config::new([endpoint]);
    config.credentials = Some(credentials);
    Client::connect(config).await.expect("the fake takes any password")
}

fn password() -> Credentials {
    Credentials::Password { user: "alice".into(), password: "pw".into() }
}

fn revisions(update: WatchUpdate) -> Vec<i64> {
    update.response.events.into_iter().filter_map(|event| event.kv).map(|kv| kv.mod_revision).collect()
}

#[tokio::test]
async fn a_watch_is_asked_for_again_with_a_new_token() {
    let fake = Fake::default();
    {
        let mut script = fake.script();
        (script.events_per_stream, script.hold_streams) = (2, true);
    }
    let server = fake.start();
    let watcher = client(&server.endpoint, password()).await.watcher();
    let mut first = watcher.watch(WatchCreateRequest { start_revision: 5, ..Default::default() });
    let mut got = Vec::new();
    while got.len() < 2 {
        got.extend(revisions(first.next().await.expect("an answer")));
    }
    // From here on the token of the stream that stands is worth nothing.
    fake.script().oldest_token = 2;
    let mut second = watcher.watch(WatchCreateRequest { start_revision: 50, ..Default::default() });
    let mut other = Vec::new();
    while other.len() < 2 {
        other.extend(revisions(second.next().await.expect("not refused for good")));
    }
    assert_eq!(other, [50, 51]);
    while got.len() < 4 {
        got.extend(revisions(first.next().await.expect("it goes on, too")));
    }
    assert_eq!(got, [5, 6, 7, 8], "where it was");
    assert_eq!(fake.script().logins, 2);
}

/// A token that was given, and not fetched, cannot be replaced.
#[tokio::test]
async fn a_given_token_that_is_refused_ends_the_watch() {
    let fake = Fake::default();
    fake.script().oldest_token = 2;
    let server = fake.start();
    let client = client(&server.endpoint, Credentials::Token("token1".into())).await;
    let mut watch = client.watch(WatchCreateRequest::default());
    let ended = loop {
        let update = watch.next().await.expect("it is told why");
        if let Some(error) = update.error {
            break error;
        }
    };
    assert!(ended.to_string().ends_with(INVALID_TOKEN), "{ended:?}");
    assert_eq!(fake.script().logins, 0);
}

#[tokio::test]
async fn a_lease_is_kept_alive_with_a_new_token() {
    let fake = Fake::default();
    {
        let mut script = fake.script();
        script.ttls.extend([60, 60]);
        script.oldest_token = 2;
    }
    let server = fake.start();
    let client = client(&server.endpoint, password()).await;
    let mut renewals = client.keep_alive(7);
    let renewal = renewals.next().await.expect("renewed");
    assert_eq!((renewal.id, renewal.ttl), (7, 60));
    assert_eq!(fake.script().logins, 2);
}
