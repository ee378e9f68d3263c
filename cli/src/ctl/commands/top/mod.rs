//! `top`: what fills the store, and who writes to it, prefix by prefix, live.
//!
//! It asks for nothing that any client could not ask for. The keys are read once, page by page at one revision; from
//! there on a watch with the old values tells what each change adds and takes away. So it costs the members one reading
//! of all values and then no more than a watcher does, and what it shows is exact. Nothing is kept of the keys but
//! sums for each prefix.

mod sums;
mod view;

use super::{bad_args, failed, prefix_range};
use crate::{
    args::{Command, Failure, Flag, Invocation, Kind},
    ctl::{Session, UTILITY},
    interrupt::Interrupt,
};
use oxetcd_api::etcdserverpb::{RangeRequest, WatchCreateRequest};
use oxetcd_client::{Client, Error};
use std::{io::IsTerminal as _, time::Duration};
use sums::Sums;
use tokio::time::Instant;

/// Keys of a page.
const PAGE_KEYS: i64 = 500;
/// Shorter intervals show nothing that an eye could follow.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

static DEPTH: Flag =
    Flag::new("depth", Kind::Uint, "1", "parts of a key, up to a '/' each, that make its prefix");
static INTERVAL: Flag = Flag::new("interval", Kind::Duration, "2s", "time over which rates are taken");
static LIMIT: Flag = Flag::new("limit", Kind::Uint, "20", "most prefixes shown; the rest are summed up");
static SORT: Flag = Flag::text("sort", "bytes", "what is shown first (bytes, keys, writes)")
    .choices(&["bytes", "keys", "writes"]);
static ONCE: Flag =
    Flag::switch("once", "show one interval and end (so it is when the output is no terminal)");

pub(super) static TOP: Command = Command {
    usage: "[options] [prefix]",
    group: Some(UTILITY),
    long: "Shows keys, bytes and rates of writes by prefix of the keys, below [prefix] or for all keys. It is no command \
           of etcd's. Once all values were read, it follows changes by a watch.",
    flags: &[&DEPTH, &INTERVAL, &LIMIT, &SORT, &ONCE],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("top", "Shows keys, bytes and writes by prefix")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    if invocation.matches.args.len() > 1 {
        return Err(bad_args("top takes one prefix at most"));
    }
    let session = Session::begin(invocation)?;
    let matches = &invocation.matches;
    let prefix = matches.args.first().cloned().unwrap_or_default();
    let order = view::Order::named(&matches.text(&SORT))
        .ok_or_else(|| bad_args("--sort is bytes, keys or writes"))?;
    let number = |flag| usize::try_from(matches.uint(flag)).unwrap_or(usize::MAX);
    let interval = matches.duration(&INTERVAL).wait().max(INTERVAL_MIN);
    let (depth, limit) = (number(&DEPTH), number(&LIMIT));
    let redraws = !matches.bool(&ONCE) && std::io::stdout().is_terminal();
    let mut interrupt = Interrupt::listen()?;
    let client = session.connect().await?;
    let top = async {
        let mut top = Top { sums: Sums::new(&prefix, depth), revision: 0, client, prefix };
        top.read_all().await.map_err(failed)?;
        top.follow(interval, |top, took| {
            if redraws {
                // To the top, and away with what is below.
                session.out.write(b"\x1b[H\x1b[2J");
            }
            view::show(&session.out, &top.sums, top.revision, took, order, limit);
            session.out.flush();
            redraws
        })
        .await
        .map_err(failed)
    };
    tokio::select! {
        done = top => done,
        () = interrupt.received() => Ok(()),
    }
}

struct Top {
    client: Client,
    prefix: Vec<u8>,
    sums: Sums,
    /// What was seen last.
    revision: i64,
}

impl Top {
    /// Reads all keys as they are at one revision.
    async fn read_all(&mut self) -> Result<(), Error> {
        let (mut key, range_end) = prefix_range(&self.prefix);
        loop {
            let request = RangeRequest {
                key: key.clone(),
                range_end: range_end.clone(),
                limit: PAGE_KEYS,
                revision: self.revision,
                // Any member's state will do to begin with.
                serializable: true,
                ..RangeRequest::default()
            };
            let page = self.client.range(request).await?;
            if self.revision == 0 {
                self.revision = page.header.map_or(0, |header| header.revision);
            }
            page.kvs.iter().for_each(|kv| self.sums.found(kv));
            match page.kvs.last() {
                Some(last) if page.more => key = [&last.key[..], &[0]].concat().into(),
                _ => return Ok(()),
            }
        }
    }

    /// Follows the changes. `show` is called after every interval, with how long it was, and says whether to go on.
    async fn follow(
        &mut self,
        interval: Duration,
        show: impl Fn(&Top, Duration) -> bool,
    ) -> Result<(), Error> {
        let (key, range_end) = prefix_range(&self.prefix);
        let request = WatchCreateRequest {
            key,
            range_end,
            start_revision: self.revision + 1,
            prev_kv: true,
            ..WatchCreateRequest::default()
        };
        let mut watch = self.client.watch(request);
        let mut since = Instant::now();
        loop {
            let next = tokio::time::timeout_at(since + interval, watch.next()).await;
            match next {
                Ok(None) => return Ok(()),
                Ok(Some(update)) => {
                    if let Some(error) = update.error {
                        return Err(error);
                    }
                    let revision = update.response.header.map_or(0, |header| header.revision);
                    self.revision = self.revision.max(revision);
                    update.response.events.iter().for_each(|event| self.sums.changed(event));
                    // A stream that never pauses must not keep the next picture back.
                    if since.elapsed() < interval {
                        continue;
                    }
                }
                Err(_) => {}
            }
            if !show(self, since.elapsed()) {
                return Ok(());
            }
            self.sums.begin_interval();
            since = Instant::now();
        }
    }
}
