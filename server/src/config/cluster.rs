//! The members of the cluster, as this one is told of them.

use super::{
    settings::Settings,
    url::{Url, join},
};
use oxetcd_discovery::{Security, Service};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{ToSocketAddrs, UdpSocket},
    time::Duration,
};

/// Settings of the cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// URLs under which other members reach this one.
    pub advertise_peer: Vec<Url>,
    /// URLs under which clients reach this one.
    pub advertise_client: Vec<Url>,
    /// The first members, as given: `a=http://x:2380,b=http://y:2380`.
    pub initial: String,
    /// What keeps apart clusters that look alike.
    pub token: String,
    /// Whether the cluster is new.
    pub state: ClusterState,
    /// Whether changes that would cost the quorum are refused.
    pub strict_reconfig_check: bool,
    /// Whether the leader raises the version that the cluster speaks without being told.
    pub raise_version: bool,
    /// Most learners in the cluster.
    pub max_learners: usize,
    /// Time between looks at a downgrade that is under way.
    pub downgrade_check_time: Duration,
    /// Where else the first members are found.
    pub discovery: Discovery,
}

/// Whether a member makes a cluster or joins one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterState {
    /// It makes one, with the others named.
    #[default]
    New,
    /// It joins one.
    Existing,
}

/// Other places to find the first members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// A discovery service, and the name of the cluster there.
    pub service: Option<Service>,
    /// DNS domain with SRV records.
    pub srv: String,
    /// Ending of the records' name.
    pub srv_name: String,
}

impl Discovery {
    fn of(settings: &Settings) -> Self {
        let text = |name: &str| settings.text(name).to_owned();
        let wait = |name: &str| settings.duration(name).wait();
        let service = || Service {
            request_timeout: wait("discovery-request-timeout"),
            dial_timeout: wait("discovery-dial-timeout"),
            keep_alive_time: wait("discovery-keepalive-time"),
            keep_alive_timeout: wait("discovery-keepalive-timeout"),
            user: text("discovery-user"),
            password: text("discovery-password"),
            security: Security {
                cert_file: settings.path("discovery-cert"),
                key_file: settings.path("discovery-key"),
                trusted_ca_file: settings.path("discovery-cacert"),
                insecure_transport: settings.bool("discovery-insecure-transport"),
                insecure_skip_verify: settings.bool("discovery-insecure-skip-tls-verify"),
            },
            ..Service::new(settings.list("discovery-endpoints").iter().cloned(), text("discovery-token"))
        };
        Discovery {
            service: (!settings.list("discovery-endpoints").is_empty()).then(service),
            srv: text("discovery-srv"),
            srv_name: text("discovery-srv-name"),
        }
    }

    /// Whether there is any.
    pub fn is_set(&self) -> bool {
        self.service.is_some() || !self.srv.is_empty()
    }
}

/// Names and peer URLs of members.
type Members = Vec<(String, Vec<Url>)>;

const LOCAL_PEER: &str = "http://localhost:2380";
const LOCAL_CLIENT: &str = "http://localhost:2379";
/// `--initial-cluster` as it is when nobody has set it.
const LOCAL_CLUSTER: &str = "default=http://localhost:2380";

impl ClusterConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        let text = |name: &str| settings.text(name).to_owned();
        let existing = settings.text("initial-cluster-state") == "existing";
        ClusterConfig {
            advertise_peer: settings.urls("initial-advertise-peer-urls").to_vec(),
            advertise_client: settings.urls("advertise-client-urls").to_vec(),
            initial: text("initial-cluster"),
            token: text("initial-cluster-token"),
            state: if existing { ClusterState::Existing } else { ClusterState::New },
            strict_reconfig_check: settings.bool("strict-reconfig-check"),
            raise_version: settings.bool("raise-cluster-version"),
            max_learners: usize::try_from(settings.int("max-learners")).unwrap_or(0),
            downgrade_check_time: settings.duration("downgrade-check-time").wait(),
            discovery: Discovery::of(settings),
        }
    }

    /// The first members, one entry a name, by name.
    ///
    /// # Errors
    /// When a URL is none.
    pub fn initial_members(&self) -> Result<Members, String> {
        let mut members: BTreeMap<&str, BTreeSet<Url>> = BTreeMap::new();
        for part in self.initial.split(',').filter(|part| !part.is_empty()) {
            let (name, url) = part.split_once('=').unwrap_or((part, ""));
            let url =
                Url::parse(url).map_err(|error| format!("error setting up initial cluster: {error}"))?;
            members.entry(name).or_default().insert(url);
        }
        Ok(members.into_iter().map(|(name, urls)| (name.to_owned(), urls.into_iter().collect())).collect())
    }

    /// The first members, when they can be those of a new cluster with this member, called `name`, among them.
    ///
    /// May ask DNS, when URLs of this member differ in their hosts' names.
    ///
    /// # Errors
    /// With what does not fit, in etcd's words.
    pub fn verify_bootstrap(&self, name: &str) -> Result<Members, String> {
        let members = self.initial_members()?;
        let mine = local(&members, name)?;
        self.check_advertised(name, mine)?;
        check_unique(&members)?;
        Ok(members)
    }

    /// The first members, when they can be those of a cluster that this member joins.
    ///
    /// # Errors
    /// With what does not fit, in etcd's words.
    pub fn verify_join(&self, name: &str) -> Result<Members, String> {
        let members = self.initial_members()?;
        local(&members, name)?;
        check_unique(&members)?;
        if self.discovery.service.is_some() {
            return Err("discovery URL should not be set when joining existing initial cluster".to_owned());
        }
        Ok(members)
    }

    /// What the others are told about this member must be what it tells itself.
    fn check_advertised(&self, name: &str, initial: &[Url]) -> Result<(), String> {
        let advertised = &self.advertise_peer;
        let Err(difference) = same(advertised, initial) else { return Ok(()) };
        let only_in = |these: &[Url], those: &[Url]| -> Vec<String> {
            these.iter().filter(|url| !those.contains(url)).map(|url| format!("{name}={url}")).collect()
        };
        let missing = only_in(initial, advertised);
        if !missing.is_empty() {
            return Err(format!(
                "--initial-cluster has {} but missing from --initial-advertise-peer-urls={} ({difference})",
                missing.join(","),
                join(advertised)
            ));
        }
        let missing: Vec<&str> =
            advertised.iter().filter(|url| !initial.contains(url)).map(Url::as_str).collect();
        let cluster: Vec<String> = advertised.iter().map(|url| format!("{name}={url}")).collect();
        Err(format!(
            "--initial-advertise-peer-urls has {} but missing from --initial-cluster={}",
            missing.join(","),
            cluster.join(",")
        ))
    }

    /// Replaces default addresses that are of no use elsewhere by the one under which this machine is reached,
    /// and names this member in a cluster that nobody has described. Answers with the address, when used.
    pub(super) fn settle(
        &mut self,
        name: &str,
        listen_peer: &[Url],
        listen_client: &[Url],
    ) -> Option<String> {
        let host = default_host();
        let mut used = false;
        let mut reach = |advertised: &mut Vec<Url>, listen: &[Url], local: &str| {
            let everywhere = listen.first().filter(|url| url.host() == "0.0.0.0");
            if let (Some(host), Some(listen)) = (&host, everywhere)
                && advertised.len() == 1
                && advertised[0].as_str() == local
            {
                *advertised = vec![listen.with_host(host)];
                used = true;
            }
        };
        reach(&mut self.advertise_peer, listen_peer, LOCAL_PEER);
        if name != "default" && self.initial == LOCAL_CLUSTER {
            let of = |url: &Url| format!("{name}={url}");
            self.initial = self.advertise_peer.iter().map(of).collect::<Vec<_>>().join(",");
        }
        reach(&mut self.advertise_client, listen_client, LOCAL_CLIENT);
        host.filter(|_| used)
    }
}

fn local<'a>(members: &'a Members, name: &str) -> Result<&'a [Url], String> {
    let found = members.iter().find(|(member, _)| member == name);
    found
        .map(|(_, urls)| &urls[..])
        .ok_or_else(|| format!("couldn't find local name {name:?} in the initial cluster configuration"))
}

fn check_unique(members: &Members) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    if members.iter().flat_map(|(_, urls)| urls).all(|url| seen.insert(url)) {
        return Ok(());
    }
    let all: Vec<String> =
        members.iter().flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={url}"))).collect();
    Err(format!("initial cluster {} has duplicate url", all.join(",")))
}

/// Whether these are the same URLs once their hosts' names are looked up.
///
/// # Errors
/// With what differs, in etcd's words.
fn same(advertised: &[Url], initial: &[Url]) -> Result<(), String> {
    if advertised.len() != initial.len() {
        let list =
            |urls: &[Url]| urls.iter().map(|url| format!("{:?}", url.as_str())).collect::<Vec<_>>().join(" ");
        return Err(format!("len([{}]) != len([{}])", list(advertised), list(initial)));
    }
    let sorted = |urls: &[Url]| {
        let mut urls = urls.to_vec();
        urls.sort_unstable();
        urls
    };
    if sorted(advertised) == sorted(initial) {
        return Ok(());
    }
    let unknown = |url: &Url| format!("the address of {:?} is not found", url.host());
    let resolved = |urls: &[Url]| {
        let urls: Result<Vec<Url>, String> =
            urls.iter().map(|url| resolved(url).ok_or_else(|| unknown(url))).collect();
        urls.map(|urls| sorted(&urls))
    };
    let (advertised, initial) = (resolved(advertised)?, resolved(initial)?);
    match advertised.iter().zip(&initial).find(|(one, other)| one != other) {
        Some((one, other)) => Err(format!("resolved urls: {:?} != {:?}", one.as_str(), other.as_str())),
        None => Ok(()),
    }
}

/// A URL with an address in place of its host's name; `None` when DNS does not know it.
fn resolved(url: &Url) -> Option<Url> {
    if url.is_unix() {
        return Some(url.clone());
    }
    let port = url.port().parse().ok()?;
    let address = (url.host(), port).to_socket_addrs().ok()?.next()?;
    Some(url.with_host(&address.ip().to_string()))
}

/// The address that this machine has towards the world: the one that a datagram to elsewhere would leave
/// from. None is sent.
fn default_host() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // An address set aside for documentation: never this machine's own net.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
}
