//! A member that is told to stop before it serves: it waits for others that do not come.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_member_that_still_waits_for_others_can_be_stopped() {
    for signal in ["-TERM", "-INT"] {
        let dir = tempfile::tempdir().expect("a directory");
        // A port that stays taken, where nobody answers.
        let absent = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let absent = absent.local_addr().expect("bound");
        let mut child = Command::new(env!("CARGO_BIN_EXE_etcd"))
            .args(["--name", "m1", "--data-dir"])
            .arg(dir.path())
            .args(["--listen-client-urls", "http://127.0.0.1:0"])
            .args(["--advertise-client-urls", "http://127.0.0.1:2379"])
            .args(["--listen-peer-urls", "http://127.0.0.1:0"])
            .args(["--initial-advertise-peer-urls", "http://127.0.0.1:2380"])
            .args(["--initial-cluster", &format!("m1=http://127.0.0.1:2380,m2=http://{absent}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let stderr = BufReader::new(child.stderr.take().expect("stderr was asked for"));
        let mut lines = stderr.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("serving peers")), "it comes so far");
        let log = std::thread::spawn(move || lines.collect::<Vec<_>>());
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill can be run").success());
        let end = Instant::now() + LIMIT;
        let status = loop {
            match child.try_wait().expect("a child can be asked") {
                Some(status) => break Some(status),
                None if Instant::now() > end => break None,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        if status.is_none() {
            child.kill().expect("a child can be killed");
        }
        let log = log.join().expect("the log is read");
        assert!(status.is_some_and(|status| status.success()), "{signal}: {status:?}: {log:#?}");
    }
}
