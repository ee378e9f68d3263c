//! Metrics that something else already knows: looked up at every scrape, rather than kept up to date at every
//! request.

use super::Shared;
use crate::{
    metrics::Metrics,
    service::{Progress, Read},
};
use bytes::Bytes;
use oxetcd_api::{
    KeyRange,
    etcdserverpb::{AlarmMember, AlarmType, RangeRequest},
};
use oxetcd_mvcc::Store;
use oxetcd_watch::Hub;
use parking_lot::Mutex;
use std::{
    collections::HashSet,
    sync::{Arc, Weak},
};

/// Has the metrics of `shared` look at the member and its hub. They do not keep either alive.
pub(crate) fn sample(shared: &Arc<Shared>, hub: &Arc<Hub>) {
    let (member, hub): (Weak<Shared>, Weak<Hub>) = (Arc::downgrade(shared), Arc::downgrade(hub));
    let (alarms, members) = (Mutex::new(HashSet::new()), Mutex::new(HashSet::new()));
    shared.metrics.on_scrape(move |metrics| {
        if let Some(member) = member.upgrade() {
            look_at_member(metrics, &member);
            look_at_alarms(metrics, &member, &mut alarms.lock());
            look_at_members(metrics, &member, &mut members.lock());
            look_at_queues(metrics, &member);
        }
        if let Some(hub) = hub.upgrade() {
            look_at_hub(metrics, &hub);
        }
    });
}

fn look_at_member(metrics: &Metrics, member: &Shared) {
    let (server, mvcc) = (&metrics.server, &metrics.mvcc);
    let Progress { committed, applied, leader, .. } = member.progress();
    server.has_leader.set(i64::from(leader != 0));
    server.proposals_committed.set(committed as i64);
    server.proposals_applied.set(applied as i64);
    server.proposals_pending.set(member.waiters.len() as i64);
    if let Some(version) = member.machine.load().members().cluster_version() {
        // It is kept with a patch number, and shown without.
        let short = version.rsplit_once('.').map_or(version.as_str(), |(short, _)| short);
        server.set_cluster_version(short);
    }
    let size = member.size();
    mvcc.db_size_bytes.set(size.total_bytes as i64);
    mvcc.db_size_in_use_bytes.set(size.in_use_bytes as i64);
    let machine = member.machine.load();
    let store = machine.store();
    mvcc.current_revision.set(store.revision());
    mvcc.compact_revision.set(store.compacted());
    mvcc.keys.set(store.live_keys());
    if let Some(prefixes) = metrics.prefixes.get() {
        prefixes.count_keys(|prefix| count(store, prefix));
    }
}

/// Living keys that start with `prefix`.
fn count(store: &Store, prefix: &[u8]) -> i64 {
    let (key, range_end) = match KeyRange::prefix(prefix.to_vec().into()) {
        KeyRange::Between(key, end) => (key, end),
        KeyRange::From(key) | KeyRange::Single(key) => (key, Bytes::from_static(&[0])),
    };
    let request = RangeRequest { key, range_end, count_only: true, ..RangeRequest::default() };
    store.range(&request).map_or(0, |answer| answer.count)
}

/// Alarms that are off again are shown as such.
fn look_at_alarms(metrics: &Metrics, member: &Shared, seen: &mut HashSet<AlarmMember>) {
    let raised = member.machine.load().alarms().list(None);
    seen.extend(&raised);
    for alarm in seen.iter() {
        let kind = AlarmType::try_from(alarm.alarm).map_or("UNKNOWN", |kind| kind.as_str_name());
        metrics.server.set_alarm(alarm.member_id, kind, raised.contains(alarm));
    }
}

/// Members that are gone are shown as such. This one knows itself, too.
fn look_at_members(metrics: &Metrics, member: &Shared, seen: &mut HashSet<u64>) {
    let now: HashSet<u64> =
        member.machine.load().members().list().into_iter().map(|member| member.id).collect();
    seen.extend(&now);
    for id in seen.iter() {
        metrics.network.set_known(member.member_id, *id, now.contains(id));
    }
}

fn look_at_queues(metrics: &Metrics, member: &Shared) {
    let (queues, machine) = (&metrics.queues, member.machine.load());
    let Progress { committed, applied, .. } = member.progress();
    let pending = machine.buffer().pending();
    queues.raft_inbox.set(member.inbox.len() as i64);
    queues.apply_backlog.set(committed.saturating_sub(applied) as i64);
    queues.engine_pending_ops.set(pending.ops as i64);
    queues.engine_pending_bytes.set(pending.bytes as i64);
    queues.leases.set(machine.leases().lock().len() as i64);
}

fn look_at_hub(metrics: &Metrics, hub: &Hub) {
    let (mvcc, stats) = (&metrics.mvcc, hub.stats());
    mvcc.watch_streams.set(stats.streams as i64);
    mvcc.watchers.set(stats.watchers as i64);
    mvcc.slow_watchers.set(stats.slow_watchers as i64);
    mvcc.events.inc_by(stats.events_sent.saturating_sub(mvcc.events.get()));
    let waiting = mvcc.events.get().saturating_sub(metrics.queues.watch_events_taken.get());
    mvcc.pending_events.set(waiting as i64);
}
