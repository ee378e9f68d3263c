//! Health over HTTP.
//!
//! `/health` is the old single answer; `/livez` says whether this process should go on, `/readyz` whether it
//! should get traffic. A liveness probe must not restart a member because of something a restart cannot mend,
//! so `/livez` looks at local reads only.

use super::Text;
use crate::service::Read;
use http::StatusCode;
use oxetcd_api::etcdserverpb::{AlarmType, RangeRequest};
use std::fmt::Write;

const LIVEZ: &[&str] = &["serializable_read"];
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
    let request = RangeRequest { key: vec![0].into(), limit: 1, keys_only: true, ..Default::default() };
    member.machine().store().range(&request).map(drop).map_err(|error| error.to_string())
}

async fn check<M: Read>(member: &M, name: &str) -> Result<(), String> {
    match name {
        "data_corruption" if member.machine().alarms().corrupt() => Err("alarm activated: CORRUPT".into()),
        "serializable_read" => read(member, true).await.map_err(|error| format!("range error: {error}")),
        "linearizable_read" => read(member, false).await.map_err(|error| format!("range error: {error}")),
        _ => Ok(()),
    }
}

/// Answers `/livez` and `/readyz`: all their checks but the excluded ones.
pub(crate) async fn checks<M: Read>(member: &M, path: &str, query: &str) -> Text {
    let excluded: Vec<&str> = parameters(query, "exclude").collect();
    let names = if path == "/livez" { LIVEZ } else { READYZ };
    let wanted: Vec<&str> = names.iter().copied().filter(|name| !excluded.contains(name)).collect();
    let verbose = parameters(query, "verbose").next().is_some();
    report(member, &wanted, verbose).await
}

/// Answers the path of one check, such as `/readyz/linearizable_read`.
pub(crate) async fn single_check<M: Read>(member: &M, path: &str) -> Text {
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let names = if parts.next() == Some("livez") { LIVEZ } else { READYZ };
    match parts.next().and_then(|wanted| names.iter().find(|name| **name == wanted)) {
        Some(name) => report(member, &[name], false).await,
        None => Text::not_found(),
    }
}

async fn report<M: Read>(member: &M, names: &[&str], verbose: bool) -> Text {
    let mut lines = String::new();
    let mut failed = false;
    for name in names {
        // Writing to a string does not fail.
        let _ = match check(member, name).await {
            Ok(()) => writeln!(lines, "[+]{name} ok"),
            Err(error) => {
                failed = true;
                writeln!(lines, "[-]{name} failed: {error}")
            }
        };
    }
    if failed {
        return Text::error(StatusCode::SERVICE_UNAVAILABLE, lines);
    }
    let body = if verbose { lines + "ok\n" } else { "ok\n".to_owned() };
    Text::ok(body).nosniff()
}
