//! What a caller shows.

use crate::{audit::Seen, net::Identity, service::Read};
use http::{HeaderMap, Request};
use std::sync::Arc;

/// The headers in which a token comes; the first wins.
const TOKEN_HEADERS: [&str; 2] = ["token", "authorization"];
/// Set by the gateway, whose own certificate says nothing about the user behind it.
const GATEWAY_HEADER: &str = "grpcgateway-accept";

/// A token or the common name of a certificate, as it came with a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) token: Option<String>,
    pub(crate) common_name: Option<String>,
    /// Where to write down who that is, if somebody wants to know.
    pub(crate) seen: Option<Seen>,
}

impl Credentials {
    /// What `request` and the connection that it came on show; `None` while auth is off, for nobody asks then.
    pub(crate) fn of<M: Read, B>(member: &M, request: &Request<B>) -> Option<Credentials> {
        let identity = || request.extensions().get::<Arc<Identity>>();
        member.machine().auth().is_enabled().then(|| Credentials::read(request.headers(), identity()))
    }

    fn read(headers: &HeaderMap, identity: Option<&Arc<Identity>>) -> Credentials {
        let token = TOKEN_HEADERS.iter().find_map(|name| headers.get(*name));
        // What is no text is no token either, but must not pass for none.
        let token = token.map(|value| value.to_str().unwrap_or_default());
        let token = token.map(|token| token.strip_prefix("Bearer ").unwrap_or(token).to_owned());
        let through_gateway = headers.contains_key(GATEWAY_HEADER);
        let common_name = identity.and_then(|identity| identity.common_name.clone());
        let common_name = common_name.filter(|_| !through_gateway);
        Credentials { token, common_name, seen: None }
    }
}
