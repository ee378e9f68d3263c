//! `snapshot`: what can be done with the copies of stores that `etcdctl snapshot save` makes.

use super::{restore::RESTORE, status::STATUS};
use crate::args::Command;

pub(super) static SNAPSHOT: Command = Command {
    usage: "<subcommand>",
    commands: &[&RESTORE, &STATUS],
    ..Command::new("snapshot", "Looks into snapshots, and makes data dirs of them")
};
