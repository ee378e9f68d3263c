//! `backup`: a copy of a data dir from which a cluster of its own can be started. It talks to nobody.

use super::{expect_none, plain};
use crate::args::{Command, Failure, Flag, Invocation};
use oxetcd_datadir::Backup;
use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// How long a database file may be in use by somebody else.
const WAIT: Duration = Duration::from_secs(1);

static DATA_DIR: Flag = Flag::text("data-dir", "", "data dir of a member that does not run (required)");
static WAL_DIR: Flag = Flag::text("wal-dir", "", "where its log is, if not in the data dir");
static BACKUP_DIR: Flag = Flag::text("backup-dir", "", "data dir to be made (required)");
static BACKUP_WAL_DIR: Flag = Flag::text("backup-wal-dir", "", "where its log goes, if not into that");
static WITH_V3: Flag = Flag::switch("with-v3", "copy the data of version 3 as well");

pub(super) static BACKUP: Command = Command {
    usage: "--data-dir=... --backup-dir=...",
    long: "Copies the keys of version 2, and those of version 3 if asked to, but not who the members were: ids are new. \
           Start a cluster from the copy with `etcd --force-new-cluster`. While a member runs, `etcdctl snapshot save` \
           copies its version 3.",
    flags: &[&DATA_DIR, &WAL_DIR, &BACKUP_DIR, &BACKUP_WAL_DIR, &WITH_V3],
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("backup", "copies the data dir of a member that does not run")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_none(invocation)?;
    let matches = &invocation.matches;
    let path = |flag| Some(matches.text(flag)).filter(|text| !text.is_empty()).map(PathBuf::from);
    let (Some(data_dir), Some(backup_dir)) = (path(&DATA_DIR), path(&BACKUP_DIR)) else {
        return Err(plain("--data-dir and --backup-dir are required"));
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let backup = Backup {
        data_dir,
        wal_dir: path(&WAL_DIR),
        backup_dir,
        backup_wal_dir: path(&BACKUP_WAL_DIR),
        with_v3: matches.bool(&WITH_V3),
        seed: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
    };
    backup.run(WAIT).map_err(plain)?;
    eprintln!("{} is made; start it with `etcd --force-new-cluster`", backup.backup_dir.display());
    Ok(())
}
