//! What other members, and tools that act as one, ask over plain HTTP: who the members are, which version this
//! one has, what its data hashes to. Raft's own messages come with the cluster issue.

use super::{Text, internal, leases, promote, version};
use crate::{
    background,
    service::{Others, Propose, Read},
    v2http,
};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::{Request, body::Incoming};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Most bytes of a request's body.
const BODY_LIMIT_BYTES: usize = 64 << 10;
const JSON: &str = "application/json";

/// Answers one request to the listener for peers.
pub(crate) async fn answer<M: Propose + Read + Others>(member: &Arc<M>, request: Request<Incoming>) -> Text {
    let get = request.method() == Method::GET;
    match request.uri().path() {
        "/version" | "/members" | "/members/hashkv" | "/downgrade/enabled" if !get => {
            Text::method_not_allowed("GET")
        }
        "/version" => version(&**member),
        v2http::SPOKEN if get => Text::ok("true"),
        "/leases" | "/leases/internal" => leases::answer(&**member, request).await,
        "/members" => members(&**member),
        "/downgrade/enabled" => downgrade_enabled(&**member).await,
        "/members/hashkv" => match hash_kv(member, request).await {
            Ok(answer) | Err(answer) => answer,
        },
        path => match path.strip_prefix(promote::PREFIX) {
            Some(_) if request.method() != Method::POST => Text::method_not_allowed("POST"),
            Some(id) => promote::answer(&**member, id).await,
            None => Text::not_found(),
        },
    }
}

fn members<M: Read>(member: &M) -> Text {
    match serde_json::to_string(&member.machine().members().list()) {
        Ok(list) => Text::ok(list + "\n").with_type(JSON).of_cluster(member.header().cluster_id),
        Err(error) => internal(error),
    }
}

async fn downgrade_enabled<M: Read>(member: &M) -> Text {
    let id = member.header().cluster_id;
    match member.barrier().await {
        Ok(()) => Text::ok(member.machine().members().downgrade().is_some().to_string())
            .with_type("text/plain")
            .of_cluster(id),
        Err(status) => internal(format_args!("failed linearized read: {}", status.message())).of_cluster(id),
    }
}

/// etcd's JSON leaves out what is zero.
#[derive(Serialize)]
struct HashResponse {
    header: HashHeader,
    #[serde(skip_serializing_if = "is_zero")]
    hash: u32,
    compact_revision: i64,
    #[serde(skip_serializing_if = "is_zero")]
    hash_revision: i64,
}

#[derive(Serialize)]
struct HashHeader {
    revision: i64,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

async fn hash_kv<M: Read>(member: &Arc<M>, request: Request<Incoming>) -> Result<Text, Text> {
    let bad = |text: &str| Text::error(StatusCode::BAD_REQUEST, text);
    let id = member.header().cluster_id;
    if let Some(asked) = request.headers().get("x-etcd-cluster-id")
        && asked.as_bytes() != format!("{id:x}").as_bytes()
    {
        return Err(Text::error(StatusCode::PRECONDITION_FAILED, "cluster ID mismatch"));
    }
    let body = Limited::new(request.into_body(), BODY_LIMIT_BYTES).collect().await;
    let body = body.map_err(|_| bad("error reading body"))?.to_bytes();
    let asked: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|_| bad("error unmarshalling request"))?;
    let revision = match asked.get("revision") {
        None | Some(Value::Null) => 0,
        Some(revision) => revision.as_i64().ok_or_else(|| bad("error unmarshalling request"))?,
    };
    let hashing = member.clone();
    let hash = background::run(move || hashing.machine().store().hash_kv(revision)).await;
    let (hash, revision) =
        hash.ok_or_else(|| internal("stopped"))?.map_err(|error| bad(&error.to_string()))?;
    let answer = HashResponse {
        header: HashHeader { revision },
        hash: hash.hash,
        compact_revision: hash.compact_revision,
        hash_revision: hash.revision,
    };
    let text = serde_json::to_string(&answer).map_err(internal)?;
    Ok(Text::ok(text).with_type(JSON).of_cluster(id))
}
