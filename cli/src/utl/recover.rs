//! `recover --dry-run`: after the loss of a quorum, which member to go on with, and what that would lose.

use super::{failed, usage, wait};
use crate::{
    args::{Command, Failure, Flag, Invocation, Kind},
    go::quote::quote,
    print::Output,
};
use oxetcd_datadir::{Offline, Recovery, Survivor, Window, applied_index};
use oxetcd_mvcc::Store;
use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

static DATA_DIR: Flag = Flag::new(
    "data-dir",
    Kind::List,
    "",
    "data dir of a member that is left and does not run; once for each of them (required)",
);
static DRY_RUN: Flag =
    Flag::switch("dry-run", "only say what would be lost (required: there is nothing else yet)");

pub(super) static RECOVER: Command = Command {
    long: "Reads the logs of the members that are left of a cluster without a quorum, and prints for each what the \
           cluster would lose if it went on from that member with `etcd --force-new-cluster`. Changes nothing. It is \
           no command of etcd's.",
    flags: &[&DATA_DIR, &DRY_RUN],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("recover", "Says what would be lost by going on without a quorum")
};

/// A member: its log, and how far its data goes.
struct Seen {
    survivor: Survivor,
    applied: u64,
    revision: i64,
}

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let dirs: Vec<PathBuf> = invocation
        .matches
        .list(&DATA_DIR)
        .into_iter()
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .collect();
    if dirs.is_empty() {
        return Err(usage(invocation, "required flag(s) \"data-dir\" not set"));
    }
    if !invocation.matches.bool(&DRY_RUN) {
        let advice = "required flag(s) \"dry-run\" not set: to recover, start the member of your choice with \
                      `etcd --force-new-cluster`";
        return Err(usage(invocation, advice));
    }
    let wait = wait(invocation);
    let seen = dirs.iter().map(|dir| look(dir, wait)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let applied: Vec<u64> = seen.iter().map(|one| one.applied).collect();
    let survivors: Vec<Survivor> = seen.iter().map(|one| one.survivor.clone()).collect();
    let recovery = Recovery::of(&survivors, &applied).map_err(failed)?;
    show(&invocation.out, &seen, &recovery);
    Ok(())
}

fn look(dir: &Path, wait: Duration) -> Result<Seen, String> {
    let survivor = Survivor::read(dir, None)?;
    // A member that never got to write data has none.
    if !dir.join("member/snap").is_dir() {
        return Ok(Seen { survivor, applied: 0, revision: 0 });
    }
    let buffer = Offline::find(dir, wait)?.buffer(wait)?;
    let applied = applied_index(&buffer)?;
    let (store, _compaction) = Store::open(buffer, &mut |_, _| {}).map_err(|error| error.to_string())?;
    Ok(Seen { survivor, applied, revision: store.revision() })
}

fn show(out: &Output, seen: &[Seen], recovery: &Recovery) {
    let first = &seen[0].survivor;
    out.line(format_args!(
        "cluster {:x}: {} voters, {} members here",
        first.cluster_id,
        recovery.voters,
        seen.len()
    ));
    out.line(if recovery.is_complete {
        "all that clients were told is done is in these logs"
    } else {
        "WARNING: too few members are here to know of everything that clients were told is done; \
         what only the missing members had is not counted below"
    });
    for (at, (one, loss)) in seen.iter().zip(&recovery.losses).enumerate() {
        let survivor = &one.survivor;
        let (last_term, last_index) = survivor.last();
        out.line("");
        let advice = if at == recovery.best { "   <- loses least" } else { "" };
        out.line(format_args!("{}: member {:x}{advice}", survivor.data_dir.display(), survivor.member_id));
        out.line(format_args!(
            "  log: last entry {last_index} of term {last_term}, known to be committed up to {}, last written {}",
            loss.kept,
            survivor.written.map_or_else(|| "at an unknown time".to_owned(), when)
        ));
        out.line(format_args!("  data: revision {}, applied up to entry {}", one.revision, one.applied));
        out.line("  with --force-new-cluster:");
        window(out, "lost, though clients were told it is done", &loss.lost);
        window(out, "lost, and clients may have been told it is done", &loss.in_doubt);
        if loss.lost.is_empty() && loss.in_doubt.is_empty() {
            out.line("    nothing in these logs is lost");
        }
    }
}

fn window(out: &Output, what: &str, window: &Window) {
    if window.is_empty() {
        return;
    }
    out.line(format_args!(
        "    {what}: entries {} to {} ({} entries, {} change keys)",
        window.first,
        window.last,
        window.len(),
        window.changes
    ));
    if window.unseen > 0 {
        out.line(format_args!(
            "      of {} entries only the effect is left, in another member's data",
            window.unseen
        ));
    }
    let keys: Vec<String> = window.keys.iter().filter(|key| !key.is_empty()).map(quote).collect();
    if !keys.is_empty() {
        let more = if window.changes > keys.len() { ", ..." } else { "" };
        out.line(format_args!("      keys: {}{more}", keys.join(", ")));
    }
}

/// How long ago.
fn when(time: SystemTime) -> String {
    let unix = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let ago = SystemTime::now().duration_since(time).unwrap_or_default().as_secs();
    format!("{ago} s ago (unix time {unix})")
}
