//! One running member: boots it, starts its loops, serves it, and stops it in order.

use crate::{
    announce::announce,
    assemble::{Running, boot_options, run},
    audit::Audit,
    cluster::{
        PeerClient, corruption::check_at_start, discover, downgrade, hand_over_before_stopping, join,
        publish::publish, version_monitor,
    },
    config::{Config, SocketOptions, Url},
    dispatch::{Dispatch, Offer},
    http::{Access, Http, PeerHttp, Role},
    metrics::Metrics,
    net::{self, Listener, Secure},
    node::{BootOptions, Input, Shared, Watching, WayBack, boot, checkpoint},
    service::{HealthService, Propose, Read, WatchService},
    v2http::V2Api,
};
use std::{sync::Arc, thread::JoinHandle, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What a member that was removed still has to say to the others takes no longer.
const LEAVE_AFTER: Duration = Duration::from_secs(1);
/// Leases of one entry that writes remaining TTLs down.
const CHECKPOINTS_PER_ENTRY: usize = 1000;

/// How long a member that has handed leadership over goes on passing requests to the new leader at least.
const LINGER: Duration = Duration::from_millis(200);

/// A running member.
pub struct Member {
    /// Longest time that a successor may take to lead.
    transfer_timeout: Duration,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    way_back: WayBack,
    servers: JoinSet<()>,
    /// What the other members reach; it ends after everything else.
    peer_servers: JoinSet<()>,
    /// Cancelled when requests are no longer taken.
    closing: CancellationToken,
    /// Cancelled when the other members are no longer listened to.
    leaving: CancellationToken,
    watching: Watching,
}

/// Sockets of a member, bound before anything is written.
struct Sockets {
    client: Vec<Listener>,
    client_http: Vec<Listener>,
    metrics: Vec<Listener>,
    peer: Vec<Listener>,
}

impl Member {
    fn of(running: Running, config: &Config) -> Self {
        let Running { shared, threads, watching, way_back } = running;
        Member {
            // Raft itself gives a successor one election timeout.
            transfer_timeout: config.raft.election_timeout() * 3 / 2,
            shared,
            threads,
            way_back,
            servers: JoinSet::new(),
            peer_servers: JoinSet::new(),
            closing: CancellationToken::new(),
            leaving: CancellationToken::new(),
            watching,
        }
    }

    /// Starts the member that `config` describes, and resolves when it serves.
    ///
    /// # Errors
    /// With a sentence that names what is in the way: an address that is taken, a data dir that cannot be
    /// used, a damaged file.
    pub async fn start(config: Config) -> Result<Member, String> {
        announce(&config);
        let config = discover::first_members(config).await?;
        // Before anybody can reach this member: founders that start together do not wait for each other.
        let secure = Secure::of(&config)?;
        let joining = join::prepare(&config, &PeerClient::new(secure.dialer.clone())).await?;
        let sockets = Sockets::bind(&config, &secure).await?;
        let metrics = Metrics::new(config.observe.metrics);
        metrics.by_prefix(&config.observe.metrics_prefixes);
        let audit = config.observe.audit_log.as_deref();
        let audit = audit.map(|path| Audit::open(path, metrics.audit_dropped.clone())).transpose()?;
        net::count_reloads(&metrics);
        if let Some(tracing) = &config.observe.tracing {
            metrics.traces.start(tracing)?;
        }
        let options = BootOptions { joining, ..boot_options(&config, &metrics) };
        let booted = tokio::task::spawn_blocking(move || boot(&options)).await.map_err(text)??;
        if config.storage.memory_mlock {
            lock_memory()?;
        }
        let mut member = Member::of(run(&config, booted, metrics.clone(), secure.dialer)?, &config);
        // The others are listened to first: without them there is no leader to be told anything.
        let Sockets { client, client_http, metrics: metrics_sockets, peer } = sockets;
        member.serve_peers(&config, peer, &metrics);
        member.serve_http(&config, [(metrics_sockets, Role::Metrics, "metrics")], &metrics);
        member.check_data(&config).await?;
        member.join_cluster(&config).await?;
        member.serve_http(&config, [(client_http, Role::Client, "http")], &metrics);
        member.serve_clients(&config, client, metrics, audit);
        Ok(member)
    }

    /// A member whose data differ from the others' does not serve. A new one has none yet.
    async fn check_data(&self, config: &Config) -> Result<(), String> {
        let has_data = self.shared.machine().store().revision() > 1;
        if has_data && config.features.enabled("InitialCorruptCheck") {
            check_at_start(&self.shared).await?;
        }
        Ok(())
    }

    /// Tells the cluster who this member is, and sees to the version that they all speak.
    async fn join_cluster(&self, config: &Config) -> Result<(), String> {
        let client_urls: Vec<String> =
            config.cluster.advertise_client.iter().map(ToString::to_string).collect();
        publish(&self.shared, &config.member.name, &client_urls).await?;
        let raise = config.cluster.raise_version;
        // The first leader of a cluster settles on one before it serves.
        if let Err(status) = version_monitor::update(&*self.shared, raise).await {
            tracing::warn!(error = status.message(), "the cluster has no version yet");
        }
        tokio::spawn(version_monitor::watch(self.shared.clone(), raise));
        tokio::spawn(downgrade::watch(self.shared.clone(), config.cluster.downgrade_check_time));
        Ok(())
    }

    fn serve_clients(
        &mut self,
        config: &Config,
        listeners: Vec<Listener>,
        metrics: Arc<Metrics>,
        audit: Option<Arc<Audit>>,
    ) {
        let shared = &self.shared;
        let watch = WatchService::new(shared.clone(), self.watching.hub().clone(), self.closing.clone());
        let health = HealthService::new(self.closing.clone());
        let offer = Offer {
            access: Access {
                origins: config.listen.cors.clone(),
                hosts: config.listen.host_whitelist.clone(),
            },
            gateway: config.listen.grpc_gateway,
            v2: self.v2(config),
            audit,
        };
        let closing = self.closing.clone();
        let dispatch =
            Arc::new(Dispatch::new(shared.clone(), watch, health, metrics.clone(), closing, offer));
        let limits = net_limits(config);
        for listener in listeners {
            let (address, traffic) = (listener.address(), "grpc+http");
            match listener.tls() {
                Some(_) => tracing::info!(address, traffic, "serving client traffic securely"),
                None => tracing::info!(
                    address,
                    traffic,
                    "serving client traffic insecurely; this is strongly discouraged!"
                ),
            }
            self.servers.spawn(net::serve(listener, dispatch.clone(), limits, self.closing.clone()));
        }
        tracing::info!("ready to serve client requests");
    }

    fn serve_peers(&mut self, config: &Config, listeners: Vec<Listener>, metrics: &Arc<Metrics>) {
        for listener in listeners {
            tracing::info!(address = listener.address(), traffic = "peer", "serving peers");
            let (member, metrics, v2) = (self.shared.clone(), metrics.clone(), None);
            let http = Http { member, metrics, role: Role::Peer, v2 };
            let handler = Arc::new(PeerHttp { peers: self.shared.peers.clone(), rest: Arc::new(http) });
            let serve = net::serve(listener, handler, net_limits(config), self.leaving.clone());
            self.peer_servers.spawn(serve);
        }
    }

    fn serve_http(
        &mut self,
        config: &Config,
        listeners: impl IntoIterator<Item = (Vec<Listener>, Role, &'static str)>,
        metrics: &Arc<Metrics>,
    ) {
        for (listeners, role, traffic) in listeners {
            for listener in listeners {
                tracing::info!(address = listener.address(), traffic, "serving HTTP");
                let (member, metrics, v2) = (self.shared.clone(), metrics.clone(), self.v2(config));
                let http = Http { member, metrics, role, v2 };
                let limits = net_limits(config);
                self.servers.spawn(net::serve(listener, Arc::new(http), limits, self.closing.clone()));
            }
        }
    }

    fn v2(&self, config: &Config) -> Option<V2Api> {
        config.listen.v2.then(|| V2Api { closing: self.closing.clone() })
    }

    /// Resolves when the member cannot go on, or must not: the others have removed it.
    pub async fn failed(&self) {
        let removed = self.shared.fate.removed();
        tokio::select! {
            () = self.shared.fate.token().cancelled_owned() => {}
            () = async {
                removed.cancelled().await;
                tokio::time::sleep(LEAVE_AFTER).await;
            } => {}
        }
    }

    /// Stops the member: another one leads, requests that have begun are finished, and everything is written to
    /// disk.
    ///
    /// # Errors
    /// With the cause, when the member had failed.
    pub async fn stop(mut self) -> Result<(), String> {
        let handed_over = hand_over_before_stopping(&*self.shared, self.transfer_timeout).await;
        self.closing.cancel();
        while self.servers.join_next().await.is_some() {}
        if let Some(then) = handed_over {
            // Until they have heard of the new leader, others send their clients' requests here, to be passed on.
            tokio::time::sleep_until((then + LINGER).into()).await;
        }
        self.write_leases_down().await;
        self.shared.inbox.send(Input::Stop);
        let threads = std::mem::take(&mut self.threads);
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().all(|thread| thread.join().is_ok()));
        let mut clean = joined.await.unwrap_or(false);
        let metrics = self.shared.metrics.clone();
        // It may wait for the collector.
        let _ = tokio::task::spawn_blocking(move || metrics.traces.stop()).await;
        self.shared.fate.stop();
        self.watching.stop();
        self.shared.peers.stop();
        self.leaving.cancel();
        while self.peer_servers.join_next().await.is_some() {}
        if clean && self.shared.fate.cause().is_none() {
            clean = self.write_way_back().await?;
        }
        match self.shared.fate.cause() {
            Some(cause) => Err(cause),
            None if clean => Ok(()),
            None => Err("a thread of the member panicked".to_owned()),
        }
    }

    /// Leaves the data dir as etcd's own server wants it, if it came from there. `false` when that panicked.
    async fn write_way_back(&mut self) -> Result<bool, String> {
        let machine = self.shared.machine.load_full();
        let way_back = self.way_back.clone();
        let write = move || way_back.write(machine.buffer());
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => written
                .map(|()| true)
                .map_err(|error| format!("the data dir cannot go back to etcd's own server: {error}")),
            Err(_) => Ok(false),
        }
    }

    /// What is left of each lease must outlive this process.
    async fn write_leases_down(&self) {
        let now_ms = self.shared.clock.now_ms();
        let seen = self.shared.leadership.seen();
        if seen.leader != self.shared.member_id {
            return;
        }
        let due = {
            let machine = self.shared.machine.load();
            let book = machine.leases().lock();
            if book.is_primary() { book.checkpoint_all(now_ms) } else { Vec::new() }
        };
        for part in due.chunks(CHECKPOINTS_PER_ENTRY) {
            let done = match self.shared.propose_in_term(checkpoint(part.to_vec()), seen.term) {
                Ok(proposal) => proposal.await.map(drop),
                Err(status) => Err(status),
            };
            if let Err(status) = done {
                tracing::warn!(error = %status.message(), "remaining TTLs of leases were not written down");
                return;
            }
        }
    }
}

impl Sockets {
    async fn bind(config: &Config, secure: &Secure) -> Result<Sockets, String> {
        let (options, tls) = (config.listen.socket, secure.client.as_ref());
        Ok(Sockets {
            client: bind_all(&config.listen.client, options, tls).await?,
            client_http: bind_all(&config.listen.client_http, options, tls).await?,
            metrics: bind_all(&config.listen.metrics, options, tls).await?,
            peer: bind_all(&config.listen.peer, options, secure.peer.as_ref()).await?,
        })
    }
}

async fn bind_all(
    urls: &[Url],
    options: SocketOptions,
    tls: Option<&Arc<oxetcd_tls::ServerTls>>,
) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    for url in urls {
        listeners.push(net::bind(url.as_str(), options, tls).await.map_err(text)?);
    }
    Ok(listeners)
}

/// Keeps what the process touches out of swap. Pages are locked as they are touched: an engine maps far more than it
/// uses.
fn lock_memory() -> Result<(), String> {
    use rustix::mm::{MlockAllFlags, mlockall};
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).map_err(|error| {
        format!(
            "--memory-mlock: memory cannot be locked: {error} (it takes CAP_IPC_LOCK, or no limit on locked memory: \
             LimitMEMLOCK=infinity in a unit of systemd)"
        )
    })?;
    tracing::info!("memory is kept out of swap");
    Ok(())
}

fn net_limits(config: &Config) -> net::Limits {
    net::Limits {
        max_concurrent_streams: config.listen.max_concurrent_streams,
        keepalive_interval: config.listen.keepalive.interval,
        keepalive_timeout: config.listen.keepalive.timeout,
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
