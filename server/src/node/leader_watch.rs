//! The task that keeps an eye on the leader: ends streams when there has been none for too long, and tells
//! requests that nobody will answer any more why that is.

use super::Shared;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// Time between two looks at requests that are late.
const INTERVAL: Duration = Duration::from_millis(500);

/// Runs until the member is over.
pub(crate) async fn watch_leader(shared: Arc<Shared>) {
    let over = shared.fate.token();
    let mut timer = tokio::time::interval(INTERVAL);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let watching = shared.leadership.watch();
    tokio::pin!(watching);
    loop {
        tokio::select! {
            () = over.cancelled() => break,
            () = &mut watching => break,
            _ = timer.tick() => expire(&shared),
        }
    }
    shared.waiters.close();
}

fn expire(shared: &Shared) {
    let Some(deadline) = Instant::now().checked_sub(shared.limits.request_timeout) else { return };
    let why = |began| shared.leadership.why_lost(began, |leader| connected(shared, leader, began));
    let failed = shared.waiters.expire(deadline, why);
    shared.metrics.server.proposals_failed.inc_by(failed as u64);
}

/// Whether this member has been connected to the leader since `began`; or, if it leads itself, to a majority.
fn connected(shared: &Shared, leader: u64, began: Instant) -> bool {
    let since = |id: u64| shared.peers.active_since(id).is_some_and(|since| since < began);
    if leader != shared.member_id {
        return since(leader);
    }
    let members = shared.machine.load().members().list();
    let reached = members.iter().filter(|member| member.id == shared.member_id || since(member.id)).count();
    reached > members.len() / 2 || shared.position.sole_leader.load(Ordering::Relaxed)
}
