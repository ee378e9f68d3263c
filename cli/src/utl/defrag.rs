//! `defrag`: gives the room that a stopped member's data does not use back to the file system.

use super::{failed, require, wait};
use crate::args::{Command, Failure, Flag, Invocation};
use oxetcd_datadir::Offline;
use std::path::Path;

static DATA_DIR: Flag = Flag::text("data-dir", "", "data dir of a member that does not run (required)");

pub(super) static DEFRAG: Command = Command {
    flags: &[&DATA_DIR],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("defrag", "Defragments the data of a member that does not run")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    require(invocation, &[&DATA_DIR])?;
    let dir = invocation.matches.text(&DATA_DIR);
    let wait = wait(invocation);
    tracing::info!(path = dir, "defragmenting directory");
    let done = Offline::find(Path::new(&dir), wait).and_then(|data| data.defragment(wait, &mut |_| {}));
    done.map_err(|error| failed(format!("Failed to defragment etcd data[{dir}] ({error})")))?;
    tracing::info!(path = dir, "finished defragmenting directory");
    Ok(())
}
