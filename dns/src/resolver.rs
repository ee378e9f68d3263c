//! Who is asked, and what a failure is called.

use crate::service::{Place, order};
use hickory_resolver::{
    ResolveError, TokioResolver,
    config::{NameServerConfig, NameServerConfigGroup, ResolverConfig},
    name_server::TokioConnectionProvider,
    proto::xfer::Protocol,
};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

/// Names the one name server to ask, `ADDRESS:PORT`, instead of those of this machine.
pub const NAME_SERVER_VARIABLE: &str = "OXETCD_NAME_SERVER";

/// Who is asked when this machine's settings name nobody.
const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// Somebody to ask.
#[derive(Clone, Debug)]
pub struct Resolver {
    inner: TokioResolver,
    server: SocketAddr,
}

/// A look-up without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lookup {name} on {server}: {reason}")]
pub struct LookupError {
    /// What was looked up.
    pub name: String,
    /// Who was asked, the first of them.
    pub server: SocketAddr,
    /// Why there is no answer.
    pub reason: String,
}

impl Resolver {
    /// The name servers of this machine, or the one that [`NAME_SERVER_VARIABLE`] names.
    ///
    /// # Errors
    /// When that variable holds no address.
    pub fn of_system() -> io::Result<Self> {
        if let Some(text) = std::env::var_os(NAME_SERVER_VARIABLE).filter(|text| !text.is_empty()) {
            let address = text.to_str().and_then(|text| text.parse().ok());
            let wrong =
                || io::Error::other(format!("{NAME_SERVER_VARIABLE} is no ADDRESS:PORT: {}", text.display()));
            return address.map(Resolver::asking).ok_or_else(wrong);
        }
        match TokioResolver::builder_tokio() {
            Ok(builder) => {
                let inner = builder.build();
                let server = inner.config().name_servers().first().map_or(LOCAL, |server| server.socket_addr);
                Ok(Resolver { inner, server })
            }
            // No settings, or none that can be read: whoever answers on this machine.
            Err(_) => Ok(Resolver::asking(LOCAL)),
        }
    }

    /// One name server.
    pub fn asking(server: SocketAddr) -> Self {
        let mut servers = NameServerConfigGroup::new();
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            servers.push(NameServerConfig::new(server, protocol));
        }
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let provider = TokioConnectionProvider::default();
        Resolver { inner: TokioResolver::builder_with_config(config, provider).build(), server }
    }

    /// Where a service is offered, the places to prefer first.
    ///
    /// # Errors
    /// When nobody answers, or there is no such record.
    pub async fn places(&self, service: &str, domain: &str) -> Result<Vec<Place>, LookupError> {
        let name = format!("_{service}._tcp.{domain}");
        let failed = |reason| LookupError { name: name.clone(), server: self.server, reason };
        let found = self.inner.srv_lookup(&*name).await.map_err(|error| failed(reason(&error)))?;
        let mut places: Vec<_> = found
            .iter()
            .map(|record| Place {
                host: record.target().to_ascii(),
                port: record.port(),
                priority: record.priority(),
                weight: record.weight(),
            })
            .collect();
        if places.is_empty() {
            return Err(failed("no such host".to_owned()));
        }
        order(&mut places, &mut rand::rng());
        Ok(places)
    }
}

fn reason(error: &ResolveError) -> String {
    match error.is_nx_domain() || error.is_no_records_found() {
        true => "no such host".to_owned(),
        false => error.to_string(),
    }
}
