//! The maintenance service: what an operator asks of one member.

use super::{Others, Propose, Read, header, snapshot};
use crate::{
    VERSION,
    access::{self, AsUser},
    adapters::OpenView,
    background,
    cluster::{downgrade, transfer},
    status,
};
use oxetcd_api::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmResponse, AlarmType, DefragmentRequest, DefragmentResponse,
    DowngradeInfo, DowngradeRequest, DowngradeResponse, HashKvRequest, HashKvResponse, HashRequest,
    HashResponse, InternalRaftRequest, MoveLeaderRequest, MoveLeaderResponse, ResponseHeader,
    SnapshotRequest, StatusRequest, StatusResponse, alarm_request::AlarmAction,
    downgrade_request::DowngradeAction,
};
use oxetcd_grpc::etcdserverpb::maintenance_server::Maintenance;
use oxetcd_machine::{Downgrade, Response as Applied, meta};
use std::{sync::Arc, time::Instant};
use tonic::{Request, Response, Status};

/// The maintenance service over a member.
pub(crate) struct MaintenanceService<M>(pub(crate) Arc<M>);

/// What the reference reports when no quota is set.
const DEFAULT_QUOTA_BYTES: i64 = 2 << 30;

impl<M: Propose + Read> MaintenanceService<M> {
    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&M) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let member = self.0.clone();
        background::run(move || work(&member)).await.unwrap_or_else(|| Err(status::stopped()))
    }

    fn errors(&self, leader: u64) -> Vec<String> {
        let no_leader = (leader == 0).then(|| "etcdserver: no leader".to_owned());
        let alarms = self.0.machine().alarms().list(None);
        no_leader.into_iter().chain(alarms.iter().map(alarm_text)).collect()
    }
}

fn downgrade_info(downgrade: Option<Downgrade>) -> DowngradeInfo {
    let Downgrade { target_version, enabled } = downgrade.unwrap_or_default();
    DowngradeInfo { enabled, target_version }
}

/// An alarm as the reference writes it into a status.
fn alarm_text(alarm: &AlarmMember) -> String {
    let kind = AlarmType::try_from(alarm.alarm).map_or("UNKNOWN", |kind| kind.as_str_name());
    format!("memberID:{} alarm:{kind} ", alarm.member_id)
}

#[tonic::async_trait]
impl<M: Propose + Read + Others> Maintenance for MaintenanceService<M> {
    async fn alarm(&self, request: Request<AlarmRequest>) -> Result<Response<AlarmResponse>, Status> {
        let (_, extensions, alarm) = request.into_parts();
        let caller = access::caller(&*self.0, &extensions).await?;
        // Everybody may look; users only, which was checked at the door.
        if alarm.action() != AlarmAction::Get {
            let may = access::permissions(&self.0.machine(), caller.clone()).admin();
            may.map_err(|error| status::of_auth(&error))?;
        }
        let request = InternalRaftRequest { alarm: Some(alarm), ..Default::default() }.by(caller);
        match self.0.propose(request)?.await? {
            Applied::Alarm(mut response) => {
                response.header = header::complete(&*self.0, response.header);
                Ok(Response::new(response))
            }
            _ => Err(status::unexpected_answer()),
        }
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let progress = self.0.progress();
        let size = self.0.size();
        let machine = self.0.machine();
        let storage_version = meta::storage_version(machine.buffer()).map_err(status::of_storage)?;
        Ok(Response::new(StatusResponse {
            header: header::complete(&*self.0, None),
            version: VERSION.to_owned(),
            db_size: size.total_bytes as i64,
            db_size_in_use: size.in_use_bytes as i64,
            leader: progress.leader,
            raft_index: progress.committed,
            raft_term: progress.term,
            raft_applied_index: progress.applied,
            errors: self.errors(progress.leader),
            is_learner: self.0.is_learner(),
            storage_version: storage_version.unwrap_or_default(),
            db_size_quota: self.0.limits().quota_bytes.map_or(DEFAULT_QUOTA_BYTES, |quota| quota as i64),
            downgrade_info: Some(downgrade_info(machine.members().downgrade())),
        }))
    }

    async fn defragment(
        &self,
        _: Request<DefragmentRequest>,
    ) -> Result<Response<DefragmentResponse>, Status> {
        tracing::info!("starting defragment");
        let disk = &self.0.metrics().disk;
        disk.defrag_inflight.set(1);
        let began = Instant::now();
        let done =
            self.blocking(|member| member.machine().buffer().defragment().map_err(status::of_storage)).await;
        disk.defrag_inflight.set(0);
        done?;
        disk.backend_defrag.observe(began.elapsed().as_secs_f64());
        self.0.measure();
        tracing::info!("finished defragment");
        Ok(Response::new(DefragmentResponse::default()))
    }

    async fn hash(&self, _: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        let began = Instant::now();
        let hash = self
            .blocking(|member| member.machine().store().hash().map_err(|error| status::of_store(&error)))
            .await?;
        self.0.metrics().mvcc.hash.observe(began.elapsed().as_secs_f64());
        Ok(Response::new(HashResponse { header: header::complete(&*self.0, None), hash }))
    }

    async fn hash_kv(&self, request: Request<HashKvRequest>) -> Result<Response<HashKvResponse>, Status> {
        let revision = request.into_inner().revision;
        let began = Instant::now();
        let (hash, current) = self
            .blocking(move |member| {
                member.machine().store().hash_kv(revision).map_err(|error| status::of_store(&error))
            })
            .await?;
        self.0.metrics().mvcc.hash_rev.observe(began.elapsed().as_secs_f64());
        let header = Some(ResponseHeader { revision: current, ..Default::default() });
        Ok(Response::new(HashKvResponse {
            header: header::complete(&*self.0, header),
            hash: hash.hash,
            compact_revision: hash.compact_revision,
            hash_revision: hash.revision,
        }))
    }

    type SnapshotStream = snapshot::Pieces;

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<snapshot::Pieces>, Status> {
        let export = self
            .blocking(|member| {
                let view = OpenView::of(member.machine().buffer(), member.metrics());
                view.map_err(status::of_storage)
            })
            .await?;
        let pieces = snapshot::pieces(export);
        Ok(Response::new(pieces.map_err(|error| Status::unavailable(format!("etcdserver: {error}")))?))
    }

    async fn move_leader(
        &self,
        request: Request<MoveLeaderRequest>,
    ) -> Result<Response<MoveLeaderResponse>, Status> {
        let me = self.0.header().member_id;
        if self.0.progress().leader != me {
            return Err(status::not_leader());
        }
        let target = request.into_inner().target_id;
        let votes = self.0.machine().members().get(target).is_some_and(|member| !member.is_learner);
        if !votes {
            return Err(status::bad_leader_transferee());
        }
        if target != me {
            transfer(&*self.0, target, self.0.limits().request_timeout).await?;
        }
        Ok(Response::new(MoveLeaderResponse::default()))
    }

    async fn downgrade(
        &self,
        request: Request<DowngradeRequest>,
    ) -> Result<Response<DowngradeResponse>, Status> {
        let DowngradeRequest { action, version } = request.into_inner();
        let version = match DowngradeAction::try_from(action) {
            Ok(DowngradeAction::Validate) => downgrade::validate(&*self.0, &version).await?,
            Ok(DowngradeAction::Enable) => downgrade::enable(&*self.0, &version).await?,
            Ok(DowngradeAction::Cancel) => downgrade::cancel(&self.0).await,
            Err(_) => return Err(status::unknown_method()),
        };
        Ok(Response::new(DowngradeResponse { header: header::complete(&*self.0, None), version }))
    }
}
