//! Joining: what a new member asks of the running ones before it has a log of its own.
//!
//! A member that joins was added by an operator first, so the others know its peer URLs, and have given it an id.
//! It finds itself in their list by these URLs, takes the cluster's id from the answer, and begins with an empty
//! log: who the members are comes with the log, from the leader.
//!
//! A founder of a new cluster asks too: if the others say that a member of its id already serves, it has lost its
//! data. Starting it anew would let it vote twice.

use super::{AskError, PeerClient, Question, Reply};
use crate::{
    config::{ClusterState, Config, Url},
    identity,
};
use http::StatusCode;
use oxetcd_consensus::{OsDisk, Wal};
use oxetcd_machine::{Member, meta};
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    net::{SocketAddr, ToSocketAddrs},
    time::Duration,
};

/// Longest wait for the list of members.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);
/// A member that lags has not heard yet of the one that joins: others are asked, and all once more, this often and
/// with this pause.
const LIST_TRIES: usize = 20;
const LIST_PAUSE: Duration = Duration::from_millis(100);
const INCOMPATIBLE: &str = "incompatible with current running cluster";
/// What is said when nobody has one.
const NO_LIST: &str =
    "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs";
/// Versions of clusters that this program can be a member of.
const CLUSTER_VERSIONS: std::ops::RangeInclusive<(u64, u64)> = (3, 0)..=(3, 7);
/// The oldest programs that understand what this one writes into the log of its name and the cluster's version.
const OLDEST_MEMBER: (u64, u64) = (3, 5);

/// What a member learns of the cluster that it joins.
#[derive(Clone, Debug)]
pub(crate) struct Joining {
    /// The id that it was given.
    pub(crate) member_id: u64,
    /// The cluster's id.
    pub(crate) cluster_id: u64,
    /// All members, this one among them.
    pub(crate) members: Vec<Member>,
}

/// Asks the members of `--initial-cluster`, if this member has no log yet: those of the cluster that it joins, or
/// its fellow founders. `None` when there is nothing to join.
///
/// # Errors
/// When it cannot join, or has been a member already.
pub(crate) async fn prepare(config: &Config, client: &PeerClient) -> Result<Option<Joining>, String> {
    if has_log(config) {
        return Ok(None);
    }
    match config.cluster.state {
        ClusterState::Existing => join(config, client).await.map(Some),
        ClusterState::New => found(config, client).await.map(|()| None),
    }
}

/// Whether the member has been one before.
pub(crate) fn has_log(config: &Config) -> bool {
    let wal_dir = &config.member.wal_dir;
    let wal_dir = wal_dir.clone().unwrap_or_else(|| config.member.data_dir.join("member").join("wal"));
    Wal::exists(&OsDisk, &wal_dir)
}

async fn join(config: &Config, client: &PeerClient) -> Result<Joining, String> {
    let name = &config.member.name;
    let expected = config.cluster.verify_join(name)?;
    let others = other_urls(&expected, name);
    let wanted: Vec<(String, Vec<String>)> = expected
        .into_iter()
        .map(|(name, urls)| (name, urls.iter().map(ToString::to_string).collect()))
        .collect();
    let (member_id, cluster_id, members) = matching_list(client, &others, name, &wanted).await?;
    check_versions(client, &members, member_id, config.raft.request_timeout()).await?;
    if members.iter().filter(|member| member.is_learner).count() > config.cluster.max_learners {
        return Err("membership: too many learner members in cluster".to_owned());
    }
    Ok(Joining { member_id, cluster_id, members })
}

/// The id of the member called `name`, the cluster's id and its members, from the first of `urls` whose list has
/// exactly the members that are `wanted`.
async fn matching_list(
    client: &PeerClient,
    urls: &[String],
    name: &str,
    wanted: &[(String, Vec<String>)],
) -> Result<(u64, u64, Vec<Member>), String> {
    let question = Question::get("/members").within(LIST_TIMEOUT);
    let mut refusal = None;
    for _ in 0..LIST_TRIES {
        for url in urls {
            let Some((cluster_id, members)) = list(client, std::slice::from_ref(url), &question).await else {
                continue;
            };
            let (name, wanted, listed) = (name.to_owned(), wanted.to_owned(), members.clone());
            // Names may have to be looked up.
            let matched = tokio::task::spawn_blocking(move || find(&name, &wanted, &listed)).await;
            match matched.map_err(|error| error.to_string())? {
                Ok(member_id) => return Ok((member_id, cluster_id, members)),
                Err(error) => refusal = Some(error),
            }
        }
        if refusal.is_none() {
            return Err(NO_LIST.to_owned());
        }
        tokio::time::sleep(LIST_PAUSE).await;
    }
    Err(refusal.unwrap_or_else(|| NO_LIST.to_owned()))
}

/// Makes sure that no member of this one's id serves already.
async fn found(config: &Config, client: &PeerClient) -> Result<(), String> {
    let name = &config.member.name;
    let initial = config.cluster.verify_bootstrap(name)?;
    let others = other_urls(&initial, name);
    let mine = initial.iter().find(|(member, _)| member == name).map(|(_, urls)| urls).into_iter().flatten();
    let mine: Vec<String> = mine.map(ToString::to_string).collect();
    let id = identity::member_id(&mine, &config.cluster.token);
    // A while, for they may just be starting too; then they have no list yet, or none is listening.
    let question = Question::get("/members").within(config.raft.election_timeout() + Duration::from_secs(1));
    let Some((_, members)) = list(client, &others, &question).await else { return Ok(()) };
    match members.iter().find(|member| member.id == id) {
        Some(member) if !member.client_urls.is_empty() => {
            Err(format!("member {id:x} has already been bootstrapped"))
        }
        _ => Ok(()),
    }
}

fn other_urls(members: &[(String, Vec<Url>)], name: &str) -> Vec<String> {
    let others = members.iter().filter(|(member, _)| member != name).flat_map(|(_, urls)| urls);
    let urls: BTreeSet<String> = others.map(ToString::to_string).collect();
    urls.into_iter().collect()
}

/// The cluster's id and its members, from the first of `urls` that answers sensibly.
async fn list(client: &PeerClient, urls: &[String], question: &Question) -> Option<(u64, Vec<Member>)> {
    for url in urls {
        let answer = match client.ask(url, question).await {
            Ok(reply) => parse_list(&reply),
            Err(error) => Err(error.to_string()),
        };
        match answer {
            Ok(answer) => return Some(answer),
            Err(error) => tracing::warn!(url, error, "no list of members from a peer"),
        }
    }
    None
}

fn parse_list(reply: &Reply) -> Result<(u64, Vec<Member>), String> {
    if reply.status != StatusCode::OK {
        return Err(format!("{}: {}", reply.status, reply.text()));
    }
    let id = reply.headers.get("x-etcd-cluster-id").and_then(|id| id.to_str().ok());
    let id = id.and_then(|id| u64::from_str_radix(id, 16).ok()).ok_or("the answer names no cluster")?;
    let members: Vec<Member> = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
    if members.is_empty() { Err("there are no members".to_owned()) } else { Ok((id, members)) }
}

/// Matches what the operator says with what the cluster says, member by member, by peer URLs. Answers with the id
/// of the one called `name`.
fn find(name: &str, expected: &[(String, Vec<String>)], members: &[Member]) -> Result<u64, String> {
    if expected.len() != members.len() {
        return Err("error validating peerURLs: member count is unequal".to_owned());
    }
    let mut found = None;
    for member in members {
        let same = |(_, urls): &&(String, Vec<String>)| same_urls(urls, &member.peer_urls);
        let (expected, _) = expected.iter().find(same).ok_or_else(|| {
            format!(
                "error validating peerURLs: PeerURLs: no match found for existing member ({:x}, {:?})",
                member.id, member.peer_urls
            )
        })?;
        if expected == name {
            found = Some(member.id);
        }
    }
    found.ok_or_else(|| format!("error validating peerURLs: {name:?} is not a member of the cluster"))
}

/// Whether these are the same URLs, if need be after asking DNS.
fn same_urls(these: &[String], those: &[String]) -> bool {
    let set = |urls: &[String]| urls.iter().cloned().collect::<BTreeSet<_>>();
    set(these) == set(those) || resolved(these).is_some_and(|urls| Some(urls) == resolved(those))
}

fn resolved(urls: &[String]) -> Option<BTreeSet<(String, SocketAddr)>> {
    let resolve = |url: &String| {
        let url = Url::parse(url).ok()?;
        let port = url.port().parse().ok()?;
        Some((url.scheme().to_owned(), (url.host(), port).to_socket_addrs().ok()?.next()?))
    };
    urls.iter().map(resolve).collect()
}

/// What `/version` answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Versions {
    /// Version of the program.
    #[serde(rename = "etcdserver")]
    pub(crate) server: String,
    /// Version that the cluster speaks, or a word when there is none yet.
    #[serde(rename = "etcdcluster")]
    pub(crate) cluster: String,
}

impl Versions {
    /// Whether this program can be in one cluster with a member of these versions; `None` while its cluster has
    /// no version.
    fn compatible(&self) -> Option<bool> {
        let cluster = meta::version_parts(&self.cluster)?;
        let program = meta::version_parts(&self.server);
        Some(CLUSTER_VERSIONS.contains(&cluster) && program >= Some(OLDEST_MEMBER))
    }

    /// How they are asked for.
    pub(crate) fn question(timeout: Duration) -> Question {
        Question::get("/version").within(timeout)
    }

    /// Those that member `id` has told; `None` when it has not.
    pub(crate) fn told(id: u64, answer: Result<Reply, AskError>) -> Option<Versions> {
        let failed =
            |error: String| tracing::warn!(member = format!("{id:x}"), error, "failed to get version");
        match answer {
            Ok(reply) if reply.status == StatusCode::OK => {
                serde_json::from_slice(&reply.body).map_err(|error| failed(error.to_string())).ok()
            }
            Ok(reply) => {
                failed(reply.status.to_string());
                None
            }
            Err(error) => {
                failed(error.to_string());
                None
            }
        }
    }
}

/// At least one other member must tell the version of the cluster, and all that do must tell one that this
/// program speaks. Some may be down just now.
async fn check_versions(
    client: &PeerClient,
    members: &[Member],
    me: u64,
    timeout: Duration,
) -> Result<(), String> {
    let mut told = false;
    for member in members.iter().filter(|member| member.id != me) {
        let answer = client.ask_any(&member.peer_urls, &Versions::question(timeout)).await;
        let Some(versions) = Versions::told(member.id, answer) else { continue };
        match versions.compatible() {
            None => continue,
            Some(true) => {}
            Some(false) => {
                let id = format!("{:x}", member.id);
                tracing::warn!(member = id, ?versions, "version is not compatible");
                return Err(INCOMPATIBLE.to_owned());
            }
        }
        told = true;
    }
    if told { Ok(()) } else { Err(INCOMPATIBLE.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn member(id: u64, url: &str) -> Member {
        Member { id, peer_urls: vec![url.to_owned()], ..Member::default() }
    }

    #[test]
    fn a_member_finds_itself_by_its_urls() {
        let expected = [("a", "http://127.0.0.1:1"), ("b", "http://127.0.0.1:2")];
        let expected = expected.map(|(name, url)| (name.to_owned(), vec![url.to_owned()]));
        let members = [member(7, "http://127.0.0.1:2"), member(8, "http://127.0.0.1:1")];
        assert_eq!(find("b", &expected, &members), Ok(7));
        assert!(find("b", &expected[..1], &members).is_err_and(|error| error.contains("count is unequal")));
        let others = [member(7, "http://127.0.0.1:2"), member(8, "http://127.0.0.1:3")];
        assert!(find("b", &expected, &others).is_err_and(|error| error.contains("no match found")));
        assert!(find("c", &expected, &members).is_err());
    }

    /// Answers question after question with these members, and with the last of them for ever.
    async fn peer(answers: Vec<Vec<Member>>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let mut left = answers.into_iter();
            let mut next = left.next();
            while let (Ok((mut stream, _)), Some(members)) = (listener.accept().await, &next) {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read_exact(&mut byte).await.is_err() {
                        break;
                    }
                    request.push(byte[0]);
                }
                let body = serde_json::to_string(members).expect("JSON");
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\nx-etcd-cluster-id: c\r\n";
                let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
                next = left.next().or(next);
            }
        });
        url
    }

    #[tokio::test]
    async fn a_peer_that_has_not_heard_of_the_one_that_joins_is_asked_again() {
        let (a, b) = ("http://127.0.0.1:1", "http://127.0.0.1:2");
        let (before, after) = (vec![member(8, a)], vec![member(8, a), member(7, b)]);
        let wanted = [("a", a), ("b", b)].map(|(name, url)| (name.to_owned(), vec![url.to_owned()]));
        let client = PeerClient::new(crate::net::Dialer::default());
        let lags = peer(vec![before.clone(), before.clone(), after.clone()]).await;
        let found = matching_list(&client, &[lags], "b", &wanted).await.expect("it hears in the end");
        assert_eq!((found.0, found.1, found.2.len()), (7, 0xc, 2));
        // One that knows is enough.
        let urls = [peer(vec![before.clone()]).await, peer(vec![after]).await];
        assert_eq!(matching_list(&client, &urls, "b", &wanted).await.expect("one knows").0, 7);
        let never = matching_list(&client, &urls[..1], "b", &wanted).await;
        assert!(never.is_err_and(|error| error.contains("count is unequal")));
    }

    #[test]
    fn members_that_could_not_read_our_entries_are_not_joined() {
        let cases = [
            (r#"{"etcdserver":"3.5.1","etcdcluster":"3.5.0"}"#, Some(true)),
            (r#"{"etcdserver":"3.7.1","etcdcluster":"3.0.0","storage":"unknown"}"#, Some(true)),
            (r#"{"etcdserver":"3.7.1","etcdcluster":"not_decided"}"#, None),
            (r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#, Some(false)),
            (r#"{"etcdserver":"3.8.0","etcdcluster":"3.8.0"}"#, Some(false)),
            (r#"{"etcdcluster":"3.5.0"}"#, Some(false)),
        ];
        for (json, compatible) in cases {
            let reply = Reply { status: StatusCode::OK, headers: Default::default(), body: json.into() };
            let versions = Versions::told(1, Ok(reply)).expect("JSON");
            assert_eq!(versions.compatible(), compatible, "{json}");
        }
    }

    #[test]
    fn names_and_addresses_of_one_host_are_the_same() {
        let url = |host: &str| vec![format!("http://{host}:2380")];
        assert!(same_urls(&url("127.0.0.1"), &url("127.0.0.1")));
        assert!(!same_urls(&url("127.0.0.1"), &url("127.0.0.2")));
    }
}
