//! Runs the server as a real process on loopback, with ports that the system picks.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod raw;

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

/// Longest time that a start may take on a busy machine before the test gives up.
const START_TIMEOUT: Duration = Duration::from_secs(60);

pub struct Server {
    child: Child,
    endpoint: String,
    peer: String,
    metrics: Option<String>,
    log: mpsc::Receiver<String>,
}

/// A start that failed: how it ended, and what it said.
#[derive(Debug)]
pub struct Refusal {
    pub status: ExitStatus,
    pub output: String,
}

fn command(data_dir: &Path, extra: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_etcd"));
    command
        .arg("--data-dir")
        .arg(data_dir)
        .args(["--listen-client-urls", "http://127.0.0.1:0"])
        .args(["--advertise-client-urls", "http://127.0.0.1:2379"])
        .args(["--listen-peer-urls", "http://127.0.0.1:0"])
        .args(extra)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts a server and waits until it serves.
    pub fn try_start(data_dir: &Path, extra: &[&str]) -> Result<Server, Refusal> {
        Self::launch(command(data_dir, extra))
    }

    /// Starts a server that cannot write files beyond `limit_bytes`.
    pub fn start_limited(data_dir: &Path, limit_bytes: u64, extra: &[&str]) -> Server {
        let inner = command(data_dir, extra);
        let mut shell = Command::new("sh");
        // Ignored, the signal becomes an error of the write, which is what a full disk gives.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", limit_bytes / 512);
        shell.args(["-c", &script]).arg(inner.get_program()).args(inner.get_args());
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self::launch(shell).unwrap_or_else(|refusal| panic!("not started: {refusal:?}"))
    }

    /// Starts what `command` names, this server or the official one, and waits until it serves.
    pub fn launch(mut command: Command) -> Result<Server, Refusal> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server program can be started");
        let stderr = child.stderr.take().expect("stderr was asked for");
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // The test may have lost interest.
                let _ = sender.send(line);
            }
        });
        let mut output = String::new();
        let (mut address, mut peer, mut metrics, mut ready) = (None, None, None, false);
        loop {
            match log.recv_timeout(START_TIMEOUT) {
                Ok(line) => {
                    output.push_str(&line);
                    output.push('\n');
                    address = address.or_else(|| address_after("serving client traffic", &line));
                    peer = peer.or_else(|| address_after("\"traffic\":\"peer\"", &line));
                    peer = peer.or_else(|| address_after("serving peer traffic", &line));
                    metrics = metrics.or_else(|| address_after("\"traffic\":\"metrics\"", &line));
                    // The official server says so before it says where.
                    ready |= line.contains("ready to serve client requests");
                    if ready && address.is_some() {
                        break;
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status = child.wait().expect("the server can be waited for");
                    return Err(Refusal { status, output });
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let _ = child.kill();
                    panic!("the server did not start in time; it said:\n{output}");
                }
            }
        }
        let endpoint = address.expect("the log says where clients are served");
        let peer = peer.expect("the log says where peers are served");
        Ok(Server { child, endpoint, peer, metrics, log })
    }

    pub fn start(data_dir: &Path, extra: &[&str]) -> Server {
        Server::try_start(data_dir, extra).unwrap_or_else(|refusal| panic!("not started: {refusal:?}"))
    }

    /// Where it serves clients: `127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where it serves peers: `127.0.0.1:port`.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Where it serves metrics alone, if anywhere: `127.0.0.1:port`.
    pub fn metrics(&self) -> Option<&str> {
        self.metrics.as_deref()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.endpoint)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and wait for the end.
    pub fn kill(mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server can be waited for");
    }

    /// SIGTERM, and wait for the end.
    pub fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill can be run");
        assert!(sent.success());
        self.child.wait().expect("the server can be waited for")
    }

    /// SIGTERM. Answers with what it logged since it served.
    pub fn terminate_and_read(self) -> String {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill can be run");
        assert!(sent.success());
        self.wait().1
    }

    /// Waits until it ends by itself. Answers with the rest of its log.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("the server can be waited for");
        (status, self.log.iter().collect::<Vec<_>>().join("\n"))
    }

    /// Waits for a line of the log, from what was not read yet, that contains `needle`.
    pub fn wait_for_log(&self, needle: &str) -> String {
        let end = std::time::Instant::now() + START_TIMEOUT;
        loop {
            let left = end.saturating_duration_since(std::time::Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(needle) => return line,
                Ok(_) => {}
                Err(error) => panic!("the log has no {needle:?}: {error}"),
            }
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the server can be asked").is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line of the log that contains `what`.
fn address_after(what: &str, line: &str) -> Option<String> {
    let rest = line.contains(what).then_some(line)?;
    let rest = rest.split_once("\"address\":\"")?.1;
    Some(rest.split_once('"')?.0.to_owned())
}

/// Runs the program with arguments that make it end by itself.
pub fn run(args: &[&str]) -> Refusal {
    let output = Command::new(env!("CARGO_BIN_EXE_etcd"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the server program can be started");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Refusal { status: output.status, output: text.into_owned() }
}

/// The files of a directory with an extension, in order.
pub fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the directory can be read");
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| path.extension().is_some_and(|found| found == extension));
    found.sort();
    found
}

/// An answer over plain HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// Reads a whole answer. Status 0 stands for something else than HTTP.
    pub fn parse(answer: &str) -> Answer {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Answer { status, headers, body: body.to_owned() }
    }

    /// The value of a header, by its exact name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// One plain HTTP request.
pub fn http(endpoint: &str, method: &str, path: &str, body: &str) -> Answer {
    use std::io::Write;
    let mut socket = std::net::TcpStream::connect(endpoint).expect("the server listens");
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n");
    write!(socket, "{head}Content-Length: {length}\r\n\r\n{body}").expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer of text");
    Answer::parse(&answer)
}

/// A plain HTTP GET: status and body.
pub fn http_get(endpoint: &str, path: &str) -> (u16, String) {
    let answer = http(endpoint, "GET", path, "");
    (answer.status, answer.body)
}
