//! The first members of a new cluster, when they are not named but found.
//!
//! A member without data that is told of a discovery service registers there and waits for the others. What comes of it takes
//! the place of `--initial-cluster`, and the rest of the start need not know where it came from.

use super::join::has_log;
use crate::{
    config::{ClusterState, Config, Url},
    identity,
};
use oxetcd_discovery::{DiscoveryError, Service};

/// The configuration with the first members in it. One that has data, or knows them already, is given back as it is.
///
/// # Errors
/// When the cluster is complete without this member, or nothing can be found.
pub(crate) async fn first_members(mut config: Config) -> Result<Config, String> {
    if !config.cluster.discovery.is_set() || has_log(&config) {
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
