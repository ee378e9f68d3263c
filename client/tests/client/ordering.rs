//! Reads that must not go back, against a server that answers with whatever revision it is told to.

use crate::fake::Fake;
use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest, RequestOp, TxnRequest, request_op::Request};
use oxetcd_client::{Client, Code, Config, Error};

async fn ordered(endpoints: &[&str]) -> Client {
    let config = Config::new(endpoints.iter().copied());
    Client::connect(config).await.expect("nothing is connected to yet").ordered()
}

async fn read(client: &Client) -> Result<i64, Error> {
    Ok(client.range(RangeRequest::default()).await?.header.map_or(0, |header| header.revision))
}

#[tokio::test]
async fn another_member_is_asked_when_one_lags() {
    let fake = Fake::default();
    let (server, other) = (fake.start(), fake.start());
    let client = ordered(&[&server.endpoint, &other.endpoint]).await;
    fake.script().revisions.extend([5, 4, 3, 5, 7, 6, 8]);
    assert_eq!(read(&client).await, Ok(5));
    assert_eq!(read(&client).await, Ok(5), "4 and 3 are older");
    assert_eq!(read(&client.clone()).await, Ok(7));
    assert_eq!(read(&client).await, Ok(8), "a clone has seen 7, and that counts");
    assert_eq!(fake.script().calls, 7);
}

#[tokio::test]
async fn what_was_written_is_seen() {
    let fake = Fake::default();
    let server = fake.start();
    let client = ordered(&[&server.endpoint]).await;
    fake.script().revisions.extend([9, 8, 9, 8, 10]);
    client.put(PutRequest::default()).await.expect("the fake takes anything");
    assert_eq!(read(&client).await, Ok(9));
    let op = RequestOp { request: Some(Request::RequestRange(RangeRequest::default())) };
    let txn = TxnRequest { success: vec![op], ..TxnRequest::default() };
    let answer = client.txn(txn).await.expect("it reads, so it may be repeated");
    assert_eq!(answer.header.map(|header| header.revision), Some(10));
}

#[tokio::test]
async fn a_write_is_never_repeated_for_its_revision() {
    let fake = Fake::default();
    let server = fake.start();
    let client = ordered(&[&server.endpoint]).await;
    // A cluster that was restored from a backup begins anew.
    fake.script().revisions.extend([9, 3, 3]);
    assert_eq!(read(&client).await, Ok(9));
    client.put(PutRequest::default()).await.expect("done");
    let op = RequestOp { request: Some(Request::RequestPut(PutRequest::default())) };
    let txn = TxnRequest { failure: vec![op], ..TxnRequest::default() };
    client.txn(txn).await.expect("done");
    assert_eq!(fake.script().calls, 3);
}

#[tokio::test]
async fn it_gives_up_when_all_lag() {
    let fake = Fake::default();
    let (server, other) = (fake.start(), fake.start());
    let client = ordered(&[&server.endpoint, &other.endpoint]).await;
    fake.script().revisions.extend([9]);
    assert_eq!(read(&client).await, Ok(9));
    assert_eq!(read(&client).await, Err(Error::NoGreaterRevision));
    assert_eq!(fake.script().calls, 11, "each of the two five times");
    assert_eq!(read(&client.ordered()).await, Ok(0), "a new order begins with nothing");
    let stream = client.range_stream(RangeRequest::default()).await;
    assert_eq!(stream.map(drop).expect_err("it cannot be ordered").code(), Code::Unimplemented);
}
