//! Who the members are, and how an operator changes that, for v2 clients.

use super::{DENIED, JSON, auth::Caller, body, reply::Reply};
use crate::{
    cluster::membership,
    config::Url,
    service::{Others, Propose, Read},
    status,
};
use http::{Method, header};
use hyper::{Request, body::Incoming};
use oxetcd_machine::Member;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tonic::Status;

const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::DELETE, Method::PUT];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    name: String,
    #[serde(rename = "peerURLs")]
    peer_urls: Vec<String>,
    #[serde(rename = "clientURLs")]
    client_urls: Vec<String>,
}

#[derive(Serialize)]
struct List {
    members: Vec<Listed>,
}

/// What a change says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    #[serde(rename = "peerURLs")]
    peer_urls: Option<Vec<String>>,
}

impl From<Member> for Listed {
    fn from(member: Member) -> Self {
        let Member { id, name, peer_urls, client_urls, .. } = member;
        Listed { id: format!("{id:x}"), name, peer_urls, client_urls }
    }
}

/// Where clients reach the members, in one line.
pub(super) fn machines<M: Read>(member: &M) -> Reply {
    let mut urls: Vec<String> =
        member.machine().members().list().into_iter().flat_map(|member| member.client_urls).collect();
    urls.sort();
    Reply::text(200, &urls.join(", "))
}

/// Answers a request for a member, or for all of them.
pub(super) async fn answer<M: Propose + Read + Others>(
    member: &Arc<M>,
    request: Request<Incoming>,
    rest: &str,
) -> Reply {
    if !METHODS.contains(request.method()) {
        return Reply::method_not_allowed(&METHODS);
    }
    if !Caller::of(&request).may_change(&**member).await {
        return Reply::message(401, DENIED);
    }
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let reply = match *request.method() {
        Method::GET => get(&**member, rest),
        Method::POST => add(&**member, request).await,
        ref method => match (method == Method::DELETE, id(rest)) {
            (_, Err(reply)) => reply,
            (true, Ok(id)) => remove(&**member, id).await,
            (false, Ok(id)) => update(&**member, id, request).await,
        },
    };
    reply.of_cluster(member.header().cluster_id)
}

fn get<M: Read>(member: &M, rest: &str) -> Reply {
    let members = member.machine().members().list();
    match rest {
        "" => {
            let members = members.into_iter().map(Listed::from).collect();
            Reply::json(200, oxetcd_v2::to_json(&List { members }) + "\n")
        }
        "leader" => {
            let leader = member.progress().leader;
            match members.into_iter().find(|member| member.id == leader) {
                Some(leader) => Reply::json(200, oxetcd_v2::to_json(&Listed::from(leader)) + "\n"),
                None => Reply::message(503, "During election"),
            }
        }
        _ => Reply::message(404, "Not found"),
    }
}

async fn add<M: Propose + Read + Others>(member: &M, request: Request<Incoming>) -> Reply {
    let urls = match wanted(request).await {
        Ok(urls) => urls,
        Err(reply) => return reply,
    };
    match membership::add(member, &urls, false).await {
        Ok((added, _)) => Reply::json(201, oxetcd_v2::to_json(&Listed::from(added)) + "\n"),
        Err(error) if is(&error, status::member_exists()) || is(&error, status::peer_url_exists()) => {
            // The words of the log's rules, without those of gRPC.
            let urls = is(&error, status::peer_url_exists());
            Reply::message(409, if urls { "membership: peerURL exists" } else { "membership: ID exists" })
        }
        Err(error) => failed(&error),
    }
}

async fn remove<M: Propose + Read + Others>(member: &M, id: u64) -> Reply {
    if member.machine().members().is_removed(id) {
        return Reply::message(410, &format!("Member permanently removed: {id:x}"));
    }
    match membership::remove(member, id).await {
        Ok(_) => Reply::bare(204),
        Err(error) if is(&error, status::member_not_found()) => unknown(&format!("{id:x}")),
        Err(error) => failed(&error),
    }
}

async fn update<M: Propose + Read + Others>(member: &M, id: u64, request: Request<Incoming>) -> Reply {
    let urls = match wanted(request).await {
        Ok(urls) => urls,
        Err(reply) => return reply,
    };
    match membership::update(member, id, urls).await {
        Ok(_) => Reply::bare(204),
        Err(error) if is(&error, status::peer_url_exists()) => {
            Reply::message(409, "membership: peerURL exists")
        }
        Err(error) if is(&error, status::member_not_found()) => unknown(&format!("{id:x}")),
        Err(error) => failed(&error),
    }
}

/// The peer URLs in a body, sorted.
async fn wanted(request: Request<Incoming>) -> Result<Vec<String>, Reply> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = match given.split_once(';') {
        Some((kind, _)) => kind.trim().to_ascii_lowercase(),
        None => given.to_owned(),
    };
    if kind != JSON {
        let text = format!("Bad Content-Type {kind}, accept application/json");
        return Err(Reply::message(415, &text));
    }
    let bad = |text: String| Reply::message(400, &text);
    let body = body::read(request.into_body()).await.map_err(bad)?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    let urls = wanted.peer_urls.unwrap_or_default();
    if urls.is_empty() {
        return Err(bad("no valid URLs given".to_owned()));
    }
    let urls: Result<Vec<Url>, String> = urls.iter().map(|url| Url::parse(url)).collect();
    let mut urls = urls.map_err(bad)?;
    urls.sort();
    Ok(urls.iter().map(ToString::to_string).collect())
}

fn id(rest: &str) -> Result<u64, Reply> {
    if rest.is_empty() {
        return Err(Reply::text(405, "Method Not Allowed\n"));
    }
    u64::from_str_radix(rest, 16).map_err(|_| unknown(rest))
}

fn unknown(id: &str) -> Reply {
    Reply::message(404, &format!("No such member: {id}"))
}

fn is(error: &Status, other: Status) -> bool {
    error.message() == other.message()
}

fn failed(error: &Status) -> Reply {
    tracing::warn!(error = error.message(), "the members are not changed");
    Reply::message(500, "Internal Server Error")
}
