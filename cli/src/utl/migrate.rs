//! `migrate`: makes the data of a stopped member fit another version of etcd.

use super::{failed, require, wait};
use crate::{
    args::{Command, Failure, Flag, Invocation},
    exit,
    go::{number::parse_int, quote::quote},
};
use oxetcd_datadir::Migrated;
use std::path::Path;

static DATA_DIR: Flag = Flag::text("data-dir", "", "data dir of a member that does not run (required)");
static TARGET_VERSION: Flag = Flag::text(
    "target-version",
    "",
    "version X.Y of etcd whose layout the data is to have, 3.5 at least (required)",
);
static FORCE: Flag = Flag::switch("force", "set the version even if the data may not fit it (not advised)");

/// The oldest layout that there is a way to.
const OLDEST: (u64, u64) = (3, 5);

pub(super) static MIGRATE: Command = Command {
    flags: &[&DATA_DIR, &FORCE, &TARGET_VERSION],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("migrate", "Makes the data of a stopped member fit another version of etcd")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    require(invocation, &[&DATA_DIR, &TARGET_VERSION])?;
    let target = target(&invocation.matches.text(&TARGET_VERSION))
        .map_err(|message| Failure::new(exit::BAD_ARGS, message))?;
    let dir = invocation.matches.text(&DATA_DIR);
    let force = invocation.matches.bool(&FORCE);
    let done = oxetcd_datadir::migrate(Path::new(&dir), target, force, wait(invocation)).map_err(failed)?;
    let version = format!("{}.{}", target.0, target.1);
    match done {
        Migrated::UpToDate => tracing::info!(storage_version = version, "storage version up-to-date"),
        Migrated::Done => tracing::info!(new_storage_version = version, "updated storage version"),
        Migrated::Forced => tracing::warn!(storage_version = version, "forcefully set storage version"),
    }
    Ok(())
}

fn target(text: &str) -> Result<(u64, u64), String> {
    let quoted = quote(text);
    let format = || format!("wrong target version format, expected \"X.Y\", got {quoted}");
    let (major, minor) = text.split_once('.').filter(|(_, minor)| !minor.contains('.')).ok_or_else(format)?;
    // Go reads a signed number, and the library then refuses what is below 0.
    let number = |part: &str| {
        let signed = parse_int(part.as_bytes(), 10);
        let number = signed.map_err(|error| format!("failed to parse target version: {error}"))?;
        u64::try_from(number).map_err(|_| format!("failed to parse target version: {quoted} is no version"))
    };
    let (major, minor) = (number(major)?, number(minor)?);
    if (major, minor) < OLDEST {
        return Err(format!("target version \"{major}.{minor}\" not supported. Minimal \"3.5\""));
    }
    Ok((major, minor))
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn a_version_is_two_numbers() {
        assert_eq!(target("3.6"), Ok((3, 6)));
        for bad in ["3", "3.6.1", "3.x", "3.", "", "3.4", "2.9"] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
