//! What a caller shows.

use crate::{net::Remote, service::Read};
use http::HeaderMap;

/// The headers in which a token comes; the first wins.
const TOKEN_HEADERS: [&str; 2] = ["token", "authorization"];
/// Set by the gateway, whose own certificate says nothing about the user behind it.
const GATEWAY_HEADER: &str = "grpcgateway-accept";

/// A token or the common name of a certificate, as it came with a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) token: Option<String>,
    pub(crate) common_name: Option<String>,
}

impl Credentials {
    /// What `headers` and `remote` show; `None` while auth is off, for nobody asks then.
    pub(crate) fn of<M: Read>(member: &M, headers: &HeaderMap, remote: &Remote) -> Option<Credentials> {
        member.machine().auth().is_enabled().then(|| Credentials::read(headers, remote))
    }

    fn read(headers: &HeaderMap, remote: &Remote) -> Credentials {
        let token = TOKEN_HEADERS.iter().find_map(|name| headers.get(*name));
        // What is no text is no token either, but must not pass for none.
        let token = token.map(|value| value.to_str().unwrap_or_default());
        let token = token.map(|token| token.strip_prefix("Bearer ").unwrap_or(token).to_owned());
        let through_gateway = headers.contains_key(GATEWAY_HEADER);
        let common_name = remote.common_name().filter(|_| !through_gateway).map(str::to_owned);
        Credentials { token, common_name }
    }
}
