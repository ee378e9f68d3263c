//! Bytes that are almost TLS, and frames that are almost HTTP/2: ten thousand connections, and the server is as before.

use crate::{
    pki::{Pki, data_dir, strs},
    support::Server,
    talk::{LIMIT, channel, connect, get, put},
};
use oxetcd_tls::{ClientTls, Protocol, TlsOptions};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Connections that break off in the handshake, at each listener, and those that end behind it.
const HELLOS: usize = 4_500;
const FRAMES: usize = 1_000;
/// Connections at once.
const WORKERS: usize = 20;
/// What the server may hold more than before, in KiB. A connection of which a kilobyte or three stayed would be seen.
const GROWTH_KIB: u64 = 24 << 10;

/// Numbers from a seed.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// The same with a few things wrong.
    fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(7) {
                0 => bytes.truncate(at),
                1 => bytes[at] = self.next() as u8,
                // Lengths and types stand in front.
                2 => bytes[at.min(50)] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                3 => bytes.insert(at, self.next() as u8),
                4 => drop(bytes.remove(at)),
                5 => {
                    let part = bytes[at..].to_vec();
                    bytes.extend(part);
                }
                _ => bytes.extend((0..self.below(2000)).map(|_| self.0 as u8 ^ 0x16)),
            }
            if bytes.is_empty() {
                bytes.push(self.next() as u8);
            }
        }
        bytes
    }
}

/// The first thing that a caller says.
async fn hello(options: &TlsOptions) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let tls = ClientTls::new(options.clone(), Protocol::Grpc).expect("files that can be used");
    let caller = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let _ = tls.connect(stream, "localhost").await;
    });
    let (mut stream, _) = listener.accept().await.expect("a caller");
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.expect("a record");
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut body).await.expect("a record");
    caller.abort();
    [head.to_vec(), body].concat()
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A whole call over HTTP/2.
fn call() -> Vec<u8> {
    let mut fields = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/etcdserverpb.KV/Range"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        // Neither indexed nor compressed.
        for text in [name, value] {
            if text == name {
                fields.push(0);
            }
            fields.push(text.len() as u8);
            fields.extend(text.as_bytes());
        }
    }
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[0, 4, 0, 0x7f, 0xff, 0xff]),
        frame(8, 0, 0, &[0, 0x0f, 0, 0]),
        frame(1, 4, 1, &fields),
        frame(0, 1, 1, &[0, 0, 0, 0, 3, 0x0a, 1, b'a']),
        frame(6, 0, 0, &[0; 8]),
    ]
    .concat()
}

/// Says this in the clear, and listens until the other side has had enough.
async fn babble(to: &str, bytes: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// The same behind a good handshake.
async fn babble_within(to: &str, options: &TlsOptions, bytes: &[u8]) -> io::Result<()> {
    let mut stream = connect(to, options, Protocol::Grpc).await?;
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

struct Attack {
    listeners: Vec<String>,
    caller: TlsOptions,
    hello: Vec<u8>,
    call: Vec<u8>,
}

impl Attack {
    async fn run(self: &Arc<Self>, hellos: usize, frames: usize, seed: u64) {
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let (this, mut dice) = (self.clone(), Dice(seed * 1000 + worker as u64 + 1));
            workers.spawn(async move {
                for to in &this.listeners {
                    for _ in 0..hellos / WORKERS {
                        let bytes = dice.mutated(&this.hello);
                        let done = tokio::time::timeout(LIMIT, babble(to, &bytes)).await;
                        assert!(done.is_ok(), "{to} holds a connection that began with {bytes:02x?}");
                    }
                    for _ in 0..frames / WORKERS {
                        let bytes = dice.mutated(&this.call);
                        let done = tokio::time::timeout(LIMIT, babble_within(to, &this.caller, &bytes)).await;
                        assert!(done.is_ok(), "{to} holds a connection that said {bytes:02x?}");
                    }
                }
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended.expect("a worker ends well");
        }
    }
}

/// Memory that a process really has, in KiB.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_bad_beginnings() {
    let pki = Pki::new();
    let server = Server::start(&data_dir(&pki), &strs(&[pki.client_flags(), pki.peer_flags()].concat()));
    let caller = pki.caller("server");
    let standing = channel(server.endpoint(), &caller).await.expect("connected");
    let attack = Arc::new(Attack {
        listeners: vec![server.endpoint().to_owned(), server.peer().to_owned()],
        hello: hello(&caller).await,
        call: call(),
        caller: caller.clone(),
    });
    // What it sets aside for so many at once is not counted.
    attack.run(HELLOS / 10, FRAMES / 5, 1).await;
    let before = resident_kib(server.pid());
    attack.run(HELLOS, FRAMES, 2).await;
    let after = resident_kib(server.pid());
    assert!(after < before + GROWTH_KIB, "{before} KiB before, {after} KiB after");
    put(&standing, "a").await.expect("the connection stands");
    assert_eq!(get(server.endpoint(), &caller, "/health").await.expect("answered").0, 200);
    assert_eq!(get(server.peer(), &caller, "/version").await.expect("answered").0, 200);
    drop(standing);
    let log = server.terminate_and_read();
    assert!(!log.contains("panicked"), "{log}");
    eprintln!("{} connections: {before} KiB before, {after} KiB after", 2 * (HELLOS + FRAMES));
}
