//! Members found by DNS.

use oxetcd_dns::{Place, Resolver, service};
use oxetcd_tls::{ClientTls, Protocol, TlsOptions};
use std::{path::Path, time::Duration};
use tokio::net::TcpStream;

/// A domain whose SRV records name the members, and which of several clusters there is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Srv {
    /// The domain; empty for none.
    pub domain: String,
    /// Ending of the records' name.
    pub name: String,
}

/// How long a member may take to show its certificate.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

impl Srv {
    /// Places of the members, each with its scheme. Unless `insecure` ones are wanted, only those that speak TLS with a
    /// certificate for the domain that `trusted` authorities (by default the system's) vouch for.
    pub(crate) async fn places(
        &self,
        trusted: Option<&Path>,
        insecure: bool,
    ) -> Result<Vec<(&'static str, Place)>, String> {
        if self.domain.is_empty() {
            return Ok(Vec::new());
        }
        let resolver = Resolver::of_system().map_err(|error| error.to_string())?;
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for scheme in ["https", "http"] {
            match resolver.places(&service("etcd-client", &self.name, scheme), &self.domain).await {
                Ok(places) => found.extend(places.into_iter().map(|place| (scheme, place))),
                Err(error) => failures.push(error.to_string()),
            }
        }
        if found.is_empty() {
            return Err(format!("dns lookup errors: {}", failures.join(" and ")));
        }
        tracing::info!("discovery-srv" = self.domain, found = found.len(), "discovered the cluster from SRV");
        if insecure { Ok(found) } else { self.trusted(found, trusted).await }
    }

    async fn trusted(
        &self,
        found: Vec<(&'static str, Place)>,
        trusted: Option<&Path>,
    ) -> Result<Vec<(&'static str, Place)>, String> {
        let options = TlsOptions {
            trusted_ca_file: trusted.map(Path::to_owned),
            server_name: Some(self.domain.clone()),
            ..TlsOptions::default()
        };
        let tls = ClientTls::new(options, Protocol::Http1).map_err(|error| error.to_string())?;
        let mut kept = Vec::new();
        for (scheme, place) in found {
            let checked = match scheme {
                "https" => check(&tls, &place).await,
                _ => Err("does not use https".to_owned()),
            };
            match checked {
                Ok(()) => kept.push((scheme, place)),
                Err(error) => tracing::warn!(
                    endpoint = place.address(),
                    error,
                    "ignored a member that DNS names; --insecure-discovery would take it"
                ),
            }
        }
        Ok(kept)
    }
}

async fn check(tls: &ClientTls, place: &Place) -> Result<(), String> {
    let address = format!("{}:{}", place.host.trim_end_matches('.'), place.port);
    let connect = async {
        let stream = TcpStream::connect(&address).await?;
        tls.connect(stream, &address).await.map(drop)
    };
    match tokio::time::timeout(CHECK_TIMEOUT, connect).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err("timed out".to_owned()),
    }
}
