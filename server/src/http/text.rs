//! A short answer with a type and a status, in the form in which Go's `net/http` writes errors.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::Full;
use tonic::body::Body;

/// A short answer.
pub(crate) struct Text {
    status: StatusCode,
    body: Bytes,
    content_type: &'static str,
    allow: Option<&'static str>,
    nosniff: bool,
    cluster_id: Option<u64>,
}

impl Text {
    /// 200 with a body.
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Text {
            status: StatusCode::OK,
            body: Bytes::from(body.into()),
            content_type: "text/plain; charset=utf-8",
            allow: None,
            nosniff: false,
            cluster_id: None,
        }
    }

    /// 200 with a body that is no text.
    pub(crate) fn ok_bytes(body: Vec<u8>) -> Self {
        Text { body: body.into(), ..Text::ok("") }
    }

    /// 204.
    pub(crate) fn no_content() -> Self {
        Text { status: StatusCode::NO_CONTENT, ..Text::ok("").with_type("") }
    }

    /// An error; a line break is put behind its text.
    pub(crate) fn error(status: StatusCode, text: impl Into<String>) -> Self {
        Text { status, nosniff: true, ..Text::ok(text.into() + "\n") }
    }

    /// 404, for a path that nothing serves.
    pub(crate) fn not_found() -> Self {
        Text::error(StatusCode::NOT_FOUND, "404 page not found")
    }

    /// 405, with the method that would do.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Text { allow: Some(allow), ..Text::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") }
    }

    /// The same with another type.
    pub(crate) fn with_type(self, content_type: &'static str) -> Self {
        Text { content_type, ..self }
    }

    /// The same, and browsers must not guess another type.
    pub(crate) fn nosniff(self) -> Self {
        Text { nosniff: true, ..self }
    }

    /// The same, with the id of the cluster, for peers.
    pub(crate) fn of_cluster(self, id: u64) -> Self {
        Text { cluster_id: Some(id), ..self }
    }

    /// As an HTTP response.
    pub(crate) fn into_response(self) -> http::Response<Body> {
        let mut response = http::Response::new(Body::new(Full::new(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        // Sixteen digits of a number are a valid value.
        if let Some(Ok(id)) = self.cluster_id.map(|id| HeaderValue::from_str(&format!("{id:x}"))) {
            headers.insert("x-etcd-cluster-id", id);
        }
        if self.nosniff {
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}
