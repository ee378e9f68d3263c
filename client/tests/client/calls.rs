//! The client against a server that misbehaves on command.

use crate::fake::{Fake, closed_port, impostor};
use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest, WatchCreateRequest};
use oxetcd_client::{Client, Code, Config, Credentials, Error};
use std::time::Duration;
use tonic::Status;

async fn client(endpoints: &[&str]) -> Client {
    Client::connect(Config::new(endpoints.iter().copied())).await.expect("nothing is connected to yet")
}

#[tokio::test]
async fn a_read_is_repeated_and_a_write_is_not() {
    let fake = Fake::default();
    let server = fake.start();
    let client = client(&[&server.endpoint]).await;

    fake.script().errors.extend([Status::unavailable("later"), Status::unavailable("later")]);
    client.range(RangeRequest::default()).await.expect("the third attempt succeeds");
    assert_eq!(fake.script().calls, 3);

    fake.script().errors.extend([Status::unavailable("later")]);
    let error = client.put(PutRequest::default()).await.expect_err("not repeated");
    assert_eq!((error.code(), fake.script().calls), (Code::Unavailable, 4));
    assert_eq!(error.to_string(), "rpc error: code = Unavailable desc = later");
}

#[tokio::test]
async fn other_errors_are_final_and_etcds_own_are_known() {
    let fake = Fake::default();
    let server = fake.start();
    let client = client(&[&server.endpoint]).await;
    fake.script()
        .errors
        .extend([Status::out_of_range("etcdserver: mvcc: required revision has been compacted")]);
    let error = client.range(RangeRequest::default()).await.expect_err("final");
    assert!(error.is("etcdserver: mvcc: required revision has been compacted"), "{error:?}");
    assert_eq!(fake.script().calls, 1);
}

#[tokio::test]
async fn members_that_are_down_are_passed_over() {
    let fake = Fake::default();
    let (server, other) = (fake.start(), fake.start());
    let (down, down_too) = (closed_port().await, closed_port().await);
    let client = client(&[&down, &server.endpoint, &down_too, &other.endpoint]).await;
    for _ in 0..8 {
        client.put(PutRequest::default()).await.expect("some member is up");
    }
    assert_eq!(fake.script().calls, 8);
}

#[tokio::test]
async fn reads_go_on_when_a_member_stops() {
    let fake = Fake::default();
    let (server, other) = (fake.start(), fake.start());
    let client = client(&[&server.endpoint, &other.endpoint]).await;
    for _ in 0..4 {
        client.range(RangeRequest::default()).await.expect("both are up");
    }
    drop(server);
    for _ in 0..20 {
        client.range(RangeRequest::default()).await.expect("one is up");
    }
}

#[tokio::test]
async fn a_connection_counts_once_its_server_has_spoken() {
    let fake = Fake::default();
    let server = fake.start();
    // Those who hang up on the first word, and those who answer it with something else.
    for answer in ["", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let impostor = impostor(answer).await;
        let client_of_two = client(&[&impostor, &server.endpoint]).await;
        for _ in 0..8 {
            client_of_two.put(PutRequest::default()).await.expect("one member is up");
        }
        let alone = client(&[&impostor]).await.with_timeout(Duration::from_millis(300));
        let error = alone.put(PutRequest::default()).await.expect_err("nobody is there");
        assert_eq!(error, Error::DeadlineExceeded, "{answer:?}");
    }
    assert_eq!(fake.script().calls, 16);
}

#[tokio::test]
async fn a_call_waits_for_a_member_until_its_deadline() {
    let down = closed_port().await;
    let client = client(&[&down]).await;
    let error = client.with_timeout(Duration::from_millis(50)).range(RangeRequest::default()).await;
    assert_eq!(error.expect_err("nobody is there"), Error::DeadlineExceeded);
    let error = client.with_connect_timeout(Duration::from_millis(50)).put(PutRequest::default()).await;
    assert_eq!(error.expect_err("nobody is there"), Error::DeadlineExceeded);
    let none = Client::connect(Config::new(Vec::<String>::new())).await;
    assert_eq!(none.map(|_| ()).expect_err("nobody is named"), Error::NoEndpoints);
}

#[tokio::test]
async fn requests_above_the_limit_are_not_sent() {
    let fake = Fake::default();
    let server = fake.start();
    let mut config = Config::new([&server.endpoint]);
    config.max_send_bytes = 10;
    let client = Client::connect(config).await.expect("no credentials");
    let request = PutRequest { key: "0123456789".into(), ..PutRequest::default() };
    let error = client.put(request).await.expect_err("too large");
    let text =
        "rpc error: code = ResourceExhausted desc = trying to send message larger than max (12 vs. 10)";
    assert_eq!((error.to_string().as_str(), fake.script().calls), (text, 0));
}

#[tokio::test]
async fn a_token_is_fetched_carried_and_renewed() {
    let fake = Fake::default();
    let server = fake.start();
    let mut config = Config::new([&server.endpoint]);
    config.credentials = Some(Credentials::Password { user: "root".into(), password: "pw".into() });
    let client = Client::connect(config).await.expect("the fake takes any password");
    fake.script().errors.extend([Status::unauthenticated("etcdserver: invalid auth token")]);
    // Refused before anything was done: a write is safe to repeat.
    client.put(PutRequest::default()).await.expect("with a new token");
    let token = |name: &str| Some(name.to_owned());
    assert_eq!(fake.script().tokens, [token("token1"), token("token2")]);
}

#[tokio::test]
async fn pieces_of_a_range_are_put_together() {
    let fake = Fake::default();
    let server = fake.start();
    let client = client(&[&server.endpoint]).await;
    let stream = client.range_stream(RangeRequest::default()).await.expect("opens");
    let whole = stream.collect().await.expect("complete");
    let keys: Vec<_> = whole.kvs.iter().map(|kv| kv.key.clone()).collect();
    assert_eq!((keys, whole.more, whole.count), (vec!["a".into(), "b".into(), "c".into()], true, 9));
    assert_eq!(whole.header.map(|header| header.revision), Some(7));
}

#[tokio::test]
async fn a_watch_goes_on_where_its_stream_broke() {
    let fake = Fake::default();
    fake.script().events_per_stream = 3;
    let (server, other) = (fake.start(), fake.start());
    let client = client(&[&server.endpoint, &other.endpoint]).await;
    let mut watch = client.watch(WatchCreateRequest { start_revision: 5, ..Default::default() });
    let mut got = Vec::new();
    while got.len() < 10 {
        let update = watch.next().await.expect("the stream is opened again");
        got.extend(update.response.events.into_iter().filter_map(|event| event.kv).map(|kv| kv.mod_revision));
    }
    assert_eq!(got, (5..15).collect::<Vec<_>>());
    assert_eq!(fake.script().watches[..4], [5, 8, 11, 14]);
}

#[tokio::test]
async fn a_watch_moves_on_when_its_member_is_gone() {
    let fakes = [Fake::default(), Fake::default()];
    for fake in &fakes {
        let mut script = fake.script();
        (script.events_per_stream, script.hold_streams) = (2, true);
    }
    let mut servers = fakes.each_ref().map(|fake| Some(fake.start()));
    let endpoints = servers.each_ref().map(|server| server.as_ref().expect("runs").endpoint.clone());
    let client = client(&[&endpoints[0], &endpoints[1]]).await;
    let mut watch = client.watch(WatchCreateRequest { start_revision: 5, ..Default::default() });
    let mut got = Vec::new();
    while got.len() < 4 {
        if got.len() == 2 {
            let serving = fakes.iter().position(|fake| !fake.script().watches.is_empty());
            servers[serving.expect("one of them answered")] = None;
        }
        let update = watch.next().await.expect("the other member goes on");
        got.extend(update.response.events.into_iter().filter_map(|event| event.kv).map(|kv| kv.mod_revision));
    }
    assert_eq!(got, [5, 6, 7, 8]);
}

#[tokio::test]
async fn a_lease_is_renewed_until_it_is_gone() {
    let fake = Fake::default();
    fake.script().ttls.extend([1, 1]);
    let server = fake.start();
    let client = client(&[&server.endpoint]).await;
    let mut renewals = client.keep_alive(7);
    let mut ttls = Vec::new();
    while let Some(renewal) = renewals.next().await {
        ttls.push((renewal.id, renewal.ttl));
    }
    assert_eq!(ttls, [(7, 1), (7, 1)]);
    let gone = client.keep_alive_once(7).await.expect_err("gone");
    assert!(gone.is("etcdserver: requested lease not found"), "{gone:?}");
}
