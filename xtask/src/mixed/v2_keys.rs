//! Keys of version 2 of the API, taken over into version 3 by `etcdutl migrate-v2`.
//!
//! etcd 3.5.1 with `--enable-v2` is filled by its own etcdctl, read while it runs, stopped, and its data dir read: with
//! snapshots in it, so that part of the tree is in a `.snap` file and part in the log behind it. What arrives in a server of
//! ours must be what was written. Then `etcdctl backup` of ours copies the dir: for ours, and what ours makes of it for etcd 3.5.1.
//!
//! covers: etcdutl migrate-v2 --data-dir --wal-dir --from --from-user --endpoints --prefix --dest-prefix --dry-run
//! covers: etcdutl migrate-v2 --overwrite --command-timeout --user

use crate::{
    command::output_of,
    process::{Plan, Server},
};
use anyhow::{Context, Result, bail, ensure};
use std::{path::Path, process::Command};
use tempfile::TempDir;

/// Two members' worth of snapshots lie between these.
const FILLING: usize = 30;

/// Fills a server of version 2.
fn fill(call: &dyn Fn(&[&str]) -> Result<String>) -> Result<()> {
    for number in 0..FILLING {
        call(&["set", &format!("/many/{number:03}"), &format!("value {number}")])?;
    }
    call(&["set", "/app/name", "an app & its <value>"])?;
    call(&["set", "/app/empty", ""])?;
    call(&["set", "/app/deep/er", "1"])?;
    call(&["set", "/app/short", "lived", "--ttl", "3000"])?;
    call(&["mkdir", "/session", "--ttl", "2000"])?;
    call(&["set", "/session/a", "1"])?;
    call(&["set", "/session/b", "2", "--ttl", "4000"])?;
    call(&["mkdir", "/nothing"])?;
    call(&["set", "/_hidden/key", "secret"])?;
    call(&["set", "/gone", "1"])?;
    call(&["rm", "/gone"])?;
    Ok(())
}

/// Runs the test.
pub(super) fn run(official: &Path, ours: &Path) -> Result<()> {
    let dir = TempDir::with_prefix("mixed-v2-keys-")?;
    let enabled = ["--enable-v2=true".to_owned(), "--snapshot-count=10".to_owned()];
    let old = Plan { program: &official.join("etcd"), name: "old", dir: dir.path(), extra: &enabled };
    let old = Server::start(&old)?;
    let new = Server::start(&Plan { program: &ours.join("etcd"), name: "new", dir: dir.path(), extra: &[] })?;
    let from = format!("http://{}", old.client());
    fill(&|args| {
        let mut command = Command::new(official.join("etcdctl"));
        output_of(command.env("ETCDCTL_API", "2").args(["--endpoints", &from]).args(args))
    })?;
    let target = Target { ours, endpoint: new.client().to_string() };
    let (old_dir, moved_wal) =
        (dir.path().join("old").to_string_lossy().into_owned(), dir.path().join("wal"));

    let said = target.migrate(&["--from", &from, "--dry-run"])?;
    ensure!(said.contains("/app/name -> /app/name\n") && said.contains("36 keys would be written"), "{said}");
    ensure!(target.keys("/")?.is_empty(), "a dry run has written");
    let said = target.migrate(&["--from", &from, "--from-user", "nobody:x", "--command-timeout=100s"])?;
    ensure!(said.starts_with("36 keys written, 3 of them with a lease"), "{said}");
    target.check("", false)?;
    let said = target.migrate(&["--from", &from])?;
    ensure!(said.contains("36 keys were there already"), "{said}");
    let said =
        target.migrate(&["--from", &from, "--prefix", "/app", "--dest-prefix", "moved", "--overwrite"])?;
    ensure!(said.starts_with("4 keys written, 1 of them"), "{said}");
    ensure!(target.keys("moved")? == ["moved/deep/er", "moved/empty", "moved/name", "moved/short"], "moved");

    // What a running server holds is written down by now: the keys come out of its files.
    drop(old);
    let said = target.migrate(&["--data-dir", &old_dir, "--dest-prefix", "/files"])?;
    ensure!(said.starts_with("37 keys written, 3 of them with a lease"), "{said}");
    ensure!(said.contains("1 empty directories were left out"), "{said}");
    target.check("/files", true)?;
    copies(official, ours, dir.path())?;
    std::fs::rename(dir.path().join("old/member/wal"), &moved_wal)?;
    let wal_dir = moved_wal.to_string_lossy().into_owned();
    let again = ["--data-dir", &old_dir, "--wal-dir", &wal_dir, "--dest-prefix", "/files"];
    let said = target.migrate(&again)?;
    ensure!(said.contains("37 keys were there already"), "{said}");
    println!("keys of version 2, from a server, from its files and from copies of them: all there");
    Ok(())
}

/// Copies the data dir `old` to one that our server starts from, and its data dir to one that the official server does.
fn copies(official: &Path, ours: &Path, dir: &Path) -> Result<()> {
    let extra = ["--enable-v2=true".to_owned(), "--force-new-cluster=true".to_owned()];
    let mut from = "old";
    for (program, name) in [(ours, "first"), (official, "second")] {
        let mut backup = Command::new(ours.join("etcdctl"));
        backup.env("ETCDCTL_API", "2").args(["backup", "--data-dir"]).arg(dir.join(from));
        output_of(backup.arg("--backup-dir").arg(dir.join(name)).arg("--with-v3"))?;
        let server = Server::start(&Plan { program: &program.join("etcd"), name, dir, extra: &extra })?;
        let endpoint = format!("http://{}", server.client());
        let mut get = Command::new(official.join("etcdctl"));
        let value =
            output_of(get.env("ETCDCTL_API", "2").args(["--endpoints", &endpoint, "get", "/app/name"]))?;
        ensure!(value == "an app & its <value>\n", "{name} has {value:?}");
        from = name;
    }
    Ok(())
}

/// Our server, which keys are taken to.
struct Target<'a> {
    ours: &'a Path,
    endpoint: String,
}

impl Target<'_> {
    fn migrate(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(self.ours.join("etcdutl"));
        command.args(["migrate-v2", "--endpoints", &self.endpoint]).args(args);
        output_of(&mut command).with_context(|| format!("{args:?}"))
    }

    fn ctl(&self, args: &[&str]) -> Result<String> {
        output_of(Command::new(self.ours.join("etcdctl")).args(["--endpoints", &self.endpoint]).args(args))
    }

    fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let keys = self.ctl(&["get", "--prefix", "--keys-only", prefix])?;
        Ok(keys.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Whether all keys are there, below `prefix`, with their values and lifetimes.
    fn check(&self, prefix: &str, hidden: bool) -> Result<()> {
        let value = |key: &str| self.ctl(&["get", "--print-value-only", &format!("{prefix}{key}")]);
        for number in 0..FILLING {
            ensure!(value(&format!("/many/{number:03}"))? == format!("value {number}\n"), "key {number}");
        }
        let expected = [
            ("/app/name", "an app & its <value>\n"),
            ("/app/empty", "\n"),
            ("/app/deep/er", "1\n"),
            ("/gone", ""),
            ("/_hidden/key", if hidden { "secret\n" } else { "" }),
        ];
        for (key, expected) in expected {
            let found = value(key)?;
            ensure!(found == expected, "{key} is {found:?}");
        }
        // A key goes with its directory, if that goes first.
        for (key, lifetime_s) in [("/app/short", 3000), ("/session/a", 2000), ("/session/b", 2000)] {
            let granted = self.lifetime_s(&format!("{prefix}{key}"))?;
            // Whole seconds, of which some may have passed on a busy machine.
            ensure!((lifetime_s - 600..=lifetime_s).contains(&granted), "{key} has {granted}s");
        }
        Ok(())
    }

    fn lifetime_s(&self, key: &str) -> Result<i64> {
        let fields = self.ctl(&["get", key, "-w", "fields"])?;
        let lease = fields.lines().find_map(|line| line.strip_prefix("\"Lease\" : "));
        let lease: i64 = lease.context("no lease")?.trim().parse()?;
        let said = self.ctl(&["lease", "timetolive", &format!("{lease:x}")])?;
        let granted = said.split("TTL(").nth(1).and_then(|rest| rest.split("s)").next());
        match granted.and_then(|granted| granted.parse().ok()) {
            Some(granted) => Ok(granted),
            None => bail!("{key}: {said}"),
        }
    }
}
