//! Members that are processes, each behind two proxies: one that clients know, one that peers know.
//!
//! The proxies keep their addresses while members come, go and listen elsewhere, and they can be cut.

use crate::proxy::Proxy;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything may take that must happen, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);
const READY: &str = "ready to serve client requests";

/// A cluster. Its processes and data go with it.
pub(crate) struct Members {
    list: Vec<Member>,
    _dir: TempDir,
}

struct Member {
    name: String,
    dir: PathBuf,
    initial: String,
    front: Proxy,
    back: Proxy,
    child: Option<Child>,
    starts: usize,
}

impl Members {
    /// Starts so many, and waits until they serve. To be called on the test's own thread: members die with the thread that
    /// started them.
    pub(crate) async fn start(count: usize) -> Members {
        let dir = TempDir::with_prefix("client-").expect("a folder can be made");
        let mut list = Vec::new();
        for number in 0..count {
            let name = format!("m{number}");
            let (front, back) = (Proxy::start(None).await, Proxy::start(None).await);
            let dir = dir.path().join(&name);
            list.push(Member { name, dir, initial: String::new(), front, back, child: None, starts: 0 });
        }
        let initial: Vec<_> =
            list.iter().map(|m| format!("{}=http://{}", m.name, m.back.address())).collect();
        for member in &mut list {
            member.initial = initial.join(",");
            member.launch();
        }
        for member in &mut list {
            member.ready().await;
        }
        Members { list, _dir: dir }
    }

    /// Where clients find them.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.list.iter().map(|member| member.front.address()).collect()
    }

    /// What stands before a member's clients.
    pub(crate) fn front(&self, number: usize) -> &Proxy {
        &self.list[number].front
    }

    /// SIGKILL, and another start.
    pub(crate) async fn kill_and_restart(&mut self, number: usize) {
        let member = &mut self.list[number];
        member.kill();
        member.launch();
        member.ready().await;
    }
}

impl Member {
    fn log_file(&self) -> PathBuf {
        self.dir.join(format!("log-{}", self.starts))
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    fn launch(&mut self) {
        self.starts += 1;
        fs::create_dir_all(&self.dir).expect("a folder can be made");
        let log = File::create(self.log_file()).expect("a log can be written");
        let peer = format!("127.0.0.1:{}", oxetcd_testkit::free_port());
        self.back.point_at(&peer);
        let url = |proxy: &Proxy| format!("http://{}", proxy.address());
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program())
            .args(["--name", &self.name, "--data-dir"])
            .arg(self.dir.join("data"))
            .args(["--listen-client-urls", "http://127.0.0.1:0"])
            .args(["--advertise-client-urls", &url(&self.front)])
            .args(["--listen-peer-urls", &format!("http://{peer}")])
            .args(["--initial-advertise-peer-urls", &url(&self.back)])
            .args(["--initial-cluster", &self.initial])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("the server can be started by setpriv (package util-linux)"));
    }

    async fn ready(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            if let Some(address) = client_address(&log).filter(|_| log.contains(READY)) {
                return self.front.point_at(&address);
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                panic!("{} ended instead of serving ({status}):\n{log}", self.name);
            }
            assert!(Instant::now() < end, "{} does not come up; it said:\n{log}", self.name);
            tokio::time::sleep(POLL).await;
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

fn client_address(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("serving client traffic"))?;
    let rest = line.split_once("\"address\":\"")?.1;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The server's program: `OXETCD_SERVER_PROGRAM`, or the one beside this test.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let given = || std::env::var_os("OXETCD_SERVER_PROGRAM").map(PathBuf::from);
    PROGRAM.get_or_init(|| given().unwrap_or_else(|| oxetcd_testkit::beside("oxetcd-server", "etcd")))
}
