//! Counters: of the tree, of this member, and of the leader's followers.

use super::reply::Reply;
use crate::{config::GoDuration, metrics::Rate, service::Read};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What etcd shows for the shortest time before there is one: 2 to the power of 63.
const NO_TIME: &str = "9223372036854775808";

/// The tree's counters.
pub(super) fn store<M: Read>(member: &M) -> Reply {
    let stats = member.machine().v2().lock().stats();
    Reply::json(200, oxetcd_v2::to_json(&stats))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Own {
    name: String,
    id: String,
    state: &'static str,
    start_time: String,
    leader_info: LeaderInfo,
    recv_append_request_cnt: u64,
    #[serde(skip_serializing_if = "is_zero")]
    recv_pkg_rate: f64,
    #[serde(skip_serializing_if = "is_zero")]
    recv_bandwidth_rate: f64,
    send_append_request_cnt: u64,
    #[serde(skip_serializing_if = "is_zero")]
    send_pkg_rate: f64,
    #[serde(skip_serializing_if = "is_zero")]
    send_bandwidth_rate: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeaderInfo {
    leader: String,
    uptime: String,
    start_time: String,
}

fn is_zero(rate: &f64) -> bool {
    *rate == 0.0
}

/// Who this member is, whom it follows, and the appends that it has seen.
pub(super) fn own<M: Read>(member: &M) -> Reply {
    let (id, seen) = (member.header().member_id, member.leadership().seen());
    let appends = &member.metrics().appends;
    let led_for = seen.elected.map_or(Duration::ZERO, |since| since.elapsed());
    let (received, sent): (Rate, Rate) = appends.rates();
    let own = Own {
        name: member.machine().members().get(id).map(|member| member.name).unwrap_or_default(),
        id: format!("{id:x}"),
        state: if seen.leader == id { "StateLeader" } else { "StateFollower" },
        start_time: text(appends.began),
        leader_info: LeaderInfo {
            leader: if seen.leader == 0 { String::new() } else { format!("{:x}", seen.leader) },
            uptime: GoDuration(i64::try_from(led_for.as_nanos()).unwrap_or(i64::MAX)).to_string(),
            start_time: text(SystemTime::now().checked_sub(led_for).unwrap_or(UNIX_EPOCH)),
        },
        recv_append_request_cnt: received.count,
        recv_pkg_rate: received.per_second,
        recv_bandwidth_rate: received.bytes_per_second,
        send_append_request_cnt: sent.count,
        send_pkg_rate: sent.per_second,
        send_bandwidth_rate: sent.bytes_per_second,
    };
    Reply::json(200, oxetcd_v2::to_json(&own))
}

fn text(time: SystemTime) -> String {
    let nanos = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    oxetcd_v2::to_rfc3339(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// How the followers do, if this member leads them.
pub(super) fn leader<M: Read>(member: &M) -> Reply {
    let id = member.header().member_id;
    if member.progress().leader != id {
        return Reply::message(403, "not current leader");
    }
    let followers = member.machine().members().list().into_iter().filter(|other| other.id != id);
    let mut shown: Vec<(String, String)> = followers
        .map(|other| {
            let follower = member.metrics().appends.follower(other.id);
            let minimum = follower.minimum_ms.map_or_else(|| NO_TIME.to_owned(), |ms| ms.to_string());
            let latency = format!(
                "{{\"current\":{},\"average\":{},\"standardDeviation\":{},\"minimum\":{minimum},\"maximum\":{}}}",
                follower.current_ms,
                follower.average_ms,
                follower.deviation_ms(),
                follower.maximum_ms,
            );
            let counts = format!("{{\"fail\":{},\"success\":{}}}", follower.failures, follower.successes);
            (format!("{:x}", other.id), format!("{{\"latency\":{latency},\"counts\":{counts}}}"))
        })
        .collect();
    shown.sort();
    let shown: Vec<String> = shown.into_iter().map(|(id, stats)| format!("\"{id}\":{stats}")).collect();
    Reply::json(200, format!("{{\"leader\":\"{id:x}\",\"followers\":{{{}}}}}", shown.join(",")))
}
