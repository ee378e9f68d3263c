//! A server for the time of a test.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything may take that must happen, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The program under test.
pub(crate) const ETCDCTL: &str = env!("CARGO_BIN_EXE_etcdctl");

/// One member with an empty store, on a port that the system picked. Ends with the test.
pub(crate) struct Server {
    child: Child,
    endpoint: String,
    pub(crate) dir: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        Server::start_with("http", &[])
    }

    /// One that encrypts, with a certificate that it makes for itself.
    pub(crate) fn start_encrypted() -> Self {
        Server::start_with("https", &["--auto-tls"])
    }

    /// Where that certificate is.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.path().join("data/fixtures/client/cert.pem")
    }

    fn start_with(scheme: &str, flags: &[&str]) -> Self {
        let dir = TempDir::with_prefix("pty-").expect("a folder can be made");
        let mut child = Command::new(program())
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .arg(format!("--listen-client-urls={scheme}://127.0.0.1:0"))
            .arg(format!("--advertise-client-urls={scheme}://127.0.0.1:2379"))
            .args(["--listen-peer-urls", "http://127.0.0.1:0"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let stderr = child.stderr.take().expect("stderr was asked for");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Read on when the test has heard enough: the server must not block.
                let _ = sender.send(line);
            }
        });
        let mut log = String::new();
        let (mut endpoint, mut ready) = (None, false);
        while endpoint.is_none() || !ready {
            let line = lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("the server does not come up; it said:\n{log}"));
            ready |= line.contains("ready to serve client requests");
            endpoint = endpoint.or_else(|| client_address(&line));
            log.push_str(&line);
            log.push('\n');
        }
        let endpoint = endpoint.expect("the loop ends with one");
        Server { child, endpoint, dir }
    }

    /// Where clients connect.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Tells the member to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        let pid = i32::try_from(self.child.id()).expect("a process id fits");
        let signal = nix::sys::signal::Signal::SIGTERM;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("it runs");
        self.child.wait().expect("it can be waited for");
    }

    /// Runs etcdctl to its end; exit code, stdout, stderr.
    pub(crate) fn ctl(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(ETCDCTL)
            .args(["--command-timeout=100s", "--endpoints", &self.endpoint])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("etcdctl can be started");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Waits until this many keys have this prefix, and returns them.
    pub(crate) fn wait_for_keys(&self, prefix: &str, count: usize) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let (code, keys, problem) = self.ctl(&["get", "--prefix", "--keys-only", prefix]);
            assert_eq!(code, Some(0), "{problem}");
            let keys: Vec<_> = keys.lines().filter(|key| !key.is_empty()).map(str::to_owned).collect();
            if keys.len() == count {
                return keys;
            }
            assert!(Instant::now() < end, "{count} keys were to come, these are there: {keys:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client_address(line: &str) -> Option<String> {
    let rest = line.contains("serving client traffic").then_some(line)?;
    let rest = rest.split_once("\"address\":\"")?.1;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The server's program: `OXETCD_SERVER_PROGRAM`, or the one beside this test.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let given = || std::env::var_os("OXETCD_SERVER_PROGRAM").map(PathBuf::from);
    PROGRAM.get_or_init(|| given().unwrap_or_else(|| oxetcd_testkit::beside("oxetcd-server", "etcd")))
}
