//! `check`: is a cluster fast enough, and how much memory do its keys need?
//!
//! Both checks write under a prefix of their own, and delete what they wrote. [`load`] drives the writes, [`stats`] sums
//! them up.

mod datascale;
mod load;
mod memory;
mod perf;
mod stats;

use super::{failed, prefix_range};
use crate::{
    args::{Command, Failure, Flag, Invocation, Matches},
    ctl::{Session, UTILITY},
    exit,
    go::quote::quote,
    interrupt::Interrupt,
    print::Output,
};
use load::{Shape, Writers};
use oxetcd_api::etcdserverpb::{
    CompactionRequest, DefragmentRequest, DeleteRangeRequest, DeleteRangeResponse, RangeRequest,
};
use oxetcd_client::{Client, Error};
use stats::Stats;
use std::time::Duration;

static LOAD: Flag = Flag::text("load", "s", "size of the load: s(mall), m(edium), l(arge) or xl(arge)")
    .choices(&["s", "m", "l", "xl", "small", "medium", "large", "xLarge"]);
static AUTO_COMPACT: Flag = Flag::switch("auto-compact", "compact the store when the check is over");
static AUTO_DEFRAG: Flag = Flag::switch("auto-defrag", "defragment the members when the check is over");

/// How long the first look may take.
const FIRST_READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How long each step of the cleaning up may take.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) static CHECK: Command = Command {
    usage: "<subcommand>",
    group: Some(UTILITY),
    long: "Checks of a cluster's properties",
    commands: &[&datascale::DATASCALE, &perf::PERF],
    ..Command::new("check", "Checks of a cluster's properties. Use `etcdctl check --help` to see subcommands")
};

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Small,
    Medium,
    Large,
    ExtraLarge,
}

impl Load {
    fn chosen(matches: &Matches) -> Result<Self, Failure> {
        Ok(match matches.text(&LOAD).as_str() {
            "s" | "small" => Load::Small,
            "m" | "medium" => Load::Medium,
            "l" | "large" => Load::Large,
            "xl" | "xLarge" => Load::ExtraLarge,
            other => return Err(Failure::new(exit::BAD_FEATURE, format!("unknown load option {other}"))),
        })
    }

    /// Clients that write at once, each with a connection of its own.
    fn clients(self) -> usize {
        match self {
            Load::Small => 50,
            Load::Medium => 200,
            Load::Large => 500,
            Load::ExtraLarge => 1000,
        }
    }
}

/// A check at work: connected, and sure that its prefix has no keys of others.
struct Check {
    load: Load,
    prefix: Vec<u8>,
    session: Session,
    /// The writers' connections, until they begin.
    clients: Vec<Client>,
    /// One of these, for all that is not measured.
    client: Client,
    compacts: bool,
    defragments: bool,
}

impl Check {
    /// Connects. `quote` stands around the command that says how keys of others can be deleted.
    async fn begin(invocation: &mut Invocation, prefix: &'static Flag, quote: &str) -> Result<Self, Failure> {
        let load = Load::chosen(&invocation.matches)?;
        let session = Session::begin(invocation)?;
        let matches = &invocation.matches;
        let mut clients = Vec::with_capacity(load.clients());
        for _ in 0..load.clients() {
            clients.push(session.connect().await?);
        }
        let check = Check {
            load,
            prefix: matches.bytes(prefix),
            client: clients[0].clone(),
            clients,
            session,
            compacts: matches.bool(&AUTO_COMPACT),
            defragments: matches.bool(&AUTO_DEFRAG),
        };
        let prefix = String::from_utf8_lossy(&check.prefix);
        check.expect_unused(&format!("{quote}etcdctl del --prefix {prefix}{quote}")).await?;
        Ok(check)
    }

    /// Refuses a prefix that has keys: they would be deleted with ours. `way_out` says how to delete them.
    async fn expect_unused(&self, way_out: &str) -> Result<(), Failure> {
        let (key, range_end) = prefix_range(&self.prefix);
        let request = RangeRequest { key, range_end, limit: 1, ..RangeRequest::default() };
        let found = self.client.with_timeout(FIRST_READ_TIMEOUT).range(request).await.map_err(failed)?;
        if found.kvs.is_empty() {
            return Ok(());
        }
        let message = format!("prefix {} has keys. Delete with {way_out} first", quote(&self.prefix));
        Err(Failure::new(exit::INVALID_INPUT, message))
    }

    /// Writes keys as `pace` lets them in, until it is done or somebody presses ^C; what became of them, and how long it
    /// took. `written` is called after each.
    async fn write(
        &mut self,
        (key_bytes, value_bytes): (usize, usize),
        written: impl Fn() + 'static,
        pace: impl AsyncFnOnce(&Writers),
    ) -> Result<(Stats, Duration), Failure> {
        // From before the first key: whoever stops us now is not left with keys.
        let mut interrupt = Interrupt::listen()?;
        let shape = Shape::new(&self.prefix, key_bytes, value_bytes);
        let writers = Writers::start(std::mem::take(&mut self.clients), shape, written);
        tokio::select! {
            () = pace(&writers) => {}
            () = interrupt.received() => {}
        }
        Ok(writers.finish().await)
    }

    /// Deletes what was written, with a client whose time is limited or not.
    async fn delete_all(&self, client: &Client) -> Result<DeleteRangeResponse, Error> {
        let (key, range_end) = prefix_range(&self.prefix);
        client.delete_range(DeleteRangeRequest { key, range_end, prev_kv: false }).await
    }

    /// Compacts what the keys have left, if that was asked for and they could be deleted, and defragments.
    async fn clean_up(&self, deleted: Option<DeleteRangeResponse>) -> Result<(), Failure> {
        if let (Some(deleted), true) = (deleted, self.compacts) {
            self.compact(deleted.header.map_or(0, |header| header.revision)).await?;
        }
        if self.defragments {
            self.defragment_all().await?;
        }
        Ok(())
    }

    async fn compact(&self, revision: i64) -> Result<(), Failure> {
        let out = &self.session.out;
        out.line(format_args!("Compacting with revision {revision}"));
        out.flush();
        let request = CompactionRequest { revision, physical: true };
        self.client.with_timeout(CLEANUP_TIMEOUT).compact(request).await.map_err(failed)?;
        out.line(format_args!("Compacted with revision {revision}"));
        Ok(())
    }

    async fn defragment_all(&self) -> Result<(), Failure> {
        let session = &self.session;
        for endpoint in self.client.endpoints() {
            session.out.line(format_args!("Defragmenting {}", quote(&endpoint)));
            session.out.flush();
            let client = session.connect_to(&endpoint).await.map_err(failed)?;
            client.with_timeout(CLEANUP_TIMEOUT).defragment(DefragmentRequest {}).await.map_err(failed)?;
            session.out.line(format_args!("Defragmented {}", quote(&endpoint)));
        }
        Ok(())
    }
}

/// Complains about calls that failed; true if there were any.
fn report_errors(stats: &Stats, out: &Output) -> bool {
    if stats.errors.is_empty() {
        return false;
    }
    out.line("FAIL: too many errors");
    for (error, count) in &stats.errors {
        out.line(format_args!("FAIL: ERROR({error}) -> {count}"));
    }
    true
}
