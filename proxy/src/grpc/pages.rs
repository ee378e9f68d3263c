//! Plain HTTP: health, metrics of a member, and the proxy's own.

use super::{metrics::Metrics, upstream::Upstream};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use oxetcd_api::etcdserverpb::{RangeRequest, WatchCreateRequest};
use oxetcd_client::Code;
use std::time::Duration;
use tonic::body::Body;

/// How long a read for `/health` may take, and a watch for `/proxy/health`.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// Time after which a watch is asked again how far it is.
const ASK_AGAIN: Duration = Duration::from_millis(250);
const WATCH_TIMEOUT: Duration = Duration::from_secs(3);

/// The page at `path`.
pub(crate) async fn page(path: &str, upstream: &Upstream, metrics: &Metrics) -> Response<Body> {
    match path {
        "/health" => health(read(upstream).await),
        "/proxy/health" => health(proxy(upstream).await),
        "/proxy/metrics" => text(StatusCode::OK, metrics.text()),
        "/metrics" => match member_metrics(upstream).await {
            Ok(metrics) => text(StatusCode::OK, metrics),
            Err(error) => {
                tracing::warn!(%error, "cannot get a member's metrics");
                text(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error\n".to_owned())
            }
        },
        _ => text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned()),
    }
}

async fn member_metrics(upstream: &Upstream) -> std::io::Result<String> {
    let mut last = std::io::Error::other("there is no member");
    for endpoint in upstream.client().endpoints() {
        match upstream.client().http_get(&endpoint, "/metrics").await {
            Ok(page) => return Ok(String::from_utf8_lossy(&page).into_owned()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether a key can be read; being forbidden to shows that, too.
async fn read(upstream: &Upstream) -> Result<(), String> {
    let range = RangeRequest { key: "a".into(), ..Default::default() };
    let client = upstream.client().with_timeout(READ_TIMEOUT);
    match client.range(range).await {
        Err(error) if error.code() != Code::PermissionDenied => Err(format!("GET ERROR:{error}")),
        _ => Ok(()),
    }
}

async fn proxy(upstream: &Upstream) -> Result<(), String> {
    read(upstream).await?;
    let watcher = upstream.client().watcher();
    let mut watch = watcher.watch(WatchCreateRequest { key: "a".into(), ..Default::default() });
    // That a watch was made is not told here, so it is asked how far it is; a member that is behind does not answer that.
    let answered = async {
        loop {
            watcher.request_progress();
            if tokio::time::timeout(ASK_AGAIN, watch.next()).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(WATCH_TIMEOUT, answered).await.map_err(|_| "WATCH TIMEOUT".to_owned())
}

fn health(outcome: Result<(), String>) -> Response<Body> {
    let (status, healthy, reason) = match outcome {
        Ok(()) => (StatusCode::OK, "true", String::new()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, "false", reason),
    };
    let body = format!("{{\"health\":\"{healthy}\",\"reason\":{}}}", serde_json::json!(reason));
    let mut response = Response::new(Body::new(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain; version=0.0.4"));
    response
}
