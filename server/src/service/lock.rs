//! The lock service: [`oxetcd_concurrency::Mutex`] for those who speak only gRPC.
//!
//! What is held is the key in the answer, for as long as its lease lives. Unlocking is deleting that key, and
//! anybody may do it who may delete keys.

use super::{
    Others, Propose, Read,
    local::{LocalKv, failure},
};
use oxetcd_api::v3lockpb::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};
use oxetcd_concurrency::Mutex;
use oxetcd_grpc::v3lockpb::lock_server::Lock;
use tonic::{Request, Response, Status};

/// The lock service over a member.
pub(crate) struct LockService<M>(pub(crate) LocalKv<M>);

#[tonic::async_trait]
impl<M: Propose + Read + Others> Lock for LockService<M> {
    /// Waits for the lock. A caller that gives up has its place in the line taken back: that is what dropping the future does.
    async fn lock(&self, request: Request<LockRequest>) -> Result<Response<LockResponse>, Status> {
        let (kv, request) = self.0.for_caller(request);
        let session = kv.session(request.lease).await?;
        let mut mutex = Mutex::new(&session, &request.name);
        mutex.lock().await.map_err(failure)?;
        let key = mutex.key().cloned().unwrap_or_default();
        Ok(Response::new(LockResponse { header: mutex.header().cloned(), key }))
    }

    async fn unlock(&self, request: Request<UnlockRequest>) -> Result<Response<UnlockResponse>, Status> {
        let (kv, request) = self.0.for_caller(request);
        let deleted = kv.delete(request.key).await?;
        Ok(Response::new(UnlockResponse { header: deleted.header }))
    }
}
