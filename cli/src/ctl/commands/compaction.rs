//! `compaction`: forgets old revisions.

use super::{expect_args, failed};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    ctl::{KEY_VALUE, Session},
    exit,
    go::number::parse_int,
};
use oxetcd_api::etcdserverpb::CompactionRequest;

static PHYSICAL: Flag = Flag::switch("physical", "wait until the old revisions are gone from the store");

pub(super) static COMPACTION: Command = Command {
    usage: "[options] <revision>",
    group: Some(KEY_VALUE),
    flags: &[&PHYSICAL],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("compaction", "Forgets the history of keys before a revision")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "compaction command needs 1 argument")?;
    let revision =
        parse_int(&invocation.matches.args[0], 10).map_err(|error| Failure::new(exit::ERROR, error))?;
    let request = CompactionRequest { revision, physical: invocation.matches.bool(&PHYSICAL) };
    let session = Session::begin(invocation)?;
    session.connect_briefly().await?.compact(request).await.map_err(failed)?;
    session.out.line(format_args!("compacted revision {revision}"));
    Ok(())
}
