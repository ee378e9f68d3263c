//! Keeps this proxy in the list of proxies, below a lease: who is gone is off it after a while.

use super::{Options, members::registration, upstream::Upstream};
use oxetcd_api::etcdserverpb::{LeaseGrantRequest, PutRequest};
use oxetcd_client::Error;
use std::time::Duration;

/// Wait before registering again.
const PAUSE: Duration = Duration::from_secs(1);

/// Registers, if that is wanted, for as long as it runs.
pub(crate) async fn keep_registered(upstream: &Upstream, options: &Options) {
    let Some((prefix, ttl_s)) = &options.register else { return };
    loop {
        match register(upstream, prefix, &options.advertise, *ttl_s).await {
            Ok(()) => tracing::warn!(
                "session expired; possible network partition or server restart; registering again"
            ),
            Err(error) => tracing::warn!(%error, "failed to register"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Registers, and returns when the lease is over.
async fn register(upstream: &Upstream, prefix: &str, address: &str, ttl_s: i64) -> Result<(), Error> {
    let lease = upstream.client().lease_grant(LeaseGrantRequest { ttl: ttl_s, id: 0 }).await?.id;
    let mut alive = upstream.client().keep_alive(lease);
    let key = format!("{prefix}/{address}").into();
    let put = PutRequest { key, value: registration(address).into(), lease, ..Default::default() };
    upstream.keys().put(put).await?;
    tracing::info!(addr = address, "lease-ttl" = ttl_s, "registered session with lease");
    while alive.next().await.is_some() {}
    Ok(())
}
