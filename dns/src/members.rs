//! Members as they see each other: the first list of a new cluster.

use crate::{LookupError, Place, Resolver};
use std::{collections::HashMap, io, net::SocketAddr};

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// An advertised address cannot be resolved.
    #[error("{0}")]
    Advertised(io::Error),
    /// The service was not found.
    #[error("error querying DNS SRV records for _{service} {error}")]
    Lookup {
        /// The service.
        service: String,
        /// Why.
        error: LookupError,
    },
    /// None of the members that were found can be used; this is why the last could not.
    #[error("error querying DNS SRV records for _{service} {reason}")]
    Unusable {
        /// The service.
        service: String,
        /// Why.
        reason: String,
    },
}

/// The members that a service of the domain names, each as `name=scheme://host:port`. The one at an address of
/// `advertised` (URLs) gets the name `own`; the others get numbers.
///
/// Members whose host has no address, and ours under another scheme than advertised, are left out as long as any is left.
///
/// # Errors
/// When an own address cannot be resolved, the service is not found, or nothing of it can be used.
pub async fn members(
    resolver: &Resolver,
    scheme: &str,
    service: &str,
    own: &str,
    domain: &str,
    advertised: &[String],
) -> Result<Vec<String>, MembersError> {
    let mut ours = HashMap::new();
    for url in advertised {
        let host = url.split_once("://").map_or(&**url, |(_, host)| host).trim_end_matches('/');
        ours.insert(address(host).await.map_err(MembersError::Advertised)?, url);
    }
    let error = |error| MembersError::Lookup { service: service.to_owned(), error };
    let places = resolver.places(service, domain).await.map_err(error)?;
    let (mut list, mut others, mut trouble) = (Vec::new(), 0, None);
    for place in places {
        let resolved = match address(&place.address()).await {
            Ok(resolved) => resolved,
            Err(error) => {
                trouble = Some(error.to_string());
                continue;
            }
        };
        let url = format!("{scheme}://{}", without_dot(&place));
        let found = ours.get(&resolved);
        let name = match found {
            Some(_) if !own.is_empty() => own.to_owned(),
            _ => {
                others += 1;
                (others - 1).to_string()
            }
        };
        match found.filter(|ours| !ours.starts_with(&format!("{scheme}://"))) {
            None => list.push(format!("{name}={url}")),
            Some(ours) => {
                trouble = Some(format!(
                    "bootstrap at {url} from DNS for {service} has scheme mismatch with expected peer {ours}"
                ));
            }
        }
    }
    match trouble {
        Some(reason) if list.is_empty() => {
            Err(MembersError::Unusable { service: service.to_owned(), reason })
        }
        _ => Ok(list),
    }
}

/// URLs are written without DNS's final dot.
fn without_dot(place: &Place) -> String {
    format!("{}:{}", place.host.trim_end_matches('.'), place.port)
}

/// The first address of `host:port`, as this machine resolves it. Without the final dot: files of hosts know none.
async fn address(host_port: &str) -> io::Result<SocketAddr> {
    let plain = match host_port.rsplit_once(':') {
        Some((host, port)) => format!("{}:{port}", host.trim_end_matches('.')),
        None => host_port.to_owned(),
    };
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("lookup {host_port}: {error}"));
    let mut found: Vec<_> = tokio::net::lookup_host(plain).await.map_err(failed)?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| failed(io::Error::other("no such host")))
}
