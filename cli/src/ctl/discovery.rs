//! `--discovery-srv`: endpoints that DNS knows, in place of those of `--endpoints`.
//!
//! `OXETCD_NAME_SERVER=ADDRESS:PORT` asks another name server than this machine's settings name.

use super::global;
use crate::{
    args::{Failure, Matches},
    exit,
    go::quote::quote,
};
use oxetcd_client::dns::{self, Resolver};

/// The addresses of members: from DNS if a domain is given and DNS names any, else those that are given.
///
/// # Errors
/// When the domain cannot be looked up.
pub(super) fn endpoints(matches: &Matches) -> Result<Vec<String>, Failure> {
    let domain = matches.text(&global::DISCOVERY_SRV);
    if !domain.is_empty() {
        let found = look_up(domain, matches.text(&global::DISCOVERY_SRV_NAME))
            .map_err(|error| Failure::new(exit::ERROR, error))?;
        let found = without_insecure(found, matches.bool(&global::INSECURE_DISCOVERY));
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(matches.list(&global::ENDPOINTS).iter().map(|endpoint| endpoint.trim().to_owned()).collect())
}

/// What members must prove to be. Hosts that DNS gave are nobody's word: with `--insecure-discovery=false` it is the domain.
pub(super) fn server_name(matches: &Matches) -> Option<String> {
    let domain = matches.text(&global::DISCOVERY_SRV);
    (!domain.is_empty() && !matches.bool(&global::INSECURE_DISCOVERY)).then_some(domain)
}

/// Leaves out addresses without TLS, unless they are welcome.
fn without_insecure(mut found: Vec<String>, insecure_welcome: bool) -> Vec<String> {
    found.retain(|endpoint| {
        let kept = insecure_welcome || !endpoint.starts_with("http://");
        if !kept {
            eprintln!("ignoring discovered insecure endpoint {}", quote(endpoint));
        }
        kept
    });
    found
}

fn look_up(domain: String, name: String) -> Result<Vec<String>, String> {
    let look_up = async move {
        let resolver = Resolver::of_system().map_err(|error| error.to_string())?;
        dns::clients(&resolver, &domain, &name).await.map_err(|error| error.to_string())
    };
    // Settings are read before anything else is done, and not in steps.
    dns::wait(look_up).unwrap_or_else(|error| Err(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Value;

    #[test]
    fn addresses_without_tls_can_be_refused() {
        let found = || vec!["https://a:1".to_owned(), "http://b:2".to_owned()];
        assert_eq!(without_insecure(found(), true), found());
        assert_eq!(without_insecure(found(), false), ["https://a:1"]);
    }

    #[test]
    fn without_a_domain_the_given_ones_count() {
        let mut matches = Matches::default();
        matches.set(&global::ENDPOINTS, Value::List(vec![b" a:1 ".to_vec(), b"b:2".to_vec()]));
        assert_eq!(endpoints(&matches), Ok(vec!["a:1".to_owned(), "b:2".to_owned()]));
    }

    #[test]
    fn the_domain_is_proven_unless_discovery_is_insecure() {
        let name = |insecure, domain: &str| {
            let mut matches = Matches::default();
            matches.set(&global::DISCOVERY_SRV, Value::Text(domain.into()));
            matches.set(&global::INSECURE_DISCOVERY, Value::Bool(insecure));
            server_name(&matches)
        };
        assert_eq!(name(false, "example.org"), Some("example.org".to_owned()));
        assert_eq!(name(true, "example.org"), None, "the default: each host proves its own name");
        assert_eq!(name(false, ""), None);
    }
}
