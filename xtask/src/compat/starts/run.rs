//! One start of one program: in a folder of its own, at addresses of its own, until it ends or serves.

use super::{case::Case, ending::Ending, probe, probe::Probe};
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a program may take to refuse or to serve.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);
const READY: &str = "ready to serve client requests";
/// The file that a case may have.
const FILE: &str = "etcd.conf.yml";

/// Where one start may listen: a loopback address that no other process of this machine has a reason to use, so that nobody
/// takes a port between its choice and its use.
#[derive(Debug)]
pub(super) struct Hosts(Ipv4Addr);

const PLACES: [(&str, u16); 3] = [("client", 24790), ("peer", 24800), ("metrics", 24810)];

impl Hosts {
    /// Those of the start with this number among all of this process.
    fn of(number: usize) -> Hosts {
        let process = std::process::id();
        let part = |value: u64, count: u64| u8::try_from(value % count).unwrap_or(0);
        let number = number as u64;
        // 127.64.0.1 and beyond; nothing else here listens on all addresses.
        let second = 64 + 4 * part(u64::from(process) / 250, 40) + part(number / 250, 4);
        Hosts(Ipv4Addr::new(127, second, part(u64::from(process), 250), 1 + part(number, 250)))
    }

    pub(super) fn address(&self, place: &str) -> SocketAddr {
        let port = PLACES.iter().find(|(name, _)| *name == place).map_or(0, |(_, port)| *port);
        SocketAddr::new(IpAddr::V4(self.0), port)
    }

    /// Puts addresses where `{client}`, `{peer}` and `{metrics}` stand.
    fn fill(&self, text: &str) -> String {
        let url = |place| format!("http://{}", self.address(place));
        PLACES.iter().fold(text.replace("{host}", &self.0.to_string()), |text, (place, _)| {
            text.replace(&format!("{{{place}}}"), &url(place))
        })
    }

    /// The other way round, so that two starts may say the same.
    pub(super) fn hide(&self, text: &str) -> String {
        text.replace(&self.0.to_string(), "HOST")
    }
}

/// Starts `program` as `case` says, and stops it when it serves.
pub(super) fn run(program: &Path, case: &Case, number: usize) -> Result<Ending> {
    let (dir, hosts) = (tempfile::tempdir()?, Hosts::of(number));
    let output = dir.path().with_extension("output");
    let mut child = Kept(spawn(program, case, dir.path(), &output, &hosts)?);
    let log = || {
        let text = fs::read(&output).unwrap_or_default();
        hosts.hide(&String::from_utf8_lossy(&text)).replace(&*dir.path().to_string_lossy(), "DIR")
    };
    let end = Instant::now() + PATIENCE;
    let ending = loop {
        if let Some(status) = child.0.try_wait()? {
            break Ending::refused(status.code(), &log());
        }
        if log().contains(READY) || probe::answers(hosts.address("client")) {
            let probes = std::iter::once(Probe::members()).chain(case.probes.iter().cloned());
            let answers = probes.map(|probe| probe.ask(&hosts)).collect();
            break Ending::serving(&log(), files(dir.path())?, answers);
        }
        if Instant::now() > end {
            bail!("{} neither ends nor serves; it says:\n{}", program.display(), log());
        }
        thread::sleep(POLL);
    };
    drop(child);
    fs::remove_file(output)?;
    Ok(ending)
}

fn spawn(program: &Path, case: &Case, dir: &Path, output: &Path, hosts: &Hosts) -> Result<Child> {
    let mut command = Command::new(program);
    command.current_dir(dir).env_clear().args(case.args.iter().map(|arg| hosts.fill(arg)));
    if let Some(text) = &case.file {
        fs::write(dir.join(FILE), hosts.fill(text))?;
        command.arg(format!("--config-file={FILE}"));
    }
    command.envs(case.env.iter().map(|(name, value)| (name, hosts.fill(value))));
    let output = File::create(output)?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    command.spawn().with_context(|| format!("cannot run {}", program.display()))
}

/// A process that goes when it is of no use any more. It is killed: how etcd stops is looked at elsewhere.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// What is in a folder, and in the folders in it.
fn files(dir: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            let inside = fs::read_dir(entry.path())?;
            let inside = inside.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
            found.extend(inside.map(|entry| format!("{name}/{}", entry.file_name().to_string_lossy())));
        }
        found.insert(name);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_of_one_process_have_addresses_of_their_own() {
        let all: BTreeSet<String> = (0..1000).map(|number| Hosts::of(number).fill("{client}")).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|url| url.starts_with("http://127.")));
        let hosts = Hosts::of(3);
        assert_eq!(hosts.hide(&hosts.fill("m={peer}")), "m=http://HOST:24800");
    }
}
