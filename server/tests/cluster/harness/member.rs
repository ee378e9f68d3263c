//! One member: a process, its data, its addresses, and what it logged.
//!
//! The process dies with the thread that started it, which is the test's: `setpriv` asks the kernel for that, and
//! then becomes the server. So even a test that is killed leaves nothing behind.

use super::{
    network::{Index, Network},
    proxy::Proxy,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Longest time that a start or a stop may take on a busy machine before the test gives up.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// Metric that counts the snapshots that a member got from others.
pub(crate) const SNAPSHOTS_RECEIVED: &str = "etcd_network_snapshot_receive_success";
const POLL: Duration = Duration::from_millis(20);
const SHOWN_LOG_LINES: usize = 60;
const READY: &str = "ready to serve client requests";

/// A member, running or not.
pub(crate) struct Member {
    pub(crate) index: Index,
    pub(crate) name: String,
    /// The program that is started next.
    pub(crate) program: PathBuf,
    /// `--initial-cluster` and `--initial-cluster-state`.
    pub(crate) initial: (String, &'static str),
    pub(crate) flags: Vec<String>,
    dir: PathBuf,
    proxy: Proxy,
    network: Network,
    client: SocketAddr,
    peer: SocketAddr,
    child: Option<Child>,
    paused: bool,
    /// Each start has a log of its own.
    starts: usize,
}

impl Member {
    /// A member that has never run, with a folder of its own below `dir`.
    pub(crate) async fn new(index: Index, dir: &Path, program: &Path, network: &Network) -> Member {
        let name = format!("m{index}");
        let [client, peer] = free_ports();
        Member {
            index,
            dir: dir.join(&name),
            name,
            program: program.to_owned(),
            initial: (String::new(), "new"),
            flags: Vec::new(),
            proxy: Proxy::start(index, network.clone()).await,
            network: network.clone(),
            client,
            peer,
            child: None,
            paused: false,
            starts: 0,
        }
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.client)
    }

    /// Where other members find it.
    pub(crate) fn peer_url(&self) -> String {
        format!("{}://{}", self.peer_scheme(), self.proxy.address())
    }

    /// Members that were given certificates for each other use them.
    fn peer_scheme(&self) -> &'static str {
        if self.flags.iter().any(|flag| flag == "--peer-cert-file") { "https" } else { "http" }
    }

    /// Its data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Whether its process runs, or is paused.
    pub(crate) fn is_running(&mut self) -> bool {
        self.ended().is_none() && self.child.is_some()
    }

    /// Whether asking it something makes sense.
    pub(crate) fn can_answer(&mut self) -> bool {
        self.is_running() && !self.paused
    }

    /// Starts the process and does not wait.
    pub(crate) fn launch(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        self.starts += 1;
        fs::create_dir_all(&self.dir).expect("a folder can be made");
        let log = File::create(self.log_file()).expect("a log can be written");
        let peer = format!("{}://{}", self.peer_scheme(), self.peer);
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&self.program)
            .args(["--name", &self.name, "--data-dir"])
            .arg(self.data_dir())
            .args(["--listen-client-urls", &self.url(), "--advertise-client-urls", &self.url()])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &self.peer_url()])
            .args(["--initial-cluster", &self.initial.0, "--initial-cluster-state", self.initial.1])
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log);
        let child = command.spawn().expect("the server can be started by setpriv (package util-linux)");
        self.network.introduce(child.id(), self.index);
        self.proxy.set_target(self.peer);
        self.child = Some(child);
    }

    /// Waits until it serves clients and is healthy.
    pub(crate) async fn ready(&mut self) {
        let end = Instant::now() + LIMIT;
        while !(self.log().contains(READY) && healthy(self.client)) {
            if let Some(status) = self.ended() {
                panic!("{} ended instead of serving ({status})", self.name);
            }
            assert!(Instant::now() < end, "{} is not ready after {LIMIT:?}", self.name);
            sleep(POLL).await;
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("a member that runs");
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be waited for");
    }

    /// SIGTERM; waits for the end, which must be a clean one.
    pub(crate) async fn terminate(&mut self) {
        self.signal(Signal::TERM);
        let status = self.end().await;
        let by_signal = std::os::unix::process::ExitStatusExt::signal(&status);
        // The official server ends itself by the signal that it got, once it has cleaned up.
        let clean = status.success() || by_signal == Some(Signal::TERM.as_raw());
        assert!(clean, "{} ended with {status}", self.name);
    }

    /// Waits until the process ends by itself.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.ended() {
                self.child = None;
                return status;
            }
            assert!(Instant::now() < end, "{} has not ended after {LIMIT:?}", self.name);
            sleep(POLL).await;
        }
    }

    /// SIGSTOP: it keeps its connections and does nothing.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn resume(&mut self) {
        self.paused = false;
        self.signal(Signal::CONT);
    }

    /// The sum of this metric's samples whose labels contain `labels`; zero when there are none.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = http_get(self.client, "/metrics").unwrap_or_default();
        let samples = text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
        let samples = samples.filter(|(found, _)| found.is_empty() || found.starts_with('{'));
        samples
            .filter(|(found, _)| found.contains(labels))
            .filter_map(|(_, value)| value.parse::<f64>().ok())
            .sum()
    }

    /// The whole answer to a GET.
    pub(crate) fn get(&self, path: &str) -> String {
        http_get(self.client, path).expect("a member that serves")
    }

    /// What it says the cluster's version is.
    pub(crate) fn cluster_version(&self) -> String {
        let answer = http_get(self.client, "/version").expect("a member that serves");
        let version = answer.split_once("\"etcdcluster\":\"").and_then(|(_, rest)| rest.split_once('"'));
        version.map(|(version, _)| version.to_owned()).unwrap_or_else(|| panic!("no version in {answer}"))
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("a member that runs");
        // It was not waited for, so the number is still its own.
        kill_process(Pid::from_child(child), signal).expect("a child can be signalled");
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().expect("a child can be asked")
    }

    fn log_file(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.starts))
    }

    /// What it logged since its last start.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() && self.starts > 0 {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(SHOWN_LOG_LINES)..];
            eprintln!(
                "---- {}, start {}, last lines of its log:\n{}",
                self.name,
                self.starts,
                shown.join("\n")
            );
        }
    }
}

/// A port for clients and one for peers.
fn free_ports() -> [SocketAddr; 2] {
    [(); 2].map(|()| (Ipv4Addr::LOCALHOST, oxetcd_testkit::free_port()).into())
}

/// Whether it serves. One whose data turn out to differ right after its start serves all the same.
fn healthy(client: SocketAddr) -> bool {
    http_get(client, "/health?exclude=CORRUPT").is_ok_and(|answer| answer.contains("\"health\":\"true\""))
}

fn http_get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
