//! What is sent: by users who may not do everything, over TLS, and read back by watchers.

use crate::secured::Secured;
use anyhow::Result;
use oxetcd_api::{authpb::Permission, etcdserverpb::*};
use oxetcd_client::{Client, Config, Credentials, FileTls, TlsOptions};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Keys that are written over and over.
const KEYS: u64 = 2_000;
const PREFIX: &str = "soak/";
/// The end of the keys with that prefix.
const END: &str = "soak0";
const VALUE_BYTES: usize = 256;
/// Streams that read all events back.
const WATCHERS: usize = 4;
/// Revisions that compactions leave.
const HISTORY: i64 = 5_000;
const COMPACT_EVERY: Duration = Duration::from_secs(5);
const PASSWORD: &str = "secret";

/// Connections of the two users.
pub(super) struct Users {
    root: Client,
    app: Client,
    /// Opened before anything is sent, so that they see it all.
    watches: Vec<oxetcd_client::Watch>,
}

/// What was sent and was answered, and what came back by itself.
#[derive(Default)]
pub(super) struct Sent {
    puts: AtomicU64,
    ranges: AtomicU64,
    txns: AtomicU64,
    compactions: AtomicU64,
    grants: AtomicU64,
    revokes: AtomicU64,
    events: AtomicU64,
    revision: AtomicI64,
    failure: Mutex<Option<String>>,
}

impl Sent {
    /// Puts, ranges, transactions, compactions, grants, revocations and events.
    pub(super) fn counts(&self) -> [u64; 7] {
        let counters = [&self.puts, &self.ranges, &self.txns, &self.compactions, &self.grants, &self.revokes];
        let mut counts = [0; 7];
        for (count, counter) in counts.iter_mut().zip(counters.into_iter().chain([&self.events])) {
            *count = counter.load(Relaxed);
        }
        counts
    }

    /// All of it in a line.
    pub(super) fn line(&self) -> String {
        let [puts, ranges, txns, compactions, grants, _, events] = self.counts();
        format!(
            "{puts} puts, {ranges} ranges, {txns} txns, {compactions} compactions, {grants} leases, {events} events"
        )
    }

    /// The first thing that went wrong.
    pub(super) fn first_failure(&self) -> Option<String> {
        self.failure.lock().ok().and_then(|failure| failure.clone())
    }

    fn fail(&self, error: impl std::fmt::Display) {
        if let Ok(mut failure) = self.failure.lock() {
            failure.get_or_insert_with(|| error.to_string());
        }
    }
}

/// Makes the users, turns authentication on, and opens the watches.
pub(super) async fn prepare(server: &Secured) -> Result<Users> {
    let nobody = connect(server, None).await?;
    for (user, role) in [("root", "root"), ("app", "app")] {
        let user_add =
            AuthUserAddRequest { name: user.into(), password: PASSWORD.into(), ..Default::default() };
        nobody.user_add(user_add).await?;
        nobody.role_add(AuthRoleAddRequest { name: role.into() }).await?;
        nobody.user_grant_role(AuthUserGrantRoleRequest { user: user.into(), role: role.into() }).await?;
    }
    let perm = Permission { perm_type: 2, key: PREFIX.into(), range_end: END.into() };
    nobody
        .role_grant_permission(AuthRoleGrantPermissionRequest { name: "app".into(), perm: Some(perm) })
        .await?;
    nobody.auth_enable(AuthEnableRequest {}).await?;
    let (root, app) = (connect(server, Some("root")).await?, connect(server, Some("app")).await?);
    // From a revision on, so that nothing is missed however late a watch begins.
    let now = app.range(RangeRequest { key: PREFIX.into(), ..Default::default() }).await?;
    let start_revision = now.header.map_or(0, |header| header.revision) + 1;
    let request = WatchCreateRequest {
        key: PREFIX.into(),
        range_end: END.into(),
        start_revision,
        ..Default::default()
    };
    let watches = (0..WATCHERS).map(|_| app.watch(request.clone())).collect();
    Ok(Users { root, app, watches })
}

async fn connect(server: &Secured, user: Option<&str>) -> Result<Client> {
    let mut config = Config::new([format!("https://{}", server.address())]);
    config.tls = Some(Arc::new(FileTls::new(TlsOptions {
        trusted_ca_file: Some(server.ca()),
        ..TlsOptions::default()
    })?));
    config.credentials =
        user.map(|user| Credentials::Password { user: user.into(), password: PASSWORD.into() });
    Ok(Client::connect(config).await?)
}

/// Begins to send. The tasks end when `over` is cancelled and everything sent has been answered and read back.
pub(super) fn start(
    users: Users,
    clients: usize,
    over: &CancellationToken,
    sent: &Arc<Sent>,
) -> Vec<JoinHandle<()>> {
    let Users { root, app, watches } = users;
    let (over, sent) = (over.clone(), sent.clone());
    let readers: Vec<JoinHandle<()>> =
        watches.into_iter().map(|watch| tokio::spawn(read_back(watch, sent.clone(), over.clone()))).collect();
    let mut tasks: Vec<JoinHandle<()>> = (0..clients as u64)
        .map(|client| tokio::spawn(send(app.clone(), client, over.clone(), sent.clone())))
        .collect();
    tasks.push(tokio::spawn(compact(root, over.clone(), sent.clone())));
    let senders = async move {
        for task in tasks {
            let _ = task.await;
        }
        for reader in readers {
            let _ = reader.await;
        }
    };
    vec![tokio::spawn(senders)]
}

/// One request after the other, all kinds in turn.
async fn send(app: Client, client: u64, over: CancellationToken, sent: Arc<Sent>) {
    let mut number = client;
    while !over.is_cancelled() && sent.first_failure().is_none() {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if let Err(error) = one(&app, number >> 33, &sent).await {
            sent.fail(error);
        }
    }
}

async fn one(app: &Client, number: u64, sent: &Sent) -> Result<()> {
    let key = format!("{PREFIX}{:05}", number % KEYS);
    let value = vec![number as u8; VALUE_BYTES];
    let range = RangeRequest { key: key.clone().into(), ..Default::default() };
    match number % 16 {
        0..8 => {
            let put = PutRequest { key: key.into(), value: value.into(), ..Default::default() };
            let answer = app.put(put).await?;
            sent.puts.fetch_add(1, Relaxed);
            sent.revision.fetch_max(answer.header.map_or(0, |header| header.revision), Relaxed);
        }
        8..12 => {
            app.range(range).await?;
            sent.ranges.fetch_add(1, Relaxed);
        }
        12 => {
            let several = RangeRequest { range_end: END.into(), limit: 100, ..range };
            app.range(RangeRequest { serializable: true, ..several }).await?;
            sent.ranges.fetch_add(1, Relaxed);
        }
        13 | 14 => {
            let put = PutRequest { key: key.into(), value: value.into(), ..Default::default() };
            let op = |request| RequestOp { request: Some(request) };
            let success =
                vec![op(request_op::Request::RequestPut(put)), op(request_op::Request::RequestRange(range))];
            // A range of a key that the same transaction has put is fine; twice the same put is not.
            app.txn(TxnRequest { success, ..Default::default() }).await?;
            sent.txns.fetch_add(1, Relaxed);
        }
        _ => {
            let lease = app.lease_grant(LeaseGrantRequest { ttl: 600, id: 0 }).await?;
            sent.grants.fetch_add(1, Relaxed);
            // A key of its own, so that the revocation deletes it, which is one event and one revision.
            let key = format!("{PREFIX}lease/{:x}", lease.id);
            let put =
                PutRequest { key: key.into(), value: value.into(), lease: lease.id, ..Default::default() };
            app.put(put).await?;
            sent.puts.fetch_add(1, Relaxed);
            app.keep_alive_once(lease.id).await?;
            app.lease_revoke(LeaseRevokeRequest { id: lease.id }).await?;
            sent.revokes.fetch_add(1, Relaxed);
        }
    }
    Ok(())
}

/// Keeps the history short.
async fn compact(root: Client, over: CancellationToken, sent: Arc<Sent>) {
    let mut compacted = 0;
    while !over.is_cancelled() {
        tokio::select! {
            () = over.cancelled() => return,
            () = tokio::time::sleep(COMPACT_EVERY) => {}
        }
        let revision = sent.revision.load(Relaxed) - HISTORY;
        if revision <= compacted {
            continue;
        }
        match root.compact(CompactionRequest { revision, physical: false }).await {
            Ok(_) => sent.compactions.fetch_add(1, Relaxed),
            Err(error) => return sent.fail(error),
        };
        compacted = revision;
    }
}

/// Counts what comes back, until nothing more does after the end.
async fn read_back(mut watch: oxetcd_client::Watch, sent: Arc<Sent>, over: CancellationToken) {
    /// Silence after which all has come.
    const QUIET: Duration = Duration::from_secs(3);
    loop {
        let update = tokio::select! {
            update = watch.next() => update,
            () = async { over.cancelled().await; tokio::time::sleep(QUIET).await } => return,
        };
        match update {
            Some(update) if update.error.is_none() && !update.response.canceled => {
                sent.events.fetch_add(update.response.events.len() as u64, Relaxed);
            }
            Some(update) => return sent.fail(format!("a watch ended: {update:?}")),
            None => return sent.fail("a watch ended"),
        }
    }
}
