//! Leases: the lifetimes that keys can be tied to.

use crate::{Client, Error, client::unary_calls, error};
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse,
        LeaseLeasesRequest, LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse,
        LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
    },
};
use oxetcd_grpc::etcdserverpb::lease_client::LeaseClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Streaming};

unary_calls! { LeaseClient;
    /// Makes a lease; TTLs are in seconds.
    pub lease_grant(LeaseGrantRequest) -> LeaseGrantResponse = lease_grant, "/etcdserverpb.Lease/LeaseGrant", Never;
    /// Ends a lease, and with it the keys attached to it.
    pub lease_revoke(LeaseRevokeRequest) -> LeaseRevokeResponse = lease_revoke, "/etcdserverpb.Lease/LeaseRevoke", Never;
    /// Tells how long a lease still lives; a TTL of -1 means that it does not exist.
    pub lease_time_to_live(LeaseTimeToLiveRequest) -> LeaseTimeToLiveResponse = lease_time_to_live, "/etcdserverpb.Lease/LeaseTimeToLive", Safe;
    /// Lists the leases.
    pub lease_leases(LeaseLeasesRequest) -> LeaseLeasesResponse = lease_leases, "/etcdserverpb.Lease/LeaseLeases", Safe;
}

impl Client {
    /// Renews a lease once.
    ///
    /// # Errors
    /// `etcdserver: requested lease not found` for a lease that has ended; any error of the call.
    pub async fn keep_alive_once(&self, id: LeaseId) -> Result<LeaseKeepAliveResponse, Error> {
        loop {
            let (requests, receiver) = mpsc::unbounded_channel();
            // The receiver is alive: it is handed to the call below.
            let _ = requests.send(LeaseKeepAliveRequest { id });
            let answer = match self.open_keep_alive(receiver).await {
                Ok(mut stream) => stream.message().await.map_err(|status| self.stream_error(status)),
                Err(error) => Err(error),
            };
            match answer {
                Ok(Some(answer)) if answer.ttl > 0 => return Ok(answer),
                Ok(Some(_)) => return Err(Error::etcd(error::LEASE_NOT_FOUND)),
                // Renewing twice does no harm, so whatever may pass is tried again.
                Ok(None) => {}
                Err(error) if self.renew_token(&error).await? => {}
                Err(error) if !matches!(error.code(), Code::Unavailable | Code::Internal) => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }

    /// Opens the stream of renewals.
    pub(crate) async fn open_keep_alive(
        &self,
        requests: mpsc::UnboundedReceiver<LeaseKeepAliveRequest>,
    ) -> Result<Streaming<LeaseKeepAliveResponse>, Error> {
        let requests = UnboundedReceiverStream::new(requests);
        self.open(requests, |channel, request| async move {
            LeaseClient::new(channel).lease_keep_alive(request).await
        })
        .await
    }
}
