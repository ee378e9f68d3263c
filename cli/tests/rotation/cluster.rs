//! Three members as processes, each with files of its own, TLS everywhere.

use crate::{
    server::{PATIENCE, program},
    wire::Wire,
};
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

pub(crate) const MEMBERS: usize = 3;
/// Long: members that wait for a core must not look like members that are gone.
const ELECTION_MS: &str = "5000";

/// Ends with the test.
pub(crate) struct Cluster {
    children: Vec<Child>,
    wires: Vec<Wire>,
    pub(crate) endpoints: Vec<String>,
}

/// What a member says that others wait for.
enum News {
    ServesClients(usize, String),
    Ready,
}

pub(crate) fn name(index: usize) -> String {
    format!("m{index}")
}

/// Repeats a question until the answer is yes.
pub(crate) async fn until<A: Future<Output = bool>>(question: impl Fn() -> A) {
    let end = Instant::now() + PATIENCE;
    while !question().await {
        assert!(Instant::now() < end, "it is not so after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Cluster {
    /// Members with the files in `dir/NAME`.
    pub(crate) fn start(dir: &Path) -> Cluster {
        let wires: Vec<Wire> = (0..MEMBERS).map(|_| Wire::new()).collect();
        let urls: Vec<String> = wires.iter().map(|wire| format!("https://{}", wire.address)).collect();
        let initial: Vec<String> =
            urls.iter().enumerate().map(|(index, url)| format!("{}={url}", name(index))).collect();
        let mut cluster = Cluster { children: Vec::new(), wires, endpoints: vec![String::new(); MEMBERS] };
        let (sender, news) = mpsc::channel();
        for (index, url) in urls.iter().enumerate() {
            let mut command = command(&dir.join(name(index)), index, url, &initial.join(","));
            let mut child = command.spawn().expect("the server can be started");
            let stderr = child.stderr.take().expect("stderr was asked for");
            cluster.children.push(child);
            let (wire, sender) = (cluster.wires[index].clone(), sender.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    follow(index, &line, &wire, &sender);
                }
            });
        }
        let mut ready = 0;
        while ready < MEMBERS {
            match news.recv_timeout(PATIENCE).expect("the members come up") {
                News::ServesClients(index, address) => {
                    cluster.endpoints[index] = format!("https://{address}");
                }
                News::Ready => ready += 1,
            }
        }
        cluster
    }

    /// Breaks all connections between members.
    pub(crate) fn cut_peers(&self) {
        self.wires.iter().for_each(Wire::cut);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn command(dir: &Path, index: usize, url: &str, initial: &str) -> Command {
    let any = "https://127.0.0.1:0";
    let mut command = Command::new(program());
    command.args(["--name", &name(index), "--data-dir"]).arg(dir.join("data"));
    command.args(["--listen-client-urls", any, "--advertise-client-urls", any]);
    command.args(["--listen-peer-urls", any, "--initial-advertise-peer-urls", url]);
    command.args(["--initial-cluster", initial, "--election-timeout", ELECTION_MS]);
    for prefix in ["--", "--peer-"] {
        for (flag, file) in [("cert-file", "own.crt"), ("key-file", "own.key"), ("trusted-ca-file", "ca.crt")]
        {
            command.arg(format!("{prefix}{flag}")).arg(dir.join(file));
        }
        command.arg(format!("{prefix}client-cert-auth"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Takes from a line of the log what others wait for.
fn follow(index: usize, line: &str, wire: &Wire, sender: &mpsc::Sender<News>) {
    let address = || {
        let rest = line.split_once("\"address\":\"")?.1;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let news = match address() {
        Some(address) if line.contains("serving peers") => {
            wire.lead_to(address);
            return;
        }
        Some(address) if line.contains("serving client traffic") => News::ServesClients(index, address),
        _ if line.contains("ready to serve client requests") => News::Ready,
        _ => return,
    };
    // The test may have lost interest.
    let _ = sender.send(news);
}
