//! `check datascale`: how much memory a number of keys costs a member.

use super::{AUTO_COMPACT, AUTO_DEFRAG, Check, LOAD, Load, memory::resident_bytes, report_errors};
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
    let mut check = Check::begin(invocation, &PREFIX, "").await?;
    let (load, out) = (check.load, check.session.out.clone());
    let before = memory(&check.session, "before").await?;
    out.line(format_args!(
        "Start data scale check for work load [{} key-value pairs, {} bytes per key-value, {} concurrent clients].",
        load.keys(),
        KEY_BYTES + VALUE_BYTES,
        load.clients()
    ));
    out.flush();
    let bar = progress::steps(load.keys());
    let counter = bar.clone();
    let written = check.write(
        (KEY_BYTES, VALUE_BYTES),
        move || counter.inc(1),
        async |writers| {
            for _ in 0..load.keys() {
                writers.write_one().await;
            }
        },
    );
    let (stats, _) = written.await?;
    bar.finish();
    let after = memory(&check.session, "after").await?;

    let deleted = check.delete_all(&check.client).await.map_err(failed)?;
    check.clean_up(Some(deleted)).await?;
    if report_errors(&stats, &out) {
        return Err(Failure::silent(exit::ERROR));
    }
    let used = (after - before) / MEBIBYTE;
    out.line(format_args!("PASS: Approximate system memory used : {used:.2} MB."));
    Ok(())
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
