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
    args::{Command, Failure, Flag, Matches},
    ctl::{Session, UTILITY},
    exit,
    go::quote::quote,
    print::Output,
};
use oxetcd_api::etcdserverpb::{
    CompactionRequest, DefragmentRequest, DeleteRangeRequest, DeleteRangeResponse, RangeRequest,
};
use oxetcd_client::{Client, Error};
use std::time::Duration;

static LOAD: Flag = Flag::text("load", "s", "size of the load: s(mall), m(edium), l(arge) or xl(arge)")
    .choices(&["s", "m", "l", "xl", "small", "medium", "large", "xLarge"]);
static AUTO_COMPACT: Flag = Flag::switch("auto-compact", "compact the store when the check is over");
static AUTO_DEFRAG: Flag = Flag::switch("auto-defrag", "defragment the members when the check is over");

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

async fn connect_all(session: &Session, load: Load) -> Result<Vec<Client>, Failure> {
    let mut clients = Vec::with_capacity(load.clients());
    for _ in 0..load.clients() {
        clients.push(session.connect().await?);
    }
    Ok(clients)
}

/// Refuses a prefix that has keys: they would be deleted with ours. `way_out` says how to delete them.
async fn expect_unused(client: &Client, prefix: &[u8], way_out: &str) -> Result<(), Failure> {
    let (key, range_end) = prefix_range(prefix);
    let request = RangeRequest { key, range_end, limit: 1, ..RangeRequest::default() };
    if client.range(request).await.map_err(failed)?.kvs.is_empty() {
        return Ok(());
    }
    let message = format!("prefix {} has keys. Delete with {way_out} first", quote(prefix));
    Err(Failure::new(exit::INVALID_INPUT, message))
}

async fn delete_all(client: &Client, prefix: &[u8]) -> Result<DeleteRangeResponse, Error> {
    let (key, range_end) = prefix_range(prefix);
    client.delete_range(DeleteRangeRequest { key, range_end, prev_kv: false }).await
}

async fn compact(client: &Client, revision: i64, out: &Output) -> Result<(), Failure> {
    out.line(format_args!("Compacting with revision {revision}"));
    out.flush();
    let request = CompactionRequest { revision, physical: true };
    client.with_timeout(CLEANUP_TIMEOUT).compact(request).await.map_err(failed)?;
    out.line(format_args!("Compacted with revision {revision}"));
    Ok(())
}

async fn defragment_all(session: &Session, endpoints: &[String]) -> Result<(), Failure> {
    for endpoint in endpoints {
        session.out.line(format_args!("Defragmenting {}", quote(endpoint)));
        session.out.flush();
        let client = session.connect_to(endpoint).await.map_err(failed)?;
        client.with_timeout(CLEANUP_TIMEOUT).defragment(DefragmentRequest {}).await.map_err(failed)?;
        session.out.line(format_args!("Defragmented {}", quote(endpoint)));
    }
    Ok(())
}

/// Complains about calls that failed; true if there were any.
fn report_errors(stats: &stats::Stats, out: &Output) -> bool {
    if stats.errors.is_empty() {
        return false;
    }
    out.line("FAIL: too many errors");
    for (error, count) in &stats.errors {
        out.line(format_args!("FAIL: ERROR({error}) -> {count}"));
    }
    true
}
