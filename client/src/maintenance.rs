//! The health of single members, and their data as a whole.
//!
//! These calls are about the member that answers them: use a client with one endpoint.

use crate::{Client, Error, client::unary_calls};
use oxetcd_api::etcdserverpb::{
    AlarmRequest, AlarmResponse, DefragmentRequest, DefragmentResponse, DowngradeRequest, DowngradeResponse,
    HashKvRequest, HashKvResponse, HashRequest, HashResponse, MoveLeaderRequest, MoveLeaderResponse,
    SnapshotRequest, SnapshotResponse, StatusRequest, StatusResponse,
};
use oxetcd_grpc::etcdserverpb::maintenance_client::MaintenanceClient;
use tonic::Streaming;

unary_calls! { MaintenanceClient;
    /// Lists, raises or clears alarms.
    pub alarm(AlarmRequest) -> AlarmResponse = alarm, "/etcdserverpb.Maintenance/Alarm", Safe;
    /// Tells how the member is.
    pub status(StatusRequest) -> StatusResponse = status, "/etcdserverpb.Maintenance/Status", Safe;
    /// Gives the space of deleted data back to the file system.
    pub defragment(DefragmentRequest) -> DefragmentResponse = defragment, "/etcdserverpb.Maintenance/Defragment", Never;
    /// Hashes the member's whole store.
    pub hash(HashRequest) -> HashResponse = hash, "/etcdserverpb.Maintenance/Hash", Safe;
    /// Hashes the history of keys up to a revision.
    pub hash_kv(HashKvRequest) -> HashKvResponse = hash_kv, "/etcdserverpb.Maintenance/HashKV", Safe;
    /// Makes another member the leader; the leader must be asked.
    pub move_leader(MoveLeaderRequest) -> MoveLeaderResponse = move_leader, "/etcdserverpb.Maintenance/MoveLeader", Never;
    /// Prepares the cluster for an older version, or stops doing so.
    pub downgrade(DowngradeRequest) -> DowngradeResponse = downgrade, "/etcdserverpb.Maintenance/Downgrade", Never;
}

impl Client {
    /// Opens a copy of the member's store, as the bytes of a bbolt file with a SHA-256 behind it.
    ///
    /// # Errors
    /// When the stream cannot be opened.
    pub async fn snapshot(&self) -> Result<SnapshotStream, Error> {
        let limit = self.inner.config.max_receive_bytes;
        let stream = self
            .open(SnapshotRequest {}, |channel, request| async move {
                MaintenanceClient::new(channel).max_decoding_message_size(limit).snapshot(request).await
            })
            .await?;
        Ok(SnapshotStream { client: self.clone(), stream })
    }
}

/// The pieces of [`Client::snapshot`], in order.
#[derive(Debug)]
pub struct SnapshotStream {
    client: Client,
    stream: Streaming<SnapshotResponse>,
}

impl SnapshotStream {
    /// The next piece; `None` after the last.
    ///
    /// # Errors
    /// When the stream breaks; it is over then.
    pub async fn next(&mut self) -> Result<Option<SnapshotResponse>, Error> {
        self.stream.message().await.map_err(|status| self.client.stream_error(status))
    }
}
