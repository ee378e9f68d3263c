//! Bad input: a clear error that names the cause, nothing lost, never a panic.

mod support;

use bytes::Bytes;
use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest};
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use std::{
    fs::{self, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::FileExt,
    path::Path,
};
use support::{Server, files, raw::Raw, run};
use tonic::{Code, Request, Status, transport::Channel};

async fn connect(server: &Server) -> Channel {
    Channel::from_shared(server.url()).expect("a URL").connect().await.expect("the server listens")
}

async fn put(server: &Server, key: &str, value: Bytes) -> Result<(), Status> {
    let put = PutRequest { key: key.to_owned().into(), value, ..Default::default() };
    KvClient::new(connect(server).await).put(put).await.map(drop)
}

async fn get(server: &Server, key: &str) -> Option<Bytes> {
    let range = RangeRequest { key: key.to_owned().into(), ..Default::default() };
    let answer = KvClient::new(connect(server).await).range(range).await.expect("a read").into_inner();
    answer.kvs.into_iter().next().map(|kv| kv.value)
}

/// The end of what was written into a preallocated segment.
fn written_length(segment: &Path) -> u64 {
    let bytes = fs::read(segment).expect("the log can be read");
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

fn refused(dir: &Path, extra: &[&str]) -> String {
    let refusal = match Server::try_start(dir, extra) {
        Ok(_) => panic!("the server started"),
        Err(refusal) => refusal,
    };
    assert_eq!(refusal.status.code(), Some(1), "{}", refusal.output);
    assert!(!refusal.output.contains("panicked"), "{}", refusal.output);
    refusal.output
}

#[tokio::test]
async fn a_torn_tail_of_the_log_is_repaired() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    put(&server, "kept", "1".into()).await.expect("a put");
    server.terminate();
    let segment = files(&dir.path().join("member/wal"), "wal").pop().expect("a segment");
    let end = written_length(&segment);
    // The first sectors of a record, as a power cut leaves it; the rest still is what preallocation put there.
    let file = OpenOptions::new().write(true).open(&segment).expect("the log can be opened");
    let at = end.next_multiple_of(8);
    let beginning = [0x08, 0x02, 0x10, 0x05, 0x1a, 0xf9, 0x1f];
    let torn = [&4096u64.to_le_bytes()[..], &beginning, &[0xaa; 600]].concat();
    let sectors = (at + torn.len() as u64) / 512 * 512 - at;
    file.write_all_at(&torn[..sectors as usize], at).expect("written");
    drop(file);
    let server = Server::start(dir.path(), &[]);
    assert_eq!(get(&server, "kept").await, Some("1".into()));
    put(&server, "after", "2".into()).await.expect("the log takes entries again");
    server.kill();
    let server = Server::start(dir.path(), &[]);
    assert_eq!(get(&server, "after").await, Some("2".into()));
}

#[tokio::test]
async fn a_flipped_byte_in_the_log_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    for number in 0..20 {
        put(&server, "k", vec![number; 100].into()).await.expect("a put");
    }
    server.terminate();
    let segment = files(&dir.path().join("member/wal"), "wal").pop().expect("a segment");
    let middle = written_length(&segment) / 2;
    let mut file = OpenOptions::new().read(true).write(true).open(&segment).expect("the log can be opened");
    let mut byte = [0];
    file.seek(SeekFrom::Start(middle)).and_then(|_| file.read_exact(&mut byte)).expect("read");
    file.seek(SeekFrom::Start(middle)).and_then(|_| file.write_all(&[byte[0] ^ 0x40])).expect("written");
    let before = fs::read(&segment).expect("the log can be read");
    let said = refused(dir.path(), &[]);
    assert!(said.contains("write-ahead log"), "{said}");
    assert!(fs::read(&segment).expect("the log can be read") == before, "the evidence is left alone");
}

#[tokio::test]
async fn a_log_and_an_engine_of_different_members_are_refused() {
    let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let server = Server::start(one.path(), &["--initial-cluster-token", "one"]);
    put(&server, "k", "v".into()).await.expect("a put");
    server.terminate();
    Server::start(other.path(), &["--initial-cluster-token", "other"]).terminate();
    let wal = |dir: &Path| dir.join("member/wal");
    fs::remove_dir_all(wal(other.path())).expect("removed");
    fs::rename(wal(one.path()), wal(other.path())).expect("moved");
    let said = refused(other.path(), &[]);
    assert!(said.contains("another cluster") || said.contains("do not belong together"), "{said}");
    let said = refused(one.path(), &[]);
    assert!(said.contains("no write-ahead log"), "{said}");
}

#[test]
#[cfg(feature = "lmdb")]
fn data_of_a_newer_version_is_refused() {
    use oxetcd_storage::{Batch, Durability, Engine, Table};
    let dir = tempfile::tempdir().expect("a directory");
    Server::start(dir.path(), &[]).terminate();
    let path = dir.path().join("member/snap/lmdb");
    let engine = oxetcd_storage_lmdb::Lmdb::open(&path, Default::default()).expect("the engine opens");
    let mut batch = Batch::new();
    batch.put(Table::Meta, &b"storageVersion"[..], &b"9.1.0"[..]);
    engine.commit(&batch, Durability::Synced).expect("a commit");
    drop(engine);
    let said = refused(dir.path(), &[]);
    assert!(said.contains("9.1.0") && said.contains("3.7"), "{said}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let said = refused(Path::new("/proc/oxetcd"), &[]);
    assert!(said.contains("cannot access data directory: mkdir /proc/oxetcd: "), "{said}");
    let said = refused(Path::new("/dev/null/oxetcd"), &[]);
    assert!(said.contains("/dev/null/oxetcd"), "{said}");
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let _server = Server::start(dir.path(), &[]);
    let said = refused(dir.path(), &[]);
    assert!(said.contains("in use") || said.contains("locked"), "{said}");
}

#[test]
fn a_taken_port_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", taken.local_addr().expect("an address"));
    let said = refused(dir.path(), &["--listen-client-urls", &url]);
    assert!(said.contains(&url) && said.to_lowercase().contains("address already in use"), "{said}");
    assert!(!dir.path().join("member").exists(), "nothing is written before the sockets are there");
}

#[test]
fn a_port_out_of_range_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let said = refused(dir.path(), &["--listen-client-urls", "http://127.0.0.1:99999"]);
    assert!(said.contains("http://127.0.0.1:99999") && said.contains("port"), "{said}");
}

#[test]
fn first_members_matter_only_while_there_is_no_data() {
    let dir = tempfile::tempdir().expect("a directory");
    let other = ["--initial-cluster", "other=http://127.0.0.1:1"];
    let said = refused(dir.path(), &other);
    assert!(said.contains("couldn't find local name \\\"default\\\" in the initial cluster"), "{said}");
    assert!(!dir.path().join("member/wal").exists(), "nothing is left behind");
    let said = refused(dir.path(), &["--initial-cluster", "default=http://127.0.0.1:1"]);
    assert!(said.contains("missing from --initial-advertise-peer-urls"), "{said}");
    let said = refused(dir.path(), &["--initial-cluster-state", "existing"]);
    assert!(said.contains("cannot fetch cluster info from peer urls"), "{said}");
    assert!(!dir.path().join("member/wal").exists(), "nothing is left behind");
    Server::start(dir.path(), &[]).terminate();
    Server::start(dir.path(), &other).terminate();
    Server::start(dir.path(), &["--initial-cluster-state", "existing"]).terminate();
}

#[test]
fn unknown_flags_and_backends_are_refused() {
    let unknown = run(&["--no-such-flag"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", unknown.output);
    assert!(unknown.output.contains("no-such-flag"), "{}", unknown.output);
    let dir = tempfile::tempdir().expect("a directory");
    let said = refused(dir.path(), &["--backend", "clay-tablets"]);
    assert!(said.contains("clay-tablets") && said.contains("lmdb"), "{said}");
}

/// A file-size limit stands in for a full disk: it needs no mount, and fails the same calls.
#[tokio::test]
async fn a_full_disk_stops_the_member_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    // The log's first segment fits; the engine's file, and a second segment, do not for long.
    let server = Server::start_limited(dir.path(), 66 << 20, &["--quota-backend-bytes", "-1"]);
    let mut client = KvClient::new(connect(&server).await);
    let mut acknowledged = 0;
    loop {
        let (key, value) = (format!("k{acknowledged}").into(), vec![7; 1 << 20].into());
        if client.put(PutRequest { key, value, ..Default::default() }).await.is_err() {
            break;
        }
        acknowledged += 1;
        assert!(acknowledged < 200, "the limit was never met");
    }
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.contains("cannot go on"), "{log}");
    let server = Server::start(dir.path(), &[]);
    for number in 0..acknowledged {
        assert!(get(&server, &format!("k{number}")).await.is_some(), "k{number} of {acknowledged} is lost");
    }
}

async fn call(channel: &Channel, path: &'static str, message: Bytes) -> Result<Bytes, Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.expect("the server listens");
    let path = http::uri::PathAndQuery::from_static(path);
    client.unary(Request::new(message), path, Raw).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn malformed_grpc_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let channel = connect(&server).await;
    let unary = [
        "/etcdserverpb.KV/Range",
        "/etcdserverpb.KV/Put",
        "/etcdserverpb.KV/Txn",
        "/etcdserverpb.Lease/LeaseGrant",
        "/etcdserverpb.Maintenance/Alarm",
    ];
    for path in unary {
        let error = call(&channel, path, Bytes::from_static(&[0xff; 40])).await.expect_err("garbage");
        assert_eq!(error.code(), Code::Internal, "{path}: {error:?}");
    }
    for path in ["/etcdserverpb.KV/Nothing", "/no.such.Service/Range"] {
        let error = call(&channel, path, Bytes::new()).await.expect_err("nothing there");
        assert_eq!(error.code(), Code::Unimplemented, "{path}: {error:?}");
    }
    for path in ["/etcdserverpb.KV/Put", "/etcdserverpb.KV/Range"] {
        let error = call(&channel, path, vec![0; 3 << 20].into()).await.expect_err("too long");
        assert_eq!(error.code(), Code::ResourceExhausted, "{path}: {error:?}");
        assert!(error.message().starts_with("grpc: received message larger than max ("), "{error:?}");
    }
    put(&server, "alive", "yes".into()).await.expect("the server goes on");
}

#[tokio::test]
async fn garbage_on_the_socket_is_survived() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path(), &[]);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let frame = [preface.clone(), vec![0xff; 600]].concat();
    let request = b"GET /\xff\xfe HTTP/9.9\r\nhost\r\n\r\n".to_vec();
    for garbage in [vec![0; 64], vec![0xff; 4096], preface, frame, request] {
        let mut socket = TcpStream::connect(server.endpoint()).expect("the server listens");
        // It may hang up before it has read everything.
        let _ = socket.write_all(&garbage);
    }
    assert!(server.is_running());
    put(&server, "alive", "yes".into()).await.expect("the server goes on");
}

#[test]
fn health_and_version_are_served_beside_grpc() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let get = |path| support::http_get(server.endpoint(), path);
    assert_eq!(get("/health"), (200, r#"{"health":"true","reason":""}"#.to_owned()));
    assert_eq!(get("/livez"), (200, "ok\n".to_owned()));
    assert_eq!(get("/readyz?verbose").0, 200);
    assert_eq!(
        get("/version"),
        (200, r#"{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}"#.to_owned())
    );
    assert_eq!(get("/nothing").0, 404);
    let (status, metrics) = get("/metrics");
    assert!(status == 200 && metrics.contains("etcd_server_has_leader 1"), "{metrics}");
}

#[test]
fn sigterm_stops_cleanly() {
    let dir = tempfile::tempdir().expect("a directory");
    let status = Server::start(dir.path(), &[]).terminate();
    assert!(status.success(), "{status:?}");
}
