//! A short answer of the v2 API.

use super::JSON;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::Full;
use hyper::Response;
use oxetcd_v2::V2Error;
use serde::Serialize;
use tonic::body::Body;

/// A short answer.
pub(super) struct Reply {
    status: u16,
    body: String,
    headers: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

impl Reply {
    /// An answer in JSON.
    pub(super) fn json(status: u16, body: String) -> Self {
        Reply { status, body, headers: vec![("content-type", JSON.to_owned())] }
    }

    /// An answer in plain words.
    pub(super) fn text(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
        let reply = Reply { status, body: body.to_owned(), headers };
        if status < 400 { reply } else { reply.with("x-content-type-options", "nosniff") }
    }

    /// An answer for browsers.
    pub(super) fn html(status: u16, body: String) -> Self {
        Reply { status, body, headers: vec![("content-type", "text/html; charset=utf-8".to_owned())] }
    }

    /// An answer without a body.
    pub(super) fn bare(status: u16) -> Self {
        Reply { status, body: String::new(), headers: Vec::new() }
    }

    /// 405, with the methods that would do.
    pub(super) fn method_not_allowed(methods: &[Method]) -> Self {
        let allow: Vec<&str> = methods.iter().map(Method::as_str).collect();
        Reply::text(405, "Method Not Allowed\n").with("allow", allow.join(","))
    }

    /// A refusal by the members' part of the API.
    pub(super) fn message(status: u16, message: &str) -> Self {
        Reply::json(status, oxetcd_v2::to_json(&Message { message }))
    }

    /// A refusal by the keys' part.
    pub(super) fn refusal(error: &V2Error) -> Self {
        Reply::json(error.code.status(), error.to_json() + "\n").with("x-etcd-index", error.index)
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// The same for a cluster.
    pub(super) fn of_cluster(self, id: u64) -> Self {
        self.with("x-etcd-cluster-id", format_args!("{id:x}"))
    }

    /// As an HTTP response.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::new(Full::new(Bytes::from(self.body))));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        put_headers(&mut response, &self.headers);
        response
    }
}

/// Puts headers on a response.
pub(super) fn put_headers(response: &mut Response<Body>, headers: &[(&'static str, String)]) {
    let into = response.headers_mut();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            into.insert(HeaderName::from_static(name), value);
        }
    }
}
