//! Endpoints that change under a client.

use crate::{
    fake::{Fake, closed_port},
    proxy::Proxy,
};
use oxetcd_api::etcdserverpb::{Member, PutRequest, WatchCreateRequest};
use oxetcd_client::{Client, Config};
use std::time::Duration;
use tokio::time::timeout;

/// For what must happen.
const PATIENCE: Duration = Duration::from_secs(120);

fn member(name: &str, is_learner: bool, url: &str) -> Member {
    Member { name: name.to_owned(), is_learner, client_ur_ls: vec![url.to_owned()], ..Member::default() }
}

#[tokio::test]
async fn calls_go_where_the_members_are() {
    let (old, new) = (Fake::default(), Fake::default());
    let (server, next) = (old.start(), new.start());
    let client = Client::connect(Config::new([&server.endpoint])).await.expect("nothing is connected to yet");
    let down = closed_port().await;
    old.script().members.extend([
        member("joined", false, &next.endpoint),
        member("learner", true, &down),
        // Added, and not started yet.
        member("", false, &down),
    ]);
    let clone = client.clone();
    client.sync().await.expect("the member answers");
    assert_eq!(clone.endpoints(), std::slice::from_ref(&next.endpoint));
    drop(server);
    for _ in 0..4 {
        clone.put(PutRequest::default()).await.expect("the new member is up");
    }
    assert_eq!((old.script().calls, new.script().calls), (0, 4));

    // The new one knows nobody: better to stay than to be nowhere.
    client.sync().await.expect("it answers");
    assert_eq!(client.endpoints(), std::slice::from_ref(&next.endpoint));
}

#[tokio::test]
async fn a_call_that_waits_finds_a_member_that_comes() {
    let fake = Fake::default();
    let server = fake.start();
    let client =
        Client::connect(Config::new([closed_port().await])).await.expect("nothing is connected to yet");
    let waiting = client.clone();
    let call = tokio::spawn(async move { waiting.put(PutRequest::default()).await });
    client.set_endpoints([server.endpoint.clone(), server.endpoint.clone()]);
    assert_eq!(client.endpoints().len(), 1, "named twice, and yet one member");
    timeout(PATIENCE, call).await.expect("it is found").expect("no panic").expect("the fake takes anything");
}

#[tokio::test]
async fn members_are_followed_by_themselves() {
    let (old, new) = (Fake::default(), Fake::default());
    let (server, next) = (old.start(), new.start());
    old.script().members.push(member("new", false, &next.endpoint));
    new.script().members.push(member("new", false, &next.endpoint));
    let mut config = Config::new([&server.endpoint]);
    config.auto_sync_interval = Some(Duration::from_millis(5));
    let client = Client::connect(config).await.expect("nothing is connected to yet");
    let followed = async {
        while client.endpoints() != std::slice::from_ref(&next.endpoint) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, followed).await.expect("the members are looked at");
    client.put(PutRequest::default()).await.expect("the new member is up");
}

/// Streams end where they are: a watch stays until its member goes, and comes back on one that is still named.
#[tokio::test]
async fn a_watch_moves_when_its_member_goes() {
    let (old, new) = (Fake::default(), Fake::default());
    for fake in [&old, &new] {
        (fake.script().events_per_stream, fake.script().hold_streams) = (2, true);
    }
    let (server, next) = (old.start(), new.start());
    let proxy = Proxy::start(Some(&server.endpoint)).await;
    let client = Client::connect(Config::new([proxy.address()])).await.expect("nothing is connected to yet");
    let mut watch = client.watch(WatchCreateRequest { start_revision: 5, ..Default::default() });
    let mut got = Vec::new();
    while got.len() < 4 {
        if got.len() == 2 {
            client.set_endpoints(std::slice::from_ref(&next.endpoint));
            proxy.cut();
        }
        let update = timeout(PATIENCE, watch.next()).await.expect("it goes on").expect("it is not over");
        got.extend(update.response.events.into_iter().filter_map(|event| event.kv).map(|kv| kv.mod_revision));
    }
    assert_eq!(got, [5, 6, 7, 8]);
    assert_eq!((&old.script().watches[..], &new.script().watches[..]), (&[5][..], &[7][..]));
}
