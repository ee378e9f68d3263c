//! Ten thousand requests that are nearly right: whoever sends one gets a clear answer, and the server stays as it was.
//!
//! Half of them are JSON bodies in a proper request, so that there must be an answer; half are whole requests with bytes
//! changed anywhere, which may also be hung up on. All follow from [`SEED`].

use crate::support::{Server, http_get};
use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

const REQUESTS: usize = 10_000;
const THREADS: usize = 4;
const SEED: u64 = 0x0e7c_d5ee_d000_0001;
/// What the process may be larger by after the last eight thousand than after the first two thousand. Its heap
/// settles by some MiB; ten KiB lost a request would be eighty.
const GROWTH_LIMIT_KIB: u64 = 48 << 10;

const BODIES: &[(&str, &str)] = &[
    ("/v3/kv/put", r#"{"key":"Zm9v","value":"YmFy","lease":"0","prev_kv":true,"ignore_value":false}"#),
    (
        "/v3/kv/range",
        r#"{"key":"Zm9v","range_end":"Zm9w","limit":"10","sort_order":"ASCEND","sort_target":"MOD"}"#,
    ),
    ("/v3/kv/deleterange", r#"{"key":"Zm9v","range_end":"AA==","prev_kv":true}"#),
    (
        "/v3/kv/txn",
        r#"{"compare":[{"result":"EQUAL","target":"VALUE","key":"Zm9v","value":"YmFy"}],"success":[{"request_put":{"key":"Zm9v","value":"YmFy"}}],"failure":[{"request_range":{"key":"Zm9v"}}]}"#,
    ),
    ("/v3/kv/compaction", r#"{"revision":"1","physical":false}"#),
    ("/v3/lease/grant", r#"{"TTL":"600","ID":"0"}"#),
    ("/v3/lease/revoke", r#"{"ID":"7"}"#),
    ("/v3/lease/timetolive", r#"{"ID":"7","keys":true}"#),
    ("/v3/lease/leases", "{}"),
    ("/v3/cluster/member/list", r#"{"linearizable":true}"#),
    ("/v3/maintenance/status", "{}"),
    ("/v3/maintenance/alarm", r#"{"action":"GET","memberID":"0","alarm":"NONE"}"#),
    ("/v3/maintenance/hash", r#"{"revision":"0"}"#),
    ("/v3/auth/authenticate", r#"{"name":"root","password":"secret"}"#),
    ("/v3/auth/status", "{}"),
];
const PIECES: &[&str] = &[
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "-1",
    "1e400",
    "18446744073709551616",
    "\"\\ud800\"",
    "\u{0}",
    "\"//8=\"",
    "0.5",
    "true",
    "{\"a\":{\"a\":{\"a\":{}}}}",
    "\r\n",
    " ",
    "%",
    "\u{feff}",
];

/// Numbers that look like chance (xorshift).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    /// A few changes to `text`.
    fn mutate(&mut self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for _ in 0..=self.throw(3) {
            let at = self.throw(text.len() + 1);
            match self.throw(6) {
                0 if at < text.len() => text[at] ^= 1 << self.throw(8),
                1 => text.truncate(at),
                2 => drop(text.splice(at..at, PIECES[self.throw(PIECES.len())].bytes())),
                3 => {
                    let end = (at + self.throw(20)).min(text.len());
                    drop(text.drain(at..end));
                }
                4 => {
                    let end = (at + self.throw(40)).min(text.len());
                    let again = text[at..end].repeat(1 + self.throw(3));
                    drop(text.splice(at..at, again));
                }
                _ => drop(text.splice(at..at, "[".repeat(self.throw(200)).bytes())),
            }
        }
        text
    }
}

fn connect(endpoint: &str) -> TcpStream {
    let socket = TcpStream::connect(endpoint).expect("the server listens");
    socket.set_read_timeout(Some(Duration::from_secs(120))).expect("a timeout can be set");
    socket
}

/// A body that is nearly right, in a request that is. The answer has a status and, for errors, says what is wrong.
fn send_json(endpoint: &str, dice: &mut Dice) {
    let (path, body) = BODIES[dice.throw(BODIES.len())];
    let body = dice.mutate(body.as_bytes());
    let mut socket = connect(endpoint);
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    socket.write_all(&[head.as_bytes(), &body].concat()).expect("sent");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("an answer in time");
    let answer = String::from_utf8_lossy(&answer);
    let sent = String::from_utf8_lossy(&body);
    let status: u16 = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let text = answer.split_once("\r\n\r\n").map_or("", |(_, text)| text);
    let json: serde_json::Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {sent}: {answer}"));
    if status != 200 {
        assert!((400..=504).contains(&status), "{sent}: {answer}");
        let code = json["code"].as_u64().unwrap_or(0);
        assert!(
            code != 0 && json["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{sent}: {answer}"
        );
        // 13 would be a defect of this program's own.
        assert_ne!(code, 13, "{sent}: {answer}");
    }
}

/// Any bytes that nearly are a request. There is an answer, or none.
fn send_bytes(endpoint: &str, dice: &mut Dice) {
    let (path, body) = BODIES[dice.throw(BODIES.len())];
    let paths = [
        path,
        "/health?exclude=NOSPACE",
        "/readyz?verbose",
        "/version",
        "/metrics",
        "/debug/vars",
        "/v3/%2e",
    ];
    let method = ["POST", "GET", "PUT", "OPTIONS", "PRI"][dice.throw(5)];
    let path = paths[dice.throw(paths.len())];
    let length = body.len();
    let more = [
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "Grpc-Timeout: 1S\r\n",
        "Transfer-Encoding: chunked\r\n",
    ];
    let more = more.get(dice.throw(6)).copied().unwrap_or_default();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {length}\r\n\r\n{body}");
    let request = dice.mutate(request.as_bytes());
    let mut socket = connect(endpoint);
    // It may hang up before it has read everything.
    let _ = socket.write_all(&request);
    let _ = socket.shutdown(Shutdown::Write);
    let mut answer = [0; 64];
    match socket.read(&mut answer) {
        Ok(0) => {}
        Ok(length) => {
            let answer = String::from_utf8_lossy(&answer[..length]);
            // Some are the preface of HTTP/2, which is answered by frames.
            assert!(answer.starts_with("HTTP/1.") || method == "PRI", "{answer:?}");
        }
        Err(error) => assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset,
            "{}",
            String::from_utf8_lossy(&request)
        ),
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn send(endpoint: &str, count: usize, seed: u64) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let mut dice = Dice(seed + thread as u64);
                for number in 0..count / THREADS {
                    if number % 2 == 0 {
                        send_json(endpoint, &mut dice)
                    } else {
                        send_bytes(endpoint, &mut dice)
                    }
                }
            });
        }
    });
}

#[test]
fn ten_thousand_mutated_requests_are_answered_and_leave_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path(), &[]);
    let first = REQUESTS / 5;
    send(server.endpoint(), first, SEED);
    let before = resident_kib(server.pid());
    send(server.endpoint(), REQUESTS - first, SEED ^ 0xffff);
    let after = resident_kib(server.pid());
    assert!(after < before + GROWTH_LIMIT_KIB, "{before} KiB became {after}");
    assert!(server.is_running());
    assert_eq!(http_get(server.endpoint(), "/readyz").0, 200);
    let log = server.terminate_and_read();
    assert!(!log.contains("panicked"), "{log}");
}
