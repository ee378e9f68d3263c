//! The membership as a v2 store, in JSON: what a `.snap` file holds.
//!
//! etcd 3.6 and older read it when they start. 3.7 only writes it, and so does ours but for what members of 3.5
//! told nowhere else. Other v2 keys are not in it: the v2 issue adds them.

use oxetcd_machine::Members;
use serde_json::{Map, Value, json};

/// Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";
/// Events that the v2 store keeps; empty places are null.
const HISTORY: usize = 1000;

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

/// The members and the cluster's version as a saved v2 store.
pub fn encode(members: &Members) -> Vec<u8> {
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
    let children = Map::from_iter([
        ("0".to_owned(), directory("/0", 0, zero)),
        ("1".to_owned(), directory("/1", 0, Map::new())),
    ]);
    let last = index;
    let queue = json!({
        "Events": vec![Value::Null; HISTORY], "Size": 0, "Front": 0, "Back": 0, "Capacity": HISTORY,
    });
    let history = json!({ "Queue": queue, "StartIndex": last, "LastIndex": last });
    let stats = json!({
        "getsSuccess": 0, "getsFail": 0, "setsSuccess": 0, "setsFail": 0, "deleteSuccess": 0,
        "deleteFail": 0, "updateSuccess": 0, "updateFail": 0, "createSuccess": 0, "createFail": 0,
        "compareAndSwapSuccess": 0, "compareAndSwapFail": 0, "compareAndDeleteSuccess": 0,
        "compareAndDeleteFail": 0, "expireCount": 0, "watchers": 0,
    });
    let saved = json!({
        "Root": directory("/", 0, children),
        "WatcherHub": { "EventHistory": history },
        "CurrentIndex": last,
        "Stats": stats,
        "CurrentVersion": 2,
    });
    saved.to_string().into_bytes()
}

/// What stands at `/0` in a saved v2 store: all that is not clients' keys.
pub fn cluster(saved: &[u8]) -> Option<String> {
    let saved: Value = serde_json::from_slice(saved).ok()?;
    saved.pointer("/Root/Children/0").map(Value::to_string)
}
