//! A TCP proxy before a cluster: whoever connects is passed on to a member that can be reached.
//!
//! What goes over a connection is not looked at, so TLS and authentication are between client and member. A member that
//! cannot be reached is left out until it can: that is tried again every so often.

mod remotes;

use crate::found::Srv;
pub use remotes::Remote;
use remotes::Remotes;
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, lookup_host},
};

/// How long connecting to a member may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What the gateway is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where it listens.
    pub listen: String,
    /// Members, as `host:port` or URLs; used when DNS names none.
    pub endpoints: Vec<String>,
    /// Where DNS names them.
    pub srv: Srv,
    /// Authorities that must vouch for members found by DNS; those that do not show such a certificate are left out.
    pub trusted_ca_file: Option<PathBuf>,
    /// Whether members found by DNS are not asked for certificates.
    pub insecure_discovery: bool,
    /// Time between two tries of a member that failed; zero is five minutes.
    pub retry_delay: Duration,
}

/// A gateway that listens.
pub struct Gateway {
    listener: TcpListener,
    remotes: Arc<Remotes>,
    retry_delay: Duration,
}

impl Gateway {
    /// Finds the members and begins to listen.
    ///
    /// # Errors
    /// When there is no member, an address is none, or the gateway would be its own member.
    pub async fn bind(options: Options) -> Result<Gateway, String> {
        let remotes = remotes(&options).await?;
        refuse_self(&options.listen, &remotes).await?;
        let listener = TcpListener::bind(&options.listen).await;
        let listener = listener.map_err(|error| format!("listen tcp {}: {error}", options.listen))?;
        let endpoints: Vec<String> = remotes.iter().map(Remote::address).collect();
        tracing::info!(?endpoints, "ready to proxy client requests");
        let delay =
            if options.retry_delay.is_zero() { Duration::from_secs(300) } else { options.retry_delay };
        Ok(Gateway { listener, remotes: Arc::new(Remotes::new(remotes)), retry_delay: delay })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Passes connections on, until dropped.
    pub async fn run(self) {
        let monitor = monitor(self.remotes.clone(), self.retry_delay);
        let accept = async {
            loop {
                match self.listener.accept().await {
                    Ok((client, _)) => {
                        drop(tokio::spawn(pass_on(client, self.remotes.clone(), self.retry_delay)))
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: some will be closed.
                        tracing::warn!(%error, "accept failed");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        };
        tokio::join!(monitor, accept);
    }
}

/// The members: those that DNS names, else those of the command line.
async fn remotes(options: &Options) -> Result<Vec<Remote>, String> {
    let places = options.srv.places(options.trusted_ca_file.as_deref(), options.insecure_discovery).await?;
    let found = places.iter().map(|(_, place)| Remote {
        host: place.host.trim_end_matches('.').to_owned(),
        port: place.port,
        priority: place.priority,
        weight: place.weight,
    });
    let found: Vec<Remote> = found.collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let given = options.endpoints.iter().map(|endpoint| Remote::parse(endpoint));
    let given = given.collect::<Result<Vec<_>, _>>()?;
    if given.is_empty() { Err("no endpoints found".to_owned()) } else { Ok(given) }
}

/// A gateway that passes connections on to itself would do so for ever.
async fn refuse_self(listen: &str, remotes: &[Remote]) -> Result<(), String> {
    let own = lookup_host(listen).await;
    let own: Vec<SocketAddr> =
        own.map_err(|error| format!("failed to resolve listen host: {listen}: {error}"))?.collect();
    for remote in remotes {
        let address = remote.address();
        let addresses = lookup_host(&address).await;
        let mut addresses = addresses
            .map_err(|error| format!("failed to resolve endpoint host: {}: {error}", remote.host))?;
        if remote.port != 0 && addresses.any(|address| own.contains(&address)) {
            return Err(format!(
                "SRV or endpoint ({address}) should not resolve to the gateway listen addr ({listen})"
            ));
        }
    }
    Ok(())
}

async fn pass_on(mut client: TcpStream, remotes: Arc<Remotes>, retry_delay: Duration) {
    while let Some(remote) = remotes.pick() {
        match dial(&remote.address()).await {
            Ok(mut member) => {
                let _ = (client.set_nodelay(true), member.set_nodelay(true));
                // However it ends, both ends hear of it.
                let _ = copy_bidirectional(&mut client, &mut member).await;
                return;
            }
            Err(error) => {
                remotes.set_active(&remote, false);
                let address = remote.address();
                tracing::warn!(address, interval = ?retry_delay, %error, "deactivated endpoint");
            }
        }
    }
}

async fn dial(address: &str) -> io::Result<TcpStream> {
    let dialed = tokio::time::timeout(DIAL_TIMEOUT, TcpStream::connect(address)).await;
    dialed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Tries members that failed, again and again.
async fn monitor(remotes: Arc<Remotes>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        for remote in remotes.inactive() {
            let address = remote.address();
            match dial(&address).await {
                Ok(_) => {
                    remotes.set_active(&remote, true);
                    tracing::info!(address, "activated");
                }
                Err(error) => tracing::warn!(
                    address,
                    ?interval,
                    %error,
                    "failed to activate endpoint (stay inactive for another interval)"
                ),
            }
        }
    }
}
