//! `/v2/keys`: what the notes of etcd's users say, line by line.

use crate::{
    ask::{ask, json},
    support::Server,
};
use serde_json::json;
use std::path::Path;

fn server(dir: &Path) -> Server {
    Server::start(dir, &[])
}

#[test]
fn who_waits_gets_the_next_change() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = server(dir.path());
    assert_eq!(json(&server, "PUT", "/v2/keys/foo", "value=old").0, 201);
    let mut waiting = ask(&server, "GET", "/v2/keys/foo?wait=true", "");
    // Its headers are there, so it waits; whatever comes now is told.
    assert_eq!(waiting.status, 200);
    let start = waiting.number("x-etcd-index");
    assert_eq!(json(&server, "PUT", "/v2/keys/foo", "value=bar").0, 200);
    let line = waiting.line().expect("a change");
    let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(told["action"], "set");
    assert_eq!(told["node"]["value"], "bar");
    assert_eq!(told["prevNode"]["value"], "old");
    assert_eq!(told["node"]["modifiedIndex"], start + 1);
    assert_eq!(waiting.line(), None, "one change, and the answer ends");
}

#[test]
fn a_stream_goes_on_and_a_wait_in_the_past_is_answered_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = server(dir.path());
    let (_, first) = json(&server, "PUT", "/v2/keys/d/a", "value=1");
    let index = first["node"]["modifiedIndex"].as_u64().expect("an index");
    let mut stream = ask(&server, "GET", "/v2/keys/d?wait=true&recursive=true&stream=true", "");
    json(&server, "PUT", "/v2/keys/d/b", "value=2");
    json(&server, "DELETE", "/v2/keys/d/b", "");
    for action in ["set", "delete"] {
        let told: serde_json::Value = serde_json::from_str(&stream.line().expect("a change")).expect("JSON");
        assert_eq!((&told["action"], &told["node"]["key"]), (&json!(action), &json!("/d/b")));
    }
    let path = format!("/v2/keys/d?wait=true&recursive=true&waitIndex={index}");
    let (status, past) = json(&server, "GET", &path, "");
    assert_eq!((status, &past["node"]["key"]), (200, &json!("/d/a")));
}

#[test]
fn conditions_of_writes_and_deletions() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = server(dir.path());
    let put = |query: &str, form: &str| json(&server, "PUT", &format!("/v2/keys/foo{query}"), form);
    let (status, made) = put("?prevExist=false", "value=one");
    assert_eq!((status, &made["action"]), (201, &json!("create")));
    let (status, again) = put("?prevExist=false", "value=three");
    assert_eq!((status, &again["errorCode"]), (412, &json!(105)));
    let (status, wrong) = put("?prevValue=two", "value=three");
    assert_eq!((status, &wrong["errorCode"], &wrong["cause"]), (412, &json!(101), &json!("[two != one]")));
    let (status, swapped) = put("?prevValue=one", "value=two");
    assert_eq!((status, &swapped["action"]), (200, &json!("compareAndSwap")));
    let index = swapped["node"]["modifiedIndex"].as_u64().expect("an index");
    let (status, _) = put(&format!("?prevIndex={}", index + 1), "value=x");
    assert_eq!(status, 412);
    let (status, swapped) = put("", &format!("value=three&prevIndex={index}"));
    assert_eq!((status, &swapped["prevNode"]["value"]), (200, &json!("two")));
    let delete = |query: &str| json(&server, "DELETE", &format!("/v2/keys/foo{query}"), "");
    assert_eq!(delete("?prevValue=two").0, 412);
    assert_eq!(delete(&format!("?prevIndex={index}")).0, 412);
    let (status, gone) = delete("?prevValue=three");
    assert_eq!((status, &gone["action"]), (200, &json!("compareAndDelete")));
    assert_eq!(json(&server, "GET", "/v2/keys/foo", "").1["errorCode"], 100);
}

#[test]
fn what_has_a_ttl_goes_and_who_waits_hears_of_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = server(dir.path());
    let (_, put) = json(&server, "PUT", "/v2/keys/short", "value=v&ttl=1");
    assert_eq!(put["node"]["ttl"], 1);
    let index = put["node"]["modifiedIndex"].as_u64().expect("an index");
    let path = format!("/v2/keys/short?wait=true&waitIndex={}", index + 1);
    let (_, told) = json(&server, "GET", &path, "");
    assert_eq!((&told["action"], &told["prevNode"]["value"]), (&json!("expire"), &json!("v")));
    assert_eq!(json(&server, "GET", "/v2/keys/short?quorum=true", "").0, 404);
}
