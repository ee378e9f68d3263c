//! `check datascale`: how much memory a number of keys costs a member.

use super::{
    AUTO_COMPACT, AUTO_DEFRAG, LOAD, Load, compact, connect_all, defragment_all, delete_all, expect_unused,
    load::{Shape, Writers},
    memory::resident_bytes,
    report_errors,
};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::{Session, commands::failed},
    exit, progress,
};

static PREFIX: Flag =
    Flag::text("prefix", "/etcdctl-check-datascale/", "what the keys of the check start with");

pub(super) static DATASCALE: Command = Command {
    usage: "[options]",
    long: "Writes keys, and shows by how much the memory of the first endpoint's member has grown.",
    flags: &[&LOAD, &PREFIX, &AUTO_COMPACT, &AUTO_DEFRAG],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("datascale", "Checks how much memory keys need")
};

const KEY_BYTES: usize = 512;
const VALUE_BYTES: usize = 512;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

impl Load {
    /// Keys that are written.
    fn keys(self) -> u64 {
        match self {
            Load::Small => 10_000,
            Load::Medium => 100_000,
            Load::Large => 1_000_000,
            Load::ExtraLarge => 3_000_000,
        }
    }
}

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let load = Load::chosen(&invocation.matches)?;
    let prefix = invocation.matches.bytes(&PREFIX);
    let session = Session::begin(invocation)?;
    let clients = connect_all(&session, load).await?;
    let first = clients[0].clone();
    let way_out = format!("etcdctl del --prefix {}", String::from_utf8_lossy(&prefix));
    expect_unused(&first.with_connect_timeout(super::CLEANUP_TIMEOUT), &prefix, &way_out).await?;

    let out = session.out.clone();
    let before = memory(&session, "before").await?;
    out.line(format_args!(
        "Start data scale check for work load [{} key-value pairs, {} bytes per key-value, {} concurrent clients].",
        load.keys(),
        KEY_BYTES + VALUE_BYTES,
        load.clients()
    ));
    out.flush();
    let bar = progress::steps(load.keys());
    let shape = Shape::new(&prefix, KEY_BYTES, VALUE_BYTES);
    let writers = Writers::start(clients, shape, {
        let bar = bar.clone();
        move || bar.inc(1)
    });
    write_all(&writers, load).await;
    let (stats, _) = writers.finish().await;
    bar.finish();
    let after = memory(&session, "after").await?;

    let deleted = delete_all(&first, &prefix).await.map_err(failed)?;
    if invocation.matches.bool(&AUTO_COMPACT) {
        compact(&first, deleted.header.map_or(0, |header| header.revision), &out).await?;
    }
    if invocation.matches.bool(&AUTO_DEFRAG) {
        defragment_all(&session, &first.endpoints()).await?;
    }
    if report_errors(&stats, &out) {
        return Err(Failure::silent(exit::ERROR));
    }
    let used = (after - before) / MEBIBYTE;
    out.line(format_args!("PASS: Approximate system memory used : {used:.2} MB."));
    Ok(())
}

/// Lets all keys in; ^C ends it early, and what was written is deleted.
async fn write_all(writers: &Writers, load: Load) {
    let writes = async {
        for _ in 0..load.keys() {
            writers.write_one().await;
        }
    };
    tokio::select! {
        () = writes => {}
        Ok(()) = tokio::signal::ctrl_c() => {}
    }
}

async fn memory(session: &Session, when: &str) -> Result<f64, Failure> {
    let endpoint = session.endpoints().first().cloned().unwrap_or_default();
    match resident_bytes(session, &endpoint).await {
        Ok(bytes) => Ok(bytes),
        Err(why) => {
            session.out.line(why);
            session.out.line(format_args!(
                "FAIL: Could not read process_resident_memory_bytes {when} the put operations."
            ));
            Err(Failure::silent(exit::ERROR))
        }
    }
}
