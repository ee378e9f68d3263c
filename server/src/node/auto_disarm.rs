//! `--auto-disarm-nospace`: the NOSPACE alarm goes by itself once there is room again.
//!
//! etcd leaves that to an operator, who has to delete, compact, defragment and disarm. Here the quota counts the bytes
//! in use, so that deleting and compacting make room without a defragmentation; what is left is to take the alarm
//! back. Each member knows its own room only, and so judges its own alarm only. The leader also takes back alarms of
//! members that are gone, for nobody else will.

use crate::{
    service::{Propose, Read},
    status,
};
use oxetcd_api::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmType, InternalRaftRequest, alarm_request::AlarmAction,
};
use std::{future::Future, sync::Arc, time::Duration};
use tonic::Status;

/// How often a member that is full looks whether it still is.
const INTERVAL: Duration = Duration::from_secs(1);
/// The part of the quota that must be free: with less, the next few writes would raise the alarm again.
const FREE_PART: u64 = 20;

/// The task; see the module's header.
pub(crate) struct AutoDisarm<M> {
    pub(crate) member: Arc<M>,
    pub(crate) quota_bytes: u64,
}

impl<M: Propose + Read> AutoDisarm<M> {
    /// Runs until `over` resolves.
    pub(crate) async fn run(self, over: impl Future<Output = ()>) {
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return,
                _ = timer.tick() => {}
            }
            for alarm in self.due() {
                let member = format!("{:x}", alarm.member_id);
                match self.disarm(alarm).await {
                    Ok(()) => tracing::info!(member, "disarmed the NOSPACE alarm: there is room again"),
                    Err(error) => {
                        tracing::warn!(member, error = error.message(), "failed to disarm the NOSPACE alarm");
                    }
                }
            }
        }
    }

    /// Alarms that this member may take back now.
    fn due(&self) -> Vec<AlarmMember> {
        if !self.member.machine().alarms().no_space() {
            return Vec::new();
        }
        // Compaction commits behind the commit loop's back, which measures otherwise.
        self.member.measure();
        let in_use_bytes = self.member.size().in_use_bytes;
        let (me, leader) = (self.member.header().member_id, self.member.progress().leader);
        let machine = self.member.machine();
        let mut alarms = machine.alarms().list(Some(AlarmType::Nospace));
        alarms.retain(|alarm| {
            let is_gone = || machine.members().get(alarm.member_id).is_none();
            if alarm.member_id == me {
                has_room(in_use_bytes, self.quota_bytes)
            } else {
                leader == me && is_gone()
            }
        });
        alarms
    }

    async fn disarm(&self, alarm: AlarmMember) -> Result<(), Status> {
        let alarm = AlarmRequest {
            action: AlarmAction::Deactivate as i32,
            member_id: alarm.member_id,
            alarm: alarm.alarm,
        };
        let request = InternalRaftRequest { alarm: Some(alarm), ..Default::default() };
        let answer = self.member.propose(request)?;
        // A cluster without a leader answers late; the next look asks again.
        let in_time = tokio::time::timeout(self.member.limits().request_timeout, answer).await;
        in_time.map_err(|_| status::timeout())?.map(drop)
    }
}

/// Whether a member that was full may take writes again.
fn has_room(in_use_bytes: u64, quota_bytes: u64) -> bool {
    in_use_bytes < quota_bytes - quota_bytes / FREE_PART
}

#[cfg(test)]
mod tests {
    use super::has_room;

    #[test]
    fn a_twentieth_of_the_quota_must_be_free() {
        assert!(has_room(949, 1000) && !has_room(950, 1000) && !has_room(2000, 1000));
        assert!(has_room(0, 1) && !has_room(0, 0));
    }
}
