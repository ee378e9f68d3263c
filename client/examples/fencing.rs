//! Why a lock needs a fence: a holder that sleeps through the end of its lease goes on as if nothing had happened.
//!
//! Start a server, then: `cargo run -p oxetcd-client --example fencing [ENDPOINT]`.

use oxetcd_api::etcdserverpb::{
    Compare, LeaseRevokeRequest, PutRequest, RequestOp, TxnRequest, request_op::Request,
};
use oxetcd_client::{
    Client, Config, Error,
    concurrency::{Mutex, Session},
};

/// The name of the lock.
pub const LOCK: &str = "example/lock";
/// A key that only the holder of the lock is to write.
pub const BALANCE: &str = "example/balance";

/// Something outside of the store, which the lock protects too. It knows nothing of locks, only numbers.
#[derive(Default)]
pub struct Printer {
    highest_fence: i64,
}

impl Printer {
    /// Prints, unless somebody with a higher fence was here before.
    pub fn print(&mut self, fence: i64, text: &str) -> bool {
        let accepted = fence >= self.highest_fence;
        self.highest_fence = fence.max(self.highest_fence);
        println!("  printer: {text} with fence {fence}: {}", if accepted { "printed" } else { "refused" });
        accepted
    }
}

/// What a holder writes.
pub fn balance(value: &'static str) -> PutRequest {
    PutRequest { key: BALANCE.into(), value: value.into(), ..Default::default() }
}

/// Writes only while `owner` holds.
pub async fn put_as(client: &Client, owner: Compare, put: PutRequest) -> Result<bool, Error> {
    let success = vec![RequestOp { request: Some(Request::RequestPut(put)) }];
    let request = TxnRequest { compare: vec![owner], success, failure: Vec::new() };
    Ok(client.txn(request).await?.succeeded)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:2379".to_owned());
    run(Client::connect(Config::new([endpoint])).await?).await
}

/// Two holders, of whom the first comes too late.
///
/// # Errors
/// When a fence lets it through, or the store cannot be reached.
pub async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    let mut printer = Printer::default();

    let session = Session::new(client.clone(), 60).await?;
    let mut slow = Mutex::new(&session, LOCK);
    slow.lock().await?;
    let (slow_owner, slow_fence) = slow.is_owner().zip(slow.revision()).ok_or("the lock is held")?;
    println!("slow holds the lock, and is stopped. Its lease ends.");
    client.lease_revoke(LeaseRevokeRequest { id: session.lease() }).await?;

    let other = Session::new(client.clone(), 60).await?;
    let mut quick = Mutex::new(&other, LOCK);
    quick.lock().await?;
    let (quick_owner, quick_fence) = quick.is_owner().zip(quick.revision()).ok_or("the lock is held")?;
    println!("quick holds the lock, and works:");
    println!("  store: written: {}", put_as(&client, quick_owner, balance("written by quick")).await?);
    printer.print(quick_fence, "quick's page");

    println!("slow goes on, and knows of nothing:");
    let written = put_as(&client, slow_owner, balance("written by slow")).await?;
    println!("  store, in a transaction that compares: written: {written}");
    let printed = printer.print(slow_fence, "slow's page");
    client.put(balance("written by slow")).await?;
    println!("  store, without a fence: written, over what quick wrote while it held the lock");

    quick.unlock().await?;
    other.close().await?;
    if written || printed { Err("a fence has let an old holder through".into()) } else { Ok(()) }
}
