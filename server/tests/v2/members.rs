//! Members and counters, and whether there is a v2 API at all.

use crate::{
    ask::{ask, ask_as, json},
    support::Server,
};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

#[test]
fn members_are_listed_added_and_changed() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let (status, listed) = json(&server, "GET", "/v2/members", "");
    assert_eq!((status, &listed["members"][0]["name"]), (200, &json!("default")));
    let own = listed["members"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(json(&server, "GET", "/v2/members/leader", "").1["id"], own.as_str());
    assert_eq!(ask(&server, "GET", "/v2/machines", "").text(), "http://127.0.0.1:2379\n");
    let change =
        |method: &str, path: &str, body: &str| ask_as(&server, method, path, "application/json", body);
    let urls = r#"{"peerURLs":["http://127.0.0.1:1"]}"#;
    assert_eq!(change("PUT", &format!("/v2/members/{own}"), urls).status, 204);
    assert_eq!(
        json(&server, "GET", "/v2/members", "").1["members"][0]["peerURLs"],
        json!(["http://127.0.0.1:1"])
    );
    let refused = change("POST", "/v2/members", urls).json();
    assert_eq!(refused, (409, json!({"message": "membership: peerURL exists"})));
    assert_eq!(change("POST", "/v2/members", "{}").status, 400);
    assert_eq!(ask(&server, "POST", "/v2/members", "").status, 415);
    assert_eq!(change("DELETE", "/v2/members/1234", "").json().1, json!({"message": "No such member: 1234"}));
    assert_eq!(change("DELETE", "/v2/members", "").status, 405);
    // Changes of the members have indexes, too: two for its own start, one for the version, one for the URLs.
    assert_eq!(json(&server, "PUT", "/v2/keys/k", "value=").1["node"]["modifiedIndex"], 5);
    let added = change("POST", "/v2/members", r#"{"peerURLs":["http://127.0.0.1:2"]}"#).json();
    assert_eq!((added.0, &added.1["clientURLs"]), (201, &json!([])));
}

/// Status of the answer to a member of another version that posts something which is no message.
fn posted(server: &Server, version: &str) -> u16 {
    let cluster = ask(server, "GET", "/v2/keys", "").header("x-etcd-cluster-id").unwrap_or("").to_owned();
    let mut socket = TcpStream::connect(server.peer()).expect("the server listens");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
    let own = format!("X-Server-From: a\r\nX-Server-Version: {version}\r\nX-Min-Cluster-Version: 3.0.0\r\n");
    let head = format!("POST /raft HTTP/1.1\r\nHost: m\r\nConnection: close\r\nContent-Length: 1\r\n{own}");
    write!(socket, "{head}X-Etcd-Cluster-ID: {cluster}\r\n\r\nx").expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[test]
fn members_of_etcd_3_6_are_refused_while_there_is_anything_in_the_tree() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    // That it is no message is seen only when it is let in.
    let both = |server: &Server| (posted(server, "3.6.0"), posted(server, "3.5.1"));
    assert_eq!(both(&server), (400, 400));
    assert_eq!(json(&server, "PUT", "/v2/keys/k", "value=").0, 201);
    assert_eq!(both(&server), (412, 400));
    assert!(server.terminate().success());
    let server = Server::start(dir.path(), &[]);
    assert_eq!(both(&server), (412, 400));
    assert_eq!(json(&server, "DELETE", "/v2/keys/k", "").0, 200);
    assert_eq!(both(&server), (400, 400));
}

#[test]
fn counters_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    json(&server, "PUT", "/v2/keys/k", "value=");
    // Its name and the cluster's version are counted, as in etcd.
    assert_eq!(json(&server, "GET", "/v2/stats/store", "").1["setsSuccess"], 3);
    let (_, own) = json(&server, "GET", "/v2/stats/self", "");
    assert_eq!(
        (&own["name"], &own["state"], &own["id"]),
        (&json!("default"), &json!("StateLeader"), &own["leaderInfo"]["leader"])
    );
    let (status, leader) = json(&server, "GET", "/v2/stats/leader", "");
    assert_eq!((status, &leader["leader"], &leader["followers"]), (200, &own["id"], &json!({})));
}

#[test]
fn it_can_be_turned_off() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &["--enable-v2=false"]);
    for path in ["/v2/keys", "/v2/members", "/v2/stats/self", "/v2/auth/enable"] {
        let answer = ask(&server, "GET", path, "");
        assert_eq!((answer.status, answer.text().as_str()), (404, "404 page not found\n"), "{path}");
    }
    assert_eq!(ask(&server, "GET", "/version", "").status, 200);
}
