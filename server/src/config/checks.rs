//! What must hold between settings: etcd's checks, in its order and words.

use super::{
    flag::Effect,
    gates::FeatureGates,
    settings::Settings,
    url::{Url, join},
};
use crate::logging::{Level, Notice};
use std::net::IpAddr;

const MAX_ELECTION_MS: u64 = 50_000;

/// Checks everything but the log, which comes first, and TLS, which comes last.
///
/// # Errors
/// With the first thing that is wrong.
pub(super) fn check(settings: &Settings, from_file: bool, notices: &mut Vec<Notice>) -> Result<(), String> {
    if settings.text("discovery-fallback") == "proxy" {
        return Err(
            "v2 proxy is deprecated, and --discovery-fallback can't be configured as \"proxy\"".to_owned()
        );
    }
    check_urls(settings, notices)?;
    check_bootstrap(settings)?;
    check_times(settings)?;
    // Given on the command line, addresses to listen on leave no default for those to advertise.
    let given = |name: &str| settings.is_given(name);
    if !from_file && given("listen-client-urls") && !given("advertise-client-urls") {
        return Err(
            "--advertise-client-urls is required when --listen-client-urls is set explicitly".to_owned()
        );
    }
    match settings.text("auto-compaction-mode") {
        "periodic" | "revision" => {}
        "" => return Err("undefined auto-compaction-mode".to_owned()),
        other => return Err(format!("unknown auto-compaction-mode {other:?}")),
    }
    check_gates(settings.gates("feature-gates"), notices)?;
    let check_time = settings.duration("compact-hash-check-time");
    if check_time.0 <= 0 {
        return Err(format!("--compact-hash-check-time must be >0 (set to {check_time})"));
    }
    if settings.text("name") == "default" {
        notices.push(
            Notice::new(
                Level::Warn,
                "it isn't recommended to use default name, please set a value for --name. Note that etcd might \
                 run into issue when multiple members have the same default name",
            )
            .with("name", "default"),
        );
    }
    Ok(())
}

fn check_urls(settings: &Settings, notices: &mut Vec<Notice>) -> Result<(), String> {
    for name in ["listen-peer-urls", "listen-client-urls", "listen-client-http-urls"] {
        settings.urls(name).iter().try_for_each(check_bind)?;
    }
    if settings.urls("listen-client-http-urls").is_empty() {
        notices.push(Notice::new(
            Level::Warn,
            "Running http and grpc server on single port. This is not recommended for production.",
        ));
    }
    settings.urls("listen-metrics-urls").iter().try_for_each(check_bind)?;
    let peer = settings.urls("initial-advertise-peer-urls");
    peer.iter().try_for_each(check_host).map_err(|error| {
        format!("--initial-advertise-peer-urls {:?} must be \"host:port\" ({error})", join(peer))
    })?;
    let client = settings.urls("advertise-client-urls");
    client.iter().try_for_each(check_host).map_err(|error| {
        format!(
            "--advertise-client-urls {:?} must be in the format \"host:port\", \"unix:/path/to/socket\" or \
             \"unixs:/path/to/socket\" ({error})",
            join(client)
        )
    })
}

/// A socket is bound to an address, not to whatever a name happens to mean.
fn check_bind(url: &Url) -> Result<(), String> {
    if url.is_unix() || url.host() == "localhost" || url.host().parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    Err(format!("expected IP in URL for binding ({url})"))
}

fn check_host(url: &Url) -> Result<(), String> {
    if url.is_unix() || !url.host().is_empty() {
        return Ok(());
    }
    Err(format!("unexpected empty host ({url})"))
}

fn check_bootstrap(settings: &Settings) -> Result<(), String> {
    let endpoints = settings.list("discovery-endpoints");
    let srv = settings.text("discovery-srv");
    let discovers =
        !endpoints.is_empty() || !srv.is_empty() || !settings.text("discovery-srv-name").is_empty();
    // The default for the first members steps back behind any discovery.
    let initial =
        !settings.text("initial-cluster").is_empty() && (settings.is_given("initial-cluster") || !discovers);
    if [initial, !srv.is_empty(), !endpoints.is_empty()].into_iter().filter(|set| *set).count() > 1 {
        return Err("multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", \
                    \"discovery-endpoints\" or \"discovery-srv\""
            .to_owned());
    }
    if settings.text("discovery-token").is_empty() != endpoints.is_empty() {
        return Err("both --discovery-token and --discovery-endpoints must be set".to_owned());
    }
    if endpoints.iter().any(|endpoint| endpoint.trim().is_empty()) {
        return Err("--discovery-endpoints must not contain empty endpoints".to_owned());
    }
    Ok(())
}

fn check_times(settings: &Settings) -> Result<(), String> {
    let (heartbeat, election) = (settings.uint("heartbeat-interval"), settings.uint("election-timeout"));
    if heartbeat == 0 {
        return Err("--heartbeat-interval must be >0 (set to 0ms)".to_owned());
    }
    if election == 0 {
        return Err("--election-timeout must be >0 (set to 0ms)".to_owned());
    }
    if heartbeat.saturating_mul(5) > election {
        return Err(format!(
            "--election-timeout[{election}ms] should be at least as 5 times as --heartbeat-interval[{heartbeat}ms]"
        ));
    }
    if election > MAX_ELECTION_MS {
        return Err(format!(
            "--election-timeout[{election}ms] is too long, and should be set less than {MAX_ELECTION_MS}ms"
        ));
    }
    Ok(())
}

fn check_gates(gates: &FeatureGates, notices: &mut Vec<Notice>) -> Result<(), String> {
    match (gates.enabled("LeaseCheckpoint"), gates.enabled("LeaseCheckpointPersist")) {
        (false, true) => {
            return Err(
                "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint"
                    .to_owned(),
            );
        }
        (true, false) => notices.push(Notice::new(
            Level::Warn,
            "Detected that checkpointing is enabled without persistence. Consider enabling feature gate \
             LeaseCheckpointPersist",
        )),
        _ => {}
    }
    for (gate, on) in gates.list() {
        if let Effect::Never(why) = gate.effect
            && on != gate.default
        {
            let notice = Notice::new(Level::Warn, "a feature gate is accepted but has no effect");
            notices.push(notice.with("feature-gate", gate.name).with("reason", why));
        }
    }
    Ok(())
}
