//! The membership as a v2 store, in JSON: what a `.snap` file holds.
//!
//! etcd 3.6 and older read it when they start. 3.7 only writes it, and so does ours but for what members of 3.5
//! told nowhere else. Keys of clients are in it as well, once there are any: [`oxetcd_v2::Tree`].

use oxetcd_machine::{Member, Members, Roster};
use oxetcd_v2::Tree;
use serde_json::{Map, Value, json};

/// Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";

fn file(path: &str, index: u64, value: &str) -> Value {
    json!({
        "Path": path, "CreatedIndex": index, "ModifiedIndex": index, "ExpireTime": NEVER,
        "Value": value, "Children": null,
    })
}

fn directory(path: &str, index: u64, children: Map<String, Value>) -> Value {
    json!({
        "Path": path, "CreatedIndex": index, "ModifiedIndex": index, "ExpireTime": NEVER,
        "Value": "", "Children": children,
    })
}

/// Ids, names and client URLs of the members in a saved v2 store, of those that have told them.
pub fn attributes(saved: &[u8]) -> Vec<(u64, String, Vec<String>)> {
    let saved: Value = serde_json::from_slice(saved).unwrap_or_default();
    let listed = saved.pointer("/Root/Children/0/Children/members/Children").and_then(Value::as_object);
    let member = |(hex, directory): (&String, &Value)| {
        let id = u64::from_str_radix(hex, 16).ok()?;
        let told: Value =
            serde_json::from_str(directory.pointer("/Children/attributes/Value")?.as_str()?).ok()?;
        let urls =
            told["clientURLs"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Some((id, told["name"].as_str()?.to_owned(), urls))
    };
    listed.into_iter().flatten().filter_map(member).collect()
}

/// The members in a saved v2 store, as far as the rules for changing them need to know.
pub fn roster(saved: &[u8]) -> Roster {
    let saved: Value = serde_json::from_slice(saved).unwrap_or_default();
    let below = |name: &str| {
        let place = format!("/Root/Children/0/Children/{name}/Children");
        saved.pointer(&place).and_then(Value::as_object).into_iter().flatten()
    };
    let member = |(hex, directory): (&String, &Value)| {
        let told = directory.pointer("/Children/raftAttributes/Value")?.as_str()?;
        let known: Member = serde_json::from_str(told).ok()?;
        Some(Member { id: u64::from_str_radix(hex, 16).ok()?, ..known })
    };
    let members: Vec<Member> = below("members").filter_map(member).collect();
    Roster::new(&members, below("removed_members").filter_map(|(hex, _)| u64::from_str_radix(hex, 16).ok()))
}

/// The members and the cluster's version as a saved v2 store that no client has written to.
///
/// # Errors
/// Never: what it is made of is JSON.
pub fn encode(members: &Members) -> Result<Vec<u8>, String> {
    let (cluster, last) = cluster(members);
    Ok(Tree::untouched(last).save(Some(&cluster))?.into_bytes())
}

/// The members and the cluster's version as the directory at `/0` of a saved v2 store, and its highest index.
pub(crate) fn cluster(members: &Members) -> (String, u64) {
    let mut index = 0;
    let mut next = || {
        index += 1;
        index
    };
    let mut listed = Map::new();
    for member in members.list() {
        let path = format!("/0/members/{:x}", member.id);
        let mut raft = json!({ "peerURLs": member.peer_urls });
        if member.is_learner {
            raft["isLearner"] = true.into();
        }
        let created = next();
        let raft = file(&format!("{path}/raftAttributes"), created, &raft.to_string());
        let mut children = Map::from_iter([("raftAttributes".to_owned(), raft)]);
        if !member.name.is_empty() {
            let attributes = json!({ "name": member.name, "clientURLs": member.client_urls });
            let attributes = file(&format!("{path}/attributes"), next(), &attributes.to_string());
            children.insert("attributes".to_owned(), attributes);
        }
        listed.insert(format!("{:x}", member.id), directory(&path, created, children));
    }
    let mut zero = Map::from_iter([("members".to_owned(), directory("/0/members", 1, listed))]);
    let mut removed = Map::new();
    for id in members.removed() {
        let path = format!("/0/removed_members/{id:x}");
        removed.insert(format!("{id:x}"), file(&path, next(), ""));
    }
    if !removed.is_empty() {
        zero.insert("removed_members".to_owned(), directory("/0/removed_members", 1, removed));
    }
    if let Some(version) = members.cluster_version() {
        zero.insert("version".to_owned(), file("/0/version", next(), &version));
    }
    (directory("/0", 0, zero).to_string(), index)
}
