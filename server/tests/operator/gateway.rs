//! The JSON gateway: paths, JSON and errors as etcd's has them.

use crate::support::{Server, http};
use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// One request, and what comes back without the header, which differs from run to run.
fn post(server: &Server, path: &str, body: &str) -> (u16, String) {
    let answer = http(server.endpoint(), "POST", path, body);
    assert_eq!(answer.header("Content-Type"), Some("application/json"), "{path}: {}", answer.body);
    let text = match serde_json::from_str::<serde_json::Value>(&answer.body) {
        Ok(mut value) => {
            strip(&mut value);
            value.to_string()
        }
        Err(error) => panic!("{path}: {error}: {}", answer.body),
    };
    (answer.status, text)
}

fn strip(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("header");
            fields.values_mut().for_each(strip);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// `foo`, `foo0`, `bar` in base64.
const CALLS: &[(&str, &str, u16, &str)] = &[
    ("/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy"}"#, 200, "{}"),
    (
        "/v3/kv/range",
        r#"{"key":"Zm9v"}"#,
        200,
        r#"{"count":"1","kvs":[{"create_revision":"2","key":"Zm9v","mod_revision":"2","value":"YmFy","version":"1"}]}"#,
    ),
    ("/v3beta/kv/range", r#"{"key":"Zm9v","count_only":true}"#, 200, r#"{"count":"1"}"#),
    // Camel case, numbers that are no strings, names and numbers of enums, fields that nobody knows.
    (
        "/v3/kv/range",
        r#"{"key":"Zm9v","rangeEnd":"Zm9vMA==","limit":5,"sort_order":"DESCEND","sortTarget":1,"unknown":{"a":[1]},"countOnly":true}"#,
        200,
        r#"{"count":"1"}"#,
    ),
    (
        "/v3/kv/txn",
        r#"{"compare":[{"target":"VERSION","result":"EQUAL","key":"Zm9v","version":"1"}],"success":[{"requestDeleteRange":{"key":"Zm9v","prev_kv":true}}]}"#,
        200,
        r#"{"responses":[{"response_delete_range":{"deleted":"1","prev_kvs":[{"create_revision":"2","key":"Zm9v","mod_revision":"2","value":"YmFy","version":"1"}]}}],"succeeded":true}"#,
    ),
    ("/v3/lease/grant", r#"{"TTL":"600","ID":"77"}"#, 200, r#"{"ID":"77","TTL":"600"}"#),
    ("/v3/kv/lease/leases", "{}", 200, r#"{"leases":[{"ID":"77"}]}"#),
    ("/v3/lease/revoke", r#"{"ID":77}"#, 200, "{}"),
    ("/v3/kv/lease/timetolive", r#"{"ID":"77"}"#, 200, r#"{"ID":"77","TTL":"-1"}"#),
    // Nothing is an empty message.
    ("/v3/lease/leases", "", 200, "{}"),
    ("/v3/kv/put", "", 400, r#"{"code":3,"message":"etcdserver: key is not provided"}"#),
    ("/v3/kv/range", "{} and more", 400, r#"{"code":3,"message":"etcdserver: key is not provided"}"#),
    (
        "/v3/lease/revoke",
        r#"{"ID":"78"}"#,
        404,
        r#"{"code":5,"message":"etcdserver: requested lease not found"}"#,
    ),
    (
        "/v3/kv/compaction",
        r#"{"revision":"99"}"#,
        400,
        r#"{"code":11,"message":"etcdserver: mvcc: required revision is a future revision"}"#,
    ),
    // Numbers in any form that JSON has, and mistakes in the words of Go, where the library would have its own.
    ("/v3/kv/range", r#"{"key":"Zm9v","limit":"1e1","revision":0.0}"#, 200, "{}"),
    (
        "/v3/kv/range",
        r#"{"key":"Zm9v","key":"Zm9v"}"#,
        400,
        r#"{"code":3,"message":"proto: (line 1:15): duplicate field \"key\""}"#,
    ),
    ("/v3/kv/range", r#"{"key":"#, 400, r#"{"code":3,"message":"unexpected EOF"}"#),
    ("/v3/kv/nothing", "{}", 404, r#"{"code":5,"message":"Not Found"}"#),
    ("/v3/", "{}", 404, r#"{"code":5,"message":"Not Found"}"#),
];

#[test]
fn calls_are_answered_in_json() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    for (path, body, status, answer) in CALLS {
        assert_eq!(post(&server, path, body), (*status, (*answer).to_owned()), "{path} {body}");
    }
    for wrong in
        ["{", "[]", "null", "1", "{\"key\":1}", "{\"key\":\"\u{7f}\"}", "{\"limit\":\"x\"}", "\u{feff}{}"]
    {
        let (status, text) = post(&server, "/v3/kv/range", wrong);
        assert!(status == 400 && text.contains("\"code\":3"), "{wrong}: {text}");
    }
    let answer = http(server.endpoint(), "GET", "/v3/kv/range", "");
    assert_eq!((answer.status, answer.body.as_str()), (501, r#"{"code":12,"message":"Method Not Allowed"}"#));
    let answer = http(server.endpoint(), "POST", "/v3/kv/put", r#"{"key":"Zm9v"}"#);
    assert_eq!(answer.header("Grpc-Metadata-Content-Type"), Some("application/grpc"));
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
    let header = answer.body.split_once("\"raft_term\":").map(|(_, rest)| rest.to_owned());
    assert!(header.is_some_and(|rest| rest.starts_with("\"")), "{}", answer.body);
    assert_eq!(http(server.endpoint(), "POST", "/v3alpha/kv/put", "{}").status, 404);
    let path = "/v3/kv/put";
    let body = r#"{"key":"bGF0ZQ==","value":"MQ=="}"#;
    let mut hasty = TcpStream::connect(server.endpoint()).expect("the server listens");
    write!(
        hasty,
        "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nGrpc-Timeout: 1n\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut hasty, &mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("context deadline exceeded"), "{answer}");
    // Whoever does not wait has asked for nothing.
    assert_eq!(post(&server, "/v3/kv/range", r#"{"key":"bGF0ZQ=="}"#).1, "{}");
    // These are counted like all others.
    let metrics = http(server.endpoint(), "GET", "/metrics", "").body;
    let counted = "grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Put\"";
    assert!(metrics.lines().any(|line| line.starts_with(counted) && line.ends_with(" 2")), "{metrics}");
}

/// Lines of an endless answer.
struct Lines(BufReader<TcpStream>);

impl Lines {
    fn of(server: &Server, path: &str, body: &str) -> Lines {
        let mut socket = TcpStream::connect(server.endpoint()).expect("the server listens");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
        let (host, length) = (server.endpoint(), body.len());
        write!(socket, "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}")
            .expect("sent");
        Lines(BufReader::new(socket))
    }

    /// The next line that is JSON.
    fn next(&mut self) -> serde_json::Value {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("a line in time") > 0, "the answer ended");
            if line.starts_with('{') {
                let mut value = serde_json::from_str(&line).expect("JSON");
                strip(&mut value);
                return value;
            }
        }
    }
}

#[test]
fn streams_are_lines_of_json() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let line = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let body = r#"{"create_request":{"key":"Zm9v"}} {"create_request":{"key":"YmFy","watch_id":"7"}}"#;
    let mut watch = Lines::of(&server, "/v3/watch", body);
    assert_eq!(watch.next(), line(r#"{"result":{"created":true}}"#));
    assert_eq!(watch.next(), line(r#"{"result":{"created":true,"watch_id":"7"}}"#));
    // Its requests have ended, it has not.
    assert_eq!(post(&server, "/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy"}"#).0, 200);
    let put = r#"{"result":{"events":[{"kv":{"create_revision":"2","key":"Zm9v","mod_revision":"2","value":"YmFy","version":"1"}}]}}"#;
    assert_eq!(watch.next(), line(put));
    assert_eq!(post(&server, "/v3/kv/deleterange", r#"{"key":"Zm9v"}"#).1, r#"{"deleted":"1"}"#);
    let deleted = r#"{"result":{"events":[{"kv":{"key":"Zm9v","mod_revision":"3"},"type":"DELETE"}]}}"#;
    assert_eq!(watch.next(), line(deleted));
    watch.0.get_ref().shutdown(Shutdown::Both).expect("closed");

    assert_eq!(post(&server, "/v3/lease/grant", r#"{"TTL":600,"ID":9}"#).0, 200);
    let mut renewed = Lines::of(&server, "/v3/lease/keepalive", r#"{"ID":9}{"ID":10}"#);
    assert_eq!(renewed.next(), line(r#"{"result":{"ID":"9","TTL":"600"}}"#));
    assert_eq!(renewed.next(), line(r#"{"result":{"ID":"10"}}"#));

    let mut snapshot = Lines::of(&server, "/v3/maintenance/snapshot", "{}");
    assert!(snapshot.next()["result"]["blob"].is_string());
}

#[test]
fn what_it_offers_can_be_restricted() {
    let dir = tempfile::tempdir().expect("a directory");
    let flags = ["--enable-grpc-gateway=false", "--host-whitelist=localhost", "--cors=https://a.example:443"];
    let server = Server::start(dir.path(), &flags);
    let ask = |path: &str, headers: &str| {
        let mut socket = TcpStream::connect(server.endpoint()).expect("the server listens");
        write!(socket, "GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").expect("sent");
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut socket, &mut answer).expect("an answer");
        answer
    };
    assert!(ask("/version", "Host: evil.example\r\n").starts_with("HTTP/1.1 421"));
    let answer = ask("/version", "Host: localhost:1\r\nOrigin: https://a.example:443\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 200")
            && answer.contains("Access-Control-Allow-Origin: https://a.example:443")
    );
    let answer = ask("/version", "Host: localhost\r\nOrigin: https://b.example:443\r\n");
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("Access-Control"), "{answer}");
    let answer = ask("/v3/kv/range", "Host: localhost\r\n");
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("404 page not found"), "{answer}");
}
