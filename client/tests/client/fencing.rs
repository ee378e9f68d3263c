//! A holder that is paused: its lease ends, somebody else takes the lock, and then it goes on as if nothing had happened.
//!
//! The example of `examples/fencing.rs` says that a fence helps and nothing else does. Here its own functions are put to
//! the proof, against a member and a pause that are real.

#[allow(dead_code, reason = "an example has a main function")]
#[path = "../../examples/fencing.rs"]
mod example;

use crate::{
    members::{Members, PATIENCE},
    proxy::Proxy,
};
use example::{BALANCE, LOCK, Printer, balance, put_as};
use oxetcd_api::etcdserverpb::RangeRequest;
use oxetcd_client::{
    Client, Config,
    concurrency::{Mutex, Session},
};
use tokio::time::timeout;

async fn client(endpoint: String) -> Client {
    Client::connect(Config::new([endpoint])).await.expect("nothing is connected to yet")
}

async fn stored(client: &Client) -> String {
    let read = RangeRequest { key: BALANCE.into(), ..RangeRequest::default() };
    let found = client.range(read).await.expect("the member is up");
    found.kvs.first().map(|kv| String::from_utf8_lossy(&kv.value).into_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_fence_stops_a_paused_holder_and_nothing_else_does() {
    let members = Members::start(1).await;
    let endpoint = members.endpoints().remove(0);
    // What the slow one sends and hears goes through here, its renewals above all.
    let wire = Proxy::start(Some(&endpoint)).await;
    let slow = client(wire.address()).await;
    let quick = client(endpoint).await;
    let mut printer = Printer::default();

    let session = Session::new(slow.clone(), 2).await.expect("a lease can be had");
    let mut slow_lock = Mutex::new(&session, LOCK);
    slow_lock.lock().await.expect("nobody else wants it");
    let (slow_owner, slow_fence) = slow_lock.is_owner().zip(slow_lock.revision()).expect("it is held");
    assert!(put_as(&slow, slow_owner.clone(), balance("slow, in time")).await.expect("the member is up"));
    assert!(printer.print(slow_fence, "slow's first page"));

    wire.freeze(true);
    let other = Session::new(quick.clone(), 60).await.expect("a lease can be had");
    let mut quick_lock = Mutex::new(&other, LOCK);
    timeout(PATIENCE, quick_lock.lock()).await.expect("the lease of the slow one ends").expect("ours lives");
    let (quick_owner, quick_fence) = quick_lock.is_owner().zip(quick_lock.revision()).expect("it is held");
    assert!(quick_fence > slow_fence, "each holder has a higher fence");
    assert!(put_as(&quick, quick_owner, balance("quick")).await.expect("the member is up"));
    assert!(printer.print(quick_fence, "quick's page"));

    // The slow one goes on, and has its old lock in its hands still.
    wire.freeze(false);
    assert_eq!(slow_lock.revision(), Some(slow_fence));
    assert!(!slow_lock.is_held(), "its own clock could have told it");
    let written = timeout(PATIENCE, put_as(&slow, slow_owner, balance("slow, too late"))).await;
    assert!(!written.expect("the wire is whole").expect("the member is up"), "the fence is to refuse it");
    assert_eq!(stored(&quick).await, "quick");
    assert!(!printer.print(slow_fence, "slow's second page"), "the fence is to refuse it");

    // Without a fence nobody stops it: what the holder has written is lost.
    slow.put(balance("slow, without a fence")).await.expect("the member is up");
    assert_eq!(stored(&quick).await, "slow, without a fence");
    assert!(quick_lock.is_held(), "and that although quick holds the lock");
}

#[tokio::test]
async fn the_example_does_what_it_says() {
    let members = Members::start(1).await;
    example::run(client(members.endpoints().remove(0)).await).await.expect("every fence holds");
}
