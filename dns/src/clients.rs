//! Members as clients see them.

use crate::{LookupError, Resolver, service};

/// Neither of the two services was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dns lookup errors: {with_tls} and {without}")]
pub struct ClientsError {
    /// About members with TLS.
    pub with_tls: LookupError,
    /// About members without.
    pub without: LookupError,
}

/// The endpoints of a domain's members, `https://` ones first. `name` tells clusters of one domain apart, and may be
/// empty.
///
/// # Errors
/// When the domain has neither members with TLS nor members without.
pub async fn clients(resolver: &Resolver, domain: &str, name: &str) -> Result<Vec<String>, ClientsError> {
    let ask = async |scheme: &str| {
        let places = resolver.places(&service("etcd-client", name, scheme), domain).await?;
        Ok(places.iter().map(|place| format!("{scheme}://{}", place.address())).collect::<Vec<_>>())
    };
    match (ask("https").await, ask("http").await) {
        (Err(with_tls), Err(without)) => Err(ClientsError { with_tls, without }),
        (with_tls, without) => Ok([with_tls, without].into_iter().flatten().flatten().collect()),
    }
}
