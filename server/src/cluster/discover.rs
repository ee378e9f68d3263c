//! The first members of a new cluster, when they are not named but found.
//!
//! A member without data that is told of a discovery service registers there and waits for the others; one that is told of
//! a domain asks DNS for its SRV records. What comes of it takes the place of `--initial-cluster`, and the rest of the start
//! need not know where it came from.

use super::join::has_log;
use crate::{
    config::{ClusterState, Config, Url},
    identity,
};
use oxetcd_discovery::{DiscoveryError, Service};
use oxetcd_dns::{Resolver, members, service};

/// The configuration with the first members in it. One that has data, or knows them already, is given back as it is.
///
/// # Errors
/// When the cluster is complete without this member, or nothing can be found.
pub(crate) async fn first_members(mut config: Config) -> Result<Config, String> {
    if !config.cluster.discovery.is_set() || has_log(&config) {
        return Ok(config);
    }
    if !config.cluster.discovery.srv.is_empty() {
        config.cluster.initial = by_dns(&config).await?;
        return Ok(config);
    }
    // Who joins a cluster that runs is refused with a word about it where its members are checked.
    if let (Some(service), ClusterState::New) =
        (config.cluster.discovery.service.clone(), config.cluster.state)
    {
        config.cluster.initial = register(&config, &service).await?;
        config.cluster.token = service.token;
    }
    Ok(config)
}

/// The members that SRV records name: those with TLS and those without. Which of them is this one, their addresses say.
async fn by_dns(config: &Config) -> Result<String, String> {
    let resolver = Resolver::of_system().map_err(|error| error.to_string())?;
    let (discovery, own) = (&config.cluster.discovery, &config.member.name);
    let advertised: Vec<String> = config.cluster.advertise_peer.iter().map(Url::to_string).collect();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for scheme in ["https", "http"] {
        let service = service("etcd-server", &discovery.srv_name, scheme);
        match members(&resolver, scheme, &service, own, &discovery.srv, &advertised).await {
            Ok(members) => {
                tracing::info!("service-name" = service, "found-cluster" = ?members, "got bootstrap from DNS for etcd-server");
                found.extend(members);
            }
            Err(error) => failures.push(error.to_string()),
        }
    }
    if found.is_empty() {
        return Err(failures.join("\n"));
    }
    if !found.iter().any(|member| member.split_once('=').is_some_and(|(name, _)| name == own)) {
        return Err(format!("cannot find local etcd member {own:?} in SRV records"));
    }
    Ok(found.join(","))
}

async fn register(config: &Config, service: &Service) -> Result<String, String> {
    let mut urls: Vec<String> = config.cluster.advertise_peer.iter().map(Url::to_string).collect();
    urls.sort();
    let id = identity::member_id(&urls, &service.token);
    let name = &config.member.name;
    let member: Vec<String> = urls.iter().map(|url| format!("{name}={url}")).collect();
    match oxetcd_discovery::join(service, id, &member.join(",")).await {
        Ok(cluster) => {
            tracing::info!(cluster, "discovery joined cluster successfully");
            Ok(cluster)
        }
        Err(error) => {
            if matches!(error, DiscoveryError::Full) {
                tracing::warn!(
                    "discovery-token" = service.token,
                    "discovery-endpoints" = service.endpoints.join(","),
                    %error,
                    "failed to bootstrap; discovery token was already used"
                );
                tracing::warn!("do not reuse discovery token; generate a new one to bootstrap a cluster");
            }
            Err(error.to_string())
        }
    }
}
