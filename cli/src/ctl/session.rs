//! From flags to a client.

use super::{discovery, environment, global, password};
use crate::{
    args::{Failure, Invocation, Matches},
    exit,
    go::{dial_error, os_error},
    print::{Answer, Format, Output, Style, show},
};
use oxetcd_client::{Client, Config, Credentials, FileTls, TlsConnector, TlsError, TlsOptions};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Everything a command needs to talk to a cluster and to show what it says.
#[derive(Debug)]
pub struct Session {
    config: Config,
    command_timeout: Duration,
    /// How answers look.
    pub style: Style,
    /// Where they go.
    pub out: Output,
    endpoints: Vec<String>,
}

impl Session {
    /// Reads the settings: flags, environment, and perhaps a password.
    ///
    /// # Errors
    /// When they contradict each other or make no sense.
    pub fn begin(invocation: &mut Invocation) -> Result<Self, Failure> {
        // Variables that `watch` reads by itself.
        let known: &[&str] = match invocation.command().name {
            "watch" => &["ETCDCTL_WATCH_KEY", "ETCDCTL_WATCH_RANGE_END"],
            _ => &[],
        };
        let Invocation { path, matches, out, .. } = invocation;
        environment::apply(path, matches, std::env::vars_os(), known)?;
        if matches.bool(&global::DEBUG) {
            for flag in global::ALL {
                eprintln!("{}={}", environment::variable(flag.name), matches.value(flag));
            }
        }
        let endpoints = discovery::endpoints(matches)?;
        let mut config = Config::new(endpoints.clone());
        config.dial_timeout =
            Some(matches.duration(&global::DIAL_TIMEOUT).wait()).filter(|time| !time.is_zero());
        config.keep_alive_time = Some(matches.duration(&global::KEEPALIVE_TIME).wait());
        config.keep_alive_timeout = matches.duration(&global::KEEPALIVE_TIMEOUT).wait();
        limits(matches, &mut config)?;
        config.tls = tls(matches, &config)?;
        config.credentials = credentials(matches, out)?;
        let style = style(matches)?;
        let command_timeout = matches.duration(&global::COMMAND_TIMEOUT).wait();
        Ok(Session { config, command_timeout, style, out: out.clone(), endpoints })
    }

    /// The addresses of `--endpoints`, or those that DNS gave.
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// A client of the whole cluster.
    ///
    /// # Errors
    /// When there is no endpoint, or the credentials are refused.
    pub async fn connect(&self) -> Result<Client, Failure> {
        Client::connect(self.config.clone()).await.map_err(|error| Failure::new(exit::BAD_CONNECTION, error))
    }

    /// A client of one member.
    ///
    /// # Errors
    /// When the credentials are refused.
    pub async fn connect_to(&self, endpoint: &str) -> Result<Client, oxetcd_client::Error> {
        let mut config = self.config.clone();
        config.endpoints = vec![endpoint.trim().to_owned()];
        Client::connect(config).await
    }

    /// Gets a page that a member serves beside gRPC.
    ///
    /// # Errors
    /// What could not be done, in words.
    pub async fn http_get(&self, endpoint: &str, path: &str) -> Result<bytes::Bytes, String> {
        let client = self.connect().await.map_err(|failure| failure.message.unwrap_or_default())?;
        client.http_get(endpoint, path).await.map_err(|error| dial_error(&error))
    }

    /// A client of another cluster, with this cluster's timeouts and limits.
    ///
    /// # Errors
    /// When the credentials are refused.
    pub async fn connect_elsewhere(
        &self,
        endpoint: &str,
        credentials: Option<Credentials>,
        tls: Option<Arc<dyn TlsConnector>>,
    ) -> Result<Client, Failure> {
        let mut config = self.config.clone();
        config.endpoints = vec![endpoint.to_owned()];
        config.credentials = credentials;
        config.tls = tls;
        Client::connect(config).await.map_err(|error| Failure::new(exit::BAD_CONNECTION, error))
    }

    /// A client of the whole cluster for a short command: its calls end when the command's time is up.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn connect_briefly(&self) -> Result<Client, Failure> {
        let deadline = self.deadline();
        Ok(self.connect().await?.with_deadline(deadline))
    }

    /// A client of the whole cluster for a command that takes as long as it takes, once a member is reached.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn connect_patiently(&self) -> Result<Client, Failure> {
        Ok(self.connect().await?.with_connect_timeout(self.command_timeout))
    }

    /// When a short command that begins now is over.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.command_timeout.min(Duration::from_secs(u64::from(u32::MAX)))
    }

    /// Shows an answer.
    ///
    /// # Errors
    /// When it does not have the format that was asked for.
    pub fn show(&self, answer: &impl Answer) -> Result<(), Failure> {
        show(&self.out, self.style, answer)
    }

    /// The addresses of all members if `--cluster` asks for them, else those of `--endpoints`.
    ///
    /// # Errors
    /// When the members cannot be listed.
    pub async fn members(&self, whole_cluster: bool) -> Result<Vec<String>, Failure> {
        if !whole_cluster {
            return Ok(self.endpoints.clone());
        }
        let deadline = self.deadline();
        let client =
            Client::connect(self.config.clone()).await.map_err(|error| Failure::new(exit::ERROR, error))?;
        let request = oxetcd_api::etcdserverpb::MemberListRequest { linearizable: true };
        let list = client.with_deadline(deadline).member_list(request).await.map_err(|error| {
            Failure::new(
                exit::ERROR,
                format!("failed to fetch endpoints from etcd cluster member list: {error}"),
            )
        })?;
        Ok(list.members.into_iter().flat_map(|member| member.client_ur_ls).collect())
    }
}

fn style(matches: &Matches) -> Result<Style, Failure> {
    let format = Format::named(&matches.text(&global::WRITE_OUT))
        .ok_or_else(|| Failure::new(exit::BAD_FEATURE, "unsupported output format"))?;
    Ok(Style { format, hex: matches.bool(&global::HEX), value_only: false })
}

fn limits(matches: &Matches, config: &mut Config) -> Result<(), Failure> {
    let bytes = |flag| usize::try_from(matches.int(flag)).unwrap_or(0);
    let (send, receive) = (bytes(&global::MAX_REQUEST_BYTES), bytes(&global::MAX_RECV_BYTES));
    if receive > 0 && send > receive {
        let message = format!(
            "gRPC message recv limit ({receive} bytes) must be greater than send limit ({send} bytes)"
        );
        return Err(Failure::new(exit::BAD_CONNECTION, message));
    }
    if send > 0 {
        config.max_send_bytes = send;
    }
    if receive > 0 {
        config.max_receive_bytes = receive;
    }
    Ok(())
}

/// What is encrypted, and how: nothing, unless a flag or an address asks for it.
fn tls(matches: &Matches, config: &Config) -> Result<Option<Arc<dyn TlsConnector>>, Failure> {
    let file = |flag| Some(matches.text(flag)).filter(|path| !path.is_empty()).map(PathBuf::from);
    for flag in [&global::CERT, &global::KEY, &global::CACERT] {
        if matches.is_set(flag) && matches.text(flag).is_empty() {
            let message = format!("empty string is passed to --{} option", flag.name);
            return Err(Failure::new(exit::BAD_ARGS, message));
        }
    }
    let options = TlsOptions {
        cert_file: file(&global::CERT),
        key_file: file(&global::KEY),
        trusted_ca_file: file(&global::CACERT),
        insecure_skip_verify: matches.bool(&global::INSECURE_SKIP_TLS_VERIFY),
        server_name: discovery::server_name(matches),
        ..TlsOptions::default()
    };
    encrypted(options, matches.bool(&global::INSECURE_TRANSPORT), &config.endpoints)
}

/// TLS with these options, when they, `insecure` or an address ask for it.
///
/// # Errors
/// When the files cannot be used.
pub(crate) fn encrypted(
    options: TlsOptions,
    insecure: bool,
    endpoints: &[String],
) -> Result<Option<Arc<dyn TlsConnector>>, Failure> {
    let files = !options.is_empty() || options.trusted_ca_file.is_some() || options.server_name.is_some();
    let asked = files
        || !insecure
        || options.insecure_skip_verify
        || endpoints.iter().any(|e| e.starts_with("https://") || e.starts_with("unixs:"));
    if !asked {
        return Ok(None);
    }
    match FileTls::new(options) {
        Ok(tls) => Ok(Some(Arc::new(tls))),
        Err(TlsError::Read { path, error }) => {
            let message = format!("open {}: {}", path.display(), os_error(&error));
            Err(Failure::new(exit::BAD_ARGS, message))
        }
        Err(error) => Err(Failure::new(exit::BAD_ARGS, error)),
    }
}

fn credentials(matches: &Matches, out: &Output) -> Result<Option<Credentials>, Failure> {
    let token = matches.text(&global::AUTH_JWT_TOKEN);
    if !token.is_empty() {
        return Ok(Some(Credentials::Token(token)));
    }
    let (user, given) = (matches.text(&global::USER), matches.text(&global::PASSWORD));
    if user.is_empty() {
        return Ok(None);
    }
    let (user, password) = match user.split_once(':') {
        _ if !given.is_empty() => (user, given),
        Some((user, password)) => (user.to_owned(), password.to_owned()),
        None => {
            let typed = password::ask(out, "Password: ").map_err(|error| Failure::new(exit::ERROR, error))?;
            (user, typed)
        }
    };
    Ok(Some(Credentials::Password { user, password }))
}
