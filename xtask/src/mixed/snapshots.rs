//! Snapshots between the official programs and ours: every mixture of who saves, who restores and who serves.
//!
//! What a server holds is written down as etcdctl prints it: all keys with their revisions, versions and values, the
//! newest revision, and the hash over the history. Whoever serves the restored data must hold the same. Ours restores into
//! its own engines, too, for itself.
//!
//! covers: etcdutl snapshot restore --backend

use crate::{
    command::output_of,
    compat::files::call_ctl,
    process::{Addresses, Plan, Server},
};
use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// One family of programs.
#[derive(Clone, Copy)]
struct Programs<'a> {
    name: &'static str,
    dir: &'a Path,
    /// The engine to restore into; `None` for a file that every server begins with.
    engine: Option<&'static str>,
}

/// Engines that the usual build has.
const ENGINES: [&str; 2] = ["lmdb", "sled"];

/// A history with versions, a deletion, a binary value, a lease and a compaction in it.
const HISTORY: [&[&str]; 9] = [
    &["put", "a", "1"],
    &["put", "a", "2"],
    &["put", "b/1", "x y\n\u{1}z"],
    &["put", "b/2", ""],
    &["del", "b/1"],
    &["compaction", "4"],
    &["lease", "grant", "1000"],
    &["put", "c", "3"],
    &["put", "a", "3"],
];

/// Runs all eight mixtures.
pub(super) fn run(official: &Path, ours: &Path) -> Result<()> {
    let family = |name, dir| Programs { name, dir, engine: None };
    let families = [family("official", official), family("ours", ours)];
    let dir = TempDir::with_prefix("mixed-snapshots-")?;
    for saver in families {
        let snapshot = dir.path().join(format!("{}.db", saver.name));
        let expected =
            saver.save(dir.path(), &snapshot).with_context(|| format!("saved by {}", saver.name))?;
        let [by_official, by_ours] = families.map(|reader| reader.status(&snapshot));
        ensure!(by_official? == by_ours?, "snapshot status of what {} saved differs", saver.name);
        for restorer in families {
            for server in families {
                let mixture = format!(
                    "saved by {}, restored by {}, served by {}",
                    saver.name, restorer.name, server.name
                );
                let held = restore_and_serve(restorer, server, &snapshot, dir.path(), &mixture)
                    .with_context(|| mixture.clone())?;
                ensure!(held == expected, "{mixture}:\n{held}\nwhere this was saved:\n{expected}");
                println!("{mixture}: the same");
            }
        }
        for engine in ENGINES {
            let restorer = Programs { engine: Some(engine), ..families[1] };
            let mixture = format!("saved by {}, restored into {engine}", saver.name);
            let held = restore_and_serve(restorer, families[1], &snapshot, dir.path(), &mixture)?;
            ensure!(held == expected, "{mixture}:\n{held}\nwhere this was saved:\n{expected}");
            println!("{mixture}: the same");
        }
    }
    Ok(())
}

fn restore_and_serve(
    restorer: Programs<'_>,
    server: Programs<'_>,
    snapshot: &Path,
    dir: &Path,
    mixture: &str,
) -> Result<String> {
    let addresses = Addresses::free();
    let name = mixture.replace([' ', ','], "");
    let peer = format!("http://{}", addresses.peer);
    let cluster = format!("{name}={peer}");
    let data = dir.join(&name);
    let mut restore = Command::new(restorer.dir.join("etcdutl"));
    restore.args(["snapshot", "restore"]).arg(snapshot).arg("--data-dir").arg(&data);
    restore.args(["--name", &name, "--initial-cluster", &cluster, "--initial-advertise-peer-urls", &peer]);
    let mut extra = Vec::new();
    if let Some(engine) = restorer.engine {
        restore.args(["--backend", engine]);
        extra.push(format!("--backend={engine}"));
    }
    output_of(&mut restore)?;
    let program = server.program("etcd");
    let running = Server::start_at(&Plan { program: &program, name: &name, dir, extra: &extra }, addresses)?;
    server.held(&running)
}

impl Programs<'_> {
    fn program(self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes the history to a server of this family and saves a snapshot of it; what the server held.
    fn save(self, dir: &Path, snapshot: &Path) -> Result<String> {
        let (program, ctl) = (self.program("etcd"), self.program("etcdctl"));
        let plan = Plan { program: &program, name: self.name, dir, extra: &[] };
        let server = Server::start(&plan)?;
        HISTORY.iter().try_for_each(|args| call_ctl(&ctl, &server, args))?;
        call_ctl(&ctl, &server, &["snapshot", "save", &snapshot.to_string_lossy()])?;
        self.held(&server)
    }

    /// All that the server holds, in words.
    fn held(self, server: &Server) -> Result<String> {
        let ctl = |args: &[&str]| {
            let mut command = Command::new(self.program("etcdctl"));
            command.env("ETCDCTL_API", "3").arg(format!("--endpoints={}", server.client())).args(args);
            output_of(&mut command)
        };
        let keys = ctl(&["get", "", "--from-key", "-w", "json"])?;
        // Its header names the member, which is another one after the restore.
        let keys = keys.split_once("\"kvs\"").map_or(keys.as_str(), |(_, keys)| keys).to_owned();
        let fields = ctl(&["get", "", "--from-key", "-w", "fields"])?;
        let revision = fields.lines().find(|line| line.starts_with("\"Revision\"")).unwrap_or_default();
        let hash = ctl(&["endpoint", "hashkv", "-w", "json"])?;
        let hash = hash.split("\"hash\":").nth(1).and_then(|rest| rest.split([',', '}']).next());
        let leases = ctl(&["lease", "list"])?;
        Ok(format!("{revision}\nhash {}\n{leases}{keys}", hash.unwrap_or_default()))
    }

    /// The hash and the revision that etcdutl of this family finds in a snapshot. (What it counts as keys, and whether there is
    /// a version, differs between releases.)
    fn status(self, snapshot: &Path) -> Result<Vec<String>> {
        let mut command = Command::new(self.program("etcdutl"));
        let said = output_of(command.args(["snapshot", "status", "-w", "fields"]).arg(snapshot))?;
        Ok(said.lines().take(2).map(str::to_owned).collect())
    }
}
