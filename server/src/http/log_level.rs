//! `PUT /config/local/log`: the level of the log, changed while the member runs.
//!
//! The path and its body are those of etcd 3.4, which later versions have dropped. Whoever may administer the cluster
//! may use it; that is everybody while auth is off, as with all that a cluster offers then.

use super::Text;
use crate::{
    access::{self, Credentials},
    logging::{self, Level},
    service::Read,
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;

/// Where it is.
pub(super) const PATH: &str = "/config/local/log";
/// Most bytes of a request's body.
const BODY_LIMIT_BYTES: usize = 4 << 10;
/// The call for administrators whose caller may do this too.
const AS_FOR: &str = "/etcdserverpb.Maintenance/Defragment";

#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "Level")]
    level: String,
}

/// Answers such a request.
pub(super) async fn answer<M: Read>(member: &M, request: Request<Incoming>) -> Text {
    if request.method() != Method::PUT {
        return Text::method_not_allowed("PUT");
    }
    let shown = Credentials::of(member, &request);
    if let Err(status) = access::admit(member, AS_FOR, shown.as_ref()).await {
        return Text::error(StatusCode::FORBIDDEN, status.message());
    }
    let bad = |text: String| Text::error(StatusCode::BAD_REQUEST, text);
    let Ok(body) = Limited::new(request.into_body(), BODY_LIMIT_BYTES).collect().await else {
        return bad("error reading body".to_owned());
    };
    let level = match serde_json::from_slice::<Wanted>(&body.to_bytes()) {
        Ok(wanted) => wanted.level,
        Err(error) => return bad(format!("Invalid json body: {error}")),
    };
    let Some(level) = Level::parse(&level.to_ascii_lowercase()) else {
        return bad(format!("Invalid log level {level}"));
    };
    if !logging::set_level(level) {
        return Text::error(StatusCode::SERVICE_UNAVAILABLE, "this process has no log of its own");
    }
    tracing::warn!(level = ?level, "the level of the log was changed over HTTP");
    Text::no_content()
}
