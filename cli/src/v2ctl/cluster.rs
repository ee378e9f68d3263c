//! Members that are asked over HTTP, one after the other.
//!
//! A request goes to one member; when that cannot answer, to the next. Requests that must not be done twice are tried once
//! only. Before the first of them the members' own addresses take the place of the ones that were given (`--no-sync` leaves
//! them alone).

use super::{global, members::Members};
use crate::{
    args::{Failure, Matches},
    ctl::{ask_password, encrypted},
    exit,
    go::dial_error,
    print::Output,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    Method, Request, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use oxetcd_client::{Endpoint, TlsConnector, TlsOptions, http_exchange};
use std::{cell::RefCell, fmt, path::PathBuf, sync::Arc, time::Duration};
use tokio::time::Instant;

/// A request to whichever member answers.
pub(crate) struct Call {
    pub(super) method: Method,
    /// Path and query, escaped.
    pub(super) path: String,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Option<String>,
    /// It may have been done although nobody answered, and must not be done again.
    pub(super) once: bool,
    /// It is answered when something happens, be it tomorrow.
    pub(super) waits: bool,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Call::new(Method::GET, path)
    }

    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Call { method, path: path.into(), content_type: None, body: None, once: false, waits: false }
    }

    pub(super) fn json(self, body: String) -> Self {
        Call { content_type: Some("application/json"), body: Some(body), ..self }
    }

    pub(super) fn form(self, body: String) -> Self {
        Call { content_type: Some("application/x-www-form-urlencoded"), body: Some(body), ..self }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Problem {
    /// No member could answer; what each of them said.
    Cluster(Vec<MemberProblem>),
    /// There is nobody to ask.
    NoEndpoints,
    /// The time of the command is up.
    TimeIsUp,
    /// The answer says no, or cannot be understood.
    Answer(String),
}

/// Why one member did not answer.
#[derive(Debug)]
pub(crate) struct MemberProblem {
    text: String,
    /// Whether it could not be reached at all.
    unreachable: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Cluster(problems) => {
                f.write_str("client: etcd cluster is unavailable or misconfigured")?;
                let mut numbered = problems.iter().enumerate();
                numbered.try_for_each(|(number, problem)| writeln!(f, "; error #{number}: {}", problem.text))
            }
            Problem::NoEndpoints => f.write_str("client: no endpoints available"),
            Problem::TimeIsUp => f.write_str("context deadline exceeded"),
            Problem::Answer(text) => f.write_str(text),
        }
    }
}

impl Problem {
    /// As a command for keys shows it: what every member said comes once more.
    pub(super) fn shown(&self) -> String {
        let mut text = self.to_string();
        if let Problem::Cluster(problems) = self {
            text.push('\n');
            let lines = problems.iter().enumerate();
            text.extend(lines.map(|(number, problem)| format!("error #{number}: {}\n", problem.text)));
        }
        text
    }

    fn is_unreachable(&self) -> bool {
        matches!(self, Problem::Cluster(problems) if problems.iter().all(|problem| problem.unreachable))
    }
}

/// The members, and how to talk to them.
pub(crate) struct Cluster {
    /// The one that answered last comes first.
    endpoints: RefCell<Vec<String>>,
    tls: Option<Arc<dyn TlsConnector>>,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    total_timeout: Duration,
    /// Whether requests are shown.
    debug: bool,
}

impl Cluster {
    /// What flags and environment say; asks nobody.
    pub(super) fn new(matches: &Matches, out: &Output) -> Result<Self, Failure> {
        let plain = |message: String| Failure::new(exit::ERROR, message);
        if !global::text(matches, &global::DISCOVERY_SRV, "ETCDCTL_DISCOVERY_SRV").is_empty() {
            return Err(plain(
                "discovery by SRV records is not supported with version 2 of the API".to_owned(),
            ));
        }
        let mut endpoints = global::endpoints(matches);
        for endpoint in &mut endpoints {
            check_url(endpoint).map_err(plain)?;
            if !endpoint.contains("://") {
                *endpoint = format!("http://{endpoint}");
            }
        }
        let file = |flag, variable| {
            Some(global::text(matches, flag, variable)).filter(|path| !path.is_empty()).map(PathBuf::from)
        };
        let options = TlsOptions {
            cert_file: file(&global::CERT_FILE, "ETCDCTL_CERT_FILE"),
            key_file: file(&global::KEY_FILE, "ETCDCTL_KEY_FILE"),
            trusted_ca_file: file(&global::CA_FILE, "ETCDCTL_CA_FILE"),
            ..TlsOptions::default()
        };
        let tls = encrypted(options, true, &endpoints)
            .map_err(|failure| plain(failure.message.unwrap_or_default()))?;
        let user = global::text(matches, &global::USERNAME, "ETCDCTL_USERNAME");
        let authorization = Some(user).filter(|user| !user.is_empty()).map(|user| authorization(user, out));
        let nanos = |flag| Duration::from_nanos(u64::try_from(matches.duration(flag).0).unwrap_or(0));
        Ok(Cluster {
            endpoints: RefCell::new(endpoints),
            tls,
            authorization: authorization.transpose().map_err(plain)?,
            timeout: nanos(&global::TIMEOUT),
            total_timeout: nanos(&global::TOTAL_TIMEOUT),
            debug: matches.bool(&global::DEBUG),
        })
    }

    /// The same, and then asks the members for their addresses, unless that is not wanted.
    pub(super) async fn synced(matches: &Matches, out: &Output) -> Result<Self, Failure> {
        let cluster = Cluster::new(matches, out)?;
        if !matches.bool(&global::NO_SYNC) {
            cluster.sync().await?;
        }
        if cluster.debug {
            eprintln!("Cluster-Endpoints: {}", cluster.endpoints.borrow().join(", "));
        }
        Ok(cluster)
    }

    /// A cluster behind these addresses, for programs that have no such flags.
    pub(crate) fn of(endpoints: Vec<String>, tls: Option<Arc<dyn TlsConnector>>, timeout: Duration) -> Self {
        Cluster {
            endpoints: RefCell::new(endpoints),
            tls,
            authorization: None,
            timeout,
            total_timeout: timeout,
            debug: false,
        }
    }

    /// Proves who we are with a name and a password.
    pub(crate) fn with_user(self, user: &str, password: &str) -> Result<Self, String> {
        Ok(Cluster { authorization: Some(basic(user, password)?), ..self })
    }

    async fn sync(&self) -> Result<(), Failure> {
        let given = self.endpoints.borrow().join(",");
        if self.debug {
            eprintln!("start to sync cluster using endpoints({given})");
        }
        match Members(self).list(self.deadline()).await {
            Ok(members) => {
                let urls: Vec<String> = members.into_iter().flat_map(|member| member.client_urls).collect();
                if urls.is_empty() {
                    let complaint = format!(
                        "etcd cluster has no published client endpoints.\nTry '--no-sync' if you want to access \
                         non-published client endpoints({given})."
                    );
                    eprintln!("{complaint}");
                    return Err(super::failed(exit::BAD_FEATURE, Problem::NoEndpoints.shown()));
                }
                self.endpoints.replace(urls);
            }
            Err(problem) if problem.is_unreachable() => {
                return Err(super::failed(exit::BAD_CONNECTION, problem.shown()));
            }
            // Whatever else it is, the command itself will say.
            Err(_) => {}
        }
        if self.debug {
            eprintln!("got endpoints({}) after sync", self.endpoints.borrow().join(","));
        }
        Ok(())
    }

    /// When a command that begins now is over.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.total_timeout
    }

    /// Where the members are.
    pub(super) fn shown_endpoints(&self) -> String {
        self.endpoints.borrow().join(", ")
    }

    /// Asks a member for a page, whoever it is that listens there.
    pub(super) async fn page(&self, url: &str, path: &str) -> Result<Bytes, String> {
        let answer = self.ask_quietly(url, &Call::get(path)).await.map_err(|problem| problem.text)?;
        Ok(answer.into_body())
    }

    /// Asks the members until one answers, or `deadline` has come.
    pub(super) async fn call(
        &self,
        call: &Call,
        deadline: Option<Instant>,
    ) -> Result<Response<Bytes>, Problem> {
        let asked = self.ask_all(call);
        match deadline {
            Some(deadline) => {
                tokio::time::timeout_at(deadline, asked).await.unwrap_or(Err(Problem::TimeIsUp))
            }
            None => asked.await,
        }
    }

    async fn ask_all(&self, call: &Call) -> Result<Response<Bytes>, Problem> {
        let endpoints = self.endpoints.borrow().clone();
        if endpoints.is_empty() {
            return Err(Problem::NoEndpoints);
        }
        let mut problems = Vec::new();
        for endpoint in endpoints {
            let problem = match self.ask(&endpoint, call).await {
                Ok(answer) if answer.status().is_server_error() => {
                    let text = match answer.status().as_u16() {
                        500 | 503 => format!("client: etcd member {endpoint} has no leader"),
                        _ => {
                            let reason = answer.status().canonical_reason().unwrap_or_default();
                            format!("client: etcd member {endpoint} returns server error [{reason}]")
                        }
                    };
                    MemberProblem { text, unreachable: false }
                }
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            // Whoever comes next begins with the next member.
            self.endpoints.borrow_mut().rotate_left(1);
            if call.once {
                return Err(Problem::Answer(problem.text));
            }
            problems.push(problem);
        }
        Err(Problem::Cluster(problems))
    }

    async fn ask(&self, endpoint: &str, call: &Call) -> Result<Response<Bytes>, MemberProblem> {
        if self.debug {
            let body = call.body.as_ref().map(|body| format!(" -d {}", crate::go::quote::quote(body)));
            eprintln!(
                "cURL Command: curl -X {} {endpoint}{}{}",
                call.method,
                call.path,
                body.unwrap_or_default()
            );
        }
        self.ask_quietly(endpoint, call).await
    }

    async fn ask_quietly(&self, endpoint: &str, call: &Call) -> Result<Response<Bytes>, MemberProblem> {
        let mut request = Request::builder().method(&call.method).uri(&call.path);
        if let Some(content_type) = call.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = Bytes::from(call.body.clone().unwrap_or_default());
        let request = request
            .body(body)
            .map_err(|error| MemberProblem { text: error.to_string(), unreachable: false })?;
        let parsed = Endpoint::parse(endpoint);
        let answer = http_exchange(&parsed, self.tls.as_ref(), request);
        let answer = if call.waits || self.timeout.is_zero() {
            answer.await
        } else {
            tokio::time::timeout(self.timeout, answer).await.map_err(|_| MemberProblem {
                text: format!("client: endpoint {endpoint} exceeded header timeout"),
                unreachable: false,
            })?
        };
        answer.map_err(|error| MemberProblem { text: dial_error(&error), unreachable: true })
    }
}

fn authorization(user: String, out: &Output) -> Result<HeaderValue, String> {
    match user.split_once(':') {
        Some((user, password)) => basic(user, password),
        None => {
            let password = ask_password(out, "Password: ").map_err(|error| error.to_string())?;
            basic(&user, &password)
        }
    }
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, String> {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    HeaderValue::from_str(&format!("Basic {encoded}")).map_err(|error| error.to_string())
}

/// Refuses what Go cannot read as a URL: a host without a scheme, above all.
fn check_url(text: &str) -> Result<(), String> {
    let first = text.split('/').next().unwrap_or_default();
    let shown = crate::go::quote::quote(text);
    match text.find(':') {
        Some(0) => Err(format!("parse {shown}: missing protocol scheme")),
        Some(at) if at < first.len() && !text[..at].starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Err(format!("parse {shown}: first path segment in URL cannot contain colon"))
        }
        _ => Ok(()),
    }
}
