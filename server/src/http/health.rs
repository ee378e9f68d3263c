//! Health over HTTP.
//!
//! `/health` is the old single answer; `/livez` says whether this process should go on, `/readyz` whether it
//! should get traffic. A liveness probe must not restart a member because of something a restart cannot mend,
//! so `/livez` looks at local reads only.

use super::Text;
use crate::service::Read;
use http::StatusCode;
use oxetcd_api::etcdserverpb::{AlarmType, RangeRequest};
use std::{fmt::Write, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

const LIVEZ: &[&str] = &["serializable_read"];
/// All checks of a probe together may take so long: who asks waits for a few seconds only, and is to see red by then.
const PATIENCE: Duration = Duration::from_secs(4);
/// Reads of the store at once. They have threads of their own, for a disk that does not answer keeps whoever reads, and must
/// not keep the one who tells of it; those who find no turn are told of in time, too.
static READS: Semaphore = Semaphore::const_new(4);
const READYZ: &[&str] = &["data_corruption", "serializable_read", "linearizable_read", "non_learner"];

fn parameters<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    query.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    })
}

/// Answers `/health`.
pub(crate) async fn health<M: Read>(member: &M, query: &str) -> Text {
    let serializable = parameters(query, "serializable").next() == Some("true");
    let excluded: Vec<&str> = parameters(query, "exclude").collect();
    let reason = unhealthy(member, serializable, &excluded).await;
    let metrics = &member.metrics().health;
    if reason.is_empty() { &metrics.successes } else { &metrics.failures }.inc();
    let healthy = if reason.is_empty() { "true" } else { "false" };
    let body = format!("{{\"health\":\"{healthy}\",\"reason\":{}}}", serde_json::json!(reason));
    if reason.is_empty() {
        return Text::ok(body);
    }
    tracing::warn!(output = %body, "/health error");
    Text::error(StatusCode::SERVICE_UNAVAILABLE, body)
}

/// Why the member is not healthy; empty when it is.
async fn unhealthy<M: Read>(member: &M, serializable: bool, excluded: &[&str]) -> String {
    for alarm in member.machine().alarms().list(None) {
        let name = AlarmType::try_from(alarm.alarm).map_or("UNKNOWN", |kind| kind.as_str_name());
        if !excluded.contains(&name) {
            return format!("ALARM {name}");
        }
    }
    if !serializable && member.progress().leader == 0 {
        return "RAFT NO LEADER".to_owned();
    }
    match read(member, serializable).await {
        Ok(()) => String::new(),
        Err(error) => format!("RANGE ERROR:{error}"),
    }
}

async fn read<M: Read>(member: &M, serializable: bool) -> Result<(), String> {
    if !serializable {
        member.barrier().await.map_err(|status| status.message().to_owned())?;
    }
    let turn = READS.acquire().await.map_err(|error| error.to_string())?;
    let machine = member.machine().clone();
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let request = RangeRequest { key: vec![0].into(), limit: 1, keys_only: true, ..Default::default() };
        machine.store().range(&request).map(drop).map_err(|error| error.to_string())
    });
    read.await.unwrap_or_else(|error| Err(error.to_string()))
}

async fn check<M: Read>(member: &M, name: &str) -> Result<(), String> {
    match name {
        "data_corruption" if member.machine().alarms().corrupt() => Err("alarm activated: CORRUPT".into()),
        "serializable_read" => read(member, true).await,
        "linearizable_read" => read(member, false).await,
        "non_learner" if member.is_learner() => Err("not supported for learner".into()),
        _ => Ok(()),
    }
}

/// One probe: `/livez` or `/readyz`.
#[derive(Clone, Copy)]
struct Probe {
    kind: &'static str,
    checks: &'static [&'static str],
}

const PROBES: &[Probe] = &[Probe { kind: "livez", checks: LIVEZ }, Probe { kind: "readyz", checks: READYZ }];

/// Answers `/livez` and `/readyz`, all their checks but the excluded ones, and the paths of single checks, such
/// as `/readyz/linearizable_read`. `None` for any other path.
pub(crate) async fn probe<M: Read>(member: &M, path: &str, query: &str, get: bool) -> Option<Text> {
    let (kind, single) = match path.strip_prefix('/')?.split_once('/') {
        Some((kind, single)) => (kind, Some(single)),
        None => (&path[1..], None),
    };
    let probe = PROBES.iter().find(|probe| probe.kind == kind)?;
    let mut wanted = probe.checks.to_vec();
    match single {
        Some(single) => wanted.retain(|check| *check == single),
        None => wanted.retain(|check| !parameters(query, "exclude").any(|excluded| excluded == *check)),
    }
    if single.is_some() && wanted.is_empty() {
        return None;
    }
    if !get {
        return Some(Text::method_not_allowed("GET"));
    }
    let verbose = parameters(query, "verbose").next().is_some();
    Some(report(member, probe.kind, &wanted, verbose).await)
}

async fn report<M: Read>(member: &M, kind: &str, names: &[&str], verbose: bool) -> Text {
    let mut lines = String::new();
    let mut failed = false;
    let deadline = Instant::now() + PATIENCE;
    for name in names {
        let late = |_| Err("context deadline exceeded".to_owned());
        let outcome = timeout_at(deadline, check(member, name)).await.unwrap_or_else(late);
        member.metrics().health.checked(kind, name, outcome.is_ok());
        // Writing to a string does not fail.
        let _ = match outcome {
            Ok(()) => writeln!(lines, "[+]{name} ok"),
            Err(error) => {
                failed = true;
                writeln!(lines, "[-]{name} failed: {error}")
            }
        };
    }
    if failed {
        tracing::error!(path = kind, reason = lines, "Health check error");
        return Text::error(StatusCode::SERVICE_UNAVAILABLE, lines);
    }
    let body = if verbose { lines + "ok\n" } else { "ok\n".to_owned() };
    Text::ok(body).nosniff()
}
