//! A server process: started with flags that every etcd knows, watched through `/proc`, stopped on drop.

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// Linux counts CPU time in these for all programs, whatever the kernel's own tick is.
const TICK_US: u64 = 10_000;

/// How to start a server.
pub(crate) struct Plan<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// Member name.
    pub(crate) name: &'a str,
    /// Folder for data and log.
    pub(crate) dir: &'a Path,
    /// Flags beside the ones that say where it listens and who the first members are.
    pub(crate) extra: &'a [String],
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) client: SocketAddr,
    pub(crate) peer: SocketAddr,
}

impl Addresses {
    /// Two that nobody uses.
    pub(crate) fn free() -> Addresses {
        let address = || (Ipv4Addr::LOCALHOST, oxetcd_testkit::free_port()).into();
        Addresses { client: address(), peer: address() }
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    addresses: Addresses,
    log: PathBuf,
}

impl Server {
    /// Starts a single member and waits until it says that it is healthy.
    pub(crate) fn start(plan: &Plan<'_>) -> Result<Server> {
        Server::start_at(plan, Addresses::free())
    }

    /// The same, at these addresses.
    pub(crate) fn start_at(plan: &Plan<'_>, addresses: Addresses) -> Result<Server> {
        let initial_cluster = format!("{}=http://{}", plan.name, addresses.peer);
        let mut server = Server::spawn(plan, addresses, &initial_cluster)?;
        let end = Instant::now() + START_LIMIT;
        while !server.healthy() {
            if let Some(status) = server.ended()? {
                bail!("the server ended at its start ({status}); its log:\n{}", server.log_tail());
            }
            if Instant::now() > end {
                bail!("the server is not healthy after {START_LIMIT:?}; its log:\n{}", server.log_tail());
            }
            thread::sleep(POLL);
        }
        Ok(server)
    }

    /// Starts a member of some cluster and does not wait.
    pub(crate) fn spawn(plan: &Plan<'_>, addresses: Addresses, initial_cluster: &str) -> Result<Server> {
        let Addresses { client, peer } = addresses;
        let (client_url, peer_url) = (format!("http://{client}"), format!("http://{peer}"));
        let log = plan.dir.join(format!("{}.log", plan.name));
        let data = plan.dir.join(plan.name);
        let mut command = Command::new(plan.program);
        command
            .args(["--name", plan.name, "--log-level", "error", "--data-dir"])
            .arg(&data)
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", initial_cluster])
            .args(plan.extra);
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("cannot start {}", plan.program.display()))?;
        Ok(Server { child, addresses, log })
    }

    /// Whether it says now that it is healthy.
    pub(crate) fn healthy(&self) -> bool {
        healthy(self.addresses.client)
    }

    /// Where clients connect.
    pub(crate) fn client(&self) -> SocketAddr {
        self.addresses.client
    }

    /// Where peers connect.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.addresses.peer
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs, and how it ended if not.
    pub(crate) fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// The last lines that it logged.
    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(2000)..]).into_owned()
    }

    /// Asks it to end.
    pub(crate) fn terminate(&mut self) {
        // A signal to a child that was not waited for cannot hit another process.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        }
    }

    fn stop(&mut self) {
        self.terminate();
        let end = Instant::now() + STOP_LIMIT;
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() > end {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// CPU time that a process has used, user and system, in microseconds.
pub(crate) fn cpu_us(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the server is gone")?;
    // The program's name, in parentheses, may hold spaces; fields 14 and 15 count from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    match (ticks(11), ticks(12)) {
        (Some(user), Some(system)) => Ok((user + system) * TICK_US),
        _ => bail!("cannot read /proc/{pid}/stat"),
    }
}

/// The most memory that a process has held since [`reset_peak`], in KiB.
pub(crate) fn peak_rss_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("");
    let number = line.split_whitespace().next().and_then(|number| number.parse().ok());
    number.with_context(|| format!("no VmHWM in /proc/{pid}/status"))
}

/// Forgets the peak of memory so far, where the kernel lets us.
pub(crate) fn reset_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// Asks `/health` once.
fn healthy(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("\"health\":\"true\""))
}
