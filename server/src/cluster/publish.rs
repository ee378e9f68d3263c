//! A member that starts tells the cluster its name and where clients reach it, through the log.
//!
//! Others count it as started from then on, and it serves clients only after that: whoever finds its address in
//! the list of members finds it there.

use crate::{
    node::Shared,
    service::{Propose, Read},
    status,
};
use oxetcd_api::{
    etcdserverpb::InternalRaftRequest,
    membershippb::{Attributes, ClusterMemberAttrSetRequest},
};
use std::time::Duration;
use tonic::Status;

/// Pause before another try.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Tells it, as often as it takes.
///
/// # Errors
/// When the member ends meanwhile.
pub(crate) async fn publish(here: &Shared, name: &str, client_urls: &[String]) -> Result<(), String> {
    let (stopped, removed) = (here.fate.token(), here.fate.removed());
    loop {
        let tried = tokio::select! {
            () = stopped.cancelled() => {
                return Err(here.fate.cause().unwrap_or_else(|| "the member stops".to_owned()));
            }
            // Nobody is to be told anything any more.
            () = removed.cancelled() => return Ok(()),
            tried = once(here, name, client_urls) => tried,
        };
        match tried {
            Ok(()) => break,
            Err(status) => {
                let error = status.message();
                tracing::warn!(error, "failed to publish local member to cluster through raft");
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
        }
    }
    tracing::info!(
        "local-member-id" = format!("{:x}", here.member_id),
        "cluster-id" = format!("{:x}", here.cluster_id),
        "published local member to cluster through raft"
    );
    Ok(())
}

async fn once(here: &Shared, name: &str, client_urls: &[String]) -> Result<(), Status> {
    let known = tokio::time::timeout(here.limits().request_timeout, here.barrier());
    known.await.map_err(|_| status::timeout())??;
    let attributes = Attributes { name: name.to_owned(), client_urls: client_urls.to_vec() };
    let set = ClusterMemberAttrSetRequest { member_id: here.member_id, member_attributes: Some(attributes) };
    let request = InternalRaftRequest { cluster_member_attr_set: Some(set), ..Default::default() };
    here.propose(request)?.await.map(drop)
}
