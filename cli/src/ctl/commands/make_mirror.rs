//! `make-mirror`: copies keys to another cluster, and goes on with every change.

use super::{bad_args, failed, prefix_range};
use crate::{
    args::{Command, Failure, Flag, Invocation, Kind, Matches},
    ctl::{Session, UTILITY, encrypted, password},
    exit,
    print::Output,
    progress,
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use oxetcd_api::{
    etcdserverpb::{
        DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, WatchCreateRequest,
        request_op::Request,
    },
    mvccpb::{Event, event::EventType},
};
use oxetcd_client::{Client, Credentials, Error, TlsConnector, TlsOptions};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Keys that are read at once.
const BATCH: i64 = 1000;
/// Writes of the first copy that are under way at once; their order does not matter.
const CONCURRENT_WRITES: usize = 32;
/// How often the number of mirrored changes is shown.
const REPORT_EVERY: Duration = Duration::from_secs(30);

static PREFIX: Flag = Flag::text("prefix", "", "mirror the keys that start with this");
static REV: Flag = Flag::int("rev", "mirror the changes from this revision on, and no state before it");
static MAX_TXN_OPS: Flag =
    Flag::new("max-txn-ops", Kind::Uint, "128", "most changes that are written as one");
static DEST_PREFIX: Flag =
    Flag::text("dest-prefix", "", "what --prefix becomes in the destination (default: the same)");
static NO_DEST_PREFIX: Flag =
    Flag::switch("no-dest-prefix", "drop --prefix from the keys in the destination");
static DEST_CERT: Flag = Flag::text("dest-cert", "", "file with our TLS certificate for the destination");
static DEST_KEY: Flag = Flag::text("dest-key", "", "file with the key of that certificate");
static DEST_CACERT: Flag = Flag::text(
    "dest-cacert",
    "",
    "file with the certificates of authorities that the destination is checked against",
);
static DEST_INSECURE_TRANSPORT: Flag =
    Flag::new("dest-insecure-transport", Kind::Bool, "true", "connect to the destination without TLS");
static DEST_USER: Flag =
    Flag::text("dest-user", "", "user[:password] in the destination (a missing password is asked for)");
static DEST_PASSWORD: Flag = Flag::text("dest-password", "", "password in the destination");

pub(super) static MAKE_MIRROR: Command = Command {
    usage: "[options] <destination>",
    group: Some(UTILITY),
    flags: &[
        &PREFIX,
        &REV,
        &MAX_TXN_OPS,
        &DEST_PREFIX,
        &NO_DEST_PREFIX,
        &DEST_CERT,
        &DEST_KEY,
        &DEST_CACERT,
        &DEST_INSECURE_TRANSPORT,
        &DEST_USER,
        &DEST_PASSWORD,
    ],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("make-mirror", "Copies keys and their changes to another cluster")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let [destination] = &invocation.matches.args[..] else {
        return Err(bad_args("make-mirror takes one destination argument"));
    };
    let destination = String::from_utf8_lossy(destination).into_owned();
    let credentials = credentials(&invocation.matches, &invocation.out)?;
    let session = Session::begin(invocation)?;
    let matches = &invocation.matches;
    let to = session.connect_elsewhere(&destination, credentials, tls(matches, &destination)?).await?;
    let from = session.connect().await?;
    if matches.bool(&NO_DEST_PREFIX) && !matches.bytes(&DEST_PREFIX).is_empty() {
        return Err(bad_args(
            "`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, choose one",
        ));
    }
    let mirror = Mirror::new(from, to, matches);
    report(session.out.clone(), mirror.total.clone());
    mirror.run((matches.int(&REV) - 1).max(0)).await.map_err(failed)?;
    Err(Failure::new(exit::ERROR, "<nil>"))
}

fn credentials(matches: &Matches, out: &Output) -> Result<Option<Credentials>, Failure> {
    let (user, given) = (matches.text(&DEST_USER), matches.text(&DEST_PASSWORD));
    if user.is_empty() {
        return Ok(None);
    }
    let (user, password) = match user.split_once(':') {
        _ if !given.is_empty() => (user, given),
        Some((user, password)) => (user.to_owned(), password.to_owned()),
        None => {
            let typed = password::ask(out, "Destination Password: ");
            (user, typed.map_err(|error| Failure::new(exit::ERROR, error))?)
        }
    };
    Ok(Some(Credentials::Password { user, password }))
}

/// How the way to the destination is encrypted, if it is.
fn tls(matches: &Matches, destination: &str) -> Result<Option<Arc<dyn TlsConnector>>, Failure> {
    let file = |flag| Some(matches.text(flag)).filter(|path| !path.is_empty()).map(PathBuf::from);
    let options = TlsOptions {
        cert_file: file(&DEST_CERT),
        key_file: file(&DEST_KEY),
        trusted_ca_file: file(&DEST_CACERT),
        ..TlsOptions::default()
    };
    encrypted(options, matches.bool(&DEST_INSECURE_TRANSPORT), &[destination.to_owned()])
}

/// Shows now and then how much has been mirrored; on a terminal a counter runs all the time.
fn report(out: Output, total: ProgressBar) {
    tokio::task::spawn_local(async move {
        loop {
            tokio::time::sleep(REPORT_EVERY).await;
            total.suspend(|| {
                out.line(total.position());
                out.flush();
            });
        }
    });
}

struct Mirror {
    from: Client,
    to: Client,
    prefix: Vec<u8>,
    destination_prefix: Vec<u8>,
    max_operations: usize,
    total: ProgressBar,
}

impl Mirror {
    fn new(from: Client, to: Client, matches: &Matches) -> Self {
        let prefix = matches.bytes(&PREFIX);
        let mut destination_prefix = matches.bytes(&DEST_PREFIX);
        if destination_prefix.is_empty() && !matches.bool(&NO_DEST_PREFIX) {
            destination_prefix.clone_from(&prefix);
        }
        let max_operations = usize::try_from(matches.uint(&MAX_TXN_OPS)).unwrap_or(usize::MAX).max(1);
        Mirror {
            from,
            to,
            prefix,
            destination_prefix,
            max_operations,
            total: progress::keys("keys mirrored"),
        }
    }

    /// Mirrors what comes after `revision`; from 0, the state as it is first.
    async fn run(&self, mut revision: i64) -> Result<(), Error> {
        if revision == 0 {
            revision = self.copy_state().await?;
        }
        let (key, range_end) = prefix_range(&self.prefix);
        let request = WatchCreateRequest {
            key,
            range_end,
            start_revision: revision + 1,
            ..WatchCreateRequest::default()
        };
        let mut watch = self.from.watch(request);
        while let Some(update) = watch.next().await {
            if let Some(error) = update.error {
                return Err(error);
            }
            for operations in group(&update.response.events, self.max_operations) {
                let operations: Vec<_> = operations.iter().map(|event| self.operation(event)).collect();
                self.total.inc(operations.len() as u64);
                self.to.txn(TxnRequest { success: operations, ..TxnRequest::default() }).await?;
            }
        }
        Ok(())
    }

    /// Copies all keys as they are at one revision, which is returned.
    async fn copy_state(&self) -> Result<i64, Error> {
        let (mut key, range_end) = prefix_range(&self.prefix);
        let mut revision = 0;
        loop {
            let (start, end) = (key.clone(), range_end.clone());
            let request = RangeRequest {
                key: start,
                range_end: end,
                limit: BATCH,
                revision,
                ..RangeRequest::default()
            };
            let batch = self.from.range(request).await?;
            if revision == 0 {
                revision = batch.header.map_or(0, |header| header.revision);
            }
            let last = batch.kvs.last().map(|kv| kv.key.clone());
            let puts = batch.kvs.into_iter().map(|kv| self.put(kv.key, kv.value));
            let writes = stream::iter(puts.map(|put| self.to.put(put))).buffer_unordered(CONCURRENT_WRITES);
            writes
                .try_for_each(|_| async {
                    self.total.inc(1);
                    Ok(())
                })
                .await?;
            match last {
                // The next key in byte order.
                Some(last) if batch.more => key = [&last[..], &[0]].concat().into(),
                _ => return Ok(revision),
            }
        }
    }

    fn operation(&self, event: &Event) -> RequestOp {
        let kv = event.kv.clone().unwrap_or_default();
        let request = match event.r#type() {
            EventType::Put => Request::RequestPut(self.put(kv.key, kv.value)),
            EventType::Delete => {
                let key = self.renamed(&kv.key);
                Request::RequestDeleteRange(DeleteRangeRequest { key, ..DeleteRangeRequest::default() })
            }
        };
        RequestOp { request: Some(request) }
    }

    fn put(&self, key: Bytes, value: Bytes) -> PutRequest {
        PutRequest { key: self.renamed(&key), value, ..PutRequest::default() }
    }

    /// The key in the destination.
    fn renamed(&self, key: &[u8]) -> Bytes {
        let rest = key.strip_prefix(&self.prefix[..]).unwrap_or(key);
        [&self.destination_prefix[..], rest].concat().into()
    }
}

/// Events that are written as one: those of one revision, as far as the limit allows.
fn group(events: &[Event], limit: usize) -> impl Iterator<Item = &[Event]> {
    let revision = |event: &Event| event.kv.as_ref().map_or(0, |kv| kv.mod_revision);
    events.chunk_by(move |a, b| revision(a) == revision(b)).flat_map(move |same| same.chunks(limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::mvccpb::KeyValue;

    #[test]
    fn changes_of_one_revision_stay_together_up_to_the_limit() {
        let event = |mod_revision| Event {
            kv: Some(KeyValue { mod_revision, ..KeyValue::default() }),
            ..Event::default()
        };
        let events = [2, 3, 3, 3, 4].map(event);
        let sizes = |limit| group(&events, limit).map(<[Event]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(128), [1, 3, 1]);
        assert_eq!(sizes(2), [1, 2, 1, 1]);
    }
}
