//! A small HTTP client for what members ask each other: leases, hashes, promotion, versions.
//!
//! Every question has a time limit and a limit on the length of the answer: a member that is broken, or
//! somebody else behind its address, must not hold this one up or fill its memory. Redirects are not followed.
//! Connections are kept and used again.

use crate::net::Dialer;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use std::{fmt, time::Duration};

/// A connection that nobody has used for this long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest answer, unless the question says otherwise.
const REPLY_LIMIT_BYTES: usize = 1 << 20;
/// Longest wait for an answer, unless the question says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks other members.
#[derive(Clone)]
pub(crate) struct PeerClient(Client<Dialer, Full<Bytes>>);

/// What is asked, of whomever.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    timeout: Duration,
    limit_bytes: usize,
}

/// An answer, of whatever status.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// All of its body.
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AskError {
    /// The member has no URL, or one that is none.
    #[error("not a URL that can be asked: {0:?}")]
    Url(String),
    /// No connection, or a broken one.
    #[error("{0}")]
    Failed(String),
    /// Not in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The answer is longer than the question allows.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl Question {
    fn new(method: Method, path: &str, body: Bytes) -> Self {
        let (timeout, limit_bytes) = (TIMEOUT, REPLY_LIMIT_BYTES);
        Question { method, path: path.to_owned(), headers: HeaderMap::new(), body, timeout, limit_bytes }
    }

    /// A GET of `path`, which may have a query behind it.
    pub(crate) fn get(path: &str) -> Self {
        Question::new(Method::GET, path, Bytes::new())
    }

    /// A POST of `body`.
    pub(crate) fn post(path: &str, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let question = Question::new(Method::POST, path, body.into());
        question.with_header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// The same with a body: etcd asks for hashes by a GET that has one.
    pub(crate) fn with_body(self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let question = Question { body: body.into(), ..self };
        question.with_header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// The same with one more header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same for members of this cluster only: others refuse it.
    pub(crate) fn within_cluster(self, cluster_id: u64) -> Self {
        // Sixteen digits of a number are a valid value.
        match HeaderValue::from_str(&format!("{cluster_id:x}")) {
            Ok(id) => self.with_header(HeaderName::from_static("x-etcd-cluster-id"), id),
            Err(_) => self,
        }
    }

    /// The same with another time limit.
    pub(crate) fn within(self, timeout: Duration) -> Self {
        Question { timeout, ..self }
    }

    /// The same with another limit on the answer's length.
    pub(crate) fn at_most(self, limit_bytes: usize) -> Self {
        Question { limit_bytes, ..self }
    }

    fn request(&self, base: &str) -> Result<http::Request<Full<Bytes>>, AskError> {
        let url = format!("{}{}", base.trim_end_matches('/'), self.path);
        let built =
            http::Request::builder().method(&self.method).uri(&url).body(Full::new(self.body.clone()));
        let mut request = built.map_err(|_| AskError::Url(url))?;
        request.headers_mut().clone_from(&self.headers);
        Ok(request)
    }
}

impl PeerClient {
    /// A client without connections yet.
    pub(crate) fn new(dialer: Dialer) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIMEOUT);
        PeerClient(builder.build(dialer))
    }

    /// Asks whoever listens at `base` (`http://host:port`).
    ///
    /// # Errors
    /// When there is no answer; a refusal is one.
    pub(crate) async fn ask(&self, base: &str, question: &Question) -> Result<Reply, AskError> {
        let request = question.request(base)?;
        let asked = tokio::time::timeout(question.timeout, self.exchange(request, question.limit_bytes));
        asked.await.unwrap_or(Err(AskError::TimedOut(question.timeout)))
    }

    /// Asks a member at each of its URLs in turn, until one answers.
    ///
    /// # Errors
    /// With that of the last URL.
    pub(crate) async fn ask_any(&self, bases: &[String], question: &Question) -> Result<Reply, AskError> {
        let mut last = AskError::Url(String::new());
        for base in bases {
            match self.ask(base, question).await {
                Ok(reply) => return Ok(reply),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn exchange(
        &self,
        request: http::Request<Full<Bytes>>,
        limit_bytes: usize,
    ) -> Result<Reply, AskError> {
        let failed = |error: &dyn std::error::Error| AskError::Failed(with_causes(error));
        let response = self.0.request(request).await.map_err(|error| failed(&error))?;
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, limit_bytes).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(AskError::TooLong(limit_bytes)),
            Err(error) => return Err(failed(&*error)),
        };
        Ok(Reply { status: head.status, headers: head.headers, body })
    }
}

impl Reply {
    /// The body as text, for logs and errors: its beginning, without the line break that Go puts at the end.
    pub(crate) fn text(&self) -> String {
        let shown = &self.body[..self.body.len().min(1024)];
        String::from_utf8_lossy(shown).trim_end().to_owned()
    }
}

impl fmt::Debug for PeerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerClient").finish_non_exhaustive()
    }
}

/// An error and what is behind it: hyper's own text says only that connecting failed, not why.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// Answers one request with `answer`, or with nothing. Returns its address, and what it was sent.
    async fn member(answer: Option<&'static str>) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let served = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut asked = Vec::new();
            while !String::from_utf8_lossy(&asked).ends_with("end") {
                if socket.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            match answer {
                Some(answer) => drop(socket.write_all(answer.as_bytes()).await),
                // Silent for as long as the other side waits.
                None => drop(socket.read_buf(&mut asked).await),
            }
            String::from_utf8_lossy(&asked).into_owned()
        });
        (url, served)
    }

    #[tokio::test]
    async fn a_question_is_asked_and_its_answer_read() {
        let (url, served) = member(Some("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n")).await;
        let question = Question::get("/members/hashkv?x=1").with_body("application/json", "the end");
        let reply = PeerClient::new(Dialer::default())
            .ask(&url, &question.within_cluster(0xab))
            .await
            .expect("an answer");
        assert_eq!((reply.status, reply.text().as_str()), (StatusCode::NOT_FOUND, "none"));
        let asked = served.await.expect("served").to_ascii_lowercase();
        assert!(asked.starts_with("get /members/hashkv?x=1 http/1.1\r\n"), "{asked}");
        for line in
            ["content-type: application/json\r\n", "x-etcd-cluster-id: ab\r\n", "content-length: 7\r\n"]
        {
            assert!(asked.contains(line), "{asked}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_is_not_read() {
        let (url, _served) = member(Some("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789")).await;
        let question = Question::post("/leases", "application/protobuf", "end").at_most(8);
        let refused = PeerClient::new(Dialer::default()).ask(&url, &question).await.map(|reply| reply.text());
        assert_eq!(refused, Err(AskError::TooLong(8)));
    }

    #[tokio::test]
    async fn silence_is_not_waited_out() {
        let (url, _served) = member(None).await;
        let limit = Duration::from_millis(20);
        let question = Question::post("/leases", "application/protobuf", "end").within(limit);
        let refused = PeerClient::new(Dialer::default()).ask(&url, &question).await.map(|reply| reply.text());
        assert_eq!(refused, Err(AskError::TimedOut(limit)));
    }

    #[tokio::test]
    async fn the_next_url_is_asked_when_one_does_not_answer() {
        let (url, _served) = member(Some("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).await;
        let gone = {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
            format!("http://{}", listener.local_addr().expect("bound"))
        };
        let question = Question::post("/leases", "application/protobuf", "end");
        let client = PeerClient::new(Dialer::default());
        let urls = [String::from("not a url"), gone.clone(), url];
        assert_eq!(client.ask_any(&urls, &question).await.map(|reply| reply.text()), Ok("ok".to_owned()));
        assert!(matches!(client.ask(&gone, &question).await, Err(AskError::Failed(_))));
        assert!(matches!(client.ask_any(&[], &question).await, Err(AskError::Url(_))));
    }
}
